"""From events to user-item pairs: one GROUP BY in the engine, or the same sums from a plain table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.engines import literal
from segtool.notes import known, unknown
from segtool.targeting.items.history import ItemLog, window_length
from segtool.targeting.settings import TargetingSettings

# Said of an item, these speak against it: it is not recommended to that user again, and items
# that go with it are slightly less so.
AGAINST = ("hide", "mute", "complain", "refund")
WINDOW_SHARE = 0.2  # of the events: enough to choose weights on, little enough to learn from the rest
COUNTS = ("early", "late", "middle", "first")


def read_log(
    sources, user_ids: np.ndarray, settings: TargetingSettings, content_ids: np.ndarray
) -> tuple[ItemLog | None, list[str]]:
    """Read who did what with which item, or None where no event names an item, with notes.

    Parameters
    ----------
    sources : Sources
    user_ids : ndarray of str
        Sorted, as `sql_users` returns them.
    settings : TargetingSettings
    content_ids : ndarray of str
        Items of the content table, to be ranked although nobody touched them.
    """
    engine = sources.engine
    if "events" not in sources.tables or "item_id" not in engine.columns("events"):
        return None, [unknown("Items: no event names an item; items cannot be ranked by what people did.")]
    words, notes = _positive_words(engine, settings)
    positive = f"events.item_id IS NOT NULL AND events.event IN ({_listed(words)})"
    by_day = engine.query(f"""
        SELECT CAST(floor(age_days) AS INTEGER) AS day, count(*) AS n_events
        FROM events WHERE {positive} GROUP BY CAST(floor(age_days) AS INTEGER) ORDER BY day
    """)
    if by_day.empty:
        why = "no event that speaks for an item names one"
        return None, [*notes, unknown(f"Items: {why}; items cannot be ranked by what people did.")]
    days, events = by_day["day"].to_numpy(dtype=float), by_day["n_events"].to_numpy(dtype=float)
    window = window_length(days, events, WINDOW_SHARE, settings.item_window_days)
    items = engine.query("SELECT DISTINCT item_id FROM events WHERE item_id IS NOT NULL ORDER BY item_id")
    item_ids = np.array(sorted({*items["item_id"], *content_ids}), dtype=object)
    # Numbers, not names, are grouped, and they are sorted in build_log: a million users' pairs of names
    # would fill the memory of the engine twice.
    pairs = engine.arrow(_pairs_sql(positive, window or 0.0)).to_pandas(self_destruct=True)
    item = pd.Index(item_ids).get_indexer(items["item_id"])[pairs.pop("item_code").to_numpy()]
    disliked = _read_dislikes(engine, user_ids, item_ids, window or 0.0)
    log = build_log(user_ids, item_ids, pairs, item, disliked, window)
    return log, notes


def build_log(user_ids, item_ids, pairs: pd.DataFrame, item, disliked, window) -> ItemLog:
    """Sort pairs of ``code`` (of the user) and item with their counts into an `ItemLog`."""
    user, item = pairs["code"].to_numpy(dtype=np.int32), np.asarray(item, dtype=np.int32)
    order = np.lexsort((item, user))
    early, late, middle, first = (pairs[name].to_numpy(dtype=np.float32)[order] for name in COUNTS)
    everything, before = disliked
    return ItemLog(
        user_ids, item_ids, user[order], item[order], early, late, middle, first, everything, before, window
    )


def _positive_words(engine, settings: TargetingSettings) -> tuple[list[str], list[str]]:
    found = engine.query("SELECT DISTINCT event FROM events WHERE item_id IS NOT NULL ORDER BY event")
    words = [word for word in found["event"] if word not in AGAINST]
    weighed = [word for word in words if settings.event_weights.get(word, 0) > 0]
    if weighed:
        return weighed, [known(f"Items: what counts for an item is {', '.join(weighed)}.")]
    note = "which events say that an item is wanted; no event word has a weight, so all count"
    return words, [unknown(f"Items: {note}.")]


def _pairs_sql(positive: str, window: float) -> str:
    day, twice = literal(float(window)), literal(float(2 * window))
    return f"""
        WITH numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        ),
        catalogue AS (
            SELECT item_id, row_number() OVER (ORDER BY item_id) - 1 AS item_code
            FROM (SELECT DISTINCT item_id FROM events WHERE item_id IS NOT NULL) AS named
        ),
        coded AS (
            SELECT CAST(numbered.code AS INTEGER) AS code,
                   CAST(catalogue.item_code AS INTEGER) AS item_code, events.age_days
            FROM events
            JOIN numbered ON numbered.user_id = events.user_id
            JOIN catalogue ON catalogue.item_id = events.item_id
            WHERE {positive}
        )
        SELECT code, item_code,
               CAST(count(*) FILTER (WHERE age_days >= {day}) AS REAL) AS early,
               CAST(count(*) FILTER (WHERE age_days < {day}) AS REAL) AS late,
               CAST(count(*) FILTER (WHERE age_days >= {day} AND age_days < {twice}) AS REAL) AS middle,
               CAST(max(age_days) AS REAL) AS first
        FROM coded
        GROUP BY code, item_code
    """


def _read_dislikes(engine, user_ids, item_ids, window: float):
    refused = engine.query(f"""
        WITH numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        )
        SELECT numbered.code, events.item_id, max(events.age_days) AS oldest
        FROM events JOIN numbered ON numbered.user_id = events.user_id
        WHERE events.item_id IS NOT NULL AND events.event IN ({_listed(AGAINST)})
        GROUP BY numbered.code, events.item_id ORDER BY numbered.code, events.item_id
    """)
    item = pd.Index(item_ids).get_indexer(refused["item_id"])
    shape = (len(user_ids), len(item_ids))
    return dislike_matrices(refused["code"], item, refused["oldest"].to_numpy() >= window, shape)


def dislike_matrices(user, item, early, shape) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Return 1 where a user refused an item: in all, and before the window."""
    user, item, early = np.asarray(user, dtype=np.int64), np.asarray(item), np.asarray(early, dtype=bool)
    ones = np.ones(len(user), dtype=np.float32)
    everything = sparse.csr_array((ones, (user, item)), shape=shape)
    return everything, sparse.csr_array((ones[early], (user[early], item[early])), shape=shape)


