"""A finished schedule: a send list, the calendar it adds up to, and who is in neither."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np
import pandas as pd

from segtool.display import Shown
from segtool.errors import SegtoolError
from segtool.notes import in_order
from segtool.targeting.schedule.calendar import build_audiences, build_calendar
from segtool.targeting.schedule.check import check_send_list
from segtool.targeting.schedule.inputs import Catalogue, People
from segtool.targeting.schedule.pool import LEVELS
from segtool.targeting.settings import DAYPARTS, TargetingSettings
from segtool.targeting.timing.dayparts import daypart_hours

SEND_LIST = [
    "user_id", "persona", "week", "send_date", "daypart", "send_hour_local", "channel", "topic", "item_id",
    "title", "stage", "purpose", "propensity", "arm", "reason", "send_id", "persona_id", "zone", "value",
    "show_first",
]  # fmt: skip
PURPOSES = ("plan", "explore")
ROWS_AT_ONCE = 500_000
WEEK = 7
HOUR_PARTS = {hour: name for name in DAYPARTS for hour in daypart_hours(name)}


@dataclass(frozen=True)
class Sends:
    """Sends as columns of codes, in the order of user and day.

    Parameters
    ----------
    row, day, number, topic, item, level : ndarray of int
        User, day of the plan, which of the user's it is, and what it is about.
    estimate, propensity, value : ndarray
    explored : ndarray of bool
    """

    row: np.ndarray
    day: np.ndarray
    number: np.ndarray
    topic: np.ndarray
    item: np.ndarray
    level: np.ndarray
    estimate: np.ndarray
    explored: np.ndarray
    propensity: np.ndarray
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def joined(cls, parts: list[Sends]) -> Sends:
        """Put the sends of several batches one after the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def only(self, rows) -> Sends:
        """Return some of the sends."""
        return Sends(*(getattr(self, each.name)[rows] for each in fields(self)))


