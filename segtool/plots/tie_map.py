"""A map of circles: who is tied to whom, drawn so that people of a circle lie together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_columns, check_number
from segtool.errors import InputError
from segtool.plots.theme import GROUND, INK, MUTED, PALETTE, new_figure, text_width, themed, wrap

MAX_CIRCLES = len(PALETTE)  # more colours are not told apart
LEAST_DRAWN = 4  # people of a circle, however small
LABEL_COLUMNS = 24
WIDTH, HEIGHT = 10.2, 6.6  # inches
ROOM = 1.7  # times the discs' own area between their centres
LETTER = 0.078  # inches that a letter of a name takes
LEADER = "#F2B705"


@themed
def plot_tie_map(
    circles,
    roles: pd.DataFrame | None = None,
    *,
    max_people: int = 400,
    max_ties: int = 900,
    random_state: int = 0,
) -> Figure:
    """Draw circles as coloured discs of people, with the strongest ties within and between them.

    Parameters
    ----------
    circles : Circles
        Read through ``members``, ``table`` and ``graph``.
    roles : DataFrame, optional
        user_id and role; whoever has a row with the role "leader" is marked by a star.
    max_people, max_ties : int
        So many are drawn at most: of each circle those with the most ties, and the strongest ties among them.
    random_state : int

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there are no circles to draw.

    Notes
    -----
    Circles that are tied to each other lie near each other. Within a disc people with many ties lie in the
    middle, and people with ties to another circle on its side; distances mean no more than that.
    """
    people, ties = lay_out_ties(
        circles, roles, max_people=max_people, max_ties=max_ties, random_state=random_state
    )
    drawn = circles.table[circles.table["circle"].isin(people["circle"])]
    n_inside, n_circles = int(circles.members["circle"].notna().sum()), len(circles.table)
    of_circles = f"{len(drawn)} of {n_circles:,} circles, the largest; " if len(drawn) < n_circles else ""
    note = f"{of_circles}{len(people):,} of {n_inside:,} people, those with the most ties; {len(ties):,} strongest ties"
    figure, (axes,) = new_figure(WIDTH, HEIGHT, "Who is tied to whom", note)
    colours = dict(zip(drawn["circle"], PALETTE, strict=False))
    _draw_discs(axes, people, colours)
    _draw_ties(axes, people, ties, colours)
    _draw_people(axes, people, colours)
    _draw_names(axes, people, drawn, colours)
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.margins(0.02)
    return figure


def lay_out_ties(
    circles,
    roles: pd.DataFrame | None = None,
    *,
    max_people: int = 400,
    max_ties: int = 900,
    random_state: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the two tables that the map is drawn from.

    Parameters
    ----------
    circles, roles, max_people, max_ties, random_state
        As for `plot_tie_map`.

    Returns
    -------
    people : DataFrame
        user_id, circle, x, y, strength (sum of the weights of their ties), leader; one row per person drawn.
    ties : DataFrame
        one, other (rows of people), weight, between (the two are of different circles); the weakest first.
    """
    check_number("max_people", max_people, low=LEAST_DRAWN, integer=True)
    check_number("max_ties", max_ties, low=0, integer=True)
    if circles.table.empty:
        raise InputError(
            "There are no circles, so there is nothing to draw.", "see the notes of the circles."
        )
    rows, number = _choose_people(circles, max_people)
    graph = circles.graph[rows][:, rows].tocoo()
    strength = np.asarray(circles.graph[rows].sum(axis=1)).ravel()
    weight = np.zeros((number.max() + 1,) * 2)
    np.add.at(weight, (number[graph.row], number[graph.col]), graph.data)
    radius = np.sqrt(np.bincount(number))
    names = [_label(circles.table.iloc[each]) for each in range(len(radius))]
    centres = _place_circles(weight, radius, names, np.random.default_rng(random_state))
    xy = np.zeros((len(rows), 2))
    outside = graph.row[number[graph.row] != number[graph.col]]
    pull = _pull(graph, number, centres, len(rows))
    out_share = np.bincount(
        outside, weights=graph.data[number[graph.row] != number[graph.col]], minlength=len(rows)
    )
    out_share = out_share / np.maximum(np.bincount(graph.row, weights=graph.data, minlength=len(rows)), 1e-12)
    for each in range(len(radius)):
        own = np.flatnonzero(number == each)
        xy[own] = centres[each] + _fill_disc(radius[each], strength[own], pull[own], out_share[own])
    members = circles.members.iloc[rows]
    people = pd.DataFrame(
        {
            "user_id": members["user_id"].to_numpy(),
            "circle": members["circle"].to_numpy(),
            "x": xy[:, 0].round(6),
            "y": xy[:, 1].round(6),
            "strength": strength.round(6),
            "leader": members["user_id"].isin(_leaders(roles)).to_numpy(),
        }
    )
    return people, _strongest(graph, number, max_ties)


