"""A mixture of normal distributions on prepared columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.mixture import GaussianMixture

from segtool.checks import check_in, check_number
from segtool.personas.clusterers.base import Facts, PointPersonas
from segtool.personas.clusterers.centres import repeat_rows
from segtool.personas.clusterers.gaussians import COVARIANCE_TYPES, Gaussians


class GaussianMixturePersonas(PointPersonas):
    """Find personas with scikit-learn's `GaussianMixture`, on columns of any kind.

    Columns become points as in `KMeansPersonas` and are projected on their leading principal axes,
    where yes and no have become something like numbers. Personas may be long or wide instead of
    round. What it costs against `LatentClassPersonas`: a missing cell is put in the middle; columns
    that tell nothing apart count as much as the others; and what is no leading axis is lost.

    Parameters
    ----------
    n_personas : int, default 5
        Number of personas.
    random_state : int, RandomState or None, default 0
        Seed. Same seed and users, same personas, in any process and whatever the order of users.
    n_init : int, default 5
        Starts.
    max_iter : int, default 100
        Iterations of a start.
    tol : float, default 1e-3
        Gain in mean log-likelihood below which a start has settled.
    covariance_type : {"full", "tied", "diag", "spherical"}, default "full"
        Whether personas are wide along any line, all alike, each along the axes, or round.
    reg_covar : float, default 0.1
        Added to variances. On an axis that is one label a persona of no width wins the likelihood and
        is worthless; scikit-learn's 1e-6 is made for measurements.
    n_axes : int or None, default "auto"
        Principal axes to cluster in. "auto" takes one less than personas, for that many hold all their
        centres (at least 2); more axes let a label that has nothing to do with them split everybody.
        None keeps every coordinate.
    column_weights : dict or array-like of shape (n_features,), optional
        How much each column counts, 1 if not named; 0 leaves a column out.

    Attributes
    ----------
    n_personas_, labels_, verdict_, centres_, n_iter_, columns_, left_out_, n_features_in_, feature_names_in_
        As in `KMeansPersonas`.

    Notes
    -----
    Memberships are the mixture's own posteriors. scikit-learn's knows no weights: ``sample_weight`` is
    to be whole, and a user of weight 3 is three users. Above 200,000 users the mixture is fitted on
    an even sample of that many, and all users are assigned.

    Examples
    --------
    >>> import pandas as pd
    >>> users = pd.DataFrame({"visits": [*range(1, 31), *range(71, 91)], "vip": [False] * 30 + [True] * 20})
    >>> model = GaussianMixturePersonas(n_personas=2).fit(users)
    >>> model.predict(pd.DataFrame({"visits": [3, 80], "vip": [None, True]}))
    array([0, 1])
    >>> GaussianMixturePersonas(covariance_type="round").fit(users)
    Traceback (most recent call last):
    segtool.errors.ParameterError: covariance_type is 'round'. Accepted: there are: diag, full, ...
    """

    json_format = "segtool.gaussian_mixture_personas"
    _AXES = '"auto", a whole number from 1, or None for every coordinate.'
    _COUNTS_USERS = True
    _FACTS: ClassVar[Facts] = {"n_iter": 1}

    def __init__(
        self,
        n_personas=5,
        *,
        random_state=0,
        n_init=5,
        max_iter=100,
        tol=1e-3,
        covariance_type="full",
        reg_covar=0.1,
        n_axes="auto",
        column_weights=None,
    ):
        self.n_personas = n_personas
        self.random_state = random_state
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.covariance_type = covariance_type
        self.reg_covar = reg_covar
        self.n_axes = n_axes
        self.column_weights = column_weights

    def score_samples(self, X) -> np.ndarray:
        """Give the log-likelihood of each user's point, shape (n_users,)."""
        return self._shape.log_likelihood(self._points(X))

    def score(self, X, y=None) -> float:
        """Give the mean log-likelihood per user; higher is better."""
        return float(self.score_samples(X).mean())

    def _wanted_axes(self) -> int | None:
        return max(2, self.n_personas - 1) if self.n_axes == "auto" else self.n_axes

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("n_init", self.n_init, low=1, integer=True)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("reg_covar", self.reg_covar, low=0, low_open=True)
        check_in("covariance_type", self.covariance_type, COVARIANCE_TYPES)

    def _cluster(self, points, weights, n_personas, seed):
        users = points[repeat_rows(weights, self._MAX_USERS)]
        found = GaussianMixture(
            n_personas,
            covariance_type=self.covariance_type,
            random_state=seed,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            reg_covar=self.reg_covar,
        ).fit(users)
        shape = Gaussians(self.covariance_type, found.weights_, found.means_, found.covariances_)
        return shape, {"n_iter": found.n_iter_}

    def _one_group(self, n_coordinates: int) -> Gaussians:
        return Gaussians.one_group(self.covariance_type, n_coordinates)

    @classmethod
    def _read_shape(cls, data: Mapping[str, Any], n_coordinates: int, parameters: Mapping) -> Gaussians:
        return Gaussians.from_dict(data, parameters["covariance_type"], n_coordinates)
