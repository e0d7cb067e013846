"""What was written in which group by whom, and who is on its roster: read once, as numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from segtool.community.roster import BOT_ROLES, build_roster
from segtool.community.settings import CommunitySettings
from segtool.community.tables import (
    GROUPS_SQL,
    TalkProblems,
    read_activities,
    read_groups,
    read_members,
    read_messages,
)
from segtool.display import Shown
from segtool.engines import literal, quote

ORDER = "group_id, age_days DESC, message_id"  # of the rows of messages, wherever they are read
LEAST_BOT_MESSAGES = 100
ANSWERED_BOT = 0.01  # bots are hardly ever answered; people are
ANSWERED_USUAL = 0.1  # of people's messages: where fewer have a recorded answer, none on record says nothing
SURELY_NO_PERSON = 5  # times that pace, where answers do not tell
BY_PACE = "pace"


@dataclass(frozen=True, repr=False, eq=False)
class Talk(Shown):
    """The messages, rosters and activities of all groups, as numbers.

    Times are seconds before ``as_of``, negative; users, groups and topics are positions in
    ``user_ids``, ``group_ids`` and ``topics``.

    Parameters
    ----------
    user_ids : ndarray of str, shape (n_users,)
        All users of the study, sorted.
    group_ids : ndarray of str, shape (n_groups,)
        Every group that any table names, sorted.
    topics : tuple of str
        Every topic of a message, an activity or a charter, sorted.
    messages : DataFrame, shape (n_messages, 11)
        One row per message, ordered by group, second and message_id: group, user, second, day (local
        calendar day, 0 is that of ``as_of``), hour (local), reply (row of the message it answers, -1
        for none), reply_sure (1 where recorded, the probability where inferred, 0 for none),
        replied_lost (it answers something that is not there), topic (-1 unknown), bot.
    roster : DataFrame
        One row per group and user, in this order: group, user, joined, left (missing: unknown, still
        there), role, inviter (-1 none), stated (in the table of members; else known by writing), bot,
        first, last (second of the first and last message, missing for none), n_messages.
    groups : DataFrame, shape (n_groups, 8)
        group_id, title, charter (topic it is for, -1 not stated), channel, n_members (there now, no
        bots), n_messages (of people), first, last.
    activities : DataFrame
        activity_id, group, start, end (missing: unknown), topic, title; begun before ``as_of``.
    has_roster, has_replies, has_text, has_topics : bool
        What the tables record.
    problems : DataFrame
        what, n and handled: what was found in the data, how often, and what was done with it.
    bots : DataFrame
        user_id and why: named in the settings, by role or by pace. Whoever is a person all the same goes
        into the setting ``people``.
    notes : tuple of str
    """

    user_ids: np.ndarray
    group_ids: np.ndarray
    topics: tuple[str, ...]
    messages: pd.DataFrame
    roster: pd.DataFrame
    groups: pd.DataFrame
    activities: pd.DataFrame
    has_roster: bool
    has_replies: bool
    has_text: bool
    has_topics: bool
    problems: pd.DataFrame
    bots: pd.DataFrame
    notes: tuple[str, ...]
    settings: CommunitySettings
    as_of: pd.Timestamp
    timezone: str
    engine: object

    @property
    def by_people(self) -> np.ndarray:
        """Whether each message is by a person, shape (n_messages,)."""
        return ~self.messages["bot"].to_numpy()

    @property
    def here(self) -> np.ndarray:
        """Whether each row of the roster is of a person who is still there, shape (n_roster,)."""
        return self.roster["left"].isna().to_numpy() & ~self.roster["bot"].to_numpy()

    def texts(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Return what messages say, in the order of ``messages``.

        Parameters
        ----------
        rows : ndarray of int, optional
            Rows of ``messages``; all of them when not given.

        Returns
        -------
        ndarray of str or None, shape (n_messages,) or (len(rows),)
        """
        return self.column("text", rows)

    def column(self, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Return any column of the table of messages in the order of ``messages``, missing where it has none."""
        n = len(self.messages)
        if not n or name not in self.engine.columns("messages"):
            return np.full(n if rows is None else len(rows), None, dtype=object)
        # The same order as that of the rows, since it is the same ORDER BY over the same table.
        table = self.engine.arrow(f"SELECT {quote(name)} FROM messages ORDER BY {ORDER}")
        column = table.column(0)
        column = column if rows is None else column.take(np.asarray(rows, dtype=np.int64))
        return np.array(column.to_pylist(), dtype=object)

    def with_replies(self, reply: np.ndarray, sure: np.ndarray) -> Talk:
        """Return the same talk with other reply links, such as inferred ones.

        Parameters
        ----------
        reply : ndarray of int, shape (n_messages,)
            Row of the message that each one answers, -1 for none.
        sure : ndarray of float, shape (n_messages,)
            Probability of each link, 0 for none.
        """
        linked = self.messages.assign(
            reply=np.asarray(reply, dtype=np.int32), reply_sure=np.asarray(sure, dtype=np.float32)
        )
        return replace(self, messages=linked)

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per group."""
        shown = self.groups.copy()
        for name in ("first", "last"):
            shown[name] = self.as_of + pd.to_timedelta(shown[name], unit="s")
        charter = np.array([*self.topics, None], dtype=object)
        return shown.assign(charter=charter[shown["charter"]])

    def headline(self) -> str:
        """Return how much there is."""
        people = self.roster.loc[~self.roster["bot"], "user"].nunique()
        return (
            f"{len(self.group_ids):,} group{'' if len(self.group_ids) == 1 else 's'}, {people:,} people in them,"
            f" {int(self.by_people.sum()):,} messages, {len(self.activities):,} activities"
        )


def read_talk(sources, settings: CommunitySettings | None = None) -> Talk:
    """Read messages, rosters, groups and activities, whichever of them are there.

    Parameters
    ----------
    sources : Sources
    settings : CommunitySettings, optional

    Returns
    -------
    Talk
        Empty, with a note that says why, where there is nothing to read.

    Examples
    --------
    >>> from segtool.sources import Sources
    >>> messages = pd.DataFrame({"message_id": ["m1", "m2"], "group_id": "g", "user_id": ["a", "b"],
    ...                          "sent_at": ["2026-06-01 09:00", "2026-06-01 09:05"], "reply_to": [None, "m1"]})
    >>> talk = read_talk(Sources.read({"messages": messages}, as_of="2026-07-01"))
    >>> talk.messages[["user", "reply"]].values.tolist(), talk.has_roster
    ([[0, -1], [1, 0]], False)
    """
    settings = settings or CommunitySettings()
    engine, problems = sources.engine, TalkProblems()
    user_ids = engine.query("SELECT user_id FROM user_index ORDER BY user_id")["user_id"].to_numpy(
        dtype=object
    )
    group_ids, topics = _read_names(sources, settings)
    messages, columns = read_messages(sources, group_ids, topics, settings, problems)
    members = read_members(sources, group_ids, problems)
    roster = build_roster(messages, members, problems)
    bots = _find_bots(messages, roster, user_ids, settings)
    is_bot = np.isin(np.arange(len(user_ids)), bots.index)
    messages["bot"], roster["bot"] = is_bot[messages["user"]], is_bot[roster["user"]]
    problems.add("messages by bots", int(messages["bot"].sum()), "left out of every measure")
    problems.add("accounts taken for bots by their pace alone", int((bots["why"] == BY_PACE).sum()),
                 "the table talk.bots names them; whoever is a person goes into the setting people")  # fmt: skip
    # What is recorded, not whether there is a column for it.
    has_replies = bool((messages["reply"] >= 0).any() or messages["replied_lost"].any())
    groups = read_groups(sources, group_ids, topics, messages, roster, settings)
    has_roster = members is not None
    return Talk(
        user_ids=user_ids,
        group_ids=group_ids,
        topics=topics,
        messages=messages,
        roster=roster,
        groups=groups,
        activities=read_activities(sources, group_ids, topics),
        has_roster=has_roster,
        has_replies=has_replies,
        has_text="text" in columns,
        has_topics=bool((messages["topic"] >= 0).any()),
        problems=problems.to_pandas(),
        bots=bots.reset_index(drop=True),
        notes=problems.notes(messages, has_roster, has_replies, len(user_ids), roster, len(group_ids)),
        settings=settings,
        as_of=sources.as_of,
        timezone=sources.timezone,
        engine=engine,
    )


def _read_names(sources, settings: CommunitySettings) -> tuple[np.ndarray, tuple[str, ...]]:
    engine = sources.engine
    named, topics = (
        [],
        [f"SELECT {literal(topic)} AS topic" for topic in sorted(set(settings.charters.values()))],
    )
    for table in ("messages", "members", "groups", "activities"):
        if table not in sources.tables:
            continue
        columns = engine.columns(table)
        if "group_id" in columns:
            named.append(f"SELECT DISTINCT group_id FROM {table}")
        if "topic" in columns:
            topics.append(f"SELECT DISTINCT topic FROM {table} WHERE topic IS NOT NULL")
    if not named:
        return np.array([], dtype=object), ()
    groups = engine.query(GROUPS_SQL.format(union=" UNION ".join(named)))
    if not topics:
        return groups["group_id"].to_numpy(dtype=object), ()
    found = engine.query(f"SELECT DISTINCT topic FROM ({' UNION '.join(topics)}) AS named ORDER BY topic")
    return groups["group_id"].to_numpy(dtype=object), tuple(found["topic"].astype(object))


def _find_bots(
    messages: pd.DataFrame, roster: pd.DataFrame, user_ids: np.ndarray, settings: CommunitySettings
) -> pd.DataFrame:
    """Return user_id and why of each bot, by code: named so, or writing at no human pace and never answered."""
    names = user_ids.astype(str)
    named = np.isin(names, np.array(settings.bots, dtype=str))
    by_role = np.zeros(len(user_ids), dtype=bool)
    by_role[roster.loc[roster["role"].isin(BOT_ROLES), "user"].to_numpy()] = True
    by_pace = _write_like_bots(messages, len(user_ids), settings)
    why = np.select([named, by_role, by_pace], ["named in the settings", "role on the roster", BY_PACE], "")
    codes = np.flatnonzero((why != "") & ~np.isin(names, np.array(settings.people, dtype=str)))
    return pd.DataFrame({"user_id": user_ids[codes], "why": why[codes].astype(object)}, index=codes)


def _write_like_bots(messages: pd.DataFrame, n: int, settings: CommunitySettings) -> np.ndarray:
    """Say of each user whether no person writes so much and is so hardly answered."""
    user = messages["user"].to_numpy()
    written = np.bincount(user, minlength=n)
    days = messages[["user", "day"]].drop_duplicates()
    pace = written / np.maximum(np.bincount(days["user"], minlength=n), 1)
    reply = messages["reply"].to_numpy()
    answered = np.bincount(user[np.unique(reply[reply >= 0])], minlength=n)
    silent = (answered <= ANSWERED_BOT * written) & (written >= LEAST_BOT_MESSAGES)
    fast = silent & (pace >= settings.bot_messages_day)
    # Where others are hardly answered either, as in exports that record quotes alone, silence tells nothing.
    tells = answered[~fast].sum() >= ANSWERED_USUAL * max(written[~fast].sum(), 1)
    return fast if tells else fast & (pace >= SURELY_NO_PERSON * settings.bot_messages_day)
