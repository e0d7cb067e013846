"""Who came back: silent for long, wrote while the activity ran; and whether they still write."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.activities.panel import DAY, Panel

STILL_DAYS = 28
COLUMNS = ["activity_id", "group_id", "user_id", "silent_days", "n_during", "n_after", "still_writes"]


def find_returned(talk, panel: Panel, silent_days: int) -> pd.DataFrame:
    """Return one row per activity and member who came back with it.

    Parameters
    ----------
    talk : Talk
    panel : Panel
    silent_days : int
        Wrote before, and then nothing for at least so long until their first message during.

    Returns
    -------
    DataFrame
        activity_id, group_id, user_id, silent_days (up to the first message during), n_during, n_after
        (messages in the four weeks after), still_writes ("yes", "no", "too early" while the four weeks last).
    """
    said = talk.messages[talk.by_people & (talk.messages["day"] < 0).to_numpy()]
    key = said["group"].to_numpy(np.int64) * max(len(talk.user_ids), 1) + said["user"].to_numpy()
    order = np.argsort(key, kind="stable")  # messages of a group already lie by time
    group, user, second = (said[name].to_numpy()[order] for name in ("group", "user", "second"))
    day = said["day"].to_numpy()[order] - panel.first_day
    member = key[order]
    same = np.r_[False, member[1:] == member[:-1]] if len(member) else np.zeros(0, dtype=bool)
    silent = np.where(same, np.r_[0, np.diff(second)] / DAY if len(second) else 0.0, 0.0)
    back = np.flatnonzero(same & (silent >= silent_days))
    rows = _match(panel.plans, group[back], day[back])
    if not len(rows):
        return pd.DataFrame(columns=COLUMNS)
    plan, at = rows[:, 0], back[rows[:, 1]]
    last = panel.plans["last"].to_numpy()[plan]
    # Messages lie in order of member and day, so that counts are differences of places.
    place = member * (panel.n_days + 1) + np.minimum(day, panel.n_days)
    base = member[at] * (panel.n_days + 1)
    end = np.searchsorted(place, base + np.minimum(last, panel.n_days), side="right")
    later = np.searchsorted(place, base + np.minimum(last + STILL_DAYS, panel.n_days), side="right")
    n_after = later - end
    early = last + STILL_DAYS >= panel.n_days
    still = np.where(n_after > 0, "yes", np.where(early, "too early", "no"))
    acts = talk.activities.iloc[panel.plans["row"].to_numpy()[plan]]
    found = pd.DataFrame(
        {"activity_id": acts["activity_id"].to_numpy(object), "group_id": talk.group_ids[acts["group"]],
         "user_id": talk.user_ids[user[at]], "silent_days": np.floor(silent[at]).astype(np.int64),
         "n_during": end - at, "n_after": n_after, "still_writes": still.astype(object)}
    )  # fmt: skip
    return found.sort_values(["activity_id", "user_id"], ignore_index=True)[COLUMNS]


def _match(plans: pd.DataFrame, group: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return pairs (plan, return) of returns on a day on which an activity of the group ran."""
    order = np.lexsort((day, group))
    key = group[order].astype(np.int64) * 100_000 + day[order]
    low, high = (
        np.searchsorted(key, plans["group"].to_numpy() * 100_000 + plans[name].to_numpy(), side=side)
        for name, side in (("first", "left"), ("last", "right"))
    )
    pairs = [(plan, order[place]) for plan in range(len(plans)) for place in range(low[plan], high[plan])]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
