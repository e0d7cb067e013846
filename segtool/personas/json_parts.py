"""What the JSON of every estimator has in common: its columns, and checks that trust nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from segtool.errors import InputError
from segtool.personas.files import read_text, write_whole
from segtool.personas.table.prepare import ColumnPlan

PLAN_NUMBERS = ("low", "high", "centre", "scale", "weight", "confidence", "spike")
KINDS = ("number", "few", "flag", "text", "ordered", "scale")


def plain(value: Any) -> Any:
    """Turn NumPy scalars, tuples and arrays into what JSON knows; other names into text."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value if isinstance(value, (str, bool, int, float, type(None))) else str(value)


def plain_parameter(value: Any) -> Any:
    """Turn a parameter of an estimator into what JSON knows."""
    if isinstance(value, np.random.RandomState):
        return None  # its state is spent; the fitted model does not depend on it any more
    return plain(value)


def write_plans(plans: Collection[ColumnPlan]) -> list[dict[str, Any]]:
    """Return how each column is prepared, as plain values."""
    return [{f.name: plain(getattr(plan, f.name)) for f in fields(ColumnPlan)} for plan in plans]


def write_left_out(left_out: pd.DataFrame) -> list[dict[str, Any]]:
    """Return column and reason of those left out."""
    pairs = zip(left_out["column"], left_out["reason"], strict=True)
    return [{"column": plain(column), "reason": reason} for column, reason in pairs]


# --- reading -----------------------------------------------------------------------------------


def bad_file(what: str) -> InputError:
    """Return the refusal of a model file."""
    return InputError(
        f"The model file is not usable: {what}.",
        "JSON of the same estimator, as to_json() or save() writes it.",
        "Save the model again with this version of segtool.",
    )


def open_model(data: Mapping[str, Any] | str, kind: str, version: int, keys: Collection[str]) -> Mapping:
    """Return a model as a dict of the right kind, version and keys.

    Parameters
    ----------
    data : dict, or str of JSON
    kind : str
        What ``format`` is to be.
    version : int
    keys : collection of str
        All keys there are to be.

    Raises
    ------
    InputError
        Names the first thing that is not as it should be.
    """
    try:
        data = json.loads(data) if isinstance(data, str) else data
    except ValueError as error:
        raise bad_file("it is not JSON") from error
    need(isinstance(data, Mapping), "it is not an object")
    need("format" in data, "format is missing")
    need(data["format"] == kind, f"format is not {kind!r}")
    need(data.get("version") == version, f"its version is not {version}")
    need(set(data) == set(keys), f"its keys are not {', '.join(sorted(keys))}")
    return data


def need(condition: bool, what: str) -> None:
    """Refuse the file unless a condition holds."""
    if not condition:
        raise bad_file(what)


def read_features(entry: Mapping[str, Any]) -> tuple[int, list[str] | None]:
    """Return how many columns fit saw, and their names."""
    n, names = entry["n"], entry["names"]
    need(
        isinstance(n, int) and not isinstance(n, bool) and n >= 1,
        "the number of features is not a whole number",
    )
    if names is not None:
        need(len(names) == n and all(isinstance(name, str) for name in names), "feature names do not fit")
        names = list(names)
    return n, names


def read_plans(entries: Collection[Mapping[str, Any]], n_features: int) -> tuple[ColumnPlan, ...]:
    """Return how each column is prepared."""
    plans = tuple(_read_plan(entry, n_features) for entry in entries)
    positions = [plan.position for plan in plans]
    need(len(set(positions)) == len(positions), "a column comes twice")
    return plans


def read_left_out(entries: Collection[Mapping[str, Any]]) -> pd.DataFrame:
    """Return column and reason of those left out."""
    rows = [(entry["column"], str(entry["reason"])) for entry in entries]
    return pd.DataFrame(rows, columns=["column", "reason"])


def _read_plan(entry: Mapping[str, Any], n_features: int) -> ColumnPlan:
    need(set(entry) == {f.name for f in fields(ColumnPlan)}, "a column has other keys than it should")
    need(entry["kind"] in KINDS, "a column is of an unknown kind")
    need(
        type(entry["position"]) is int and 0 <= entry["position"] < n_features,
        "a column's position does not fit",
    )
    need(
        isinstance(entry["log"], bool) and isinstance(entry["hurdle"], bool),
        "log or hurdle is not true or false",
    )
    numbers = {key: read_number(entry[key], key) for key in PLAN_NUMBERS}
    positive = ("scale", "weight", "confidence")
    need(all(numbers[key] > 0 for key in positive), "a column's scale, weight or confidence is not above 0")
    number_like = entry["kind"] in ("few", "flag")
    levels = tuple(read_number(x, "level") if number_like else _read_level(x) for x in entry["levels"])
    plan = ColumnPlan(
        **{**entry, **numbers, "levels": levels, "tail": tuple(map(_read_level, entry["tail"]))}
    )
    # One level is what an export leaves of a column whose values few users have: it says the same of all.
    need(plan.has_number or plan.n_levels >= 1, "a column has no level")
    need(len(set(levels)) == len(levels), "a column has a level twice")
    return plan


def read_numbers(values: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Return finite numbers of a given shape."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 == int(np.prod(shape)):
        array = array.reshape(shape)
    need(array.shape == shape, f"{name} has another shape than the columns ask for")
    need(bool(np.isfinite(array).all()), f"{name} is not finite")
    return array


def read_number(value: Any, name: str) -> float:
    """Return a finite number."""
    need(isinstance(value, (int, float)) and not isinstance(value, bool), f"{name} is not a number")
    need(bool(np.isfinite(value)), f"{name} is not finite")
    return float(value)


def _read_level(value: Any) -> str:
    need(isinstance(value, str), "a level is not text")
    return value


class JsonModel:
    """What an estimator needs to be kept: :meth:`save` and :meth:`load` a file, or the JSON itself.

    A subclass says in ``_write_json`` and ``_read_json`` what it is made of.
    """

    def save(self, path: str | Path) -> Path:
        """Write the fitted model to a JSON file, whole or not at all; it holds no users.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path
            The file.

        Raises
        ------
        NotFittedError
            Before fit.
        OutputError
            If the file cannot be written.
        """
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        return write_whole(path, text, "The model")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that :meth:`save` wrote, checking every part of it.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        The same kind of estimator
            Fitted, without ``labels_``, which belong to the users of the fit.

        Raises
        ------
        InputError
            If there is no such file, or anything in it is not as it should be.
        """
        return cls.from_json(read_text(path, "a file written by save."))

    def to_json(self) -> dict[str, Any]:
        """Give the fitted model as plain dicts, lists, numbers and text, ready for ``json.dumps``.

        Returns
        -------
        dict
            Memberships after :meth:`from_json` are equal to the last bit that matters (1e-9).
        """
        check_is_fitted(self)
        return self._write_json()

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> Self:
        """Load a model that :meth:`to_json` wrote, checking every part of it.

        Parameters
        ----------
        data : dict, or str of JSON

        Returns
        -------
        The same kind of estimator
            Fitted, without ``labels_``, which belong to the users of the fit.

        Raises
        ------
        InputError
            If anything in it is not as it should be.
        """
        return cls._read_json(data)

    @classmethod
    def _with_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        need(set(parameters) == set(cls().get_params()), "its parameters are not those of the estimator")
        model = cls(**parameters)
        model._check_parameters()
        return model

    def _set_features(self, n_features: int, names: list[str] | None) -> None:
        self.n_features_in_ = n_features
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)

    def _feature_names(self) -> list[str] | None:
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else [str(name) for name in names]
