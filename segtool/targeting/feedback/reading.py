"""What people said to what they were shown, one row each, out of events and sends."""

from __future__ import annotations

import hashlib

import pandas as pd

from segtool.engines import literal
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings

# Event words that are answers to content, and the kind of feedback each is.
KINDS_BY_EVENT = {
    "like": "like",
    "save": "save",
    "share": "share",
    "click": "click",
    "hide": "hide",
    "dislike": "hide",
    "mute": "mute",
    "unsubscribe": "unsubscribe",
    "complain": "complain",
    "report": "complain",
}
# A reply speaks for or against only where the log says which: most replies are questions or chat.
REPLIES = ("comment", "reply", "review")
TONES = ("sentiment", "tone")  # columns that say it: words, or a number above or below 0
GOOD, BAD = ("positive", "pos", "good", "+"), ("negative", "neg", "bad", "-")
REFUSALS = ("hide", "mute", "unsubscribe", "complain")
# On a send the time of a mute or an unsubscribe is its own where it is recorded, else that of sending.
SENT_REFUSALS = {"mute": "muted", "unsubscribe": "unsubscribed"}
FEEDBACK = ["feedback_id", "user_id", "at", "age_days", "kind", "topic", "item_id", "channel", "via", "dated"]
_PARTS = ("user_id", "at", "kind", "topic", "item_id", "channel")


def read_feedback(
    sources,
    settings: TargetingSettings,
    *,
    kinds: tuple[str, ...] | None = None,
    since_days: float | None = None,
) -> pd.DataFrame:
    """Return answers to content from the tables events and sends, oldest first.

    Parameters
    ----------
    sources : Sources
    settings : TargetingSettings
    kinds : tuple of str, optional
        Those wanted alone, of `FEEDBACK_WEIGHTS`, "unsubscribe", "complain", "opt_in" and "release".
    since_days : float, optional
        Only what happened in the last so many days.

    Returns
    -------
    DataFrame
        feedback_id, user_id, at (UTC), age_days, kind, topic, item_id, channel, via ("events" or
        "sends"), dated (False where only the time of sending is known, and it happened at some time after).
        The id of a send is its send_id with the kind; an event has the hash of what it says.
    """
    tables = [_event_sql(sources, settings), _send_sql(sources, settings)]
    found = [sql for sql in tables if sql]
    if not found:
        return pd.DataFrame(columns=FEEDBACK)
    conditions = ["kind IS NOT NULL"]
    if kinds is not None:
        conditions.append(f"kind IN ({_listed(kinds)})")
    if since_days is not None:
        # Refusals on sends are cut below, by their own time.
        late = f"via = 'sends' AND kind IN ({_listed(SENT_REFUSALS)})"
        conditions.append(f"(age_days <= {literal(float(since_days))} OR ({late}))")
    rows = sources.engine.query(f"""
        WITH feedback AS ({" UNION ALL ".join(found)})
        SELECT send_id, user_id, happened_at, age_days, kind, topic, item_id, channel, via
        FROM feedback WHERE {" AND ".join(conditions)}
        ORDER BY happened_at, user_id, kind, topic, item_id, channel, send_id
    """)
    rows["at"] = pd.to_datetime(rows.pop("happened_at"), utc=True)
    rows = _dated(rows, sources)
    if since_days is not None:
        rows = rows[rows["age_days"] <= since_days]
    return with_ids(rows)[FEEDBACK]


def _dated(rows: pd.DataFrame, sources) -> pd.DataFrame:
    """Count the age of refusals on sends from their own time, and say where it is not known."""
    columns = sources.engine.columns("sends") if "sends" in sources.tables else {}
    refused = rows["kind"].isin(SENT_REFUSALS) & (rows["via"] == "sends")
    timed = [kind for kind, name in SENT_REFUSALS.items() if f"{name}_at" in columns]
    timed = refused & rows["kind"].isin(timed)
    own = (sources.as_of - rows["at"]).dt.total_seconds() / 86_400
    return rows.assign(age_days=rows["age_days"].mask(timed, own), dated=~refused | timed)


def feedback_sql(sources, settings: TargetingSettings) -> str | None:
    """Return the SELECT of all feedback (user_id, age_days, kind, topic, item_id, channel, via), if any."""
    found = [sql for sql in (_event_sql(sources, settings), _send_sql(sources, settings)) if sql]
    return " UNION ALL ".join(found) or None