def _listed(words) -> str:
    return ", ".join(literal(word) for word in words) or "NULL"


def frame_log(
    events: pd.DataFrame, age_days: pd.Series | None, user_ids, item_ids, disliked, window_days: float
) -> ItemLog:
    """Make an `ItemLog` of a table with user_id and item_id (what speaks for items), times if known.

    Parameters
    ----------
    events : DataFrame, shape (n_events, ...)
    age_days : Series or None
        Days before the study's date, on the index of ``events``.
    disliked : DataFrame
        user_id, item_id and age_days of refusals.
    window_days : float
        The longest validation window.
    """
    user = pd.Index(user_ids).get_indexer(events["user_id"])
    item = pd.Index(item_ids).get_indexer(events["item_id"])
    age = np.ones(len(events)) if age_days is None else age_days.to_numpy(dtype=float)
    day, n = np.unique(np.floor(age), return_counts=True)
    window = None if age_days is None else window_length(day, n, WINDOW_SHARE, window_days)
    cut = window or 0.0
    flags = {"early": age >= cut, "late": age < cut, "middle": (age >= cut) & (age < 2 * cut)}
    pairs = pd.DataFrame({"code": user, "item": item, **flags})
    pairs["first"] = age
    how = dict.fromkeys(COUNTS[:3], "sum") | {"first": "max"}
    pairs = pairs.groupby(["code", "item"], as_index=False).agg(how)
    refused = dislike_matrices(
        pd.Index(user_ids).get_indexer(disliked["user_id"]),
        pd.Index(item_ids).get_indexer(disliked["item_id"]),
        disliked["age_days"].to_numpy(dtype=float) >= cut,
        (len(user_ids), len(item_ids)),
    )
    return build_log(user_ids, item_ids, pairs, pairs["item"], refused, window)
