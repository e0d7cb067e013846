"""Users an older model does not know: unlike anybody it would expect in the persona it gives them.

A model has to put everybody somewhere. Newcomers of a kind of their own end in whichever persona
is least unlike them, and by users in common alone look like a part of it, or even like all of it.
"""

from __future__ import annotations

import numpy as np

from segtool.personas.encode import Encoding, LabelTable
from segtool.personas.latent_class import LatentClassPersonas

STRANGE_FIT = -1.645  # one user of twenty is below, where the model is right


def strange_shares(
    model, encoding: Encoding | None, table: LabelTable, placed: np.ndarray, codes: np.ndarray, n_after: int
) -> np.ndarray:
    """Return the share of strangers to the older model in each newer persona, shape (n_after,).

    Parameters
    ----------
    model : estimator or None
        The older one; only latent classes say what they expect, others give NaN.
    encoding : Encoding or None
        The older one.
    table : LabelTable
    placed : np.ndarray of int, shape (n_users,)
        Older persona of each user, from 0.
    codes : np.ndarray of int, shape (n_users,)
        Newer persona of each user, from 0.
    n_after : int
    """
    if not isinstance(model, LatentClassPersonas):
        return np.full(n_after, np.nan)
    fit = model.person_fit(encoding.encode(table), placed, confidence=encoding.confidences(table))
    known = ~np.isnan(fit)
    sizes = np.bincount(codes[known], minlength=n_after)
    strange = np.bincount(codes[known], weights=fit[known] < STRANGE_FIT, minlength=n_after)
    return np.divide(strange, sizes, out=np.full(n_after, np.nan), where=sizes > 0)
