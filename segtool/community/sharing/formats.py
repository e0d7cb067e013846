"""Which formats travel: shares a view, compared among items of the same topic."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from segtool.community.tables import CODES
from segtool.pooling import paule_mandel

LENGTHS = ((15.0, "up to 15 s"), (30.0, "16 to 30 s"), (60.0, "31 to 60 s"), (180.0, "1 to 3 min"),
           (600.0, "3 to 10 min"), (np.inf, "over 10 min"))  # fmt: skip
NO_LENGTH = "no length"
LEAST_SPREAD = 0.01  # variance of rates over the square of their mean
TRAVELS, STAYS, ALIKE, FEW = "travels more", "travels less", "no difference to be told", "too few"
KEY = ["format", "length", "topic"]
FORMATS = [
    "by", "value", "n_items", "n_topics", "views", "shares", "n_sharers", "shares_per_view", "lo", "hi",
    "against_topic", "ratio_lo", "ratio_hi", "p", "verdict",
]  # fmt: skip
BY_TOPIC = ["topic", "format", "n_items", "views", "shares", "n_sharers", "shares_per_view", "lo", "hi"]


def read_formats(sources, min_views: int, confidence: float) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Read how often items of each format and length are shared.

    Parameters
    ----------
    sources : Sources
        Tables events and content.
    min_views : int
        Formats seen less often are not judged.
    confidence : float

    Returns
    -------
    formats : DataFrame
        One row per format, and per length: by, value, n_items, n_topics (in which it was shared), views,
        shares, n_sharers, shares_per_view (shrunken to that of all) with lo and hi, against_topic (times as
        often as other items of the same topics) with ratio_lo and ratio_hi, p, verdict.
    by_topic : DataFrame
        topic, format, n_items, views, shares, n_sharers, shares_per_view with lo and hi.
    missing : str
        Why there is nothing, "" otherwise.

    Notes
    -----
    The ratio is that of Mantel and Haenszel (1959) for rates (Rothman & Greenland), topics as strata. Its
    error is that between items plus that between people, less what both count (Cameron, Gelbach & Miller
    2011): the shares of one item, or of one person, are not separate witnesses. Rates of topics and formats
    are shrunken by Gamma and Poisson with the spread found between items.
    """
    if "content" not in sources.tables:
        return _nothing("there is no table of content, so formats are not known")
    if "events" not in sources.tables:
        return _nothing("there are no events")
    columns = sources.engine.columns("content")
    if "format" not in columns:
        return _nothing("the table of content has no format")
    length = "duration_seconds" if "duration_seconds" in columns else "CAST(NULL AS DOUBLE)"
    items = _read_items(sources.engine, length)
    if not items["shares"].sum():
        return _nothing("no item of the table of content was shared")
    if not items["views"].sum():
        return _nothing("no item of the table of content is on record as seen, so shares have no base")
    people = _read_people(sources.engine, length, items)
    formats = pd.concat(
        [_measure(items, people, by, min_views, confidence) for by in ("format", "length")],
        ignore_index=True,
    )
    return formats[FORMATS], _measure_topics(items, people, confidence), ""


def _nothing(why: str):
    return pd.DataFrame(columns=FORMATS), pd.DataFrame(columns=BY_TOPIC), why


def _length_sql(column: str) -> str:
    cases = " ".join(f"WHEN {column} <= {end:g} THEN '{name}'" for end, name in LENGTHS[:-1])
    return f"CASE WHEN {column} IS NULL THEN '{NO_LENGTH}' {cases} ELSE '{LENGTHS[-1][1]}' END"


def _acts_sql(length: str) -> str:
    """Return steps of SQL: views and shares, with the number of their cell of format, length and topic."""
    return f"""
        kinds AS (
            SELECT item_id, format, {_length_sql(length)} AS length, topic FROM content
            WHERE format IS NOT NULL AND topic IS NOT NULL
        ),
        cells AS (
            SELECT item_id, format, length, topic,
                   dense_rank() OVER (ORDER BY format, length, topic) - 1 AS cell
            FROM kinds
        ),
        acts AS (
            SELECT events.user_id, cells.item_id, cells.cell,
                   CASE WHEN events.event = 'share' THEN 1 ELSE 0 END AS shared
            FROM events JOIN cells ON cells.item_id = events.item_id
            WHERE events.event IN ('view', 'share')
        )"""


