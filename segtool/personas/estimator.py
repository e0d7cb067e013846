"""What every estimator of personas shares: reading tables of any columns, preparing them, manners."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from segtool.errors import InputError, ParameterError
from segtool.personas.table.columns import (
    RawColumn,
    add_confidence,
    canonical_rows,
    read_array,
    read_frame,
    select_columns,
)
from segtool.personas.table.design import Layout, Rows, build_design
from segtool.personas.table.prepare import Prepared, learn_plan, prepare

PREDICT_ROWS = 20_000


def order_by_size(size: np.ndarray, centres: np.ndarray) -> list[int]:
    """Return the personas that have members, largest first.

    Equally large ones are ordered by their centres, column by column, so that a number means the same
    persona whichever start found it. What differs by less than two starts do counts as equal.

    Parameters
    ----------
    size : ndarray of shape (n_personas,)
        Summed weights of the members.
    centres : ndarray of shape (n_personas, n_coordinates)

    Examples
    --------
    >>> order_by_size(np.array([20.0, 30.0, 0.0, 20.0]), np.array([[1.0], [0.0], [0.0], [-1.0]]))
    [1, 3, 0]
    """
    keys = [*np.round(centres, 4).T[::-1], -np.round(size / size.sum(), 9)]  # the last goes first
    return [int(i) for i in np.lexsort(keys) if size[i] > 0]


class PersonaEstimator(ClusterMixin, TransformerMixin, BaseEstimator):
    """Base of the estimators that find personas in a table of mixed columns.

    A subclass stores its parameters, says in ``_check_parameters`` what it accepts of them, fits in
    ``_fit_rows`` and gives memberships in ``_memberships``; the rest is here, so that columns are
    read, left out and prepared in one way whatever the method.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    # --- fitting ---------------------------------------------------------------------------

    def fit(self, X, y=None, sample_weight=None, confidence=None):
        """Find the personas.

        Parameters
        ----------
        X : DataFrame of mixed columns, or array-like of numbers, of shape (n_users, n_features)
            NaN, None and NA mean "not known".
        y : ignored
        sample_weight : array-like of shape (n_users,), optional
            How many users each row stands for. Scale survey weights to add up to the number of
            people asked, or the fit believes it has seen a whole population.
        confidence : DataFrame or array-like of shape (n_users, n_features), optional
            How surely each cell is right, 0 to 1, NaN where nobody said. A cell counts by its ratio
            to the average of its column.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter is out of range, or there are fewer users than personas.
        InputError
            If the data cannot be read: infinite numbers, no rows.
        """
        self._check_parameters()
        raw = add_confidence(self._read(X, reset=True), confidence)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weights.sum() > 0:
            raise InputError("All sample weights are zero.", "at least one user of positive weight.")
        asked = getattr(self, "n_personas", None)
        if asked is not None and asked > len(weights):
            raise ParameterError(f"n_personas is {asked}, but there are only n_samples={len(weights)} users.")
        with threadpool_limits(1):
            rows, everybody = self._plan(raw, weights)
            self._fit_rows(rows, everybody, weights)
        return self

    def _plan(self, raw: list[RawColumn], weights: np.ndarray) -> tuple[Rows, Prepared]:
        """Decide how columns are prepared; return the distinct users in canonical order, and everybody."""
        used, self.left_out_ = select_columns(raw, weights, self.column_weights)
        if all(isinstance(column.name, str) for column in raw):  # the order of columns is chance, too
            used = sorted(used, key=lambda pair: raw[pair[0]].name)
        kept, count = canonical_rows([raw[i] for i, _ in used], weights)
        self._plans = tuple(
            replace(learn_plan(raw[i].take(kept), count, weight), position=i) for i, weight in used
        )
        self._layout = Layout.from_plans(self._plans)
        everybody = prepare([raw[i] for i, _ in used], self._plans, len(weights))
        return Rows(everybody.take(kept), self._layout, count), everybody

    def _plan_again(self, X, sample_weight, confidence) -> Rows:
        """Give the distinct users of a table, in canonical order, prepared as in fit."""
        check_is_fitted(self)
        raw = add_confidence(self._read(X, reset=False), confidence)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        used = [raw[plan.position] for plan in self._plans]
        kept, count = canonical_rows(used, weights)
        prepared = prepare([column.take(kept) for column in used], self._plans, len(kept))
        return Rows(prepared, self._layout, count)

    def _draw_seed(self) -> int:
        if isinstance(self.random_state, numbers.Integral):
            return abs(int(self.random_state))
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _read(self, X, *, reset: bool) -> list[RawColumn]:
        if not isinstance(X, pd.DataFrame):
            X = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
            names = getattr(self, "feature_names_in_", range(X.shape[1]))
            return read_array(X, [str(name) if isinstance(name, str) else int(name) for name in names])
        validate_data(self, X, reset=reset, skip_check_array=True)
        if 0 in X.shape:
            what = "sample" if len(X) == 0 else "feature"
            raise InputError(
                f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        return read_frame(X)

    # --- using -----------------------------------------------------------------------------

    def predict_proba(self, X, confidence=None) -> np.ndarray:
        """Give the probability of each persona, from whatever is known of each user.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_users, n_features)
            Same columns as in fit. Levels never met count as missing.
        confidence : DataFrame or array-like of shape (n_users, n_features), optional
            As in fit.

        Returns
        -------
        ndarray of shape (n_users, n_personas_)
            Rows add up to 1. A user of whom nothing is known gets the shares of the personas.
        """
        return self._memberships(self._prepare(X, confidence))

    def predict(self, X) -> np.ndarray:
        """Give the likeliest persona of each user, 0 for the largest persona.

        Returns
        -------
        ndarray of shape (n_users,), int64
        """
        return self.predict_proba(X).argmax(axis=1)

    def transform(self, X) -> np.ndarray:
        """Give memberships as features: the same as :meth:`predict_proba`."""
        return self.predict_proba(X)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Name the columns of :meth:`transform`: persona_1, persona_2, ..."""
        check_is_fitted(self)
        return np.array([f"persona_{i + 1}" for i in range(self.n_personas_)], dtype=object)

    def _prepare(self, X, confidence=None) -> Prepared:
        check_is_fitted(self)
        raw = add_confidence(self._read(X, reset=False), confidence)
        return prepare(
            [raw[plan.position] for plan in self._plans],
            self._plans,
            len(X) if not raw else len(raw[0].values),
        )

    def _designs(self, prepared: Prepared) -> Iterator[np.ndarray]:
        for start in range(0, len(prepared), PREDICT_ROWS):
            yield build_design(prepared.take(slice(start, start + PREDICT_ROWS)), self._layout)

    @property
    def columns_(self) -> pd.DataFrame:
        """Columns in use: column, kind, weight, and whether personas differ in it."""
        check_is_fitted(self)
        table = [(plan.name, plan.kind, plan.weight) for plan in self._plans]
        found = pd.DataFrame(table, columns=["column", "kind", "weight"]).assign(relevant=self._differs())
        return found.iloc[np.argsort([plan.position for plan in self._plans])].reset_index(drop=True)
