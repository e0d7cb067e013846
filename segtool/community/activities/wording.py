"""What an analyst reads of an activity: a verdict, and the sentence it rests on."""

from __future__ import annotations

import numpy as np
import pandas as pd

LIFTED, LOWERED, NOT_SHOWN, UNKNOWN = (
    "lifted the talk",
    "lowered the talk",
    "no lift shown",
    "too little data",
)
MATCHED, OWN = "matched groups", "own history"


def give_verdicts(table: pd.DataFrame, level: float) -> pd.Series:
    """Return a verdict per activity; those found hold with all activities looked at together.

    Notes
    -----
    Benjamini and Hochberg over the activities: of those called lifted or lowered, at most ``1 - level`` are
    expected to be chance.
    """
    found = table["q"] <= 1 - level
    verdict = np.where(found & (table["lift"] > 1), LIFTED, np.where(found, LOWERED, NOT_SHOWN))
    return pd.Series(np.where(table["lift"].isna(), UNKNOWN, verdict), index=table.index, dtype=object)


def adjust(p: np.ndarray) -> np.ndarray:
    """Return p-values adjusted by Benjamini and Hochberg; missing ones stay missing."""
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p, dtype=float)
    told = np.isfinite(p)
    adjusted = np.full(len(p), np.nan)
    if told.any():
        adjusted[told] = multipletests(p[told], method="fdr_bh")[1]
    return adjusted


def give_reason(row: dict) -> str:
    """Say in a sentence or two what a verdict rests on."""
    if not np.isfinite(row["lift"]):
        return f"{row['why'][:1].upper()}{row['why'][1:]}."
    against = (
        f"{row['n_controls']:.0f} groups like it on the same days"
        if row["method"] == MATCHED
        else "the group's own days before; too few groups like it had no activity then"
    )
    says = (
        f"{row['seen']:,.0f} messages where {row['expected']:,.1f} were usual, {row['lift']:.1f} times "
        f"({row['lo']:.1f} to {row['hi']:.1f}), against {against}."
    )
    if row["in_slump"]:
        says += " It began in a slump: talk that was slow often comes back by itself, and part of that is taken off."
    if row["running"]:
        says += " It still runs."
    if row["mixed"]:
        says += " Another activity of the group was so near that part of this may be its doing."
    if row["verdict"] == NOT_SHOWN and (row["lo"] > 1 or row["hi"] < 1):
        says += " Among so many activities such a figure is likely to turn up by chance."
    return says + _after(row)


def _after(row: dict) -> str:
    if not np.isfinite(row["lift_after"]):
        return f" The four weeks after: {row['why_after']}." if row["why_after"] else ""
    if row["verdict"] != LIFTED:
        return ""
    if row["after_lo"] > 1:
        return f" In the four weeks after, still {row['lift_after']:.1f} times as usual."
    return " In the four weeks after, nothing of it is shown to be left."
