"""Who took up which item when, in which circle: first purchases, or first events where nothing is bought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.engines import literal
from segtool.targeting.settings import TargetingSettings

CIRCLES = "segtool_herd_circles"
# Seeing is not taking up, and refusing even less.
NOT_ADOPTED = ("view", "visit", "search", "hide", "mute", "complain", "unsubscribe", "refund", "signup")
MIN_PURCHASES = 50  # fewer: what people take up is read from what they like, share and put in the cart


@dataclass(frozen=True, eq=False)
class Adoptions:
    """First uses of items by members of circles, in the order of circle, item, time and user.

    Parameters
    ----------
    user_ids : ndarray of str, shape (n_members,)
        Members of circles, sorted.
    user : ndarray of int, shape (n,)
        Position in ``user_ids``.
    circle, item : ndarray of int, shape (n,)
        Positions in ``circles`` and ``items``.
    time : ndarray of float, shape (n,)
        Days before ``as_of``, negative.
    circles, items : tuple of str
    circle_sizes : ndarray of int, shape (n_circles,)
    topic : ndarray of int, shape (n_items,)
        A number for the topic of each item; 0 for all where topics are not known.
    activity : ndarray of float, shape (n_members, n_weeks)
        Events a week of each member.
    first_week : float
        Time at which the first week of ``activity`` begins.
    what : str
        What counts as taking up, in words.
    n_cut : int
        Adoptions that were not read, since there are too many.
    """

    user_ids: np.ndarray
    user: np.ndarray
    circle: np.ndarray
    item: np.ndarray
    time: np.ndarray
    circles: tuple[str, ...]
    items: tuple[str, ...]
    circle_sizes: np.ndarray
    topic: np.ndarray
    activity: np.ndarray
    first_week: float
    what: str
    n_cut: int = 0

    def __len__(self) -> int:
        return len(self.user)

    @property
    def group(self) -> np.ndarray:
        """A number for each item in each circle, in sorted order."""
        return self.circle.astype(np.int64) * len(self.items) + self.item


def find_circles(sources, circles: pd.DataFrame | None) -> tuple[pd.DataFrame | None, str]:
    """Return user_id, circle, since and until (days before as_of, negative), and what a circle is.

    Parameters
    ----------
    sources : Sources
    circles : DataFrame, optional
        user_id and circle, a user may be in several; the groups of the table members when not given.

    Raises
    ------
    InputError
        If ``circles`` has not these columns.
    """
    if circles is not None:
        check_columns(circles.columns, ["user_id", "circle"], "circles")
        given = circles[["user_id", "circle"]].dropna().astype(str).drop_duplicates()
        return given.assign(since=-np.inf, until=np.inf), "the circles given"
    if "members" not in sources.tables:
        return None, ""
    columns = sources.engine.columns("members")
    joined, left = (
        name if name in columns else "CAST(NULL AS TIMESTAMP)" for name in ("joined_at", "left_at")
    )
    table = sources.engine.query(f"""
        SELECT user_id, group_id AS circle, min({joined}) AS since,
               CASE WHEN count({left}) < count(*) THEN NULL ELSE max({left}) END AS until
        FROM members GROUP BY user_id, group_id ORDER BY group_id, user_id
    """)
    moment = sources.as_of.tz_convert("UTC").tz_localize(None)
    days = {
        name: (pd.to_datetime(table[name]) - moment) / pd.Timedelta(days=1) for name in ("since", "until")
    }
    since, until = days["since"].fillna(-np.inf), days["until"].fillna(np.inf)
    return table[["user_id", "circle"]].assign(since=since, until=until), "the groups of the table members"


def read_adoptions(sources, circles: pd.DataFrame, settings: TargetingSettings) -> Adoptions | None:
    """Read who took up what when while in a circle.

    Parameters
    ----------
    sources : Sources
    circles : DataFrame
        As from `find_circles`.
    settings : TargetingSettings

    Returns
    -------
    Adoptions or None
        None where no event names an item or a topic, or no circle has two members.
    """
    engine = sources.engine
    sizes = circles.groupby("circle", sort=True).size()
    sizes = sizes[sizes > 1]  # nobody to follow in a circle of one
    circles = circles[circles["circle"].isin(sizes.index)]
    columns = engine.columns("events") if "events" in sources.tables else {}
    item = next((name for name in ("item_id", "topic") if name in columns), None)
    if item is None or not len(sizes):
        return None
    user_ids = np.array(sorted(circles["user_id"].unique()), dtype=object)
    try:
        engine.register(CIRCLES, circles[["user_id", "circle"]].astype(str))
        rows, what, n_cut = _read_rows(engine, item, settings)
        activity, first_week = _read_activity(engine, user_ids)
    finally:
        engine.drop(CIRCLES)
    # Before joining and after leaving, the others of the circle are none.
    bounds = rows.merge(circles, on=["user_id", "circle"], how="left")
    rows = rows[((bounds["time"] >= bounds["since"]) & (bounds["time"] <= bounds["until"])).to_numpy()]
    items = tuple(sorted(rows["item"].unique()))
    coded = pd.DataFrame(
        {
            "user": pd.Index(user_ids).get_indexer(rows["user_id"]),
            "circle": pd.Index(sizes.index).get_indexer(rows["circle"]),
            "item": pd.Index(items).get_indexer(rows["item"]),
            "time": rows["time"].to_numpy(dtype=float),
        }
    ).sort_values(["circle", "item", "time", "user"], ignore_index=True)
    return Adoptions(
        user_ids,
        *(coded[name].to_numpy() for name in ("user", "circle", "item", "time")),
        circles=tuple(sizes.index),
        items=items,
        circle_sizes=sizes.to_numpy(),
        topic=_read_topics(engine, item, columns, items),
        activity=activity,
        first_week=first_week,
        what=what,
        n_cut=n_cut,
    )


def _read_rows(engine, item: str, settings: TargetingSettings) -> tuple[pd.DataFrame, str, int]:
    """Return user_id, circle, item and time of first uses, what they are, and how many were not read."""
    named = settings.herd_events or ("purchase",)
    ways = [(f"event IN ({_list(named)})", " or ".join(named))]
    if not settings.herd_events:
        ways.append((f"event NOT IN ({_list(NOT_ADOPTED)})", "like, share, review, cart or purchase"))
    for where, what in ways:  # noqa: B007  the last one looked at is told
        firsts = f"""
            SELECT events.user_id, events.{item} AS item, -max(events.age_days) AS time
            FROM events
            WHERE {where} AND {item} IS NOT NULL
              AND user_id IN (SELECT user_id FROM {CIRCLES})
            GROUP BY events.user_id, events.{item}
        """
        joined = f"""
            WITH firsts AS ({firsts})
            SELECT firsts.user_id, circles.circle, firsts.item, round(firsts.time, 6) AS time
            FROM firsts JOIN {CIRCLES} AS circles ON circles.user_id = firsts.user_id
        """
        sizes = engine.query(
            f"SELECT circle, count(*) AS n FROM ({joined}) AS found GROUP BY circle ORDER BY circle"
        )
        if sizes["n"].sum() >= MIN_PURCHASES:
            break
    within = sizes["n"].cumsum() <= settings.herd_max_adoptions
    kept = f" WHERE circles.circle IN ({_list(sizes.loc[within, 'circle'])})" if not within.all() else ""
    if len(sizes) and not within.any():
        kept = " WHERE 1 = 0"
    rows = engine.query(f"{joined}{kept} ORDER BY circles.circle, firsts.item, firsts.user_id")
    return rows, what, int(sizes.loc[~within, "n"].sum())


def _read_topics(engine, item: str, columns, items: tuple[str, ...]) -> np.ndarray:
    """Return a number for the topic of each item."""
    if item != "item_id" or "topic" not in columns:
        return np.zeros(len(items), dtype=np.int64)
    table = engine.query("""
        SELECT item_id, min(topic) AS topic FROM events WHERE item_id IS NOT NULL
        GROUP BY item_id ORDER BY item_id
    """)
    topics = table.set_index("item_id")["topic"].reindex(list(items)).fillna("").astype(str)
    return np.unique(topics.to_numpy(), return_inverse=True)[1]


def _list(words) -> str:
    return ", ".join(literal(str(word)) for word in words)


def _read_activity(engine, user_ids: np.ndarray) -> tuple[np.ndarray, float]:
    """Return events per member and week, shape (n_members, n_weeks), and when the first week begins."""
    table = engine.query(f"""
        SELECT user_id, CAST(floor(age_days / 7.0) AS INTEGER) AS week, count(*) AS n FROM events
        WHERE user_id IN (SELECT user_id FROM {CIRCLES})
        GROUP BY user_id, CAST(floor(age_days / 7.0) AS INTEGER)
        ORDER BY user_id, week
    """)
    n_weeks = int(table["week"].max()) + 1 if len(table) else 1
    counts = np.zeros((len(user_ids), n_weeks), dtype=np.float32)  # a million users x 52 weeks: 208 MB
    code = pd.Index(user_ids).get_indexer(table["user_id"])
    counts[code, n_weeks - 1 - table["week"].to_numpy(dtype=int)] = table["n"].to_numpy()
    return counts, -7.0 * n_weeks
