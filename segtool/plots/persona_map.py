"""A map on which alike users lie close. A picture only: no persona is ever assigned from it."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_in, check_number
from segtool.errors import InputError
from segtool.plots.theme import GROUND, UNSURE, elide, ink_on, new_figure, persona_colours, themed, wrap

# Fewer points give no neighbourhood to keep: a straight projection says what there is.
MIN_FOR_UMAP = 60
N_NEIGHBOURS = 15
MAX_CATEGORIES = 30
MANY_SEPARATOR = ": "


@themed
def plot_persona_map(
    personas,
    *,
    features: pd.DataFrame | None = None,
    method: str = "umap",
    max_users: int = 1500,
    random_state: int = 0,
) -> Figure:
    """Draw users as points, alike ones close together, coloured by persona.

    Parameters
    ----------
    personas : Personas
        Read through ``assigned`` and, for where the points lie, ``labels.wide()``.
    features : pd.DataFrame, optional
        Wide labels to lie by, indexed by user_id, instead of the personas' own.
    method : {"umap", "pca"}
        UMAP, or a straight projection, which is also used for very few users.
    max_users : int
        A sample of so many is drawn.
    random_state : int

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Who lies beside whom means something; how far apart two groups lie, and how large they look,
    means little.
    """
    points = lay_out_users(
        personas, features=features, method=method, max_users=max_users, random_state=random_state
    )
    n_users, n_drawn = len(personas.assigned), len(points)
    sample = f"{n_drawn:,} of {n_users:,} users" if n_drawn < n_users else f"{n_users:,} users"
    figure, (axes,) = new_figure(
        9.6, 6.0, "Map of users", f"{sample}; alike users lie close, distances between groups mean little"
    )
    _draw_points(axes, points)
    _number_groups(axes, points)
    _list_names(axes, points)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return figure


def lay_out_users(
    personas,
    *,
    features: pd.DataFrame | None = None,
    method: str = "umap",
    max_users: int = 1500,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the table the map is drawn from: user_id, x, y, persona_id, persona, unsure.

    Parameters
    ----------
    personas, features, method, max_users, random_state
        As for `plot_persona_map`.

    Returns
    -------
    pd.DataFrame of shape (n_drawn, 6)

    Raises
    ------
    InputError
        When there are no labels to lie by.
    """
    check_in("method", method, ("umap", "pca"))
    check_number("max_users", max_users, low=2, high=20_000, integer=True)
    features = _forming_labels(personas) if features is None else features
    assigned = personas.assigned.sort_values("user_id", ignore_index=True)
    if len(assigned) > max_users:
        assigned = assigned.sample(max_users, random_state=random_state).sort_values(
            "user_id", ignore_index=True
        )
    matrix = encode_features(features.reindex(assigned["user_id"]))
    if matrix.shape[1] == 0:
        raise InputError("None of the features varies.", "labels with at least two values.")
    xy = _umap(matrix, random_state) if method == "umap" and len(matrix) >= MIN_FOR_UMAP else _pca(matrix, 2)
    kept = assigned[["user_id", "persona_id", "persona", "unsure"]]
    return kept.assign(x=xy[:, 0], y=xy[:, 1])


def _forming_labels(personas) -> pd.DataFrame:
    """Return the labels the personas were formed by: the others would only blur the picture."""
    if personas.labels is None:
        raise InputError("These personas carry no labels.", "a wide table of labels as features.")
    wide = personas.labels if isinstance(personas.labels, pd.DataFrame) else personas.labels.wide()
    profile = personas.profile()
    if "forms" not in profile:
        return wide
    forming = set(profile.loc[profile["forms"].astype(bool), "label"])
    kept = [name for name in wide if name in forming or name.partition(MANY_SEPARATOR)[0] in forming]
    return wide[kept]


def encode_features(wide: pd.DataFrame) -> np.ndarray:
    """Return labels as numbers between 0 and 1, one label one weight.

    Parameters
    ----------
    wide : pd.DataFrame of shape (n_users, n_columns)
        As `Labels.wide` gives it.

    Returns
    -------
    numpy.ndarray of shape (n_users, n_features)
        Ordered labels by rank, others one column per value; unknown lies at the mean, so that it
        pulls a user nowhere.
    """
    blocks = [block for column in wide.columns for block in _encode(wide[column])]
    matrix = np.column_stack(blocks) if blocks else np.empty((len(wide), 0))
    return matrix[:, matrix.std(axis=0) > 1e-9] if len(matrix) else matrix


def _encode(cells: pd.Series) -> list[np.ndarray]:
    if isinstance(cells.dtype, pd.CategoricalDtype) and not cells.cat.ordered:
        common = cells.value_counts().index[:MAX_CATEGORIES]
        known = cells.notna().to_numpy()
        # Two users who differ in one plain label differ in two columns: halve the square.
        return [
            _centred(np.where(known, (cells == value).to_numpy(float), np.nan)) / np.sqrt(2)
            for value in common
        ]
    if isinstance(cells.dtype, pd.CategoricalDtype):
        codes = cells.cat.codes.to_numpy(float)
        return [_centred(np.where(codes < 0, np.nan, codes / max(len(cells.cat.categories) - 1, 1)))]
    if pd.api.types.is_bool_dtype(cells.dtype):
        return [_centred(cells.astype("boolean").to_numpy(dtype=float, na_value=np.nan))]
    if pd.api.types.is_numeric_dtype(cells.dtype):
        ranks = cells.rank(pct=True).to_numpy(dtype=float, na_value=np.nan)
        return [_centred(ranks)]
    return _encode(cells.astype("category")) if cells.notna().any() else []


