"""Who judged which item when, and who of the same circle took it up: read from the events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.engines import literal

JUDGED = ("like", "review", "share")
TAKEN_UP = ("like", "review", "share", "cart", "purchase")
FILTER_CIRCLES = "segtool_filter_circles"


@dataclass(frozen=True, eq=False)
class Judgements:
    """First times of users and items; times in days before ``as_of``, negative.

    Parameters
    ----------
    user_ids, circle_names : ndarray of str
    user, circle, item : ndarray of int, shape (n,)
        One row per member of a circle and item taken up, sorted by circle, item, time and user.
    time : ndarray of float, shape (n,)
        Of the first like, review, share, cart or purchase.
    judged : ndarray of float, shape (n,)
        Of the first like, review or share; missing where there is none.
    all_item, all_time : ndarray, shape (n_all,)
        The same of everybody, in circles or not, each once, sorted by item and time.
    """

    user_ids: np.ndarray
    circle_names: np.ndarray
    user: np.ndarray
    circle: np.ndarray
    item: np.ndarray
    time: np.ndarray
    judged: np.ndarray
    all_item: np.ndarray
    all_time: np.ndarray


def read_circles(circles) -> pd.DataFrame:
    """Return user_id, circle, since and until from a table of circles, or the groups of a talk.

    Raises
    ------
    InputError
        If the table has no user_id or no circle.
    """
    if isinstance(circles, pd.DataFrame):
        check_columns(circles.columns, ["user_id", "circle"], "circles")
        given = circles[["user_id", "circle"]].dropna().astype(str).drop_duplicates()
        return given.assign(since=-np.inf, until=np.inf).sort_values(["circle", "user_id"], ignore_index=True)
    roster = circles.roster[~circles.roster["bot"]]
    days = roster[["joined", "left"]] / 86_400
    return pd.DataFrame(
        {
            "user_id": circles.user_ids[roster["user"]],
            "circle": circles.group_ids[roster["group"]],
            "since": days["joined"].fillna(-np.inf).to_numpy(),
            "until": days["left"].fillna(np.inf).to_numpy(),
        }
    )


def read_judgements(sources, circles: pd.DataFrame) -> Judgements | None:
    """Read first judgements and uptakes.

    Parameters
    ----------
    sources : Sources
    circles : DataFrame
        As of `read_circles`.

    Returns
    -------
    Judgements or None
        None without events that name items, or without a circle of two.
    """
    size = circles["circle"].value_counts()
    circles = circles[circles["circle"].isin(size.index[size > 1])]
    if "events" not in sources.tables or "item_id" not in sources.engine.columns("events") or circles.empty:
        return None
    firsts = _read_firsts(sources.engine)
    if firsts.empty:
        return None
    all_item = np.unique(firsts["item_id"].to_numpy(dtype=str), return_inverse=True)[1]
    firsts = firsts.assign(item=all_item)
    rows = circles.merge(firsts[["user_id", "item", "time", "judged"]], on="user_id")
    # Before joining and after leaving, the others of the circle are none.
    rows = rows[(rows["time"] >= rows["since"]) & (rows["time"] <= rows["until"])]
    names, circle = np.unique(rows["circle"].to_numpy(dtype=str), return_inverse=True)
    user_ids, user = np.unique(rows["user_id"].to_numpy(dtype=str), return_inverse=True)
    rows = rows.assign(circle=circle, user=user).sort_values(["circle", "item", "time", "user"])
    everybody = firsts.sort_values(["item", "time"])
    return Judgements(
        user_ids.astype(object),
        names.astype(object),
        *(rows[name].to_numpy() for name in ("user", "circle", "item", "time", "judged")),
        all_item=everybody["item"].to_numpy(),
        all_time=everybody["time"].to_numpy(),
    )


def _read_firsts(engine) -> pd.DataFrame:
    """Return the first uptake and the first judgement of each user and item."""
    taken, judged = (", ".join(literal(word) for word in words) for words in (TAKEN_UP, JUDGED))
    return engine.query(f"""
        SELECT user_id, item_id, round(-max(age_days), 6) AS time,
               round(-max(CASE WHEN event IN ({judged}) THEN age_days END), 6) AS judged
        FROM events
        WHERE event IN ({taken}) AND item_id IS NOT NULL
        GROUP BY user_id, item_id ORDER BY user_id, item_id
    """)
