"""Whatever a file of events holds: a clear refusal, or every record in exactly one of the counts."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from segtool.engines import DuckDBEngine
from segtool.errors import SegtoolError
from segtool.sources import Sources, TableSettings
from segtool.sources.adaptors import adaptors

FIELDS = {
    "ga4": "user_id user_pseudo_id event_timestamp event_name event_params items ecommerce platform",
    "segment": "userId anonymousId timestamp type event messageId properties channel",
    "amplitude": "user_id amplitude_id event_time event_type $insert_id event_properties platform",
    "mixpanel": "event properties",
    "matomo": "idSite idVisit visitorId userId actionDetails",
}
INSIDE = [
    "key",
    "value",
    "string_value",
    "time",
    "distinct_id",
    "type",
    "timestamp",
    "revenue",
    "local_hour",
    "a/b~",
]
WORDS = ["u1", "u2", "track", "action", "1780272000", "1780272000000000", "2026-06-01 00:00:00"]


def values(*, strict):
    """Return any JSON value; unless ``strict``, also what Python writes though JSON does not know it."""
    words = st.text(max_size=6) | st.sampled_from(WORDS if strict else [*WORDS, "\ud800"])
    floats = st.floats(allow_nan=not strict, allow_infinity=not strict)
    scalar = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | floats | words
    return st.recursive(
        scalar,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(INSIDE) | st.text(max_size=6), inner, max_size=4)
        ),
        max_leaves=8,
    )


value = values(strict=False)
junk = st.sampled_from(["", "  ", "{", "[1]", "null", '"x"', "{}", "\x00", "\ufeff"]) | st.text(
    st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=8
)


def records(name):
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS[name].split(), value))
    return st.lists(known.map(json.dumps) | known.map(json.dumps) | junk, max_size=5)


@pytest.fixture(scope="module")
def engine():
    with DuckDBEngine(threads=1) as engine:
        yield engine


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "matomo"])
def test_no_record_is_lost_or_invented(name, engine, tmp_path):
    path = tmp_path / "records.json"

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(records(name))
    def check(lines):
        # The first line decides how the file is read: here it is one record to a line.
        text = "\n".join(["{}", *lines])
        path.write_text(text, encoding="utf-8")
        try:
            adapted = adaptors()[name].read([path], TableSettings(path=str(path)), engine)
        except SegtoolError as error:
            assert "Accepted" in str(error) or "Do:" in str(error)
            return
        rows = sum(len(block[-1]) for block in adapted.data)
        others = sum(item.n for item in adapted.left_out if not item.what.startswith("properties"))
        written = sum(bool(line.strip(" \t\r\n\ufeff")) for line in text.split("\n"))
        assert rows + len(adapted.broken) + adapted.repeats + others == written

    check()


def test_actions_of_visits_are_neither_lost_nor_invented(engine, tmp_path):
    path = tmp_path / "visits.json"
    value = values(strict=True)
    visit = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS["matomo"].split(), value))
    listed = st.fixed_dictionaries({"actionDetails": st.lists(value, max_size=4), "idVisit": value})

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(visit | listed, max_size=4))
    def check(visits):
        path.write_text(json.dumps(visits))
        try:
            adapted = adaptors()["matomo"].read([path], TableSettings(path=str(path)), engine)
        except SegtoolError as error:
            assert "Accepted" in str(error) or "Do:" in str(error)
            return
        rows = sum(len(block[-1]) for block in adapted.data)
        lists = [said.get("actionDetails") for said in visits]
        actions = sum(len(actions) for actions in lists if isinstance(actions, list))
        assert rows + adapted.repeats + len(adapted.broken) == actions

    check()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.sampled_from(sorted(FIELDS)), st.data())
def test_a_whole_reading_ends_in_counts_that_add_up_or_a_clear_refusal(tmp_path, name, data):
    path = tmp_path / "records.json"
    path.write_text("\n".join(data.draw(records(name))), encoding="utf-8")
    tables = {"events": {"path": str(path), "format": name}}
    try:
        sources = Sources.read(tables, as_of="2027-01-01", max_rejected_share=1)
    except SegtoolError as error:
        assert "Accepted" in str(error) or "Do:" in str(error)
        return
    with sources:
        row = sources.summary().to_pandas().iloc[0]
        assert row["read"] == row[["kept", "rejected", "duplicates", "after_as_of"]].sum()
        assert len(sources.rejected("events")) == row["rejected"]