@dataclass(frozen=True, repr=False, eq=False)
class Schedule(Shown):
    """A plan by date: made by `make_schedule`.

    Parameters
    ----------
    start : Timestamp
        First day. The plan runs for ``weeks`` weeks.
    price : float
        Value below which the budget had no room; 0 where it had room for all.
    notes : tuple of str
    violations : DataFrame
        What `check_send_list` found: empty, or the schedule would not have been handed over.
    """

    people: People = field(repr=False)
    catalogue: Catalogue = field(repr=False)
    sends: Sends = field(repr=False)
    start: pd.Timestamp
    weeks: int
    as_of: pd.Timestamp
    zone: str
    why: np.ndarray = field(repr=False)
    price: float
    budget: float | None
    settings: TargetingSettings
    notes: tuple[str, ...]
    violations: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def n_sends(self) -> int:
        """Sends in all."""
        return len(self.sends)

    @cached_property
    def send_list(self) -> pd.DataFrame:
        """One row per send, in the order of user and day.

        user_id, persona, week (from 1), send_date and send_hour_local (on the user's clock), daypart,
        channel, topic, item_id, title, stage, purpose ("plan" or "explore"), propensity (chance with which
        this topic goes out on this occasion; 1 where nothing is drawn), arm (what the propensity is of:
        the topic), reason, send_id, persona_id, zone, value, show_first
        (what to put first for this user, "" for nothing in particular). For millions of sends see `send_batches`.
        """
        return self._rows(0, len(self.sends))

    def send_batches(self, rows: int = ROWS_AT_ONCE) -> Iterator[pd.DataFrame]:
        """Yield the send list in parts, no user in two of them."""
        for start, stop in self._parts(rows):
            yield self._rows(start, stop)

    def _parts(self, rows: int = ROWS_AT_ONCE) -> Iterator[tuple[int, int]]:
        start = 0
        while start < len(self.sends):
            stop = min(start + rows, len(self.sends))
            stop = int(np.searchsorted(self.sends.row, self.sends.row[stop - 1], side="right"))
            yield start, stop
            start = stop

    def _row_ranges(self) -> Iterator[tuple[int, int]]:
        """Yield the users of each part, from the first to the last."""
        for start, stop in self._parts():
            yield int(self.sends.row[start]), int(self.sends.row[stop - 1]) + 1

    @cached_property
    def left_out(self) -> pd.DataFrame:
        """Users who get nothing: user_id, persona, reason."""
        out = self.why != ""
        table = self.people.table.loc[out, ["user_id", "persona"]].reset_index(drop=True)
        return table.assign(reason=self.why[out])

    @cached_property
    def calendar(self) -> pd.DataFrame:
        """What goes out by persona, week, daypart, channel, topic and item; see `build_calendar`."""
        return build_calendar(self)

    def audiences(self, memberships: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
        """Return the people of each persona; see `build_audiences`."""
        return build_audiences(self, memberships)

    def to_pandas(self) -> pd.DataFrame:
        """Return the calendar."""
        return self.calendar.copy()

    def headline(self) -> str:
        """Return the schedule in a sentence."""
        n_users = len(np.unique(self.sends.row))
        return (
            f"{len(self.sends):,} sends to {n_users:,} users in {self.weeks} weeks from {self.start:%Y-%m-%d}; "
            f"{int((self.why != '').sum()):,} users left out, each with the reason"
        )

    def with_notes(self, notes: list[str]) -> Schedule:
        """Return the schedule with more notes, what is known first."""
        return replace(self, notes=tuple(in_order([*self.notes, *notes])))

    def checked(self, history, blocks, holdout, acted, content, probes=None) -> Schedule:
        """Return the schedule with what an independent check of the finished list found.

        Raises
        ------
        SegtoolError
            If any cap or block is broken: a list that does is not handed over.
        """
        people, found = self.people, []
        given = {"history": history, "blocks": blocks, "acted": acted, "probes": probes}
        tables = {name: _by_user(people, table) for name, table in given.items()}
        for part, (start, stop) in zip(self.send_batches(), self._row_ranges(), strict=True):
            own = {name: _cut(table, start, stop) for name, table in tables.items()}
            users = people.table.iloc[start:stop]
            held = None if holdout is None else holdout[holdout.index.astype(str).isin(users["user_id"])]
            found.append(
                check_send_list(
                    part, users, **own, holdout=held, content=content, settings=self.settings,
                    start=self.start, weeks=self.weeks, as_of=self.as_of, zone=self.zone,
                )
            )  # fmt: skip
        violations = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
        if len(violations):
            rules = ", ".join(sorted(violations["rule"].unique()))
            raise SegtoolError(
                f"{len(violations):,} planned sends break a rule: {rules}. Nothing was handed over.",
                fix="Please report this: it is a fault of segtool, not of the tables.",
            )
        if self.budget is not None and len(self.sends) > self.budget:
            raise SegtoolError("More sends were planned than the budget holds. Nothing was handed over.")
        return replace(self, violations=violations)

    def _rows(self, start: int, stop: int) -> pd.DataFrame:
        sends, people = self.sends.only(slice(start, stop)), self.people.table
        row = sends.row
        hour, day_sent = people["hour"].to_numpy()[row], f"{self.start:%Y%m%d}"
        topics = np.array([*self.catalogue.topics, ""], dtype=object)
        items, titles = (np.append(each, "") for each in (self.catalogue.item_ids, self.catalogue.titles))
        table = {
            "user_id": people["user_id"].to_numpy(dtype=object)[row],
            "persona": _taken(people["persona"], row),
            "week": sends.day.astype(np.int64) // WEEK + 1,
            "send_date": self.start + pd.to_timedelta(sends.day.astype(np.int64), unit="D"),
            "daypart": np.array([HOUR_PARTS[each] for each in range(24)], dtype=object)[hour],
            "send_hour_local": hour,
            "channel": _taken(people["channel"], row),
            "topic": topics[sends.topic],
            "item_id": items[sends.item],
            "title": titles[sends.item],
            "stage": _taken(people["stage"], row),
            "purpose": np.array(PURPOSES, dtype=object)[sends.explored.astype(int)],
            "propensity": np.round(sends.propensity, 6),
            "arm": topics[sends.topic],
            "reason": _reasons(sends),
            "send_id": [f"{day_sent}-{place:07d}" for place in range(start + 1, stop + 1)],
            "persona_id": pd.Series(_taken(people["persona_id"], row)).infer_objects().to_numpy(),
            "zone": _taken(people["zone"], row),
            "value": np.round(sends.value, 9),
            "show_first": _taken(people["show_first"], row),
        }
        return pd.DataFrame(table, columns=SEND_LIST)


def _taken(column: pd.Series, rows: np.ndarray) -> np.ndarray:
    return column.to_numpy()[rows]


def _reasons(sends: Sends) -> np.ndarray:
    """Say why each is sent, once for each kind of reason."""
    lift = np.round(sends.estimate.astype(float), 1)
    drawn = np.where(sends.explored, np.round(sends.propensity, 2), -1.0)
    # One number for the three: sorting rows of a table would take ten times as long.
    key = (sends.level.astype(np.int64) * 10_000 + np.minimum(lift * 10, 9_999).astype(np.int64)) * 200
    key += np.round(drawn * 100).astype(np.int64) + 1
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    distinct = zip(sends.level[first], lift[first], drawn[first], strict=True)
    words = np.array([_reason(*each) for each in distinct], dtype=object)
    return words[place] if len(words) else np.zeros(0, dtype=object)


def _reason(level: float, lift: float, drawn: float) -> str:
    if drawn >= 0:
        chance = f"{drawn:.0%}" if drawn >= 0.01 else "under 1%"
        return f"drawn by lot, here with a chance of {chance}, so that its effect can be told"
    times = f"{lift:.1f}× as often as by everyone"
    return {
        "user": f"asked for {times}, by what they did themselves",
        "persona": f"asked for {times} in their persona",
        "everyone": "popular with everyone; too little is known of them",
    }.get(LEVELS[int(level)], "ranked for them by what they and others did")


def _by_user(people: People, table: pd.DataFrame | None) -> tuple[pd.DataFrame, np.ndarray] | None:
    """Return a table in the order of the users, with the row of each; strangers are left out."""
    if table is None:
        return None
    rows = people.rows(table["user_id"])
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    return table.iloc[order], rows[order]


def _cut(table: tuple[pd.DataFrame, np.ndarray] | None, start: int, stop: int) -> pd.DataFrame | None:
    if table is None:
        return None
    low, high = np.searchsorted(table[1], (start, stop))
    return table[0].iloc[low:high]
