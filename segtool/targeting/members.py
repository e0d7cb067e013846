"""Who belongs to which persona, and how surely, in the order of the users at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.errors import InputError

# Memberships below are set to 0: a thousand strangers at 0.1 % each would outvote a persona of three.
FAINT = 0.05


@dataclass(frozen=True)
class Members:
    """Memberships aligned to users.

    Parameters
    ----------
    weights : ndarray, shape (n_users, n_personas)
        P(persona | user), faint ones removed; a row of zeros is a user in no persona.
    persona_ids : tuple of int, names : tuple of str, length n_personas
    home : ndarray of int, shape (n_users,)
        Position of the likeliest persona, -1 for none.
    """

    weights: np.ndarray
    persona_ids: tuple
    names: tuple[str, ...]
    home: np.ndarray

    @property
    def n_users(self) -> np.ndarray:
        """Users at home in each persona, shape (n_personas,)."""
        return np.bincount(self.home[self.home >= 0], minlength=len(self.names))

    def counted(self, per_user: np.ndarray) -> np.ndarray:
        """Sum a number per user over each persona's own users."""
        at_home = self.home >= 0
        return np.bincount(self.home[at_home], weights=per_user[at_home], minlength=len(self.names))

    def indicator(self) -> np.ndarray:
        """Return home as a 0/1 matrix, shape (n_users, n_personas)."""
        return (self.home[:, None] == np.arange(len(self.names))).astype(float)

    def only(self, rows: np.ndarray) -> Members:
        """Return the members at some rows."""
        return Members(self.weights[rows], self.persona_ids, self.names, self.home[rows])


def align_personas(personas, user_ids: np.ndarray) -> Members:
    """Read a `Personas` (its ``memberships`` and ``names``) in the order of some users."""
    memberships = personas.memberships
    names = {int(k): str(v) for k, v in personas.names.items()}
    columns = sorted(names)
    table = memberships.loc[:, columns] if len(columns) else memberships.iloc[:, :0]
    return _aligned(table, user_ids, tuple(columns), tuple(names[k] for k in columns))


def align_table(personas: pd.Series | pd.DataFrame | None, user_ids: np.ndarray) -> Members:
    """Read personas given as plain pandas: a Series by user, or a table with user_id and persona.

    Raises
    ------
    InputError
        If a table has not the columns ``user_id`` and ``persona``, or names a user twice.
    """
    if personas is None:
        empty = pd.DataFrame(index=pd.Index([], name="user_id"))
        return _aligned(empty, user_ids, (), ())
    if isinstance(personas, pd.DataFrame):
        check_columns(personas.columns, ["user_id", "persona"], "personas")
        personas = personas.set_index("user_id")["persona"]
    personas = personas.dropna()
    if personas.index.has_duplicates:
        raise InputError(
            "personas names some users more than once.", "one persona per user.", "Keep one row per user_id."
        )
    names = tuple(sorted(personas.astype(str).unique()))
    table = pd.get_dummies(personas.astype(str), dtype=float).reindex(columns=list(names))
    table.index = table.index.astype(str)
    return _aligned(table, user_ids, tuple(range(1, len(names) + 1)), names)


def _aligned(table: pd.DataFrame, user_ids: np.ndarray, persona_ids: tuple, names: tuple) -> Members:
    if table.index.has_duplicates:
        raise InputError("personas names some users more than once.", "one row per user.")
    places = table.index.get_indexer(pd.Index(user_ids, dtype=table.index.dtype))
    weights = np.zeros((len(user_ids), len(names)))
    known = places >= 0
    weights[known] = table.to_numpy(dtype=float, na_value=0.0)[places[known]]
    weights = np.where(weights < FAINT, 0, weights)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.divide(weights, total, out=weights, where=total > 0)
    home = np.where(total[:, 0] > 0, weights.argmax(axis=1), -1) if len(names) else np.full(len(user_ids), -1)
    return Members(weights, persona_ids, names, home)
