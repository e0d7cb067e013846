"""Did the arms get the users they should have: the check that comes before any result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.display import Shown
from segtool.errors import InputError, ParameterError
from segtool.measurement.verdicts import MAX_RATIO_P

CAUSES = (
    "users dropped on one side only (a send that failed, an opt-out taken out after the draw), "
    "rows lost or doubled in a join, bots or test accounts sent to one arm, "
    "or a test that was stopped and started with other shares"
)
MIN_EXPECTED = 5  # users an arm should have; below, chi-square is not to be trusted


@dataclass(frozen=True, repr=False, eq=False)
class RatioCheck(Shown):
    """Users per arm against those expected.

    Attributes
    ----------
    table : DataFrame
        persona_id, persona, arm, n, expected, chi2, p, passed; the first rows are everyone
        (persona "everyone", persona_id missing). p is missing where too few users are expected,
        or where the shares that were planned are not known.
    passed : bool
        False stops the reading of the test.
    notes : tuple of str
    """

    table: pd.DataFrame
    passed: bool
    notes: tuple[str, ...] = ()

    def to_pandas(self) -> pd.DataFrame:
        """Return `table`."""
        return self.table.copy()

    def headline(self) -> str:
        """Say whether the arms have the users they should have."""
        if self.passed:
            return "The arms have the users they should have." + "".join(f" {note}" for note in self.notes)
        bad = self.table.loc[~self.table["passed"]].drop_duplicates("persona")
        where = ", ".join(f"{name} (p = {p:.1g})" for name, p in zip(bad["persona"], bad["p"], strict=True))
        return (
            f"Stop: the arms do not have the users they should have: {where}. What usually causes it: "
            f"{CAUSES}. No result of this test is to be read until the cause is found."
        )


def check_ratio(
    arms: pd.Series,
    expected: Mapping[str, float] | None = None,
    *,
    personas: pd.DataFrame | None = None,
    max_p: float = MAX_RATIO_P,
) -> RatioCheck:
    """Compare the users per arm with the planned shares, over all and by persona.

    Parameters
    ----------
    arms : Series of str, shape (n_users,)
        One row per user.
    expected : mapping, optional
        Arm -> planned share; only their proportions count. Without it only the personas are
        checked, against the shares over all.
    personas : DataFrame, shape (n_users, 2), optional
        persona_id and persona, row by row beside ``arms``.
    max_p : float
        A p-value below stops the test; by persona it is divided by their number.

    Returns
    -------
    RatioCheck

    Raises
    ------
    InputError
        If an arm was met that is not expected, or there are fewer than two.
    ParameterError
        If the shares are no shares.

    Notes
    -----
    Pearson's chi-square with (arms - 1) degrees of freedom. A mismatch is a fault of the machinery and
    not of chance at p < 0.001: about one test in a thousand is stopped without reason.

    References
    ----------
    Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments.
    https://doi.org/10.1145/3292500.3330722

    Examples
    --------
    >>> arms = pd.Series(["control"] * 100 + ["a"] * 1000)
    >>> check_ratio(arms, {"control": 0.1, "a": 0.9}).passed
    True
    >>> check_ratio(arms, {"control": 0.2, "a": 0.8}).headline()[:62]
    'Stop: the arms do not have the users they should have: everyon'
    """
    check_number("max_p", max_p, low=0, high=1)
    arms = arms.reset_index(drop=True).astype("str")
    names = sorted(arms.dropna().unique()) if expected is None else list(expected)
    shares = _shares(arms, names, expected)
    place = pd.Index(names).get_indexer(arms)
    n = np.bincount(place[place >= 0], minlength=len(names))
    rows = _one("everyone", None, n, names, shares, max_p, known=expected is not None)
    if personas is not None:
        rows += _by_persona(place, names, shares, personas, max_p)
    table = pd.DataFrame(rows).astype({"persona_id": "Int64"})
    notes = () if expected is not None else (
        "The planned shares were not given, so they were not checked over all.",
    )  # fmt: skip
    return RatioCheck(table, bool(table["passed"].all()), notes)


def _shares(arms: pd.Series, names: list[str], expected: Mapping[str, float] | None) -> np.ndarray:
    strange = sorted(set(arms.dropna().unique()) - set(names))
    if strange:
        raise InputError(f"{len(strange)} arms were met that are not expected: {', '.join(strange[:5])}.",
                         f"those of expected: {', '.join(names)}.")  # fmt: skip
    if len(names) < 2:
        raise InputError(f"There are {len(names)} arms.", "two or more.", "One arm has no ratio to check.")
    if expected is None:
        return np.array([(arms == name).mean() for name in names])
    for name, share in expected.items():
        check_number(f"the expected share of {name!r}", share, low=0)
    total = sum(expected.values())
    if total <= 0:
        raise ParameterError("The expected shares sum to 0.", "shares of which some are above 0.")
    return np.array([expected[name] / total for name in names])


def _by_persona(place, names, shares, personas, max_p) -> list[dict]:
    code, ids = pd.factorize(personas["persona_id"], sort=True)
    used = (code >= 0) & (place >= 0)
    n = np.bincount(code[used] * len(names) + place[used], minlength=len(ids) * len(names))
    first = pd.Series(personas["persona"].to_numpy(dtype=object)).groupby(code).first()
    rows = []
    for number, (persona_id, counts) in enumerate(zip(ids, n.reshape(len(ids), len(names)), strict=True)):
        rows += _one(first[number], persona_id, counts, names, shares, max_p / len(ids))
    return rows


def _one(persona, persona_id, n, names, shares, max_p, known: bool = True) -> list[dict]:
    from scipy import stats

    wanted = n.sum() * shares
    chi2, p = np.nan, np.nan
    if known and n[shares == 0].any():
        chi2, p = np.inf, 0.0  # users where nobody should be
    elif known and n.sum() and wanted[shares > 0].min() >= MIN_EXPECTED:
        used = shares > 0
        chi2 = float(((n - wanted)[used] ** 2 / wanted[used]).sum())
        p = float(stats.chi2.sf(chi2, max(used.sum() - 1, 1)))
    return [
        {
            "persona_id": persona_id, "persona": str(persona), "arm": name, "n": int(count),
            "expected": round(float(hoped), 1), "chi2": chi2, "p": p, "passed": not p < max_p,
        }
        for name, count, hoped in zip(names, n, wanted, strict=True)
    ]  # fmt: skip
