"""What follows a send beyond what follows the same person's own weeks without one.

People who are sent more are livelier than others, so weeks of other people say little of what a send brings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, stats

LEAST_QUIET = 30  # moments without a send, of people who were sent something at that stage too
LEAST_PEOPLE = 20  # people who say something of an option; fewer, and the error itself is not known


@dataclass(frozen=True)
class Within:
    """Differences within people, one entry per option.

    Parameters
    ----------
    more : Series
        Index option: P(up) after a send less that in the same person's moments without one.
    variance : Series
        Of ``more``, people being what was sampled.
    p_more : Series
        How likely as great a ``more`` would be had sends brought nothing (one-sided).
    p_others : Series
        The same of the difference to the stage's other options.
    """

    more: pd.Series
    variance: pd.Series
    p_more: pd.Series
    p_others: pd.Series


def compare_within(
    option: pd.Series, code: np.ndarray, up: np.ndarray, sent: np.ndarray, controls: np.ndarray
) -> Within:
    """Compare each option with no send, and with the other options, within people.

    Parameters
    ----------
    option : Series of str, length n_sends
        What was sent; missing where it is not known.
    code : ndarray of int, shape (n_sends + n_quiet,)
        The person. Sends first, then moments without a send.
    up : ndarray of bool, shape (n_sends + n_quiet,)
    sent : ndarray of bool, shape (n_sends + n_quiet,)
    controls : ndarray of int, shape (n_sends + n_quiet, n_controls)
        Classes held equal: first other sends nearby (0: none), then the week, how busy the person was before.

    Returns
    -------
    Within
        NaN where too few people had both.

    Examples
    --------
    >>> code = np.tile(np.arange(40), 2)  # each was sent one message, and had one week without
    >>> sent = np.repeat([True, False], 40)
    >>> up = sent & (code % 4 > 0)
    >>> found = compare_within(pd.Series(["mail"] * 40), code, up, sent, np.zeros((80, 1), dtype=int))
    >>> round(float(found.more["mail"]), 2), float(found.p_more["mail"]) < 0.001
    (0.75, True)

    Notes
    -----
    Least squares on dummies of the person, the controls and the options (a linear probability model with fixed
    effects); variances by person (a sandwich), with a t distribution by the number of people who carry the
    coefficient, since rare options rest on few.

    References
    ----------
    Cameron and Miller (2015), doi:10.3368/jhr.50.2.317.
    """
    names, dummies = _dummies(option, len(code))
    person = pd.factorize(code)[0]
    n_people = int(person.max(initial=-1)) + 1
    x = sparse.csr_array(sparse.hstack([dummies, _classes(controls)]))
    by_person = sparse.csr_array(
        (np.ones(len(person)), (person, np.arange(len(person)))), (n_people, len(person))
    )
    n = np.asarray(by_person.sum(axis=1)).ravel()
    sums, up = sparse.csr_array(by_person @ x), up.astype(float)
    scaled = sparse.csr_array(sparse.diags_array(1 / n) @ sums)
    gram = (x.T @ x - sums.T @ scaled).toarray()
    inverse = np.linalg.pinv(gram.round(8), rcond=1e-9, hermitian=True)
    mean = (by_person @ up) / n
    slope = inverse @ (x.T @ (up - mean[person]))
    error = up - x @ slope
    error -= ((by_person @ error) / n)[person]
    scores = sparse.csr_array(by_person @ sparse.csr_array(sparse.diags_array(error) @ x))
    k, n_of = len(names), np.asarray(dummies.sum(axis=0)).ravel()
    influence = scores @ inverse[:, :k]
    carried = _differing(x[:, :k], sums[:, :k], n, by_person)
    both = np.asarray((by_person @ sent.astype(float) > 0) & (by_person @ (~sent).astype(float) > 0))
    # A send alone in its time is told apart from none; one among others, from them, not from nothing.
    alone = sent & (controls[:, 0] == 0)
    enough = min(int((rows & both[person]).sum()) for rows in (~sent, alone)) >= LEAST_QUIET
    more = _told(slope[:k], influence, carried, names, enough)
    others = _against_others(k, n_of)
    p_others = _told(others @ slope[:k], influence @ others.T, carried, names, k > 1)[2]
    return Within(*more, p_others)


def _differing(x, sums, n, by_person) -> np.ndarray:
    """Return how much each person's own rows differ in each column, shape (n_people, n_columns)."""
    return np.asarray((by_person @ x.power(2)).toarray() - sums.toarray() ** 2 / n[:, None])


def _dummies(option: pd.Series, n_rows: int):
    """Return the options by name, and one column each; a send whose option is not known has one of its own."""
    filled = option.astype(object).where(option.notna(), "")
    codes, names = pd.factorize(filled.astype(str), sort=True)
    place = (np.arange(len(codes)), codes)
    return list(names), sparse.csr_array((np.ones(len(codes)), place), (n_rows, len(names)))


def _classes(controls: np.ndarray):
    parts = []
    for column in controls.T:
        codes, names = pd.factorize(column, sort=True)
        parts.append(
            sparse.csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)), (len(codes), len(names)))
        )
    return sparse.hstack(parts)


def _against_others(k: int, n: np.ndarray) -> np.ndarray:
    """Return contrasts of each option with the mean of the others as often sent as they were."""
    weight = np.tile(n, (k, 1)) * (1 - np.eye(k))
    return np.eye(k) - weight / np.maximum(weight.sum(axis=1, keepdims=True), 1)


def _told(value, influence, carried, names, enough: bool):
    """Return differences, variances and one-sided p, NaN where too few people carry one."""
    total = np.maximum(carried.sum(axis=0), 1e-12)
    people = total**2 / np.maximum((carried**2).sum(axis=0), 1e-12)
    n_people = len(influence)
    variance = (influence**2).sum(axis=0) * n_people / max(n_people - 1, 1)
    known = (people >= LEAST_PEOPLE) & enough & (variance > 1e-12)
    p = stats.t.sf(value / np.sqrt(np.maximum(variance, 1e-12)), np.maximum(people - 1, 1))
    return tuple(pd.Series(np.where(known, part, np.nan), index=names) for part in (value, variance, p))


def adjusted(p: pd.Series) -> np.ndarray:
    """Return false-discovery adjusted p (Benjamini-Hochberg); missing ones are no test, and stay missing.

    Examples
    --------
    >>> adjusted(pd.Series([0.01, np.nan, 0.5])).tolist()
    [0.02, nan, 0.5]
    """
    from statsmodels.stats.multitest import multipletests

    told = p.notna().to_numpy()
    q = np.full(len(p), np.nan)
    if told.any():
        q[told] = multipletests(p[told], method="fdr_bh")[1]
    return q
