"""The check says beforehand what a run would refuse, or quietly leave out of your own definitions."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.study import Study, check_study

OWN = """
[measures.n_orders]
from = "events"
sql = "count(*)"
where = "event = 'purchase'"
no_rows = 0

[labels.regular]
facet = "consumption"
phrase = "comes regularly"
claims = [{flag = {is = "n_orders >= 3"}}]
"""


@pytest.fixture
def check(tmp_path):
    events = [(f"u{n % 20}", "2026-06-01", ["view", "purchase"][n % 2], "tea") for n in range(200)]
    pd.DataFrame(events, columns=["user_id", "event_time", "event", "topic"]).to_csv(
        tmp_path / "events.csv", index=False
    )
    said = '[study]\nname = "x"\nas_of = "2026-07-01"\n[sources.events]\npath = "events.csv"\nkeep_duplicates = true\n'

    def run(more="", own=OWN):
        (tmp_path / "labels.toml").write_text(own)
        catalogs = "" if "catalogs" in more else '[labels]\ncatalogs = ["builtin", "labels.toml"]\n'
        (tmp_path / "study.toml").write_text(said + catalogs + more)
        findings = check_study(Study.read(tmp_path)).to_pandas()
        return findings[findings["verdict"] == "problem"].set_index("place")["what"].to_dict()

    return run


def test_a_study_that_can_run_has_no_problem(check):
    assert check() == {}


@pytest.mark.parametrize(
    ("more", "place", "says"),
    [
        ('[personas]\nbasis = ["intrest"]', "personas.basis", "did you mean 'interest'"),
        ('[personas]\ndescriptors = ["nothing_like_it"]', "personas.descriptors", "nothing_like_it"),
        ('[personas]\nbasis = ["group_role"]', "personas.basis", "cannot be made"),
        ("[personas]\nweights = {tast = 2}", "personas.weights", "did you mean 'taste'"),
        ('[personas]\nsample_weight = "survey.weight"', "personas.sample_weight", "no column of a table"),
        ('[personas]\nsample_weight = "events.wait"', "personas.sample_weight", "has no column 'wait'"),
        ('[personas]\nfollow = "last/model.json"', "personas.follow", "no such file"),
        ('[personas]\nfollow = "labels.toml"', "personas.follow", "cannot be followed"),
        ('[personas]\nsample_weight = "events.topic"', "personas.sample_weight", "no numbers"),
        ('[personas]\nbasis = ["interest"]\ndescriptors = ["interest"]', "personas", "in basis and in"),
        ('[personas]\nn_personas = 3\nnames = {4 = "owls"}', "personas.names", "no persona 4"),
        ('[export]\nsensitive = ["gendr"]', "export.sensitive", "did you mean 'gender'"),
        ('[labels]\ncatalogs = ["builtin"]\nleave_out = ["intrest"]', "labels", "did you mean 'interest'"),
        (
            '[labels]\ncatalogs = ["builtin"]\nleave_out = ["interest"]\n[personas]\nbasis = ["interest"]',
            "personas.basis",
            "leave_out names it",
        ),
    ],
)
def test_a_name_that_is_no_label_is_a_problem(check, more, place, says):
    problems = check(more)
    assert list(problems) == [place] and says in problems[place]


@pytest.mark.parametrize(
    ("wrong", "place", "says"),
    [
        (('from = "events"', 'from = "survey"'), "labels.regular", "no table 'survey'"),
        (("count(*)", "sum(amuont)"), "labels.regular", "amuont"),
        (("count(*)", "sum(topic)"), "labels", "holds text"),
        (("count(*)", "sum(date_diff('day', topic, 1))"), "labels", "n_orders"),
    ],
    ids=["table", "column", "kind", "engine"],
)
def test_an_own_definition_that_cannot_be_computed_is_a_problem(check, wrong, place, says):
    problems = check(own=OWN.replace(*wrong))
    assert list(problems) == [place] and says in problems[place]


BIG = """
[labels.big]
facet = "consumption"
values = ["low", "high"]
claims = [{bands = {of = "%s", edges = [3], needs = "purchases_180d >= 2"}}]
"""


def test_an_own_label_may_use_measures_of_the_catalogues_before_it(check):
    assert check(own=BIG % "events_90d") == {}
    lost = check(own=BIG % "spend_180d")  # there is no amount in these events
    assert list(lost) == ["labels.big"]
    assert "amount" in lost["labels.big"]
    unknown = check(own=BIG % "spend_18d")
    assert "labels.toml: labels.big.claims[1].bands names the measure 'spend_18d'" in unknown["labels"]
    assert "did you mean 'spend_180d'" in unknown["labels"]


def test_a_catalogue_named_later_lends_nothing(check):
    later = check('[labels]\ncatalogs = ["labels.toml", "builtin"]', own=BIG % "events_90d")
    assert "need it before this one" in later["labels"]


def test_a_word_that_does_not_occur_is_no_problem(check):
    """Nobody complained this month; next month somebody may."""
    assert check(own=OWN.replace("'purchase'", "'complain'")) == {}


def test_an_own_measure_that_no_label_uses_is_looked_at_too(check):
    alone = OWN + '\n[measures.lost]\nfrom = "notes"\nsql = "count(*)"\n'
    assert list(check(own=alone)) == ["measures.lost"]


@pytest.fixture
def found(tmp_path):
    """Return all findings of a shop of a month: place, verdict, what."""
    events = [
        (f"u{n % 20}", f"2026-06-{1 + n % 30:02d}", ["view", "purchase"][n % 2], ["tea", "milk"][n // 2 % 2])
        for n in range(600)
    ]
    pd.DataFrame(events, columns=["user_id", "event_time", "event", "topic"]).to_csv(
        tmp_path / "events.csv", index=False
    )

    def run(own=OWN, corrections="", more=""):
        said = '[study]\nname = "x"\nas_of = "2026-07-01"\n[sources.events]\npath = "events.csv"\nkeep_duplicates = true\n'
        if corrections:
            (tmp_path / "corrections.csv").write_text("user_id,label,value\n" + corrections)
            said += '[sources.corrections]\npath = "corrections.csv"\n'
        (tmp_path / "labels.toml").write_text(own)
        said += '[labels]\ncatalogs = ["builtin", "labels.toml"]\n' + more
        (tmp_path / "study.toml").write_text(said)
        return check_study(Study.read(tmp_path)).to_pandas()

    return run


def test_corrections_that_cannot_hold_are_a_problem(found):
    own = OWN + (
        '[labels.drink]\nfacet = "taste"\nmany = true\n'
        'claims = [{preference = {from = "events", by = "topic", min = 1, at_least = 0}}]\n'
    )
    rows = "u1,drink,teaa\nu2,drink,teaa\nu3,drinks,tea\nu99,drink,tea\nu4,regular,yes\nu5,Drink,TEA\nu6,regular,ja\n"
    table = found(own, rows)
    said = table[table["place"] == "sources.corrections"].query("verdict == 'problem'")["what"].tolist()
    assert len(said) == 1 and said[0].startswith("5 rows do not hold: ")
    for why in (
        "drink: no such value; did you mean 'tea'? (2)",
        "no such label; did you mean 'drink'? (1)",
        "no such user (1)",
        "regular: no such value (1)",
    ):
        assert why in said[0]
    assert "u99" not in said[0]
    hushed = found(own, rows, '[export]\nsensitive = ["drink"]\n').query("place == 'sources.corrections'")
    assert "'tea'" not in hushed["what"].str.cat()


def test_corrections_that_hold_are_none(found):
    table = found(corrections="u4,regular,yes\nu5,regular,not yes\n")
    assert table.query("verdict == 'problem'").empty


def test_an_own_label_lost_to_a_misspelt_word_comes_first_with_the_nearest_word(found):
    notes = found(OWN.replace("'purchase'", "'purchas'")).query("place.str.startswith('labels')")
    own = notes.query("place == 'labels.regular'")
    assert len(own) == 1 and "did you mean 'purchase'?" in own["what"].iloc[0]
    rest = notes[notes["what"].str.contains("built-in")]
    assert own.index[0] < rest.index[0] and "regular" not in rest["what"].iloc[0]
    assert rest["what"].iloc[0].endswith(" more")


def test_an_own_measure_lost_to_a_misspelt_word_is_named(found):
    alone = OWN + '\n[measures.lost]\nfrom = "events"\nsql = "count(*)"\nwhere = "event = \'veiw\'"\n'
    said = found(alone).query("place == 'measures.lost'")
    assert said["verdict"].tolist() == ["note"] and "did you mean 'view'?" in said["what"].iloc[0]


def test_a_log_shorter_than_the_windows_is_said(found):
    said = found().query("place == 'labels' and verdict == 'note'")["what"].str.cat()
    assert (
        "events cover 30 days (2026-06-01 to 2026-06-30): windows longer than that look at 30 days alone"
        in said
    )
    assert "buyer" in said


def test_what_is_missing_is_said_in_english(found):
    what = found()["what"].str.cat(sep="\n")
    assert "lost without it: the last word of people" in what and ": no the" not in what
    assert "1 labels" not in what


def test_messages_alone_are_no_problem_though_no_label_comes_of_them(tmp_path):
    said = [("g", f"u{i % 3}", f"2026-05-01 10:{i:02d}", f"hello {i}") for i in range(9)]
    pd.DataFrame(said, columns=["group_id", "user_id", "sent_at", "text"]).to_csv(
        tmp_path / "chat.csv", index=False
    )
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "x"\nas_of = "2026-07-01"\n[sources.messages]\npath = "chat.csv"\n'
    )
    checked = check_study(Study.read(tmp_path))
    assert not checked.problems
    assert "segtool community" in checked.to_pandas().query("place == 'community'")["what"].iloc[0]
