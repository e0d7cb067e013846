"""How well what is known of a user fits a persona: low for users of a kind the model does not know."""

from __future__ import annotations

import numpy as np

from segtool.personas.latent.mixture import Classes


def person_fit(classes: Classes, design: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Return how well each user fits their persona, about standard normal where the model is right.

    Parameters
    ----------
    classes : Classes
        A single mixture.
    design : np.ndarray of shape (n_users, n_design)
    placed : np.ndarray of int, shape (n_users,)
        Persona of each user, from 0.

    Returns
    -------
    np.ndarray of shape (n_users,)
        NaN where nothing is known.

    Notes
    -----
    The log-likelihood of what is known of the user, less what is expected of a member of whom the
    same is known, over its standard deviation. A number adds ``-log(2 pi e s^2) / 2`` with variance
    1/2, a label its entropy. Missing labels count on neither side.

    References
    ----------
    Drasgow, Levine, Williams (1985), Appropriateness measurement with polychotomous item response
    models and standardized indices, https://doi.org/10.1111/j.2044-8317.1985.tb00817.x.
    """
    layout = classes.layout
    n = layout.n_numbers
    weights = classes.coefficients() * layout.design_weight
    found = np.einsum("ij,ij->i", design, weights[placed])
    known = np.hstack([design[:, 2 * n : 3 * n], layout.sum_levels(design[:, 3 * n :])]) * layout.part_weight
    log = np.log(classes.probability)
    mean = layout.sum_levels(classes.probability * log)
    spread = layout.sum_levels(classes.probability * log**2) - mean**2
    mean = np.hstack([-0.5 * np.log(2 * np.pi * np.e * classes.variance), mean])
    spread = np.hstack([np.full(classes.variance.shape, 0.5), spread])
    expected = np.einsum("ij,ij->i", known, mean[placed])
    variance = np.einsum("ij,ij->i", known**2, spread[placed])
    fit = np.full(len(design), np.nan)
    there = variance > 1e-9
    fit[there] = (found - expected)[there] / np.sqrt(variance[there])
    return fit
