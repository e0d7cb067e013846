"""First and last: the value a property had in the first or the last row that counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.labels import confidence as c
from segtool.labels.claims import rows
from segtool.labels.claims.base import freeze_map
from segtool.labels.expressions import Expression, check_expression
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext


@dataclass(frozen=True)
class First(rows.RowsClaim):
    """The value of a property in a user's first row that has it: the first channel, the first topic.

    Rows without the property do not count. Where the first moment holds several values, the first
    in the alphabet is said, with the confidence shared among them: nobody can know the order.

    Parameters
    ----------
    table_name : str
        Where to look (``from`` in a TOML file), a table whose rows have a time.
    of : str
        The property: a column, or an expression over columns.
    where : str, optional
        Which rows count.
    values : Mapping, optional
        Raw value -> label value; a user whose first value is not named gets no claim.

    Examples
    --------
    >>> First("events", "channel", where="event = 'visit'").table_expressions()["of"].columns
    ('channel',)
    """

    kind: ClassVar[str] = "first"
    order: ClassVar[str] = "ASC"

    table_name: str
    of: str
    where: str | None = None
    values: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", freeze_map(self.values))
        super().__post_init__()

    def table_expressions(self) -> dict[str, Expression]:
        """Return the property, the time and the filters."""
        of = c.quoted(self.of) if self.of.isidentifier() else self.of
        found = {"of": check_expression(of, f"{self.kind}.of"), **super().table_expressions()}
        return found | self.checked("where", self.where)

    def said_values(self) -> tuple[str, ...]:
        """Return the values of the map."""
        return tuple(dict.fromkeys(shown for _, shown in self.values))

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Find the first (last) moment of each value, then of each user."""
        ends = f"{context.prefix}__ends"
        value = context.mapped("raw", self.values)
        sql = f"""\
SELECT c.user_id, {value} AS value, round({context.declared()} / n_tied, 4) AS confidence,
  CAST(n_rows AS BIGINT) AS n_evidence, raw AS detail_raw, day AS detail_day, n_tied AS detail_tied,
  age AS observed_age, moment AS observed_at
FROM (
  SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY moment {self.order}, raw) AS place,
    count(*) OVER (PARTITION BY user_id, moment) AS n_tied, sum(n) OVER (PARTITION BY user_id) AS n_rows
  FROM {c.quoted(ends)}
) AS c
{context.join_needs(self.needs)}
WHERE place = 1 AND {value} IS NOT NULL"""
        steps = (
            Step(ends, self._ends_sql(context), f"the {self.kind} moment of each value"),
            Step(context.table, sql, f"claims of {context.claim_id}", keep="table"),
        )
        return RowsPlan(steps=steps, evidence=self._evidence(context), one_per_user=True)

    def _ends_sql(self, context: ClaimContext) -> str:
        sql = context.table_sql(self)
        end, youngest = ("min", "max") if self.order == "ASC" else ("max", "min")
        raw = self._raw(context, sql["of"])
        picks = (
            f"{end}({sql['time']}) AS moment, {end}({rows.day_of(context, self.table_name)}) AS day, "
            f"{youngest}({rows.age_of(context, self.table_name)}) AS age, count(*) AS n"
        )
        conditions = rows.where(
            f"{raw} <> ''", f"{sql['time']} IS NOT NULL", sql.get("where"), sql.get("period")
        )
        table = c.quoted(self.table_name)
        return f"SELECT user_id, {raw} AS raw, {picks}\nFROM {table}{conditions}\nGROUP BY user_id, {raw}"

    def _raw(self, context: ClaimContext, column: str) -> str:
        """Return the property as text; a column of text as it is, for words were trimmed when read."""
        if not self.of.isidentifier():
            return f"CAST({column} AS VARCHAR)"
        kinds = {name.lower(): kind for name, kind in context.schemas[self.table_name].items()}
        if kinds[self.of.lower()] == "text":
            return column
        return context.as_text(self.table_name, self.of, column)

    def _evidence(self, context: ClaimContext) -> str:
        what = f"{self.kind} {self.of if self.of.isidentifier() else context.label.title.lower()}"
        tied = "CASE WHEN detail_tied > 1 THEN ', one of ' || CAST(detail_tied AS VARCHAR) || ' at that moment' ELSE '' END"
        return (
            f"{context.text(what.replace('_', ' ') + ': ')} || replace(detail_raw, '_', ' ') || ' on ' || "
            f"CAST(detail_day AS VARCHAR) || {tied} || {context.text(self.period_words())} || "
            f"{rows.count_words(context, 'n_evidence', self.table_name, self.where)}"
        )


@dataclass(frozen=True)
class Last(First):
    """The value of a property in a user's last row that has it: the last topic, the last channel.

    Parameters
    ----------
    table_name, of, where, values
        As for `First`.

    Examples
    --------
    >>> Last("events", "topic", last_days=90).table_expressions()["period"].text
    'age_days < 90'
    """

    kind: ClassVar[str] = "last"
    order: ClassVar[str] = "DESC"
