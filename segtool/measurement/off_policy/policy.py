"""What a plan would send to each persona, as shares over arms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from segtool.errors import InputError, did_you_mean
from segtool.measurement.off_policy.log import Log


def read_policy(policy, log: Log) -> np.ndarray:
    """Return the share of each arm in what each persona would be sent, rows sum to 1.

    Parameters
    ----------
    policy : str or mapping
        An arm for all; or by persona_id an arm, or a mapping of arms to shares. Arms that the log has never
        seen are allowed: they are what it cannot answer.
    log : Log

    Returns
    -------
    ndarray, shape (n_personas, n_arms + 1)
        The last column is what the log has no arm for.

    Raises
    ------
    InputError
        If a persona is missing, or shares are below 0 or sum to nothing.
    """
    shares = np.zeros((len(log.persona_ids), len(log.arms) + 1))
    for code, key in enumerate(log.persona_ids):
        wanted = policy
        if isinstance(policy, Mapping):
            if key not in policy:
                raise InputError(
                    f"the policy says nothing of persona {key}.",
                    f"an arm for each: {did_you_mean('', policy)}",
                )
            wanted = policy[key]
        parts = wanted if isinstance(wanted, Mapping) else {wanted: 1.0}
        values = np.array(list(parts.values()), dtype=float)
        if not len(values) or not (np.isfinite(values) & (values >= 0)).all() or values.sum() <= 0:
            raise InputError(f"the shares of persona {key} are no shares.", "numbers from 0 up, one above 0.")
        for arm, share in zip(parts, values / values.sum(), strict=True):
            place = log.arms.index(str(arm)) if str(arm) in log.arms else len(log.arms)
            shares[code, place] += share
    return shares
