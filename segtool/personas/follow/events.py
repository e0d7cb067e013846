"""What became of each persona: same, split, merged, new or gone.

The rules read what two models make of today's users, and nothing of who these users are, so that
they speak of the change of the model alone. People who move are counted elsewhere.

References
----------
Spiliopoulou, Ntoutsi, Theodoridis, Schult (2006), MONIC: modeling and monitoring cluster
transitions, https://doi.org/10.1145/1150402.1150491.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from segtool.personas.follow.overlap import Comparison

SAME = 0.5  # similarity from which two personas are one; on planted periods 0.7 to 1, of others under 0.4
MOST = 0.5  # of a persona's users: "mostly from there", "mostly went there"
# A new persona is a part of an old one only if it takes so much of it: what a few left is still whole.
PART = 0.1
# Of what was expected today: below it a persona is not merged with another, there are no such users.
STILL_THERE = 0.5
# Share of strangers from which a persona is none of an older one's kind; where the model is right 0.05. On
# planted periods the same had 0.02 to 0.11, merged ones up to 0.27. Parts of a split had up to 0.54, newcomers
# taken for a part from 0.4; but newcomers make the older persona grow, and its parts do not.
STRANGE_PAIR, STRANGE_PART, STRANGE_GROWN, GROWN = 0.4, 0.57, 0.3, 1.25
TIMES_USUAL = 2.0


@dataclass(frozen=True)
class Events:
    """What happened, by position (0 for persona 1).

    Parameters
    ----------
    before : tuple of str
        Of each older persona: same, split, merged or gone.
    after : tuple of str
        Of each newer one: same, split, merged or new.
    matches : dict of int to int
        Newer persona to the older one that is most like it, where any is like it enough.
    links : tuple of (int, int)
        Pairs of an older and a newer persona of which one continues the other.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    matches: dict[int, int]
    links: tuple[tuple[int, int], ...]


def find_events(comparison: Comparison) -> Events:
    """Say what became of each persona.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    Events

    Notes
    -----
    Personas are paired one to one so that their summed similarity is highest (Hungarian method), and
    a pair of at least 0.5 is the same persona, unless its users are strangers to the older model: a new
    kind of users that took the place of one that is gone. Others are part of a split when most of their
    users come from one older persona and are no strangers to the older model; and merged when most
    of their users went to one newer persona, while there still are as many of them.
    """
    matches = match_personas(comparison.similarity)
    unlike = _are_strange(comparison, STRANGE_PAIR)
    matches = {new: old for new, old in matches.items() if not unlike[old, new]}
    strange = _are_strange(comparison, STRANGE_PART)
    parts = _find_parts(comparison, matches, strange)
    sources = _find_sources(comparison, matches, strange)
    n_before, n_after = comparison.counts.shape
    before, after = ["gone"] * n_before, ["new"] * n_after
    for new, old in matches.items():
        before[old] = after[new] = "same"
    for new, olds in sources.items():
        after[new] = "merged"
        for old in olds:
            before[old] = "merged"
    for old, news in parts.items():
        before[old] = "split"
        for new in news:
            after[new] = "split" if after[new] != "merged" else "merged"
    links = {(old, new) for new, old in matches.items()}
    links |= {(old, new) for old, news in parts.items() for new in news}
    links |= {(old, new) for new, olds in sources.items() for old in olds}
    return Events(tuple(before), tuple(after), matches, tuple(sorted(links)))


def match_personas(similarity: np.ndarray, least: float = SAME) -> dict[int, int]:
    """Pair personas one to one for the highest summed similarity; newer to older position.

    Examples
    --------
    >>> match_personas(np.array([[0.2, 0.9], [0.8, 0.3], [0.1, 0.1]]))
    {1: 0, 0: 1}
    """
    pairs = zip(*linear_sum_assignment(-similarity), strict=True)
    return {int(new): int(old) for old, new in pairs if similarity[old, new] >= least}


def _are_strange(comparison: Comparison, least: float) -> np.ndarray:
    """Return which newer personas are none of an older one's kind, shape (n_before, n_after).

    Labels that aged for everybody make nobody new: strangers must be more than is usual.
    """
    shares = comparison.strange
    known = shares[~np.isnan(shares)]
    usual = float(np.quantile(known, 0.25, method="lower")) if len(known) else 0.0
    asked = np.where(comparison.retention >= GROWN, STRANGE_GROWN, least)
    return np.nan_to_num(shares) >= np.maximum(asked, TIMES_USUAL * usual)[:, None]


def _find_parts(comparison: Comparison, matches: dict[int, int], strange) -> dict[int, list[int]]:
    """Return older persona -> the newer ones it fell into, where these are two or more."""
    found: dict[int, list[int]] = {}
    for new in range(comparison.counts.shape[1]):
        if new in matches:
            found.setdefault(matches[new], []).append(new)
            continue
        old = int(comparison.share_of_after[:, new].argmax())
        mostly = comparison.share_of_after[old, new] >= MOST and comparison.share_of_before[old, new] >= PART
        if mostly and not strange[old, new]:
            found.setdefault(old, []).append(new)
    return {old: sorted(news) for old, news in found.items() if len(news) > 1}


def _find_sources(comparison: Comparison, matches: dict[int, int], strange) -> dict[int, list[int]]:
    """Return newer persona -> the older ones it took in, where these are two or more."""
    matched = {old: new for new, old in matches.items()}
    found: dict[int, list[int]] = {}
    for old in range(comparison.counts.shape[0]):
        if old in matched:
            found.setdefault(matched[old], []).append(old)
            continue
        new = int(comparison.share_of_before[old].argmax())
        still = comparison.retention[old] >= STILL_THERE and not strange[old, new]
        if still and comparison.share_of_before[old, new] >= MOST:
            found.setdefault(new, []).append(old)
    return {new: sorted(olds) for new, olds in found.items() if len(olds) > 1}
