"""Personas as normal distributions over points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.mixture import GaussianMixture

from segtool.personas.json_parts import bad_file, need, read_numbers

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")


@dataclass(frozen=True)
class Gaussians:
    """A mixture of normal distributions.

    Parameters
    ----------
    kind : {"full", "tied", "diag", "spherical"}
        Of covariance, as scikit-learn names them.
    share : ndarray of shape (n_personas,)
    centres : ndarray of shape (n_personas, n_coordinates)
    covariance : ndarray
        (n_personas, n_coordinates, n_coordinates) if full, without the first if tied, without the
        last if diag, (n_personas,) if spherical.
    """

    kind: str
    share: np.ndarray
    centres: np.ndarray
    covariance: np.ndarray

    @classmethod
    def one_group(cls, kind: str, n_coordinates: int) -> Gaussians:
        """Return the one persona of users who do not differ."""
        covariance = {
            "full": np.eye(n_coordinates)[None],
            "tied": np.eye(n_coordinates),
            "diag": np.ones((1, n_coordinates)),
            "spherical": np.ones(1),
        }[kind]
        return cls(kind, np.ones(1), np.zeros((1, n_coordinates)), covariance)

    @cached_property
    def _mixture(self) -> GaussianMixture:
        """scikit-learn's own mixture with these parameters, which says how likely a point is."""
        mixture = GaussianMixture(len(self.centres), covariance_type=self.kind)
        mixture.weights_, mixture.means_, mixture.covariances_ = self.share, self.centres, self.covariance
        mixture.precisions_cholesky_ = _precisions(self.covariance, self.kind)
        mixture.n_features_in_ = self.centres.shape[1]
        return mixture

    def memberships(self, points: np.ndarray) -> np.ndarray:
        """Return the posterior of each persona, shape (n_users, n_personas)."""
        if points.shape[1] == 0:
            return np.ones((len(points), 1))
        return self._mixture.predict_proba(points)

    def log_likelihood(self, points: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each point, shape (n_users,)."""
        return self._mixture.score_samples(points) if points.shape[1] else np.zeros(len(points))

    def keep(self, personas: list[int]) -> Gaussians:
        """Return some of the personas, in the order given."""
        share = self.share[personas] / self.share[personas].sum()
        covariance = self.covariance if self.kind == "tied" else self.covariance[personas]
        return Gaussians(self.kind, share, self.centres[personas], covariance)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        names = ("share", "centres", "covariance")
        return {name: getattr(self, name).tolist() for name in names}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], kind: str, n_coordinates: int) -> Gaussians:
        """Read what `to_dict` wrote, checking every part of it."""
        need(set(data) == {"share", "centres", "covariance"}, "personas have other keys than they should")
        n, d = len(data["share"]), n_coordinates
        share = read_numbers(data["share"], (n,), "share")
        need(n >= 1 and bool((share > 0).all()) and abs(share.sum() - 1) < 1e-6, "shares do not add up to 1")
        centres = read_numbers(data["centres"], (n, d), "centres")
        shape = {"full": (n, d, d), "tied": (d, d), "diag": (n, d), "spherical": (n,)}[kind]
        covariance = read_numbers(data["covariance"], shape, "covariance")
        if kind in ("full", "tied"):
            turned = np.swapaxes(covariance, -1, -2)
            need(np.allclose(covariance, turned, rtol=1e-9, atol=1e-12), "a covariance is not symmetric")
        else:
            need(bool((covariance > 0).all()), "a variance is not above 0")
        _precisions(covariance, kind)
        return cls(kind, share, centres, covariance)


def _precisions(covariance: np.ndarray, kind: str) -> np.ndarray:
    """Return the Cholesky factors of the inverse covariances, as scikit-learn wants them."""
    if kind in ("diag", "spherical"):
        return 1.0 / np.sqrt(covariance)
    try:
        lower = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise bad_file("a covariance is not positive definite") from error
    return np.swapaxes(np.linalg.inv(lower), -1, -2)
