"""Pictures of labels: how much is known, and how a label is spread."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.plots.theme import FAINT, INK, MUTED, PALETTE, elide, new_figure, set_ticks, themed

MANY_SEPARATOR = ": "
MAX_VALUES = 30


@themed
def plot_coverage(labels, *, leave_out: Collection[str] = ()) -> Figure:
    """Draw the share of users of whom each label is known, grouped by facet.

    Parameters
    ----------
    labels : Labels
        Read through ``coverage()``.
    leave_out : collection of str
        Labels that are not drawn.

    Returns
    -------
    matplotlib.figure.Figure
        One bar per label that is known of anybody; however many there are, each is written.
    """
    coverage = labels.coverage()
    table = known_shares(coverage[~coverage["label"].isin(list(leave_out))])
    table = table[table["share"] > 0].reset_index(drop=True)
    if table.empty:
        raise InputError("There are no labels to draw.", "at least one label that is known of anybody.")
    figure, (axes,) = new_figure(
        8.4,
        0.5 + 0.27 * len(table) + 0.16 * table["facet"].nunique(),
        "What is known of whom",
        f"Share of {labels.n_users:,} users with a value; the rest is unknown, which is not a no",
    )
    places = _spread(table["facet"])
    axes.barh(places, 1, height=0.62, color="#EFF2F4")
    axes.barh(places, table["share"], height=0.62, color=PALETTE[0])
    for place, share in zip(places, table["share"], strict=True):
        axes.text(1.015, place, f"{share:.0%}", va="center", fontsize=9, color=INK)
    set_ticks(axes, "y", [elide(name, 34) for name in table["label"]], places)
    _name_facets(axes, table["facet"], places)
    axes.set(xlim=(0, 1.3), ylim=(max(places) + 0.6, min(places) - 0.6))
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    return figure


def known_shares(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return facet, label (its title) and share known, facets in their order, best known first.

    Parameters
    ----------
    coverage : pd.DataFrame
        As `Labels.coverage` gives it; the rows of single claims are left out.
    """
    check_columns(coverage.columns, ["claim", "title", "facet", "share_known"], "the coverage of labels")
    whole = coverage[coverage["claim"] == "all"]
    table = pd.DataFrame(
        {"facet": whole["facet"], "label": whole["title"], "share": whole["share_known"].astype(float)}
    )
    order = {facet: place for place, facet in enumerate(table["facet"].unique())}
    return table.sort_values(
        ["facet", "share", "label"],
        key=lambda cells: cells.map(order) if cells.name == "facet" else cells,
        ascending=[True, False, True],
        ignore_index=True,
    )


def _spread(facets: pd.Series) -> list[float]:
    """Return bar places with a gap between facets."""
    gaps = (facets != facets.shift()).cumsum() - 1
    return (facets.reset_index(drop=True).index + 0.6 * gaps.to_numpy()).tolist()


def _name_facets(axes, facets: pd.Series, places: list[float]) -> None:
    for facet, group in pd.Series(places).groupby(facets.to_numpy(), sort=False):
        axes.plot([1.12, 1.12], [group.min() - 0.3, group.max() + 0.3], color=FAINT, lw=2)
        axes.text(1.135, group.mean(), elide(facet, 20), va="center", fontsize=9, color=MUTED)


@themed
def plot_label_distribution(labels, label: str) -> Figure:
    """Draw how many users have each value of one label, and of how many it is unknown.

    Parameters
    ----------
    labels : Labels
    label : str
        A label of ``labels``; ordered values keep their order, others come by size.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        When there is no such label.
    """
    kinds = labels.label_kinds()
    check_columns(kinds, [label], "the catalogue")
    counts, n_known = count_values(labels.wide(), label, kinds[label])
    shown = counts.head(MAX_VALUES)
    more = f"; the {MAX_VALUES} largest of {len(counts):,} values" if len(counts) > MAX_VALUES else ""
    figure, (axes,) = new_figure(
        7.2,
        0.5 + 0.33 * max(len(shown), 1),
        elide(label, 60),
        f"known of {n_known:,} of {labels.n_users:,} users{more}",
    )
    axes.barh(range(len(shown)), shown, height=0.66, color=PALETTE[0])
    for place, n in enumerate(shown):
        axes.annotate(
            f"{n:,}  ({n / max(n_known, 1):.0%})",
            (n, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    set_ticks(axes, "y", [elide(value, 34) for value in shown.index])
    axes.set(xlim=(0, max(shown.max() if len(shown) else 1, 1) * 1.2), ylim=(len(shown) - 0.4, -0.6))
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    return figure


def count_values(wide: pd.DataFrame, label: str, kind: str) -> tuple[pd.Series, int]:
    """Return users per value, and of how many users the label is known."""
    if kind == "many":
        prefix = label + MANY_SEPARATOR
        cells = wide[[column for column in wide.columns if column.startswith(prefix)]]
        counts = cells.astype("boolean").sum().astype(int).rename(lambda column: column.removeprefix(prefix))
        return counts.sort_values(ascending=False, kind="stable"), int(cells.notna().any(axis=1).sum())
    cells = wide[label]
    counts = cells.value_counts(sort=False) if kind == "ordered" else cells.value_counts()
    return counts.rename(str), int(cells.notna().sum())
