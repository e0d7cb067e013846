"""What the clusterers on points share: place users, cluster them, order personas, say what was found."""

from __future__ import annotations

import numbers
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from segtool.checks import check_number
from segtool.errors import InputError, ParameterError
from segtool.personas.clusterers.centres import Centres
from segtool.personas.estimator import PersonaEstimator, order_by_size
from segtool.personas.json_parts import (
    JsonModel,
    bad_file,
    need,
    open_model,
    plain_parameter,
    read_features,
    read_left_out,
    read_number,
    read_plans,
    write_left_out,
    write_plans,
)
from segtool.personas.number.choose import count_personas
from segtool.personas.number.stability import STABILITY_SEED, best_jaccard, split_halves, users_table
from segtool.personas.table.coordinates import Coordinates, learn_coordinates
from segtool.personas.table.design import Layout, Rows
from segtool.personas.table.prepare import Prepared

VERSION = 1
KEYS = {"format", "version", "parameters", "features", "columns", "left_out", "verdict"}
KEYS |= {"coordinates", "personas", "fit"}
MAX_STABILITY_ROWS = 5_000


Facts = dict[str, int | float]


class Shape(Protocol):
    """Where personas lie among the points: everything a membership depends on."""

    centres: np.ndarray

    def memberships(self, points: np.ndarray) -> np.ndarray:
        """Give the membership of each point in each persona, rows adding up to 1."""

    def keep(self, personas: list[int]) -> Shape:
        """Give some of the personas, in the order given."""

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, for JSON."""


class PointPersonas(JsonModel, PersonaEstimator):
    """Base of the estimators that cluster users as points.

    A subclass clusters in ``_cluster`` and reads what it found from JSON in ``_read_shape``.
    """

    json_format: ClassVar[str]
    _MAX_USERS: ClassVar[int] = 200_000  # more are clustered by a sample, and all are assigned
    _FACTS: ClassVar[Facts] = {}  # what a fit tells besides, as it is where nobody differs
    _AXES: ClassVar[str] = "a whole number from 1, or None for every coordinate."
    _COUNTS_USERS: ClassVar[bool] = False  # scikit-learn's knows no weights: users are repeated

    choice_ = structure_ = None  # the number was given, or the method finds it: no curve, no test before it
    stability_ = None  # see measure_stability

    @abstractmethod
    def _cluster(
        self, points: np.ndarray, weights: np.ndarray, n_personas: int | None, seed: int
    ) -> tuple[Shape, Facts]:
        """Cluster distinct points."""

    @classmethod
    @abstractmethod
    def _read_shape(cls, data: Mapping[str, Any], n_coordinates: int, parameters: Mapping) -> Shape:
        """Check and read what ``Shape.to_dict`` wrote."""

    @abstractmethod
    def _one_group(self, n_coordinates: int) -> Shape:
        """Give the one persona of users who do not differ."""

    def _check_parameters(self) -> None:
        check_number("n_personas", self.n_personas, low=1, integer=True)
        self._check_axes()

    def _check_axes(self) -> None:
        n_axes = self._wanted_axes()
        whole = isinstance(n_axes, numbers.Integral) and not isinstance(n_axes, bool)
        if n_axes is not None and not (whole and n_axes >= 1):
            raise ParameterError(f"n_axes is {self.n_axes!r}.", self._AXES)

    def _wanted_axes(self) -> int | None:
        return self.n_axes

    # --- fitting ---------------------------------------------------------------------------

    def _fit_rows(self, rows: Rows, everybody: Prepared, weights: np.ndarray) -> None:
        if self._COUNTS_USERS and np.any(weights != np.floor(weights)):
            raise InputError(
                f"{type(self).__name__} counts users, and some sample weights are not whole.",
                "whole numbers: how many users a row stands for.",
                "Use LatentClassPersonas or KMeansPersonas, which take weights of any size.",
            )
        self._coordinates = learn_coordinates(rows, self._wanted_axes())
        asked = getattr(self, "n_personas", None)
        sample = rows.sample(self._MAX_USERS)
        points = self._coordinates.place_rows(sample)
        shape, facts = self._find_shape(points, sample.weights, asked, self._draw_seed())
        member = self._memberships(everybody, shape)
        size = np.bincount(member.argmax(axis=1), weights=weights, minlength=len(shape.centres))
        order = order_by_size(size, shape.centres)
        self._shape = shape.keep(order)
        self._set_facts(facts)
        self.labels_ = member[:, order].argmax(axis=1)
        self.n_personas_, self._n_users = len(order), rows.total
        self.verdict_ = self._verdict(asked, float(size[order].min() / size.sum()))

    def _find_shape(
        self, points: np.ndarray, weights: np.ndarray, asked: int | None, seed: int
    ) -> tuple[Shape, Facts]:
        if points.shape[1] == 0 or len(points) < 2:
            return self._one_group(points.shape[1]), self._FACTS
        # points are NumPy's own, whatever X was; fewer personas than asked are said by us
        with warnings.catch_warnings(), config_context(array_api_dispatch=False):
            warnings.simplefilter("ignore", ConvergenceWarning)
            n_personas = None if asked is None else min(asked, len(points))
            return self._cluster(points, weights, n_personas, seed % 2**32)

    def _verdict(self, asked: int | None, smallest: float) -> str:
        if not self._plans:
            return "No structure: no column is left that could form personas."
        n = self.n_personas_
        if asked is not None and n < asked:
            warnings.warn(
                f"Only {n} of {asked} personas have members: users differ too little.",
                ConvergenceWarning,
                stacklevel=4,
            )
            found = f"although {asked} were asked: users differ too little for more"
        else:
            found = "as asked"
        return f"{count_personas(n)}, {found}; smallest {smallest:.1%} of users."

    # --- using -----------------------------------------------------------------------------

    @property
    def centres_(self) -> np.ndarray:
        """Centres of the personas, shape (n_personas_, n_coordinates)."""
        return self._shape.centres

    def measure_stability(self, X, sample_weight=None, *, confidence=None, n_pairs=3) -> np.ndarray:
        """Find each persona again in halves of these users.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_users, n_features)
            The users of the fit.
        sample_weight : array-like of shape (n_users,), optional
        confidence : DataFrame or array-like of shape (n_users, n_features), optional
            As in fit.
        n_pairs : int, default 3
            Pairs of disjoint halves.

        Returns
        -------
        ndarray of shape (n_personas_,)
            Mean Jaccard overlap with the best match: above 0.75 a persona is valid, below 0.6 it
            should not be relied on (Hennig 2007).
        """
        check_number("n_pairs", n_pairs, low=1, integer=True)
        rows = self._plan_again(X, sample_weight, confidence).sample(MAX_STABILITY_ROWS)
        seed = self._draw_seed()
        with threadpool_limits(1):
            points = self._coordinates.place_rows(rows)
            best, found = self._shape.memberships(points).argmax(axis=1), []
            for pair in range(n_pairs):
                rng = np.random.default_rng((seed, STABILITY_SEED, pair))
                for weights in split_halves(rows.weights, rng):
                    there = np.flatnonzero(weights > 0)
                    half, _ = self._find_shape(points[there], weights[there], self.n_personas_, seed)
                    other = half.memberships(points).argmax(axis=1)
                    shape = (self.n_personas_, len(half.centres))
                    found.append(best_jaccard(users_table(best, other, rows.weights, shape)))
        return np.mean(found, axis=0)

    def _memberships(self, prepared: Prepared, shape: Shape | None = None) -> np.ndarray:
        shape = self._shape if shape is None else shape
        with threadpool_limits(1):
            place = self._coordinates.place
            return np.concatenate([shape.memberships(place(part)) for part in self._designs(prepared)])

    def _points(self, X) -> np.ndarray:
        check_is_fitted(self)
        prepared = self._prepare(X)
        with threadpool_limits(1):
            return np.concatenate([self._coordinates.place(part) for part in self._designs(prepared)])

    def _set_facts(self, facts: Facts) -> None:
        for name, usual in self._FACTS.items():
            setattr(self, f"{name}_", type(usual)(facts[name]))

    def _facts(self) -> Facts:
        return {name: getattr(self, f"{name}_") for name in self._FACTS}

    def _differs(self) -> np.ndarray:
        return np.ones(len(self._plans), dtype=bool)  # every column counts, whether or not it helps

    # --- JSON ------------------------------------------------------------------------------

    def _write_json(self) -> dict[str, Any]:
        return {
            "format": self.json_format,
            "version": VERSION,
            "parameters": {
                name: plain_parameter(value) for name, value in self.get_params(deep=False).items()
            },
            "features": {"n": int(self.n_features_in_), "names": self._feature_names()},
            "columns": write_plans(self._plans),
            "left_out": write_left_out(self.left_out_),
            "verdict": self.verdict_,
            "coordinates": self._coordinates.to_dict(),
            "personas": self._shape.to_dict(),
            "fit": {"n_users": float(self._n_users), **self._facts()},
        }

    @classmethod
    def _read_json(cls, data: Mapping[str, Any] | str) -> Self:
        data = open_model(data, cls.json_format, VERSION, KEYS)
        try:
            return cls._rebuild(data)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
            if isinstance(error, InputError):
                raise
            raise bad_file(f"a part of it has the wrong shape or type ({type(error).__name__})") from error

    @classmethod
    def _rebuild(cls, data: Mapping[str, Any]) -> Self:
        model = cls._with_parameters(data["parameters"])
        n_features, names = read_features(data["features"])
        model._set_features(n_features, names)
        model._plans = read_plans(data["columns"], n_features)
        model._layout = Layout.from_plans(model._plans)
        model.left_out_ = read_left_out(data["left_out"])
        need(isinstance(data["verdict"], str), "verdict is not text")
        model.verdict_ = data["verdict"]
        model._coordinates = Coordinates.from_dict(data["coordinates"], model._layout)
        model._shape = cls._read_shape(
            data["personas"], model._coordinates.n_coordinates, model.get_params(deep=False)
        )
        model.n_personas_ = len(model._shape.centres)
        fit = dict(data["fit"])
        need(set(fit) == {"n_users", *cls._FACTS}, "fit has other keys than it should")
        model._n_users = read_number(fit.pop("n_users"), "n_users")
        model._set_facts({name: read_number(value, name) for name, value in fit.items()})
        return model


class CentredPersonas(PointPersonas):
    """Base of those that give users to the nearest centre, of which there are as many as asked."""

    def score(self, X, y=None) -> float:
        """Give minus the mean squared distance to the nearest centre; higher is better.

        For comparing settings of one number of personas: more of them always lie nearer.
        """
        return -float(self._shape.distances(self._points(X)).min(axis=1).mean())

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("n_init", self.n_init, low=1, integer=True)

    def _one_group(self, n_coordinates: int) -> Centres:
        return Centres.one_group(n_coordinates)

    @classmethod
    def _read_shape(cls, data: Mapping[str, Any], n_coordinates: int, parameters: Mapping) -> Centres:
        return Centres.from_dict(data, n_coordinates)
