"""The tables of a community, read as numbers: messages, members, groups and activities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.settings import CommunitySettings
from segtool.notes import known, unknown

DAY = 86_400.0
SECOND = "least(-1, -CAST(ceil(round(age_days * 86400, 3)) AS BIGINT))"
GROUPS_SQL = "SELECT DISTINCT group_id FROM ({union}) AS named WHERE group_id IS NOT NULL ORDER BY group_id"
CODES = """
    users AS (SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index)"""
MESSAGES = ["group", "user", "second", "day", "hour", "reply", "reply_sure", "replied_lost", "topic", "bot"]


class TalkProblems:
    """What was found in the data that could not be taken as it stood, counted."""

    def __init__(self):
        self._rows: list[tuple[str, int, str]] = []

    def add(self, what: str, n: int, handled: str) -> None:
        """Count a problem, if there was any."""
        if n:
            self._rows.append((what, n, handled))

    def to_pandas(self) -> pd.DataFrame:
        """Return what, n and handled, in the order found."""
        return pd.DataFrame(self._rows, columns=["what", "n", "handled"])

    def notes(self, messages, has_roster, has_replies, n_users, roster, n_groups) -> tuple[str, ...]:
        """Return what a reader must know of the tables before any figure."""
        notes = [known(f"Groups: {what} ({n:,}): {handled}.") for what, n, handled in self._rows]
        if not n_groups:
            return (unknown("Community: there is no table of messages, members or groups."),)
        if messages.empty:
            notes.append(unknown("Groups: nobody wrote anything that is on record, so health, roles and ties "
                                 "rest on the roster alone."))  # fmt: skip
        elif not has_roster:
            notes.append(unknown("Groups: there is no table of members, so those who only read are not seen; "
                                 "sizes are those of who wrote."))  # fmt: skip
        if len(messages) and not has_replies:
            notes.append(
                unknown("Groups: messages do not say what they answer (reply_to); links are inferred.")
            )
        outside = n_users - roster["user"].nunique()
        if outside:
            notes.append(known(f"Groups: {outside:,} of {n_users:,} users are in no group."))
        return tuple(notes)


def places(values: pd.Series, names) -> np.ndarray:
    """Return the position of each value among sorted names, -1 for a missing or other one."""
    if not len(names):
        return np.full(len(values), -1, dtype=np.int64)
    coded = values.astype("category")
    of_category = pd.Index(np.asarray(names, dtype=object)).get_indexer(coded.cat.categories.astype(object))
    return np.append(of_category, -1)[coded.cat.codes.to_numpy()]


def read_messages(
    sources, group_ids, topics, settings: CommunitySettings, problems: TalkProblems
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the messages as numbers, as `Talk` says, and the columns the table has."""
    if "messages" not in sources.tables:
        return _no_messages(), {}
    engine = sources.engine
    columns = engine.columns("messages")
    reply = "reply_to" if "reply_to" in columns else "CAST(NULL AS VARCHAR)"
    topic = "topic" if "topic" in columns else "CAST(NULL AS VARCHAR)"
    moment = sources.as_of.tz_convert(sources.timezone)
    rows = engine.query(f"""
        WITH {CODES},
        numbered AS (
            SELECT message_id, group_id, user_id, {reply} AS reply_to, {topic} AS topic, age_days, local_date,
                   local_hour, row_number() OVER (ORDER BY group_id, age_days DESC, message_id) - 1 AS place
            FROM messages
        )
        SELECT one.group_id, users.code, {SECOND.replace("age_days", "one.age_days")} AS second,
               date_diff('day', DATE '{moment.date()}', one.local_date) AS day, one.local_hour AS hour,
               other.place AS reply, one.reply_to IS NOT NULL AS replied, one.topic
        FROM numbered AS one
        JOIN users ON users.user_id = one.user_id
        LEFT JOIN numbered AS other ON other.message_id = one.reply_to
        ORDER BY one.place
    """)
    frame = pd.DataFrame(
        {
            "group": places(rows["group_id"], group_ids).astype(np.int32),
            "user": rows["code"].to_numpy(np.int32),
            "second": rows["second"].to_numpy(np.int64),
            "day": rows["day"].to_numpy(np.int32),
            "hour": rows["hour"].to_numpy(np.int8),
            "reply": rows["reply"].fillna(-1).to_numpy(np.int32),
        }
    )
    frame["replied_lost"] = rows["replied"].to_numpy(bool)
    frame["topic"] = places(rows["topic"], topics).astype(np.int16)
    return _check_replies(frame, settings, problems), columns


