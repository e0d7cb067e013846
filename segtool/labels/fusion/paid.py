"""How much less a rewarded answer tells: paid and unpaid answers against the same other evidence.

If a share f of the paid answers is as good as an unpaid one and the rest is a guess among the K
values, agreement with any other witness, less 1/K, shrinks by that same f, however good the witness
is: f is the ratio of two edges over guessing. One f for the study; groups of users, left out one at a
time, give the interval.

References
----------
Efron & Tibshirani (1993), "An introduction to the bootstrap", chapter 11: the jackknife.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import Engine, literal, quote
from segtool.labels.fusion.read import VOTES, CompiledCatalog, find_witnesses
from segtool.labels.plans import RELIABILITIES

__all__ = ["PaidFactor", "estimate_paid"]

LEAST_ANSWERS = 50
# Edges over guessing so small that their ratio would be chance.
LEAST_EDGE = 0.05
# How far from the declared factor another survey's may lie.
DECLARED_SD = 0.1


@dataclass(frozen=True)
class PaidFactor:
    """The share of an answer's edge over guessing that is left when it was paid for.

    Parameters
    ----------
    used : float
        What the study counts with: the estimate, shrunk to what is declared.
    declared : float
    is_estimated : bool
        Whether there was enough to compare, and it was asked for.
    estimate, lo, hi : float
        With a 95 % interval; missing where there is too little to compare.
    n_paid, n_unpaid : int
        Answers compared with other evidence.
    """

    used: float = RELIABILITIES["paid"]
    declared: float = RELIABILITIES["paid"]
    is_estimated: bool = False
    estimate: float = np.nan
    lo: float = np.nan
    hi: float = np.nan
    n_paid: int = 0
    n_unpaid: int = 0


def estimate_paid(compiled: CompiledCatalog, engine: Engine, declared: float) -> PaidFactor:
    """Estimate what is left of a paid answer, or return what is declared.

    Parameters
    ----------
    compiled : Compiled
    engine : Engine
        The catalogue was run on it.
    declared : float
        Stands where there are fewer than `LEAST_ANSWERS` answers of either kind to compare.
    """
    counts = _read_counts(compiled, engine)
    return PaidFactor(declared, declared) if counts.empty else judge_paid(counts, declared)


def judge_paid(counts: pd.DataFrame, declared: float) -> PaidFactor:
    """Estimate the factor from counts of agreement.

    Parameters
    ----------
    counts : pd.DataFrame
        pair (of a question and a witness), n_values, fold, is_paid, n, n_agree.
    declared : float

    Examples
    --------
    >>> rows = [("a", 2, f"{fold:x}", paid, 20, agree) for fold in range(16) for paid, agree in ((True, 13), (False, 16))]
    >>> counts = pd.DataFrame(rows, columns=["pair", "n_values", "fold", "is_paid", "n", "n_agree"])
    >>> judge_paid(counts, 0.85).estimate
    0.5
    """
    n, n_agree, n_values = _cube(counts)
    n_paid, n_unpaid = int(n[..., 1].sum()), int(n[..., 0].sum())
    none = PaidFactor(declared, declared, n_paid=n_paid, n_unpaid=n_unpaid)
    whole = _ratio(n.sum(axis=1), n_agree.sum(axis=1), n_values)
    if min(n_paid, n_unpaid) < LEAST_ANSWERS or whole is None:
        return none
    folds = range(n.shape[1])
    parts = [
        _ratio(np.delete(n, f, axis=1).sum(axis=1), np.delete(n_agree, f, axis=1).sum(axis=1), n_values)
        for f in folds
    ]
    if len(parts) < 2 or any(part is None for part in parts):
        return none
    spread = np.array(parts) - np.mean(parts)
    error = float(np.sqrt((len(parts) - 1) / len(parts) * (spread**2).sum()))
    lo, hi = (round(float(np.clip(whole + side * 1.96 * error, 0, 1.5)), 4) for side in (-1, 1))
    # Few paid answers say little of how paid answers are: what is declared counts as one more estimate.
    weight = DECLARED_SD**2 / (DECLARED_SD**2 + error**2)
    used = weight * whole + (1 - weight) * declared
    used = round(min(max(used, 0.01), 0.99), 4)
    return PaidFactor(used, declared, True, round(whole, 4), lo, hi, n_paid, n_unpaid)


def _cube(counts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return n and n_agree of shape (n_pairs, n_folds, 2), unpaid first, and the values of each pair."""
    codes = [pd.factorize(counts[name], sort=True)[0] for name in ("pair", "fold")]
    place = (*codes, counts["is_paid"].astype(int).to_numpy())
    shape = (codes[0].max() + 1, codes[1].max() + 1, 2)
    cubes = [np.zeros(shape), np.zeros(shape)]
    for cube, name in zip(cubes, ("n", "n_agree"), strict=True):
        np.add.at(cube, place, counts[name].to_numpy(dtype=float))
    n_values = np.zeros(shape[0])
    n_values[codes[0]] = counts["n_values"].to_numpy(dtype=float)
    return cubes[0], cubes[1], n_values


def _ratio(n: np.ndarray, n_agree: np.ndarray, n_values: np.ndarray) -> float | None:
    """Return the ratio of edges over all pairs: least squares through the origin, weighed by n."""
    edge = n_agree / np.maximum(n, 1) - 1 / n_values[:, None]
    weight = n.prod(axis=1) / np.maximum(n.sum(axis=1), 1)
    unpaid, paid = edge[:, 0], edge[:, 1]
    if weight.sum() <= 0 or (weight * unpaid).sum() / weight.sum() < LEAST_EDGE:
        return None
    return float((weight * paid * unpaid).sum() / (weight * unpaid**2).sum())


def _read_counts(compiled: CompiledCatalog, engine: Engine) -> pd.DataFrame:
    """Count agreement of each question with each other witness, by payment and sixteenth of users."""
    tables = set(engine.tables())
    columns = engine.columns(VOTES) if VOTES in tables else {}
    parts = []
    for label, witnesses in find_witnesses(compiled, columns).items():
        n_values = len(compiled.catalog.labels[label].values)
        if n_values < 2:
            continue  # without a list of values nobody knows how often a guess is right
        for answer in (w for w in witnesses if w.source == "survey"):
            claim = f"claim__{label}__{answer.number}"
            if claim not in tables or "detail_paid" not in engine.columns(claim):
                continue
            for other in (w for w in witnesses if w.source not in ("survey", "inferred")):
                parts.append(_pair_sql(label, claim, answer.number, other.number, n_values))
    if not parts:
        return pd.DataFrame()
    sql = "\nUNION ALL\n".join(parts)
    return engine.query(f"SELECT * FROM ({sql}) AS pairs ORDER BY pair, fold, is_paid")


def _pair_sql(label: str, claim: str, answer: int, other: int, n_values: int) -> str:
    said, against = quote(f"{label}__{answer}__value"), quote(f"{label}__{other}__value")
    return (
        f"SELECT {literal(f'{label}.{answer} {other}')} AS pair, {n_values} AS n_values,\n"
        f"  substr(md5(v.user_id), 1, 1) AS fold, a.detail_paid AS is_paid, count(*) AS n,\n"
        f"  sum(CASE WHEN v.{said} = v.{against} THEN 1 ELSE 0 END) AS n_agree\n"
        f"FROM {VOTES} AS v JOIN {quote(claim)} AS a ON a.user_id = v.user_id\n"
        f"WHERE v.{said} IS NOT NULL AND v.{against} IS NOT NULL\n"
        f"GROUP BY substr(md5(v.user_id), 1, 1), a.detail_paid"
    )
