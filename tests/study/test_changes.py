"""A study compared with an earlier moment of itself."""

import pytest

from segtool.errors import ParameterError
from segtool.sources import simulate_circle
from segtool.study import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("changes")
    return Study.read(simulate_circle(200, random_state=3).write_study(folder))


def test_nothing_of_later_than_the_earlier_moment_is_read(study):
    change = study.compare_with("2026-05-15")
    assert change.before.sources.as_of < change.after.sources.as_of
    assert (change.before.sources.to_pandas("events")["event_time"] < "2026-05-15").all()
    assert change.after is study._labels  # what a notebook shows is what export writes
    assert set(change.drift["label"]) == {info.name for info in change.common}
    assert change.definitions.empty


def test_a_later_moment_is_refused(study):
    with pytest.raises(ParameterError, match="an earlier moment"):
        study.compare_with("2026-07-01")
