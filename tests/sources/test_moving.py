"""A study's tables can be brought over to another engine, whole."""

import pandas as pd
import pytest

from segtool.engines import DuckDBEngine
from segtool.errors import OutputError
from segtool.sources import Sources

EVENTS = pd.DataFrame(
    {
        "user_id": ["a", "b", ""],
        "event": ["view", "purchase", "view"],
        "event_time": ["2026-06-01 09:00", "2026-06-02 10:30", "2026-06-03"],
        "amount": ["", "12.5", ""],
    }
)


@pytest.fixture
def sources():
    with Sources.read({"events": EVENTS}, as_of="2026-07-01", max_rejected_share=0.5) as read:
        yield read


@pytest.mark.parametrize("keeps_files", [True, False])
def test_all_rows_and_derived_columns_arrive(sources, tmp_path, keeps_files):
    with DuckDBEngine() as other:
        moved = sources.to_engine(other, folder=tmp_path if keeps_files else None)
        sql = "SELECT * FROM events ORDER BY user_id"
        pd.testing.assert_frame_equal(moved.engine.query(sql), sources.engine.query(sql))
        assert other.tables() == ["events", "user_index"]
        assert bool(list(tmp_path.glob("*.parquet"))) == keeps_files
        assert (moved.tables, moved.n_users, moved.as_of) == (sources.tables, sources.n_users, sources.as_of)
        assert len(moved.rejected("events")) == 1  # still told by where it was read


def test_a_folder_that_is_not_there_is_refused(sources, tmp_path):
    with DuckDBEngine() as other, pytest.raises(OutputError, match="no folder"):
        sources.to_engine(other, folder=tmp_path / "missing")
