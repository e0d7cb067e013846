"""The hour of each user's sends: their own window, or the busiest open hours of their persona."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from segtool.targeting.schedule.draws import uniform, user_hash
from segtool.targeting.timing.dayparts import allowed_hours

ANY = "any"
SPREAD = 5  # salt


def choose_hours(users: pd.DataFrame, plan, windows: pd.DataFrame | None, seed: int) -> pd.DataFrame:
    """Add daypart and hour; within a window users are spread, so that not all are sent to at once.

    Parameters
    ----------
    users : DataFrame
        user_id, persona_id.
    plan : Plan
        Read through ``table`` and ``send_times``.
    windows : DataFrame, optional
        user_id, daypart, hour_from, hour_to (not in it any more), rank.
    """
    at = uniform(user_hash(users["user_id"].to_numpy(dtype=object)), seed, SPREAD)
    parts = plan.table.drop_duplicates("persona_id").set_index("persona_id")["daypart"]
    stretch = {persona: _stretch(plan, persona, part) for persona, part in parts.items()}
    users = users.assign(daypart=users["persona_id"].map(parts).fillna(ANY))
    hours = pd.Series(np.nan, index=users.index)
    for persona, usable in stretch.items():
        own = (users["persona_id"] == persona).fillna(False).to_numpy(dtype=bool)
        hours[own] = np.array(usable)[(at[own] * len(usable)).astype(int)] if usable else np.nan
    if windows is not None and len(windows):
        first = windows[windows["rank"] == 1] if "rank" in windows else windows
        first = first.drop_duplicates("user_id").set_index("user_id").reindex(users["user_id"])
        width = (first["hour_to"] - first["hour_from"]).to_numpy(dtype=float) % 24
        own = (first["hour_from"].to_numpy(dtype=float) + np.floor(at * np.maximum(width, 1))) % 24
        hours = hours.where(np.isnan(own), own)
    return users.assign(hour=hours.to_numpy())


def _stretch(plan, persona_id, daypart: str) -> tuple[int, ...]:
    """Return the two busiest open hours in a row of a daypart."""
    if daypart == ANY:
        return ()
    usable = allowed_hours(daypart, plan.settings)
    times = plan.send_times
    own = times[(times["persona_id"] == persona_id) & (times["kind"] == "around") & (times["unit"] == "hour")]
    busy = dict(zip(own["slot"].astype(int), own["estimate"], strict=True))
    pairs = [pair for pair in itertools.pairwise(usable) if (pair[0] + 1) % 24 == pair[1]]
    if not pairs:
        return usable
    return max(pairs, key=lambda pair: busy.get(pair[0], 0) + busy.get(pair[1], 0))
