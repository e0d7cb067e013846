"""What claims over single rows share: which rows, their times and days, and words for evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.claims.base import Claim, check_predicate
from segtool.labels.expressions import Expression, check_expression
from segtool.labels.plans import PRIMARY_TIMES

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext

# A century: longer than any log, and far from where timestamps overflow.
MAX_DAYS = 36_525


@dataclass(frozen=True, kw_only=True)
class RowsClaim(Claim):
    """A claim over the rows of a table that has a time.

    Parameters
    ----------
    last_days : float, optional
        Only rows of the last so many days before ``as_of``.
    between : (date, date), optional
        Only rows from the first day to the second, both included, in the study's time zone.
    during : str, optional
        What the days in `between` are called, such as a campaign; shown in the evidence.
    needs : str, optional
        The least evidence, a predicate over measures; below it the claim abstains.
    """

    last_days: float | None = None
    between: tuple[str, str] | None = None
    during: str | None = None
    needs: str | None = None

    table_name: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.table_name not in PRIMARY_TIMES:
            raise DefinitionError(
                f"{self.kind} reads {self.table_name!r}, which has no rows of users with a time.",
                did_you_mean(self.table_name, PRIMARY_TIMES),
            )
        if self.last_days is not None:
            check_days(f"{self.kind}.last_days", self.last_days)
        if self.between is not None:
            object.__setattr__(self, "between", _read_days(f"{self.kind}.between", self.between))
        if self.during is not None and self.between is None:
            raise DefinitionError(f"{self.kind}.during has no dates.", "between = [first day, last day].")
        if self.last_days is not None and self.between is not None:
            raise DefinitionError(f"{self.kind} has last_days and dates.", "one of them.")
        self.table_expressions()
        self.predicates()

    def predicates(self) -> dict[str, Expression]:
        """Return `needs`, when there is one."""
        return {"needs": check_predicate(self.needs, f"{self.kind}.needs")} if self.needs else {}

    def table(self) -> str:
        """Return the table of the rows."""
        return self.table_name

    def table_expressions(self) -> dict[str, Expression]:
        """Return the time, and the period as a filter."""
        time = PRIMARY_TIMES[self.table_name]
        found = {"time": check_expression(time, f"{self.kind}.time")}
        if self.last_days is not None:
            found["period"] = check_expression(
                f"age_days < {number(self.last_days)}", f"{self.kind}.last_days"
            )
        if self.between is not None:
            first, last = self.between
            text = f"local_date between date '{first}' and date '{last}'"
            found["period"] = check_expression(text, f"{self.kind}.between")
        return found

    def checked(self, name: str, text: str | None) -> dict[str, Expression]:
        """Return a filter over single rows under its name, or nothing where there is none."""
        return {name: check_expression(text, f"{self.kind}.{name}")} if text is not None else {}

    def is_over(self, context: ClaimContext) -> bool:
        """Whether no row of the period can still come: what did not happen may happen until then."""
        if self.between is None:
            return True
        return context.as_of_date is not None and self.between[1] < context.as_of_date.isoformat()

    def period_words(self) -> str:
        """Return the period for the evidence, with a blank before it."""
        if self.last_days is not None:
            return f" in the last {number(self.last_days)} days"
        if self.between is None:
            return ""
        dates = " to ".join(self.between)
        return f" in {self.during} ({dates})" if self.during else f" from {dates}"


def day_of(context: ClaimContext, table: str) -> str:
    """Return SQL of the day of a row, in the study's zone where it is known."""
    if context.has_column(table, "local_date"):
        return "local_date"
    return f"CAST({context.time_of(table)} AS DATE)"


def age_of(context: ClaimContext, table: str) -> str:
    """Return SQL of the age of a row in days, which only what expires asks for."""
    is_asked = context.claim.expires_days is not None and context.has_column(table, "age_days")
    return "age_days" if is_asked else "CAST(NULL AS DOUBLE)"


def where(*conditions: str | None) -> str:
    """Return a WHERE clause of the conditions that are there."""
    there = [f"({condition})" for condition in conditions if condition]
    return f"\nWHERE {' AND '.join(there)}" if there else ""


def interval(days: float) -> str:
    """Return a length of time as SQL, exact to the second.

    Examples
    --------
    >>> interval(7), interval(0.5)
    ("INTERVAL '7' DAY", "INTERVAL '43200' SECOND")
    """
    return f"INTERVAL '{int(days)}' DAY" if days == int(days) else f"INTERVAL '{round(days * 86_400)}' SECOND"


def number(value: float) -> str:
    """Return a number without a needless point: 7, 0.5."""
    return str(int(value)) if value == int(value) else repr(float(value))


def say_rows(context: ClaimContext, n: str, table: str, where: str | None, of: str = "") -> str:
    """Return SQL of "14 visits" or "1 visit"; ``of`` is another word for one of them."""
    many = context.noun(table, where)
    one = context.event_word(table, where) or (
        f"{many[:-3]}y" if many.endswith("ies") else many.removesuffix("s")
    )
    if of:
        one, many = of, f"{of}s"
    several = f"CAST({n} AS VARCHAR) || {context.text(f' {many}')}"
    return f"CASE WHEN {n} = 1 THEN {context.text(f'1 {one}')} ELSE {several} END"


def count_words(context: ClaimContext, n: str, table: str, where: str | None, of: str = "") -> str:
    """Return SQL of " (n = 14 visits)"."""
    return f"' (n = ' || {say_rows(context, n, table, where, of)} || ')'"


def say_days(first: str, last: str) -> str:
    """Return SQL of "2026-03-01 to 2026-03-07", or of the one day."""
    return (
        f"CASE WHEN {first} = {last} THEN CAST({last} AS VARCHAR) "
        f"ELSE CAST({first} AS VARCHAR) || ' to ' || CAST({last} AS VARCHAR) END"
    )


def check_days(place: str, days: object) -> None:
    """Check a length of time in days."""
    is_number = isinstance(days, (int, float)) and not isinstance(days, bool)
    if not is_number or not 0 < days <= MAX_DAYS:
        raise DefinitionError(f"{place} is {days!r}.", f"days, above 0 and at most {MAX_DAYS:,}.")


def check_values(kind: str, yes: str, no: str) -> None:
    """Check the two values of a claim that says yes or no."""
    if not yes or yes == no:
        raise DefinitionError(f"{kind} has no value of its own for yes.", "yes and no that differ.")


def _read_days(place: str, days: Sequence) -> tuple[str, str]:
    accepted = 'two days, the earlier one first, such as ["2026-06-01", "2026-06-18"].'
    if not isinstance(days, (list, tuple)) or len(days) != 2:
        raise DefinitionError(f"{place} is not two days.", accepted)
    first, last = (_read_day(place, day, accepted) for day in days)
    if last < first:
        raise DefinitionError(f"{place} ends before it begins.", accepted)
    return first, last


def _read_day(place: str, day: object, accepted: str) -> str:
    if isinstance(day, datetime):
        day = day.date() if (day.hour, day.minute, day.second) == (0, 0, 0) else str(day)
    try:
        found = day if isinstance(day, date) else date.fromisoformat(str(day))
    except ValueError:
        raise DefinitionError(f"{place} has {day!r}, which is no day.", accepted) from None
    return found.isoformat()
