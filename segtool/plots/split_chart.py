"""A picture of a split: the ties of a group before, its parts after, and what bounds cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from segtool.errors import InputError
from segtool.plots.theme import FAINT, GROUND, INK, MUTED, PALETTE, elide, new_figure, set_ticks, themed, wrap

MAX_TIES = 1_500  # strongest first; more are one blot
STEPS = 80
CUT = "#B42318"
N_TOLD = 6  # of more parts only sizes and shares are written: there is no room
N_PALETTE = 10  # parts beyond it share a colour, and still have their own place and letter


@themed
def plot_split(splits, group_id: str | None = None) -> Figure:
    """Draw the split of one group: its tie map before, its parts after, kept ties against the bound.

    Parameters
    ----------
    splits : Splits
        Read through ``groups``, ``parts``, ``members``, ``edges`` and ``bounds``.
    group_id : str, optional
        The largest group that is split when not given.

    Returns
    -------
    matplotlib.figure.Figure
        Left: everybody with a tie, near to whom they talk with; colour is the part they would come into,
        those without a tie stand around. Middle: the parts apart; dark lines are ties that would be cut.
        Right: share of ties kept at other bounds, against people dealt out at random.

    Raises
    ------
    InputError
        If no group is split, or not the one that is named.
    """
    group = _choose_group(splits, group_id)
    own = {
        name: _of_group(getattr(splits, name), group["group_id"])
        for name in ("parts", "members", "edges", "bounds")
    }
    kept = group["kept_share"]
    headline = elide(f"{group['title'] or group['group_id']}: {_parts_in_words(own['parts'])}", 110)
    note = (
        f"{kept:.0%} of the weight of {group['n_ties']:,} ties stays inside the parts"
        f" (dealt out at random: {group['kept_random']:.0%})"
        if kept == kept
        else "by interests alone: the group has no ties to keep"
    )
    figure, (before, after, bound) = new_figure(
        12.4, 5.0, headline, note, ncols=3, width_ratios=[1, 1.35, 0.85]
    )
    people, ties = _lay_out(own["members"], own["edges"])
    _draw_before(before, people, ties)
    _draw_after(after, people, ties, own["parts"], int((~own["edges"]["kept"].astype(bool)).sum()))
    _draw_bounds(bound, own["bounds"], group)
    return figure


def _choose_group(splits, group_id: str | None) -> pd.Series:
    done = splits.groups[splits.groups["n_parts"] > 0]
    if group_id is not None:
        done = done[done["group_id"] == group_id]
    if done.empty:
        raise InputError("There is no split of a group to draw.", "a group of the table groups with parts.")
    return done.sort_values("n_members", ascending=False, kind="stable").iloc[0]


def _of_group(table: pd.DataFrame, group_id: str) -> pd.DataFrame:
    return table[table["group_id"] == group_id].reset_index(drop=True)


def _parts_in_words(parts: pd.DataFrame) -> str:
    sizes = parts["n_members"].tolist()
    return (
        f"{sum(sizes)} people into {len(sizes)} parts of {min(sizes)} to {max(sizes)}"
        if len(sizes) > 1
        else "one part"
    )


def _lay_out(members: pd.DataFrame, edges: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return people with x, y (map) and px, py (parts apart), and ties with the positions of both ends."""
    people = members[["user_id", "part", "role", "n_kept", "n_lost"]].copy()
    people["place"] = people["part"].map({name: place for place, name in enumerate(_names(people))})
    row = pd.Series(np.arange(len(people)), index=people["user_id"])
    edges = edges.sort_values("weight", ascending=False, kind="stable").reset_index(drop=True)
    ties = pd.DataFrame(
        {"one": row.reindex(edges["user_id"]).to_numpy(), "other": row.reindex(edges["other_id"]).to_numpy(),
         "kept": edges["kept"].to_numpy(dtype=bool), "weight": edges["weight"].to_numpy(dtype=float)}
    )  # fmt: skip
    talks = (people["n_kept"] + people["n_lost"] > 0).to_numpy()
    position = _pull_together(len(people), talks, ties)
    people[["x", "y"]] = position
    people[["px", "py"]] = _set_apart(position, people["place"].to_numpy(), talks)
    return people, ties.head(MAX_TIES)


def _names(people: pd.DataFrame) -> list[str]:
    """Return the parts, the largest first: A, B, .., Z, AA."""
    return sorted(people["part"].unique(), key=lambda name: (len(name), name))


