"""One label: judge its claims, tier by tier, and say what each vote is worth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from segtool.labels.fusion.confusion import (
    LEAST_USERS,
    Anchors,
    Reliability,
    estimate_confusion,
    estimate_speaking,
    find_anchors,
    measure_reliability,
    symmetric,
)
from segtool.labels.fusion.votes import NEAR_GOLD, Patterns, mean_log_odds
from segtool.labels.fusion.weights import (
    TierWeights,
    fit_shares,
    fit_temperature,
    fit_trust,
    measure_kinship,
    score_patterns,
    softmax,
)

__all__ = ["LabelFusion", "believe", "fuse_label"]

# Pseudo-users for which the declared reliability of answers stands.
SHRINK_WORDS = 50


@dataclass(frozen=True)
class LabelFusion:
    """What was learned of one label's claims.

    Parameters
    ----------
    tiers : dict of int to TierWeights
        The tiers whose weights were estimated; the others add up as declared.
    near_gold : dict of int to float
        P(right) of answers that people could judge, by the claim's place: one number, because a
        user's own word is doubted, never turned round.
    reliabilities : dict of int to Reliability
        By the claim's place in the label.
    voices : dict of int to float
        How much of a witness each claim counts for, on average where it speaks.
    estimated : frozenset of int
        The claims with enough judged users.
    """

    tiers: dict[int, TierWeights] = field(default_factory=dict)
    near_gold: dict[int, float] = field(default_factory=dict)
    reliabilities: dict[int, Reliability] = field(default_factory=dict)
    voices: dict[int, float] = field(default_factory=dict)
    estimated: frozenset[int] = frozenset()


def fuse_label(patterns: Patterns) -> LabelFusion:
    """Estimate what the votes on one label are worth.

    Parameters
    ----------
    patterns : Patterns

    Returns
    -------
    LabelFusion

    Examples
    --------
    >>> from segtool.labels.fusion.votes import Witness
    >>> people = Witness(1, "x.1 note", "person", 4, "notes", 0.95)
    >>> rule = Witness(2, "x.2 flag", "behaviour", 2, "events", 0.95)
    >>> patterns = Patterns.count(("no", "yes"), (people, rule), [[1, 1], [1, 2], [2, 1], [2, 2], [0, 1], [0, 2]],
    ...                           n=[70, 30, 30, 70, 900, 900])
    >>> found = fuse_label(patterns)
    >>> round(found.reliabilities[2].estimate, 2), found.reliabilities[2].n
    (0.72, 200)
    """
    sure = {tier: patterns.declared(tier) for tier in NEAR_GOLD if patterns.places(tier)}
    found = LabelFusion()
    for tier in sorted({witness.tier for witness in patterns.witnesses}, reverse=True):
        noises = {judge: symmetric(right, patterns.n_values) for judge, right in sure.items()}
        anchors = find_anchors(patterns, tier, noises)
        if anchors is None:
            continue
        places = patterns.places(tier)
        measured = {patterns.witnesses[place].number: _compare(patterns, place, anchors) for place in places}
        found = replace(found, reliabilities=found.reliabilities | measured)
        if tier in sure:
            near_gold = _judge_words(patterns, places, measured)
            found = replace(
                found, near_gold=found.near_gold | near_gold, estimated=found.estimated | set(near_gold)
            )
            sure[tier] = _mean_word(patterns, places, near_gold)
        else:
            found = _fuse_tier(patterns, tier, anchors, found)
    return found


def _judge_words(patterns: Patterns, places: list[int], measured: dict[int, Reliability]) -> dict[int, float]:
    """Return how often answers are right, shrunk to what is declared; few users have a note as well."""
    found = {}
    for place in places:
        witness = patterns.witnesses[place]
        said = measured[witness.number]
        if said.n >= LEAST_USERS and not witness.is_fixed:
            right = (said.n * said.estimate + SHRINK_WORDS * witness.declared) / (said.n + SHRINK_WORDS)
            found[witness.number] = round(min(max(right, 1 / patterns.n_values), 0.99), 4)
    return found


def _mean_word(patterns: Patterns, places: list[int], near_gold: dict[int, float]) -> float:
    spoken = [patterns.n[patterns.codes[:, place] > 0].sum() + 1e-9 for place in places]
    witnesses = [patterns.witnesses[place] for place in places]
    return float(np.average([near_gold.get(w.number, w.declared) for w in witnesses], weights=spoken))


def _fuse_tier(patterns: Patterns, tier: int, anchors: Anchors, found: LabelFusion) -> LabelFusion:
    """Return what was found, with the weights of a tier that enough users can be judged in."""
    places = patterns.places(tier)
    tables, known = _judge(patterns, places, anchors)
    if not any(known):
        return found
    weights = _weigh(patterns, places, tables, known, anchors)
    numbers = {patterns.witnesses[p].number for p, is_known in zip(places, known, strict=True) if is_known}
    return replace(
        found,
        tiers=found.tiers | {tier: weights},
        voices=found.voices | _count_voices(patterns, places, weights),
        estimated=found.estimated | numbers,
    )


def _judge(patterns: Patterns, places: list[int], anchors: Anchors) -> tuple[list[np.ndarray], list[bool]]:
    """Return each claim's confusion, and whether it was estimated."""
    tables, known = [], []
    for place in places:
        witness = patterns.witnesses[place]
        table = None if witness.is_fixed else estimate_confusion(patterns, place, anchors)
        known.append(table is not None)
        tables.append(symmetric(witness.declared, patterns.n_values) if table is None else table)
    return tables, known


