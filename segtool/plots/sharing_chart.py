"""A picture of sharing: the largest invitation trees, what members bring in each group, and how soon."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from segtool.errors import InputError
from segtool.plots.theme import (
    FAINT,
    GROUND,
    INK,
    MUTED,
    PALETTE,
    UNSURE,
    elide,
    new_figure,
    set_ticks,
    themed,
)

MAX_TREES = 6
MAX_PEOPLE = 70  # of one tree; more lie on top of each other
MAX_GROUPS = 10
GAP, NAME_WIDTH = 3.0, 22.0  # between two trees, and of the name above one, in people


@themed
def plot_sharing(sharing, *, named: bool = False) -> Figure:
    """Draw who came through whom, how many others 100 members bring, and by when.

    Parameters
    ----------
    sharing : Sharing
        Read through ``members``, ``growth`` and ``curve``.
    named : bool
        Whether trees bear the user_id of who began them.

    Returns
    -------
    matplotlib.figure.Figure
        Above: the largest trees, one dot per person, each below who invited them. Left: people brought by
        100 members with intervals, by group; beyond the line at 100 a group grows by itself; dotted to the
        right where only the lower end is known. Right: the same by age, with the age by which half have come.

    Raises
    ------
    InputError
        If nobody's inviter is on record.
    """
    if sharing.growth.empty:
        raise InputError("No inviter is on record, so there is nothing to draw.", "see the notes of sharing.")
    row = sharing.trees.iloc[0]
    figure, axes = new_figure(
        10.4,
        7.6,
        "Who brings whom",
        f"{row['n_members']:,} people: {row['n_invited']:,} came by invitation, {row['n_alone']:,} alone;"
        f" half of those invited came through {_count(row['half_came_through'])}",
        nrows=2,
        ncols=1,
        height_ratios=[1, 1.15],
    )
    # A grid of its own, so that the long names below do not push the trees aside.
    lower = axes[1].get_subplotspec().subgridspec(1, 2, width_ratios=[1.25, 1])
    axes[1].remove()
    _draw_trees(axes[0], sharing, named)
    _draw_groups(figure.add_subplot(lower[0]), sharing.growth)
    _draw_curve(figure.add_subplot(lower[1]), sharing)
    return figure


def _count(n: float) -> str:
    return "nobody known" if n != n else "one person" if n == 1 else f"{n:,.0f} people"


def place_people(members: pd.DataFrame) -> pd.DataFrame:
    """Place the people of the largest trees: who was invited below who invited, no lines crossing.

    Parameters
    ----------
    members : DataFrame
        As of a `Sharing`.

    Returns
    -------
    DataFrame
        tree (0 largest), user_id, group_id, depth, x, above (x of the inviter, missing for the first) and n
        (people under the first; of a larger tree those are here who brought most).
    """
    trees = members[(members["depth"] == 0) & (members["below"] > 0)]
    trees = trees.sort_values(["below", "group_id", "user_id"], ascending=[False, True, True])
    trees = trees.head(MAX_TREES)
    parts, start = [], 0.0
    for number, first in enumerate(trees.itertuples()):
        own = members[(members["group_id"] == first.group_id) & (members["root"] == first.user_id)]
        # An inviter has more below than any of those brought, so nobody is drawn without theirs.
        own = own.sort_values(["below", "user_id"], ascending=[False, True]).head(MAX_PEOPLE)
        part = _place_tree(own, first.user_id, start)
        spare = max(NAME_WIDTH - (part["x"].max() - start), 0.0)  # a name needs room, too
        part["x"] += spare / 2
        part["above"] += spare / 2
        start = part["x"].max() + spare / 2 + GAP
        parts.append(part.assign(tree=number, group_id=first.group_id, n=first.below))
    columns = ["tree", "user_id", "group_id", "depth", "x", "above", "n"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _place_tree(own: pd.DataFrame, first: str, start: float) -> pd.DataFrame:
    """Give each leaf a place of its own, and everybody else the middle of those they brought."""
    below: dict[str, list[str]] = {}
    for row in own[own["depth"] > 0].sort_values(["below", "user_id"], ascending=[False, True]).itertuples():
        below.setdefault(row.invited_by, []).append(row.user_id)
    x: dict[str, float] = {}
    next_leaf, stack = start, [(first, False)]
    while stack:  # no recursion: a chain may be long
        user, done = stack.pop()
        if user not in below:
            x[user] = next_leaf
            next_leaf += 1.0
        elif done:
            x[user] = (x[below[user][0]] + x[below[user][-1]]) / 2
        else:
            stack.append((user, True))
            stack += [(each, False) for each in reversed(below[user])]
    own = own[own["user_id"].isin(list(x))]
    inviter = own["invited_by"].where(own["depth"] > 0)
    return pd.DataFrame(
        {
            "user_id": own["user_id"].to_numpy(),
            "depth": own["depth"].to_numpy(),
            "x": own["user_id"].map(x).to_numpy(dtype=float),
            "above": inviter.map(x).to_numpy(dtype=float),
        }
    )


def _draw_trees(axes, sharing, named: bool) -> None:
    people = place_people(sharing.members)
    axes.set_title("The largest trees: each dot a person, below who invited them", color=MUTED)
    axes.set_axis_off()
    if people.empty:
        axes.text(0.5, 0.5, "no tree: nobody known brought anybody", ha="center", color=MUTED)
        return
    title = sharing.trees.set_index("group_id")["title"]
    deepest = int(people["depth"].max())
    for number, own in people.groupby("tree"):
        colour = PALETTE[number % len(PALETTE)]
        child = own[own["depth"] > 0]
        lines = [((r.above, -r.depth + 1), (r.x, -r.depth)) for r in child.itertuples()]
        axes.add_collection(LineCollection(lines, colors=colour, lw=0.8, alpha=0.55, zorder=1))
        axes.plot(own["x"], -own["depth"], "o", color=colour, ms=4.2, mec=GROUND, mew=0.5, zorder=2)
        first = own[own["depth"] == 0].iloc[0]
        axes.plot(first["x"], 0, "o", color=colour, ms=9, mec=GROUND, mew=0.8, zorder=3)
        group = title.get(first["group_id"]) or first["group_id"]
        cut = f" ({len(own) - 1} drawn)" if first["n"] >= len(own) else ""
        who = f"{elide(first['user_id'], 14)}: " if named else ""
        label = f"{who}{first['n']:,} people{cut}\n{elide(group, 17)}"
        axes.text(
            first["x"], 0.22, label, ha="center", va="bottom", fontsize=8.5, color=INK, linespacing=1.25
        )
    axes.set(xlim=(people["x"].min() - 4, people["x"].max() + 4), ylim=(-deepest - 0.3, 0.95))


def _draw_groups(axes, growth: pd.DataFrame) -> None:
    known = growth[growth["k"].notna()]
    largest = known.iloc[1:].sort_values(["n_members", "group_id"], ascending=[False, True]).head(MAX_GROUPS)
    shown = pd.concat([known.iloc[:1], largest])
    place = np.arange(len(shown))[::-1]
    k, lo, hi = (100 * shown[name].to_numpy(dtype=float) for name in ("k", "lo", "hi"))
    ends = np.where(np.isnan(hi), k, hi)  # the upper end is missing where members may be
    limit = max(1.15 * min(np.nanmax(ends), 3 * np.nanmax(k)), 110) if len(shown) else 110
    colour = np.array([PALETTE[0] if group else INK for group in shown["group_id"]])
    axes.hlines(place, lo, np.minimum(ends, limit), color=colour, lw=2.2, alpha=0.45)
    open_ = np.isnan(hi)
    axes.hlines(place[open_], k[open_], limit, color=colour[open_], lw=1.4, alpha=0.45, ls=(0, (1, 2)))
    axes.scatter(k, place, c=colour, s=36, zorder=3, edgecolors=GROUND)
    axes.vlines(100, -0.6, len(shown) - 0.5, color=PALETTE[5], lw=1.2, ls=(0, (4, 3)))
    axes.text(
        100, len(shown) - 0.35, "one for each", color=PALETTE[5], ha="center", va="bottom", fontsize=8.5
    )
    labels = [
        f"{elide(row.title or row.group_id, 26)}  (n = {row.n_watched:,}, {row.window_days:.0f} days)"
        for row in shown.itertuples()
    ]
    set_ticks(axes, "y", labels, place, fontsize=8.5)
    axes.set_title("In their first days, by group", color=MUTED)
    axes.set(xlim=(0, limit), ylim=(-0.6, len(shown) + 0.15), xlabel="people brought by 100 members")
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def _draw_curve(axes, sharing) -> None:
    curve, row = sharing.curve, sharing.growth.iloc[0]
    axes.set_title("By days since joining, all groups", color=MUTED)
    if curve.empty:
        axes.text(0.5, 0.5, "members joined too recently", ha="center", color=MUTED, transform=axes.transAxes)
        axes.set_axis_off()
        return
    day = np.r_[0, curve["age_days"]]
    brought, lo, hi, inviting = (100 * np.r_[0, curve[name]] for name in ("brought", "lo", "hi", "inviting"))
    bound = ", or more" if row["at_least"] else ""
    axes.fill_between(day, lo, brought if bound else hi, color=PALETTE[0], alpha=0.14, lw=0)
    axes.plot(day, brought, color=PALETTE[0], lw=2, label=f"people brought by 100 members{bound}")
    axes.plot(day, inviting, color=UNSURE, lw=1.6, ls=(0, (4, 2)), label="of 100 members, brought anybody")
    if row["cycle_days"] == row["cycle_days"]:
        at = np.interp(row["cycle_days"], day, brought)
        axes.vlines(row["cycle_days"], 0, at, color=FAINT, lw=1.4)
        axes.plot(row["cycle_days"], at, "o", color=PALETTE[5], ms=7, mec=GROUND)
        axes.annotate(
            f"half come by day {row['cycle_days']:.0f}\n({row['cycle_lo']:.0f} to {row['cycle_hi']:.0f})",
            (row["cycle_days"], at), xytext=(-8, 26), textcoords="offset points", ha="right", fontsize=8.5,
        )  # fmt: skip
    axes.set(xlim=(0, day[-1]), ylim=(0, None), xlabel="days since joining")
    axes.grid(axis="y")
    axes.legend(loc="upper left", fontsize=8.5)
