"""Circles beside personas: who talks to whom against who is alike, and how little or much that is the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from segtool.checks import check_columns, check_number
from segtool.display import Shown
from segtool.errors import InputError
from segtool.notes import known, unknown

MIN_USERS = 30  # in both a circle and a persona; with fewer any agreement is chance
CONFIDENCE = 0.9
HARDLY, LARGELY = 0.1, 0.5  # adjusted mutual information, read as words
MEASURES = ("n_users", "n_circles", "n_personas", "agreement", "lo", "hi", "by_chance", "p")


@dataclass(frozen=True, repr=False, eq=False)
class CirclePersonas(Shown):
    """How circles and personas overlap.

    Parameters
    ----------
    table : DataFrame
        One row per circle and persona: circle, circle_name, persona_id, persona, n_users (in both), n_circle (of the
        circle, in any persona), share (n_users / n_circle), base_share (the persona's among all who are in a circle and
        a persona), index (share / base_share x 100), p_adjusted (that they differ by chance), differs.
    measures : DataFrame
        One row: n_users, n_circles, n_personas, agreement (adjusted mutual information: 0 as by chance, 1 the
        same), lo, hi (its 90 % interval), by_chance (the highest of the agreements after shuffling), p.
    notes : tuple of str
    """

    table: pd.DataFrame
    measures: pd.DataFrame
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per circle and persona."""
        return self.table.copy()

    def headline(self) -> str:
        """Return whether circles are personas."""
        return self.notes[0].partition(" - ")[2]


def compare_with_personas(
    circles, personas: pd.DataFrame, *, n_shuffles: int = 99, random_state: int = 0
) -> CirclePersonas:
    """Compare circles with personas.

    Parameters
    ----------
    circles : Circles
    personas : DataFrame
        user_id, persona_id, persona: one row per user; missing persona_id for the unsure.
    n_shuffles : int
        Times that personas are dealt anew among the same people, to see what agreement is chance; as many
        samples with replacement give the interval.
    random_state : int

    Returns
    -------
    CirclePersonas
        Without agreement where fewer than 30 people have both, or all are of one.

    Raises
    ------
    InputError
        If columns are missing or a user has two personas.

    References
    ----------
    Vinh, Epps and Bailey (2010), https://jmlr.org/papers/v11/vinh10a.html (adjusted mutual information)
    """
    check_number("n_shuffles", n_shuffles, low=19, integer=True)
    both = _join(circles.members, personas)
    names = circles.table.set_index("circle")["name"]
    circle, circle_ids = pd.factorize(both["circle"], sort=True)
    persona, persona_ids = pd.factorize(both["persona_id"], sort=True)
    said = both.drop_duplicates("persona_id").set_index("persona_id")["persona"]
    counts = _cross(circle, persona, len(circle_ids), len(persona_ids))
    table = _compare_cells(counts, circle_ids, persona_ids, names, said)
    rng = np.random.default_rng(random_state)
    measures = _measure(circle, persona, counts, rng, n_shuffles)
    return CirclePersonas(table, pd.DataFrame([measures], columns=list(MEASURES)), (_say(measures),))


def _join(members: pd.DataFrame, personas: pd.DataFrame) -> pd.DataFrame:
    check_columns(personas.columns, ["user_id", "persona_id", "persona"], "personas")
    if personas["user_id"].duplicated().any():
        raise InputError("Users with two personas.", "one row per user.", "Keep the surest one of each.")
    there = members.loc[members["circle"].notna(), ["user_id", "circle"]]
    sure = personas.loc[personas["persona_id"].notna(), ["user_id", "persona_id", "persona"]]
    return there.merge(sure, on="user_id").sort_values("user_id", kind="stable").reset_index(drop=True)


def _cross(circle: np.ndarray, persona: np.ndarray, n_circles: int, n_personas: int) -> np.ndarray:
    n_cells = n_circles * n_personas
    return np.bincount(circle * n_personas + persona, minlength=n_cells).reshape(n_circles, n_personas)