def _read_items(engine, length: str) -> pd.DataFrame:
    """Return views and shares of each item that was seen or shared."""
    return engine.query(f"""
        WITH {_acts_sql(length)},
        sums AS (SELECT item_id, count(*) - sum(shared) AS views, sum(shared) AS shares FROM acts GROUP BY item_id)
        SELECT sums.item_id, cells.format, cells.length, cells.topic, cells.cell, sums.views, sums.shares
        FROM sums JOIN cells ON cells.item_id = sums.item_id ORDER BY sums.item_id
    """).astype({"views": float, "shares": float})


def _read_people(engine, length: str, items: pd.DataFrame) -> dict[str, object]:
    """Return views and shares of each user by cell of format, length and topic, sparse."""
    rows = engine.query(f"""
        WITH {CODES}, {_acts_sql(length)}
        SELECT users.code, acts.cell, count(*) - sum(shared) AS views, sum(shared) AS shares
        FROM acts JOIN users ON users.user_id = acts.user_id
        GROUP BY users.code, acts.cell ORDER BY users.code, acts.cell
    """)
    cells = items.groupby("cell", sort=True).agg(
        {**dict.fromkeys(KEY, "first"), "views": "sum", "shares": "sum"}
    )
    place = cells.index.get_indexer(rows["cell"])
    user = rows["code"].to_numpy(dtype=np.int64)
    shape = (int(user.max()) + 1, len(cells))
    views, shares = (
        sparse.csr_matrix((rows[name].to_numpy(dtype=float), (user, place)), shape=shape)
        for name in ("views", "shares")
    )
    return {"cells": cells, "views": views, "shares": shares, "place": cells.index.get_indexer(items["cell"])}


def _measure(items, people, by: str, min_views: int, confidence: float) -> pd.DataFrame:
    grouped = items.groupby(by, sort=True)
    sums = grouped.agg(n_items=("item_id", "size"), views=("views", "sum"), shares=("shares", "sum"))
    table = sums.reset_index().rename(columns={by: "value"}).assign(by=by)
    shared = items[items["shares"] > 0]
    table["n_topics"] = shared.groupby(by)["topic"].nunique().reindex(table["value"]).fillna(0).to_numpy(int)
    cells = people["cells"]
    table["n_sharers"] = [
        int((people["shares"][:, (cells[by] == each).to_numpy()].sum(axis=1) > 0).sum())
        for each in table["value"]
    ]
    rates = _shrink(table, _thin(items, [by]), confidence)
    table["shares_per_view"], table["lo"], table["hi"] = rates
    names = ["against_topic", "ratio_lo", "ratio_hi", "p"]
    table[names] = [_against_topic(items, people, by, each, confidence) for each in table["value"]]
    table.loc[table["views"] < min_views, names] = np.nan
    table["verdict"] = _judge(table)
    return table.sort_values(["by", "shares_per_view", "value"], ascending=[True, False, True])


def _against_topic(items, people, by: str, value: str, confidence: float) -> tuple[float, ...]:
    """Return how many times as often a kind is shared as others of its topics, lo, hi and p."""
    cells = people["cells"]
    own = (cells[by] == value).to_numpy()
    topic = pd.factorize(cells["topic"], sort=True)[0]
    v1, v0, s1, s0 = (
        np.bincount(topic, cells[name] * which) for name in ("views", "shares") for which in (own, ~own)
    )
    both = (v1 > 0) & (v0 > 0)
    weight1 = np.where(both, v0 / np.maximum(v1 + v0, 1), 0.0)
    weight0 = np.where(both, v1 / np.maximum(v1 + v0, 1), 0.0)
    top, base = (s1 * weight1).sum(), (s0 * weight0).sum()
    if not top or not base:
        return (np.nan,) * 4
    # What each share less the shares expected of its views adds to the log of the ratio.
    gain = np.where(own, weight1[topic] / top, -weight0[topic] / base)
    rate = np.where(own, (s1 / np.maximum(v1, 1))[topic], (s0 / np.maximum(v0, 1))[topic])
    of_people = people["shares"] @ gain - people["views"] @ (gain * rate)
    place = people["place"]
    of_items = gain[place] * (items["shares"].to_numpy() - rate[place] * items["views"].to_numpy())
    twice = (gain**2 * cells["shares"].to_numpy()).sum()
    variances = (of_people**2).sum(), (of_items**2).sum()
    error = np.sqrt(max(sum(variances) - twice, *variances, twice))
    counted = both[topic[place]]
    freedom = max(min((counted & own[place]).sum(), (counted & ~own[place]).sum()) - 1, 1)
    ratio, reach = top / base, stats.t.ppf((1 + confidence) / 2, freedom) * error
    p = 2 * stats.t.sf(abs(np.log(ratio)) / error, freedom)
    return ratio, ratio * np.exp(-reach), ratio * np.exp(reach), p


