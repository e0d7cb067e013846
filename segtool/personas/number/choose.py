"""How many personas, or none: a test of structure, a gate of stability, and a likelihood as judge.

Three questions in turn. Is there anything to segment? If the labels go together no more than labels
shuffled among the users do, there is one group. Which numbers of personas would stand? One must come
back when it is sought in disjoint halves of the users, persona by persona; its groups must have
members enough, and differ clearly in labels. Which of those is it? The integrated completed
likelihood (ICL) decides, at the price of a parameter that the curve shows. A stable clustering is not
yet a good one, and two halves of the users agree best on two coarse personas, so "the most stable k"
errs low; a likelihood alone errs high on real data and never says "none".

References
----------
Hennig (2007), Cluster-wise assessment of cluster stability, https://doi.org/10.1016/j.csda.2006.11.025.
Biernacki, Celeux, Govaert (2000), Assessing a mixture model for clustering with the integrated
completed likelihood, https://doi.org/10.1109/34.865189.
Tibshirani, Walther (2005), Cluster validation by prediction strength,
https://doi.org/10.1198/106186005X59243.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from segtool.personas.latent.mixture import Settings
from segtool.personas.latent.starts import Fit, fit_mixture
from segtool.personas.number.choice_words import (
    ONE_SCALE,
    VALID_JACCARD,
    chosen_in_words,
    count_personas,
    describe_change,
)
from segtool.personas.number.differences import count_differing, share_on_one_axis
from segtool.personas.number.price import charge, learn_price
from segtool.personas.number.stability import (
    STABILITY_SEED,
    Found,
    Stability,
    adjusted_rand,
    assign,
    best_jaccard,
    measure_stability,
    split_halves,
    users_table,
)
from segtool.personas.number.structure import Structure, measure_structure
from segtool.personas.table.design import Rows

__all__ = [
    "STABILITY_SEED", "Choice", "Found", "Stability", "adjusted_rand", "assign", "best_jaccard",
    "choose_n_classes", "chosen_in_words", "count_personas", "measure_stability", "split_halves",
    "users_table",
]  # fmt: skip

MIN_JACCARD = 0.6  # Hennig: a cluster found again to a lesser degree is not to be trusted
MIN_AGREEMENT = 0.6
MIN_STRENGTH = 0.5  # in each persona most pairs of users stay together by the model of another half
MIN_USERS = 5
MIN_DIFFERING = 3  # labels by which a persona can be told; half of them where there are fewer than six
MAX_CHOICE_ROWS = 10_000  # a curve over k is drawn on a sample; the chosen k is fitted on everybody
PATIENCE = 3  # numbers in a row that improve neither BIC nor ICL before the curve ends


@dataclass(frozen=True)
class Choice:
    """A curve over the number of personas, and the number chosen on it.

    Parameters
    ----------
    table : DataFrame
        One row per number; see :func:`choose_n_classes`.
    n_classes : int
        The number chosen: the recommended one, or the one that was asked for.
    jaccard : ndarray of shape (n_classes,) or None
        How well each class of the chosen number comes back; None if it could not be filled.
    structure : Structure
        The answer to whether there is anything to segment.
    fit : Fit
        The fit at the chosen number that the curve judged.
    whole : bool
        Whether that fit saw all users, not a sample of them.
    """

    table: pd.DataFrame
    n_classes: int
    jaccard: np.ndarray | None
    structure: Structure
    fit: Fit
    whole: bool


@dataclass(frozen=True)
class Compared:
    """One number of personas: its fit, how it holds, and why it does not pass ("" if it does)."""

    k: int
    fit: Fit
    stability: Stability
    sizes: np.ndarray
    from_rest: float
    from_nearest: float
    why_not: str
    cost: float = np.inf

    @property
    def n_filled(self) -> int:
        return int((self.sizes > 0).sum())


def choose_n_classes(
    rows: Rows,
    ks: Sequence[int],
    *,
    seed: int,
    n_init: int,
    n_pairs: int,
    min_share: float,
    settings: Settings,
    blocks: Sequence[int] | None = None,
    asked: int | None = None,
) -> Choice:
    """Compare numbers of personas and choose one.

    Parameters
    ----------
    rows : Rows
    ks : sequence of int
        Numbers to compare; 1 is always among them. The curve ends early when three numbers in a row
        improve neither criterion.
    seed : int
    n_init, n_pairs : int
        Starts per fit, pairs of halves per k.
    min_share : float
        Smallest persona that is worth having, as a share of users.
    settings : Settings
    blocks : sequence of int of length n_columns, optional
        Columns of the same number are one label (see :func:`measure_structure`).
    asked : int, optional
        The number the analyst wants whatever the curve says; compared like the others.

    Returns
    -------
    Choice
        Its table has the columns k, icl, bic, cost (lower is better; cost is ICL at the price of a
        parameter that the curve shows, see :func:`learn_price`), stability (agreement of halves, 0
        where k groups could not be filled), min_jaccard, mean_jaccard, separation (1 - relative
        entropy), min_share, prediction_strength, jaccard (text: one figure per persona, largest
        first), n_filled (groups with members), n_differing and n_apart (columns in which the persona
        that has fewest differs clearly from the rest, and from its nearest), one_axis (of what sets
        them apart, the share on one axis: near 1, they are steps on a scale), passes, chosen,
        recommended, runner_up, reason (why it was or was not recommended), change (what becomes of
        the personas of the number before).
    """
    structure = measure_structure(rows, blocks, seed=seed)
    sample = rows.sample(MAX_CHOICE_ROWS)
    compared: list[Compared] = []
    for k in sorted({1, *ks} | ({asked} if asked else set())):
        if _has_ended(compared) and k != asked:
            continue
        fit = fit_mixture(sample, min(k, len(sample)), seed=(seed, k), n_init=n_init, settings=settings)
        compared.append(_compare(sample, k, fit, min_share, seed, n_init, n_pairs, settings))
    curve = [one.fit.quality for one in compared if one.k == 1 or one.k in ks]
    price = learn_price(curve, ended=_has_ended(compared))
    compared = [replace(one, cost=charge(one.fit.quality, price)) for one in compared]
    best = _recommend(compared, structure)
    chosen = next(one for one in compared if one.k == (asked or best.k))
    table = _tabulate(sample, compared, best, chosen, structure)
    jaccard = chosen.stability.jaccard if chosen.n_filled == chosen.k else None
    return Choice(table, chosen.k, jaccard, structure, chosen.fit, len(sample) == len(rows))


def _has_ended(compared: Sequence[Compared]) -> bool:
    """Whether the last numbers improve on none before them, by either criterion."""
    if len(compared) <= PATIENCE:
        return False
    for criterion in ("icl", "bic"):
        values = [getattr(one.fit.quality, criterion) for one in compared]
        if min(values[-PATIENCE:]) < min(values[:-PATIENCE]):
            return False
    return True


def _compare(
    rows: Rows, k: int, fit: Fit, min_share: float, seed: int, n_init: int, n_pairs: int, settings: Settings
) -> Compared:
    """Measure how one number of personas holds."""
    sizes = np.bincount(fit.best, weights=rows.weights, minlength=k)
    if (sizes > 0).sum() < k:  # to seek groups again that are not there once is waste, and flatters them
        stability = Stability(0.0, np.zeros(k), 0.0)
        return Compared(k, fit, stability, sizes, 0.0, 0.0, _too_few_members(sizes, rows.total, min_share))
    halves = (seed, STABILITY_SEED)
    stability = measure_stability(
        rows, fit, seed=halves, n_pairs=n_pairs, n_init=max(1, n_init // 2), settings=settings
    )
    from_rest, from_nearest = (float(counts.min()) for counts in count_differing(fit.classes))
    needed = min(MIN_DIFFERING, sum(rows.layout.weights) / 2)
    why_not = k > 1 and (
        _too_few_members(sizes, rows.total, min_share)
        or _not_found_again(stability)
        or _hard_to_tell(from_rest, from_nearest, needed)
    )
    return Compared(k, fit, stability, sizes, from_rest, from_nearest, why_not or "")


# --- why a number does not pass ----------------------------------------------------------------


def _too_few_members(sizes: np.ndarray, total: float, min_share: float) -> str:
    if (sizes > 0).sum() < len(sizes):
        return (
            f"cannot be filled: only {(sizes > 0).sum()} of {len(sizes)} groups have members, "
            "users differ too little for more"
        )
    if sizes.min() < MIN_USERS or sizes.min() < min_share * total:
        return (
            f"too small: the smallest persona holds {sizes.min() / total:.1%} of the users "
            f"({sizes.min():,.0f}; at least {min_share:.0%} and {MIN_USERS} are asked for)"
        )
    return ""


def _not_found_again(stability: Stability) -> str:
    low = stability.jaccard.min()
    if low < MIN_JACCARD:
        return (
            f"not found again: sought again in halves of the users, the weakest persona and its match "
            f"share {low:.0%} of their users (at least {MIN_JACCARD:.0%})"
        )
    if stability.agreement < MIN_AGREEMENT:
        return (
            f"not found again: the groupings of two halves of the users agree to {stability.agreement:.2f} "
            f"(at least {MIN_AGREEMENT:.2f}; 0 is chance, 1 the same)"
        )
    if stability.prediction_strength < MIN_STRENGTH:
        return (
            f"not found again: of the pairs of users a half puts in one persona, the other half parts "
            f"{1 - stability.prediction_strength:.0%} where it is worst (at most {1 - MIN_STRENGTH:.0%})"
        )
    return ""


def _hard_to_tell(from_rest: float, from_nearest: float, needed: float) -> str:
    if from_rest < needed:
        return (
            f"hard to describe: one persona differs clearly from the rest in only {from_rest:.3g} "
            f"{'label' if from_rest == 1 else 'labels'} (at least {needed:.3g})"
        )
    return "" if from_nearest > 0 else "too alike: two of the personas differ clearly in no label"


# --- which number ------------------------------------------------------------------------------


def _recommend(compared: Sequence[Compared], structure: Structure) -> Compared:
    """Choose by ICL among the numbers that pass; one group where there is no structure or none passes.

    The entropy in ICL is the price of users who sit between personas. In a table of few or noisy
    labels it exceeds what plain groups gain, and ICL prefers one group however surely they come back.
    That labels go together is known by then from the test of structure, and BIC, which is blind to
    that price, errs high only for want of a gate: so the numbers whose every persona is valid (Hennig)
    are left to it.
    """
    single, several = compared[0], [c for c in compared[1:] if not c.why_not]
    if not structure.exists:
        return single
    better = [c for c in several if c.fit.quality.icl < single.fit.quality.icl]
    if better:
        return min(better, key=lambda c: (c.cost, c.k))
    valid = [c for c in several if c.stability.jaccard.min() >= VALID_JACCARD]
    return min([single, *valid], key=lambda c: (c.fit.quality.bic, c.k))


def _runner_up(compared: Sequence[Compared], best: Compared) -> Compared | None:
    """The next number by ICL: one that passes if there is one, a single group being no alternative."""
    others = [c for c in compared[1:] if c is not best and c.n_filled == c.k]
    return min(others, key=lambda c: (bool(c.why_not), c.cost), default=None)


def _tabulate(
    rows: Rows, compared: Sequence[Compared], best: Compared, chosen: Compared, structure: Structure
) -> pd.DataFrame:
    runner_up = _runner_up(compared, best)
    records, before = [], None
    for one in compared:
        records.append(
            {
                **_measures(rows, one),
                "chosen": one is chosen,
                "recommended": one is best,
                "runner_up": one is runner_up,
                "reason": _reason(one, best, compared[0], structure),
                "change": _change(before, one, rows.weights),
            }
        )
        before = one
    return pd.DataFrame.from_records(records)


def _measures(rows: Rows, one: Compared) -> dict:
    quality, jaccard, k = one.fit.quality, one.stability.jaccard, one.k
    separation = 1.0 if k == 1 else 1 - quality.entropy / (rows.total * np.log(k))
    by_size = jaccard[np.lexsort((-jaccard, -one.sizes))]
    return {
        "k": k,
        "icl": quality.icl,
        "bic": quality.bic,
        "cost": one.cost,
        "stability": one.stability.agreement,
        "min_jaccard": float(jaccard.min()),
        "mean_jaccard": float(jaccard.mean()),
        "separation": float(separation),
        "min_share": float(one.sizes.min() / rows.total),
        "prediction_strength": one.stability.prediction_strength,
        "jaccard": " ".join(f"{value:.3f}" for value in by_size),
        "n_filled": one.n_filled,
        "n_differing": one.from_rest,
        "n_apart": one.from_nearest,
        "one_axis": share_on_one_axis(one.fit.classes),
        "passes": not one.why_not,
    }


def _reason(one: Compared, best: Compared, single: Compared, structure: Structure) -> str:
    """Say why a number was, or was not, recommended; a short word first, then the figures."""
    if one.why_not:
        return one.why_not
    if one is single:
        return _single_reason(one is best, structure)
    if not structure.exists:
        return "no structure: its groups are no more than chance makes"
    if one is best:
        return _best_reason(one, single)
    if best is single:
        return "no better than one group: it describes users no better, and comes back too loosely"
    if best.fit.quality.icl < single.fit.quality.icl:
        worse = one.cost - best.cost
        name = "ICL" if one.cost <= one.fit.quality.icl + 1e-6 else "ICL at the price this curve shows"
    else:
        worse, name = one.fit.quality.bic - best.fit.quality.bic, "BIC"
    if worse < 0:
        return "comes back too loosely for groups with so many users in between"
    return f"describes less well: {name} is {worse:,.0f} higher than with {best.k}"


def _single_reason(recommended: bool, structure: Structure) -> str:
    if not recommended:
        return f"one group: {structure.in_words()}"
    return f"recommended: {'no number passes, though ' if structure.exists else ''}{structure.in_words()}"


def _best_reason(best: Compared, single: Compared) -> str:
    low, share = best.stability.jaccard.min(), best.sizes.min() / best.sizes.sum()
    if best.fit.quality.icl < single.fit.quality.icl:
        dear = best.cost > best.fit.quality.icl + 1e-6
        how = "for the price of a persona on this curve" if dear else "lowest ICL"
        why = f"of the numbers that pass it describes the users best ({how})"
    else:
        why = "its personas come back so surely that they stand, although many users sit between them"
    found = f"recommended: {why}; its weakest persona comes back to {low:.0%}, its smallest holds {share:.1%}"
    scale = best.k > 2 and share_on_one_axis(best.fit.classes) >= ONE_SCALE
    return found + ("; mind that they are steps on one scale more than different kinds" if scale else "")


def _change(before: Compared | None, after: Compared, weights: np.ndarray) -> str:
    if before is None or before.k == 1 or before.n_filled < before.k or after.n_filled < after.k:
        return ""
    return describe_change(before.fit.best, after.fit.best, weights)