def _check_replies(frame: pd.DataFrame, settings: CommunitySettings, problems: TalkProblems) -> pd.DataFrame:
    """Keep the links that can be: to a message of somebody else, in the same group, not later."""
    reply, replied = frame["reply"].to_numpy(), frame["replied_lost"].to_numpy()
    to = np.maximum(reply, 0)
    linked = reply >= 0
    user, group, second = (frame[name].to_numpy() for name in ("user", "group", "second"))
    late = linked & (second[to] - second > 0) if len(frame) else linked
    skewed = late & (second[to] - second > settings.clock_skew_minutes * 60) if len(frame) else linked
    own = linked & (user[to] == user) if len(frame) else linked
    away = linked & (group[to] != group) if len(frame) else linked
    problems.add("answers to a message that is not there", int((replied & ~linked).sum()),
                 "they count as answers, but for nobody")  # fmt: skip
    problems.add("answers to oneself", int(own.sum()), "not counted as answers")
    problems.add("answers across groups", int((away & ~own).sum()), "they count as answers, but for nobody")
    problems.add("answers stamped before what they answer", int((late & ~skewed & ~own & ~away).sum()),
                 "kept: clocks differ by minutes")  # fmt: skip
    problems.add("answers stamped long before what they answer", int((skewed & ~own & ~away).sum()),
                 "they count as answers, but for nobody")  # fmt: skip
    good = linked & ~own & ~away & ~skewed
    frame["reply"] = np.where(good, reply, -1).astype(np.int32)
    frame["reply_sure"] = good.astype(np.float32)
    frame["replied_lost"] = replied & ~good & ~own
    frame["bot"] = False
    return frame[MESSAGES]


def _no_messages() -> pd.DataFrame:
    kinds = {
        "group": np.int32, "user": np.int32, "second": np.int64, "day": np.int32, "hour": np.int8,
        "reply": np.int32, "reply_sure": np.float32, "replied_lost": bool, "topic": np.int16, "bot": bool,
    }  # fmt: skip
    return pd.DataFrame({name: np.array([], dtype=kind) for name, kind in kinds.items()})


def seconds_before(times: pd.Series, as_of: pd.Timestamp) -> np.ndarray:
    """Return UTC times without a zone as seconds before as_of, missing for none."""
    moment = as_of.tz_convert("UTC").tz_localize(None)
    return ((pd.to_datetime(times) - moment) / pd.Timedelta(seconds=1)).to_numpy(dtype=float)


