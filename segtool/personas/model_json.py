"""A fitted model as JSON: every number that decides a membership, and nothing that can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from segtool.errors import InputError
from segtool.personas.design import Layout
from segtool.personas.files import read_text, write_whole
from segtool.personas.mixture import Classes
from segtool.personas.prepare import ColumnPlan

FORMAT = "segtool.latent_class_personas"
VERSION = 1
KINDS = ("number", "few", "flag", "text", "ordered", "scale")
KEYS = {"format", "version", "parameters", "features", "columns", "left_out", "personas"}
KEYS |= {"choice", "stability", "verdict", "fit"}
CHOICE_COLUMNS = {
    "k": int, "icl": float, "bic": float, "stability": float, "min_jaccard": float, "mean_jaccard": float,
    "separation": float, "min_share": float, "passes": bool, "chosen": bool,
}  # fmt: skip


@dataclass(frozen=True)
class ModelRecord:
    """Everything a fitted model is made of, apart from the users it was fitted on."""

    parameters: dict[str, Any]
    n_features: int
    feature_names: list[str] | None
    plans: tuple[ColumnPlan, ...]
    left_out: pd.DataFrame
    classes: Classes
    choice: pd.DataFrame | None
    stability: np.ndarray | None
    verdict: str
    n_users: float
    criteria: tuple[float, float]
    n_iter: int


def write_model(record: ModelRecord) -> dict[str, Any]:
    """Turn a model into plain dicts, lists, numbers and text.

    Returns
    -------
    dict
        ``personas`` holds share (n_personas), mean and variance (n_personas, n_numbers) on the
        prepared scale, probability (n_personas, n_levels in all) and relevant (n_parts); parts are in
        the order of ``columns``, numeric parts first.
    """
    classes = record.classes
    return {
        "format": FORMAT,
        "version": VERSION,
        "parameters": {name: _plain_parameter(value) for name, value in record.parameters.items()},
        "features": {"n": int(record.n_features), "names": record.feature_names},
        "columns": [
            {f.name: _plain(getattr(plan, f.name)) for f in fields(ColumnPlan)} for plan in record.plans
        ],
        "left_out": [
            {"column": _plain(column), "reason": reason}
            for column, reason in zip(record.left_out["column"], record.left_out["reason"], strict=True)
        ],
        "personas": {
            "share": classes.share[0].tolist(),
            "mean": classes.mean.tolist(),
            "variance": classes.variance.tolist(),
            "probability": classes.probability.tolist(),
            "relevant": classes.relevant[0].tolist(),
        },
        "choice": None if record.choice is None else _choice_records(record.choice),
        "stability": None if record.stability is None else [float(value) for value in record.stability],
        "verdict": record.verdict,
        "fit": {
            "n_users": float(record.n_users),
            "bic": float(record.criteria[0]),
            "icl": float(record.criteria[1]),
            "n_iter": int(record.n_iter),
        },
    }


def _choice_records(choice: pd.DataFrame) -> list[dict]:
    rows = zip(*(choice[name] for name in CHOICE_COLUMNS), strict=True)
    return [
        {name: kind(value) for (name, kind), value in zip(CHOICE_COLUMNS.items(), row, strict=True)}
        for row in rows
    ]


def _plain(value: Any) -> Any:
    """Turn NumPy scalars, tuples and arrays into what JSON knows; other names into text."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if isinstance(value, (str, bool, int, float, type(None))) else str(value)


def _plain_parameter(value: Any) -> Any:
    if isinstance(value, np.random.RandomState):
        return None  # its state is spent; the fitted model does not depend on it any more
    return _plain(value)


# --- reading -----------------------------------------------------------------------------------


