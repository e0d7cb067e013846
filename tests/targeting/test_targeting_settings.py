"""TargetingSettings: what is refused, and the quiet hours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from segtool.targeting import DAYPARTS, TargetingSettings
from segtool.targeting.timing.dayparts import daypart_hours

HOUR = st.integers(0, 23)


@pytest.mark.parametrize(
    "bad",
    [
        {"top_k": 0}, {"ranking": "bold"}, {"half_life_days": 0}, {"event_weights": {}}, {"topk": 3},
        {"event_weights": {"like": -1}}, {"stage_model": "AIDA2"}, {"quiet_from_hour": 24}, {"confidence": 1},
    ],
)  # fmt: skip
def test_bad_settings_are_refused(bad):
    with pytest.raises(ValidationError):
        TargetingSettings(**bad)


def test_settings_cannot_change():
    with pytest.raises(ValidationError, match="frozen"):
        TargetingSettings().top_k = 3


@given(HOUR, HOUR)
def test_quiet_hours_are_as_many_as_they_say(start, end):
    settings = TargetingSettings(quiet_from_hour=start, quiet_to_hour=end)
    assert sum(settings.is_quiet(hour) for hour in range(24)) == (end - start) % 24
    assert sorted(settings.quiet_hours) == [hour for hour in range(24) if settings.is_quiet(hour)]


def test_dayparts_are_a_day():
    assert sorted(hour for name in DAYPARTS for hour in daypart_hours(name)) == list(range(24))
