"""Labels that are numbers, in their own units: medians by persona beside the shares in thirds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.errors import NotFittedError
from segtool.personas.found import FoundPersonas
from segtool.personas.portrait.portray import control_apart

NUMBER_COLUMNS = [
    "persona_id", "persona", "label", "forms", "n_known", "median", "low", "high", "median_base",
    "superiority", "q_value",
]  # fmt: skip


def profile_numbers(personas: FoundPersonas) -> pd.DataFrame:
    """Describe each persona by the labels that are numbers, in the units they came in.

    Parameters
    ----------
    personas : Personas
        From `find_personas`.

    Returns
    -------
    pd.DataFrame
        persona_id, persona, label, forms (False for labels that only describe), n_known, median, low,
        high (the quartiles: half of the persona lies between), median_base (of everyone known),
        superiority (chance that someone of the persona has more than someone of the others, ties
        half: 0.5 is no difference), q_value (Mann-Whitney test, Benjamini-Hochberg over the labels
        that formed the personas and over the others apart).
        No rows where no label is a number.

    Raises
    ------
    NotFittedError
        If the personas hold no labels.

    References
    ----------
    McGraw, Wong (1992), A common language effect size statistic, Psychological Bulletin 111(2).
    """
    if personas.table is None or personas.encoding is None:
        raise NotFittedError(
            "These personas hold no labels.", fix="find_personas(labels) keeps those it was given."
        )
    table, encoding = personas.table, personas.encoding
    codes = personas.probabilities.argmax(axis=1)
    parts = [
        _profile_number(table.frame[label].to_numpy(float), codes, personas.n_personas).assign(
            label=label, forms=label in encoding.basis
        )
        for label in (*encoding.basis, *encoding.descriptors)
        if table.infos[label].kind == "number"
    ]
    if not parts:
        return pd.DataFrame(columns=NUMBER_COLUMNS)
    found = pd.concat(parts, ignore_index=True)
    found["q_value"] = control_apart(found["z"].to_numpy(), found["forms"].to_numpy())
    found["persona"] = found["persona_id"].map(personas.names).astype("str")
    return found.sort_values("persona_id", kind="stable", ignore_index=True)[NUMBER_COLUMNS]


def _profile_number(cells: np.ndarray, codes: np.ndarray, n_personas: int) -> pd.DataFrame:
    from scipy.stats import rankdata

    known = ~np.isnan(cells)
    values, groups = cells[known], codes[known]
    ranks, n = rankdata(values), len(values)
    _, ties = np.unique(values, return_counts=True)
    rows = []
    for k in range(n_personas):
        mine = values[groups == k]
        n_in, n_out = len(mine), n - len(mine)
        quartiles = np.quantile(mine, [0.25, 0.5, 0.75]) if n_in else [np.nan] * 3
        superiority, z = np.nan, 0.0
        if n_in and n_out:
            above = ranks[groups == k].sum() - n_in * (n_in + 1) / 2
            superiority = above / (n_in * n_out)
            variance = n_in * n_out / 12 * (n + 1 - (ties**3 - ties).sum() / max(n * (n - 1), 1))
            z = (above - n_in * n_out / 2) / np.sqrt(variance) if variance > 0 else 0.0
        rows.append(
            {
                "persona_id": k + 1, "n_known": n_in, "median": quartiles[1], "low": quartiles[0],
                "high": quartiles[2], "median_base": np.median(values) if n else np.nan,
                "superiority": superiority, "z": z,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
