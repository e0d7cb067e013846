"""Each group's days as counts, and which of them no activity touched: what an event study counts on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.activities.weekdays import weekday_factors

DAY = 86_400
MEASURES = ("messages", "active members", "replies", "first messages", "returns")
BEFORE, SETTLES = 2, 7
"""Days before an activity that its announcement may touch, and after it that its echo may."""
SILENT_FOR_GOOD = 14  # days without a word at the end of the records
FRESH_DAYS = 60  # who joined longer before their first message is no newcomer


@dataclass(frozen=True)
class Panel:
    """Counts per group and local day, over the days on record.

    Parameters
    ----------
    counts : dict of str to ndarray, shape (n_groups, n_days)
        One per measure; the last day is the day before that of ``as_of``.
    known : dict of str to ndarray of bool, shape (n_groups, n_days)
        Whether the measure can be told on that day: a group is there, and what came before is on record.
    alive : ndarray of bool, shape (n_groups, n_days)
        Whether the group had not fallen silent for good: later days tell nothing of how days usually scatter.
    touched : ndarray of int, shape (n_groups, n_days)
        How many activities of the group touch the day.
    untouched, alone : ndarray of bool, shape (n_plans, n_days)
        Per activity the days that no other of its group touches, and those on which no other runs: while it
        runs the echo of another may be about, after it only undisturbed days tell what is left of it.
    weekday : ndarray, shape (n_groups, n_days)
        How lively a day of that weekday is in that group, beside its mean.
    plans : DataFrame
        One row per activity: row of ``talk.activities``, group, first and last day (positions), ``end``
        (last day on record of it).
    """

    counts: dict[str, np.ndarray]
    known: dict[str, np.ndarray]
    alive: np.ndarray
    touched: np.ndarray
    untouched: np.ndarray
    alone: np.ndarray
    weekday: np.ndarray
    plans: pd.DataFrame
    first_day: int

    @property
    def n_days(self) -> int:
        """How many days are on record."""
        return self.touched.shape[1]


def build_panel(talk, silent_days: int) -> Panel:
    """Count messages, people, answers, first messages and returns by group and day.

    Parameters
    ----------
    talk : Talk
    silent_days : int
        Whoever wrote nothing for so long and writes again has returned.
    """
    said = talk.messages[talk.by_people & (talk.messages["day"] < 0).to_numpy()]
    first_day = int(said["day"].min()) if len(said) else 0
    n_groups, n_days = len(talk.group_ids), -first_day
    shape = (n_groups, n_days)
    group, day = said["group"].to_numpy(), said["day"].to_numpy() - first_day
    cell = group.astype(np.int64) * n_days + day
    back, newcomer = _returns(talk, said, silent_days)
    people = np.unique(cell * len(talk.user_ids) + said["user"].to_numpy()) // max(len(talk.user_ids), 1)
    answers = (said["reply"].to_numpy() >= 0) | said["replied_lost"].to_numpy()
    rows = {"messages": cell, "active members": people, "replies": cell[answers],
            "first messages": cell[newcomer], "returns": cell[back]}  # fmt: skip
    counts = {
        name: np.bincount(rows[name], minlength=n_groups * n_days).reshape(shape).astype(float)
        for name in MEASURES
    }
    opened = np.full(n_groups, n_days)
    np.minimum.at(opened, group, day)
    there = np.arange(n_days) >= opened[:, None]
    known = dict.fromkeys(MEASURES, there)
    known["returns"] = there & (np.arange(n_days) >= opened[:, None] + silent_days)
    if not talk.roster["joined"].notna().any():  # then a first message on record may not be the first
        known["first messages"] = there & (np.arange(n_days) >= FRESH_DAYS)
    plans = place_activities(talk, first_day, n_days)
    touched, running = (touched_days(plans, shape, *wide) for wide in ((BEFORE, SETTLES), (0, 0)))
    untouched, alone = (
        total[plans["group"]]
        == touched_days(plans.assign(group=np.arange(len(plans))), (len(plans), n_days), *wide)
        for total, wide in ((touched, (BEFORE, SETTLES)), (running, (0, 0)))
    )
    closed = np.full(n_groups, -1)
    np.maximum.at(closed, group, day)
    alive = there & (np.arange(n_days) <= closed[:, None] + SILENT_FOR_GOOD)
    weekday = _weekdays(counts["messages"], alive & (touched == 0), first_day, talk)
    return Panel(counts, known, alive, touched, untouched, alone, weekday, plans, first_day)


def _returns(talk, said: pd.DataFrame, silent_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Say of each message whether it ends a long silence, and whether it is a newcomer's first."""
    key = said["group"].to_numpy(np.int64) * max(len(talk.user_ids), 1) + said["user"].to_numpy()
    order = np.argsort(key, kind="stable")  # messages of a group already lie by time
    member, second = key[order], said["second"].to_numpy()[order]
    same = np.r_[False, member[1:] == member[:-1]][: len(said)]
    gap = np.r_[0, np.diff(second)][: len(said)]
    back, first = np.zeros((2, len(said)), dtype=bool)
    back[order] = same & (gap >= silent_days * DAY)
    first[order] = ~same
    roster = talk.roster[["group", "user", "joined"]]
    if roster["joined"].notna().any() and len(said):
        listed = roster["group"].to_numpy(np.int64) * len(talk.user_ids) + roster["user"].to_numpy()
        opening = np.flatnonzero(first)
        joined = roster["joined"].to_numpy()[np.searchsorted(listed, key[opening])]
        first[opening] = said["second"].to_numpy()[opening] - joined <= FRESH_DAYS * DAY
    return back, first