def _compare(patterns: Patterns, place: int, anchors: Anchors) -> Reliability:
    said, judge = patterns.codes[:, place], anchors.first
    both = (said > 0) & (judge > 0)
    n = patterns.n[both].sum()
    if not n:
        return Reliability(0)
    right = np.zeros(len(said))
    for codes, noise in zip(reversed(anchors.codes), reversed(anchors.noises), strict=True):
        right = np.where(codes > 0, np.diag(noise)[np.maximum(codes, 1) - 1], right)
    sure = (patterns.n[both] * right[both]).sum() / n
    n_agree = patterns.n[both & (said == judge)].sum()
    return measure_reliability(n_agree, n, float(sure), patterns.n_values)


def _weigh(patterns: Patterns, places, tables, known, anchors: Anchors) -> TierWeights:
    """Return the weights of a tier: kinship, then temperature, then everyone's shares."""
    speaking = [
        estimate_speaking(patterns, place, anchors) if is_known else np.ones(patterns.n_values)
        for place, is_known in zip(places, known, strict=True)
    ]
    logs = np.array(
        [np.log(table).T + np.log(speaks) for table, speaks in zip(tables, speaking, strict=True)]
    )
    logs -= logs.mean(axis=2, keepdims=True)
    witnesses = [patterns.witnesses[place] for place in places]
    raw = TierWeights(
        values=patterns.values,
        log_shares=(0.0,) * patterns.n_values,
        numbers=tuple(witness.number for witness in witnesses),
        log_likelihoods=logs,
        kinship=measure_kinship(patterns, places, tables, known, anchors),
        log_odds=tuple(mean_log_odds(witness.declared, patterns.n_values) for witness in witnesses),
        trust=tuple(
            fit_trust(patterns, place, log, anchors) for place, log in zip(places, logs, strict=True)
        ),
    )
    scores = score_patterns(patterns, raw)
    temperature = fit_temperature(scores, patterns.n, anchors)
    spoken = (patterns.codes[:, places] > 0).any(axis=1)
    shares = fit_shares(temperature * scores, patterns.n, spoken, anchors)
    return replace(
        raw,
        log_likelihoods=np.round(temperature * logs, 4),
        log_shares=tuple(float(x) for x in np.round(np.log(shares), 4)),
        temperature=temperature,
    )


def _count_voices(patterns: Patterns, places: list[int], weights: TierWeights) -> dict[int, float]:
    spoken = (patterns.codes[:, places] > 0).astype(float)
    found = {}
    for row, number in enumerate(weights.numbers):
        voices = 1 + spoken @ weights.kinship[row] - spoken[:, row]
        n = patterns.n * spoken[:, row]
        found[number] = round(float((n / voices).sum() / max(n.sum(), 1)), 4)
    return found


def believe(patterns: Patterns, weights: TierWeights) -> np.ndarray:
    """Return P(value) per pattern by one tier; the twin of the SQL, for tests and for reading.

    Returns
    -------
    ndarray of shape (n_patterns, n_values)
    """
    return softmax(np.array(weights.log_shares) + score_patterns(patterns, weights))
