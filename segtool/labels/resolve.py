"""From many claims to one value: people outrank surveys, surveys data, data inference.

Within the winning tier, claims add their log-odds; claims that rest on the same rows are one
witness and share one weight. Where the study estimates what each claim is worth (`fusion`), its
numbers stand in the statement instead. Whoever loses stays in the ledger, and the label is marked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from segtool.labels.expressions import quote_name
from segtool.labels.fusion.votes import strength_sql
from segtool.labels.fusion.weights import TierWeights
from segtool.labels.plans import SOURCE_ORDER, TIERS, Step

__all__ = ["SOURCE_ORDER", "Vote", "reduce_rows", "resolve_label", "resolve_many"]

# Log-odds of a hundred agreeing authors would overflow exp(); this is certainty already.
MAX_SCORE = 30
# Nothing that is estimated is certain.
MAX_CONFIDENCE = 0.9999
# A correction is a person's last word on a user: above the notes of everyone.
CORRECTION_TIER = 5


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
    number : int
        The claim's place in the label, by which estimated weights are found.
    is_correction : bool
        Whether it outranks even other people.
    """

    value: str
    confidence: str
    source: str
    family: str
    n: str = "1"
    is_split: str = "FALSE"
    number: int = 0
    is_correction: bool = False

    @property
    def tier(self) -> int:
        """Return its rank; the highest that speaks decides."""
        return CORRECTION_TIER if self.is_correction else TIERS[self.source]


@dataclass
class Layers:
    """Columns of a resolution, in three layers: each may use the ones before."""

    weights: dict[str, str] = field(default_factory=dict)
    scores: dict[str, str] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)


def resolve_label(
    name: str,
    n_values: int,
    votes: Sequence[Vote],
    layers: Layers,
    weights: Mapping[int, TierWeights] | None = None,
    *,
    has_ruled_out: bool = False,
) -> None:
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
    weights : Mapping of int to TierWeights, optional
        Per tier, the weights that were estimated; the other tiers count as declared.
    has_ruled_out : bool
        Whether columns ``name__no1``, ... say which values a correction rules out.
    """
    tiers: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        tiers[vote.tier].append(vote)
    estimated = weights or {}
    winners = [
        _weigh_tier(
            f"{name}__tier{tier}",
            tiers[tier],
            layers,
            estimated[tier],
            f"{name}__no" if has_ruled_out else None,
        )
        if tier in estimated
        else _resolve_tier(f"{name}__tier{tier}", n_values, tiers[tier], layers)
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


def _weigh_tier(
    prefix: str, votes: Sequence[Vote], layers: Layers, weights: TierWeights, ruled_out: str | None
) -> Vote:
    """Return the likeliest of all values by estimated weights, and its probability.

    The score of a value is ln(its share) + the sum over claims of strength / voices * ln P(said | value).
    """
    by_number = {vote.number: vote for vote in votes}
    ordered = [by_number[number] for number in weights.numbers]
    voices = []
    for row, vote in enumerate(ordered):
        column = quote_name(f"{prefix}_weight{row + 1}")
        strength, trust = (
            strength_sql(vote.confidence, weights.log_odds[row], len(weights.values)),
            weights.trust[row],
        )
        if trust < 1 and strength != "1":
            strength = f"(1 + {trust} * ({strength} - 1))"
        kin = [
            f"CASE WHEN {other.value} IS NOT NULL THEN {rho} ELSE 0 END"
            for other, rho in zip(ordered, weights.kinship[row], strict=True)
            if other is not vote and rho > 0
        ]
        shared = f" / ({' + '.join(['1', *kin])})" if kin else ""
        layers.weights[column] = f"CASE WHEN {vote.value} IS NOT NULL THEN {strength}{shared} ELSE 0 END"
        voices.append(column)
    anyone = " OR ".join(f"{vote.value} IS NOT NULL" for vote in ordered)
    scores = []
    for true, share in enumerate(weights.log_shares):
        parts = [
            f"{column} * CASE {vote.value} {_likelihoods(weights, row, true)} ELSE 0 END"
            for row, (column, vote) in enumerate(zip(voices, ordered, strict=True))
        ]
        if ruled_out is not None:
            parts.append(
                f"CASE WHEN {quote_name(f'{ruled_out}{true + 1}')} = 1 THEN -{2 * MAX_SCORE} ELSE 0 END"
            )
        score = quote_name(f"{prefix}_score{true + 1}")
        layers.scores[score] = f"CASE WHEN {anyone} THEN round({' + '.join([str(share), *parts])}, 9) END"
        scores.append(score)
    return _likeliest(scores, ordered, weights.values)


def _likelihoods(weights: TierWeights, row: int, true: int) -> str:
    table = weights.log_likelihoods[row]
    return " ".join(
        f"WHEN {_text(value)} THEN {float(table[said][true])}" for said, value in enumerate(weights.values)
    )


def _likeliest(scores: Sequence[str], votes: Sequence[Vote], values: Sequence[str]) -> Vote:
    best = f"greatest({', '.join(scores)})"
    wins = " ".join(
        f"WHEN {score} = {best} THEN {_text(value)}" for score, value in zip(scores, values, strict=True)
    )
    value = f"CASE {wins} END"
    odds = " + ".join(f"exp({score} - {best})" for score in scores)
    # The source is the first claim that says the value; should none say it, the first that speaks.
    source = " ".join(
        [f"WHEN {vote.value} = {value} THEN '{vote.source}'" for vote in votes]
        + [f"WHEN {vote.value} IS NOT NULL THEN '{vote.source}'" for vote in votes]
    )
    confidence = f"round(least(1 / ({odds}), {MAX_CONFIDENCE}), 4)"
    return Vote(value, confidence, f"CASE {source} END", "")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


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
