"""How many personas, or none: stability is the gate, the completed likelihood is the judge.

A stable clustering is not yet a good one: two halves of the users agree best on two coarse
personas, so "the most stable k" errs low. A likelihood criterion alone errs high on real data and
never says "none". Together they do neither: a number of personas must come back when it is sought
in disjoint halves of the users, persona by persona; among those that do, the integrated completed
likelihood (ICL) decides, and one persona, which is no segmentation, is always among them.

References
----------
Hennig (2007), Cluster-wise assessment of cluster stability, https://doi.org/10.1016/j.csda.2006.11.025.
Biernacki, Celeux, Govaert (2000), Assessing a mixture model for clustering with the integrated
completed likelihood, https://doi.org/10.1109/34.865189.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.personas.design import Rows
from segtool.personas.mixture import Classes, Settings, memberships
from segtool.personas.starts import Fit, fit_mixture

MIN_JACCARD, VALID_JACCARD = 0.6, 0.75  # Hennig: below not to be trusted, above valid
MIN_AGREEMENT = 0.6
MIN_USERS = 5
STABILITY_SEED = 7919  # keeps the dealing of halves apart from the starts of fits
MAX_CHOICE_ROWS = 10_000  # a curve over k is drawn on a sample; the chosen k is fitted on everybody


@dataclass(frozen=True)
class Found:
    """Classes, and the class of each row they are to be found again in."""

    classes: Classes
    best: np.ndarray


@dataclass(frozen=True)
class Stability:
    """How well a clustering comes back in disjoint halves of the users.

    Parameters
    ----------
    agreement : float
        Mean adjusted Rand index between the models of the two halves, over everybody.
    jaccard : ndarray of shape (n_classes,)
        Mean overlap of each class with its best match in the model of a half.
    """

    agreement: float
    jaccard: np.ndarray


def users_table(a: np.ndarray, b: np.ndarray, weights: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cross-tabulate two assignments, in users."""
    return np.bincount(a * shape[1] + b, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)


def adjusted_rand(table: np.ndarray) -> float:
    """Adjusted Rand index from a cross table of (weighted) users.

    Examples
    --------
    >>> adjusted_rand(np.array([[30.0, 0.0], [0.0, 20.0]]))
    1.0
    """
    total = table.sum()

    def pairs(counts):
        return float((counts * (counts - 1)).sum() / 2)

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = rows * columns / max(total * (total - 1) / 2, 1e-12)
    most = (rows + columns) / 2
    return 1.0 if most <= expected else float((both - expected) / (most - expected))


def best_jaccard(table: np.ndarray) -> np.ndarray:
    """Overlap of each row class with its best column class: common over united users.

    Examples
    --------
    >>> best_jaccard(np.array([[30.0, 0.0], [10.0, 10.0]]))
    array([0.75, 0.5 ])
    """
    united = table.sum(axis=1, keepdims=True) + table.sum(axis=0) - table
    return (table / np.maximum(united, 1e-12)).max(axis=1)


