"""Note: what a person who knows the user wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.labels import confidence as c
from segtool.labels.claims.base import Claim, freeze_map
from segtool.labels.expressions import Expression, check_expression
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext

NOTE_EXPIRES_DAYS = 365.0


@dataclass(frozen=True)
class Note(Claim):
    """The latest note of each author on this label.

    Two authors who disagree both stay in the ledger; the value with more authors wins, then the
    newer one, and the resolved label is marked as a conflict.

    Parameters
    ----------
    label : str, optional
        The name in ``notes.label``, when it is not the label's own name or title.
    values : Mapping, optional
        Written value -> label value.
    table_name : str
        ``from`` in a TOML file.

    Examples
    --------
    >>> Note().expires_days
    365.0
    """

    kind: ClassVar[str] = "note"
    source: ClassVar[str] = "person"

    label: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    table_name: str = "notes"

    def __post_init__(self) -> None:
        if self.expires_days is None:
            object.__setattr__(self, "expires_days", NOTE_EXPIRES_DAYS)
        super().__post_init__()
        object.__setattr__(self, "values", freeze_map(self.values))

    def table(self) -> str:
        """Return the table of notes."""
        return self.table_name

    def table_expressions(self) -> dict[str, Expression]:
        """Return the columns of a note."""
        return {name: check_expression(f'"{name}"', f"note.{name}") for name in ("label", "value", "author")}

    def said_values(self) -> tuple[str, ...]:
        """Return the values of the map."""
        return tuple(dict.fromkeys(shown for _, shown in self.values))

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Take the latest note per user and author (and value, when the label has many)."""
        names = [self.label] if self.label else [context.label.name, context.label.title]
        listed = ", ".join(dict.fromkeys(context.text(name.strip().lower()) for name in names))
        age = "age_days" if context.has_column(self.table_name, "age_days") else "CAST(NULL AS DOUBLE)"
        value = context.mapped("raw", self.values, by_case=False)
        per = "user_id, author" + (", raw" if context.label.many else "")
        sql = (
            f"SELECT user_id, {value} AS value, {context.declared()} AS confidence, 1 AS n_evidence,\n"
            f"  author AS detail_author, age AS observed_age, observed_at\n"
            f"FROM (\n"
            f"  SELECT *, row_number() OVER (PARTITION BY {per} ORDER BY age ASC NULLS LAST, raw) AS place\n"
            f"  FROM (SELECT user_id, coalesce(author, '') AS author, trim(\"value\") AS raw, {age} AS age,\n"
            f"      {context.time_of(self.table_name)} AS observed_at\n"
            f"    FROM {c.quoted(self.table_name)}\n"
            f'    WHERE lower(trim("label")) IN ({listed}) AND "value" IS NOT NULL) AS notes_on_label\n'
            f") AS latest\nWHERE place = 1 AND {value} IS NOT NULL"
        )
        step = Step(context.table, sql, f"claims of {context.claim_id}", keep="table")
        return RowsPlan(steps=(step,), evidence="'note by ' || detail_author", one_per_user=False)
