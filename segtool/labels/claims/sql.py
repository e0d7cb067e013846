"""Sql: the way out, one SELECT over the study's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.labels import confidence as c
from segtool.labels.claims import select
from segtool.labels.claims.base import Claim
from segtool.labels.expressions import render_safely
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext

REQUIRED = ("user_id", "value")
OPTIONAL = ("confidence", "n_evidence", "evidence", "observed_at")


@dataclass(frozen=True)
class Sql(Claim):
    """What one SELECT says, for what no other claim can say.

    Parameters
    ----------
    select : str
        Returns ``user_id`` and ``value``; it may return ``confidence`` (0 to 1), ``n_evidence``,
        ``evidence`` (a text) and ``observed_at`` (at most ``as_of``) too. It sees the tables of the study, with
        nothing in them that happened after ``as_of``. Of several rows of a user the surest
        counts, unless the label can have many values.

    Raises
    ------
    DefinitionError
        If it is anything but one SELECT over these tables.

    Examples
    --------
    >>> Sql("SELECT user_id, 'yes' AS value FROM events GROUP BY user_id HAVING count(*) > 9").tables()
    ('events',)
    >>> Sql("DROP TABLE events")
    Traceback (most recent call last):
    segtool.errors.DefinitionError: sql is a statement that is not a SELECT. ...
    """

    kind: ClassVar[str] = "sql"

    select: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.checked()

    def checked(self) -> select.Select:
        """Return the checked SELECT."""
        return select.check_select(self.select, "sql", required=REQUIRED, optional=OPTIONAL)

    def tables(self) -> tuple[str, ...]:
        """Return the tables it reads."""
        return self.checked().tables

    def columns_read(self, schemas: Mapping[str, Mapping[str, str]]) -> set[str]:
        """Return the columns it reads."""
        return select.columns_read(self.checked(), schemas)

    def why_not(self, schemas: Mapping[str, Mapping[str, str]]) -> str | None:
        """Return which table or column is not there."""
        return select.why_not(self.checked(), schemas)

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Run it as a step, then hold what it returns to the form of a claim."""
        checked = self.checked()
        said = f"{context.prefix}__said"
        has = checked.outputs.__contains__
        sure = "confidence" if has("confidence") else "NULL"
        # Not a number, as corr() of what never varies: engines sort it above all, and it means not known.
        known = f"nullif(TRY_CAST({sure} AS DOUBLE), CAST('NaN' AS DOUBLE))"
        n = "n_evidence" if has("n_evidence") else "NULL"
        evidence = "evidence" if has("evidence") else "NULL"
        # What lies after as_of would never expire: it counts as seen on that day.
        moment = f"TRY_CAST({'observed_at' if has('observed_at') else 'NULL'} AS TIMESTAMP)"
        value = context.mapped("raw", ())
        per = "user_id, raw" if context.label.many else "user_id"
        sql = f"""\
SELECT c.user_id, {value} AS value, sure AS confidence, n AS n_evidence, shown AS detail_shown,
  CASE WHEN moment IS NULL THEN 0 ELSE date_diff('second', moment, {context.as_of_sql}) / 86400.0 END AS observed_age,
  coalesce(moment, {context.as_of_sql}) AS observed_at
FROM (
  SELECT *, row_number() OVER (PARTITION BY {per} ORDER BY sure DESC, n DESC, moment DESC NULLS LAST, raw, shown)
    AS place
  FROM (
    SELECT user_id, trim(CAST(value AS VARCHAR)) AS raw,
      round(least(greatest(coalesce({known}, {context.declared()}), 0.01), 0.99), 4) AS sure,
      greatest(coalesce(TRY_CAST({n} AS BIGINT), 1), 0) AS n, CAST({evidence} AS VARCHAR) AS shown,
      CASE WHEN {moment} > {context.as_of_sql} THEN {context.as_of_sql} ELSE {moment} END AS moment
    FROM {c.quoted(said)}
    WHERE value IS NOT NULL
  ) AS typed
  WHERE {value} IS NOT NULL
) AS c JOIN user_index AS u ON u.user_id = c.user_id
WHERE place = 1"""
        steps = (
            Step(said, render_safely(checked.tree), f"the SELECT of {context.claim_id}"),
            Step(context.table, sql, f"claims of {context.claim_id}", keep="table"),
        )
        shown = (
            "coalesce(detail_shown, 'by its own SELECT') || ' (n = ' || CAST(n_evidence AS VARCHAR) || ')'"
        )
        return RowsPlan(steps=steps, evidence=shown, one_per_user=not context.label.many)
