"""The Labels object: small, immutable, clear about what it does not know."""

import dataclasses

import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.labels.labels import Labels


@pytest.fixture
def labels():
    frame = pd.DataFrame({"stage": ["mom", None, "student"], "n": [1, 2, 3]}, index=["c", "a", "b"])
    known = {"facets": {"stage": "life stage"}, "families": {"stage": {"survey"}}}
    return Labels.from_frame(frame, **known, as_of="2026-07-01")


def test_who_and_what(labels):
    assert list(labels.user_ids) == ["a", "b", "c"]
    assert labels.n_users == 3
    assert labels.facets() == {"stage": "life stage"}
    assert labels.families() == {"stage": frozenset({"survey"})}
    assert labels.as_of == pd.Timestamp("2026-07-01")
    assert labels.sql == ""


def test_it_cannot_be_changed(labels):
    with pytest.raises(dataclasses.FrozenInstanceError):
        labels.as_of = None
    mine = labels.wide()
    mine["stage"] = None
    assert labels.wide()["stage"].notna().sum() == 2


def test_long_tables_have_the_promised_columns(labels):
    assert list(labels.to_pandas()) == [
        "user_id", "label", "value", "confidence", "source", "n_claims", "conflict",
    ]  # fmt: skip
    assert {"claim", "evidence", "n_evidence", "observed_at", "expires_at"} <= set(labels.claims())


def test_headline_says_how_much_is_known(labels):
    assert labels.headline() == "1 label of 3 users as of 2026-07-01; 0.7 known per user"


def test_nothing_was_left_out(labels):
    assert labels.left_out().empty and list(labels.left_out()) == ["label", "why"]
    assert labels.left_out_measures().empty


def test_an_unknown_label_names_the_nearest(labels):
    with pytest.raises(InputError, match="did you mean 'stage'"):
        labels.info("stag")