def place_activities(talk, first_day: int, n_days: int) -> pd.DataFrame:
    """Return the local days of each activity as positions; those outside the records are left out.

    An activity that ends at midnight does not touch the day that begins; one without an end lasts a day.
    """
    acts = talk.activities
    start, end = (_local_days(talk, acts[name].to_numpy(dtype=float) - less) for name, less in
                  (("start", 0.0), ("end", 1.0)))  # fmt: skip
    start = start - first_day
    end = np.where(acts["end"].notna(), np.nan_to_num(end) - first_day, start)
    plans = pd.DataFrame(
        {"row": np.arange(len(acts)), "group": acts["group"].to_numpy(), "first": start,
         "last": np.maximum(start, end)}
    )  # fmt: skip
    plans["seen_last"] = np.minimum(plans["last"], n_days - 1)
    inside = (plans["last"] >= 0) & (plans["first"] < n_days)
    return plans[inside].astype(np.int64).reset_index(drop=True)


def _local_days(talk, seconds: np.ndarray) -> np.ndarray:
    times = talk.as_of + pd.to_timedelta(pd.Series(seconds), unit="s")
    local = times.dt.tz_convert(talk.timezone).dt.tz_localize(None).dt.normalize()
    today = talk.as_of.tz_convert(talk.timezone).tz_localize(None).normalize()
    return ((local - today) / pd.Timedelta(days=1)).to_numpy(dtype=float)


def touched_days(plans: pd.DataFrame, shape: tuple[int, int], before: int, after: int) -> np.ndarray:
    """Count the activities of each group that touch a day: some days before the first to some after the last."""
    steps = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    low = np.clip(plans["first"].to_numpy() - before, 0, shape[1])
    high = np.clip(plans["last"].to_numpy() + 1 + after, 0, shape[1])
    np.add.at(steps, (plans["group"].to_numpy(), low), 1)
    np.add.at(steps, (plans["group"].to_numpy(), high), -1)
    return np.cumsum(steps, axis=1)[:, :-1]


def _weekdays(counts: np.ndarray, clean: np.ndarray, first_day: int, talk) -> np.ndarray:
    today = talk.as_of.tz_convert(talk.timezone).weekday()
    return weekday_factors(counts, clean, (today + first_day + np.arange(counts.shape[1])) % 7)
