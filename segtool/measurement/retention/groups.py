"""Whom a row of a table of retention is about: everyone, a persona, or the users of no persona."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.errors import InputError

EVERYONE_ID, NOBODYS_ID = 0, -1
EVERYONE, NOBODYS = "everyone", "(no persona)"


@dataclass(frozen=True)
class Groups:
    """The personas of a study of retention.

    Parameters
    ----------
    persona_ids : tuple of int
    names : tuple of str
    place : Series of int or None
        Position of each user's persona, by user_id.
    """

    persona_ids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    place: pd.Series | None = None

    def columns(self, places: np.ndarray) -> dict[str, object]:
        """Return the columns persona_id and persona of places (-1: users of no persona)."""
        ids, names = np.array([*self.persona_ids, NOBODYS_ID]), np.array([*self.names, NOBODYS], dtype=object)
        places = np.asarray(places, dtype=int)
        return {"persona_id": ids[places], "persona": names[places]}

    @property
    def places(self) -> list[int]:
        """Every place there can be, personas first."""
        return [*range(len(self.names)), -1]


def read_groups(personas) -> Groups:
    """Read who is in which persona.

    Parameters
    ----------
    personas : Personas, DataFrame, Series or None
        A DataFrame as from ``personas.assign(labels)``: user_id, persona, and, if there, persona_id and
        unsure. A Series holds the persona's name by user_id. Missing ones, and users who are unsure, are
        in none.

    Raises
    ------
    InputError
        If a column is missing or a user is named twice.

    Examples
    --------
    >>> read_groups(pd.Series({"a": "cooks", "b": "gamers", "c": None})).names
    ('cooks', 'gamers')
    """
    if personas is None:
        return Groups()
    table = _as_table(personas)
    if table["user_id"].duplicated().any():
        raise InputError("personas names some users more than once.", "one persona per user.")
    named = table[["persona_id", "persona"]].drop_duplicates().sort_values("persona_id")
    if hasattr(personas, "names"):  # one that nobody is in has a row, too
        named = pd.DataFrame({"persona_id": sorted(personas.names)})
        named["persona"] = named["persona_id"].map(personas.names)
    # Below the threshold of membership a persona is a guess: those users stand in a row of their own.
    sure = table[~table["unsure"].astype(bool)]
    place = pd.Index(named["persona_id"]).get_indexer(sure["persona_id"])
    ids = tuple(int(number) for number in named["persona_id"])
    return Groups(ids, tuple(map(str, named["persona"])), pd.Series(place, index=sure["user_id"].astype(str)))


def _as_table(personas) -> pd.DataFrame:
    """Return user_id, persona_id, persona and unsure."""
    if isinstance(personas, pd.Series):
        table = pd.DataFrame({"user_id": personas.index.astype(str), "persona": personas.to_numpy()})
    else:
        table = getattr(personas, "assigned", personas)
        check_columns(table.columns, ["user_id", "persona"], "personas")
    table = table.dropna(subset=["persona"])
    if "persona_id" not in table:
        names = sorted(table["persona"].astype(str).unique())
        table = table.assign(persona_id=pd.Index(names).get_indexer(table["persona"].astype(str)) + 1)
    return table if "unsure" in table else table.assign(unsure=False)