def read_members(sources, group_ids, problems: TalkProblems) -> pd.DataFrame | None:
    """Return one row per stay in a group: group, user, joined, left, role, inviter; None without a table."""
    if "members" not in sources.tables:
        return None
    engine = sources.engine
    columns = engine.columns("members")
    joined, left = (
        name if name in columns else "CAST(NULL AS TIMESTAMP)" for name in ("joined_at", "left_at")
    )
    role, inviter = (name if name in columns else "CAST(NULL AS VARCHAR)" for name in ("role", "invited_by"))
    rows = engine.query(f"""
        WITH {CODES}
        SELECT members.group_id, users.code AS user, {joined} AS joined, {left} AS left_at, {role} AS role,
               inviters.code AS inviter, {inviter} IS NOT NULL AS invited
        FROM members
        JOIN users ON users.user_id = members.user_id
        LEFT JOIN users AS inviters ON inviters.user_id = {inviter}
        ORDER BY group_id, users.code, joined, left_at, role, inviter
    """)
    problems.add("inviters that are no users", int((rows["invited"] & rows["inviter"].isna()).sum()),
                 "they count as invited, by somebody who is not known")  # fmt: skip
    return pd.DataFrame(
        {
            "group": places(rows["group_id"], group_ids).astype(np.int32),
            "user": rows["user"].to_numpy(np.int32),
            "joined": seconds_before(rows["joined"], sources.as_of),
            "left": seconds_before(rows["left_at"], sources.as_of),
            "role": rows["role"].astype(object).where(rows["role"].notna(), "").str.lower().to_numpy(object),
            "inviter": rows["inviter"].fillna(-1).to_numpy(np.int32),
        }
    )


def read_groups(
    sources, group_ids, topics, messages: pd.DataFrame, roster: pd.DataFrame, settings: CommunitySettings
) -> pd.DataFrame:
    """Return one row per group: what it is called, is for, holds, and when people wrote there."""
    n = len(group_ids)
    said = pd.DataFrame({"title": "", "topic": None, "channel": ""}, index=pd.Index(group_ids), dtype=object)
    if "groups" in sources.tables:
        columns = [name for name in said if name in sources.engine.columns("groups")]
        names = ", ".join(["group_id", *columns])
        given = sources.engine.query(f"SELECT {names} FROM groups ORDER BY group_id").set_index("group_id")
        said.update(given.astype(object))
    said["topic"] = (
        pd.Series(settings.charters, dtype=object).reindex(said.index).combine_first(said["topic"])
    )
    here = roster["left"].isna() & ~roster["bot"]
    spoken = messages.loc[~messages["bot"], ["group", "second"]]
    times = spoken.groupby("group")["second"].agg(["min", "max"]).reindex(range(n))
    return pd.DataFrame(
        {
            "group_id": group_ids,
            "title": said["title"].to_numpy(object),
            "charter": places(said["topic"], topics).astype(np.int16),
            "channel": said["channel"].to_numpy(object),
            "n_members": np.bincount(roster.loc[here, "group"], minlength=n),
            "n_messages": np.bincount(spoken["group"], minlength=n),
            "first": times["min"].to_numpy(float),
            "last": times["max"].to_numpy(float),
        }
    )


def read_activities(sources, group_ids, topics) -> pd.DataFrame:
    """Return the activities begun before as_of, in the order of group, start and id."""
    if "activities" not in sources.tables:
        names = ["activity_id", "group", "start", "end", "topic", "title"]
        return pd.DataFrame({name: np.array([], dtype=object) for name in names}).astype(
            {"group": np.int32, "start": float, "end": float, "topic": np.int16}
        )
    engine = sources.engine
    columns = engine.columns("activities")
    end = "ends_at" if "ends_at" in columns else "CAST(NULL AS TIMESTAMP)"
    topic, title = (name if name in columns else "CAST(NULL AS VARCHAR)" for name in ("topic", "title"))
    rows = engine.query(f"""
        SELECT activity_id, group_id, starts_at, {end} AS ends_at, {topic} AS topic, {title} AS title
        FROM activities WHERE age_days > 0 ORDER BY group_id, starts_at, activity_id
    """)
    return pd.DataFrame(
        {
            "activity_id": rows["activity_id"].to_numpy(object),
            "group": places(rows["group_id"], group_ids).astype(np.int32),
            "start": seconds_before(rows["starts_at"], sources.as_of),
            "end": np.minimum(seconds_before(rows["ends_at"], sources.as_of), 0.0),
            "topic": places(rows["topic"], topics).astype(np.int16),
            "title": rows["title"].astype(object).where(rows["title"].notna(), "").to_numpy(object),
        }
    )
