"""Column: a fact of the profile, as it stands or mapped to the label's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.labels import confidence as c
from segtool.labels.claims.base import ReadsColumn
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext


@dataclass(frozen=True)
class Column(ReadsColumn):
    """The value stands in a column with one row per user.

    Parameters
    ----------
    name : str
        The column.
    table_name : str
        Where it is (``from`` in a TOML file), a table with one row per user.
    values : Mapping, optional
        Raw value -> label value; what is not named makes no claim, and is counted.

    Examples
    --------
    >>> Column("city_tier", values={"1": "first tier"}).said_values()
    ('first tier',)
    """

    kind: ClassVar[str] = "column"
    source: ClassVar[str] = "profile"
    reads: ClassVar[str] = "name"

    name: str
    table_name: str = "users"
    values: tuple[tuple[str, str], ...] = ()

    def table(self) -> str:
        """Return the table of the column."""
        return self.table_name

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Read the column; nothing is copied, the claim is a view of its table.

        Users stand once in ``users``; elsewhere the smallest value wins should they come twice.
        """
        column = context.table_sql(self)["name"]
        raw = context.as_text(self.table_name, self.name, column)
        rows = f"SELECT user_id, {raw} AS raw FROM {c.quoted(self.table_name)}"
        if self.table_name != "users":
            rows = f"SELECT user_id, min(raw) AS raw FROM ({rows}) AS facts GROUP BY user_id"
        value = context.mapped("raw", self.values)
        sql = (
            f"SELECT user_id, {value} AS value, {context.declared()} AS confidence, 1 AS n_evidence,\n"
            f"  raw AS detail_raw, CAST(NULL AS DOUBLE) AS observed_age, CAST(NULL AS TIMESTAMP) AS observed_at\n"
            f"FROM ({rows}) AS facts\nWHERE {value} IS NOT NULL"
        )
        step = Step(context.table, sql, f"claims of {context.claim_id}", keep="view")
        evidence = f"{context.text(self.name + ' = ')} || detail_raw"
        return RowsPlan(steps=(step,), evidence=evidence, one_per_user=True)
