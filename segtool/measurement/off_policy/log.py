"""A log of sends as arrays: who, which persona, which arm, with what chance, how many, how many answered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.errors import InputError


@dataclass(frozen=True)
class Log:
    """Sends, one row per user, arm and propensity, or one per send; arrays of shape (n_rows,).

    Parameters
    ----------
    user, persona, arm : ndarray of int
        Codes; persona and arm point into ``persona_ids`` and ``arms``.
    propensity : ndarray of float
    n, hits : ndarray of float
        Sends of the row, and those with the outcome.
    persona_ids, names, arms : tuple
    """

    user: np.ndarray
    persona: np.ndarray
    arm: np.ndarray
    propensity: np.ndarray
    n: np.ndarray
    hits: np.ndarray
    persona_ids: tuple
    names: tuple
    arms: tuple

    @property
    def n_sends(self) -> float:
        """Sends in all."""
        return float(self.n.sum())

    @property
    def traffic(self) -> np.ndarray:
        """Sends per persona, shape (n_personas,)."""
        return np.bincount(self.persona, weights=self.n, minlength=len(self.persona_ids))

    def rows(self, keep: np.ndarray) -> Log:
        """Return some rows, with all personas and arms still known."""
        names = ("user", "persona", "arm", "propensity", "n", "hits")
        return replace(self, **{name: getattr(self, name)[keep] for name in names})

    def by_user(self, values: np.ndarray) -> np.ndarray:
        """Sum a number per row over users, shape (n_users,)."""
        return np.bincount(self.user, weights=values)


def read_log(sends: pd.DataFrame) -> Log:
    """Read a table of sends with ``outcome``, or with the sums ``n`` and ``hits``.

    Raises
    ------
    InputError
        If a column is missing, there are no sends, or an outcome is neither 0 nor 1.
    """
    check_columns(sends.columns, ["user_id", "persona_id", "arm", "propensity"], "sends")
    summed = {"n", "hits"} <= set(sends.columns)
    if not summed:
        check_columns(sends.columns, ["outcome"], "sends")
    known = sends["persona_id"].notna() & sends["arm"].notna()
    sends = sends[known.to_numpy()]
    if sends.empty:
        raise InputError("There is no send with a persona and an arm.", "at least one.")
    n = sends["n"].to_numpy(dtype=float) if summed else np.ones(len(sends))
    hits = sends["hits" if summed else "outcome"].to_numpy(dtype=float)
    bad = int((~((hits >= 0) & (hits <= n))).sum() if summed else (~np.isin(hits, (0.0, 1.0))).sum())
    if bad:
        raise InputError(
            f"{bad:,} outcomes are missing or neither 0 nor 1.", "1 where it happened, 0 where not."
        )
    user, _ = pd.factorize(sends["user_id"].astype(str), sort=True)
    persona, persona_ids = pd.factorize(sends["persona_id"], sort=True)
    arm, arms = pd.factorize(sends["arm"].astype(str), sort=True)
    names = persona_ids
    if "persona" in sends:
        names = sends.groupby("persona_id")["persona"].first().reindex(persona_ids)
    propensity = pd.to_numeric(sends["propensity"], errors="coerce").to_numpy(dtype=float)
    log = Log(
        user, persona, arm, propensity, n, hits, tuple(persona_ids), tuple(map(str, names)), tuple(arms)
    )
    # Row order must not matter, not even in the last digit of a sum.
    return log.rows(np.lexsort((log.hits, log.n, log.propensity, log.arm, log.persona, log.user)))
