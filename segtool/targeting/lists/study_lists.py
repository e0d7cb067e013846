"""Variety in a study: lists by its settings, and what variety costs its own users."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.checks import check_columns, check_number
from segtool.engines import literal
from segtool.errors import InputError
from segtool.targeting.items.frames import plan_frame
from segtool.targeting.lists.diversify import diversify_lists
from segtool.targeting.lists.tradeoff import WEIGHTS, Tradeoff, measure_tradeoff
from segtool.targeting.settings import TargetingSettings

POOL = 100
PRIOR_EVENTS = 20.0  # by which a user's shares of topics are drawn to everyone's
CELLS = 20_000_000  # users x items held at once: 160 MB
AGAINST = ("hide", "complain")
KEPT = ("user_id", "rank", "item_id", "score")


def vary_items(
    ranked: pd.DataFrame,
    content: pd.DataFrame | None,
    settings: TargetingSettings | None = None,
    *,
    top_k: int = 10,
    profile: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Choose varied lists out of items ranked for users, as the settings say.

    Parameters
    ----------
    ranked : DataFrame
        user_id, item_id, score; some 100 per user, so that there is something to choose from. Further
        columns are kept.
    content : DataFrame or None
        item_id, topic. Without it, or where the settings say "none", the best are taken as they are.
    settings : TargetingSettings, optional
        Read for ``diversify``, ``mmr_weight``, ``calibration_weight`` and ``max_topic_share``.
    top_k : int
    profile : DataFrame, optional
        user_id, topic, share: for "calibrate", which falls back to "mmr" without it.

    Returns
    -------
    DataFrame
        The rows chosen, with their new ``rank``.

    Examples
    --------
    >>> ranked = pd.DataFrame({"user_id": "a", "item_id": ["1", "2", "3", "4"], "score": [9, 8.9, 8.8, 1]})
    >>> content = pd.DataFrame({"item_id": ["1", "2", "3", "4"], "topic": ["tea", "tea", "milk", "milk"]})
    >>> vary_items(ranked, content, top_k=2)["item_id"].tolist()
    ['1', '3']
    """
    settings = settings or TargetingSettings()
    check_columns(ranked.columns, ("user_id", "item_id", "score"), "ranked")
    topic = pd.Series(dtype=object)
    if content is not None and len(content):
        topic = content.dropna(subset=["item_id"]).drop_duplicates("item_id").set_index("item_id")["topic"]
    method = settings.diversify
    method = "mmr" if method == "calibrate" and profile is None else method
    weight = {"calibrate": settings.calibration_weight, "none": 0.0}.get(method, settings.mmr_weight)
    candidates = ranked[["user_id", "item_id", "score"]].assign(topic=ranked["item_id"].map(topic))
    lists = diversify_lists(
        candidates,
        top_k,
        method=method,
        weight=weight,
        profile=profile,
        max_topic_share=1.0 if method == "none" or topic.empty else settings.max_topic_share,
    )
    more = ranked.drop(columns=["rank", "score"], errors="ignore").drop_duplicates(["user_id", "item_id"])
    chosen = lists.drop(columns="topic").merge(more, on=["user_id", "item_id"], validate="one_to_one")
    return chosen[[*KEPT, *(name for name in chosen.columns if name not in KEPT)]]


def measure_study_tradeoff(
    sources,
    settings: TargetingSettings | None = None,
    *,
    k: int = 10,
    method: str | None = None,
    weights: Sequence[float] = WEIGHTS,
    max_users: int = 2000,
    random_state: int = 0,
) -> Tradeoff:
    """Measure what variety costs the users of a study, on the last weeks before its date.

    Items are ranked from what was known ``validation_days`` before the study's date, and judged by what
    the same users took up since.

    Parameters
    ----------
    sources : Sources
    settings : TargetingSettings, optional
    k : int
        Length of a list.
    method : {"mmr", "mmr_closest", "calibrate"}, optional
        As the settings say.
    weights : sequence of float
    max_users : int
        Users looked at, drawn by their ids.
    random_state : int

    Returns
    -------
    Tradeoff

    Raises
    ------
    InputError
        If no event names an item, or nothing happened before the last weeks or in them.
    """
    settings = settings or TargetingSettings()
    check_number("max_users", max_users, low=1, integer=True)
    method = method or ("mmr" if settings.diversify == "none" else settings.diversify)
    content = sources.to_pandas("content") if "content" in sources.tables else None
    events = _sampled_events(sources, settings, max_users)
    cut = sources.as_of - pd.Timedelta(days=settings.validation_days)
    at = pd.to_datetime(events["event_time"], utc=True)
    before, since = events[at < cut], events[at >= cut]
    if before.empty or since.empty:
        side = "before" if before.empty else "in"
        raise InputError(
            f"Nothing happened with an item {side} the last {settings.validation_days:g} days.",
            "events on both sides of that day.",
            "Set validation_days to a time within the events.",
        )
    plan = plan_frame(before, content, as_of=cut, settings=settings, random_state=random_state)
    ranked = pd.concat(plan.batches(POOL), ignore_index=True)
    took_up = since[since["event"].isin([word for word in settings.acted_events if word not in AGAINST])]
    return _judge(ranked, before, took_up, content, plan.repeat, k, method, weights)