def _leaders(roles: pd.DataFrame | None) -> list:
    if roles is None:
        return []
    check_columns(roles.columns, ["user_id", "role"], "roles")
    return roles.loc[roles["role"] == "leader", "user_id"].tolist()


def _choose_people(circles, max_people: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of members, and the place of their circle in the table: of each circle its share of the room."""
    members = circles.members
    number = pd.Index(circles.table["circle"][:MAX_CIRCLES]).get_indexer(members["circle"])
    tied = np.flatnonzero((number >= 0) & (np.diff(circles.graph.indptr) > 0))
    size = np.bincount(number[tied])
    room = np.maximum(np.floor(max_people * size / size.sum()).astype(int), LEAST_DRAWN)
    while room.sum() > max(max_people, LEAST_DRAWN * len(room)):
        room[np.argmax(room)] -= 1
    strength = np.asarray(circles.graph[tied].sum(axis=1)).ravel()
    order = np.lexsort((tied, -strength, number[tied]))
    place = np.arange(len(order)) - np.searchsorted(number[tied][order], number[tied][order])
    kept = np.sort(tied[order][place < room[number[tied][order]]])
    return kept, number[kept]


def _label(row: pd.Series) -> str:
    return f"{wrap(row['name'], LABEL_COLUMNS)}\nn = {row['n_users']:,}"


def _place_circles(weight: np.ndarray, radius: np.ndarray, names: list[str], rng) -> np.ndarray:
    """Return centres: springs between circles that share ties, then apart until no disc or name overlaps."""
    n = len(radius)
    pull = weight / np.sqrt(np.outer(radius, radius)) ** 2
    np.fill_diagonal(pull, 0)
    pull = pull / max(pull.max(), 1e-12)
    rest = radius[:, None] + radius[None]
    angle = 2 * np.pi * (np.arange(n) + rng.random() * 0.5) / n
    places = np.column_stack([1.5 * np.cos(angle), np.sin(angle)]) * rest.mean() * np.sqrt(n)
    for step in np.linspace(0.2, 0.01, 300):
        gap = places[:, None] - places[None]
        far = np.sqrt((gap**2).sum(axis=2)) + 1e-9
        force = (rest / far) ** 2 - (0.15 + pull) * far / rest / 2
        np.fill_diagonal(force, 0)
        move = (gap / far[:, :, None] * (force * rest)[:, :, None]).sum(axis=1)
        length = np.sqrt((move**2).sum(axis=1, keepdims=True))
        places = places + step * move / np.maximum(length / rest.mean(), 1)
    places = _fit(places, np.pi * (radius**2).sum() * ROOM)
    for _ in range(
        3
    ):  # how large a letter is depends on how far the circles lie apart, and they on the names
        places = _push_apart(places, _boxes(radius, names, np.ptp(places, axis=0) + 2 * radius.max()))
    return places


def _fit(places: np.ndarray, area: float) -> np.ndarray:
    """Return the places turned and stretched to the shape of the picture, on an area of that size."""
    if len(places) < 2:
        return places
    _, _, axes = np.linalg.svd(places - places.mean(axis=0))
    axes = axes * np.where(axes.sum(axis=1) < 0, -1, 1)[:, None]  # a decomposition's signs are anybody's
    turned = (places - places.mean(axis=0)) @ axes.T
    # Few circles may lie on a line: a third of the way to the shape of the picture is enough then.
    span = np.maximum(np.ptp(turned, axis=0), np.ptp(turned, axis=0).max() / 3)
    return turned / span * np.sqrt(area * np.array([WIDTH / HEIGHT, HEIGHT / WIDTH]))


def _boxes(radius: np.ndarray, names: list[str], span: np.ndarray) -> np.ndarray:
    """Return half width, and what lies below and above the centre: each disc with its name, in their units."""
    letter = max(span[0] / WIDTH, span[1] / HEIGHT) * LETTER
    wide = np.array([max(text_width(line) for line in name.split("\n")) for name in names]) * letter
    high = np.array([name.count("\n") + 1 for name in names]) * 2.3 * letter
    return np.column_stack([np.maximum(radius, wide / 2), radius, radius + high]) + letter


def _push_apart(places: np.ndarray, box: np.ndarray, rounds: int = 400) -> np.ndarray:
    """Move what overlaps apart, sideways rather than up and down: the picture is wide."""
    places = places.copy()
    for _ in range(rounds):
        moved = False
        for one in range(len(places)):
            for other in range(one):
                gap = places[one] - places[other]
                upper, lower = (one, other) if gap[1] >= 0 else (other, one)
                needed = np.array([box[one, 0] + box[other, 0], box[upper, 1] + box[lower, 2]])
                overlap = needed - np.abs(gap)
                if (overlap > 1e-9).all():
                    axis = int(np.argmin(overlap / [WIDTH / HEIGHT, 1.0]))
                    push = (overlap[axis] / 2 + 1e-6) * (1 if gap[axis] >= 0 else -1)
                    places[one, axis] += push
                    places[other, axis] -= push
                    moved = True
        if not moved:
            break
    return places


def _pull(graph, number: np.ndarray, centres: np.ndarray, n: int) -> np.ndarray:
    """Return the direction of everyone's ties to other circles, of length 1, or 0 without any."""
    away = number[graph.row] != number[graph.col]
    row, target = graph.row[away], centres[number[graph.col[away]]] - centres[number[graph.row[away]]]
    pull = np.column_stack(
        [np.bincount(row, weights=graph.data[away] * target[:, axis], minlength=n) for axis in (0, 1)]
    )
    length = np.sqrt((pull**2).sum(axis=1, keepdims=True))
    return pull / np.where(length > 0, length, 1)


def _fill_disc(radius: float, strength: np.ndarray, pull: np.ndarray, out_share: np.ndarray) -> np.ndarray:
    """Return places on a disc: strong in the middle, those tied to others on their side."""
    from scipy.optimize import linear_sum_assignment

    n = len(strength)
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))  # Vogel's sunflower: evenly filled
    slots = np.column_stack([np.cos(turn), np.sin(turn)]) * np.sqrt((np.arange(n) + 0.5) / n)[:, None]
    rank = np.argsort(np.argsort(-strength, kind="stable"), kind="stable")
    depth = np.sqrt((rank + 0.5) / n)
    by_depth = (np.sqrt((slots**2).sum(axis=1))[None] - depth[:, None]) ** 2
    by_side = ((slots[None] - 0.9 * pull[:, None]) ** 2).sum(axis=2)
    outward = np.minimum(2 * out_share, 1)[:, None]
    person, slot = linear_sum_assignment((1 - outward) * by_depth + outward * by_side)
    places = np.empty((n, 2))
    places[person] = slots[slot]
    return 0.86 * radius * places


