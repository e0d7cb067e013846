"""What fusion learns from: how often each combination of votes occurs, and no user.

A label with three rules, an answer and a note has at most a few thousand combinations, however many
users there are; whole numbers add up the same in any order, so the estimates do not depend on
threads or on the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Patterns", "Witness", "mean_log_odds", "strength_sql"]

# Tiers whose word is near the truth: the others are judged by them.
NEAR_GOLD = (4, 3)
# A claim's own doubt scales its vote, in halves, so that few combinations occur.
MAX_STRENGTH = 2.0


@dataclass(frozen=True)
class Witness:
    """One claim of a label, as fusion sees it.

    Parameters
    ----------
    number : int
        Its place in the label, from 1.
    claim : str
        Its id in the ledger.
    source : str
    tier : int
        4 for people, 3 for answers, 2 for data, 1 for inference.
    family : str
        Claims of one family rest on the same rows.
    declared : float
        The mean of the confidences it states.
    n_values : int
        How many values there are to guess from.
    is_fixed : bool
        Whether the definition states its reliability: an analyst's word is not estimated away.
    """

    number: int
    claim: str
    source: str
    tier: int
    family: str
    declared: float
    n_values: int = 2
    is_fixed: bool = False


@dataclass(frozen=True)
class Patterns:
    """The combinations of votes on one label.

    Parameters
    ----------
    values : tuple of str
        The K values of the label.
    witnesses : tuple of Witness
    codes : ndarray of shape (n_patterns, n_witnesses)
        0 where a claim is silent, else the place of the value it says, from 1.
    strengths : ndarray of shape (n_patterns, n_witnesses)
        How sure the claim is beside its own mean, in log-odds: 1 as usual, 0 not at all.
    n : ndarray of shape (n_patterns,)
        Users.
    """

    values: tuple[str, ...]
    witnesses: tuple[Witness, ...]
    codes: np.ndarray
    strengths: np.ndarray
    n: np.ndarray

    @classmethod
    def count(cls, values, witnesses, codes, strengths=None, n=None) -> Patterns:
        """Make patterns of one row per user, or of rows with counts; the order of rows is no matter."""
        codes = np.asarray(codes, dtype=np.int64).reshape(-1, len(witnesses))
        strengths = np.ones(codes.shape) if strengths is None else np.asarray(strengths, dtype=float)
        n = np.ones(len(codes)) if n is None else np.asarray(n, dtype=float)
        halves = np.round(2 * strengths).astype(np.int64) * (codes > 0)
        keys, place = np.unique(np.hstack([codes, halves]), axis=0, return_inverse=True)
        total = np.bincount(place.ravel(), weights=n, minlength=len(keys))
        width = len(witnesses)
        return cls(tuple(values), tuple(witnesses), keys[:, :width], keys[:, width:] / 2.0, total)

    @property
    def n_values(self) -> int:
        """K."""
        return len(self.values)

    def tier_codes(self, tier: int) -> np.ndarray:
        """Return what a tier says in each pattern, by its first claim that speaks; 0 for nothing."""
        said = np.zeros(len(self.n), dtype=np.int64)
        for place, witness in enumerate(self.witnesses):
            if witness.tier == tier:
                said = np.where(said == 0, self.codes[:, place], said)
        return said

    def places(self, tier: int) -> list[int]:
        """Return the places of a tier's witnesses."""
        return [place for place, witness in enumerate(self.witnesses) if witness.tier == tier]

    def declared(self, tier: int) -> float:
        """Return the mean confidence that a tier's claims state, weighed by how often they speak."""
        places = self.places(tier)
        spoken = np.array([self.n[self.codes[:, place] > 0].sum() for place in places])
        stated = np.array([self.witnesses[place].declared for place in places])
        return float((stated * (spoken + 1e-9)).sum() / (spoken + 1e-9).sum())


def mean_log_odds(confidence: float, n_values: int) -> float | None:
    """Return the log-odds against guessing that a vote of strength 1 has; None where there is no edge.

    Examples
    --------
    >>> round(mean_log_odds(0.75, 2), 3), mean_log_odds(0.52, 2)
    (1.099, None)
    """
    log_odds = float(np.log(confidence * (n_values - 1) / (1 - confidence)))
    return round(log_odds, 4) if log_odds > 0.2 else None


def strength_sql(confidence: str, log_odds: float | None, n_values: int) -> str:
    """Return SQL of a vote's strength: its log-odds over the claim's mean, in halves from 0 to 2.

    Examples
    --------
    >>> strength_sql("c", None, 2)
    '1'
    """
    if log_odds is None:
        return "1"
    own = f"ln({confidence} * {n_values - 1} / (1 - {confidence}))"
    return f"least(greatest(round(2 * {own} / {log_odds}) / 2, 0), {MAX_STRENGTH})"
