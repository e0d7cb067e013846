"""Tests that were never run: outcomes of made-up campaigns whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd


def make_outcomes(
    n: int = 8000, effects=(0.05, 0.05, 0.05, 0.05), *, base: float = 0.1, control: float = 0.3, seed: int = 0
) -> pd.DataFrame:
    """Return user_id, arm, persona_id, persona, outcome and a covariate, one true effect per persona."""
    rng = np.random.default_rng(seed)
    persona = rng.integers(0, len(effects), n)
    activity = rng.gamma(4.0, 0.25, n)
    arm = np.where(rng.random(n) < control, "control", "spring")
    rate = base * activity + np.asarray(effects)[persona] * (arm == "spring")
    return pd.DataFrame(
        {
            "user_id": [f"u{number:05d}" for number in range(n)],
            "arm": arm,
            "persona_id": persona + 1,
            "persona": np.array(["cooks", "readers", "makers", "others"] * 5)[persona],
            "outcome": (rng.random(n) < np.clip(rate, 0, 1)).astype(float),
            "activity": activity,
        }
    )
