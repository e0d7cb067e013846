"""What a change says of each persona, in a table and in words, for every fate there is."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.personas.follow.align import Alignment
from segtool.personas.follow.change import PersonaChange
from segtool.personas.follow.events import find_events
from segtool.personas.follow.overlap import Comparison, jaccard
from segtool.personas.follow.people import People, list_moves


def make_change(counts, then, strange=None, people=None):
    counts, then = np.array(counts), np.array(then)
    names = [{number: f"{side}{number}" for number in range(1, n + 1)}
             for side, n in zip(("old ", "new "), counts.shape, strict=True)]  # fmt: skip
    retention = counts.sum(axis=1) / counts.sum() / (then / then.sum())
    strange = np.full(counts.shape[1], 0.05) if strange is None else np.array(strange)
    comparison = Comparison(counts, 0.5 * (1 - jaccard(counts)), retention, strange)
    placed = [
        pd.Series(np.repeat(np.indices(counts.shape)[axis].ravel() + 1, counts.ravel())) for axis in (0, 1)
    ]
    sides = [
        SimpleNamespace(
            names=name, n_personas=len(name),
            summary=pd.DataFrame({"n_users": sizes, "share": sizes / sizes.sum()}),
        )
        for name, sizes in zip(names, (then, counts.sum(axis=0)), strict=True)
    ]  # fmt: skip
    alignment = Alignment(*names, comparison, find_events(comparison), *placed)
    return PersonaChange(*sides, alignment, people, None, names[1])


def test_every_persona_of_either_time_has_a_row():
    counts = [[100, 0, 0, 0, 20], [0, 60, 50, 0, 15], [0, 0, 0, 90, 1], [0, 0, 0, 40, 2], [2, 1, 0, 1, 3]]
    change = make_change(counts, [120, 120, 95, 45, 60])
    table = change.personas
    assert table["event"].tolist() == ["same", "split", "split", "merged", "merged", "gone", "new"]
    assert table["before"].dropna().unique().tolist() == [f"old {number}" for number in range(1, 6)]
    assert set(table["after"].dropna()) == {f"new {number}" for number in range(1, 6)}
    assert table["n_before"].tolist()[:6] == [120, 120, 120, 95, 45, 60] and table["n_before"].isna()[6]
    said = table["what"].tolist()
    assert said[1] == "Takes 48% of it; the rest is in new 3."
    assert said[3] == "Is no longer told apart from old 4."
    assert said[5] == "Such users are gone: 1.8% of today's, 13.6% then."
    assert said[6].startswith("New: the older model puts 49% of them in old 1")
    assert change.headline().startswith(
        "5 personas then, 5 now: 1 the same, 1 split, 2 merged into 1, 1 gone and 1 new."
    )


def test_what_took_the_place_of_a_persona_is_said():
    change = make_change([[100, 0], [0, 90]], [100, 90], strange=[0.05, 0.8])
    gone = change.personas.set_index("event").loc["gone", "what"]
    assert gone == "Such users are gone; in its place is another kind: new 2."
    assert "finds 80% of them strange" in change.personas.set_index("event").loc["new", "what"]


def test_the_table_is_shown_with_what_is_not_known():
    shown = repr(make_change([[100, 0], [0, 90]], [100, 90]))
    assert "old 2" in shown and "not known without the labels" in shown
    assert "<script" not in make_change([[9]], [9])._repr_html_()


@pytest.fixture
def people():
    """Of two personas 30 of 100 went from the first to the second, where noise sends 5."""
    counts, expected = np.array([[70, 30], [6, 94]]), np.array([[95.0, 5.0], [5.0, 95.0]])
    moved = {"seen": 0.18, "expected": 0.05, "moved": 0.14, "low": 0.07, "high": 0.22, "refit": 0.02}
    return People(counts, expected, np.array([[98.0, 2], [2, 98]]), moved, (0, 1), pd.DataFrame())


def test_moves_are_told_from_noise(people):
    moves = list_moves(people, {1: "a", 2: "b"}).set_index(["from", "to"])
    assert moves["more_than_noise"].to_dict() == {
        ("a", "a"): False, ("a", "b"): True, ("b", "a"): False, ("b", "b"): False,
    }  # fmt: skip
    assert moves.loc[("a", "b"), ["n_users", "n_from", "share", "n_noise", "n_refit"]].tolist() == [
        30, 100, 0.3, 5.0, 2.0,
    ]  # fmt: skip
    change = make_change([[100, 0], [0, 90]], [100, 90], people=people)
    assert "about 14% moved (7% to 22%)" in change.headline()


def test_more_than_a_refit_moves_by_itself_is_asked_too(people):
    shaky = People(**{**vars(people), "refits": np.array([[60.0, 40], [2, 98]])})
    assert not list_moves(shaky, {1: "a", 2: "b"})["more_than_noise"].any()


def test_between_personas_that_merged_nobody_moves(people):
    merged = People(**{**vars(people), "groups": (0, 0)})
    moves = list_moves(merged, {1: "a", 2: "b"})
    assert not moves["more_than_noise"].any() and moves["q_value"].isna().all()