def _judge(table: pd.DataFrame) -> np.ndarray:
    from statsmodels.stats.multitest import multipletests

    verdict = np.full(len(table), FEW, dtype=object)
    rows = np.flatnonzero(table["p"].notna())
    if len(rows):
        sure = multipletests(table["p"].to_numpy()[rows], alpha=0.1, method="fdr_bh")[0]
        more = np.where(table["against_topic"].to_numpy()[rows] > 1, TRAVELS, STAYS)
        verdict[rows] = np.where(sure, more, ALIKE)
    return verdict


def _thin(items: pd.DataFrame, by: list[str]) -> np.ndarray:
    """Return what a share of each kind is worth as a witness: items differ, so few items tell less."""
    views, shares = items["views"].to_numpy(), items["shares"].to_numpy()
    seen = views > 0
    expected = views[seen] * shares.sum() / views.sum()
    spread = paule_mandel((shares[seen] / expected - 1) ** 2, 1 / expected)
    squares = (
        items.assign(square=items["views"] ** 2).groupby(by, sort=True)[["square", "views", "shares"]].sum()
    )
    uneven = spread * squares["square"] / squares["views"].clip(lower=1) ** 2
    return (1 / (1 + uneven * squares["shares"])).to_numpy()


def _shrink(table: pd.DataFrame, worth, confidence: float, mean=None):
    """Return rates drawn towards their mean as far as their spread says, with intervals.

    The posterior of a Gamma-distributed rate and a Poisson number of shares.
    """
    views, shares = (table[name].to_numpy(dtype=float) * worth for name in ("views", "shares"))
    mean = shares.sum() / views.sum() if mean is None else mean
    expected = np.maximum(views * mean, 1e-9)
    # A standard deviation upwards, and never less than a tenth: few kinds seldom show how they differ.
    spread = paule_mandel((shares / expected - 1) ** 2, 1 / expected, caution=1.0)
    shape = 1 / max(spread, LEAST_SPREAD)
    posterior, rate = shape + shares, shape / mean + views
    tail = (1 - confidence) / 2
    bounds = [stats.gamma.ppf(at, posterior) / rate for at in (tail, 1 - tail)]
    return posterior / rate, *bounds


def _measure_topics(items, people, confidence: float) -> pd.DataFrame:
    """Return each format within each topic; shrunken to what format and topic together would give."""
    table = (
        items.groupby(["topic", "format"], sort=True)
        .agg(n_items=("item_id", "size"), views=("views", "sum"), shares=("shares", "sum"))
        .reset_index()
    )
    seen = (table["views"] > 0).to_numpy()
    worth = _thin(items, ["topic", "format"])[seen]
    table = table[seen].reset_index(drop=True)
    cells = people["cells"]
    key = pd.MultiIndex.from_frame(table[["topic", "format"]])
    place = key.get_indexer(pd.MultiIndex.from_frame(cells[["topic", "format"]]))
    kept = np.flatnonzero(place >= 0)
    merge = sparse.csr_matrix((np.ones(len(kept)), (kept, place[kept])), shape=(len(cells), len(table)))
    table["n_sharers"] = (people["shares"] @ merge).getnnz(axis=0)
    whole = table["shares"].sum() / table["views"].sum()
    expected = np.full(len(table), whole)
    for by in ("topic", "format"):
        sums = table.groupby(by)[["views", "shares"]].sum()
        rate = _shrink(sums, 1.0, confidence)[0]
        expected *= pd.Series(rate / whole, index=sums.index).reindex(table[by]).to_numpy()
    rates = _shrink(table, worth, confidence, expected)
    table["shares_per_view"], table["lo"], table["hi"] = rates
    return table[BY_TOPIC]
