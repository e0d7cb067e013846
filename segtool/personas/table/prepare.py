"""From columns of any kind to the two matrices a latent class model reads.

Preparation decides more than the algorithm does: counts and amounts are log-scaled, zeros split
off, outliers tamed, short scales read as levels. What is missing stays missing all the way: it is
coded as such and adds nothing to any likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from segtool.errors import InputError
from segtool.personas.table.columns import RawColumn, level_text

MAX_SHORT_SCALE = 8  # an ordered column this short is better read as levels than as a number
TOP_LEVELS = 30
HURDLE_SHARE = 0.10  # more zeros than this and "none" is a state of its own, not a small amount
# Any other value that most users have ("one order") is a state, too: a normal class would settle on the
# spike and win the likelihood; at 70 % of equal counts nothing else was found any more.
SPIKE_SHARE = 0.5
CLIP = 4.0  # standard deviations; one gross outlier must not own a persona


@dataclass(frozen=True)
class ColumnPlan:
    """How one column becomes parts of the model; everything here goes into the JSON.

    Parameters
    ----------
    name : str or int
    kind : {"number", "few", "flag", "text", "ordered", "scale"}
        ``few`` is a number with so few values that each is a level; ``scale`` is an ordered
        column so long that its ranks are numbers.
    levels : tuple
        Levels in use: text, or numbers for ``few`` and ``flag``.
    tail : tuple of str
        Rare levels that share the last level, "(other)".
    log, hurdle : bool
        Take log(1 + x); make ``spike`` a level and let the number speak only elsewhere.
    spike : float
        Zero, or the one value that most users have.
    low, high : float
        Where the (log) number is cut.
    centre, scale : float
        What standardises it.
    weight : float
        How much the column counts; 1 is a whole label.
    position : int
        Where the column stands in the input.
    confidence : float
        How surely its known cells were right on average when the model was fitted: a cell counts by
        how far it is above or below that, for the average itself is in the parameters already.
    """

    name: Any
    kind: str
    levels: tuple = ()
    tail: tuple[str, ...] = ()
    log: bool = False
    hurdle: bool = False
    low: float = 0.0
    high: float = 0.0
    centre: float = 0.0
    scale: float = 1.0
    weight: float = 1.0
    position: int = 0
    confidence: float = 1.0
    spike: float = 0.0

    @property
    def has_number(self) -> bool:
        return self.kind in ("number", "scale")

    @property
    def n_levels(self) -> int:
        """Levels of its categorical part; 0 if it has none."""
        if self.has_number:
            return 2 if self.hurdle else 0
        return len(self.levels) + bool(self.tail)


def learn_plan(column: RawColumn, weights: np.ndarray, weight: float = 1.0) -> ColumnPlan:
    """Decide how a column is prepared, from the distinct rows in canonical order.

    Parameters
    ----------
    column : RawColumn
    weights : ndarray of shape (n_distinct,)
    weight : float
        How much the column is to count.

    Examples
    --------
    >>> spend = RawColumn("spend", "number", np.exp(np.linspace(0, 9, 200)))
    >>> learn_plan(spend, np.ones(200)).log
    True
    """
    return replace(_learn_parts(column, weights, weight), confidence=_typical_confidence(column, weights))


def _typical_confidence(column: RawColumn, weights: np.ndarray) -> float:
    if column.confidence is None:
        return 1.0
    told = column.known & ~np.isnan(column.confidence) & (weights > 0)
    mean = float(np.average(column.confidence[told], weights=weights[told])) if told.any() else 1.0
    return mean if mean > 0 else 1.0


def _learn_parts(column: RawColumn, weights: np.ndarray, weight: float) -> ColumnPlan:
    known = column.known
    values, inverse = np.unique(column.values[known], return_inverse=True)
    counts = np.bincount(inverse, weights=weights[known], minlength=len(values))
    if column.kind == "flag":
        return ColumnPlan(column.name, "flag", levels=(0.0, 1.0), weight=weight)
    if column.kind == "text":
        return _plan_text(column, values, counts, weight)
    if column.kind == "ordered" and len(values) <= MAX_SHORT_SCALE:
        levels = tuple(column.levels[int(code)] for code in values)
        return ColumnPlan(column.name, "ordered", levels=levels, weight=weight)
    if column.kind == "ordered":
        low, high, centre, scale = _standardise(values.astype(float), counts)
        return ColumnPlan(
            column.name,
            "scale",
            levels=column.levels,
            low=low,
            high=high,
            centre=centre,
            scale=scale,
            weight=weight,
        )
    return _plan_number(column.name, values, counts, weight)


def _plan_text(column: RawColumn, values, counts, weight: float) -> ColumnPlan:
    by_size = sorted(range(len(values)), key=lambda i: (-counts[i], column.levels[int(values[i])]))
    kept = sorted(column.levels[int(values[i])] for i in by_size[:TOP_LEVELS])
    tail = sorted(column.levels[int(values[i])] for i in by_size[TOP_LEVELS:])
    return ColumnPlan(column.name, "text", levels=tuple(kept), tail=tuple(tail), weight=weight)


def _plan_number(name: Any, values: np.ndarray, counts: np.ndarray, weight: float) -> ColumnPlan:
    total = counts.sum()
    if len(values) == 2 or (len(values) <= MAX_SHORT_SCALE and total >= 10 * len(values)):
        return ColumnPlan(name, "few", levels=tuple(float(v) for v in values), weight=weight)
    spike = _find_spike(values, counts / total)
    hurdle = spike is not None
    if hurdle:
        elsewhere = values != spike
        values, counts = values[elsewhere], counts[elsewhere]
    log = bool(values[0] >= 0 and _skewness(values, counts) > 1)
    scaled = np.log1p(values) if log else values
    low, high, centre, scale = _standardise(scaled, counts)
    return ColumnPlan(
        name, "number", log=log, hurdle=hurdle, low=low, high=high, centre=centre, scale=scale, weight=weight,
        spike=spike or 0.0,
    )  # fmt: skip


def _find_spike(values: np.ndarray, shares: np.ndarray) -> float | None:
    """Return the value that is a state of its own, or None: zero, or what most users have."""
    if len(values) <= 3:
        return None
    if values[0] == 0 and shares[0] > HURDLE_SHARE:
        return 0.0
    most = int(shares.argmax())
    is_state = shares[most] > SPIKE_SHARE and values[most] != 0  # zero amid gains and losses is no state
    return float(values[most]) if is_state else None


def _skewness(values: np.ndarray, counts: np.ndarray) -> float:
    values = values / np.abs(values).max()  # cubes of huge amounts would overflow
    mean = np.average(values, weights=counts)
    spread = np.sqrt(np.average((values - mean) ** 2, weights=counts))
    return float(np.average((values - mean) ** 3, weights=counts) / spread**3) if spread > 0 else 0.0


def _standardise(values: np.ndarray, counts: np.ndarray) -> tuple[float, float, float, float]:
    """Cut at 4 robust standard deviations, then take mean and deviation of what is left.

    The quartiles, not the moments, say where to cut: 1 % of gross outliers would otherwise
    widen the very ruler they are measured with.
    """
    middle, spread = _robust_spread(values, counts)
    low, high = middle - CLIP * spread, middle + CLIP * spread
    cut = np.clip(values, low, high)
    biggest = max(float(np.abs(cut).max()), 1e-300)
    centre = float(np.average(cut / biggest, weights=counts) * biggest)
    scale = float(np.sqrt(np.average(((cut - centre) / biggest) ** 2, weights=counts)) * biggest)
    return float(low), float(high), centre, scale if scale > 0 else 1.0


def _robust_spread(values: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    share = np.cumsum(counts) / counts.sum()
    first, middle, third = values[np.minimum(np.searchsorted(share, [0.25, 0.5, 0.75]), len(values) - 1)]
    spread = (third - first) / 1.349
    if spread > 0:
        return float(middle), float(spread)
    biggest = float(np.abs(values).max())
    mean = np.average(values / biggest, weights=counts)
    deviation = np.sqrt(np.average((values / biggest - mean) ** 2, weights=counts))
    return float(mean * biggest), float(deviation * biggest)


@dataclass(frozen=True)
class Prepared:
    """Users as the model reads them.

    Parameters
    ----------
    numbers : ndarray of shape (n_users, n_numbers)
        Standardised, NaN where missing (or where the hurdle says zero).
    codes : ndarray of shape (n_users, n_level_parts), int32
        Level of each categorical part, -1 where missing.
    trust : ndarray of shape (n_users, n_columns), or None
        What each cell counts for, 1 on average; None where all count alike.
    """

    numbers: np.ndarray
    codes: np.ndarray = field(repr=False)
    trust: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows) -> Prepared:
        trust = None if self.trust is None else self.trust[rows]
        return Prepared(self.numbers[rows], self.codes[rows], trust)


def prepare(columns: Sequence[RawColumn], plans: Sequence[ColumnPlan], n_users: int) -> Prepared:
    """Apply the plans; a level the model never met is missing.

    Parameters
    ----------
    columns : sequence of RawColumn
        One per plan, in the same order.
    plans : sequence of ColumnPlan
    n_users : int
        Rows, needed when there is no column at all.

    Raises
    ------
    InputError
        If a column of numbers has become text.
    """
    numbers = np.full((n_users, sum(plan.has_number for plan in plans)), np.nan)
    codes = np.full((n_users, sum(plan.n_levels > 0 for plan in plans)), -1, dtype=np.int32)
    number, level = 0, 0
    for column, plan in zip(columns, plans, strict=True):
        if plan.has_number:
            values = _ranks(column, plan) if plan.kind == "scale" else _numbers(column, plan)
            numbers[:, number] = _scaled(values, plan)
            number += 1
        if plan.hurdle:
            codes[:, level] = np.where(np.isnan(values), -1, _is_elsewhere(values, plan))
        elif plan.n_levels:
            codes[:, level] = _level_codes(column, plan)
        level += plan.n_levels > 0
    return Prepared(numbers, codes, _trust(columns, plans, n_users))


def _trust(columns: Sequence[RawColumn], plans: Sequence[ColumnPlan], n_users: int) -> np.ndarray | None:
    """Return what each cell counts for, or None where all count alike.

    A confidence counts by its ratio to the column's own average. Plain confidences were tried and
    lowered the agreement with planted personas from .61 to .52: what a column is wrong about on
    average is in its parameters, and would be held against it twice. The ratio raised it to .65.
    """
    if all(column.confidence is None for column in columns):
        return None
    trust = np.ones((n_users, len(plans)))
    for i, (column, plan) in enumerate(zip(columns, plans, strict=True)):
        if column.confidence is not None:
            ratio = column.confidence / plan.confidence
            trust[:, i] = np.where(np.isnan(ratio), 1.0, ratio)
    return trust


def _numbers(column: RawColumn, plan: ColumnPlan) -> np.ndarray:
    if column.values.dtype.kind == "f":
        return column.values
    if not column.known.any():
        return np.full(len(column.values), np.nan)
    raise InputError(
        f"Column {plan.name!r} was numbers when the model was fitted and is text now.",
        "the kind of column the model was fitted on.",
        "Convert it with pandas.to_numeric.",
    )


def _ranks(column: RawColumn, plan: ColumnPlan) -> np.ndarray:
    codes = _text_codes(column, plan.levels, ())
    return np.where(codes >= 0, codes.astype(float), np.nan)


def _scaled(values: np.ndarray, plan: ColumnPlan) -> np.ndarray:
    if plan.hurdle:
        values = np.where(_is_elsewhere(values, plan), values, np.nan)
    if plan.log:
        values = np.log1p(np.maximum(values, 0.0))  # a refund after the fit must not become NaN
    cut = np.clip(values, plan.low, plan.high)
    return np.clip((cut - plan.centre) / plan.scale, -CLIP, CLIP)


def _is_elsewhere(values: np.ndarray, plan: ColumnPlan) -> np.ndarray:
    """Return which numbers are not at the spike; a refund after the fit is no more than nothing."""
    return values > 0 if plan.spike == 0 else values != plan.spike


def _level_codes(column: RawColumn, plan: ColumnPlan) -> np.ndarray:
    if plan.kind in ("text", "ordered"):
        return _text_codes(column, plan.levels, plan.tail)
    values = _numbers(column, plan)
    known = ~np.isnan(values)
    if plan.kind == "flag":
        known &= np.isin(values, (0.0, 1.0))
        return np.where(known, values == 1.0, -1)
    # "9 orders", never met, is nearest to the highest level, and more alike to it than to unknown
    levels = np.asarray(plan.levels)
    nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, np.where(known, values, 0.0), side="right")
    return np.where(known, nearest, -1)


def _text_codes(column: RawColumn, levels: Sequence[str], tail: Sequence[str]) -> np.ndarray:
    place = {text: i for i, text in enumerate(levels)} | dict.fromkeys(tail, len(levels))
    if column.values.dtype.kind == "f":
        column = _numbers_as_text(column)
    translate = np.array([place.get(text, -1) for text in column.levels] + [-1], dtype=np.int32)
    return translate[column.values]


def _numbers_as_text(column: RawColumn) -> RawColumn:
    codes, found = pd.factorize(column.values, use_na_sentinel=True)
    if column.kind == "flag":
        found = [bool(value) for value in found]
    return RawColumn(column.name, "text", codes.astype(np.int64), tuple(level_text(value) for value in found))
