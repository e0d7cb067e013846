"""Users with planted personas: mixed columns of every kind, some of them noise, some cells missing.

The columns are independent within a persona, which is what a latent class model assumes and so
flatters it. Any peer has to be judged on the same, equally prepared table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Planted:
    """A table and the truth behind it.

    Parameters
    ----------
    users : DataFrame of shape (n_users, n_columns)
    persona : ndarray of shape (n_users,)
        Planted persona, 0 to k - 1.
    informative : tuple of str
        Columns that depend on the persona.
    """

    users: pd.DataFrame
    persona: np.ndarray
    informative: tuple[str, ...]


def plant_users(
    n_users: int,
    n_personas: int = 8,
    n_columns: int = 25,
    *,
    seed: int = 0,
    missing: float = 0.1,
    noise: float = 0.3,
    strength: float = 1.0,
    kinds: str = "number amount count flag nominal ordered",
    persona_seed: int | None = None,
) -> Planted:
    """Draw users of planted personas.

    Parameters
    ----------
    n_users, n_personas, n_columns : int
    seed : int
        Of the users, and of the personas unless ``persona_seed`` says otherwise.
    missing : float
        Share of cells not known, at random.
    noise : float
        Share of columns that have nothing to do with the persona.
    strength : float
        How far apart personas lie; 1 is plain to see in 25 columns, 0.5 is not.
    kinds : str
        Kinds of columns, taken in turn.
    persona_seed : int, optional
        Draw other users of the same personas by changing ``seed`` only.

    Examples
    --------
    >>> planted = plant_users(100, 3, 6)
    >>> planted.users.shape, len(planted.informative), int(planted.persona.max())
    ((100, 6), 4, 2)
    """
    shapes = np.random.default_rng([seed if persona_seed is None else persona_seed, 1])
    rng = np.random.default_rng([seed, 2])
    weights = 0.4 + shapes.random(n_personas)
    persona = rng.choice(n_personas, n_users, p=weights / weights.sum())
    turn = kinds.split()
    n_noise = int(noise * n_columns + 0.5)
    noisy = set(shapes.choice(n_columns, n_noise, replace=False).tolist())
    columns, informative = {}, []
    for i in range(n_columns):
        kind = turn[i % len(turn)]
        name = f"{kind}_{i:02d}"
        profile = PROFILES[kind](shapes, 1 if i in noisy else n_personas, strength)
        columns[name] = profile(rng, np.zeros_like(persona) if i in noisy else persona)
        if i not in noisy:
            informative.append(name)
    users = pd.DataFrame(columns)
    for name in users:
        users[name] = users[name].mask(rng.random(n_users) < missing)
    return Planted(users, persona, tuple(informative))


def _number(shapes, k, strength):
    centre = shapes.normal(0, 0.9 * strength, k)
    return lambda rng, who: rng.normal(centre[who], 1.0)


def _amount(shapes, k, strength):
    centre = shapes.normal(4, 0.9 * strength, k)
    return lambda rng, who: np.exp(rng.normal(centre[who], 1.0)).round(2)


def _count(shapes, k, strength):
    """Over-dispersed counts, a good part of them zero."""
    mean = np.exp(shapes.normal(1.2, 0.8 * strength, k))
    return lambda rng, who: rng.poisson(rng.gamma(0.9, mean[who] / 0.9)).astype(float)


def _flag(shapes, k, strength):
    chance = 1 / (1 + np.exp(-shapes.normal(-0.5, 1.3 * strength, k)))

    def draw(rng, who):
        return pd.array(rng.random(len(who)) < chance[who], dtype="boolean")

    return draw


def _nominal(shapes, k, strength):
    n_levels = int(shapes.integers(3, 8))
    share = shapes.dirichlet(np.full(n_levels, 1.2 / strength), k)

    def draw(rng, who):
        codes = (rng.random(len(who))[:, None] > np.cumsum(share, axis=1)[who, :-1]).sum(axis=1)
        return pd.Categorical.from_codes(codes, [f"type {chr(97 + i)}" for i in range(n_levels)])

    return draw


def _ordered(shapes, k, strength):
    centre = shapes.normal(0, 0.9 * strength, k)
    answers = ["never", "seldom", "sometimes", "often", "always"]

    def draw(rng, who):
        codes = np.digitize(rng.normal(centre[who], 1.0), [-1.2, -0.4, 0.4, 1.2])
        return pd.Categorical.from_codes(codes, answers, ordered=True)

    return draw


PROFILES = {
    "number": _number,
    "amount": _amount,
    "count": _count,
    "flag": _flag,
    "nominal": _nominal,
    "ordered": _ordered,
}
