"""The peers of segtool's personas behind one signature: ``PEERS[name](users, n_personas, seed)``.

Every peer stands here twice. "raw" gets the table as its documentation would have it: numbers
z-scored, everything else as levels, missing cells filled with the mean or the most frequent level
wherever the package refuses them. "prepared" gets the table as segtool prepares it (log, hurdle,
winsorised, missing cells marked), so that a better preparation is not taken for a better method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

STEPMIX_ITERATIONS = 200  # its default of 1,000 costs more and was not seen to change a figure
AXES = 10  # of a factor analysis, as many as segtool's own starts look at


@dataclass(frozen=True)
class Mixed:
    """A table as numbers and levels.

    Parameters
    ----------
    numbers : ndarray of shape (n_users, n_numbers)
        Standardised, NaN where missing.
    codes : ndarray of shape (n_users, n_level_columns)
        Level of each column, -1 where missing.
    """

    numbers: np.ndarray
    codes: np.ndarray


@dataclass(frozen=True)
class Peer:
    """A view of the table and a clustering of that view, apart so that each can be timed.

    Parameters
    ----------
    view : callable of a DataFrame
    fit : callable of the view, the number of personas and a seed
        Returns labels of shape (n_users,).
    """

    view: Callable[[pd.DataFrame], Any]
    fit: Callable[[Any, int, int], np.ndarray]

    def __call__(self, users: pd.DataFrame, n_personas: int, seed: int) -> np.ndarray:
        with threadpool_limits(1):
            return np.asarray(self.fit(self.view(users), n_personas, seed), dtype=np.int64)


# --- views ----------------------------------------------------------------------------------------


def raw(users: pd.DataFrame) -> Mixed:
    """Z-score what is numeric by its type, take the rest as levels; constants tell nothing."""
    numbers, codes = [], []
    for name in users:
        cells = users[name]
        types = pd.api.types
        if cells.nunique(dropna=True) < 2:
            continue
        if types.is_numeric_dtype(cells.dtype) and not types.is_bool_dtype(cells.dtype):
            values = cells.to_numpy(dtype=float, na_value=np.nan)
            numbers.append((values - np.nanmean(values)) / np.nanstd(values))
        else:
            codes.append(pd.factorize(cells, sort=True)[0])
    shape = (len(users), 0)
    return Mixed(
        np.column_stack(numbers) if numbers else np.empty(shape),
        np.column_stack(codes) if codes else np.empty(shape, dtype=np.int64),
    )


def prepared(users: pd.DataFrame) -> Mixed:
    """Prepare the table as segtool's estimators do."""
    ours, _ = _prepare(users)
    return Mixed(ours.numbers, ours.codes)


def prepared_blocks(users: pd.DataFrame) -> np.ndarray:
    """Prepare, then scale so that each column and not each level counts once."""
    from segtool.personas.latent.starts import block_coordinates
    from segtool.personas.table.design import Rows

    ours, layout = _prepare(users)
    return block_coordinates(Rows(ours, layout, np.ones(len(users))))


def _prepare(users: pd.DataFrame):
    from segtool.personas.table.columns import read_frame, select_columns
    from segtool.personas.table.design import Layout
    from segtool.personas.table.prepare import learn_plan, prepare

    columns, weights = read_frame(users), np.ones(len(users))
    columns = [columns[i] for i, _ in select_columns(columns, weights)[0]]
    plans = [learn_plan(column, weights) for column in columns]
    return prepare(columns, plans, len(users)), Layout.from_plans(plans)


def fill(table: Mixed) -> Mixed:
    """Put the mean, or the most frequent level, where nothing is known."""
    codes = table.codes.copy()
    for column in codes.T:
        known = column[column >= 0]
        column[column < 0] = np.bincount(known).argmax() if len(known) else 0
    return Mixed(_fill_numbers(table.numbers), codes)


def one_hot(table: Mixed) -> np.ndarray:
    """Numbers beside indicators of levels; a missing cell lies at the mean, or at none of the levels."""
    columns = [_fill_numbers(table.numbers)]
    columns += [column[:, None] == np.arange(column.max(initial=-1) + 1) for column in table.codes.T]
    return np.ascontiguousarray(np.hstack(columns), dtype=np.float64)


def raw_filled(users: pd.DataFrame) -> Mixed:
    """The raw view for packages that refuse missing cells."""
    return fill(raw(users))


def raw_matrix(users: pd.DataFrame) -> np.ndarray:
    """Imputed, z-scored and one-hot, the textbook matrix."""
    return one_hot(raw_filled(users))


def prepared_matrix(users: pd.DataFrame) -> np.ndarray:
    """Our preparation as one matrix."""
    return one_hot(prepared(users))


