"""A claim whose SQL is known, and how the steps after it read it."""

from __future__ import annotations

from dataclasses import dataclass

from segtool.labels.definitions import Label
from segtool.labels.expressions import quote_name
from segtool.labels.plans import ClaimContext, RowsPlan, WidePlan


@dataclass(frozen=True)
class PlannedClaim:
    """A claim with its context and its SQL.

    Parameters
    ----------
    label : Label
    context : ClaimContext
    family : str
        The tables it rests on: claims of one family are one witness.
    plan : WidePlan or RowsPlan
    """

    label: Label
    context: ClaimContext
    family: str
    plan: WidePlan | RowsPlan

    @property
    def is_wide(self) -> bool:
        """Whether it is a column of ``claims_wide``."""
        return isinstance(self.plan, WidePlan)

    def column(self, part: str) -> str:
        """Return one of its columns: code, value, confidence, n, is_split."""
        return quote_name(f"{self.context.prefix}__{part}")

    def value_of_code(self, table: str = "") -> str:
        """Return SQL of the value that the code in ``claims_wide`` stands for."""
        column = (f"{table}." if table else "") + self.column("code")
        whens = " ".join(
            f"WHEN {number} THEN {self.context.text(value)}"
            for number, value in enumerate(self.plan.values, start=1)
        )
        return f"CASE {column} {whens} END"


def needs_resolution(claims: list[PlannedClaim]) -> bool:
    """Whether a label has several statements per user to weigh, or some that may have expired."""
    first = claims[0]
    speaks_once = first.is_wide or (first.plan.one_per_user and first.context.claim.expires_days is None)
    return len(claims) > 1 or not speaks_once
