"""Answer: what a user said in a survey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.labels import confidence as c
from segtool.labels.claims.base import ReadsColumn
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext


@dataclass(frozen=True)
class Answer(ReadsColumn):
    """The latest answer of each user to a question; paid answers count less.

    Parameters
    ----------
    question : str
        The column of the survey table.
    values : Mapping, optional
        Answer -> label value; what is not named makes no claim, and is counted.
    separator : str, optional
        What stands between several answers in one cell, for labels with many values.
    table_name : str
        ``from`` in a TOML file.

    Examples
    --------
    >>> Answer("q7", {"<2000": "low", ">8000": "high"}).said_values()
    ('low', 'high')
    """

    kind: ClassVar[str] = "answer"
    source: ClassVar[str] = "survey"
    reads: ClassVar[str] = "question"

    question: str
    values: tuple[tuple[str, str], ...] = ()
    separator: str | None = None
    table_name: str = "survey"

    def table(self) -> str:
        """Return the survey table."""
        return self.table_name

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Take the latest answer of each user, then map it."""
        column = context.table_sql(self)["question"]
        raw = context.as_text(self.table_name, self.question, column)
        age = "age_days" if context.has_column(self.table_name, "age_days") else "CAST(NULL AS DOUBLE)"
        paid = "coalesce(paid, FALSE)" if context.has_column(self.table_name, "paid") else "FALSE"
        latest = (
            f"SELECT *, row_number() OVER (\n"
            f"    PARTITION BY user_id ORDER BY age ASC NULLS LAST, raw, is_paid) AS place\n"
            f"  FROM (SELECT user_id, {raw} AS raw, {paid} AS is_paid, {age} AS age,\n"
            f"      {context.time_of(self.table_name)} AS observed_at\n"
            f"    FROM {c.quoted(self.table_name)} WHERE {column} IS NOT NULL) AS answers"
        )
        rows = f"SELECT * FROM ({latest}) AS ranked WHERE place = 1"
        if self.separator:
            split = f"unnest(string_split(raw, {context.text(self.separator)}))"
            parts = f"SELECT *, {split} AS part FROM ({rows}) AS cells"
            rows = f"SELECT DISTINCT user_id, trim(part) AS raw, is_paid, age, observed_at FROM ({parts}) AS parts"
        value = context.mapped("raw", self.values)
        sql = (
            f"SELECT user_id, {value} AS value,\n"
            f"  CASE WHEN is_paid THEN {context.declared(paid=True)} ELSE {context.declared()} END AS confidence,\n"
            f"  1 AS n_evidence, raw AS detail_raw, is_paid AS detail_paid, age AS observed_age, observed_at\n"
            f"FROM ({rows}) AS latest\nWHERE {value} IS NOT NULL"
        )
        evidence = (
            f"{context.text(f'answered {self.question}: ')} || detail_raw"
            " || CASE WHEN detail_paid THEN ' (paid)' ELSE '' END"
        )
        step = Step(context.table, sql, f"claims of {context.claim_id}", keep="table")
        return RowsPlan(steps=(step,), evidence=evidence, one_per_user=not self.separator)
