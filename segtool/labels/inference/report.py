"""What inference found, in a table an analyst can read: what is promised, what is not, and why."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from segtool.display import MAX_ROWS_SHOWN, Shown, render_html_table
from segtool.engines import Engine, quote

if TYPE_CHECKING:
    import pyarrow as pa

REPORT_TABLE = "inference_report"
CURVE_TABLE = "inference_curve"

_TEXTS = ("label", "claim", "value", "verdict", "reason", "flag", "learned_from", "model")
_COUNTS = ("n_respondents", "n_positive", "n_published")
_NUMBERS = (
    "n_effective", "auc", "auc_low", "auc_high", "brier", "threshold", "precision_asked", "precision",
    "precision_low", "precision_high", "share_certified", "share_likely", "share_abstained", "share_raw",
    "share_weighted", "share_implied", "share_known", "precision_if_2x", "precision_if_3x", "share_found",
    "share_found_low", "share_found_high",
)  # fmt: skip
REPORT_COLUMNS = (
    "label", "claim", "value", "verdict", "reason", "learned_from", "n_respondents", "n_positive", "n_effective",
    "model", "auc", "auc_low", "auc_high", "brier", "threshold", "precision_asked", "precision", "precision_low",
    "precision_high", "n_published", "share_certified", "share_likely", "share_abstained", "share_raw",
    "share_weighted", "share_implied", "share_known", "flag", "precision_if_2x", "precision_if_3x", "share_found",
    "share_found_low", "share_found_high",
)  # fmt: skip
# The bound comes before the share: the threshold was chosen where the share was high.
SHOWN_COLUMNS = (
    "label", "value", "verdict", "reason", "precision_asked", "precision_low", "precision", "n_published",
    "n_respondents", "n_positive", "flag",
)  # fmt: skip
CURVE_COLUMNS = (
    "label", "claim", "value", "threshold", "n", "n_right", "n_effective", "coverage", "precision", "low", "high",
    "precision_asked", "is_chosen",
)  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class Inference(Shown):
    """What was inferred for those who did not answer, what was not, and why.

    Parameters
    ----------
    table : pd.DataFrame
        One row per label, fitted claim and value: verdict ("infers", "abstains"), reason in words,
        n_respondents, n_positive, n_effective (Kish), auc with its 95 % interval, brier, threshold
        (the probability from which the value is said), precision_asked, precision with its exact
        bounds (each wrong once in twenty), n_published, share_certified, share_likely and
        share_abstained (of those who did not answer), share_raw, share_weighted, share_implied
        (by the model, of everybody), share_known (the margin), flag, precision_if_2x and
        precision_if_3x (if holders were so much likelier to answer); for a lookalike share_found,
        the share of held-out seeds in the top share, with its interval.
    curve : pd.DataFrame
        Precision against coverage: label, claim, value, threshold, n (held-out respondents at or
        above it), n_right, coverage, precision, low, high, precision_asked, is_chosen.
    """

    table: pd.DataFrame
    curve: pd.DataFrame

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per label and value."""
        return self.table.copy()

    def __repr__(self) -> str:
        shown = self._shown().to_string(index=False, max_colwidth=90, float_format=lambda x: f"{x:.2f}")
        return f"{self.headline()}\n{shown}"

    def _repr_html_(self) -> str:
        return f"<p><b>{html.escape(self.headline())}</b></p>{render_html_table(self._shown())}"

    def _shown(self) -> pd.DataFrame:
        """Return what a reader needs first: values that are inferred, then those that abstain."""
        table = self.table.sort_values("verdict", ascending=False, kind="stable")
        return table[list(SHOWN_COLUMNS)].head(MAX_ROWS_SHOWN)

    def headline(self) -> str:
        """Return how much was carried over."""
        if self.table.empty:
            return "No label of the catalogue is inferred."
        speaks = self.table["verdict"] == "infers"
        n_published = int(self.table["n_published"].sum())
        text = f"{int(speaks.sum())} of {len(self.table)} values inferred, {n_published:,} claims; the rest abstains"
        n_flagged = int((self.table.loc[speaks, "flag"] == "uneven answering, share not known").sum())
        if n_flagged:
            text += f"; {n_flagged} rest on uneven answering and on no known share: see precision_if_2x"
        return text


def read_inference(engine: Engine) -> Inference:
    """Return the report that a run left in an engine."""
    order = "label, claim, value"
    table = engine.query(f"SELECT * FROM {quote(REPORT_TABLE)} ORDER BY {order}")
    curve = engine.query(f"SELECT * FROM {quote(CURVE_TABLE)} ORDER BY {order}, n")
    return Inference(table, curve)


def no_inference() -> Inference:
    """Return the report of a catalogue without fitted claims."""
    return Inference(pd.DataFrame(columns=list(REPORT_COLUMNS)), pd.DataFrame(columns=list(CURVE_COLUMNS)))


def report_table(fits: Sequence[tuple]) -> pa.Table:
    """Return the report of tasks and their models as Arrow, with types that do not depend on the data."""
    rows = []
    for task, model in fits:
        parts = [each.report for each in model.values] if hasattr(model, "values") else [model.report]
        named = {"label": task.label, "claim": task.claim, "learned_from": task.answers}
        rows += [{**part, **named} for part in parts]
    return _as_arrow(pd.DataFrame(rows), REPORT_COLUMNS)


def curve_table(fits: Sequence[tuple]) -> pa.Table:
    """Return precision against coverage of tasks and their models as Arrow."""
    parts = [pd.DataFrame(columns=list(CURVE_COLUMNS))]
    for task, model in fits:
        for each in getattr(model, "values", ()):
            if each.curve.empty:
                continue
            chosen = each.curve["threshold"] == each.threshold
            parts.append(
                each.curve.assign(
                    label=task.label, claim=task.claim, value=each.value, threshold=each.curve["probability"],
                    precision_asked=task.goal.precision, is_chosen=chosen,
                )
            )  # fmt: skip
    parts = parts[1:] or parts
    return _as_arrow(pd.concat(parts, ignore_index=True), CURVE_COLUMNS)


def _as_arrow(frame: pd.DataFrame, columns: Sequence[str]) -> pa.Table:
    import pyarrow as pa

    arrays = {}
    for name in columns:
        cells = frame[name] if name in frame else pd.Series([None] * len(frame), dtype=object)
        kind = pa.float64()
        if name in _TEXTS:
            kind = pa.string()
        elif name in (*_COUNTS, "n", "n_right"):
            kind = pa.int64()
        elif name == "is_chosen":
            kind = pa.bool_()
        arrays[name] = pa.array([None if pd.isna(cell) else cell for cell in cells], kind)
    return pa.table(arrays)
