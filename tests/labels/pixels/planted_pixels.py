"""Small tables with conjunctions that are there, and with none."""

from __future__ import annotations

import numpy as np
import pandas as pd


def planted_table(
    n_users: int = 8000, *, n_labels: int = 16, seed: int = 3, share: float = 0.03, unknown: float = 0.0
):
    """Return yes/no labels in which a, b, c and d, e, f, g are each given whole to a share of the users."""
    rng = np.random.default_rng(seed)
    flags = rng.random((n_users, n_labels)) < rng.uniform(0.1, 0.3, n_labels)
    for labels in ([0, 1, 2], [3, 4, 5, 6]):
        flags[np.ix_(rng.random(n_users) < share, labels)] = True
    frame = pd.DataFrame(flags, columns=[chr(ord("a") + number) for number in range(n_labels)])
    if unknown:
        frame = frame.astype("boolean").mask(rng.random(flags.shape) < unknown)
    frame.index = [f"u{number:05d}" for number in range(n_users)]
    return frame


def noise_table(n_users: int = 8000, seed: int = 5) -> pd.DataFrame:
    """Return labels that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    flags = rng.random((n_users, 20)) < rng.uniform(0.05, 0.4, 20)
    return pd.DataFrame(flags, [f"u{i:05d}" for i in range(n_users)], [f"l{i}" for i in range(20)])


def found_sets(pixels) -> list[str]:
    """Return the letters of each pixel, best first."""
    return ["".join(sorted(part.info.name for part in pixel.parts)) for pixel in pixels.pixels]
