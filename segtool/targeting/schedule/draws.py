"""Draws that depend on the user and the seed alone: not on who else is planned, nor in which order."""

from __future__ import annotations

import numpy as np
import pandas as pd

HASH_KEY = "segtool-schedule"  # 16 bytes, as pandas asks
_MIX = np.uint64(0x9E3779B97F4A7C15)


def user_hash(user_ids: np.ndarray) -> np.ndarray:
    """Return 64 bits per user id, the same in every process."""
    if not len(user_ids):
        return np.zeros(0, dtype=np.uint64)
    return pd.util.hash_array(np.asarray(user_ids, dtype=object), hash_key=HASH_KEY, categorize=False)


def uniform(keys: np.ndarray, seed: int, *salt: int) -> np.ndarray:
    """Return a number in [0, 1) per key, fixed by seed and salt (splitmix64).

    Examples
    --------
    >>> draws = uniform(user_hash(np.array(["a", "b"], dtype=object)), 7, 1)
    >>> bool((draws == uniform(user_hash(np.array(["a", "b"], dtype=object)), 7, 1)).all())
    True
    """
    bits = keys.astype(np.uint64)
    for part in (seed, *salt):
        bits = _mixed(bits ^ _mixed(np.full(1, part, dtype=np.int64).astype(np.uint64)))
    return (bits >> np.uint64(11)) / float(1 << 53)


def _mixed(bits: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        bits = bits + _MIX
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return bits ^ (bits >> np.uint64(31))