def _fill_numbers(numbers: np.ndarray) -> np.ndarray:
    known = ~np.isnan(numbers)
    mean = np.where(known, numbers, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, numbers, mean)


# --- methods --------------------------------------------------------------------------------------


def fit_stepmix(n_init: int) -> Callable[[Mixed, int, int], np.ndarray]:
    """StepMix, the open latent class package; it marginalises missing cells out as segtool does."""

    def fit(table: Mixed, n_personas: int, seed: int) -> np.ndarray:
        from stepmix.stepmix import StepMix

        codes = np.where(table.codes >= 0, table.codes, np.nan)
        frame = pd.DataFrame(np.hstack([table.numbers, codes]))
        frame.columns = [f"c{i}" for i in range(frame.shape[1])]
        n_numbers, n_levels = table.numbers.shape[1], codes.shape[1]
        measurement = {}
        if n_numbers:
            measurement["numbers"] = {"model": "gaussian_diag_nan", "n_columns": n_numbers}
        if n_levels:
            measurement["levels"] = {"model": "categorical_nan", "n_columns": n_levels}
        model = StepMix(
            n_personas,
            measurement=measurement,
            n_init=n_init,
            max_iter=STEPMIX_ITERATIONS,
            random_state=seed,
            progress_bar=0,
        )
        return model.fit(frame).predict(frame)

    return fit


def fit_kprototypes(table: Mixed, n_personas: int, seed: int, n_init: int = 3) -> np.ndarray:
    """KPrototypes, and KModes where there are no numbers; a missing cell is a level of its own."""
    from kmodes.kmodes import KModes
    from kmodes.kprototypes import KPrototypes

    n_numbers = table.numbers.shape[1]
    options = {"init": "Huang", "n_init": n_init, "random_state": seed}
    if not n_numbers:
        return KModes(n_personas, **options).fit_predict(table.codes)
    if not table.codes.shape[1]:
        return fit_kmeans(one_hot(table), n_personas, seed)
    both = np.hstack([_fill_numbers(table.numbers), table.codes]).astype(object)
    levels = list(range(n_numbers, both.shape[1]))
    return KPrototypes(n_personas, **options).fit_predict(both, categorical=levels)


def fit_famd(table: Mixed, n_personas: int, seed: int) -> np.ndarray:
    """KMeans on the axes of prince's FAMD, or of its MCA or PCA where all columns are of one kind."""
    import prince

    table = fill(table)
    numbers = pd.DataFrame(table.numbers).add_prefix("number_")
    levels = pd.DataFrame(table.codes).add_prefix("level_").astype(str)
    frame = pd.concat([numbers, levels], axis=1)
    kind = prince.PCA if levels.empty else prince.MCA if numbers.empty else prince.FAMD
    axes = kind(n_components=min(AXES, frame.shape[1] - 1), random_state=seed).fit(frame)
    return fit_kmeans(axes.row_coordinates(frame).to_numpy(dtype=float), n_personas, seed)


def fit_kmeans(matrix: np.ndarray, n_personas: int, seed: int) -> np.ndarray:
    """scikit-learn's KMeans, best of ten starts."""
    from sklearn.cluster import KMeans

    return KMeans(n_personas, n_init=10, random_state=seed).fit_predict(matrix)


def fit_gaussians(matrix: np.ndarray, n_personas: int, seed: int) -> np.ndarray:
    """scikit-learn's GaussianMixture with full covariances, as it comes, best of five starts."""
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(n_personas, n_init=5, random_state=seed).fit_predict(matrix)


PEERS: dict[str, Peer] = {
    "StepMix 5, raw": Peer(raw, fit_stepmix(5)),
    "StepMix 5, prepared": Peer(prepared, fit_stepmix(5)),
    "StepMix 10, raw": Peer(raw, fit_stepmix(10)),
    "StepMix 10, prepared": Peer(prepared, fit_stepmix(10)),
    "KPrototypes, raw": Peer(raw_filled, fit_kprototypes),
    "KPrototypes, prepared": Peer(prepared, fit_kprototypes),
    "FAMD + KMeans, raw": Peer(raw_filled, fit_famd),
    "FAMD + KMeans, prepared": Peer(prepared, fit_famd),
    "KMeans, raw": Peer(raw_matrix, fit_kmeans),
    "KMeans, prepared": Peer(prepared_matrix, fit_kmeans),
    "KMeans, prepared blocks": Peer(prepared_blocks, fit_kmeans),
    "GaussianMixture, raw": Peer(raw_matrix, fit_gaussians),
    "GaussianMixture, prepared": Peer(prepared_matrix, fit_gaussians),
}
