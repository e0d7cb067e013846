"""Times: whether something happened so many times, within some window or in a period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.errors import DefinitionError
from segtool.labels import confidence as c
from segtool.labels.claims import rows
from segtool.labels.expressions import Expression
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext

MAX_TIMES = 10_000


@dataclass(frozen=True)
class Times(rows.RowsClaim):
    """Yes when at least so many rows lie in the period, or within some window of so many days in it.

    "No" is only said of users who are in the table by the end of the period, and only when the
    period is over; who was never seen is not known.

    Parameters
    ----------
    table_name : str
        Where to count (``from`` in a TOML file).
    at_least : int
        How many rows.
    within_days : float, optional
        They lie within some window of so many days, its end not included: three rows on the 1st,
        5th and 8th at one hour are not "3 within 7 days", on the 1st, 5th and 7th they are.
        Without it they only have to lie in the period.
    where : str, optional
        Which rows count.
    distinct_days : bool
        Rows of one day count once.
    yes, no : str
        The values; an empty ``no`` keeps silent instead.

    Examples
    --------
    >>> Times("events", 3, within_days=7, where="event = 'purchase'").said_values()
    ('no', 'yes')
    >>> Times("events", 1, within_days=7)
    Traceback (most recent call last):
    segtool.errors.DefinitionError: times.within_days stands with at_least = 1. ...
    """

    kind: ClassVar[str] = "times"
    is_closed: ClassVar[bool] = True

    table_name: str
    at_least: int
    within_days: float | None = None
    where: str | None = None
    distinct_days: bool = False
    yes: str = "yes"
    no: str = "no"

    def __post_init__(self) -> None:
        is_count = isinstance(self.at_least, int) and not isinstance(self.at_least, bool)
        if not is_count or not 1 <= self.at_least <= MAX_TIMES:
            raise DefinitionError(f"times.at_least is {self.at_least!r}.", f"1 to {MAX_TIMES:,}.")
        if self.within_days is not None:
            rows.check_days("times.within_days", self.within_days)
            if self.at_least == 1:
                raise DefinitionError(
                    "times.within_days stands with at_least = 1.",
                    "at_least of 2 or more.",
                    "For the last so many days before as_of write last_days.",
                )
        rows.check_values(self.kind, self.yes, self.no)
        super().__post_init__()

    def table_expressions(self) -> dict[str, Expression]:
        """Return the time and the filters."""
        return super().table_expressions() | self.checked("where", self.where)

    def said_values(self) -> tuple[str, ...]:
        """Return no and yes."""
        return (self.no, self.yes) if self.no else (self.yes,)

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Count, find the last window that is full, and say no of those who were there."""
        counted, found, seen = (f"{context.prefix}__{part}" for part in ("counted", "found", "seen"))
        says_no = bool(self.no) and self.is_over(context)
        steps = [
            Step(counted, self._rows_sql(context), "the rows that count, and where their window begins"),
            Step(found, self._found_sql(counted), "per user, the last window that is full"),
        ]
        if says_no:
            steps.append(Step(seen, self._seen_sql(context), "who was there to be counted"))
        final = self._final_sql(context, found, seen if says_no else None)
        steps.append(Step(context.table, final, f"claims of {context.claim_id}", keep="table"))
        return RowsPlan(steps=tuple(steps), evidence=self._evidence(context), one_per_user=True)

    def _rows_sql(self, context: ClaimContext) -> str:
        sql = context.table_sql(self)
        day, age = rows.day_of(context, self.table_name), rows.age_of(context, self.table_name)
        filters = rows.where(f"{sql['time']} IS NOT NULL", sql.get("where"), sql.get("period"))
        table = c.quoted(self.table_name)
        picked = f"SELECT user_id, {sql['time']} AS moment, {day} AS day, {age} AS age\nFROM {table}{filters}"
        if self.distinct_days:
            picked = (
                f"SELECT user_id, CAST({day} AS TIMESTAMP) AS moment, {day} AS day, min({age}) AS age\n"
                f"FROM {table}{filters}\nGROUP BY user_id, {day}"
            )
        if self.within_days is None:
            return picked
        lags = ", ".join(
            f"lag({column}, {self.at_least - 1}) OVER (PARTITION BY user_id ORDER BY moment, day) AS first_{column}"
            for column in ("moment", "day")
        )
        return f"SELECT *, {lags}\nFROM (\n{picked}\n) AS picked"

    def _found_sql(self, counted: str) -> str:
        """Return the last window per user: windows begin in the order in which they end."""
        picks = (
            "count(*) AS n, max(moment) AS moment, min(age) AS age, min(day) AS first_day, max(day) AS day"
        )
        if self.within_days is not None:
            hit = f"moment < first_moment + {rows.interval(self.within_days)}"
            picks = "count(*) AS n" + "".join(
                f",\n  {end}(CASE WHEN {hit} THEN {column} END) AS {column}"
                for end, column in (("max", "moment"), ("min", "age"), ("max", "first_day"), ("max", "day"))
            )
        return f"SELECT user_id, {picks}\nFROM {c.quoted(counted)}\nGROUP BY user_id"

    def _seen_sql(self, context: ClaimContext) -> str:
        until = None
        if self.between is not None:
            until = f"local_date <= CAST('{self.between[1]}' AS DATE)"
        table = c.quoted(self.table_name)
        return f"SELECT user_id, count(*) AS n_seen\nFROM {table}{rows.where(until)}\nGROUP BY user_id"

    def _final_sql(self, context: ClaimContext, found: str, seen: str | None) -> str:
        is_yes = f"f.n >= {self.at_least}" if self.within_days is None else "f.moment IS NOT NULL"
        n_seen, user_id = ("c.n_seen", "c.user_id") if seen else ("f.n", "f.user_id")
        table = (
            f"{c.quoted(seen)} AS c LEFT JOIN {c.quoted(found)} AS f ON f.user_id = c.user_id"
            if seen
            else f"{c.quoted(found)} AS f"
        )
        rest = f"ELSE {context.text(self.no)} END" if seen else "END"
        judged = context.join_needs(self.needs).replace("c.user_id", user_id)
        only = "" if seen else f"\nWHERE {is_yes}"
        return f"""\
SELECT {user_id} AS user_id, CASE WHEN {is_yes} THEN {context.text(self.yes)} {rest} AS value,
  {context.declared()} AS confidence,
  CAST(CASE WHEN {is_yes} THEN f.n ELSE {n_seen} END AS BIGINT) AS n_evidence,
  coalesce(f.n, 0) AS detail_n, coalesce({is_yes}, FALSE) AS detail_yes,
  f.first_day AS detail_first, f.day AS detail_day,
  CASE WHEN {is_yes} THEN f.age ELSE 0 END AS observed_age,
  CASE WHEN {is_yes} THEN f.moment ELSE {context.as_of_sql} END AS observed_at
FROM {table}
{judged}{only}"""

    def _evidence(self, context: ClaimContext) -> str:
        noun = context.noun(self.table_name, self.where)
        period, of = self.period_words(), "day" if self.distinct_days else ""
        said = rows.say_rows(context, "detail_n", self.table_name, self.where, of)
        if self.distinct_days:
            noun = f"days with {noun}"
        dates = rows.say_days("detail_first", "detail_day")
        seen = rows.count_words(context, "n_evidence", self.table_name, None)
        if self.within_days is None:
            yes = f"{said} || {context.text(f'{period}: ')} || {dates}"
            no = f"{said} || {context.text(f'{period}, fewer than {self.at_least}')} || {seen}"
        else:
            window = f"{self.at_least} {noun} within {rows.number(self.within_days)} days{period}"
            n = rows.count_words(context, "detail_n", self.table_name, self.where, of)
            yes = f"{context.text(f'{window}: ')} || {dates} || {n}"
            no = f"{context.text(f'never {window}')} || {seen}"
        return f"CASE WHEN detail_yes THEN {yes} ELSE {no} END"
