"""Ten planted scenarios, each with one thing that goes wrong in real tables.

Every table has 8 numbers (half of them log-normal), 6 over-dispersed counts, 15 yes-or-no labels, 5
nominal ones and 8 answers on a five-point scale, of 1,500 or 2,000 users; 30 % of the columns have
nothing to do with the persona, unless a scenario says otherwise. The columns are independent within
a persona (except in ``activity`` and ``copies``), which flatters latent class methods: a peer is to be
judged on the same table with the same preparation.

How hard each scenario is was settled on seeds 900 to 904, so that k-means on raw columns and StepMix on
prepared ones stand about where an earlier suite of the same recipe had them, before any engine was
tuned on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

NUMBERS = ("number",) * 4 + ("amount",) * 4
COUNTS = ("count",) * 6
LEVELS = ("flag",) * 15 + ("nominal",) * 5 + ("likert",) * 8
KINDS = NUMBERS + COUNTS + LEVELS
FAMILY_OF_KIND = {
    "number": "profile",
    "amount": "orders",
    "count": "events",
    "flag": "behaviour",
    "nominal": "profile",
    "likert": "survey",
}
ANSWERS = ["never", "seldom", "sometimes", "often", "always"]
N_COPIES, COPY_ERROR = 8, 0.05


@dataclass(frozen=True)
class Recipe:
    """What a scenario changes.

    Parameters
    ----------
    says : str
        The trouble, in words.
    strength : float
        How far apart personas lie in the columns that tell them apart.
    noise : float
        Share of columns that have nothing to do with the persona.
    missing, outliers : float
        Share of cells not known, and of numbers replaced by gross errors.
    answered : float or None
        Share of users who answered the survey block, the scale questions and the nominal ones.
    silent : tuple of str
        Kinds that carry no signal at all.
    activity : float
        How much a common factor, the user's activity, drives amounts, counts and flags.
    copies : bool
        Eight near-copies of one trait that has nothing to do with the persona.
    """

    says: str
    strength: float = 0.8
    n_users: int = 1500
    shares: tuple[float, ...] = (0.2,) * 5
    noise: float = 0.3
    missing: float = 0.0
    outliers: float = 0.0
    answered: float | None = None
    silent: tuple[str, ...] = ()
    activity: float = 0.0
    copies: bool = False


UNEQUAL = (0.26, 0.20, 0.15, 0.12, 0.10, 0.07, 0.06, 0.04)
RECIPES = {
    "clean": Recipe("nothing is wrong"),
    "missing": Recipe("30 % of cells not known", missing=0.30),
    "survey": Recipe("13 columns answered by 10 % of users", missing=0.05, answered=0.10),
    "noise": Recipe(
        "60 % noise columns, gross outliers", noise=0.60, missing=0.10, outliers=0.01, strength=0.85
    ),
    "levels": Recipe("signal only in flags and levels", silent=("number", "amount", "count"), strength=0.64),
    "numbers": Recipe(
        "signal only in numbers and counts", silent=("flag", "nominal", "likert"), strength=0.88
    ),
    "unequal": Recipe("eight personas of unequal size", n_users=2000, shares=UNEQUAL),
    "activity": Recipe("a common activity factor", activity=0.8),
    "copies": Recipe("eight near-copies of one irrelevant trait", copies=True),
    "weak": Recipe("low separation", strength=0.53),
}
SCENARIOS = tuple(RECIPES)


@dataclass(frozen=True)
class Scenario:
    """A table, the truth behind it, and what its lineage would say.

    Parameters
    ----------
    users : DataFrame of shape (n_users, n_columns)
    persona : ndarray of shape (n_users,)
        Planted persona, 0 to n_personas - 1.
    families : dict of str to frozenset of str
        Source families of each column.
    n_personas : int
    informative : tuple of str
        Columns that depend on the persona.
    """

    users: pd.DataFrame
    persona: np.ndarray
    families: dict[str, frozenset[str]]
    n_personas: int
    informative: tuple[str, ...]


def plant_scenario(name: str, seed: int) -> Scenario:
    """Draw the users of a scenario.

    Parameters
    ----------
    name : str
        One of `SCENARIOS`.
    seed : int
        Of personas and users alike.

    Examples
    --------
    >>> scenario = plant_scenario("copies", 0)
    >>> scenario.users.shape, scenario.n_personas, len(scenario.informative)
    ((1500, 50), 5, 29)
    """
    recipe = RECIPES[name]
    rng = np.random.default_rng([seed, SCENARIOS.index(name)])
    n, n_personas = recipe.n_users, len(recipe.shares)
    persona = rng.choice(n_personas, n, p=np.asarray(recipe.shares) / sum(recipe.shares))
    active = rng.normal(size=n) * recipe.activity
    speaks = _columns_that_speak(recipe, rng)
    columns, families, informative = {}, {}, []
    for i, kind in enumerate(KINDS):
        column = f"{kind}_{i:02d}"
        strength = recipe.strength if i in speaks else 0.0
        columns[column] = DRAW[kind](rng, persona, n_personas, strength, active)
        families[column] = frozenset({FAMILY_OF_KIND[kind]})
        informative += [column] * (i in speaks)
    if recipe.copies:
        trait = rng.random(n) < 0.5
        for i in range(N_COPIES):
            columns[f"copy_{i}"] = pd.array(trait ^ (rng.random(n) < COPY_ERROR), dtype="boolean")
            families[f"copy_{i}"] = frozenset({"app screens"})
    users = _spoil(pd.DataFrame(columns), recipe, rng)
    return Scenario(users, persona, families, n_personas, tuple(informative))


def _columns_that_speak(recipe: Recipe, rng: np.random.Generator) -> set[int]:
    """Choose the columns with signal: those of silent kinds have none, noise is dealt among the rest."""
    able = [i for i, kind in enumerate(KINDS) if kind not in recipe.silent]
    return set(rng.choice(able, round((1 - recipe.noise) * len(able)), replace=False).tolist())


def _spoil(users: pd.DataFrame, recipe: Recipe, rng: np.random.Generator) -> pd.DataFrame:
    """Take cells away, and replace some numbers by gross errors."""
    for column in users:
        kind = column.split("_")[0]
        if recipe.outliers and kind in ("number", "amount", "count"):
            gross = rng.random(len(users)) < recipe.outliers
            scale = float(users[column].std()) * rng.choice([20, 100], len(users))
            users[column] = users[column].mask(gross, users[column].abs() + scale)
        if recipe.missing:
            users[column] = users[column].mask(rng.random(len(users)) < recipe.missing)
    if recipe.answered is not None:
        silent = rng.random(len(users)) >= recipe.answered
        survey = [column for column in users if column.startswith(("nominal", "likert"))]
        users.loc[silent, survey] = None
    return users


def _centres(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Place the personas in a column: at random, yet always equally far apart on the whole.

    With plain draws some seeds plant personas that even the true parameters could not tell apart.
    """
    drawn = rng.normal(size=shape)
    return (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)


