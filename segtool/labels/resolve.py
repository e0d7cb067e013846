"""From many claims to one value: people outrank surveys, surveys data, data inference.

Within the winning tier, claims add their log-odds; claims that rest on the same rows are one
witness and share one weight. Whoever loses stays in the ledger, and the label is marked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from segtool.labels.expressions import quote_name
from segtool.labels.plans import SOURCE_ORDER, TIERS, Step

__all__ = ["SOURCE_ORDER", "Vote", "reduce_rows", "resolve_label", "resolve_many"]

# Log-odds of a hundred agreeing authors would overflow exp(); this is certainty already.
MAX_SCORE = 30


@dataclass(frozen=True)
class Vote:
    """One claim as resolution sees it: columns with a value and a confidence per user.

    Parameters
    ----------
    value, confidence : str
        SQL of the columns; the value is NULL where the claim abstains.
    source : str
    family : str
        Claims of one family rest on the same rows and share one weight.
    n, is_split : str
        SQL of how many statements it stands for, and whether they disagree among themselves.
    """

    value: str
    confidence: str
    source: str
    family: str
    n: str = "1"
    is_split: str = "FALSE"


@dataclass
class Layers:
    """Columns of a resolution, in three layers: each may use the ones before."""

    weights: dict[str, str] = field(default_factory=dict)
    scores: dict[str, str] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)


def resolve_label(name: str, n_values: int, votes: Sequence[Vote], layers: Layers) -> None:
    """Add the columns that resolve one single-valued label.

    Parameters
    ----------
    name : str
        The label.
    n_values : int
        How many values it has.
    votes : sequence of Vote
        In the order of the definition, which breaks ties.
    layers : Layers
        Receives value ``name``, ``name__confidence``, ``name__source``, ``name__n_claims`` and
        ``name__conflict``.
    """
    tiers: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        tiers[TIERS[vote.source]].append(vote)
    winners = [
        _resolve_tier(f"{name}__tier{tier}", n_values, tiers[tier], layers)
        for tier in sorted(tiers, reverse=True)
    ]
    value = _first([winner.value for winner in winners])
    whens = [f"WHEN {winner.value} IS NOT NULL THEN" for winner in winners]
    disagree = [f"coalesce({vote.value} <> {value}, FALSE)" for vote in votes] if len(votes) > 1 else []
    disagree += [f"coalesce({vote.is_split}, FALSE)" for vote in votes if vote.is_split != "FALSE"]
    present = [f"CASE WHEN {vote.value} IS NOT NULL THEN {vote.n} ELSE 0 END" for vote in votes]
    sources = " ".join(f"{when} {w.source}" for when, w in zip(whens, winners, strict=True))
    confidences = " ".join(f"{when} {w.confidence}" for when, w in zip(whens, winners, strict=True))
    layers.resolved |= {
        quote_name(name): value,
        quote_name(f"{name}__confidence"): f"CASE {confidences} END",
        quote_name(f"{name}__source"): f"CASE {sources} END",
        quote_name(f"{name}__n_claims"): " + ".join(present),
        quote_name(f"{name}__conflict"): " OR ".join(disagree) or "FALSE",
    }


def _first(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def _resolve_tier(prefix: str, n_values: int, votes: Sequence[Vote], layers: Layers) -> Vote:
    """Return what a tier says: its only vote, or the value with the highest sum of log-odds."""
    if len(votes) == 1:
        return Vote(votes[0].value, votes[0].confidence, f"'{votes[0].source}'", "")
    scores = _add_scores(prefix, n_values, votes, layers)
    best = f"greatest({', '.join(scores)})"
    wins = [f"WHEN {score} = {best} THEN" for score in scores]
    value = " ".join(f"{win} {vote.value}" for win, vote in zip(wins, votes, strict=True))
    source = " ".join(f"{win} '{vote.source}'" for win, vote in zip(wins, votes, strict=True))
    odds = [f"CASE WHEN {_is_new(votes, i)} THEN exp({scores[i]}) ELSE 0 END" for i in range(len(votes))]
    n_said = " + ".join(f"CASE WHEN {_is_new(votes, i)} THEN 1 ELSE 0 END" for i in range(len(votes)))
    unsaid = f"greatest({n_values} - ({n_said}), 0)"
    confidence = f"round(exp({best}) / ({' + '.join(odds)} + {unsaid}), 4)"
    return Vote(f"CASE {value} END", confidence, f"CASE {source} END", "")


def _add_scores(prefix: str, n_values: int, votes: Sequence[Vote], layers: Layers) -> list[str]:
    """Add each vote's weight (its log-odds over its family's size) and the sum for its value."""
    weights, scores = [], []
    for number, vote in enumerate(votes, start=1):
        kin = [f"CASE WHEN {v.value} IS NOT NULL THEN 1 ELSE 0 END" for v in votes if v.family == vote.family]
        shared = f"({' + '.join(kin)})" if len(kin) > 1 else "1"
        weight = quote_name(f"{prefix}_weight{number}")
        layers.weights[weight] = (
            f"CASE WHEN {vote.value} IS NOT NULL THEN "
            f"ln({vote.confidence} * {n_values - 1} / (1 - {vote.confidence})) / {shared} ELSE 0 END"
        )
        weights.append(weight)
    for number, vote in enumerate(votes, start=1):
        same = " + ".join(
            f"CASE WHEN {other.value} = {vote.value} THEN {weight} ELSE 0 END"
            for other, weight in zip(votes, weights, strict=True)
        )
        score = quote_name(f"{prefix}_score{number}")
        layers.scores[score] = (
            f"CASE WHEN {vote.value} IS NOT NULL THEN least(round({same}, 9), {MAX_SCORE}) END"
        )
        scores.append(score)
    return scores


def _is_new(votes: Sequence[Vote], number: int) -> str:
    """Whether a vote's value was not said by an earlier vote, so that it counts once."""
    value = votes[number].value
    earlier = [f"coalesce({vote.value} <> {value}, TRUE)" for vote in votes[:number]]
    return " AND ".join([f"{value} IS NOT NULL", *earlier])


