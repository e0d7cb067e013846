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


def test_a_word_that_does_not_occur_is_no_problem(check):
    """Nobody complained this month; next month somebody may."""
    assert check(own=OWN.replace("'purchase'", "'complain'")) == {}


def test_an_own_measure_that_no_label_uses_is_looked_at_too(check):
    alone = OWN + '\n[measures.lost]\nfrom = "notes"\nsql = "count(*)"\n'
    assert list(check(own=alone)) == ["measures.lost"]