def _draw_number(rng, who, k, strength, active):
    return rng.normal((strength * _centres(rng, k))[who], 1.0)


def _draw_amount(rng, who, k, strength, active):
    return np.exp(4 + rng.normal((strength * _centres(rng, k))[who], 1.0) + active).round(2)


def _draw_count(rng, who, k, strength, active):
    """Over-dispersed (gamma-Poisson, shape 1): a good part of them is zero."""
    mean = np.exp(1.0 + (strength * _centres(rng, k))[who] + active)
    return rng.poisson(rng.gamma(1.0, mean)).astype(float)


def _draw_flag(rng, who, k, strength, active):
    odds = (1.5 * strength * _centres(rng, k))[who] + rng.normal(-0.5, 0.7) + active
    return pd.array(rng.random(len(who)) < 1 / (1 + np.exp(-odds)), dtype="boolean")


def _draw_nominal(rng, who, k, strength, active):
    n_levels = int(rng.integers(3, 7))
    odds = rng.normal(0, 0.5, n_levels) + 1.5 * strength * _centres(rng, k, n_levels)
    share = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    codes = (rng.random(len(who))[:, None] > np.cumsum(share, axis=1)[who, :-1]).sum(axis=1)
    return pd.Categorical.from_codes(codes, [f"type {chr(97 + i)}" for i in range(n_levels)])


def _draw_likert(rng, who, k, strength, active):
    codes = np.digitize(rng.normal((strength * _centres(rng, k))[who], 1.0), [-1.2, -0.4, 0.4, 1.2])
    return pd.Categorical.from_codes(codes, ANSWERS, ordered=True)


DRAW = {
    "number": _draw_number,
    "amount": _draw_amount,
    "count": _draw_count,
    "flag": _draw_flag,
    "nominal": _draw_nominal,
    "likert": _draw_likert,
}
