"""A world of chat groups with known fates: whom others follow, what activities did, who came and went.

Where :func:`simulate_circle` is one community to read through, this is many groups of one's choice, to
measure on: everything a reading of groups claims to find is planted here and told in ``truth``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.display import Shown
from segtool.errors import ParameterError
from segtool.sources.simulate.groups_activities import Effects, draw_activities
from segtool.sources.simulate.groups_fates import (
    CHARTERS,
    FATES,
    check_fates,
    draw_calendar,
    draw_noise,
    draw_size,
)
from segtool.sources.simulate.groups_members import Members, draw_members
from segtool.sources.simulate.groups_tables import GroupTables
from segtool.sources.simulate.groups_talk import Messages, Setting, add_trouble, draw_talk
from segtool.sources.simulate.words import TOPIC_KEYS

ZONE = "Asia/Shanghai"
CIRCLES_FROM, THREE_CIRCLES_FROM = 60, 110  # members
WEEKEND = np.array([1.0, 1.0, 1.0, 1.0, 1.05, 0.85, 0.8])  # Monday to Sunday


class GroupWorld(Shown):
    """Simulated groups: made by :func:`simulate_groups`, not by hand.

    Attributes
    ----------
    tables : dict of str to DataFrame
        ``messages``, ``members``, ``activities`` and ``groups``, ready for ``Sources.read``; times are local
        and carry no zone.
    truth : dict of str to DataFrame
        ``groups``, ``members`` (planted influence, leaders, lurkers), ``activities`` (planted lifts),
        ``returned``, ``waves``, ``troubles``, ``invitations`` and ``topics`` (of circles).
    as_of, timezone : str
        The day the data ends, and the zone of all times.
    days : int
    """

    def __init__(
        self, tables: dict[str, pd.DataFrame], truth: dict[str, pd.DataFrame], as_of: str, days: int
    ):
        self.tables, self.truth, self.as_of, self.days = tables, truth, as_of, days
        self.timezone = ZONE

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per group: its fate and sizes."""
        return self.truth["groups"].copy()

    def headline(self) -> str:
        """Return how much was simulated."""
        return (
            f"{len(self.truth['groups'])} simulated groups over {self.days} days up to {self.as_of}, "
            f"{len(self.tables['messages']):,} messages"
        )


def simulate_groups(
    fates: Sequence[str],
    *,
    n_members: tuple[int, int] = (40, 140),
    days: int = 182,
    random_state: int = 0,
    as_of: str = "2026-07-01",
    n_activities: int | None = None,
    dud_share: float = 0.3,
    lift: float = 2.2,
    n_troubles: int | None = None,
    n_waves: int | None = None,
    harmful_waves: bool | None = None,
    seats_per_user: float = 1.2,
    n_bots: int = 0,
    deleted_share: float = 0.0,
    skewed_share: float = 0.0,
    with_text: bool = True,
) -> GroupWorld:
    """Simulate chat groups of chosen fates, with everything planted told.

    Parameters
    ----------
    fates : sequence of str
        One per group: thriving, quiet, dead, chat_room, overgrown, loudspeaker or new.
    n_members : pair of int, default (40, 140)
        Range of how many were ever in a group; quiet, new and overgrown groups have their own.
    days : int, default 182
    random_state : int, default 0
    as_of : str, default "2026-07-01"
        The day the data ends.
    n_activities, n_troubles, n_waves : int, optional
        Per group; by fate where not given.
    dud_share : float, default 0.3
        Share of activities that do nothing.
    lift : float, default 2.2
        Median of how many times the usual talk an activity that works brings.
    harmful_waves : bool, optional
        Whether waves of newcomers change the topic and silence veterans; by fate where not given.
    seats_per_user : float, default 1.2
        Groups a user is in, on average; above 1 groups share members.
    n_bots : int, default 0
        Per group: writes each day at one hour, and is not answered.
    deleted_share, skewed_share : float, default 0
        Share of messages that are gone from the export (answers to them stay), and whose clock is wrong
        by up to ten minutes.
    with_text : bool, default True

    Returns
    -------
    GroupWorld

    Raises
    ------
    ParameterError
        A fate that is not known, or a number out of range.

    Examples
    --------
    >>> world = simulate_groups(["thriving", "dead"], n_members=(40, 50), days=60, random_state=1)
    >>> sorted(world.tables), world.truth["groups"]["fate"].tolist()
    (['activities', 'groups', 'members', 'messages'], ['thriving', 'dead'])
    """
    fates = check_fates(fates)
    _check(n_members, days, dud_share, lift, seats_per_user, deleted_share, skewed_share)
    wanted = {"n_activities": n_activities, "n_troubles": n_troubles, "n_waves": n_waves, "n_bots": n_bots}
    for name, value in wanted.items():
        if value is not None:
            check_number(name, value, low=0, integer=True)
    end = _check_day(as_of)
    calendar = draw_calendar(days, np.random.default_rng([random_state, 0]))
    calendar = calendar * WEEKEND[(end.weekday() - days + np.arange(days)) % 7]
    sizes = [
        draw_size(FATES[fate], n_members, np.random.default_rng([random_state, 1, number]))
        for number, fate in enumerate(fates)
    ]
    n_users = max(*sizes, int(sum(sizes) / seats_per_user)) if len(sizes) > 1 else sizes[0]
    names = np.array([f"u{number:0{len(str(n_users))}d}" for number in range(1, n_users + 1)], dtype=object)
    options = {**wanted, "dud_share": dud_share, "lift": lift, "harmful_waves": harmful_waves}
    parts = []
    for number, (fate, size) in enumerate(zip(fates, sizes, strict=True)):
        rng = np.random.default_rng([random_state, 2, number])
        group_id = f"g{number + 1:0{max(2, len(str(len(fates))))}d}"
        parts.append(_simulate(fate, group_id, size, names, calendar, end, days, options, with_text, rng))
    stacked = {name: _stack([part[name] for part in parts]) for name in parts[0]}
    rng = np.random.default_rng([random_state, 3])
    return _assemble(stacked, end, days, deleted_share, skewed_share, rng)