def _pull_together(n: int, talks: np.ndarray, ties: pd.DataFrame) -> np.ndarray:
    """Return positions by forces (Fruchterman and Reingold 1991); who talks with nobody stands on a ring."""
    position = np.zeros((n, 2))
    inner = np.flatnonzero(talks)
    if len(inner):
        place = np.cumsum(talks) - 1
        one, other = place[ties["one"].to_numpy()], place[ties["other"].to_numpy()]
        position[inner] = _spring(len(inner), one, other)
    silent = np.flatnonzero(~talks)
    angle = 2 * np.pi * np.arange(len(silent)) / max(len(silent), 1)
    position[silent] = 1.12 * np.c_[np.cos(angle), np.sin(angle)]
    return position


def _spring(n: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    golden = np.pi * (3 - 5**0.5)  # a sunflower: the start is the same each time
    angle, radius = golden * np.arange(n), np.sqrt((np.arange(n) + 0.5) / n)
    position = np.c_[radius * np.cos(angle), radius * np.sin(angle)]
    near = n**-0.5
    for step in range(STEPS):
        apart = position[:, None] - position[None]
        square = np.maximum((apart**2).sum(axis=2), 1e-6)
        force = (apart * (near**2 / square)[:, :, None]).sum(axis=1) - 0.9 * position * near * n**0.5 * 0.6
        along = position[one] - position[other]
        pull = along * np.linalg.norm(along, axis=1, keepdims=True) / near
        for axis in (0, 1):
            force[:, axis] -= np.bincount(one, pull[:, axis], n) - np.bincount(other, pull[:, axis], n)
        length = np.maximum(np.linalg.norm(force, axis=1, keepdims=True), 1e-9)
        position = position + force / length * np.minimum(length, 0.12 * (1 - step / STEPS))
    position -= position.mean(axis=0)
    # Ranks of the distance to the middle spread the crowd without changing who is beside whom.
    distance = np.linalg.norm(position, axis=1)
    rank = np.argsort(np.argsort(distance, kind="stable"), kind="stable")
    wish = 0.98 * np.sqrt((rank + 0.5) / n)
    return (
        position
        * (0.35 * distance / max(distance.max(), 1e-9) + 0.65 * wish)[:, None]
        / np.maximum(distance, 1e-9)[:, None]
    )


def _set_apart(position: np.ndarray, place: np.ndarray, talks: np.ndarray) -> np.ndarray:
    """Return positions with each part in a circle of its own, its area by its people."""
    n_parts = int(place.max()) + 1
    size = np.bincount(place)
    radius = np.sqrt(size / size.max())
    columns = int(np.ceil(np.sqrt(n_parts * 1.2)))
    result = position.copy()
    for part in range(n_parts):
        own = np.flatnonzero(place == part)
        for group, least, most in ((own[talks[own]], 0.0, 0.8), (own[~talks[own]], 0.94, 0.94)):
            if not len(group):
                continue
            around = position[group] - position[group].mean(axis=0)
            distance = np.linalg.norm(around, axis=1)
            angle = np.arctan2(around[:, 1], around[:, 0])
            rank = np.argsort(np.argsort(distance, kind="stable"), kind="stable")
            reach = least + (most - least) * np.sqrt((rank + 0.5) / len(group)) if most > least else most
            if most == least:
                angle = 2 * np.pi * np.arange(len(group)) / len(group)
            result[group] = np.c_[np.cos(angle), np.sin(angle)] * np.reshape(reach * radius[part], (-1, 1))
        result[own] += [2.3 * (part % columns), -2.5 * (part // columns)]
    return result


def _colour(place: int) -> str:
    return PALETTE[place % N_PALETTE]


def _draw_ties(axes, people: pd.DataFrame, ties: pd.DataFrame, x: str, y: str, **style) -> None:
    points = people[[x, y]].to_numpy()
    ends = np.stack([points[ties["one"].to_numpy()], points[ties["other"].to_numpy()]], axis=1)
    # Root: what is ten times as strong is seen to be so, and what is weak is still seen.
    width = np.sqrt(ties["weight"].to_numpy() / max(style.pop("strongest"), 1e-12))
    axes.add_collection(LineCollection(ends, linewidths=0.25 + 2.0 * width, **style))


def _draw_people(axes, people: pd.DataFrame, x: str, y: str) -> None:
    crowd = 34 if len(people) < 120 else 22 if len(people) < 400 else 12
    leads = people["role"].eq("leader")
    for mask, scale, edge in ((~leads, 1.0, GROUND), (leads, 3.2, INK)):
        own = people[mask]
        axes.scatter(own[x], own[y], s=crowd * scale, c=[_colour(place) for place in own["place"]],
                     edgecolors=edge, linewidths=0.5 if edge == GROUND else 1.3, zorder=3)  # fmt: skip


def _draw_before(axes, people: pd.DataFrame, ties: pd.DataFrame) -> None:
    _draw_ties(axes, people, ties, "x", "y", colors=MUTED, alpha=0.4, strongest=ties["weight"].max())
    _draw_people(axes, people, "x", "y")
    axes.set_title("Before: one group, near to whom one talks with")
    _set_frame(axes)


def _draw_after(axes, people: pd.DataFrame, ties: pd.DataFrame, parts: pd.DataFrame, n_cut: int) -> None:
    kept = ties["kept"].to_numpy(dtype=bool)
    _draw_ties(axes, people, ties[kept], "px", "py", colors=MUTED, alpha=0.4, strongest=ties["weight"].max())
    _draw_ties(axes, people, ties[~kept], "px", "py", colors=CUT, alpha=0.6, strongest=ties["weight"].max())
    _draw_people(axes, people, "px", "py")
    columns = int(np.ceil(np.sqrt(len(parts) * 1.2)))
    few = len(parts) <= N_TOLD
    for place, part in enumerate(parts.itertuples()):
        where = 2.3 * (place % columns), -2.5 * (place // columns) - 1.04
        words = _say_part(part, max(int(54 / columns), 12)) if few else _say_briefly(part)
        axes.text(*where, words, ha="center", va="top", size=8.5 if len(parts) <= 4 else 7.5, color=INK, zorder=4,
                  bbox={"facecolor": GROUND, "edgecolor": "none", "alpha": 0.85, "pad": 1})  # fmt: skip
    what = "rings lead" if few else "people and share of their ties"
    axes.set_title(f"After: {what}; red, {_count(n_cut, 'tie')} that would be cut")
    _set_frame(axes, below=0.75)


def _say_part(part, room: int) -> str:
    """Return size, leaders, kept ties and the first two interests of a part."""
    lines = [f"{part.part}: {part.n_members} people, {_count(part.n_leaders, 'leader')}"]
    if part.kept_share == part.kept_share:
        lines.append(f"{part.kept_share:.0%} of their ties")
    if part.interests:
        lines.append(wrap(", ".join(part.interests.split(", ")[:2]), room, 2))
    return "\n".join(lines)


def _say_briefly(part) -> str:
    kept = f", {part.kept_share:.0%}" if part.kept_share == part.kept_share else ""
    return f"{part.part}: {part.n_members}{kept}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _set_frame(axes, below: float = 0.0) -> None:
    axes.autoscale_view()
    low, high = axes.get_ylim()
    axes.set_ylim(low - below, high)
    axes.set_aspect("equal", anchor="N")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _draw_bounds(axes, bounds: pd.DataFrame, group: pd.Series) -> None:
    """Draw what other bounds keep, and this proposal among them."""
    axes.set_title("Share of ties kept, by the bound")
    if bounds.empty:
        axes.set_axis_off()
        return
    bounds = bounds.sort_values("upper", kind="stable")
    upper = bounds["upper"].to_numpy(dtype=float)
    best, chance = (bounds[name].to_numpy(dtype=float) for name in ("kept_share", "kept_random"))
    axes.plot(upper, best, "-o", color=PALETTE[0], lw=1.8, ms=6, label="attainable, by ties alone")
    axes.plot(upper, chance, "--o", color=MUTED, lw=1.2, ms=4, label="dealt out at random")
    axes.plot(
        [group["upper"]],
        [group["kept_share"]],
        "D",
        color=PALETTE[5],
        ms=9,
        mec=GROUND,
        label="this proposal",
    )
    axes.axhline(1.0, color=FAINT, lw=1.2, zorder=0)
    for x, y, n in zip(upper, chance, bounds["n_parts"], strict=True):
        axes.annotate(
            _count(int(n), "part"),
            (x, y),
            (0, -13),
            textcoords="offset points",
            ha="center",
            size=8,
            color=MUTED,
        )
    axes.set(ylim=(-0.08, 1.06), xlim=(upper.min() - 14, upper.max() + 14))
    set_ticks(axes, "x", [f"{int(each)}" for each in upper], upper)
    set_ticks(axes, "y", [f"{each:.0%}" for each in np.linspace(0, 1, 6)], np.linspace(0, 1, 6))
    axes.set_xlabel("most people in a part; 100 % is the group unsplit")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8.5, ncols=1)