def with_ids(rows: pd.DataFrame) -> pd.DataFrame:
    """Give each row an id that is the same whenever the same thing is read again."""
    if "feedback_id" in rows:
        return rows
    rows = rows.reset_index(drop=True)
    text = rows[[name for name in _PARTS if name in rows]].astype(object)
    joined = ["\x1f".join(map(_plain, row)) for row in text.itertuples(index=False)]
    ids = pd.Series([hashlib.blake2b(t.encode(), digest_size=10).hexdigest() for t in joined], dtype=object)
    if "send_id" in rows:
        sent = rows["send_id"].notna()
        ids = ids.where(~sent, rows["send_id"].astype(str) + "/" + rows["kind"].astype(str))
    return rows.assign(feedback_id=ids)


def _plain(value) -> str:
    return "" if pd.isna(value) else str(value)


def _event_sql(sources, settings: TargetingSettings) -> str | None:
    if "events" not in sources.tables:
        return None
    columns = sources.engine.columns("events")
    words = [f"WHEN event = {literal(word)} THEN '{kind}'" for word, kind in KINDS_BY_EVENT.items()]
    for kind, events in (("opt_in", settings.optin_events), ("release", settings.release_events)):
        if events:
            words.append(f"WHEN event IN ({_listed(events)}) THEN '{kind}'")
    tone = next((name for name in TONES if name in columns), None)
    if tone:
        good, bad = _tone_sql(tone, columns[tone])
        reply = f"event IN ({_listed(REPLIES)})"
        words += [f"WHEN {reply} AND {good} THEN 'reply_positive'"]
        words += [f"WHEN {reply} AND {bad} THEN 'reply_negative'"]
    return (
        f"SELECT CAST(NULL AS VARCHAR) AS send_id, user_id, event_time AS happened_at, age_days, "
        f"CASE {' '.join(words)} END AS kind, {_columns(columns)}, 'events' AS via FROM events"
    )


def _tone_sql(column: str, kind: str) -> tuple[str, str]:
    if kind == "number":
        return f"{column} > 0", f"{column} < 0"
    word = f"lower(CAST({column} AS VARCHAR))"
    return f"{word} IN ({_listed(GOOD)})", f"{word} IN ({_listed(BAD)})"


def _send_sql(sources, settings: TargetingSettings) -> str | None:
    log = SendLog.look(sources, settings)
    if not log.n_sends:
        return None
    columns = sources.engine.columns("sends")
    outcomes = [name for name in ("responded", "opened") if name in columns]
    kinds = {kind: name for kind, name in SENT_REFUSALS.items() if name in log.optouts}
    if "responded" in columns:
        kinds["answered"] = "responded"
    if log.outcome:
        # Unknown is not "no": where an outcome is not on record the send is not called ignored.
        silent = [f"NOT coalesce({name}, FALSE)" for name in (*outcomes, *log.optouts)]
        kinds["ignored"] = " AND ".join(
            [
                *silent,
                f"{log.outcome} IS NOT NULL",
                f"age_days >= {literal(float(settings.ignored_after_days))}",
            ]
        )
    parts = []
    for kind, test in kinds.items():
        # On a send, a mute or an unsubscribe closes the channel it came by, not the topic it was about.
        about = {"topic": "CAST(NULL AS VARCHAR)"} if kind in SENT_REFUSALS else {}
        own = f"{test}_at" if kind in SENT_REFUSALS and f"{test}_at" in columns else None
        when = f"coalesce({own}, sent_at)" if own else "sent_at"
        parts.append(
            f"SELECT send_id, user_id, {when} AS happened_at, age_days, '{kind}' AS kind, "
            f"{_columns(columns, about)}, 'sends' AS via FROM sends WHERE {test}"
        )
    return " UNION ALL ".join(parts) or None


def _columns(columns, instead: dict[str, str] | None = None) -> str:
    instead = instead or {}
    given = {
        name: name if name in columns else "CAST(NULL AS VARCHAR)" for name in ("topic", "item_id", "channel")
    }
    return ", ".join(f"{instead.get(name, sql)} AS {name}" for name, sql in given.items())


def _listed(words) -> str:
    return ", ".join(literal(word) for word in words)
