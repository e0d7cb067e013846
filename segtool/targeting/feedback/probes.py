"""Topics whose rest is over: one send may ask whether they are wanted again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.targeting.feedback.reading import read_feedback
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings

PROBES = ["user_id", "topic", "state", "days_ago"]
FOR = ("like", "save", "share", "click")
MUTED = "SELECT user_id FROM events WHERE event IN ('mute', 'hide', 'dislike') AND topic IS NOT NULL"


def read_probes(
    sources, log: SendLog, settings: TargetingSettings, *, feedback: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the muted topics whose rest ended, and how far each is.

    Parameters
    ----------
    sources : Sources
    log : SendLog
    settings : TargetingSettings
    feedback : DataFrame, optional
        Refusals as from `read_feedback`, where they were read already.

    Returns
    -------
    DataFrame
        user_id, topic, state, days_ago. "due": one send of the topic may be made, and no second before
        its answer. "sent": it was made, too lately to count as ignored, and the topic is closed until its
        answer comes. "resting": it was ignored, and the topic rests again for ``block_days``. Of these
        `read_blocks` makes blocks. A topic that was answered, or taken up by the user
        after the mute, is free and not listed. ``days_ago`` counts from the mute, or from the probe.
    """
    if feedback is None:
        feedback = read_feedback(sources, settings, kinds=("mute", "hide"))
    muted = feedback[feedback["topic"].notna()]
    muted = muted[(muted["kind"] == "mute") | ((muted["kind"] == "hide") & muted["item_id"].isna())]
    age = muted.groupby(["user_id", "topic"])["age_days"].min()
    over = age[age > settings.block_days].rename("age").reset_index()
    if over.empty:
        return pd.DataFrame(columns=PROBES)
    over = over.merge(_wanted_since(sources), on=["user_id", "topic"], how="left")
    over = over[~(over["wanted"] < over["age"])]
    if over.empty:
        return pd.DataFrame(columns=PROBES)
    return _follow_up(over, _sends_of(sources, log, over), settings)


def _follow_up(over: pd.DataFrame, sends: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    """Find each topic's latest send after its rest, and what that leaves it at."""
    tried = over.merge(sends, on=["user_id", "topic"], how="left")
    tried = tried[~(tried["sent_age"] >= tried["age"] - settings.block_days)]
    key = ["user_id", "topic"]
    freed = tried[tried["hit"].fillna(0.0).gt(0)][key].drop_duplicates()
    latest = tried.groupby(key)["sent_age"].min()
    table = over.set_index(key).assign(probe=latest).reset_index()
    table = table.merge(freed.assign(freed=True), on=key, how="left")
    table = table[table["freed"].isna()]
    fresh = table["probe"] < settings.ignored_after_days
    rests = table["probe"] <= settings.block_days
    table["state"] = np.select([fresh, rests], ["sent", "resting"], "due")
    table["days_ago"] = table["probe"].where(fresh | rests, table["age"])
    return table.sort_values(key, ignore_index=True)[PROBES]


def _wanted_since(sources) -> pd.DataFrame:
    """Return the age of each user's latest sign of wanting a topic they once refused."""
    return sources.engine.query(f"""
        SELECT user_id, topic, min(age_days) AS wanted FROM events
        WHERE event IN ({", ".join(map(literal, FOR))}) AND topic IS NOT NULL AND user_id IN ({MUTED})
        GROUP BY user_id, topic ORDER BY user_id, topic
    """)


def _sends_of(sources, log: SendLog, over: pd.DataFrame) -> pd.DataFrame:
    """Return the sends of the topics at hand: user_id, topic, sent_age, hit."""
    if not log.n_sends or "topic" not in sources.engine.columns("sends"):
        return pd.DataFrame({"user_id": [], "topic": [], "sent_age": [], "hit": []}).astype(
            {"user_id": object, "topic": object, "sent_age": float, "hit": float}
        )
    topics = ", ".join(literal(topic) for topic in sorted(over["topic"].unique()))
    return sources.engine.query(f"""
        SELECT user_id, topic, age_days AS sent_age, {log.hit_sql} AS hit FROM sends
        WHERE topic IN ({topics}) AND user_id IN ({MUTED})
        ORDER BY user_id, topic, sent_age
    """)
