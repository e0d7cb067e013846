import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import InputError, ParameterError
from segtool.labels import Catalog, Flag, Inferred, Label, Labels, Measure, Note, label_users
from segtool.labels.change import compare_labels, label_costs
from segtool.sources import Sources

LEVELS = ["low", "average", "high"]


def labels(values, prefix="u", as_of=None, **columns):
    frame = pd.DataFrame({"level": pd.Categorical(values, LEVELS, ordered=True), **columns})
    frame.index = [f"{prefix}{number}" for number in range(len(frame))]
    return Labels.from_frame(frame, as_of=as_of)


def moves(change, label="level"):
    table = (
        change.moves[change.moves["label"] == label]
        .astype({"before": "str", "after": "str"})
        .fillna({"before": "", "after": ""})
    )
    return {(row.before, row.after, row.move): row.n_users for row in table.itertuples()}


def test_moves_have_names():
    change = compare_labels(
        labels(["low", "low", "high", "average", None, "high", None]),
        labels(["high", "low", "average", "average", "low", None, None]),
    )
    assert moves(change) == {
        ("low", "high", "promoted"): 1, ("low", "low", "held"): 1, ("high", "average", "demoted"): 1,
        ("average", "average", "held"): 1, ("", "low", "became known"): 1,
        ("high", "", "no longer known"): 1, ("", "", "still unknown"): 1,
    }  # fmt: skip


def test_who_was_not_there_did_not_move():
    change = compare_labels(labels(["low", "high"]), labels(["low", "high", "high"]))
    assert moves(change)[("", "high", "came")] == 1
    change = compare_labels(labels(["low", "high", "high"]), labels(["low", "high"]))
    assert moves(change)[("high", "", "left")] == 1


VALUES = st.lists(st.sampled_from([*LEVELS, None]), min_size=1, max_size=20)


@given(VALUES, VALUES)
@settings(max_examples=15, deadline=None)
def test_every_user_moves_once(before, after):
    change = compare_labels(labels(before), labels(after))
    n_users = max(len(before), len(after))
    assert change.moves["n_users"].sum() == n_users
    assert len(change.user_moves("level")) == n_users


def test_values_of_a_many_valued_label_come_and_go():
    before = labels(["low"] * 2, **{"likes: tea": [True, True], "likes: art": [None, True]})
    after = labels(["low"] * 2, **{"likes: tea": [True, None], "likes: art": [True, True]})
    assert moves(compare_labels(before, after), "likes") == {
        ("tea", "tea", "held"): 1, ("tea", "", "no longer said"): 1, ("", "art", "now said"): 1,
        ("art", "art", "held"): 1,
    }  # fmt: skip


def drift(before, after):
    return compare_labels(labels(before), labels(after)).drift.set_index("label").loc["level"]


def test_drift_is_told_from_chance_and_from_few_users():
    assert drift(["low", "high"] * 50, ["low", "high"] * 50)["verdict"] == "steady"
    moved = drift(["low", "high"] * 50, ["low", "high", "high", "high", "high"] * 20)
    assert (moved["verdict"], moved["cause"]) == ("moved a lot", "users changed")
    assert (moved["largest"], moved["low"] < moved["difference"] < moved["high"]) == ("high", True)
    assert drift(["low"] * 5, ["high"] * 5)["verdict"] == "too few to say"
    assert drift([None], [None])["drift"] == 0


def test_newcomers_are_not_taken_for_a_change_of_people():
    before = ["low", "high"] * 50
    assert drift(before, before + ["high"] * 150)["cause"] == "other users are known"


def test_the_older_labels_stand_first():
    early, late = labels(["low"], as_of="2026-01-01"), labels(["low"], as_of="2026-02-01")
    assert "from 2026-01-01 to 2026-02-01" in compare_labels(early, late).headline()
    with pytest.raises(ParameterError, match="older labels first"):
        compare_labels(late, early)


def test_an_unknown_label_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="level"):
        compare_labels(labels(["low"]), labels(["low"])).user_moves("levle")


@pytest.fixture(scope="module")
def two_dates():
    days = pd.date_range("2026-05-01", periods=50, freq="D")
    events = pd.DataFrame(
        [{"user_id": f"u{user:02}", "event_time": day, "event": "view"}
         for user in range(40) for day in days[: 10 + user]]
    )  # fmt: skip
    notes = pd.DataFrame({
        "user_id": [f"u{user:02}" for user in range(35)], "label": "busy",
        "value": ["no"] * 30 + ["yes"] * 5, "author": "ann", "noted_at": "2026-06-10",
    })  # fmt: skip
    n = Measure("n", "events", "count(*)", no_rows=0)
    catalog = Catalog([n], [Label("busy", "activity", [Flag("n >= 20"), Note()], values=["no", "yes"])])
    tables = {"events": events, "notes": notes}
    found = [label_users(Sources.read(tables, as_of=day), catalog) for day in ("2026-06-01", "2026-06-25")]
    return compare_labels(*found)


def test_older_labels_are_judged_by_what_people_said_since(two_dates):
    row = two_dates.came_true.iloc[0]
    assert (row["label"], row["n"], row["n_agree"]) == ("busy", 35, 15)
    assert row["low"] < row["share_agree"] < row["high"] and row["verdict"] == "surer than right"


def test_other_sources_are_told_from_other_people(two_dates):
    row = two_dates.drift.iloc[0]
    assert (row["verdict"], row["cause"]) == ("moved a lot", "other sources speak")
    assert two_dates.sources.set_index("source")["n_after"].to_dict() == {"behaviour": 5, "person": 35}


def test_another_definition_explains_the_drift(two_dates):
    before, measures = two_dates.before, two_dates.before.catalog.measures
    looser = Catalog(measures, [Label("busy", "activity", [Flag("n >= 40")], values=["no", "yes"])])
    after = label_users(
        Sources.read({"events": before.sources.to_pandas("events")}, as_of="2026-06-25"), looser
    )
    change = compare_labels(before, after)
    assert change.drift["cause"].tolist() == ["the definition changed"]
    assert change.definitions["part"].tolist() == ["claim 1 flag", "claim 2 note"]


def test_costs_cover_every_label_and_the_whole(two_dates):
    table = label_costs(two_dates.after.sources, two_dates.after.catalog)
    assert table["label"].tolist() == ["busy", "all together"]
    assert table["share"].iloc[0] == pytest.approx(1) and (table["seconds"] > 0).all()
    assert table["n_values"].tolist() == [40, 40] and table["n_scans"].tolist() == [1, 1]


def test_a_label_that_a_model_carries_has_no_cost_of_its_own(two_dates):
    after = two_dates.after
    guessed = Label("guess", "x", [Note("busy"), Inferred(teachers="notes")], values=["no", "yes"])
    table = label_costs(after.sources, after.catalog + Catalog([], [guessed])).set_index("label")
    assert pd.isna(table.loc["guess", "seconds"]) and table.loc["busy", "seconds"] > 0
