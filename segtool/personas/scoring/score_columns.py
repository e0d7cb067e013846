"""What a fitted model says of each column, in the form a statement needs: cells to codes, codes to scores."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from segtool.personas.encode import OTHER, Encoding
from segtool.personas.model_json import ModelRecord
from segtool.personas.table.columns import level_text
from segtool.personas.table.prepare import CLIP, ColumnPlan

# How a truth value may be spelt, the commonest first.
TRUTH = {
    "true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "1.0": True, "0.0": False,
    "-0.0": False,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ScoreColumn:
    """One column of a model.

    Parameters
    ----------
    number : int
        From 1; names the column inside the statement.
    feature : str
        Its name in the model.
    plan : ColumnPlan
    codes : dict of str to (int or None)
        Text of a cell to the place of its level; None for a text that is known to say nothing.
    other : int or None
        Place of the level that every other text belongs to, if there is one.
    levels : ndarray of shape (n_personas, n_levels), or None
        What a level adds to the score of each persona; None if it adds the same to all.
    curve : ndarray of shape (n_personas, 3), or None
        What a standardised number z adds: the factors of 1, z and z squared.
    label : str
        The label it belongs to; the feature itself for a bare model.
    value : str or None
        The value of a many-valued label that it stands for.
    """

    number: int
    feature: str
    plan: ColumnPlan
    codes: dict[str, int | None] = field(default_factory=dict)
    other: int | None = None
    levels: np.ndarray | None = None
    curve: np.ndarray | None = None
    label: str = ""
    value: str | None = None

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers rather than text."""
        return self.plan.kind in ("number", "few")

    @property
    def counts(self) -> bool:
        """Whether it tells personas apart at all."""
        return self.levels is not None or self.curve is not None


def read_score_columns(record: ModelRecord, encoding: Encoding | None = None) -> list[ScoreColumn]:
    """Return the columns of a model in its order, those that tell nobody apart with empty hands.

    Parameters
    ----------
    record : ModelRecord
    encoding : Encoding, optional
        Of the labels the model was fitted on; a bare model has none.
    """
    curves, levels = _split_coefficients(record)
    columns = []
    for i, plan in enumerate(record.plans):
        feature = plan.name if isinstance(plan.name, str) else f"x{plan.name}"
        codes, other = _read_codes(plan, encoding)
        curve, table = curves.get(i), levels.get(i)
        if plan.kind == "scale" and curve is not None:  # as many ranks as levels: no need to compute
            curve, table = None, _tabulate(plan, curve)
        label = feature if encoding is None else encoding.columns[feature]
        value = None
        if encoding is not None and encoding.kinds[label] == "many":
            value = feature[len(label) + 2 :]
        columns.append(
            ScoreColumn(
                i + 1, feature, plan, codes, other, _if_telling(table), _if_telling(curve), label, value
            )
        )
    return columns


def _split_coefficients(record: ModelRecord) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Return column -> factors of (1, z, z squared) and column -> scores of levels, weights applied."""
    classes, layout = record.classes, record.classes.layout
    table = classes.coefficients() * layout.design_weight
    n = layout.n_numbers
    curves = {i: table[:, [2 * n + at, at, n + at]] for at, i in enumerate(layout.number_of)}
    levels = {}
    for part, i in enumerate(layout.level_of):
        start = 3 * n + int(layout.offsets[part])
        levels[i] = table[:, start : start + layout.sizes[part]]
    return curves, levels


def _if_telling(table: np.ndarray | None) -> np.ndarray | None:
    """Return scores unless they are the same for every persona, to the last bit: then they cancel."""
    return None if table is None or not np.ptp(table, axis=0).any() else table


def _tabulate(plan: ColumnPlan, curve: np.ndarray) -> np.ndarray:
    ranks = np.clip(np.arange(len(plan.levels), dtype=float), plan.low, plan.high)
    z = np.clip((ranks - plan.centre) / plan.scale, -CLIP, CLIP)
    return curve[:, :1] + curve[:, 1:2] * z + curve[:, 2:] * z**2


def _read_codes(plan: ColumnPlan, encoding: Encoding | None) -> tuple[dict[str, int | None], int | None]:
    if plan.kind == "flag":
        return {text: int(holds) for text, holds in TRUTH.items()}, None
    if plan.kind in ("number", "few"):
        return {}, None
    place = {text: i for i, text in enumerate(plan.levels)} | dict.fromkeys(plan.tail, len(plan.levels))
    if encoding is None or plan.name not in encoding.categories:
        return _with_spellings(place), None
    # a value goes through the encoding's list first and through the model's own after it
    values = encoding.categories[plan.name]
    codes = {value: place.get(level_text(value)) for value in values}
    if encoding.kinds[encoding.columns[plan.name]] == "flag":
        codes |= {text: codes.get("yes" if holds else "no") for text, holds in TRUTH.items()}
    return codes, codes.get(OTHER)


def _with_spellings(place: Mapping[str, int]) -> dict[str, int | None]:
    """Add the texts by which SQL writes the same number or truth value: 1 as 1.0, True as true."""
    codes: dict[str, int | None] = dict(place)
    for text, code in place.items():
        if re.fullmatch(r"-?[0-9]+", text):
            codes.setdefault(f"{text}.0", code)
        elif text in ("True", "False"):
            codes.setdefault(text.lower(), code)
    return codes


def drop_absent(columns: Collection[ScoreColumn], absent: Collection[str]) -> list[ScoreColumn]:
    """Return the columns of labels that are there; what is absent is unknown of everybody."""
    return [column for column in columns if column.label not in absent]
