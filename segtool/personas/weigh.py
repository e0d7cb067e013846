"""What each column counts for: near-copies of one source share one voice, everything else has its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

SAME_FAMILY_R = 0.6
MAX_ROWS = 20_000
NEAR_COPY_R = 0.75  # two answers to one question, with one cell in fifteen gone wrong
LOUD_VOICES = 2.5  # of near-copies together: two labels that agree are no news, three are
MIN_SHARED = 30  # users for whom both are known: with fewer, two columns are not called the same


def weigh_columns(
    frame: pd.DataFrame, columns: Mapping[str, str], families: Mapping[str, frozenset[str]]
) -> dict[str, float]:
    """Return what each column counts for in the likelihood.

    Parameters
    ----------
    frame : pd.DataFrame of shape (n_users, n_columns)
        As made by `Encoding.encode`.
    columns : Mapping of str to str
        Column to label.
    families : Mapping of str to frozenset of str
        Label to its source families.

    Returns
    -------
    dict of str to float
        From 0 (excluded) to 1.

    Notes
    -----
    ``w_j = 1 / sum r_jk**2`` over the columns k of the same declared family with ``r_jk >= 0.6``, j
    itself included: five near-copies count as one. The values of a many-valued label are a family
    of their own. Only inside families: down-weighting by correlation alone was tried, and it takes
    apart the very associations that personas are.

    Columns of a many-valued label are not made lighter for being many. That rule was tried too: on
    planted personas told apart by interests, 1/sqrt(m) per column lowered the agreement with the
    truth from 0.65 to 0.50 (to 0.35 beside 12 columns of noise), and no persona was found any more.
    Columns that say nothing are the estimator's to mute; that many say something is no mistake.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [0.0, 1.0] * 20, "b": [0.0, 1.0] * 20, "c": [0.0, 0.0, 1.0, 1.0] * 10})
    >>> weigh_columns(frame, {"a": "a", "b": "b", "c": "c"}, {name: frozenset({"orders"}) for name in "abc"})
    {'a': 0.5, 'b': 0.5, 'c': 1.0}
    """
    names = list(columns)
    related = _related(list(columns.values()), families)
    np.fill_diagonal(related, False)
    copies = np.ones(len(names))
    if related.any():
        association = associate_columns(frame[names])
        copies += (association**2 * (related & (association >= SAME_FAMILY_R))).sum(axis=1)
    return {name: float(1 / count) for name, count in zip(names, copies, strict=True)}


def find_near_copies(
    frame: pd.DataFrame, columns: Mapping[str, str], weights: Mapping[str, float]
) -> list[list[str]]:
    """Find labels that say nearly the same, and together count for more than two.

    They may be one measurement written down many times, which then outvotes everything else, or a
    trait that many labels rightly show. The table cannot tell, the analyst can: by declaring one
    source family for them, by leaving some out of the basis, or by letting them be.

    Parameters
    ----------
    frame : pd.DataFrame of shape (n_users, n_columns)
        As made by `Encoding.encode`.
    columns : Mapping of str to str
        Column to label.
    weights : Mapping of str to float
        What each column counts for, as made by `weigh_columns`.

    Returns
    -------
    list of list of str
        Labels of each group, in the order of the columns; the loudest group first.

    Examples
    --------
    >>> trait = [0.0, 1.0] * 20
    >>> frame = pd.DataFrame({"a": trait, "b": trait, "c": trait, "d": [0.0, 0.0, 1.0, 1.0] * 10})
    >>> find_near_copies(frame, {name: name for name in frame}, dict.fromkeys(frame, 1.0))
    [['a', 'b', 'c']]
    """
    names = [name for name in columns if weights.get(name, 1.0) > 0]
    if len(names) <= LOUD_VOICES:
        return []
    _, group = connected_components(associate_columns(frame[names]) >= NEAR_COPY_R, directed=False)
    voice = np.array([weights.get(name, 1.0) for name in names])
    loud = np.bincount(group, weights=voice)
    groups = [g for g in np.argsort(-loud, kind="stable") if loud[g] > LOUD_VOICES]
    found = [list(dict.fromkeys(columns[names[i]] for i in np.flatnonzero(group == g))) for g in groups]
    return [labels for labels in found if len(labels) > 1]


def _related(labels: list[str], families: Mapping[str, frozenset[str]]) -> np.ndarray:
    """Return which columns, given by their labels, are of one label or of labels of the same family."""
    of_label = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    same = same_family([families[label] for label in of_label])
    np.fill_diagonal(same, True)  # values of one label belong together, whatever it rests on
    owner = [of_label[label] for label in labels]
    return same[np.ix_(owner, owner)]


def same_family(families: Sequence[frozenset[str]]) -> np.ndarray:
    """Return which labels rest mostly on the same rows, shape (n_labels, n_labels).

    Examples
    --------
    >>> orders, survey = frozenset({"orders"}), frozenset({"survey"})
    >>> same_family([orders, orders | survey, survey])[0].tolist()
    [True, True, False]
    """
    sources = {source: number for number, source in enumerate(sorted(frozenset().union(*families)))}
    rests = np.zeros((len(families), len(sources)))
    for number, family in enumerate(families):
        rests[number, [sources[source] for source in family]] = 1
    size, both = rests.sum(axis=1), rests @ rests.T
    return (both > 0) & (2 * both >= size[:, None] + size - both)


def list_indicators(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return columns as numbers, a categorical one as a 0/1 column per value, and whose each is.

    Returns
    -------
    indicators : np.ndarray of shape (n_sampled, n_indicators)
        NaN where unknown; at most `MAX_ROWS` rows.
    owner : np.ndarray of int, shape (n_indicators,)
    """
    step = -(-len(frame) // MAX_ROWS)  # ids are no order in time: every step-th user is a fair sample
    parts, owner = [], []
    for number, name in enumerate(frame.columns):
        cells = frame[name].iloc[::step]
        if isinstance(cells.dtype, pd.CategoricalDtype):
            codes = cells.cat.codes.to_numpy()[:, None]
            part = (codes == np.arange(len(cells.cat.categories))).astype(float)
            part[codes[:, 0] < 0] = np.nan
        else:
            part = cells.astype("Float64").to_numpy(float, na_value=np.nan)[:, None]
        parts.append(part)
        owner += [number] * part.shape[1]
    return np.hstack(parts), np.array(owner)


def correlate(indicators: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return |r| of each pair of columns over the users for whom both are known, and each variance."""
    known = ~np.isnan(indicators)
    centred = np.where(known, indicators - np.nanmean(indicators, axis=0), 0.0)
    there = known.astype(float)
    n = there.T @ there
    mean = centred.T @ there / np.maximum(n, 1)
    square = (centred**2).T @ there / np.maximum(n, 1) - mean**2
    covariance = centred.T @ centred / np.maximum(n, 1) - mean * mean.T
    scale = np.sqrt(np.clip(square * square.T, 0, None))
    r = np.divide(
        np.abs(covariance), scale, out=np.zeros_like(scale), where=(scale > 1e-12) & (n >= MIN_SHARED)
    )
    return np.clip(r, 0, 1), np.nanvar(indicators, axis=0)


def associate_columns(frame: pd.DataFrame) -> np.ndarray:
    """Return how far each pair of columns says the same, from 0 to 1, shape (n_columns, n_columns)."""
    indicators, owner = list_indicators(frame)
    return associate(*correlate(indicators), owner, frame.shape[1])


def associate(r: np.ndarray, spread: np.ndarray, owner: np.ndarray, n_columns: int) -> np.ndarray:
    """Return how far each pair of blocks of indicators says the same, from 0 to 1.

    For each indicator of one block the best match in the other, averaged with the variances as
    weights; the larger of both directions, because a label that another one implies ("shops on
    weekends" by the days of the week) adds nothing to it, however much more the other says. A block
    without variance says the same as none.

    Parameters
    ----------
    r : np.ndarray of shape (n_indicators, n_indicators)
    spread : np.ndarray of shape (n_indicators,)
        As `correlate` returns them.
    owner : np.ndarray of int, shape (n_indicators,)
        Block of each indicator, ascending.
    n_columns : int

    Returns
    -------
    np.ndarray of shape (n_columns, n_columns)
        Symmetric.
    """
    found = np.zeros((n_columns, n_columns))
    there, starts = np.unique(owner, return_index=True)  # a block may have no indicator at all
    if not len(there):
        return found
    weight = np.nan_to_num(spread)
    total = np.add.reduceat(weight, starts)
    best = np.maximum.reduceat(r, starts, axis=1)
    summed = np.add.reduceat(best * weight[:, None], starts, axis=0)
    mean = np.divide(summed, total[:, None], out=np.zeros_like(summed), where=total[:, None] > 0)
    mean[:, total == 0] = 0
    found[np.ix_(there, there)] = np.maximum(mean, mean.T)
    return found
