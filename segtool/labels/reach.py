"""How far back a log reaches: half a year cannot be looked at in a log of a month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from sqlglot import exp

from segtool.display import join_words
from segtool.labels.expressions import Expression, conjuncts
from segtool.labels.measures import Measure

if TYPE_CHECKING:
    from segtool.labels.claims import Claim
    from segtool.labels.definitions import Label

# "Has bought nothing in half a year" is believable of a log of five months, not of one of two.
TOO_SHORT = 2.5
# What is longer than the log by so little is no news: a log of 180 days reaches back 179.6.
LONGER = 1.25
MOST_NAMED = 8


@dataclass(frozen=True)
class Reach:
    """The stretch of time a table covers.

    Parameters
    ----------
    table : str
    days : float
        From its oldest row to as_of, in days.
    first, last : datetime.date
        Local days of its oldest and its newest row.
    """

    table: str
    days: float
    first: date
    last: date

    @property
    def n_days(self) -> str:
        """How many local days there are from the oldest to the newest row, in words."""
        n = (self.last - self.first).days + 1
        return "1 day" if n == 1 else f"{n:,} days"

    def __str__(self) -> str:
        return f"{self.table} cover {self.n_days} ({self.first} to {self.last})"


def find_window(expressions: Iterable[Expression | None]) -> float | None:
    """Return how many days back a filter looks, None where it says no such number.

    Examples
    --------
    >>> from segtool.labels.expressions import check_expression
    >>> find_window([check_expression("event = 'purchase' and age_days < 180", "where")])
    180.0
    """
    found = [
        days
        for expression in expressions
        if expression is not None
        for part in conjuncts(expression.tree)
        if (days := _upper_bound(part)) is not None
    ]
    return min(found) if found else None


def _upper_bound(part: exp.Expression) -> float | None:
    column, bound = None, None
    if isinstance(part, (exp.LT, exp.LTE)):
        column, bound = part.left, part.right
    elif isinstance(part, (exp.GT, exp.GTE)):
        column, bound = part.right, part.left
    elif isinstance(part, exp.Between):
        column, bound = part.this, part.args["high"]
    is_age = isinstance(column, exp.Column) and column.name.lower() == "age_days"
    is_number = isinstance(bound, exp.Literal) and not bound.is_string
    return float(bound.this) if is_age and is_number else None


def without_false_zeros(measures: Mapping[str, Measure], reaches: Mapping[str, Reach]) -> dict[str, Measure]:
    """Return measures for which no rows are unknown, not 0, where the log is far shorter than their window."""
    return {
        name: replace(measure, no_rows=None) if _is_blind(measure, reaches.get(measure.table)) else measure
        for name, measure in measures.items()
    }


def _is_blind(measure: Measure, reach: Reach | None) -> bool:
    if reach is None or measure.no_rows != 0 or measure.is_derived:
        return False
    window = find_window([measure.condition])
    return window is not None and window >= TOO_SHORT * reach.days


def note_short_log(
    labels: Iterable[tuple[Label, Iterable[tuple[int, Claim]]]],
    measures: Mapping[str, Measure],
    reaches: Mapping[str, Reach],
) -> tuple[str, ...]:
    """Return one note per table that is shorter than the windows of some labels.

    Parameters
    ----------
    labels : iterable of (Label, claims with their numbers)
        What is computed.
    measures : Mapping
    reaches : Mapping
        Table -> how far back it reaches.
    """
    notes = []
    for reach in reaches.values():
        long = {
            name
            for name, measure in measures.items()
            if _looks_beyond([measure.condition], measure.table, reach)
        }
        named = [label.name for label, claims in labels if _rests_on(claims, long, measures, reach)]
        if not named:
            continue
        more = [f"{len(named) - MOST_NAMED} more"] if len(named) > MOST_NAMED else []
        blind = any(_is_blind(measure, reach) for measure in measures.values())
        notes.append(
            f"{reach}: windows longer than that look at {reach.n_days} alone. They are in: "
            f"{join_words([*named[:MOST_NAMED], *more])}."
            + (" Where a window is far longer, no rows count as unknown, not as 0." if blind else "")
        )
    return tuple(notes)


def _looks_beyond(expressions: Iterable[Expression | None], table: str | None, reach: Reach) -> bool:
    window = find_window(expressions) if table == reach.table else None
    return window is not None and window > LONGER * reach.days


def _rests_on(claims, long: set[str], measures: Mapping[str, Measure], reach: Reach) -> bool:
    by_lower = {name.lower(): measure for name, measure in measures.items()}
    for _, claim in claims:
        if _looks_beyond(claim.table_expressions().values(), claim.table(), reach):
            return True
        front = list(claim.measures())
        while front:
            measure = by_lower[front.pop().lower()]
            if measure.name in long:
                return True
            front += measure.needs()
    return False
