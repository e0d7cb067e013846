"""Labels of an earlier run say so; they never answer from the tables of a later one."""

import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.labels import builtin_catalog, label_users
from segtool.sources import Sources


@pytest.fixture
def sources():
    events = pd.DataFrame({"user_id": ["a", "a", "b"], "event_time": "2026-06-01", "event": "view"})
    events["topic"] = ["tea", "tea", "tea"]
    return Sources.read({"events": events}, as_of="2026-07-01")


def test_labels_that_were_replaced_refuse(sources):
    first = label_users(sources)
    second = label_users(sources, builtin_catalog().only(["lifecycle"]))
    for ask in (first.wide, first.claims, first.to_pandas, first.coverage, lambda: first.why("a")):
        with pytest.raises(InputError, match="ran again on the same Sources"):
            ask()
    assert second.wide().columns.tolist() == ["lifecycle"]


def test_the_same_definitions_again_replace_nothing(sources):
    first = label_users(sources)
    second = label_users(sources)
    pd.testing.assert_frame_equal(first.wide(), second.wide())


def test_other_sources_are_other_tables(sources):
    first = label_users(sources)
    events = pd.DataFrame({"user_id": ["z"], "event_time": "2026-06-01", "event": "view"})
    label_users(Sources.read({"events": events}, as_of="2026-07-01"))
    assert first.wide().index.tolist() == ["a", "b"]
