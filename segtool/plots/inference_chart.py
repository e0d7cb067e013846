"""What precision costs: how many can be told a value, at which precision, and where the line was drawn."""

from __future__ import annotations

import math
from typing import Protocol

import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.plots.theme import INK, MUTED, PALETTE, elide, new_figure, themed

MAX_VALUES = 9
MOST_ACROSS = 3


class _Inference(Protocol):
    curve: pd.DataFrame

    def to_pandas(self) -> pd.DataFrame: ...


@themed
def plot_inference(inference: _Inference, label: str) -> Figure:
    """Draw precision against coverage for each inferred value of a label.

    Parameters
    ----------
    inference : Inference
        As `Labels.inference` gives it.
    label : str
        A label with an ``inferred`` claim.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per value that has a model: the precision on held-out respondents with its exact
        bounds, the precision that is asked, and the threshold in force, if there is one.

    Raises
    ------
    InputError
        When nothing was fitted for the label; the report says why.
    """
    table = inference.to_pandas()
    check_columns(table["label"].unique(), [label], "the report of inference")
    curve = inference.curve[inference.curve["label"] == label]
    if curve.empty:
        reason = table.loc[table["label"] == label, "reason"].iloc[0]
        raise InputError(
            f"No value of {label} has a curve: {elide(reason, 90)}.", "at least one fitted value."
        )
    values = curve["value"].drop_duplicates().head(MAX_VALUES).tolist()
    across = min(len(values), MOST_ACROSS)
    down = math.ceil(len(values) / across)
    rows = table[table["label"] == label].set_index("value")
    n = int(rows["n_respondents"].max())
    figure, panels = new_figure(
        1.2 + 2.7 * max(across, 2), 2.5 * down, f"What can be inferred of {elide(label, 40)}",
        f"Precision on held-out people out of {n:,} who answered, against how many are told",
        nrows=down, ncols=across, sharey=True,
    )  # fmt: skip
    for axes, value in zip(panels, values, strict=False):
        _draw_value(axes, curve[curve["value"] == value], rows.loc[value], value)
    for axes in panels[len(values) :]:
        axes.set_visible(False)
    return figure


def _draw_value(axes, curve: pd.DataFrame, row: pd.Series, value: str) -> None:
    axes.fill_between(curve["coverage"], curve["low"], curve["high"], color=PALETTE[0], alpha=0.14, lw=0)
    axes.plot(curve["coverage"], curve["precision"], color=PALETTE[0], lw=1.8)
    asked = float(curve["precision_asked"].iloc[0])
    axes.axhline(asked, color=MUTED, lw=1, ls=(0, (4, 3)))
    axes.text(0.99, asked, f"{asked:.0%} asked", color=MUTED, fontsize=8.5, ha="right", va="bottom",
              transform=axes.get_yaxis_transform())  # fmt: skip
    chosen = curve[curve["is_chosen"]]
    if len(chosen):
        point = chosen.iloc[0]
        axes.plot(point["coverage"], point["precision"], "o", ms=7, color=PALETTE[5], mec="white", mew=1.2)
        note = f"said of {int(row['n_published']):,} people"
    else:
        note = "abstains"
    axes.set_title(elide(value, 26), color=INK)
    axes.text(0.04, 0.05, f"{note}\nAUC {row['auc']:.2f}", transform=axes.transAxes, fontsize=8.5, color=INK)
    axes.set(xlim=(0, max(curve["coverage"].max() * 1.03, 0.02)), ylim=(-0.02, 1.02), xlabel="share told")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.yaxis.set_major_locator(_ticks(0.25))
    axes.xaxis.set_major_locator(_ticks(_step(curve["coverage"].max())))
    axes.grid(True, axis="y")


def _ticks(step: float):
    from matplotlib.ticker import MultipleLocator

    return MultipleLocator(step)


def _step(most: float) -> float:
    """Return a step of round shares that puts three to six ticks on an axis."""
    return next((step for step in (0.01, 0.02, 0.05, 0.1) if most / step <= 5), 0.25)
