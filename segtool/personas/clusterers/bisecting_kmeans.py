"""k-means that splits one persona after the other."""

from __future__ import annotations

from sklearn.cluster import BisectingKMeans

from segtool.checks import check_in
from segtool.personas.clusterers.base import CentredPersonas
from segtool.personas.clusterers.centres import Centres, typical_spread

STRATEGIES = ("biggest_inertia", "largest_cluster")


class BisectingKMeansPersonas(CentredPersonas):
    """Find personas with scikit-learn's `BisectingKMeans`: split everybody in two, then again.

    Columns become points as in `KMeansPersonas`, with the same costs. It is quick for many personas
    and gives them even sizes; a wrong first split is never mended, which costs it some accuracy
    against `KMeansPersonas`.

    Parameters
    ----------
    n_personas : int, default 5
        Number of personas.
    random_state : int, RandomState or None, default 0
        Seed. Same seed and users, same personas, in any process and whatever the order of users.
    n_init : int, default 10
        Starts of each split.
    bisecting_strategy : {"biggest_inertia", "largest_cluster"}, default "biggest_inertia"
        Which persona is split next: the most spread out, or the one of most users.
    n_axes : int, optional
        Principal axes to cluster in; every coordinate if not given.
    column_weights : dict or array-like of shape (n_features,), optional
        How much each column counts, 1 if not named; 0 leaves a column out.

    Attributes
    ----------
    n_personas_, labels_, verdict_, centres_, columns_, left_out_, n_features_in_, feature_names_in_
        As in `KMeansPersonas`.

    Notes
    -----
    Users belong to the nearest of the final centres, new users and those of the fit alike, where
    scikit-learn's own walks down its tree of splits; a few users at a border lie differently. Memberships
    are those of `KMeansPersonas`.

    Examples
    --------
    >>> import pandas as pd
    >>> users = pd.DataFrame({"visits": [*range(1, 31), *range(71, 91)], "vip": [False] * 30 + [True] * 20})
    >>> BisectingKMeansPersonas(n_personas=2).fit(users).verdict_
    '2 personas, as asked; smallest 40.0% of users.'
    """

    json_format = "segtool.bisecting_kmeans_personas"

    def __init__(
        self,
        n_personas=5,
        *,
        random_state=0,
        n_init=10,
        bisecting_strategy="biggest_inertia",
        n_axes=None,
        column_weights=None,
    ):
        self.n_personas = n_personas
        self.random_state = random_state
        self.n_init = n_init
        self.bisecting_strategy = bisecting_strategy
        self.n_axes = n_axes
        self.column_weights = column_weights

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_in("bisecting_strategy", self.bisecting_strategy, STRATEGIES)

    def _cluster(self, points, weights, n_personas, seed):
        found = BisectingKMeans(
            n_personas,
            random_state=seed,
            n_init=self.n_init,
            bisecting_strategy=self.bisecting_strategy,
        ).fit(points, sample_weight=weights)
        centres = found.cluster_centers_
        return Centres(centres, typical_spread(points, weights, centres[found.labels_])), {}
