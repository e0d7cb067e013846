"""Community: what the ties between users say of one of them, such as the role in a circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.labels import confidence as c
from segtool.labels.claims.base import ReadsColumn
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext

TABLE = "community"


@dataclass(frozen=True)
class Community(ReadsColumn):
    """The value stands in a column of the community table: one row per user, or per user and group.

    The table comes from an analysis of ties, made before labelling and registered as one more
    table; a study without it loses the claim, and says so.

    Parameters
    ----------
    of : str
        The column: role, circle, ...
    values : Mapping, optional
        Raw value -> label value; what is not named makes no claim, and is counted.

    Notes
    -----
    Where the table has a column ``<of>_confidence`` or ``confidence``, that is the confidence;
    where it has ``<of>_n`` or ``n_evidence``, that is the number of ties or messages it rests on.

    Examples
    --------
    >>> Community("role", {"hub": "leader"}).said_values()
    ('leader',)
    """

    kind: ClassVar[str] = "community"
    source: ClassVar[str] = "behaviour"
    reads: ClassVar[str] = "of"

    of: str
    values: tuple[tuple[str, str], ...] = ()

    def table(self) -> str:
        """Return the community table."""
        return TABLE

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Read the column; of several rows of a user the surest decides, or each value stands alone."""
        column = context.table_sql(self)["of"]
        raw = f"nullif({context.as_text(TABLE, self.of, column)}, '')"
        value = context.mapped("raw", self.values)
        per = "user_id, raw" if context.label.many else "user_id"
        sql = f"""\
SELECT user_id, {value} AS value, sure AS confidence, n AS n_evidence, raw AS detail_raw,
  CAST(NULL AS DOUBLE) AS observed_age, {context.as_of_sql} AS observed_at
FROM (
  SELECT *, row_number() OVER (PARTITION BY {per} ORDER BY sure DESC, n DESC, raw) AS place
  FROM (
    SELECT user_id, {raw} AS raw, {self._confidence(context)} AS sure, {self._n(context)} AS n
    FROM {TABLE}
    WHERE {column} IS NOT NULL
  ) AS facts
  WHERE {value} IS NOT NULL
) AS ranked
WHERE place = 1"""
        step = Step(context.table, sql, f"claims of {context.claim_id}", keep="table")
        shown = f"{context.text(self.of.replace('_', ' ') + ' in the community: ')} || replace(detail_raw, '_', ' ')"
        n = "CASE WHEN n_evidence > 1 THEN ' (n = ' || CAST(n_evidence AS VARCHAR) || ')' ELSE '' END"
        return RowsPlan(steps=(step,), evidence=f"{shown} || {n}", one_per_user=not context.label.many)

    def _confidence(self, context: ClaimContext) -> str:
        for name in (f"{self.of}_confidence", "confidence"):
            if context.has_column(TABLE, name) and self.reliability is None:
                known = f"coalesce(CAST({c.quoted(name)} AS DOUBLE), {context.declared()})"
                return f"round(least(greatest({known}, 0.01), 0.99), 4)"
        return context.declared()

    def _n(self, context: ClaimContext) -> str:
        for name in (f"{self.of}_n", "n_evidence"):
            if context.has_column(TABLE, name):
                return f"CAST(coalesce({c.quoted(name)}, 1) AS BIGINT)"
        return "CAST(1 AS BIGINT)"
