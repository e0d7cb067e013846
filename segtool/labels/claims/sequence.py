"""Sequence: whether one thing was followed by another within so many days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.labels import confidence as c
from segtool.labels.claims import rows
from segtool.labels.expressions import Expression
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext


@dataclass(frozen=True)
class Sequence(rows.RowsClaim):
    """Yes when a `first` row is followed by a `then` row within so many days, without one between.

    "No" is said only of a user who had a `first` row and whose window has passed (or was broken
    by a `without` row) for each of them; before that it is not known. Rows of the same moment
    have no order, so they make no sequence; but of whoever has both then, as in a log with days
    alone, "no" is not known either.

    Parameters
    ----------
    table_name : str
        ``from`` in a TOML file.
    first, then : str
        Which rows begin, and which end it.
    within_days : float
        From the one to the other, at most.
    without : str, optional
        Which rows must not lie between the two.
    yes, no : str
        The values; an empty ``no`` keeps silent instead.

    Notes
    -----
    A period (`last_days`, `between`) holds for the rows that begin; the end may come after it.
    Of all pairs the one that ends last is shown. It is enough to look from each `then` row at the
    nearest `first` row before it: any other would be farther, and have more between.

    Examples
    --------
    >>> Sequence("events", "event = 'share'", "event = 'purchase'", within_days=7).said_values()
    ('no', 'yes')
    """

    kind: ClassVar[str] = "sequence"
    is_closed: ClassVar[bool] = True

    table_name: str
    first: str
    then: str
    within_days: float
    without: str | None = None
    yes: str = "yes"
    no: str = "no"

    def __post_init__(self) -> None:
        rows.check_days("sequence.within_days", self.within_days)
        rows.check_values(self.kind, self.yes, self.no)
        super().__post_init__()

    def table_expressions(self) -> dict[str, Expression]:
        """Return the time and the filters."""
        found = super().table_expressions() | self.checked("first", self.first)
        return found | self.checked("then", self.then) | self.checked("without", self.without)

    def said_values(self) -> tuple[str, ...]:
        """Return no and yes."""
        return (self.no, self.yes) if self.no else (self.yes,)

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Put the rows that matter in order, look back from each end, and judge each user."""
        moments, looked, found = (f"{context.prefix}__{part}" for part in ("moments", "looked", "found"))
        steps = (
            Step(moments, self._moments_sql(context), "the moments that matter, each once"),
            Step(looked, self._looked_sql(moments), "what came before each of them"),
            Step(found, self._found_sql(looked), "per user, the last pair and the last beginning"),
            Step(
                context.table, self._final_sql(context, found), f"claims of {context.claim_id}", keep="table"
            ),
        )
        return RowsPlan(steps=steps, evidence=self._evidence(context), one_per_user=True)

    def _moments_sql(self, context: ClaimContext) -> str:
        sql = context.table_sql(self)
        first = " AND ".join(f"({sql[name]})" for name in ("first", "period") if name in sql)
        tests = {"is_first": first, "is_then": sql["then"]}
        if self.without is not None:
            tests["is_without"] = sql["without"]
        marks = "".join(
            f",\n  max(CASE WHEN {test} THEN 1 ELSE 0 END) AS {name}" for name, test in tests.items()
        )
        any_of = " OR ".join(f"({test})" for test in tests.values())
        marks += f",\n  {_is_tied(first, sql['then'])} AS is_tied"
        day, age = rows.day_of(context, self.table_name), rows.age_of(context, self.table_name)
        return (
            f"SELECT user_id, {sql['time']} AS moment, max({day}) AS day, min({age}) AS age{marks}\n"
            f"FROM {c.quoted(self.table_name)}{rows.where(sql['time'] + ' IS NOT NULL', any_of)}\n"
            f"GROUP BY user_id, {sql['time']}"
        )

    def _looked_sql(self, moments: str) -> str:
        """Return each moment with the latest beginning before it: strictly, for ties have no order."""
        frame = "OVER (PARTITION BY user_id ORDER BY moment ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        picks = "".join(
            f",\n  max(CASE WHEN is_first = 1 THEN {column} END) {frame} AS first_{column}"
            for column in ("moment", "day")
        )
        if self.without is not None:
            picks += f",\n  max(CASE WHEN is_without = 1 THEN moment END) {frame} AS without_moment"
        return f"SELECT *{picks}\nFROM {c.quoted(moments)}"

    def _found_sql(self, looked: str) -> str:
        hit = f"is_then = 1 AND moment <= first_moment + {rows.interval(self.within_days)}"
        broken = "CAST(NULL AS TIMESTAMP)"
        if self.without is not None:
            hit += " AND (without_moment IS NULL OR without_moment <= first_moment)"
            broken = "max(CASE WHEN is_without = 1 THEN moment END)"
        picks = "".join(
            f",\n  {end}(CASE WHEN {hit} THEN {column} END) AS {column}"
            for end, column in (("max", "moment"), ("max", "day"), ("max", "first_day"), ("min", "age"))
        )
        return (
            f"SELECT user_id, sum(is_first) AS n, max(is_tied) AS tied{picks},\n"
            f"  max(CASE WHEN is_first = 1 THEN moment END) AS begun,\n"
            f"  max(CASE WHEN is_first = 1 THEN day END) AS begun_day, {broken} AS broken\n"
            f"FROM {c.quoted(looked)}\nGROUP BY user_id"
        )

    def _final_sql(self, context: ClaimContext, found: str) -> str:
        passed = f"begun + {rows.interval(self.within_days)} < {context.as_of_sql} OR broken > begun"
        over = self.is_over(context)  # until then, a row that begins may still come
        no = f" WHEN c.tied = 0 AND ({passed}) THEN {context.text(self.no)}" if self.no and over else ""
        value = f"CASE WHEN c.moment IS NOT NULL THEN {context.text(self.yes)}{no} END"
        return f"""\
SELECT c.user_id, {value} AS value, {context.declared()} AS confidence,
  CAST(c.n AS BIGINT) AS n_evidence, c.first_day AS detail_first, c.day AS detail_then,
  c.begun_day AS detail_begun,
  CASE WHEN c.moment IS NOT NULL THEN c.age ELSE 0 END AS observed_age,
  coalesce(c.moment, {context.as_of_sql}) AS observed_at
FROM {c.quoted(found)} AS c
{context.join_needs(self.needs)}
WHERE c.begun IS NOT NULL AND {value} IS NOT NULL"""

    def _evidence(self, context: ClaimContext) -> str:
        first = context.event_word(self.table_name, self.first) or "beginning"
        then = context.event_word(self.table_name, self.then) or "follow-up"
        days = f"{rows.number(self.within_days)} days"
        yes = (
            f"{context.text(f'{first} on ')} || CAST(detail_first AS VARCHAR) || {context.text(f', then {then} on ')}"
            " || CAST(detail_then AS VARCHAR)"
        )
        between = "" if self.without is None else f" without {self._word(context)} between"
        no = (
            f"{context.text(f'no {then} within {days} of {first}{between}, the last {first} on ')}"
            " || CAST(detail_begun AS VARCHAR)"
        )
        n = rows.count_words(context, "n_evidence", self.table_name, self.first, first)
        return f"CASE WHEN detail_first IS NOT NULL THEN {yes} ELSE {no} END || {n}"

    def _word(self, context: ClaimContext) -> str:
        word = context.event_word(self.table_name, self.without)
        return f"a {word}" if word else "what breaks it"


def _is_tied(first: str, then: str) -> str:
    """Return SQL of whether one row of a moment begins and another one ends it; one row may be both."""
    n_first, n_then, n_both = (
        f"sum(CASE WHEN {test} THEN 1 ELSE 0 END)" for test in (first, then, f"({first}) AND ({then})")
    )
    is_tied = f"{n_first} > 0 AND {n_then} > 0 AND ({n_first} + {n_then} > 2 OR {n_both} = 0)"
    return f"CASE WHEN {is_tied} THEN 1 ELSE 0 END"
