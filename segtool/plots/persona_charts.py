"""A picture of personas: what makes each one."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_number
from segtool.errors import InputError
from segtool.plots.grids import draw_cells, draw_strip
from segtool.plots.theme import (
    INK,
    elide,
    name_with_size,
    new_figure,
    persona_colours,
    set_ticks,
    themed,
    wrap,
)

# An index over 120 is read as typical in the trade and under 80 as untypical; a value known of
# fewer users than this makes an index that swings by such amounts from chance alone.
MIN_KNOWN = 20
INDEX_LIMITS = (25, 400)
# What is typical shall be seen first, so the side below 100 stays pale.
INDEX_SHADES = ("#D9C4A5", "#EFE6D8", "#FBFBFA", "#8DBBDD", "#12507F")


@themed
def plot_portraits(
    personas,
    *,
    per_persona: int = 3,
    leave_out: Collection[str] = (),
    sizes: pd.Series | None = None,
    profile: pd.DataFrame | None = None,
) -> Figure:
    """Draw what sets each persona apart: its most telling label values, by index.

    Parameters
    ----------
    personas : Personas
        Read through ``portraits()`` and ``profile()``.
    per_persona : int
        How many label values each persona brings to the rows.
    leave_out : collection of str
        Labels that are not drawn; those marked sensitive never are.
    sizes : pd.Series, optional
        Users by persona_id to write instead of the portraits' own; a missing one is not written.
    profile : pd.DataFrame, optional
        Another profile than the personas' own, such as one in which small counts are masked: where
        its column ``hidden`` is "<" or ">" the index is a bound, and is written as one.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    The index is share in the persona / share in everyone x 100. Colour runs on the logarithm,
    so that half as common (50) and twice as common (200) are equally strong.
    """
    check_number("per_persona", per_persona, low=1, high=12, integer=True)
    portraits, profile = personas.portraits(), personas.profile() if profile is None else profile
    profile = profile[~profile["label"].isin({*leave_out, *_sensitive(personas)})]
    index = telling_values(profile, per_persona).reindex(columns=portraits["persona_id"])
    if index.empty:
        raise InputError("The profile of these personas is empty.", "personas found on labels.")
    titles = _titles(personas)
    shown = [
        f"{shorten(titles.get(label, label.replace('_', ' ')), 28)}: {elide(value.replace('_', ' '), 26)}"
        for label, value in index.index
    ]
    width = 4.0 + 1.22 * len(portraits)
    figure, (axes,) = new_figure(
        max(width, 6.4),
        0.9 + 0.34 * len(index),
        "What sets each persona apart",
        f"Index of each label value: 100 = as common as among all {portraits['n_users'].sum():,} users"
        f"{'; <: too few to show' if 'hidden' in profile else ''}",
    )
    _draw_index(figure, axes, index, _hidden_cells(profile, index))
    set_ticks(axes, "y", shown, np.arange(len(shown)) + 0.5, rotation=0)
    _name_columns(axes, portraits, portraits.set_index("persona_id")["n_users"] if sizes is None else sizes)
    return figure


def _sensitive(personas) -> set[str]:
    """Return the labels marked sensitive, as cards leave them out."""
    infos = getattr(getattr(personas, "table", None), "infos", {})
    return {label for label, info in infos.items() if info.sensitive}


def shorten(title: str, most: int) -> str:
    """Return a title that fits: without what stands in brackets behind it, then cut.

    Examples
    --------
    >>> shorten("Spending power (price of an order)", 28), shorten("Age (years)", 28)
    ('Spending power', 'Age (years)')
    """
    return elide(title if len(title) <= most else title.split(" (")[0], most)


def _titles(personas) -> dict[str, str]:
    """Return label -> name for people; personas found on a plain table have none."""
    titles = getattr(personas.labels, "titles", None)
    return titles() if titles else {}


def telling_values(profile: pd.DataFrame, per_persona: int) -> pd.DataFrame:
    """Return the index of the most telling label values, one column per persona.

    Parameters
    ----------
    profile : pd.DataFrame
        As `Personas.profile` gives it.
    per_persona : int
        Values each persona brings; a value two personas bring is one row.

    Returns
    -------
    pd.DataFrame of shape (n_values, n_personas)
        Rows (label, value) in the order of the persona that brought them.
    """
    known = profile[(profile["n_known"] >= MIN_KNOWN) & (profile["index"] > 100)]
    best = known.sort_values(["persona_id", "effect", "label", "value"], ascending=[True, False, True, True])
    rows = best.groupby("persona_id").head(per_persona)[["label", "value"]].drop_duplicates()
    table = profile.pivot_table(
        index=["label", "value"], columns="persona_id", values="index", aggfunc="first"
    )
    return table.reindex(pd.MultiIndex.from_frame(rows))


def _hidden_cells(profile: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """Return "<", ">" or "" for each cell of the index."""
    if "hidden" not in profile:
        return pd.DataFrame("", index.index, index.columns)
    table = profile.pivot_table(
        index=["label", "value"], columns="persona_id", values="hidden", aggfunc="first"
    )
    return table.reindex(index=index.index, columns=index.columns).fillna("")


def _draw_index(figure: Figure, axes, index: pd.DataFrame, hidden: pd.DataFrame) -> None:
    limits = np.log2(INDEX_LIMITS[0] / 100), np.log2(INDEX_LIMITS[1] / 100)
    values = np.log2(index.clip(*INDEX_LIMITS) / 100)
    # Few people: the shade would say what the number must not, so it is the palest of all.
    values = values.mask(hidden == "<", 0.0)
    written = index.map(lambda cell: "" if pd.isna(cell) else f"{cell:.0f}")
    written = written.mask(hidden == "<", "<").mask(hidden == ">", ">" + written)
    said = {"annot": written.to_numpy(), "fmt": "", "annot_kws": {"size": 9}}
    draw_cells(axes, values, INDEX_SHADES, limits, 1.5, **said)


def _name_columns(axes, portraits: pd.DataFrame, sizes: pd.Series) -> None:
    """Write persona names above the columns, in their colours' squares, with n."""
    colours = persona_colours(portraits["persona_id"])
    names = [
        name_with_size(wrap(name, 17, lines=3), sizes[persona_id])
        for persona_id, name in zip(portraits["persona_id"], portraits["persona"], strict=True)
    ]
    axes.xaxis.tick_top()
    set_ticks(axes, "x", names, np.arange(len(names)) + 0.5, rotation=0, fontsize=8.5, color=INK)
    for place, persona_id in enumerate(portraits["persona_id"]):
        draw_strip(axes, [place + 0.04, place + 0.96], [0, 0], colours[persona_id], 5)