def reduce_rows(name: str, table: str, n_values: int, expires_days: float | None, one_per_user: bool) -> Step:
    """Return the step that makes one vote per user of a claim with rows of its own.

    Expired rows drop out here and stay in the ledger. Several authors add up: the value with the
    highest sum of log-odds wins, then the newer, then the first in the alphabet.
    """
    fresh = (
        ""
        if expires_days is None
        else f"\nWHERE observed_age IS NULL OR observed_age <= {float(expires_days)}"
    )
    if one_per_user:
        sql = f"SELECT user_id, value, confidence, 1 AS n, FALSE AS is_split\nFROM {quote_name(table)}{fresh}"
        return Step(name, sql, "votes that have not expired")
    score = f"least(sum(ln(confidence * {n_values - 1} / (1 - confidence))), {MAX_SCORE})"
    sql = f"""\
SELECT user_id, value, round(odds / (total + greatest({n_values} - n_values_said, 0)), 4) AS confidence,
  n_all AS n, n_values_said > 1 AS is_split
FROM (
  SELECT user_id, value, odds,
    sum(odds) OVER (PARTITION BY user_id) AS total,
    count(*) OVER (PARTITION BY user_id) AS n_values_said,
    sum(n) OVER (PARTITION BY user_id) AS n_all,
    row_number() OVER (PARTITION BY user_id ORDER BY round(odds, 6) DESC, newest ASC NULLS LAST, value) AS place
  FROM (
    SELECT user_id, value, count(*) AS n, min(observed_age) AS newest, exp({score}) AS odds
    FROM {quote_name(table)}{fresh}
    GROUP BY user_id, value
  ) AS per_value
) AS ranked
WHERE place = 1"""
    return Step(name, sql, "one vote per user of several authors")


def resolve_many(label: str, parts: Sequence[str]) -> str:
    """Return SQL that resolves a many-valued label.

    Each value stands for itself: the strongest tier that says it decides, claims of one family
    count once (the surest), and families combine as independent witnesses (noisy or).

    Parameters
    ----------
    label : str
    parts : sequence of str
        SELECTs of user_id, value, confidence, source, tier, family.
    """
    claims = "\n    UNION ALL ".join(parts)
    return f"""\
SELECT user_id, '{label}' AS label, value,
  round(1 - exp(sum(ln(1 - confidence))), 4) AS confidence,
  min(source) AS source, CAST(sum(n) AS BIGINT) AS n_claims, FALSE AS conflict
FROM (
  SELECT user_id, value, tier, family, max(confidence) AS confidence, min(source) AS source, count(*) AS n,
    max(tier) OVER (PARTITION BY user_id, value) AS top_tier
  FROM (
    {claims}
  ) AS said
  GROUP BY user_id, value, tier, family
) AS by_family
WHERE tier = top_tier
GROUP BY user_id, value"""
