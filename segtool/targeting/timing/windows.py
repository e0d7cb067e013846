"""The hours to send in: the best stretch of each part of the day, for a persona and for a user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from segtool.targeting.settings import DAYPARTS, TargetingSettings
from segtool.targeting.timing.dayparts import allowed_hours

DRAWS = 1000  # of a persona's hours: a chance of being best within 2 points
TOP_WINDOWS = 3
WINDOWS = [
    "persona_id", "persona", "rank", "daypart", "hour_from", "hour_to", "estimate", "lo", "hi", "everyone",
    "p_best", "n_users", "n_events",
]  # fmt: skip


@dataclass(frozen=True)
class Stretches:
    """Every run of hours that one may send in, within one part of the day.

    Parameters
    ----------
    hours : tuple of tuple of int
        The local hours of each run.
    daypart : ndarray of int, shape (n_runs,)
        Position of the part of the day in ``names``.
    names : tuple of str
        Parts of the day with an hour that is allowed.
    """

    hours: tuple[tuple[int, ...], ...]
    daypart: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def allowed(cls, settings: TargetingSettings) -> Stretches:
        """List the runs of ``window_hours`` hours; a part of the day with fewer gives what it has.

        Examples
        --------
        >>> Stretches.allowed(TargetingSettings()).hours[:3]
        ((8, 9), (10, 11), (11, 12))
        """
        runs = [(name, run) for name in DAYPARTS for run in _runs(name, settings)]
        names = tuple(dict.fromkeys(name for name, _ in runs))
        place = np.array([names.index(name) for name, _ in runs], dtype=int)
        return cls(tuple(run for _, run in runs), place, names)

    def matrix(self) -> np.ndarray:
        """Return what turns 24 shares into the share of each run, shape (24, n_runs)."""
        table = np.zeros((24, len(self.hours)))
        for place, run in enumerate(self.hours):
            table[list(run), place] = 1
        return table

    def best(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the busiest run of each part of the day, and its share an hour.

        Parameters
        ----------
        shares : ndarray, shape (n, 24)

        Returns
        -------
        run, per_hour : ndarray, shape (n, n_parts)
            By the mean over its hours, so that a short run is not a worse one.
        """
        lengths = np.array([len(run) for run in self.hours])
        means = shares @ (self.matrix() / lengths)
        run = np.zeros((len(shares), len(self.names)), dtype=int)
        for part in range(len(self.names)):
            own = np.flatnonzero(self.daypart == part)
            run[:, part] = own[means[:, own].argmax(axis=1)]
        return run, np.take_along_axis(means, run, axis=1)

    def ends(self, run: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first hour of runs and the hour that is no longer in them (1 to 24)."""
        first = np.array([hours[0] for hours in self.hours])
        last = np.array([(hours[-1] + 1) % 24 or 24 for hours in self.hours])
        return first[run], last[run]


def _runs(daypart: str, settings: TargetingSettings) -> list[tuple[int, ...]]:
    usable = allowed_hours(daypart, settings)
    blocks: list[list[int]] = []
    for hour in usable:
        if blocks and (blocks[-1][-1] + 1) % 24 == hour:
            blocks[-1].append(hour)
        else:
            blocks.append([hour])
    longest = max((len(block) for block in blocks), default=0)
    size = min(settings.window_hours, longest)
    return [
        tuple(block[start : start + size])
        for block in blocks
        for start in range(len(block) - size + 1)
        if size
    ]


def persona_windows(
    around: pd.DataFrame,
    shares: np.ndarray,
    spread: np.ndarray,
    stretches: Stretches,
    kernel: np.ndarray,
    confidence: float,
    random_state: int,
) -> pd.DataFrame:
    """Rank the windows of each persona, with the chance that each is the best of the day.

    Parameters
    ----------
    around : DataFrame
        Rows of unit "hour" of `SendTimes.table`.
    shares : ndarray, shape (n_personas, 24)
        Before smoothing, in the order of persona_id.
    spread : ndarray, shape (n_personas, 24, 24)
        Covariance of their errors: users who are there at 20 h are there at 21 h too.
    kernel : ndarray, shape (24, 24)
        Of the smoothing over hours.

    Returns
    -------
    DataFrame
        The columns of `WINDOWS`, up to three parts of the day per persona.
    """
    parts = []
    for place, (_, own) in enumerate(around.groupby("persona_id", sort=True)):
        own = own.sort_values("slot")
        share, base = own["estimate"].to_numpy(dtype=float), own["everyone"].to_numpy(dtype=float)
        if share.sum() <= 0:
            continue
        generator = np.random.default_rng([random_state, place])
        with threadpool_limits(1):
            noise = generator.multivariate_normal(np.zeros(24), spread[place], DRAWS, method="eigh")
        drawn = np.maximum(shares[place] + noise, 0) @ kernel
        parts.append(_rank(own, share, base, drawn, stretches, confidence))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=WINDOWS)


def _rank(own, share, base, drawn, stretches: Stretches, confidence: float) -> pd.DataFrame:
    (run,), (per_hour,) = stretches.best(share[None])
    winner = stretches.best(drawn)[1].argmax(axis=1)
    p_best = np.bincount(winner, minlength=len(stretches.names)) / len(drawn)
    order = np.argsort(-per_hour, kind="stable")[:TOP_WINDOWS]
    table = stretches.matrix()[:, run[order]]
    tail = (1 - confidence) / 2
    lo, hi = np.quantile(drawn @ table, [tail, 1 - tail], axis=0)
    first, last = stretches.ends(run[order])
    estimate = share @ table
    return pd.DataFrame(
        {
            "persona_id": own["persona_id"].iloc[0],
            "persona": own["persona"].iloc[0],
            "rank": np.arange(1, len(order) + 1),
            "daypart": np.array(stretches.names, dtype=object)[order],
            "hour_from": first,
            "hour_to": last,
            "estimate": estimate,
            "lo": np.minimum(lo, estimate),
            "hi": np.maximum(hi, estimate),
            "everyone": base @ table,
            "p_best": p_best[order],
            "n_users": int(own["n_users"].iloc[0]),
            "n_events": (own["n_events"].to_numpy() @ table).astype(int),
        }
    )