def _strongest(graph, number: np.ndarray, max_ties: int) -> pd.DataFrame:
    once = graph.row < graph.col
    ties = pd.DataFrame(
        {"one": graph.row[once], "other": graph.col[once], "weight": graph.data[once].round(9)}
    )
    ties = ties.sort_values(["weight", "one", "other"], ascending=[False, True, True], kind="stable").head(
        max_ties
    )
    ties = ties.assign(between=number[ties["one"]] != number[ties["other"]])
    return ties.iloc[::-1].reset_index(drop=True)


def _draw_discs(axes, people: pd.DataFrame, colours: dict[str, str]) -> None:
    from matplotlib.patches import Circle

    for circle, own in people.groupby("circle", sort=True):
        centre, radius = _disc(own)
        axes.add_patch(Circle(centre, radius, fc=colours[circle], ec="none", alpha=0.1, zorder=0))


def _disc(own: pd.DataFrame) -> tuple[np.ndarray, float]:
    """Return centre and radius of a circle's disc: the places of a sunflower lie around their middle."""
    places = own[["x", "y"]].to_numpy()
    centre = (places.max(axis=0) + places.min(axis=0)) / 2
    return centre, float(
        np.sqrt(((places - centre) ** 2).sum(axis=1)).max() + 0.12 * np.sqrt(len(own)) + 0.25
    )