def _sampled_events(sources, settings, max_users: int) -> pd.DataFrame:
    there = sources.engine.columns("events") if "events" in sources.tables else {}
    if "item_id" not in there:
        raise InputError("No event names an item.", "events with item_id.", "Map the column that names it.")
    window = literal(float(settings.validation_days))
    # md5 draws users by their ids: the same ones each time, whoever else is there.
    users = sources.engine.query(f"""
        SELECT user_id FROM events WHERE item_id IS NOT NULL GROUP BY user_id
        HAVING min(age_days) <= {window} AND max(age_days) > {window}
        ORDER BY md5(user_id), user_id LIMIT {int(max_users)}
    """)["user_id"]
    if users.empty:
        raise InputError("Nobody did anything with an item both before and in the last weeks.", "such users.")
    named = ", ".join(literal(str(user)) for user in users)
    topic = ", topic" if "topic" in there else ""
    return sources.engine.query(f"""
        SELECT user_id, item_id, event, event_time{topic} FROM events
        WHERE item_id IS NOT NULL AND user_id IN ({named})
        ORDER BY user_id, event_time, item_id, event
    """)


def _judge(ranked, before, took_up, content, repeat: bool, k, method, weights) -> Tradeoff:
    users = pd.Index(np.sort(ranked["user_id"].unique()))
    items = pd.Index(np.sort(pd.unique(pd.concat([ranked["item_id"], took_up["item_id"]]))))
    users = users[: max(1, CELLS // max(len(items), 1))]

    def matrix(table: pd.DataFrame) -> sparse.csr_array:
        row, column = users.get_indexer(table["user_id"]), items.get_indexer(table["item_id"])
        good = (row >= 0) & (column >= 0)
        shape = (len(users), len(items))
        return sparse.csr_array((np.ones(good.sum()), (row[good], column[good])), shape=shape)

    row, column = users.get_indexer(ranked["user_id"]), items.get_indexer(ranked["item_id"])
    scores = np.full((len(users), len(items)), np.nan)
    scores[row[row >= 0], column[row >= 0]] = ranked["score"].to_numpy(dtype=float)[row >= 0]
    later, earlier = matrix(took_up), matrix(before)
    if not repeat:
        later = later - later.multiply(earlier > 0)  # what was known before is no discovery
    topics = _topics_of(items, before, content)
    names, place = np.unique(topics[topics != ""], return_inverse=True)
    bears = sparse.csr_array(
        (np.ones(len(place)), (np.flatnonzero(topics != ""), place)), shape=(len(items), len(names))
    )
    held = (earlier @ bears).toarray()
    base = held.sum(axis=0) / max(held.sum(), 1)
    profile = (held + PRIOR_EVENTS * base) / (held.sum(axis=1, keepdims=True) + PRIOR_EVENTS)
    return measure_tradeoff(scores, bears, later, k, method=method, weights=weights, profile=profile)


def _topics_of(items: pd.Index, events: pd.DataFrame, content: pd.DataFrame | None) -> np.ndarray:
    """Return the topic of each item, by content or else by its events; "" where neither says."""
    topic = pd.Series(dtype=object)
    if "topic" in events:
        topic = (
            events.dropna(subset=["topic"]).groupby("item_id")["topic"].agg(lambda own: own.mode().iloc[0])
        )
    if content is not None:
        own = (
            content.dropna(subset=["item_id", "topic"])
            .drop_duplicates("item_id")
            .set_index("item_id")["topic"]
        )
        topic = own.combine_first(topic)
    return topic.reindex(items).fillna("").to_numpy(dtype=object).astype(str)
