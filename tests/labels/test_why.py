"""Why a user has a label: the winner, the losers, and what each rests on."""

import pytest
from labels_ledger import claim, labels_of

from segtool.errors import InputError


@pytest.fixture
def disputed():
    claims = [
        claim("u1", "student", "person", 0.97),
        claim("u1", "mom", "behaviour", 0.7),
        claim("u1", "student", "survey", 0.9),
        claim("u1", "retired", "person", 0.97, expires="2026-01-01"),
        claim("u2", "mom", "behaviour", 0.8),
    ]
    resolved = [("u1", "student", 0.98, "person", True), ("u2", "mom", 0.8, "behaviour", False)]
    return labels_of(claims, resolved)


def test_each_claim_has_an_outcome_and_a_reason(disputed):
    table = disputed.why("u1").to_pandas().set_index(["value", "source"])
    assert table.loc[("student", "person"), "outcome"] == "kept"
    assert table.loc[("student", "survey"), "outcome"] == "agrees"
    assert table.loc[("mom", "behaviour"), "why"] == "a person's note outranks behaviour: student"
    assert table.loc[("retired", "person"), "why"] == "expired on 2026-01-01"


def test_winner_comes_first_with_the_resolved_confidence(disputed):
    first = disputed.why("u1").to_pandas().iloc[0]
    assert (first["value"], first["confidence"], first["evidence"]) == ("student", 0.98, "3 of 4 from person")


def test_a_user_nothing_is_known_of(disputed):
    why = disputed.why("u5")
    assert why.to_pandas().empty
    assert "nothing known yet" in repr(why)
    assert "Life stage" in why._repr_html_()


def test_unknown_user_counts_near_ids_and_shows_none(disputed):
    with pytest.raises(InputError, match="not among the 6 labelled users") as caught:
        disputed.why("u12")
    assert "spelled" in str(caught.value)
    assert "u1 " not in str(caught.value) and "u12" not in str(caught.value)


def test_html_escapes_values():
    labels = labels_of([claim("u1", "<b>x", "survey")], [("u1", "<b>x", 0.9, "survey", False)])
    assert "<b>x" not in labels.why("u1")._repr_html_()


def test_equal_sources_are_not_said_to_outrank_each_other():
    claims = [claim("u1", "mom", "profile"), claim("u1", "student", "behaviour", 0.6)]
    lost = labels_of(claims, [("u1", "mom", 0.9, "profile", True)]).why("u1").to_pandas().iloc[1]
    assert (lost["outcome"], lost["why"]) == ("lost", "set aside for the profile: mom")