def _draw_ties(axes, people: pd.DataFrame, ties: pd.DataFrame, colours: dict[str, str]) -> None:
    from matplotlib.collections import LineCollection

    if ties.empty:
        return
    xy = people[["x", "y"]].to_numpy()
    lines = np.stack([xy[ties["one"]], xy[ties["other"]]], axis=1)
    between = ties["between"].to_numpy()
    strong = (ties["weight"] / ties["weight"].max()).to_numpy()
    own = [colours[circle] for circle in people["circle"].to_numpy()[ties["one"]]]
    for part, colour, alpha, order in (
        (~between, np.array(own, dtype=object)[~between].tolist(), 0.34, 1),
        (between, MUTED, 0.42, 2),
    ):
        if part.any():
            widths = 0.35 + 1.3 * strong[part]
            axes.add_collection(
                LineCollection(lines[part], colors=colour, linewidths=widths, alpha=alpha, zorder=order)
            )


def _draw_people(axes, people: pd.DataFrame, colours: dict[str, str]) -> None:
    size = 9 + 34 * people["strength"] / people["strength"].max()
    axes.scatter(
        people["x"], people["y"], s=size, c=people["circle"].map(colours), ec=GROUND, lw=0.5, zorder=3
    )
    leaders = people[people["leader"]]
    if len(leaders):
        axes.scatter(
            leaders["x"], leaders["y"], s=120, marker="*", color=LEADER, ec=INK, lw=0.7, zorder=5, label="leader"
        )  # fmt: skip
    from matplotlib.lines import Line2D

    keys = [Line2D([], [], color=MUTED, alpha=0.6, lw=1.2, label="tie between two circles")]
    if len(leaders):
        keys.insert(0, Line2D([], [], ls="", marker="*", ms=10, mfc=LEADER, mec=INK, mew=0.7, label="leader"))
    axes.legend(
        handles=keys, loc="upper right", bbox_to_anchor=(1, 0), ncols=2, fontsize=8.5, handlelength=1.4
    )


def _draw_names(axes, people: pd.DataFrame, drawn: pd.DataFrame, colours: dict[str, str]) -> None:
    for _, row in drawn.iterrows():
        centre, radius = _disc(people[people["circle"] == row["circle"]])
        axes.plot(*(centre - [0, radius]), marker="", alpha=0)  # the disc counts for the limits of the axes
        # No outline around the letters: matplotlib would write them as shapes, and a report could not be searched.
        axes.annotate(
            _label(row), (centre[0], centre[1] + radius), xytext=(0, 3), textcoords="offset points",
            ha="center", va="bottom", fontsize=9, color=INK, zorder=6, linespacing=1.15,
            bbox={"boxstyle": "round,pad=0.12", "fc": GROUND, "ec": "none", "alpha": 0.75},
        )  # fmt: skip
        axes.plot(centre[0], centre[1] + radius + 0.28 * np.sqrt(len(people)), marker="", alpha=0)
