"""Dense groups among prepared columns, and the users between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.cluster import HDBSCAN

from segtool.checks import check_in, check_number
from segtool.personas.clusterers.base import Facts, PointPersonas
from segtool.personas.clusterers.centres import Centres, repeat_rows, typical_spread
from segtool.personas.number.choose import count_personas

MIN_USERS = 5
RADIUS_SHARE = 0.95  # of a persona's dense users lie within its radius
SELECTION_METHODS = ("leaf", "eom")


class HDBSCANPersonas(PointPersonas):
    """Find personas with scikit-learn's `HDBSCAN`: dense groups, as many as there are.

    Columns become points as in `KMeansPersonas` and are projected on few leading principal axes, for
    in many dimensions nowhere is dense. It chooses the number of personas, and may find none. What
    it costs against `LatentClassPersonas`: all of `KMeansPersonas`, and most users may be noise, who
    lie between the dense groups. They are given to the nearest persona with a low membership, so
    that everybody has one; ``verdict_`` says how many they are. Of a table of few labels without numbers
    it makes a persona of every frequent combination of levels: take another method there.

    Parameters
    ----------
    min_share : float, default 0.02
        Smallest dense group, as a share of users (at least 5 users).
    min_samples : int, default 5
        Neighbours that make a user lie in a dense place; more leave more users as noise.
    cluster_selection_method : {"leaf", "eom"}, default "leaf"
        The smallest dense groups, or the most persistent ones, which were too large and too few on
        planted personas.
    n_axes : int, optional, default 3
        Principal axes to cluster in; None keeps every coordinate. With 8 axes it mostly found nothing
        where personas were planted.
    column_weights : dict or array-like of shape (n_features,), optional
        How much each column counts, 1 if not named; 0 leaves a column out.

    Attributes
    ----------
    n_personas_ : int
        Number of personas found; 1 if there is no dense group.
    labels_ : ndarray of shape (n_users,)
        Persona of each user, 0 for the largest; that of the nearest centre, noise or not.
    noise_share_ : float
        Share of users whom HDBSCAN left out of every group.
    verdict_ : str
        What was found, in words.
    centres_ : ndarray of shape (n_personas_, n_coordinates)
        Means of the dense groups.
    columns_, left_out_ : DataFrame
        Columns in use, and those not in use with the reason.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    There is no chance in it, hence no ``random_state``. A membership is that of `KMeansPersonas`, times
    a strength: 1 within the radius that holds 95 % of a group's dense users, falling with the squared
    distance beyond; what is lost is spread evenly over all personas. No user's own row is kept: groups
    are known by their means, so that a group of odd shape may lose users to its neighbours. scikit-learn's
    knows no weights: ``sample_weight`` is to be whole. Above 20,000 users groups come from an even sample
    of that many, and all users are assigned.

    References
    ----------
    Campello, Moulavi, Sander (2013), https://doi.org/10.1007/978-3-642-37456-2_14.

    Examples
    --------
    >>> import pandas as pd
    >>> users = pd.DataFrame({"visits": [*range(1, 31), *range(71, 91)], "vip": [False] * 30 + [True] * 20})
    >>> model = HDBSCANPersonas(min_share=0.2).fit(users)
    >>> model.n_personas_, model.predict(pd.DataFrame({"visits": [3, 80], "vip": [None, True]}))
    (2, array([0, 1]))
    """

    json_format = "segtool.hdbscan_personas"
    _MAX_USERS = 20_000
    _COUNTS_USERS = True
    _FACTS: ClassVar[Facts] = {"noise_share": 1.0}

    def __init__(
        self,
        *,
        min_share=0.02,
        min_samples=5,
        cluster_selection_method="leaf",
        n_axes=3,
        column_weights=None,
    ):
        self.min_share = min_share
        self.min_samples = min_samples
        self.cluster_selection_method = cluster_selection_method
        self.n_axes = n_axes
        self.column_weights = column_weights

    def _check_parameters(self) -> None:
        check_number("min_share", self.min_share, low=0, high=0.5, low_open=True)
        check_number("min_samples", self.min_samples, low=1, integer=True)
        check_in("cluster_selection_method", self.cluster_selection_method, SELECTION_METHODS)
        self._check_axes()

    def _draw_seed(self) -> int:
        return 0

    def _cluster(self, points, weights, n_personas, seed):
        users = points[repeat_rows(weights, self._MAX_USERS)]
        least = self._least(len(users))
        if len(users) < 2 * least:
            return self._one_group(points.shape[1]), self._FACTS
        group = HDBSCAN(
            min_cluster_size=least,
            min_samples=min(self.min_samples, len(users)),
            cluster_selection_method=self.cluster_selection_method,
            copy=True,
        ).fit_predict(users)
        shape = self._describe(users, group) if group.max() >= 0 else self._one_group(points.shape[1])
        return shape, {"noise_share": float(np.mean(group < 0))}

    def _describe(self, users: np.ndarray, group: np.ndarray) -> Centres:
        n = int(group.max()) + 1
        dense, group = users[group >= 0], group[group >= 0]
        centres = np.stack([dense[group == i].mean(axis=0) for i in range(n)])
        away = np.sqrt(((dense - centres[group]) ** 2).sum(axis=1))
        radius = np.array([np.quantile(away[group == i], RADIUS_SHARE) for i in range(n)])
        spread = typical_spread(dense, np.ones(len(dense)), centres[group])
        return Centres(centres, spread, np.maximum(radius, 1e-6))

    def _least(self, n_users: int) -> int:
        return max(MIN_USERS, int(np.ceil(self.min_share * n_users)))

    def _one_group(self, n_coordinates: int) -> Centres:
        return Centres.one_group(n_coordinates, fading=True)

    def _verdict(self, asked: int | None, smallest: float) -> str:
        if not self._plans:
            return super()._verdict(asked, smallest)
        if self.n_personas_ == 1:
            least = self._least(int(min(self._n_users, self._MAX_USERS)))
            return f"No structure: there are no two dense groups of at least {least} users."
        return (
            f"{count_personas(self.n_personas_)}; smallest {smallest:.1%} of users. {self.noise_share_:.1%} of "
            "users lie in no dense group: each is given to the nearest persona, with a low membership."
        )

    @classmethod
    def _read_shape(cls, data: Mapping[str, Any], n_coordinates: int, parameters: Mapping) -> Centres:
        return Centres.from_dict(data, n_coordinates, fading=True)
