"""List: who is on a list that was imported, and with which value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.errors import DefinitionError
from segtool.labels.claims import rows
from segtool.labels.claims.base import Claim, freeze_map
from segtool.labels.expressions import Expression, check_expression
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext

TABLE = "lists"


@dataclass(frozen=True)
class ImportedList(Claim):
    """Yes for the users of a list (``list`` in a TOML file), or the value that stands beside them.

    Not to be on a list says nothing, unless the list is ``complete``: then it names everybody it
    is true of. A list of which no row was imported says nothing at all.

    Parameters
    ----------
    name : str
        The name in ``lists.list``, letter case aside.
    complete : bool
        Whether who is not on it is ``no``.
    yes, no : str
        The values.
    values : Mapping, optional
        What stands in ``lists.value`` -> label value, instead of yes. Empty: as it stands there.

    Examples
    --------
    >>> ImportedList("vip").said_values(), ImportedList("vip", complete=True).said_values()
    (('yes',), ('no', 'yes'))
    """

    kind: ClassVar[str] = "list"
    source: ClassVar[str] = "profile"

    name: str
    complete: bool = False
    yes: str = "yes"
    no: str = "no"
    values: tuple[tuple[str, str], ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.name.strip():
            raise DefinitionError("list.name is empty.", "the name of the list, as in lists.list.")
        if self.values is not None:
            object.__setattr__(self, "values", freeze_map(self.values))
            if self.complete:
                raise DefinitionError(
                    f"list {self.name!r} has values and is complete.",
                    "values, or complete = true with yes and no.",
                )
        rows.check_values(self.kind, self.yes, self.no)

    @property
    def is_closed(self) -> bool:  # type: ignore[override]
        """Whether it says yes and no alone."""
        return self.values is None

    def table(self) -> str:
        """Return the table of lists."""
        return TABLE

    def table_expressions(self) -> dict[str, Expression]:
        """Return the columns that are read."""
        names = ("list",) if self.values is None else ("list", "value")
        return {name: check_expression(f'"{name}"', f"list.{name}") for name in names}

    def said_values(self) -> tuple[str, ...]:
        """Return yes (and no), or the values of the map."""
        if self.values is not None:
            return tuple(dict.fromkeys(shown for _, shown in self.values))
        return (self.no, self.yes) if self.complete else (self.yes,)

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Take each user's latest row of the list, and say no of the others where it is complete."""
        sql = self._listed_sql(context)
        if self.complete:
            sql = self._everybody_sql(context, sql)
        step = Step(context.table, sql, f"claims of {context.claim_id}", keep="table")
        name = self.name.strip()
        since = "CASE WHEN detail_day IS NULL THEN '' ELSE ' since ' || CAST(detail_day AS VARCHAR) END"
        raw = "CASE WHEN detail_raw IS NULL THEN '' ELSE ': ' || detail_raw END"
        yes = f"{context.text(f'on the list {name}')} || {raw} || {since}"
        no = f"{context.text(f'not on the list {name} (users on it: n = ')} || CAST(n_evidence AS VARCHAR) || ')'"
        evidence = f"CASE WHEN detail_on THEN {yes} ELSE {no} END"
        return RowsPlan(steps=(step,), evidence=evidence, one_per_user=not context.label.many)

    def _listed_sql(self, context: ClaimContext) -> str:
        raw = 'trim("value")' if context.has_column(TABLE, "value") else "CAST(NULL AS VARCHAR)"
        value = context.text(self.yes) if self.values is None else context.mapped("raw", self.values)
        has_day = context.has_column(TABLE, "added_at")
        day = rows.day_of(context, TABLE) if has_day else "CAST(NULL AS DATE)"
        per = "user_id, raw" if context.label.many and self.values is not None else "user_id"
        name = context.text(self.name.strip().lower())
        return f"""\
SELECT user_id, {value} AS value, {context.declared()} AS confidence, CAST(1 AS BIGINT) AS n_evidence,
  {"CAST(NULL AS VARCHAR)" if self.values is None else "raw"} AS detail_raw, day AS detail_day,
  TRUE AS detail_on, age AS observed_age, moment AS observed_at
FROM (
  SELECT *, row_number() OVER (PARTITION BY {per} ORDER BY moment DESC NULLS LAST, raw NULLS LAST) AS place
  FROM (
    SELECT user_id, {raw} AS raw, {day} AS day, {rows.age_of(context, TABLE)} AS age,
      {context.time_of(TABLE)} AS moment
    FROM {TABLE}
    WHERE lower(trim("list")) = {name}
  ) AS entries
) AS latest
WHERE place = 1 AND {value} IS NOT NULL"""

    def _everybody_sql(self, context: ClaimContext, listed: str) -> str:
        inner = "\n".join(f"  {line}" for line in listed.splitlines())
        return f"""\
SELECT u.user_id, coalesce(l.value, {context.text(self.no)}) AS value, {context.declared()} AS confidence,
  CASE WHEN l.value IS NULL THEN n.n_users ELSE 1 END AS n_evidence, l.detail_raw, l.detail_day,
  l.value IS NOT NULL AS detail_on, l.observed_age,
  CASE WHEN l.value IS NULL THEN {context.as_of_sql} ELSE l.observed_at END AS observed_at
FROM user_index AS u
CROSS JOIN (
  SELECT count(DISTINCT user_id) AS n_users FROM {TABLE}
  WHERE lower(trim("list")) = {context.text(self.name.strip().lower())}
) AS n
LEFT JOIN (
{inner}
) AS l ON l.user_id = u.user_id
WHERE n.n_users > 0"""
