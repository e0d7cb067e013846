"""Users whose true tastes are known, for tests of intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from segtool.targeting.shares import UserCounts


@dataclass(frozen=True)
class Simulated:
    counts: UserCounts
    membership: np.ndarray
    personas: np.ndarray  # true mean shares, (n_personas, n_topics)
    everyone: np.ndarray  # true mean shares, (n_topics,)
    users: np.ndarray  # true shares, (n_users, n_topics)


def simulate_shares(seed, sizes, *, n_topics=12, tilt=0.5, rho=0.15, mean_events=12) -> Simulated:
    """Personas tilt the base shares by a log-normal; users scatter around them with correlation rho."""
    generator = np.random.default_rng(seed)
    base = np.maximum(generator.dirichlet(np.ones(n_topics)), 0.01)
    personas = base / base.sum() * np.exp(generator.normal(0, tilt, (len(sizes), n_topics)))
    personas /= personas.sum(axis=1, keepdims=True)
    home = np.repeat(np.arange(len(sizes)), sizes)
    users = np.array([generator.dirichlet(personas[p] * (1 / rho - 1)) for p in home])
    n = 1 + generator.negative_binomial(1.0, 1 / mean_events, size=len(home))
    events = np.array([generator.multinomial(a, b) for a, b in zip(n, users, strict=True)])
    counts = UserCounts(
        np.array([f"u{i:04d}" for i in range(len(home))], dtype=object),
        tuple(f"t{i:02d}" for i in range(n_topics)),
        sparse.csr_array(events / n[:, None]),
        sparse.csr_array(events.astype(float)),
        n.astype(float),
        1 / n,
    )
    membership = (home[:, None] == np.arange(len(sizes))).astype(float)
    return Simulated(counts, membership, personas, np.array(sizes) / sum(sizes) @ personas, users)
