"""scikit-learn's own clusterers behind the face of `LatentClassPersonas`, for those who want them."""

from segtool.personas.clusterers.bisecting_kmeans import BisectingKMeansPersonas
from segtool.personas.clusterers.gaussian_mixture import GaussianMixturePersonas
from segtool.personas.clusterers.hdbscan import HDBSCANPersonas
from segtool.personas.clusterers.kmeans import KMeansPersonas

__all__ = ["BisectingKMeansPersonas", "GaussianMixturePersonas", "HDBSCANPersonas", "KMeansPersonas"]