def split_halves(weights: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Deal users into two disjoint halves; a row of weight 6 is six users, dealt one by one.

    Returns
    -------
    left, right : ndarray of shape (n_distinct,)
        Weights that add up to those given.
    """
    whole = np.floor(weights)
    left = rng.binomial(whole.astype(np.int64), 0.5) + (weights - whole) * rng.integers(0, 2, len(weights))
    return left, weights - left


def measure_stability(
    rows: Rows, fit: Fit | Found, *, seed: tuple[int, ...], n_pairs: int, n_init: int, settings: Settings
) -> Stability:
    """Fit again on disjoint halves of the users, and compare on everybody.

    Parameters
    ----------
    rows : Rows
    fit : Fit or Found
        The model of everybody.
    seed : tuple of int
    n_pairs : int
        Pairs of halves.
    n_init : int
        Starts per half. With few starts one measures the optimiser's luck, not the data.
    settings : Settings
    """
    n_classes = fit.classes.n_classes
    if n_classes == 1:
        return Stability(1.0, np.ones(1))
    shape, agreement, jaccard = (n_classes, n_classes), [], []
    for pair in range(n_pairs):
        halves = split_halves(rows.weights, np.random.default_rng((*seed, pair)))
        best = []
        for side, weights in enumerate(halves):
            there = np.flatnonzero(weights > 0)
            half = rows.take(there, weights[there])
            other = fit_mixture(
                half, n_classes, seed=(*seed, pair, side, n_classes), n_init=n_init, settings=settings
            )
            best.append(assign(rows, other.classes))
            jaccard.append(best_jaccard(users_table(fit.best, best[-1], rows.weights, shape)))
        agreement.append(adjusted_rand(users_table(best[0], best[1], rows.weights, shape)))
    return Stability(float(np.mean(agreement)), np.mean(jaccard, axis=0))


def assign(rows: Rows, classes: Classes) -> np.ndarray:
    """Give each user the likeliest class."""
    return np.concatenate([memberships(classes, design)[0].argmax(axis=1) for design, _ in rows.chunks()])


@dataclass(frozen=True)
class Choice:
    """A curve over the number of personas, and the number chosen on it."""

    table: pd.DataFrame
    n_classes: int
    jaccard: np.ndarray


def choose_n_classes(
    rows: Rows,
    ks: Sequence[int],
    *,
    seed: int,
    n_init: int,
    n_pairs: int,
    min_share: float,
    settings: Settings,
) -> Choice:
    """Compare numbers of personas and choose one.

    Parameters
    ----------
    rows : Rows
    ks : sequence of int
        Numbers to compare; 1 is always among them.
    seed : int
    n_init, n_pairs : int
        Starts per fit, pairs of halves per k.
    min_share : float
        Smallest persona that is worth having, as a share of users.
    settings : Settings

    Returns
    -------
    Choice
        Its table has the columns k, icl, bic (lower is better), stability (agreement of halves),
        min_jaccard, mean_jaccard, separation (1 - relative entropy), min_share, passes, chosen.
    """
    sample = rows.sample(MAX_CHOICE_ROWS)
    records, jaccards = [], {}
    for k in sorted({1, *ks}):
        fit = fit_mixture(sample, k, seed=(seed, k), n_init=n_init, settings=settings)
        stability = measure_stability(
            sample,
            fit,
            seed=(seed, STABILITY_SEED),
            n_pairs=n_pairs,
            n_init=max(1, n_init // 2),
            settings=settings,
        )
        records.append(_record(sample, k, fit, stability, min_share))
        jaccards[k] = stability.jaccard
    table = pd.DataFrame.from_records(records)
    chosen = int(table.loc[table["passes"], ["k", "icl"]].sort_values(["icl", "k"])["k"].iloc[0])
    table["chosen"] = table["k"] == chosen
    return Choice(table, chosen, jaccards[chosen])


def _record(rows: Rows, k: int, fit: Fit, stability: Stability, min_share: float) -> dict:
    sizes = np.bincount(fit.best, weights=rows.weights, minlength=k)
    smallest = float(sizes.min() / rows.total)
    jaccard = stability.jaccard
    passes = k == 1 or (
        jaccard.min() >= MIN_JACCARD
        and stability.agreement >= MIN_AGREEMENT
        and smallest >= min_share
        and sizes.min() >= MIN_USERS
    )
    separation = 1.0 if k == 1 else 1 - fit.quality.entropy / (rows.total * np.log(k))
    return {
        "k": k,
        "icl": fit.quality.icl,
        "bic": fit.quality.bic,
        "stability": stability.agreement,
        "min_jaccard": float(jaccard.min()),
        "mean_jaccard": float(jaccard.mean()),
        "separation": float(separation),
        "min_share": smallest,
        "passes": bool(passes),
    }


def count_personas(n: int) -> str:
    """Say a number of personas.

    Examples
    --------
    >>> count_personas(1)
    '1 persona'
    """
    return f"{n} persona{'s' if n != 1 else ''}"


def chosen_in_words(table: pd.DataFrame, n_users: float, jaccard: np.ndarray | None = None) -> str:
    """Say which number of personas a curve speaks for, and why.

    Parameters
    ----------
    table : DataFrame
        Of a :class:`Choice`.
    n_users : float
        Users behind it.
    jaccard : ndarray of shape (n_classes,), optional
        Of the chosen number; by default only the smallest, from the table, is said.
    """
    row = table[table["chosen"]].iloc[0]
    if row["k"] > 1:
        return _found_in_words(row, jaccard)
    if len(table) == 1:
        return f"No structure: {n_users:,.0f} users are too few to compare numbers of personas."
    ks = table["k"].iloc[1:]
    return (
        f"No structure: no number of personas from {ks.min()} to {ks.max()} both comes back in halves of "
        "the users and describes them better than one group does."
    )


def _found_in_words(row: pd.Series, jaccard: np.ndarray | None) -> str:
    """Say what was found to a reader who has never heard of a Jaccard index, with its true figures."""
    low = row["min_jaccard"]
    high = None if jaccard is None else float(np.max(jaccard))
    share = (
        f"at least {low:.0%}" if high is None else " to ".join(dict.fromkeys([f"{low:.0%}", f"{high:.0%}"]))
    )
    how = "stable" if low >= VALID_JACCARD else "fairly stable"
    return (
        f"{count_personas(int(row['k']))}, {how}: when the users are split in halves and grouped again, each "
        f"persona and its match share {share} of their users (over {VALID_JACCARD:.0%} is stable); the "
        f"smallest holds {row['min_share']:.1%} of all users."
    )