def _check(n_members, days, dud_share, lift, seats_per_user, deleted_share, skewed_share) -> None:
    low, high = n_members
    check_number("n_members[0]", low, low=6, integer=True)
    check_number("n_members[1]", high, low=low, integer=True)
    check_number("days", days, low=28, integer=True)
    check_number("lift", lift, low=0, low_open=True)
    check_number("seats_per_user", seats_per_user, low=1)
    for name, share in (
        ("dud_share", dud_share),
        ("deleted_share", deleted_share),
        ("skewed_share", skewed_share),
    ):
        check_number(name, share, low=0, high=1)


def _check_day(as_of: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(as_of).normalize()
    except ValueError:
        raise ParameterError(f"as_of is {as_of!r}.", 'a day such as "2026-07-01".') from None


def _simulate(fate_name, group_id, size, names, calendar, end, days, options, with_text, rng):
    """Simulate one group: its members, its plan, its talk, and the tables and truth of it."""
    fate = FATES[fate_name]
    charter = TOPIC_KEYS.index(CHARTERS[rng.integers(len(CHARTERS))])
    founded = rng.uniform(*fate.founded) * days
    waves = _draw_waves(fate, founded, days, options, rng)
    n_circles = 1 + (size >= CIRCLES_FROM) + (size >= THREE_CIRCLES_FROM)
    user = rng.choice(len(names), size, replace=False)
    members = draw_members(fate, user, founded, waves, n_circles, days, rng)
    asked = options["n_activities"]
    n_activities = fate.activities if asked is None else asked
    silent = rng.uniform(*fate.silent_after) * days if fate.silent_after else float(days)
    effects = draw_activities(
        n_activities, charter, members, founded, int(min(days, silent)), options["lift"],
        options["dud_share"], rng,
    )  # fmt: skip
    effects = _pad(effects, days, len(members), charter)
    weather = calendar * draw_noise(days, rng)
    circle_topics = np.r_[charter, rng.choice(_other_charters(charter), 2, replace=False)][:n_circles]
    harms = options["harmful_waves"]
    fate = fate if harms is None else _with_harm(fate, harms)
    where = Setting(charter, circle_topics, waves, founded, silent, weather)
    talk = draw_talk(fate, members, where, effects, days, rng)
    talk, troubles = _add_troubles(talk, fate, members, where, days, options, rng)
    told = GroupTables(fate_name, fate, group_id, members, where, effects, talk, troubles, names, end, days)
    return told.frames(options["n_bots"], with_text, rng)


def _with_harm(fate, harms: bool):
    return replace(fate, wave_shift=0.25 if harms else 0.0, wave_veterans=0.5 if harms else 0.0)


def _other_charters(charter: int) -> np.ndarray:
    return np.array([TOPIC_KEYS.index(topic) for topic in CHARTERS if TOPIC_KEYS.index(topic) != charter])


def _draw_waves(fate, founded: float, days: int, options: dict, rng) -> np.ndarray:
    n = fate.waves if options["n_waves"] is None else options["n_waves"]
    first = max(founded, 0.0) + 0.2 * days
    return np.sort(np.floor(rng.uniform(first, max(first + 1, 0.8 * days), n)))


def _pad(effects: Effects, days: int, n_members: int, charter: int) -> Effects:
    """Let the effects of a group that falls silent reach to the end of the window."""
    missing = days - len(effects.log_lift)
    if not missing:
        return effects
    return Effects(
        effects.planned,
        np.r_[effects.log_lift, np.zeros(missing)],
        np.r_[effects.steer, np.zeros(missing)],
        np.r_[effects.topic, np.full(missing, charter)],
        np.r_[effects.extra, np.zeros((missing, n_members))],
        effects.returners,
    )


def _add_troubles(talk: Messages, fate, members: Members, where: Setting, days: int, options: dict, rng):
    asked = options["n_troubles"]
    n = int(rng.random() < fate.troubles) if asked is None else asked
    troubles = []
    first = max(where.founded, 0.0) + 0.25 * days
    for day in np.sort(rng.uniform(first, max(first + 1, min(where.silent_day, days) - 4), n)):
        if day < days - 3:
            talk, told = add_trouble(talk, members, float(np.floor(day) + 0.5), where.charter, rng)
            troubles += [told] if told else []
    return talk, troubles


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack frames; empty ones would change the types of columns."""
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0].reset_index(drop=True)


def _assemble(stacked, end, days: int, deleted_share: float, skewed_share: float, rng) -> GroupWorld:
    activities = stacked["activities"]
    order = activities.sort_values(["starts_at", "group_id", "number"]).index
    activities = activities.loc[order].reset_index(drop=True)
    activities.insert(0, "activity_id", [f"a{number + 1:04d}" for number in range(len(activities))])
    groups, members = stacked["groups"], stacked["truth_members"]
    tables = {
        "messages": _number(stacked["messages"], deleted_share, skewed_share, rng),
        "members": stacked["members"],
        "activities": activities[
            ["activity_id", "group_id", "starts_at", "ends_at", "topic", "title"]
        ].copy(),
        "groups": groups[["group_id", "title", "topic"]].copy(),
    }
    keys = activities[["group_id", "number", "activity_id"]]
    returned = stacked["returned"].merge(keys, how="left", on=["group_id", "number"])
    invited = members[members["invited_by"].notna()]
    truth = {
        "groups": groups.rename(columns={"topic": "charter"}).drop(columns="title"),
        "members": members,
        "activities": activities.drop(columns=["title", "number"]),
        "returned": returned[["activity_id", "group_id", "user_id", "stayed"]],
        "invitations": invited[["group_id", "user_id", "invited_by", "joined_at"]].reset_index(drop=True),
        **{name: stacked[name] for name in ("waves", "troubles", "topics")},
    }
    return GroupWorld(tables, truth, end.date().isoformat(), days)


def _number(messages: pd.DataFrame, deleted_share: float, skewed_share: float, rng) -> pd.DataFrame:
    """Number messages by time, name whom they answer, then lose and skew the shares asked for."""
    own = messages.groupby("group_id", sort=False).cumcount().to_numpy()
    offset = np.arange(len(messages)) - own
    order = np.lexsort((own, messages["group_id"].to_numpy().astype(str), messages["sent_at"].to_numpy()))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    ids = np.array([f"m{number:07d}" for number in rank], dtype=object)
    reply = messages["reply"].to_numpy()
    table = pd.DataFrame(
        {"message_id": ids, "group_id": messages["group_id"], "user_id": messages["user_id"],
         "sent_at": messages["sent_at"],
         "reply_to": np.where(reply >= 0, ids[np.maximum(reply + offset, 0)], None),
         "topic": messages["topic"], "text": messages["text"]}
    )  # fmt: skip
    if skewed_share:
        wrong = rng.random(len(table)) < skewed_share
        minutes = np.where(wrong, rng.uniform(-10, 10, len(table)), 0.0)
        table["sent_at"] = (table["sent_at"] + pd.to_timedelta((minutes * 60).round(), unit="s")).clip(
            upper=messages["sent_at"].max()
        )
    kept = rng.random(len(table)) >= deleted_share if deleted_share else np.ones(len(table), dtype=bool)
    return table.loc[order[kept[order]]].reset_index(drop=True)
