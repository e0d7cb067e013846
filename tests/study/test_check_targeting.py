"""Words of [targeting] that are nowhere in the data."""

from __future__ import annotations

import pandas as pd

from segtool.sources import Sources
from segtool.study.check_targeting import find_unknown_words
from segtool.targeting import TargetingSettings


def read() -> Sources:
    events = pd.DataFrame(
        {"user_id": ["a", "b"], "event_time": "2026-06-01", "event": ["view", "like"], "channel": "kiosk"}
    )
    return Sources.read({"events": events}, as_of="2026-07-01")


def said(**settings) -> list[tuple[str, str, str]]:
    return find_unknown_words(TargetingSettings(**settings), read())


def test_a_misspelt_channel_is_a_problem_with_the_nearest_one_named():
    (finding,) = said(weekly_caps={"app-push": 1})
    assert finding[:2] == ("targeting", "problem")
    assert "'app-push'" in finding[2] and "did you mean 'app_push'" in finding[2]


def test_presets_and_the_data_s_own_channels_are_known():
    assert said(weekly_caps={"email": 1, "kiosk": 2}, channels=("kiosk",)) == []


def test_an_event_that_never_happens_is_noted():
    (finding,) = said(stage_events={"seen": ("veiw",), "liked": ("like", "return")})
    assert finding[1] == "note" and "did you mean 'view'" in finding[2]
