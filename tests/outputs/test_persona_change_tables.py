"""What became of personas leaves without counts of few people."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.outputs import list_persona_changes, list_persona_moves, say_persona_changes
from segtool.personas.follow.overlap import Comparison


def make_change(counts, events, n_before=None):
    """Return a change of which only the counts matter; events are (event, older, newer) from 1."""
    counts = np.array(counts)
    n_before = n_before or counts.sum(axis=1).tolist()
    found = Comparison(counts, np.zeros(counts.shape), np.ones(len(counts)), np.full(counts.shape[1], np.nan))
    rows = []
    for event, old, new in events:
        placed, after = old and counts[old - 1].sum(), new and counts[:, new - 1].sum()
        rows.append(
            {
                "event": event, "before_id": old, "after_id": new, "n_before": old and n_before[old - 1],
                "share_before": 0.1, "n_placed": placed, "share_placed": 0.1, "n_after": after, "share_after": 0.1,
                "overlap": found.overlap[old - 1, new - 1] if old and new else np.nan,
                "profile_distance": 0.1, "what": "said",
            }
        )  # fmt: skip
    whole = ["before_id", "after_id", "n_before", "n_placed", "n_after"]
    table = pd.DataFrame(rows).astype(dict.fromkeys(whole, "Int64"))
    return SimpleNamespace(personas=table, alignment=SimpleNamespace(comparison=found))


def test_a_small_size_does_not_follow_from_the_total():
    events = [("same", 1, 1), ("same", 2, 2), ("gone", 3, None)]
    change = make_change([[147, 0], [0, 131], [3, 0]], events, n_before=[140, 120, 40])
    table = list_persona_changes(change, min_cell=5)
    assert table["n_placed"].isna().tolist() == [False, True, True]  # 281 users - 147 - 131 = 3
    assert table["share_placed"].isna().equals(table["n_placed"].isna())
    assert table["n_before"].tolist() == [140, 120, 40]
    assert table["what"].isna().tolist()[1:] == [True, True]
    assert change.personas["n_placed"].iloc[2] == 3  # the change itself is not touched


@pytest.mark.parametrize(
    ("counts", "events", "blank"),
    [
        ([[27, 3], [0, 80]], [("split", 1, 1), ("split", 1, 2), ("same", 2, 2)], [True, True, True]),
        ([[60, 40], [0, 80]], [("split", 1, 1), ("same", 2, 2)], [False, False]),
        ([[97, 3], [9, 80]], [("same", 1, 1), ("same", 2, 2)], [True, True]),  # what is left of it is 3
        ([[90, 0, 30], [0, 80, 3]], [("same", 1, 1), ("same", 2, 2), ("new", None, 3)], [False, True, True]),
        ([[90, 0, 30], [0, 80, 9]], [("same", 1, 1), ("same", 2, 2), ("new", None, 3)], [False] * 3),
    ],
)
def test_words_that_count_few_are_blank(counts, events, blank):
    table = list_persona_changes(make_change(counts, events), min_cell=5)
    assert table["what"].isna().tolist() == blank
    assert (table["overlap"].isna() | ~np.array(blank)).all()


def test_few_strangers_are_not_told():
    change = make_change([[90, 30], [80, 20]], [("same", 1, 1), ("gone", 2, None), ("new", None, 2)])
    assert not list_persona_changes(change, min_cell=5)["what"].isna().any()
    change.alignment.comparison.strange[1] = 0.06  # 3 of 50
    assert list_persona_changes(change, min_cell=5)["what"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(("seen", "told"), [(2 / 60, False), (58 / 60, False), (6 / 60, True), (0.0, True)])
def test_the_headline_counts_no_few_movers(seen, told):
    change = SimpleNamespace(
        before=SimpleNamespace(n_personas=2),
        people=SimpleNamespace(n_stayed=60, moved={"seen": seen, "low": -0.1}),
        headline=lambda: f"2 then. Of 60 users {seen:.0%}.",
        say_model=lambda: "2 then.",
    )
    said = say_persona_changes(change, 5)
    assert (f"{seen:.0%}" in said) == told and said.startswith("2 then.")
    assert ("fewer than 5 elsewhere" in said) == (not told)


def make_moves(counts):
    counts = np.array(counts)
    old, new = np.nonzero(counts)
    moves = pd.DataFrame({"from_id": old + 1, "to_id": new + 1, "n_users": counts[old, new]})
    moves["n_from"] = counts.sum(axis=1)[old]
    moves["share"] = moves["n_users"] / moves["n_from"]
    return SimpleNamespace(moves=moves)


def test_moves_of_few_cannot_be_told_from_the_totals():
    change = make_moves([[90, 3, 20], [20, 80, 30], [9, 40, 70]])
    table = list_persona_moves(change, min_cell=5).set_index(["from_id", "to_id"])
    assert pd.isna(table.loc[(1, 2), "n_users"]) and pd.isna(table.loc[(1, 2), "share"])
    assert table["n_users"].isna().groupby(level=0).sum().loc[1] >= 2  # one blank of a line is no secret
    shown = table["n_users"].dropna()
    assert not shown.between(1, 4).any()
    assert (table.index[0][0] != table.index[0][1]) and (table.index[-1][0] == table.index[-1][1])


@pytest.mark.parametrize(
    "counts",
    [
        [[145, 2], [0, 131]],  # an empty cell is no row, and hides nobody
        [[145, 2, 0], [0, 131, 0], [0, 0, 3]],
        [[50, 1, 1, 0], [0, 40, 0, 0], [6, 0, 30, 0], [0, 0, 0, 20]],
        [[3, 0], [0, 60]],
        [[3]],
    ],
)
def test_no_total_less_what_is_shown_is_few(counts):
    counts = np.array(counts)
    table = list_persona_moves(make_moves(counts), min_cell=5)
    assert not table["n_from"].dropna().between(1, 4).any()
    shown = np.zeros(counts.shape, int)
    for row in table.dropna(subset=["n_users"]).itertuples():
        shown[row.from_id - 1, row.to_id - 1] = row.n_users
    for axis in (0, 1):
        rest = counts.sum(axis=axis) - shown.sum(axis=axis)
        whole = counts.sum(axis=axis)
        assert not ((rest > 0) & (rest < 5) & (whole >= 5)).any()
    first = table.drop_duplicates("from_id")
    n_hidden = counts.sum() - first["n_from"].sum()
    assert n_hidden == 0 or n_hidden >= 5 or counts.sum() < 5
    # the figures of a line without its total do not add up to it
    assert table.loc[table["n_from"].isna(), "n_users"].isna().all()
