"""A whole study: every label's weights, the discount of paid answers, and the table that shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from segtool.engines import Engine
from segtool.labels.fusion.confusion import LEAST_USERS
from segtool.labels.fusion.label_fusion import LabelFusion, fuse_label
from segtool.labels.fusion.paid import PaidFactor, estimate_paid
from segtool.labels.fusion.read import CompiledCatalog, read_patterns
from segtool.labels.fusion.votes import Witness
from segtool.labels.fusion.weights import TierWeights
from segtool.labels.plans import RELIABILITIES

__all__ = ["Fusion", "estimate_fusion", "list_reliabilities"]

COLUMNS = (
    "label", "claim", "source", "declared", "estimated", "lo", "hi", "n", "agreement", "voice", "used", "why",
)  # fmt: skip


@dataclass(frozen=True)
class Fusion:
    """What a study learned about its sources.

    Parameters
    ----------
    labels : Mapping of str to LabelFusion
    witnesses : Mapping of str to tuple of Witness
    paid : PaidFactor
    """

    labels: Mapping[str, LabelFusion] = field(default_factory=dict)
    witnesses: Mapping[str, tuple[Witness, ...]] = field(default_factory=dict)
    paid: PaidFactor = field(default_factory=PaidFactor)

    def tiers(self, label: str) -> dict[int, TierWeights]:
        """Return the estimated weights of a label, by tier; empty where what is declared stands."""
        return self.labels[label].tiers if label in self.labels else {}

    def declare(self, label: str, number: int, declared: Mapping[str, float]) -> Mapping[str, float]:
        """Return the reliabilities a claim is compiled with: an answer that people judged has its own.

        Parameters
        ----------
        label : str
        number : int
            The claim's place in the label.
        declared : Mapping of str to float
            Source -> P(right), of unpaid answers.
        """
        found = self.labels.get(label)
        if found is None or number not in found.near_gold:
            return declared
        witness = next(w for w in self.witnesses[label] if w.number == number)
        # Some of the answers that were judged were paid for: the edge over guessing scales as a whole.
        guess = 1 / witness.n_values
        scale = (found.near_gold[number] - guess) / max(witness.declared - guess, 0.01)
        right = guess + (declared[witness.source] - guess) * scale
        return {**declared, witness.source: min(max(round(right, 4), 0.01), 0.99)}


def estimate_fusion(
    compiled: CompiledCatalog,
    engine: Engine,
    reliabilities: Mapping[str, float] | None = None,
    asked: Collection[str] = tuple(RELIABILITIES),
) -> Fusion:
    """Learn what each claim is worth from the users who have a person's or a survey's word.

    Parameters
    ----------
    compiled : Compiled
    engine : Engine
        The catalogue was run on it.
    reliabilities : Mapping of str to float, optional
        What is declared, over the defaults.
    asked : collection of str
        The sources to estimate, and "paid"; the others count as declared.

    Returns
    -------
    Fusion
    """
    declared = {**RELIABILITIES, **(reliabilities or {})}
    labels, witnesses = {}, {}
    for label, patterns in read_patterns(compiled, engine):
        known = tuple(replace(w, is_fixed=w.is_fixed or w.source not in asked) for w in patterns.witnesses)
        labels[label] = fuse_label(replace(patterns, witnesses=known))
        witnesses[label] = known
    paid = estimate_paid(compiled, engine, declared["paid"])
    return Fusion(
        labels,
        witnesses,
        paid if "paid" in asked else replace(paid, used=declared["paid"], is_estimated=False),
    )


def list_reliabilities(fusion: Fusion, *, in_use: bool = True) -> pd.DataFrame:
    """Return declared and estimated reliability of every claim that others can judge.

    Parameters
    ----------
    fusion : Fusion
    in_use : bool
        Whether the labels were made with the estimates.

    Returns
    -------
    pd.DataFrame
        label ("every label" for the discount of paid answers), claim, source, declared (mean
        confidence the claim states), estimated (share of its values that are right, the errors of
        the judges taken out; for paid answers the share of the edge over guessing that is left),
        lo, hi (95 % interval), n (users compared), agreement, voice (how much of an independent
        witness it counts for), used ("declared" or "estimated"), why.
    """
    rows = [
        _row(label, witness, fusion.labels[label], in_use)
        for label, witnesses in fusion.witnesses.items()
        for witness in witnesses
    ]
    rows.append(_paid_row(fusion.paid, in_use))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(label: str, witness: Witness, found: LabelFusion, in_use: bool) -> tuple:
    measured = found.reliabilities.get(witness.number)
    is_estimated = in_use and witness.number in found.estimated
    numbers = (np.nan,) * 3 if measured is None else (measured.estimate, measured.lo, measured.hi)
    return (
        label, witness.claim, witness.source, witness.declared, *np.round(numbers, 4),
        0 if measured is None else measured.n, np.nan if measured is None else round(measured.agreement, 4),
        found.voices.get(witness.number, 1.0) if in_use else np.nan,
        "estimated" if is_estimated else "declared", _why(witness, measured, is_estimated, in_use),
    )  # fmt: skip


def _why(witness: Witness, measured, is_estimated: bool, in_use: bool) -> str:
    if is_estimated:
        return "agreement with people and surveys"
    if measured is None:
        return "the others are judged by it"
    if witness.is_fixed:
        return "the definition states it"
    if measured.n < LEAST_USERS:
        return f"{measured.n} users to compare, {LEAST_USERS} needed"
    return 'not asked for: reliabilities = "estimate"' if not in_use else "the definition states it"


def _paid_row(paid: PaidFactor, in_use: bool) -> tuple:
    is_used = in_use and paid.is_estimated
    n = f"{paid.n_paid} paid and {paid.n_unpaid} unpaid answers"
    was_measured = not np.isnan(paid.estimate)
    return (
        "every label", "paid answers", "survey", paid.declared,
        paid.estimate, paid.lo, paid.hi, paid.n_paid + paid.n_unpaid, np.nan, np.nan,
        "estimated" if is_used else "declared",
        f"agreement of {n} with other evidence" if was_measured else f"too few or too vague: {n} to compare",
    )  # fmt: skip
