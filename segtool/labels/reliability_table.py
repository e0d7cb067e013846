"""The reliability diagram as a table: stated confidence against the share that came true, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from segtool.checks import check_in
from segtool.labels.fusion.confusion import measure_reliability
from segtool.labels.quality import CONFIDENCE_BINS, reliability

COLUMNS = ("group", "bin", "n", "mean_confidence", "share_right", "lo", "hi", "gap", "n_group", "error")


def reliability_diagram(
    claims: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    by: str = "source",
    bins: Sequence[float] = CONFIDENCE_BINS,
) -> pd.DataFrame:
    """Compare stated confidences with what came true, per source or per label.

    Parameters
    ----------
    claims : pd.DataFrame of shape (n_claims, ...)
        user_id, label, value, source, confidence: the ledger (`Labels.claims`) or the resolved labels
        (`Labels.to_pandas`).
    truth : pd.DataFrame
        user_id, label, value: what is really so, such as new answers, or a simulation's truth.
    by : {"source", "label", "all"}
        What is drawn apart.
    bins : sequence of float
        Edges of the confidence bins, from 0 to 1.

    Returns
    -------
    pd.DataFrame
        group, bin, n, mean_confidence, share_right, lo, hi (95 % Wilson interval of share_right),
        gap (confidence - share right), n_group, error (expected calibration error of the group).

    References
    ----------
    Niculescu-Mizil & Caruana (2005), "Predicting good probabilities with supervised learning", ICML.
    https://doi.org/10.1145/1102351.1102430

    Examples
    --------
    >>> claims = pd.DataFrame({"user_id": ["a", "b"], "label": "x", "value": "1",
    ...                        "source": "survey", "confidence": 0.9})
    >>> truth = pd.DataFrame({"user_id": ["a", "b"], "label": "x", "value": ["1", "2"]})
    >>> reliability_diagram(claims, truth)[["group", "n", "share_right", "error"]].values.tolist()
    [['survey', 2, 0.5, 0.4]]
    """
    check_in("by", by, ("source", "label", "all"))
    found = reliability(claims, truth, bins=bins)
    if found.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    found["group"] = "all" if by == "all" else found[by]
    found["sure"], found["right"] = (
        found["mean_confidence"] * found["n"],
        np.round(found["share_right"] * found["n"]),
    )
    table = found.groupby(["group", "bin"], as_index=False, sort=True)[["n", "sure", "right"]].sum()
    table["mean_confidence"] = table["sure"] / table["n"]
    table["share_right"] = table["right"] / table["n"]
    intervals = [measure_reliability(row.right, row.n, 1.0, 2) for row in table.itertuples()]
    table["lo"], table["hi"] = [each.lo for each in intervals], [each.hi for each in intervals]
    table["gap"] = table["mean_confidence"] - table["share_right"]
    table["n_group"] = table.groupby("group")["n"].transform("sum")
    weighed = table["gap"].abs() * table["n"] / table["n_group"]
    table["error"] = weighed.groupby(table["group"]).transform("sum").round(6)
    table["bin"] = table["bin"].astype(str)
    order = table.sort_values(["group", "mean_confidence"], kind="stable")
    return order[list(COLUMNS)].reset_index(drop=True)
