"""Who belongs where, how surely, and who is better called unsure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from segtool.checks import check_number
from segtool.personas.encode import Encoding, LabelTable


@dataclass(frozen=True)
class UnsureRule:
    """When a user is unsure rather than a member.

    Parameters
    ----------
    min_membership : float
        Below this probability of the likeliest persona. On planted data 0.6 kept 93 to 99 % of
        users, and those it turned away were right only half of the time.
    min_margin : float
        Below this lead over the second persona.
    min_known : int
        With fewer informative labels known: the likeliest persona is then the largest one, which
        is a guess about the crowd and no knowledge of the user.
    informative : tuple of str
        Labels that tell these personas apart.
    """

    min_membership: float = 0.6
    min_margin: float = 0.2
    min_known: int = 3
    informative: tuple[str, ...] = ()

    def __post_init__(self):
        check_number("min_membership", self.min_membership, low=0, high=1)
        check_number("min_margin", self.min_margin, low=0, high=1)
        check_number("min_known", self.min_known, low=0, integer=True)

    def find_unsure(self, probabilities: np.ndarray, table: LabelTable) -> np.ndarray:
        """Return which users are unsure, shape (n_users,)."""
        known = np.zeros(len(probabilities), int)
        for label in self.informative:
            if label in table.infos:
                known += table.known(label)
        return self.is_unsure(probabilities, known)

    def is_unsure(self, probabilities: np.ndarray, n_known: np.ndarray) -> np.ndarray:
        """Return which users are unsure, from what is known of each.

        Parameters
        ----------
        probabilities : ndarray of shape (n_users, n_personas)
        n_known : ndarray of int, shape (n_users,)
            Informative labels known of each user.

        Returns
        -------
        ndarray of bool, shape (n_users,)
            Nobody is unsure where there is one persona only.

        Examples
        --------
        >>> rule = UnsureRule(informative=("age", "city", "visits"))
        >>> rule.is_unsure(np.array([[0.9, 0.1], [0.55, 0.45], [0.9, 0.1]]), np.array([3, 3, 2])).tolist()
        [False, True, True]
        """
        if probabilities.shape[1] < 2:
            return np.zeros(len(probabilities), bool)
        best, second = np.partition(probabilities, -2, axis=1)[:, [-1, -2]].T
        too_little = np.asarray(n_known) < min(self.min_known, len(self.informative))
        return (best < self.min_membership) | (best - second < self.min_margin) | too_little

    def to_dict(self) -> dict:
        """Return plain values, for JSON."""
        return {**asdict(self), "informative": list(self.informative)}

    @classmethod
    def from_dict(cls, data: Mapping) -> UnsureRule:
        """Read what `to_dict` wrote."""
        return cls(**{**data, "informative": tuple(data["informative"])})


def find_informative(profile: pd.DataFrame, min_effect: float = 0.3) -> tuple[str, ...]:
    """Return the labels that formed the personas and do tell at least one of them apart."""
    forming = profile[profile["forms"]]
    strongest = forming["effect"].abs().groupby(forming["label"], sort=False).max()
    return tuple(str(label) for label in strongest.index[strongest >= min_effect])


def predict_memberships(model, encoding: Encoding, table: LabelTable) -> np.ndarray:
    """Return the probability of each persona for each user, shape (n_users, n_personas).

    The one way users get their persona: the first ones when personas are found, and every one
    after them.
    """
    with threadpool_limits(1):
        found = model.predict_proba(encoding.encode(table), confidence=encoding.confidences(table))
        return np.asarray(found, dtype=float)


def list_assigned(
    user_ids: pd.Index, probabilities: np.ndarray, unsure: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """Return one row per user: user_id, persona_id, persona, membership, runner_up, unsure."""
    rows = np.arange(len(probabilities))
    best = probabilities.argmax(axis=1)
    words = pd.Series(list(names), dtype=object)
    if probabilities.shape[1] > 1:
        others = probabilities.copy()
        others[rows, best] = -1.0
        runner_up = words.iloc[others.argmax(axis=1)].to_numpy()
    else:
        runner_up = np.full(len(rows), None, dtype=object)
    assigned = pd.DataFrame(
        {
            "user_id": user_ids.to_numpy(),
            "persona_id": best + 1,
            "persona": words.iloc[best].to_numpy(),
            "membership": probabilities[rows, best],
            "runner_up": runner_up,
            "unsure": unsure,
        }
    )
    return assigned.astype({"user_id": "str", "persona": "str"})
