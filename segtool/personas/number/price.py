"""What a parameter has to earn: the textbook price, or a higher one that the curve itself shows.

BIC and ICL charge log n per parameter, which is right where the model is. Where it is not, say because
active users do more of everything, one more class buys a steady gain for ever, all of it above that
price, and personas are cut into tiers. The end of the curve shows that steady gain. The slope heuristic
charges twice as much: a class is kept where it gains clearly more than classes that describe nothing
but the model's misfit.

References
----------
Birgé, Massart (2007), Minimal penalties for Gaussian model selection,
https://doi.org/10.1007/s00440-006-0011-8. Baudry, Maugis, Michel (2012), Slope heuristics: overview and
implementation, https://doi.org/10.1007/s11222-011-9236-1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segtool.personas.latent.mixture import Quality

END = 4  # numbers at the end of the curve that show the steady gain
MIN_NUMBERS = 10  # a curve that still improves has to be this long before its end is taken for one
KINK = 0.4  # the gain at the end, as a share of that at the beginning: above it there is no bend yet


def learn_price(qualities: Sequence[Quality], *, ended: bool) -> float:
    """Return the price of a parameter, in units of minus twice the log-likelihood.

    Parameters
    ----------
    qualities : sequence of Quality
        Of one class, two, and so on.
    ended : bool
        Whether the curve ended because nothing improved any more.

    Returns
    -------
    float
        log n, or twice the gain per parameter at the end of the curve where that is more. Without a
        bend in the curve (the last number may be too small, or the users too many kinds) it is log n.

    Examples
    --------
    >>> loglik = [-9000, -7000, -5000, *range(-4500, -4500 + 8 * 100, 100)]
    >>> curve = [Quality(value, 0.0, 10.0 * (k + 1), 1000.0) for k, value in enumerate(loglik)]
    >>> learn_price(curve, ended=False)  # a class of 10 parameters gains 100 at the end: 10 each, so 40
    40.0
    >>> round(learn_price(curve[:6], ended=False), 3)  # too short to tell; log 1000
    6.908
    """
    textbook = float(np.log(max(qualities[0].n_users, 2.0)))
    if len(qualities) <= END or not (ended or len(qualities) >= MIN_NUMBERS):
        return textbook
    gain_at_end, gain_at_start = _gain(qualities[-END:]), _gain(qualities[:END])
    if gain_at_end > KINK * gain_at_start:
        return textbook
    return max(textbook, round(4 * gain_at_end, 9))


def _gain(qualities: Sequence[Quality]) -> float:
    """Completed log-likelihood gained per parameter, by least squares."""
    parameters = np.array([q.n_parameters for q in qualities])
    completed = np.array([q.log_likelihood - q.entropy for q in qualities])
    spread = parameters - parameters.mean()
    return float(spread @ completed / max(spread @ spread, 1e-12))


def charge(quality: Quality, price: float) -> float:
    """Return the integrated completed likelihood at a price per parameter; lower is better."""
    return -2 * quality.log_likelihood + price * quality.n_parameters + 2 * quality.entropy
