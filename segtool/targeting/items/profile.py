"""What users said or others know of them, never what they did: the part of taste a new user brings along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import quote

GIVEN = ("profile", "survey", "person", "list")  # sources of claims that are not behaviour
MAX_VALUES = 30  # a column with more values than this is a name or a number
MIN_COVERED = 0.1  # of the users


@dataclass(frozen=True)
class Profile:
    """Profile columns as codes.

    Parameters
    ----------
    names : tuple of str, length n_columns
    sizes : tuple of int
        Values of each column.
    codes : ndarray of int16, shape (n_users, n_columns)
        -1 where unknown.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    codes: np.ndarray

    def only(self, rows: np.ndarray) -> np.ndarray:
        """Return the codes of some users."""
        return self.codes[rows]


def read_profile(sources, labels, user_ids: np.ndarray) -> Profile:
    """Return what is known of users from claims that nobody's behaviour made, or from the users table."""
    columns = {} if labels is None else _from_labels(labels)
    if not columns and "users" in sources.tables:
        columns = _from_users(sources)
    return frame_profile(pd.DataFrame(columns), user_ids)


def frame_profile(columns: pd.DataFrame | None, user_ids: np.ndarray) -> Profile:
    """Turn columns (index user_id) into codes; numbers with many values and names are left out."""
    names, sizes, codes = [], [], []
    for name in [] if columns is None else sorted(columns.columns, key=str):
        column = columns[name].reindex(pd.Index(user_ids, dtype=object))
        n_values = column.nunique()
        if 2 <= n_values <= MAX_VALUES and column.notna().mean() >= MIN_COVERED:
            names.append(str(name))
            sizes.append(int(n_values))
            codes.append(pd.factorize(column.astype(object), sort=True)[0].astype(np.int16))
    table = np.column_stack(codes) if codes else np.empty((len(user_ids), 0), dtype=np.int16)
    return Profile(tuple(names), tuple(sizes), table)


def _from_labels(labels) -> dict[str, pd.Series]:
    inside = {info.name for info in getattr(labels, "infos", ()) if info.sensitive}
    names = [name for name in labels.facets() if name not in inside]  # what stays inside steers no list
    claims = labels.claims(labels=names, sources=GIVEN)
    if claims.empty:
        return {}
    # One value each: the surest, then the first by name.
    order = claims.sort_values(
        ["user_id", "label", "confidence", "value"], ascending=[True, True, False, True]
    )
    first = order.drop_duplicates(["user_id", "label"])
    return {
        str(name): rows.set_index("user_id")["value"].astype(str) for name, rows in first.groupby("label")
    }


def _from_users(sources) -> dict[str, pd.Series]:
    kinds = sources.engine.columns("users")
    names = [name for name, kind in kinds.items() if kind in ("text", "boolean") and name != "user_id"]
    if not names:
        return {}
    picked = ", ".join(quote(name) for name in names)
    table = sources.engine.query(f"SELECT user_id, {picked} FROM users ORDER BY user_id").set_index("user_id")
    return {name: table[name] for name in names}