def read_model(data: Mapping[str, Any] | str) -> ModelRecord:
    """Check a model that was written by :func:`write_model`, and rebuild it.

    Raises
    ------
    InputError
        Names the first thing that is not as it should be.

    Examples
    --------
    >>> read_model("{}")
    Traceback (most recent call last):
    segtool.errors.InputError: The model file is not usable: format is missing. Accepted: ...
    """
    try:
        data = json.loads(data) if isinstance(data, str) else data
    except ValueError as error:
        raise _bad("it is not JSON") from error
    _need(isinstance(data, Mapping), "it is not an object")
    _need("format" in data, "format is missing")
    _need(data["format"] == FORMAT, "format is another one")
    _need(data.get("version") == VERSION, f"its version is not {VERSION}")
    _need(set(data) == KEYS, f"its keys are not {', '.join(sorted(KEYS))}")
    try:
        return _rebuild(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise _bad(f"a part of it has the wrong shape or type ({type(error).__name__})") from error


def _bad(what: str) -> InputError:
    return InputError(
        f"The model file is not usable: {what}.",
        f"JSON of format {FORMAT!r}, version {VERSION}, as to_json() writes it.",
        "Save the model again with this version of segtool.",
    )


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise _bad(what)


def _rebuild(data: Mapping[str, Any]) -> ModelRecord:
    n_features, names = _read_features(data["features"])
    plans = tuple(_read_plan(entry, n_features) for entry in data["columns"])
    positions = [plan.position for plan in plans]
    _need(positions == sorted(set(positions)), "columns are not in order")
    stability = data["stability"]
    classes = _read_classes(data["personas"], Layout.from_plans(plans))
    if stability is not None:
        stability = _numbers(stability, (classes.n_classes,), "stability")
    fit = data["fit"]
    _need(isinstance(data["verdict"], str), "verdict is not text")
    return ModelRecord(
        parameters=dict(data["parameters"]),
        n_features=n_features,
        feature_names=names,
        plans=plans,
        left_out=pd.DataFrame(
            [(e["column"], str(e["reason"])) for e in data["left_out"]], columns=["column", "reason"]
        ),
        classes=classes,
        choice=_read_choice(data["choice"]),
        stability=stability,
        verdict=data["verdict"],
        n_users=_number(fit["n_users"], "n_users"),
        criteria=(_number(fit["bic"], "bic"), _number(fit["icl"], "icl")),
        n_iter=int(_number(fit["n_iter"], "n_iter")),
    )


def _read_features(entry: Mapping[str, Any]) -> tuple[int, list[str] | None]:
    n, names = entry["n"], entry["names"]
    _need(
        isinstance(n, int) and not isinstance(n, bool) and n >= 1,
        "the number of features is not a whole number",
    )
    if names is not None:
        _need(len(names) == n and all(isinstance(name, str) for name in names), "feature names do not fit")
        names = list(names)
    return n, names


def _read_plan(entry: Mapping[str, Any], n_features: int) -> ColumnPlan:
    _need(set(entry) == {f.name for f in fields(ColumnPlan)}, "a column has other keys than it should")
    _need(entry["kind"] in KINDS, "a column is of an unknown kind")
    _need(
        type(entry["position"]) is int and 0 <= entry["position"] < n_features,
        "a column's position does not fit",
    )
    _need(
        isinstance(entry["log"], bool) and isinstance(entry["hurdle"], bool),
        "log or hurdle is not true or false",
    )
    numbers = {key: _number(entry[key], key) for key in ("low", "high", "centre", "scale", "weight")}
    _need(numbers["scale"] > 0 and numbers["weight"] > 0, "a column's scale or weight is not above 0")
    number_like = entry["kind"] in ("few", "flag")
    levels = tuple(_number(x, "level") if number_like else _text(x) for x in entry["levels"])
    plan = ColumnPlan(**{**entry, **numbers, "levels": levels, "tail": tuple(map(_text, entry["tail"]))})
    _need(plan.has_number or plan.n_levels >= 2, "a column has fewer than two levels")
    _need(len(set(levels)) == len(levels), "a column has a level twice")
    return plan


def _read_classes(entry: Mapping[str, Any], layout: Layout) -> Classes:
    share = _numbers(entry["share"], (len(entry["share"]),), "share")
    k = len(share)
    _need(k >= 1 and bool((share > 0).all()) and abs(share.sum() - 1) < 1e-6, "shares do not add up to 1")
    mean = _numbers(entry["mean"], (k, layout.n_numbers), "mean")
    variance = _numbers(entry["variance"], (k, layout.n_numbers), "variance")
    _need(bool((variance > 0).all()), "a variance is not above 0")
    probability = _numbers(entry["probability"], (k, layout.n_onehot), "probability")
    sums = layout.sum_levels(probability)
    _need(
        bool((probability > 0).all()) and bool((np.abs(sums - 1) < 1e-6).all()),
        "probabilities do not add up to 1",
    )
    relevant = entry["relevant"]
    _need(
        len(relevant) == len(layout.column_of_part) and all(isinstance(x, bool) for x in relevant),
        "relevant does not fit",
    )
    return Classes(layout, share[None], mean, variance, probability, np.array(relevant, dtype=bool)[None])


def _read_choice(entries) -> pd.DataFrame | None:
    if entries is None:
        return None
    _need(len(entries) > 0 and all(set(row) == set(CHOICE_COLUMNS) for row in entries), "choice does not fit")
    return pd.DataFrame([{name: kind(row[name]) for name, kind in CHOICE_COLUMNS.items()} for row in entries])


def _numbers(values, shape: tuple[int, ...], name: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 == int(np.prod(shape)):
        array = array.reshape(shape)
    _need(array.shape == shape, f"{name} has another shape than the columns ask for")
    _need(bool(np.isfinite(array).all()), f"{name} is not finite")
    return array


def _number(value: Any, name: str) -> float:
    _need(isinstance(value, (int, float)) and not isinstance(value, bool), f"{name} is not a number")
    _need(bool(np.isfinite(value)), f"{name} is not finite")
    return float(value)


def _text(value: Any) -> str:
    _need(isinstance(value, str), "a level is not text")
    return value


class JsonModel:
    """What an estimator needs to be kept: :meth:`save` and :meth:`load` a file, or the JSON itself."""

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
        names = getattr(self, "feature_names_in_", None)
        return write_model(
            ModelRecord(
                parameters=self.get_params(deep=False),
                n_features=self.n_features_in_,
                feature_names=None if names is None else [str(name) for name in names],
                plans=self._plans,
                left_out=self.left_out_,
                classes=self._classes,
                choice=self.choice_,
                stability=self.stability_,
                verdict=self.verdict_,
                n_users=self._n_users,
                criteria=(self.bic_, self.icl_),
                n_iter=self.n_iter_,
            )
        )

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
        record = read_model(data)
        known = set(cls().get_params())
        _need(set(record.parameters) == known, "its parameters are not those of the estimator")
        model = cls(**record.parameters)
        model._check_parameters()
        model.n_features_in_ = record.n_features
        if record.feature_names is not None:
            model.feature_names_in_ = np.array(record.feature_names, dtype=object)
        model._plans, model._layout, model._classes = record.plans, record.classes.layout, record.classes
        model.left_out_, model.choice_, model.stability_ = record.left_out, record.choice, record.stability
        model.verdict_, model._n_users, model.n_iter_ = record.verdict, record.n_users, record.n_iter
        model.bic_, model.icl_ = record.criteria
        model.n_personas_ = record.classes.n_classes
        return model
