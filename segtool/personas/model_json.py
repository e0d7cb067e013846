"""A fitted model as JSON: every number that decides a membership, and nothing that can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
import pandas as pd

from segtool.errors import InputError
from segtool.personas.json_parts import (
    JsonModel,
    bad_file,
    need,
    open_model,
    plain_parameter,
    read_features,
    read_left_out,
    read_number,
    read_numbers,
    read_plans,
    write_left_out,
    write_plans,
)
from segtool.personas.latent.mixture import Classes
from segtool.personas.number.structure import Structure
from segtool.personas.table.design import Layout
from segtool.personas.table.prepare import ColumnPlan

FORMAT = "segtool.latent_class_personas"
VERSION = 2
KEYS = {"format", "version", "parameters", "features", "columns", "left_out", "personas"}
KEYS |= {"choice", "structure", "stability", "verdict", "fit"}
CHOICE_COLUMNS = {
    "k": int, "icl": float, "bic": float, "cost": float, "stability": float, "min_jaccard": float, "mean_jaccard": float,
    "separation": float, "min_share": float, "prediction_strength": float, "jaccard": str, "n_filled": int,
    "n_differing": float, "n_apart": float, "one_axis": float, "passes": bool, "chosen": bool, "recommended": bool,
    "runner_up": bool, "reason": str, "change": str,
}  # fmt: skip

HIDDEN = "min_share"  # null where an export leaves out the size of a small persona


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
    structure: Structure | None
    stability: np.ndarray | None
    verdict: str
    n_users: float
    criteria: tuple[float, float]
    n_iter: int
    softening: float = 0.0


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
        "parameters": {name: plain_parameter(value) for name, value in record.parameters.items()},
        "features": {"n": int(record.n_features), "names": record.feature_names},
        "columns": write_plans(record.plans),
        "left_out": write_left_out(record.left_out),
        "personas": {
            "share": classes.share[0].tolist(),
            "mean": classes.mean.tolist(),
            "variance": classes.variance.tolist(),
            "probability": classes.probability.tolist(),
            "relevant": classes.relevant[0].tolist(),
        },
        "choice": None if record.choice is None else _choice_records(record.choice),
        "structure": None if record.structure is None else asdict(record.structure),
        "stability": None if record.stability is None else [float(value) for value in record.stability],
        "verdict": record.verdict,
        "fit": {
            "n_users": float(record.n_users),
            "bic": float(record.criteria[0]),
            "icl": float(record.criteria[1]),
            "n_iter": int(record.n_iter),
            "softening": float(record.softening),
        },
    }


def _choice_records(choice: pd.DataFrame) -> list[dict]:
    rows = zip(*(choice[name] for name in CHOICE_COLUMNS), strict=True)
    return [
        {
            name: None if name == HIDDEN and value != value else kind(value)
            for (name, kind), value in zip(CHOICE_COLUMNS.items(), row, strict=True)
        }
        for row in rows
    ]


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
    data = open_model(data, FORMAT, VERSION, KEYS)
    try:
        return _rebuild(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise bad_file(f"a part of it has the wrong shape or type ({type(error).__name__})") from error


def _rebuild(data: Mapping[str, Any]) -> ModelRecord:
    n_features, names = read_features(data["features"])
    plans = read_plans(data["columns"], n_features)
    stability = data["stability"]
    classes = _read_classes(data["personas"], Layout.from_plans(plans))
    if stability is not None:
        stability = read_numbers(stability, (classes.n_classes,), "stability")
    fit = data["fit"]
    need(isinstance(data["verdict"], str), "verdict is not text")
    softening = read_number(fit["softening"], "softening")
    need(softening >= 0, "softening is below 0")
    return ModelRecord(
        parameters=dict(data["parameters"]),
        n_features=n_features,
        feature_names=names,
        plans=plans,
        left_out=read_left_out(data["left_out"]),
        classes=classes,
        choice=_read_choice(data["choice"]),
        structure=None if data["structure"] is None else _read_structure(data["structure"]),
        stability=stability,
        verdict=data["verdict"],
        n_users=read_number(fit["n_users"], "n_users"),
        criteria=(read_number(fit["bic"], "bic"), read_number(fit["icl"], "icl")),
        n_iter=int(read_number(fit["n_iter"], "n_iter")),
        softening=softening,
    )


def _read_classes(entry: Mapping[str, Any], layout: Layout) -> Classes:
    share = read_numbers(entry["share"], (len(entry["share"]),), "share")
    k = len(share)
    need(k >= 1 and bool((share > 0).all()) and abs(share.sum() - 1) < 1e-6, "shares do not add up to 1")
    mean = read_numbers(entry["mean"], (k, layout.n_numbers), "mean")
    variance = read_numbers(entry["variance"], (k, layout.n_numbers), "variance")
    need(bool((variance > 0).all()), "a variance is not above 0")
    probability = read_numbers(entry["probability"], (k, layout.n_onehot), "probability")
    sums = layout.sum_levels(probability)
    need(
        bool((probability > 0).all()) and bool((np.abs(sums - 1) < 1e-6).all()),
        "probabilities do not add up to 1",
    )
    relevant = entry["relevant"]
    need(
        len(relevant) == len(layout.column_of_part) and all(isinstance(x, bool) for x in relevant),
        "relevant does not fit",
    )
    return Classes(layout, share[None], mean, variance, probability, np.array(relevant, dtype=bool)[None])


def _read_structure(entry: Mapping[str, Any]) -> Structure:
    need(set(entry) == {f.name for f in fields(Structure)}, "structure does not fit")
    numbers = {name: read_number(value, name) for name, value in entry.items()}
    counts = ("n_axes", "n_shuffles", "n_users", "n_labels")
    return Structure(**{**numbers, **{name: int(numbers[name]) for name in counts}})


def _read_choice(entries) -> pd.DataFrame | None:
    if entries is None:
        return None
    need(len(entries) > 0 and all(set(row) == set(CHOICE_COLUMNS) for row in entries), "choice does not fit")
    return pd.DataFrame(
        [
            {
                name: float("nan") if name == HIDDEN and row[name] is None else kind(row[name])
                for name, kind in CHOICE_COLUMNS.items()
            }
            for row in entries
        ]
    )


class LatentClassJson(JsonModel):
    """The JSON of a latent class model."""

    json_format = FORMAT

    def _write_json(self) -> dict[str, Any]:
        return write_model(
            ModelRecord(
                parameters=self.get_params(deep=False),
                n_features=self.n_features_in_,
                feature_names=self._feature_names(),
                plans=self._plans,
                left_out=self.left_out_,
                classes=self._classes,
                choice=self.choice_,
                structure=self.structure_,
                stability=self.stability_,
                verdict=self.verdict_,
                n_users=self._n_users,
                criteria=(self.bic_, self.icl_),
                n_iter=self.n_iter_,
                softening=self.softening_,
            )
        )

    @classmethod
    def _read_json(cls, data: Mapping[str, Any] | str) -> Self:
        record = read_model(data)
        model = cls._with_parameters(record.parameters)
        model._set_features(record.n_features, record.feature_names)
        model._plans, model._layout, model._classes = record.plans, record.classes.layout, record.classes
        model.left_out_, model.choice_, model.stability_ = record.left_out, record.choice, record.stability
        model.structure_ = record.structure
        model.verdict_, model._n_users, model.n_iter_ = record.verdict, record.n_users, record.n_iter
        model.bic_, model.icl_ = record.criteria
        model.softening_ = record.softening
        model.n_personas_ = record.classes.n_classes
        return model
