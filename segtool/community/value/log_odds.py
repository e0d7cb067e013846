"""Which terms are a group's own: weighted log-odds with an informative Dirichlet prior, people as the unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.community.value.counts import TermCounts, entries_at, rows_of, used

TERMS = ["group", "term", "z", "log_odds", "index", "n_messages", "n_people", "n_elsewhere", "q", "rank"]
LEAST_INDEX = 120  # as everywhere: below it a share is the usual one


def compare_terms(counts: TermCounts, settings) -> pd.DataFrame:
    """Find the terms that set each group apart from all other groups together.

    Parameters
    ----------
    counts : TermCounts
    settings : CommunitySettings

    Returns
    -------
    DataFrame
        The terms named for each group, at most ``terms_per_group``, best first: group (number), term
        (number), z, log_odds, index (share of the group's uses over that of the others, times 100, shrunken by
        the prior), n_messages and n_people (in the group), n_elsewhere (messages of the others), q, rank
        (from 1).

    Notes
    -----
    For term w in group i against the others j, with y uses of n in all and a prior of a words shared out as
    the whole community uses them: d = ln((y_i + a_w) / (n_i + a - y_i - a_w)) less the same for j, and
    z = d / sqrt(v), where v = D_i / (y_i + a_w) + D_j / (y_j + a_w). D is how much more uses vary between
    people than by chance (the design effect, at least 1): a term that three people repeat is worth three
    people. z gives the order. Whether a term is named is judged by the binomial tail (`chance_of_more`) and
    Benjamini and Hochberg over all groups and terms.

    References
    ----------
    Monroe, Colaresi, Quinn (2008), Fightin' words, Political Analysis 16(4), eq. 16 and 22.
    https://doi.org/10.1093/pan/mpn018
    """
    to_group = counts.to_group
    uses = (to_group @ counts.by_person).tocsr()
    people = entries_at(uses, to_group @ used(counts.by_person))
    in_group = rows_of(uses)
    own_total = np.asarray(uses.sum(axis=1)).ravel()
    term_total = np.asarray(uses.sum(axis=0)).ravel()
    if not uses.nnz or (own_total > 0).sum() < 2:
        return _no_terms()
    effect, pooled = design_effects(counts, uses)
    spread = term_total / term_total.sum()
    y, term = uses.data, uses.indices
    own = (y, own_total[in_group])
    others = (term_total[term] - y, term_total.sum() - own_total[in_group])
    prior, effects = settings.term_prior_words * spread[term], (effect, pooled[term])
    difference, variance = log_odds(own, others, prior, settings.term_prior_words, effects)
    messages = entries_at(uses, counts.messages)
    all_messages = np.asarray(counts.messages.sum(axis=0)).ravel()
    table = pd.DataFrame(
        {
            "group": in_group,
            "term": term,
            "z": difference / np.sqrt(variance),
            "log_odds": difference,
            "index": shrunken_index(own, others, prior, settings.term_prior_words),
            "n_messages": messages.astype(np.int64),
            "n_people": people.astype(np.int64),
            "n_elsewhere": (all_messages[term] - messages).astype(np.int64),
            "p": chance_of_more(own, others, effects),
        }
    )
    # Every term might have been found in every group, also where too few people used it to be looked at.
    n_tests = int((own_total > 0).sum()) * int((term_total >= settings.min_people_per_term).sum())
    return name_terms(table, n_tests, settings)[TERMS]


def name_terms(table: pd.DataFrame, n_tests: int, settings) -> pd.DataFrame:
    """Return the terms to name: of enough people, beyond chance and well over the usual share, best first.

    Parameters
    ----------
    table : DataFrame
        group, term, z, index, n_people and p.
    n_tests : int
        Groups and terms that were compared.
    settings : CommunitySettings
    """
    table = table[table["n_people"] >= settings.min_people_per_term]
    table = table.assign(q=false_shares(table["p"].to_numpy(), n_tests))
    named = table[(table["q"] <= settings.term_false_share) & (table["index"] >= LEAST_INDEX)]
    return best_of_each(named, "group", settings.terms_per_group)


def log_odds(one, other, prior, prior_total: float, effects) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-odds ratio of uses in one place and another, and its variance.

    Parameters
    ----------
    one, other : tuple of ndarray
        Uses of a term, and of all terms.
    prior : ndarray
        Uses that the prior adds to each term, ``prior_total`` together.
    effects : tuple of ndarray
        Design effects of either side.

    Examples
    --------
    >>> d, v = log_odds((10.0, 100.0), (10.0, 1000.0), 5.0, 500.0, (1.0, 1.0))
    >>> round(float(d), 2), round(float(v), 2)
    (0.93, 0.13)
    """
    (y, n), (elsewhere, n_elsewhere) = one, other
    own = np.log((y + prior) / (n + prior_total - y - prior))
    others = np.log((elsewhere + prior) / (n_elsewhere + prior_total - elsewhere - prior))
    return own - others, effects[0] / (y + prior) + effects[1] / (elsewhere + prior)


