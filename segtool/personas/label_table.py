"""Labels as the persona stage reads them: one wide table, with what is known of each label and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segtool.errors import InputError, ParameterError
from segtool.labels.frames import MANY_SEPARATOR, LabelInfo, infer_info, prepare_frame

if TYPE_CHECKING:
    from segtool.labels.labels import Labels


@dataclass(frozen=True)
class LabelTable:
    """Labels as one wide table with what is known of each label.

    Parameters
    ----------
    frame : pd.DataFrame of shape (n_users, n_columns)
        Indexed by ``user_id`` (text, unique, sorted); single-valued labels are categorical,
        a many-valued label has one nullable boolean column per value, numbers are numbers.
    infos : dict of str to LabelInfo
        By label, in the order of the columns.
    labels : Labels, optional
        Where the table came from, if it knows how sure each value is.
    """

    frame: pd.DataFrame
    infos: dict[str, LabelInfo]
    labels: Labels | None = field(default=None, repr=False, compare=False)
    _read: dict = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, labels: Labels | pd.DataFrame) -> LabelTable:
        """Read `Labels`, or a wide DataFrame whose columns are labels.

        Raises
        ------
        InputError
            If there is no user or no label, or user ids are missing or doubled.

        Examples
        --------
        >>> wide = pd.DataFrame({"age": ["young", None]}, index=pd.Index(["b", "a"], name="user_id"))
        >>> LabelTable.read(wide).frame["age"].isna().tolist()
        [True, False]
        """
        if isinstance(labels, pd.DataFrame):
            table = cls._from_frame(labels)
        elif hasattr(labels, "wide") and hasattr(labels, "infos"):
            infos = labels.infos
            infos = infos if isinstance(infos, Mapping) else {info.name: info for info in infos}
            table = cls(labels.wide(), dict(infos), labels)
        else:
            raise ParameterError(
                f"labels is a {type(labels).__name__}.", "Labels, or a DataFrame with one row per user."
            )
        if len(table.frame) == 0 or table.frame.shape[1] == 0:
            raise InputError(
                f"The labels have {len(table.frame)} users and {table.frame.shape[1]} columns.",
                "at least one user and one label.",
                "Look at labels.left_out(), or at the rows of the table.",
            )
        return table

    @classmethod
    def _from_frame(cls, wide: pd.DataFrame) -> LabelTable:
        frame = prepare_frame(wide)
        infos = {info.name: info for info in infer_info(frame, None, None)}
        for column in frame.columns:
            name = str(column)
            dtype = frame[column].dtype
            is_number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
            if name not in infos and is_number:
                infos[name] = LabelInfo(name, name.replace("_", " "), "other", "number")
        typed = {str(column): _typed(frame[column], infos.get(str(column))) for column in frame.columns}
        return cls(pd.DataFrame(typed, index=frame.index), infos)

    def columns_of(self, label: str) -> list[str]:
        """Return the columns of the wide table that hold one label."""
        info = self.infos[label]
        if info.kind != "many":
            return [label] if label in self.frame else []
        columns = [f"{label}{MANY_SEPARATOR}{value}" for value in info.values]
        if not info.values:  # an open label: the values are those that were seen
            columns = [name for name in self.frame if name.startswith(label + MANY_SEPARATOR)]
        return [name for name in columns if name in self.frame]

    def confidences(self, columns: Sequence[str]) -> pd.DataFrame | None:
        """Return how sure each cell of some columns is; None for a table nobody put figures to.

        Columns that are not there, and values without a figure, are missing.
        """
        there = tuple(column for column in columns if column in self.frame)
        if self.labels is None or not hasattr(self.labels, "confidences") or not there:
            return None
        if there not in self._read:
            self._read[there] = self.labels.confidences(there)
        return self._read[there]

    def known(self, label: str) -> np.ndarray:
        """Return for which users a label is known, shape (n_users,)."""
        columns = self.columns_of(label)
        if not columns:
            return np.zeros(len(self.frame), bool)
        return self.frame[columns].notna().any(axis=1).to_numpy()

    def said_no(self, label: str) -> np.ndarray:
        """Return who has none of the values of a many-valued label that nobody here has, shape (n_users,).

        Those of whom every value that is there is known. Who has one by a note alone was never asked
        about the others.

        Examples
        --------
        >>> wide = pd.DataFrame({"likes: tea": [True, True], "likes: wine": [False, None]}, index=["a", "b"])
        >>> LabelTable.read(wide).said_no("likes").tolist()
        [True, False]
        """
        columns = self.columns_of(label) if label in self.infos else []
        if not columns:
            return np.zeros(len(self.frame), bool)
        return self.frame[columns].notna().all(axis=1).to_numpy()


def _typed(cells: pd.Series, info: LabelInfo | None) -> pd.Series:
    """Return one column as categorical, nullable boolean or float, infinity being unknown."""
    if info is None or info.kind == "many":
        return cells.astype("boolean")
    if info.kind == "number":
        return pd.to_numeric(cells).astype(float).replace([np.inf, -np.inf], np.nan)
    if info.kind == "flag":
        text = cells.map({True: "yes", False: "no", "yes": "yes", "no": "no"})
        return pd.Series(pd.Categorical(text, ["no", "yes"]), index=cells.index)
    text = cells.astype(str).where(cells.notna())
    return pd.Series(pd.Categorical(text, list(info.values), info.kind == "ordered"), index=cells.index)
