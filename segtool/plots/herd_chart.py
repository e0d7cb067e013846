"""A picture of a herd: who comes early or late in their circle, and who is followed, beside chance."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from segtool.errors import InputError
from segtool.plots.theme import FAINT, GROUND, INK, MUTED, PALETTE, UNSURE, new_figure, set_ticks, themed

ROLES = {"": (UNSURE, "no order beyond chance"), "wait and see": (PALETTE[5], "wait and see"),
         "first mover": (PALETTE[0], "first mover")}  # fmt: skip
MAX_POINTS = 4_000  # more are one blot


@themed
def plot_herd(herd) -> Figure:
    """Draw each user judged: how much earlier or later it comes, and how much more it is followed.

    Parameters
    ----------
    herd : Herd
        Read through ``users``.

    Returns
    -------
    matplotlib.figure.Figure
        Across: share of items taken up only after others, less that with shuffled times. Up: others who come
        within the lag after, less those with shuffled times. Large, strong points have a role.

    Raises
    ------
    InputError
        If nobody was judged.
    """
    users = herd.users
    if users.empty:
        raise InputError(
            "No user could be judged, so there is nothing to draw.", "see the notes of the herd."
        )
    counts = users["role"].value_counts()
    figure, (axes,) = new_figure(
        7.6,
        4.8,
        "Who goes first, and who waits for others",
        f"{len(users):,} users judged against shuffled times; associated only: people alike come alike",
    )
    across = (users["waited"] - users["waited_usual"]).to_numpy(dtype=float)
    up = (users["followed"] - users["followed_usual"]).to_numpy(dtype=float)
    axes.axhline(0, color=FAINT, lw=1.4, zorder=0)
    axes.axvline(0, color=FAINT, lw=1.4, zorder=0)
    for role, (colour, word) in ROLES.items():
        own = np.flatnonzero((users["role"] == role).to_numpy())[:MAX_POINTS]
        axes.plot(across[own], up[own], "o", color=colour, ms=7 if role else 4.5, mec=GROUND, mew=0.7,
                  alpha=0.9 if role else 0.6, label=f"{word} ({counts.get(role, 0):,})")  # fmt: skip
    _set_axes(axes, across, up)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, fontsize=9.5)
    return figure


def _set_axes(axes, across: np.ndarray, up: np.ndarray) -> None:
    wide, high = 1.12 * max(np.abs(across).max(), 0.1), 1.15 * max(np.abs(up).max(), 0.05)
    axes.set(xlim=(-wide, wide), ylim=(-high, high))
    set_ticks(
        axes,
        "x",
        ["waits less than chance", "as chance", "waits more than chance"],
        [-wide * 0.8, 0, wide * 0.8],
    )
    set_ticks(axes, "y", [f"{tick:+.0%}" if tick else "0" for tick in (-high / 2, 0, high / 2)],
              [-high / 2, 0, high / 2])  # fmt: skip
    axes.set_ylabel("share of others who follow,\nbeside chance", color=MUTED)
    axes.tick_params(axis="x", labelcolor=INK)
    axes.spines[:].set_visible(False)