def _compare_cells(counts, circle_ids, persona_ids, names: pd.Series, said: pd.Series) -> pd.DataFrame:
    from statsmodels.stats.multitest import multipletests

    rows, columns = (each.ravel() for each in np.indices(counts.shape))
    n, total = counts.ravel(), int(counts.sum())
    of_circle, of_persona = counts.sum(axis=1)[rows], counts.sum(axis=0)[columns]
    # Drawn without replacement: a circle's members are some of the people who have both.
    fewer = stats.hypergeom.cdf(n, total, of_persona, of_circle) if len(n) else n
    more = stats.hypergeom.sf(n - 1, total, of_persona, of_circle) if len(n) else n
    p = np.clip(2 * np.minimum(fewer, more), 0, 1)
    adjusted = multipletests(p, method="fdr_bh")[1] if len(p) else p
    share, base = n / np.maximum(of_circle, 1), of_persona / max(total, 1)
    circle_ids, persona_ids = np.asarray(circle_ids, dtype=object), np.asarray(persona_ids, dtype=object)
    return pd.DataFrame(
        {
            "circle": circle_ids[rows],
            "circle_name": names.reindex(circle_ids).to_numpy(dtype=object)[rows],
            "persona_id": persona_ids[columns],
            "persona": said.reindex(persona_ids).to_numpy(dtype=object)[columns],
            "n_users": n.astype(np.int64),
            "n_circle": of_circle.astype(np.int64),
            "share": share.round(6),
            "base_share": base.round(6),
            "index": (share / np.maximum(base, 1e-12) * 100).round(3),
            "p_adjusted": np.round(adjusted, 6).astype(float),
            "differs": np.asarray(adjusted <= 0.05, dtype=bool),
        }
    )


def _measure(circle, persona, counts: np.ndarray, rng, n_shuffles: int) -> dict[str, float]:
    from sklearn.metrics.cluster import expected_mutual_information

    n = int(counts.sum())
    found = {"n_users": n, "n_circles": counts.shape[0], "n_personas": counts.shape[1]}
    unknown_yet = dict.fromkeys(("agreement", "lo", "hi", "by_chance", "p"), np.nan)
    if n < MIN_USERS or min(counts.shape) < 2:
        return found | unknown_yet
    expected = expected_mutual_information(np.ascontiguousarray(counts), n)
    room = (_entropy(counts.sum(axis=1)) + _entropy(counts.sum(axis=0))) / 2 - expected
    shape = counts.shape
    shuffled = [_mutual(_cross(circle, rng.permutation(persona), *shape)) for _ in range(n_shuffles)]
    drawn = []
    for rows in (rng.integers(0, n, n) for _ in range(n_shuffles)):
        drawn.append(_mutual(_cross(circle[rows], persona[rows], *shape)))
    agreement = (_mutual(counts) - expected) / room
    # Samples with replacement agree a little too much, all alike: only their spread is taken.
    reach = stats.norm.ppf(0.5 + CONFIDENCE / 2) * np.std(drawn, ddof=1) / room
    measured = {
        "agreement": agreement,
        "lo": agreement - reach,
        "hi": min(agreement + reach, 1.0),
        "by_chance": (max(shuffled) - expected) / room,
        "p": (1 + sum(each >= _mutual(counts) for each in shuffled)) / (n_shuffles + 1),
    }
    return found | {name: round(float(value), 6) for name, value in measured.items()}


def _entropy(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _mutual(counts: np.ndarray) -> float:
    return _entropy(counts.sum(axis=1)) + _entropy(counts.sum(axis=0)) - _entropy(counts.ravel())


def _say(measures: dict[str, float]) -> str:
    agreement, n = measures["agreement"], int(measures["n_users"])
    if np.isnan(agreement):
        return unknown(
            f"Circles and personas: {n:,} people are in both, too few or all of one kind to compare."
        )
    told = f"(agreement {agreement:.2f}, 90 % interval {measures['lo']:.2f} to {measures['hi']:.2f}, {n:,} people)"
    if measures["p"] > 0.05:
        return known(f"Circles are not personas: they go together no more than by chance {told}.")
    if agreement < HARDLY:
        return known(f"Circles are not personas: they hardly go together, though more than by chance {told}.")
    if agreement < LARGELY:
        return known(f"Circles are not personas: they go together in part {told}.")
    return known(f"Circles are largely the personas again {told}.")
