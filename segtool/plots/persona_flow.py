"""Personas from one period to the next as streams: people's moves first, the model's change after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from segtool.checks import check_number
from segtool.errors import InputError
from segtool.plots.theme import (
    INK,
    MUTED,
    PALETTE,
    UNSURE,
    ink_on,
    new_figure,
    themed,
    wrap,
)

BAR, GAP = 0.07, 0.022  # width of a block; space between blocks, of the whole height
NAME_WIDTH, NAME_LINES = 30, 3
LINE_INCHES = 0.158  # of a name: the size of its letters and the space between lines
STAYS, MOVES, NOISE = 0.42, 0.62, 0.16  # how strongly a stream is drawn
MINOR = 0.1  # of both personas: so little between two models is a border drawn otherwise
NOBODY = 0  # id of "was not there"


@dataclass(frozen=True)
class _Block:
    """One persona at one moment: where it stands, from ``low`` to ``high``."""

    number: int
    n: int
    low: float
    high: float
    colour: str
    name: str


@themed
def plot_persona_flow(change, *, min_users: int = 1) -> Figure:
    """Draw who was in which persona, who moved, and what the newer model makes of them.

    Parameters
    ----------
    change : PersonaChange
        Read through ``flows``, ``moves``, ``alignment.matches`` and the names of both periods.
    min_users : int
        Sizes and streams of fewer users are not told: sizes read "<5", streams are left out.

    Returns
    -------
    matplotlib.figure.Figure
        Three columns: then, now by the older model, now by the newer one. Streams between the first
        two are people; moves that noise alone would make are pale. Streams between the last two are
        the change of the model, on the same users. Without the labels of the last time the first
        column is not there.

    Raises
    ------
    InputError
        If there is nobody to draw.
    """
    check_number("min_users", min_users, low=1, integer=True)
    flows = change.flows
    if flows.empty:
        raise InputError("There are no users in either period.", "a change of at least one user.")
    has_then = bool(flows["then_id"].notna().any())
    colours = flow_colours(change.before.names, change.after.names, change.alignment.matches)
    stages = ["then_id", "now_by_old_id", "now_id"] if has_then else ["now_by_old_id", "now_id"]
    columns = [_stack(flows, stage, change, colours, stage == stages[0]) for stage in stages]
    texts = [[_say(block, min_users) for block in column] for column in (columns[0], columns[-1])]
    n_lines = max(sum(text.count("\n") + 1.5 for text in each) for each in texts)
    height = max(4.2, 0.5 * max(map(len, columns)), LINE_INCHES * n_lines)
    line = 1.1 * LINE_INCHES / height
    figure, (axes,) = new_figure(
        10.8 if has_then else 9.0, height, _headline(change), _note(change, flows, has_then)
    )
    for place, (left, right) in enumerate(pairwise(columns)):
        pair = flows.groupby(stages[place : place + 2])["n_users"].sum()
        pale = _noise_pairs(change) if stages[place] == "then_id" else _minor_pairs(pair)
        _draw_streams(axes, pair[pair >= min_users], left, right, place, pale)
    for place, column in enumerate(columns):
        _draw_blocks(axes, column, place)
    _write_names(axes, columns[0], texts[0], 0, -1, line)
    _write_names(axes, columns[-1], texts[1], len(columns) - 1, 1, line)
    titles = ["Then", "Now, in the personas of then", "Now, in today's personas"][-len(columns) :]
    for place, title in enumerate(titles):
        axes.text(place, 1.035, title, ha="center", va="bottom", color=MUTED, fontsize=9.5)
    room = 0.95 if has_then else 0.8
    axes.set(xlim=(-room, len(columns) - 1 + room), ylim=(-0.05, 1.08), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return figure


def flow_colours(before: dict[int, str], after: dict[int, str], matches: dict[int, int]) -> dict[tuple, str]:
    """Return the colour of each persona: one that is the same has the same on both sides.

    Returns
    -------
    dict of (str, int) to str
        By side ("before" or "after") and persona_id.

    Examples
    --------
    >>> found = flow_colours({1: "a", 2: "b"}, {1: "b", 2: "c"}, {1: 2})
    >>> found["after", 1] == found["before", 2], len(set(found.values()))
    (True, 3)
    """
    colours = {("before", number): PALETTE[(number - 1) % len(PALETTE)] for number in before}
    free = [colour for colour in PALETTE if colour not in colours.values()] or list(PALETTE)
    new = [number for number in after if number not in matches]
    colours |= {("after", number): free[place % len(free)] for place, number in enumerate(new)}
    return colours | {("after", number): colours["before", old] for number, old in matches.items()}


def _headline(change) -> str:
    return change.headline().split(". ")[0].rstrip(".")


def _note(change, flows: pd.DataFrame, has_then: bool) -> str:
    """Say how many users, and how much of what moves is more than noise."""
    now = int(flows.loc[flows["now_id"] > 0, "n_users"].sum())
    if not has_then:
        return f"{now:,} users of today, by the older and by the newer personas"
    both = int(flows.loc[(flows["then_id"] > 0) & (flows["now_id"] > 0), "n_users"].sum())
    moved = change.moved
    found = "nobody moved beyond noise"
    if not moved["low"] <= 0:  # also where it is not known, for lack of users or of personas
        found = "" if pd.isna(moved["low"]) else f"about {moved['moved']:.0%} of them moved"
    then = int(flows.loc[flows["then_id"] > 0, "n_users"].sum())
    return f"{then:,} users then, {now:,} now, {both:,} in both{found and ': '}{found}. Pale: what noise alone would move"


def _noise_pairs(change) -> set[tuple[int, int]]:
    """Return the ways that no more users took than noise would send there."""
    moves = change.moves
    quiet = moves[~moves["more_than_noise"] & (moves["from_id"] != moves["to_id"])]
    return set(zip(quiet["from_id"].astype(int), quiet["to_id"].astype(int), strict=True))


def _minor_pairs(pair: pd.Series) -> set[tuple[int, int]]:
    """Return the pairs that are little of either persona: two fits never draw quite the same borders."""
    shares = [pair / pair.groupby(level=level).transform("sum") for level in (0, 1)]
    return {(int(one), int(other)) for one, other in pair.index[(shares[0] < MINOR) & (shares[1] < MINOR)]}


def _stack(flows: pd.DataFrame, stage: str, change, colours, first: bool) -> list[_Block]:
    """Return the blocks of one column from top to bottom, those who are not there last."""
    side = "after" if stage == "now_id" else "before"
    names = change.after.names if side == "after" else change.before.names
    sizes = flows.groupby(stage)["n_users"].sum()
    order = _order_after(change) if side == "after" else list(names)
    order = [number for number in order if sizes.get(number, 0) > 0]
    if sizes.get(NOBODY, 0) > 0:
        order.append(NOBODY)
    total = sizes.sum()
    room = 1 - GAP * (len(order) - 1)
    blocks, top = [], 1.0
    for number in order:
        high = float(sizes[number] / total) * room
        colour = UNSURE if number == NOBODY else colours[side, number]
        name = ("Not there yet" if first else "No longer there") if number == NOBODY else names[number]
        blocks.append(_Block(int(number), int(sizes[number]), top - high, top, colour, name))
        top -= high + GAP
    return blocks


def _order_after(change) -> list[int]:
    """Return newer personas beside the older ones they continue, so that streams cross little."""
    flows = change.flows
    pairs = flows[(flows["now_by_old_id"] > 0) & (flows["now_id"] > 0)]
    weight = pairs.groupby("now_id")["n_users"].sum()
    centre = (pairs["now_by_old_id"] * pairs["n_users"]).groupby(pairs["now_id"]).sum() / weight
    main = pairs.groupby(["now_id", "now_by_old_id"])["n_users"].sum().reset_index()
    main = main.sort_values("n_users", ascending=False, kind="stable").drop_duplicates("now_id")
    home = dict(zip(main["now_id"].astype(int), main["now_by_old_id"].astype(int), strict=True))
    return sorted(
        change.after.names, key=lambda number: (home.get(number, 99), centre.get(number, 99.0), number)
    )


def _draw_blocks(axes, column: Sequence[_Block], place: int) -> None:
    for block in column:
        size = block.high - block.low
        axes.add_patch(Rectangle((place - BAR / 2, block.low), BAR, size, color=block.colour, lw=0, zorder=3))
        if block.number != NOBODY and size >= 0.03:
            axes.text(place, (block.low + block.high) / 2, str(block.number), ha="center", va="center",
                      color=ink_on(block.colour), fontsize=8.5, weight="bold", zorder=4)  # fmt: skip


def _draw_streams(axes, pair: pd.Series, left, right, place: int, pale: set[tuple[int, int]]) -> None:
    """Draw one stream per pair, in the order of the blocks on either side."""
    starts, ends = {block.number: block for block in left}, {block.number: block for block in right}
    used_left = {block.number: block.high for block in left}
    used_right = {block.number: block.high for block in right}
    rank = {block.number: position for position, block in enumerate(right)}
    order = {block.number: position for position, block in enumerate(left)}
    keys = sorted(
        ((int(one), int(other)) for one, other in pair.index), key=lambda key: (order[key[0]], rank[key[1]])
    )
    for one, other in keys:
        start, end, n = starts[one], ends[other], int(pair[one, other])
        thick = [n / max(block.n, 1) * (block.high - block.low) for block in (start, end)]
        top = used_left[one], used_right[other]
        used_left[one] -= thick[0]
        used_right[other] -= thick[1]
        nobody = NOBODY in (one, other)
        same = start.colour == end.colour
        colour = UNSURE if nobody else start.colour
        strength = NOISE if nobody or (one, other) in pale else STAYS if same else MOVES
        _draw_stream(axes, place, top, thick, colour, strength)


def _draw_stream(axes, place: int, top, thick, colour: str, strength: float) -> None:
    x0, x1 = place + BAR / 2, place + 1 - BAR / 2
    middle = (x0 + x1) / 2
    (a, b), (da, db) = top, thick
    points = [
        (x0, a), (middle, a), (middle, b), (x1, b), (x1, b - db), (middle, b - db), (middle, a - da),
        (x0, a - da), (x0, a),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    patch = PathPatch(Path(points, codes), facecolor=colour, alpha=strength, lw=0, zorder=1)
    axes.add_patch(patch)


def _say(block: _Block, min_users: int) -> str:
    """Return the name of a block with its size below."""
    n = f"n < {min_users:,}" if 0 < block.n < min_users else f"n = {block.n:,}"
    return f"{wrap(block.name, NAME_WIDTH, NAME_LINES)}\n{n}"


def _write_names(
    axes, column: Sequence[_Block], texts: list[str], place: int, side: int, line: float
) -> None:
    """Write name and size beside each block; where blocks are thin the texts step aside."""
    heights = [(text.count("\n") + 1.4) * line for text in texts]
    wanted = [(block.low + block.high) / 2 for block in column]
    centres = spread_texts(wanted, heights, top=1.03)
    edge = place + side * BAR / 2
    for block, text, centre, middle in zip(column, texts, centres, wanted, strict=True):
        x = edge + side * 0.06
        axes.plot([edge + side * 0.008, x - side * 0.01], [middle, centre], color=UNSURE, lw=0.7, zorder=2)
        colour = MUTED if block.number == NOBODY else INK
        axes.text(x, centre, text, ha="left" if side > 0 else "right", va="center", fontsize=8.8,
                  color=colour, linespacing=1.15, zorder=4)  # fmt: skip


def spread_texts(wanted: Sequence[float], heights: Sequence[float], top: float) -> list[float]:
    """Return centres near the wanted ones, top to bottom, such that no two texts overlap.

    Examples
    --------
    >>> [round(centre, 2) for centre in spread_texts([0.5, 0.5], [0.1, 0.1], top=1.0)]
    [0.55, 0.45]
    """
    centres: list[float] = []
    groups: list[list] = []  # of texts that touch: sum of wanted tops, total height, members
    for middle, height in zip(wanted, heights, strict=True):
        groups.append([middle + height / 2, height, 1])
        while len(groups) > 1 and groups[-2][0] - groups[-2][1] < groups[-1][0]:
            last, before = groups.pop(), groups.pop()
            n = before[2] + last[2]
            high = (before[0] * before[2] + (last[0] + before[1]) * last[2]) / n
            groups.append([min(high, top), before[1] + last[1], n])
    place = iter(heights)
    for high, _, n in groups:
        for _ in range(n):
            height = next(place)
            centres.append(high - height / 2)
            high -= height
    return centres
