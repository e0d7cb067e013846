"""k-means on prepared columns."""

from __future__ import annotations

from typing import ClassVar

from sklearn.cluster import KMeans

from segtool.checks import check_number
from segtool.personas.clusterers.base import CentredPersonas, Facts
from segtool.personas.clusterers.centres import Centres, typical_spread


class KMeansPersonas(CentredPersonas):
    """Find personas with scikit-learn's `KMeans`, on columns of any kind.

    Columns are prepared as for `LatentClassPersonas` (amounts log-scaled, outliers cut, levels split
    up), and each has the same spread, so that no unit and no number of levels decides. What it costs
    against the mixture: a missing cell is put in the middle, so that users of whom little is known
    flock to the persona nearest to it; columns that tell nothing apart count as much as the others;
    personas are taken to be round and equally wide. The number of personas is given, never chosen.

    Parameters
    ----------
    n_personas : int, default 5
        Number of personas.
    random_state : int, RandomState or None, default 0
        Seed. Same seed and users, same personas, in any process and whatever the order of users.
    n_init : int, default 10
        Starts.
    max_iter : int, default 300
        Iterations of a start.
    tol : float, default 1e-4
        Movement of centres below which a start has settled.
    n_axes : int, optional
        Principal axes to cluster in; every coordinate if not given, which was better on planted
        personas.
    column_weights : dict or array-like of shape (n_features,), optional
        How much each column counts, 1 if not named; 0 leaves a column out.

    Attributes
    ----------
    n_personas_ : int
        Number of personas found: less than asked if users differ too little.
    labels_ : ndarray of shape (n_users,)
        Persona of each user, 0 for the largest.
    verdict_ : str
        What was found, in words.
    centres_ : ndarray of shape (n_personas_, n_coordinates)
        Centres of the personas.
    n_iter_ : int
        Iterations of the start that won.
    columns_, left_out_ : DataFrame
        Columns in use, and those not in use with the reason.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    A membership is the softmax of ``-d² / (2 s)``, d being the distance to a centre and s the variance
    about the centres along a typical direction: what round, equally frequent normal groups would say.
    On planted personas it is a little too sure. Above 200,000 users the centres come from an even
    sample of that many, and all users are assigned.

    Examples
    --------
    >>> import pandas as pd
    >>> users = pd.DataFrame({"visits": [*range(1, 31), *range(71, 91)], "city": ["Wuhan"] * 30 + ["Xi'an"] * 20})
    >>> model = KMeansPersonas(n_personas=2).fit(users)
    >>> model.predict(pd.DataFrame({"visits": [3, 80], "city": [None, "Xi'an"]}))
    array([0, 1])
    >>> KMeansPersonas(n_personas=2, n_init=0).fit(users)
    Traceback (most recent call last):
    segtool.errors.ParameterError: n_init is 0. Accepted: a whole number from 1.
    """

    json_format = "segtool.kmeans_personas"
    _FACTS: ClassVar[Facts] = {"n_iter": 1}

    def __init__(
        self,
        n_personas=5,
        *,
        random_state=0,
        n_init=10,
        max_iter=300,
        tol=1e-4,
        n_axes=None,
        column_weights=None,
    ):
        self.n_personas = n_personas
        self.random_state = random_state
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.n_axes = n_axes
        self.column_weights = column_weights

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)

    def _cluster(self, points, weights, n_personas, seed):
        found = KMeans(
            n_personas, random_state=seed, n_init=self.n_init, max_iter=self.max_iter, tol=self.tol
        ).fit(points, sample_weight=weights)
        centres = found.cluster_centers_
        shape = Centres(centres, typical_spread(points, weights, centres[found.labels_]))
        return shape, {"n_iter": found.n_iter_}