def _centred(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    mean = values[known].mean() if known.any() else 0.0
    return np.where(known, values - mean, 0.0)


def _pca(matrix: np.ndarray, n: int) -> np.ndarray:
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    n_found = min(n, *matrix.shape)
    with threadpool_limits(1):
        found = PCA(n_found, svd_solver="full").fit_transform(matrix)
    return np.pad(found, ((0, 0), (0, n - n_found)))


def _umap(matrix: np.ndarray, random_state: int) -> np.ndarray:
    """Lay out by UMAP. The neighbours are ours: below 4,096 rows it takes all distances in Python."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of its own settings: one job, since a seed was given
        import umap

        n_neighbours = min(N_NEIGHBOURS, len(matrix) - 1)
        with threadpool_limits(1):
            distances, neighbours = NearestNeighbors(n_neighbors=n_neighbours).fit(matrix).kneighbors(matrix)
            start = _pca(matrix, 2)
            start = start / max(np.abs(start).max(), 1e-9) * 10
            layout = umap.UMAP(
                n_neighbors=n_neighbours,
                min_dist=0.3,
                init=start.astype(np.float32),
                precomputed_knn=(neighbours, distances.astype(np.float32), None),
                force_approximation_algorithm=True,
                random_state=random_state,
                n_jobs=1,
            )
            return np.asarray(layout.fit_transform(matrix), dtype=float)


def _draw_points(axes, points: pd.DataFrame) -> None:
    unsure = points["unsure"].to_numpy(bool)
    axes.scatter(points["x"][unsure], points["y"][unsure], s=13, color=UNSURE, alpha=0.6, lw=0)
    colours = persona_colours(sorted(points["persona_id"].unique()))
    shades = points["persona_id"].map(colours)
    axes.scatter(points["x"][~unsure], points["y"][~unsure], s=17, c=shades[~unsure], alpha=0.75, lw=0)
    axes.margins(0.06)


def _list_names(axes, points: pd.DataFrame) -> None:
    """Name each colour beside the map: names written on it would hide the very users they speak of."""
    names = points.drop_duplicates("persona_id").set_index("persona_id")["persona"].sort_index()
    colours = persona_colours(names.index)
    keys = [_key(colours[number], 9) for number in names.index]
    texts = [f"{number}  {wrap(elide(name, 60), 26, lines=3)}" for number, name in names.items()]
    if points["unsure"].any():
        keys.append(_key(UNSURE, 6))
        texts.append("unsure: between two, or little known")
    axes.legend(
        keys, texts, loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=9.5, handletextpad=0.3,
        labelspacing=0.9,
    )  # fmt: skip


def _key(colour: str, size: float):
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker="o", color=colour, markersize=size)


def _number_groups(axes, points: pd.DataFrame) -> None:
    """Write each persona's number where most of its own lie, and push apart those that would overlap."""
    sure = points[~points["unsure"].astype(bool)]
    if sure.empty:
        return
    spans = np.ptp(points[["x", "y"]].to_numpy(), axis=0)
    centres = find_centres(sure, spans)
    colours = persona_colours(centres.index)
    places = _spread_labels(centres[["x", "y"]].to_numpy(), spans)
    for (x, y), persona_id in zip(places, centres.index, strict=True):
        axes.text(
            x, y, str(persona_id), ha="center", va="center", fontsize=9.5, weight="bold", zorder=5,
            color=ink_on(colours[persona_id]),
            bbox={"boxstyle": "circle,pad=0.25", "fc": colours[persona_id], "ec": GROUND, "lw": 1.4},
        )  # fmt: skip


def find_centres(points: pd.DataFrame, spans: np.ndarray) -> pd.DataFrame:
    """Return for each persona the user who has most of its own around, and fewest others.

    The median of a group in two pieces lies between them, among other people.

    Parameters
    ----------
    points : pd.DataFrame
        x, y and persona_id.
    spans : ndarray of shape (2,)
        Width and height of the map; around is a tenth of them.

    Returns
    -------
    pd.DataFrame of shape (n_personas, 2)
        x and y, indexed by persona_id.

    Examples
    --------
    >>> points = pd.DataFrame({"x": [0.0, 0.1, 0.2, 9.0], "y": 0.0, "persona_id": 1})
    >>> find_centres(points, np.array([9.0, 1.0]))["x"].tolist()
    [0.0]
    """
    from sklearn.neighbors import NearestNeighbors

    scaled = points[["x", "y"]].to_numpy() / np.where(spans > 0, spans, 1)
    persona = points["persona_id"].to_numpy()
    around = NearestNeighbors(radius=0.1).fit(scaled).radius_neighbors(scaled, return_distance=False)
    own = np.array(
        [2 * (persona[near] == me).sum() - len(near) for near, me in zip(around, persona, strict=True)]
    )
    best = points.assign(own=own).sort_values("own", ascending=False, kind="stable")
    return best.groupby("persona_id")[["x", "y"]].first()


def _spread_labels(centres: np.ndarray, spans: np.ndarray, rounds: int = 200) -> np.ndarray:
    """Move numbers (about 0.04 by 0.05 of the picture) apart until none overlap."""
    box = np.array([0.04, 0.05]) * np.where(spans > 0, spans, 1)
    places = centres.astype(float).copy()
    for _ in range(rounds):
        moved = False
        for one in range(len(places)):
            for other in range(one):
                gap = places[one] - places[other]
                overlap = box - np.abs(gap)
                if (overlap > 1e-9).all():
                    axis = int(np.argmin(overlap / box))
                    push = np.zeros(2)
                    push[axis] = (overlap[axis] / 2 + 1e-6) * (1 if gap[axis] >= 0 else -1)
                    places[one] += push
                    places[other] -= push
                    moved = True
        if not moved:
            break
    return places
