"""From events to evidence per user and category: one GROUP BY, never a row in Python."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.engines import Engine, literal, quote
from segtool.targeting.shares import UserCounts

# Older events would weigh under 2 %: not read, so that a decayed sum never vanishes in rounding.
HALF_LIVES_READ = 6
SUMS = ("weight", "square", "noise", "n_events")


def sql_users(engine: Engine) -> np.ndarray:
    """Return every user of the study, sorted; their positions are the codes of `sql_counts`."""
    table = engine.query("SELECT user_id FROM user_index ORDER BY user_id")
    return table["user_id"].to_numpy(dtype=object)


def sql_counts(
    engine: Engine,
    user_ids: np.ndarray,
    evidence: str,
    *,
    max_categories: int | None = None,
    extra: pd.DataFrame | None = None,
) -> UserCounts:
    """Sum evidence by user and category.

    Parameters
    ----------
    engine : Engine
    user_ids : ndarray of str
        As from `sql_users`.
    evidence : str
        SELECT with the columns ``user_id``, ``category``, ``weight`` and ``decay``.
    max_categories : int, optional
        Keep the categories with most events.
    extra : DataFrame, optional
        More evidence: user_id, category, n (in events of weight 1).

    Returns
    -------
    UserCounts, shape (n_users, n_categories)
    """
    sums = _read_sums(engine, evidence)
    if extra is not None and len(extra):
        sums = pd.concat([sums, _stated(extra, user_ids)], ignore_index=True)
    return build_counts(sums, user_ids, max_categories)


def _read_sums(engine: Engine, evidence: str) -> pd.DataFrame:
    """Return code (of the user), category and sums; the millions of rows carry numbers, no text."""
    # Sums of doubles depend on the order of the threads; rounded, they do not.
    sums = engine.query(f"""
        WITH evidence AS ({evidence}),
        numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        ),
        sums AS (
            SELECT user_id, category,
                   round(sum(weight * decay), 9) AS weight,
                   round(sum(weight * weight * decay), 9) AS square,
                   round(sum(weight * weight * decay * decay), 9) AS noise,
                   count(*) AS n_events
            FROM evidence
            WHERE category IS NOT NULL
            GROUP BY user_id, category
        ),
        places AS (
            SELECT category, row_number() OVER (ORDER BY category) - 1 AS place
            FROM (SELECT DISTINCT category FROM sums) AS found
        )
        SELECT numbered.code, places.place, sums.weight, sums.square, sums.noise, sums.n_events
        FROM sums JOIN numbered ON numbered.user_id = sums.user_id
        JOIN places ON places.category = sums.category
        ORDER BY places.place, numbered.code
    """)
    firsts = engine.query(f"""
        SELECT DISTINCT category FROM ({evidence}) AS evidence WHERE category IS NOT NULL ORDER BY category
    """)
    names = pd.CategoricalDtype(firsts["category"].astype(object))
    place = sums.pop("place").to_numpy(dtype=np.int64)
    return sums.assign(category=pd.Categorical.from_codes(place, dtype=names))


def frame_counts(events: pd.DataFrame, max_categories: int | None = None) -> UserCounts:
    """Sum evidence of a table with ``user_id``, ``category``, ``weight`` and ``decay``."""
    user_ids = np.array(sorted(events["user_id"].unique()), dtype=object)
    wd = events["weight"] * events["decay"]
    parts = pd.DataFrame(
        {
            "code": pd.Index(user_ids).get_indexer(events["user_id"]),
            "category": events["category"].to_numpy(),
            "weight": wd.to_numpy(),
            "square": (wd * events["weight"]).to_numpy(),
            "noise": (wd**2).to_numpy(),
            "n_events": 1,
        }
    )
    sums = parts.groupby(["category", "code"], as_index=False, sort=True)[list(SUMS)].sum()
    return build_counts(sums, user_ids, max_categories)


def build_counts(sums: pd.DataFrame, user_ids: np.ndarray, max_categories: int | None = None) -> UserCounts:
    """Build sparse matrices from sums per (code, category)."""
    categories, column = _columns(sums, max_categories)
    kept = column >= 0
    row, column = sums["code"].to_numpy(dtype=np.int64)[kept], column[kept]
    shape = (len(user_ids), len(categories))
    value = {name: sums[name].to_numpy(dtype=float)[kept] for name in SUMS}
    total, square, noise = (
        np.bincount(row, weights=value[name], minlength=len(user_ids))
        for name in ("weight", "square", "noise")
    )
    some = total > 0
    safe = np.where(some, total, 1.0)
    share = sparse.csr_array((value["weight"] / safe[row], (row, column)), shape=shape)
    events = sparse.csr_array((value["n_events"], (row, column)), shape=shape)
    n = np.where(some, total**2 / np.where(some, square, 1.0), 0.0)
    return UserCounts(user_ids, categories, share, events, n, np.where(some, noise / safe**2, 1.0))


def _columns(sums: pd.DataFrame, limit: int | None) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the categories kept, sorted, and each row's place among them, -1 for the others."""
    said = sums["category"].astype("category")  # millions of rows: numbers, no text
    names, codes = said.cat.categories.astype(object), said.cat.codes.to_numpy()
    n_events = np.bincount(codes[codes >= 0], weights=sums["n_events"].to_numpy(dtype=float)[codes >= 0],
                           minlength=len(names))  # fmt: skip
    there = np.bincount(codes[codes >= 0], minlength=len(names)) > 0
    size = pd.DataFrame({"category": names, "n_events": n_events})[there]
    if limit is not None:
        size = size.sort_values(["n_events", "category"], ascending=[False, True]).head(limit)
    kept = tuple(sorted(size["category"]))
    place = np.append(pd.Index(kept, dtype=object).get_indexer(names), -1)
    return kept, place[codes]


def _stated(extra: pd.DataFrame, user_ids: np.ndarray) -> pd.DataFrame:
    code = pd.Index(user_ids).get_indexer(extra["user_id"].astype(object))
    n = extra["n"].to_numpy(dtype=float)
    stated = pd.DataFrame(
        {"code": code, "category": extra["category"].to_numpy(), "weight": n, "square": n, "noise": n}
    )
    return stated.assign(n_events=0)[code >= 0]


def weight_case(weights: Mapping[str, float]) -> str:
    """Return the SQL that turns an event into its weight.

    Examples
    --------
    >>> weight_case({"like": 1.0})
    "CASE event WHEN 'like' THEN 1.0 END"
    """
    cases = " ".join(f"WHEN {literal(e)} THEN {literal(float(w))}" for e, w in sorted(weights.items()))
    return f"CASE event {cases} END"


def decay_sql(half_life_days: float | None, age: str = "age_days") -> str:
    """Return the SQL of what is left of an event's weight at the study's date."""
    return "1.0" if half_life_days is None else f"power(0.5, {quote(age)} / {literal(float(half_life_days))})"


def read_window_sql(half_life_days: float | None) -> str:
    """Return the condition on the age of events that are read."""
    if half_life_days is None:
        return "TRUE"
    return f"age_days <= {literal(float(half_life_days * HALF_LIVES_READ))}"