def design_effects(counts: TermCounts, uses: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return how much more uses vary between people than by chance, at least 1.

    Returns
    -------
    own : ndarray, shape (uses.nnz,)
        Of each group and term, in the order of ``uses.data``.
    pooled : ndarray, shape (n_terms,)
        Of each term over all groups.

    Notes
    -----
    sum over people of (y_p - n_p s)^2 over n s (1 - s), with s the share of the term among the uses n.
    """
    written = np.asarray(counts.by_person.sum(axis=1)).ravel()
    to_group = counts.to_group
    squares = entries_at(uses, to_group @ counts.by_person.multiply(counts.by_person).tocsr())
    weighed = entries_at(uses, to_group @ sparse.diags(written) @ counts.by_person)
    group = rows_of(uses)
    n = (to_group @ written)[group]
    n_squared = (to_group @ written**2)[group]
    share = uses.data / n
    found = squares - 2 * share * weighed + share**2 * n_squared
    expected = np.maximum(n * share * (1 - share), 1e-9)
    sums = [np.bincount(uses.indices, part, minlength=uses.shape[1]) for part in (found, expected)]
    pooled = sums[0] / np.maximum(sums[1], 1e-9)
    return np.maximum(found / expected, 1.0), np.maximum(pooled, 1.0)


def shrunken_index(one, other, prior, prior_total: float) -> np.ndarray:
    """Return the share of uses in one place over that in another, times 100, shrunken by the prior."""
    (y, n), (elsewhere, n_elsewhere) = one, other
    return 100 * (y + prior) / (n + prior_total) * (n_elsewhere + prior_total) / (elsewhere + prior)


def chance_of_more(one, other, effects) -> np.ndarray:
    """Return the probability of as many uses in one place, were they spread as all words are.

    The binomial tail, in effective numbers. A z of log-odds is fine for an order, but it calls five uses
    where half a one is usual a miracle; among millions of comparisons such are found by chance.

    Examples
    --------
    >>> round(float(chance_of_more((5.0, 100.0), (0.0, 900.0), (1.0, 1.0))), 6)  # 5 of 5 in a tenth
    1e-05
    """
    from scipy.special import betainc

    (y, n), (elsewhere, n_elsewhere) = one, other
    return betainc(np.maximum(y / effects[0], 1e-9), elsewhere / effects[1] + 1, n / (n + n_elsewhere))


def false_shares(p: np.ndarray, n_tests: int) -> np.ndarray:
    """Return Benjamini and Hochberg's q where only the smallest of ``n_tests`` p were kept.

    Examples
    --------
    >>> false_shares(np.array([0.001, 0.04, 0.03]), 4).round(4).tolist()
    [0.004, 0.0533, 0.0533]
    """
    order = np.argsort(p, kind="stable")
    stepped = p[order] * n_tests / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1.0)
    return q


def best_of_each(table: pd.DataFrame, by: str, n: int) -> pd.DataFrame:
    """Return the n rows of the highest z in each place, with their rank from 1."""
    ordered = table.sort_values([by, "z", "term"], ascending=[True, False, True], ignore_index=True)
    ordered["rank"] = ordered.groupby(by).cumcount() + 1
    return ordered[ordered["rank"] <= n].reset_index(drop=True)


def _no_terms() -> pd.DataFrame:
    return pd.DataFrame({name: np.empty(0) for name in TERMS}).astype({"group": np.int64, "term": np.int64})
