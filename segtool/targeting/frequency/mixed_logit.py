"""Logistic regression with a part of each user's own.

Users answer more or less for reasons no column tells. Left out, they flatten every slope towards 0: by a
seventh where users differ by one unit on the logit scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp

NODES, MODE_STEPS, ROUNDS, HALVINGS = 7, 5, 40, 6
NEAR = 1e-3  # squared standard errors: a step so short changes nothing that is shown
SPREAD_RANGE = (0.03, 4.0)  # of the users' own parts; the ends keep its logarithm finite


@dataclass(frozen=True)
class MixedLogit:
    """A fit of `fit_mixed_logit`.

    Parameters
    ----------
    coefficients : ndarray, shape (n_columns,)
    variance : ndarray, shape (n_columns, n_columns)
        Sandwich, clustered by user.
    spread : float
        Standard deviation of the users' own parts.
    """

    coefficients: np.ndarray
    variance: np.ndarray
    spread: float


def fit_mixed_logit(x: np.ndarray, y: np.ndarray, user: np.ndarray, start: np.ndarray) -> MixedLogit:
    """Fit ``logit P(y) = x beta + a_user`` with ``a_user ~ N(0, spread^2)`` by maximum likelihood.

    Parameters
    ----------
    x : ndarray, shape (n_rows, n_columns)
    y : ndarray of 0/1, shape (n_rows,)
    user : ndarray of int, shape (n_rows,)
        0 to n_users - 1.
    start : ndarray, shape (n_columns,)
        Coefficients to start from, as of a fit without users' parts.

    Returns
    -------
    MixedLogit

    Notes
    -----
    Adaptive Gauss-Hermite quadrature: each user's nodes lie around the mode of the user's own part, so
    that few of them serve users with five sends and with five hundred. Steps as of Berndt, Hall, Hall and
    Hausman: the sum of products of the users' scores for the curvature.

    References
    ----------
    Pinheiro and Bates (1995), doi:10.1080/10618600.1995.10474663.
    """
    parameters = np.append(start, np.log(0.7))
    nodes = _place_nodes(x, y, user, parameters)
    loss, _, scores = _loss(x, y, user, parameters, nodes)
    for _ in range(ROUNDS):
        # The scores' own products stand in for the curvature: it is met at the maximum, and never costs more.
        information = scores.T @ scores + 1e-6 * np.eye(len(parameters))
        step = np.clip(np.linalg.solve(information, scores.sum(axis=0)), -1, 1)
        before = loss
        parameters, loss, scores, nodes = _walk(x, y, user, parameters, step, before)
        # The second is for users who hardly differ: their spread goes to 0, and nothing gains by it.
        if step @ information @ step < NEAR or (before - loss) * len(scores) < NEAR:
            break
    return MixedLogit(
        parameters[:-1], _sandwich(x, y, user, parameters, nodes), float(np.exp(parameters[-1]))
    )


def _walk(x, y, user, parameters, step, loss):
    """Go a step, or half of it, or a quarter ..., until the likelihood is no worse."""
    for _ in range(HALVINGS):
        there = parameters + step
        there[-1] = np.clip(there[-1], *np.log(SPREAD_RANGE))
        nodes = _place_nodes(x, y, user, there)
        new, _, scores = _loss(x, y, user, there, nodes)
        if new <= loss + 1e-9:
            break
        step = step / 2
    return there, new, scores, nodes


def _place_nodes(x, y, user, parameters) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes around each user's mode and the logarithms of their weights, (n_users, NODES)."""
    linear, precision = x @ parameters[:-1], np.exp(-2 * parameters[-1])
    n_users = int(user.max()) + 1
    mode = np.zeros(n_users)
    for _ in range(MODE_STEPS):
        p = expit(linear + mode[user])
        slope = np.bincount(user, weights=y - p, minlength=n_users) - precision * mode
        curve = np.bincount(user, weights=p * (1 - p), minlength=n_users) + precision
        mode = mode + np.clip(slope / curve, -2, 2)
    place, weight = np.polynomial.hermite.hermgauss(NODES)
    width = np.sqrt(2 / curve)[:, None]
    return mode[:, None] + width * place, np.log(width * weight) + place**2


def _loss(x, y, user, parameters, nodes):
    """Return minus the mean log likelihood, its gradient, and the users' scores (n_users, n_columns + 1)."""
    places, log_weights = nodes
    linear, log_spread = x @ parameters[:-1], parameters[-1]
    own = np.empty_like(places)
    missed = np.empty((len(y), places.shape[1]))
    for k in range(places.shape[1]):
        eta = linear + places[user, k]
        own[:, k] = np.bincount(user, weights=y * eta - np.logaddexp(0, eta), minlength=len(places))
        missed[:, k] = y - expit(eta)
    squares = places**2 * np.exp(-2 * log_spread)
    joint = log_weights + own - squares / 2 - log_spread - 0.5 * np.log(2 * np.pi)
    total = logsumexp(joint, axis=1)
    posterior = np.exp(joint - total[:, None])
    residual = (missed * posterior[user]).sum(axis=1)
    scores = np.column_stack(
        [np.bincount(user, weights=column * residual, minlength=len(places)) for column in x.T]
        + [(posterior * (squares - 1)).sum(axis=1)]
    )
    n = len(places)
    return -total.sum() / n, -scores.sum(axis=0) / n, scores


def _sandwich(x, y, user, parameters, nodes) -> np.ndarray:
    """Return the variance of the coefficients, the curvature taken from differences of the gradient."""
    gradient, scores = _loss(x, y, user, parameters, nodes)[1:]
    n, step = len(scores), 1e-4
    moved = [_loss(x, y, user, parameters + step * unit, nodes)[1] for unit in np.eye(len(parameters))]
    curvature = (np.array(moved) - gradient) / step
    bread = np.linalg.pinv((curvature + curvature.T) / 2) / n
    meat = scores.T @ scores * n / max(n - 1, 1)
    return (bread @ meat @ bread)[:-1, :-1]
