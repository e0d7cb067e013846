"""What all claims share: how sure a claim is when it speaks, and how long it lasts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from segtool.errors import DefinitionError
from segtool.labels.expressions import Expression, check_expression, quote_name

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext, RowsPlan, WidePlan


@dataclass(frozen=True, kw_only=True)
class Claim(ABC):
    """One way to say a label's value, from one kind of source.

    A subclass is a frozen definition that checks itself when written, says what it needs
    (`measures`, `table`, `table_expressions`), and plans itself as SQL (`plan`).

    Parameters
    ----------
    reliability : float, optional
        Probability that the claim is right when it speaks; the default is the source's. Where a
        confidence is estimated from the data, stating one scales that confidence's edge over
        guessing among the label's values, so that a number known for certain is worth it.
    expires_days : float, optional
        Older statements drop out of resolution, and stay in the ledger.
    """

    kind: ClassVar[str]
    source: ClassVar[str | None] = None  # None: follows from the tables the measures rest on
    is_closed: ClassVar[bool] = False  # the values the definition names are all it can say

    reliability: float | None = None
    expires_days: float | None = None

    def __post_init__(self) -> None:
        if self.reliability is not None and not _is_number(self.reliability, 0, 1):
            raise DefinitionError(
                f"{self.kind}.reliability is {self.reliability!r}.", "a number between 0 and 1."
            )
        if self.expires_days is not None and not _is_number(self.expires_days, 0, None):
            raise DefinitionError(f"{self.kind}.expires_days is {self.expires_days!r}.", "days, above 0.")

    def predicates(self) -> dict[str, Expression]:
        """Return the expressions over measures, by the name of their parameter."""
        return {}

    def measures(self) -> tuple[str, ...]:
        """Return the measures the claim names."""
        names = [name for expression in self.predicates().values() for name in expression.columns]
        return tuple(dict.fromkeys(names))

    def table(self) -> str | None:
        """Return the table the claim reads itself, without a measure between."""
        return None

    def table_expressions(self) -> dict[str, Expression]:
        """Return the expressions over the columns of `table`."""
        return {}

    def tables(self) -> tuple[str, ...]:
        """Return all tables the claim reads itself."""
        table = self.table()
        return () if table is None else (table,)

    def columns_read(self, schemas: Mapping[str, Mapping[str, str]]) -> set[str]:
        """Return the columns the claim reads itself, as "table.column"."""
        names = {name for each in self.table_expressions().values() for name in each.columns}
        return {f"{table}.{name}" for table in self.tables() for name in names}

    def why_not(self, schemas: Mapping[str, Mapping[str, str]]) -> str | None:
        """Return what else keeps the claim from being computed, or None."""
        return None

    def peers(self) -> str | None:
        """Return the label or profile column whose value makes users each other's peers, if any."""
        return None

    def why_alone(self, sources: Collection[str]) -> str | None:
        """Return why the claim cannot speak beside claims of these sources only, or None."""
        return None

    def said_values(self) -> tuple[str, ...]:
        """Return the values the definition can publish, as far as it names them."""
        return ()

    def n_values_needed(self) -> int | None:
        """Return how many values the label must have, where the claim says."""
        return None

    @abstractmethod
    def plan(self, context: ClaimContext) -> WidePlan | RowsPlan:
        """Return the SQL of the claim."""


class ReadsColumn(Claim):
    """A claim that reads one column of a table and maps what stands in it; for dataclasses to build on.

    ``reads`` is the parameter that names the column; ``values`` maps raw to label values.
    """

    reads: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "values", freeze_map(self.values))
        self.table_expressions()

    def table_expressions(self) -> dict[str, Expression]:
        """Return the column."""
        name = quote_name(getattr(self, self.reads))
        return {self.reads: check_expression(name, f"{self.kind}.{self.reads}")}

    def said_values(self) -> tuple[str, ...]:
        """Return the values of the map."""
        return tuple(dict.fromkeys(shown for _, shown in self.values))


def _is_number(value: Any, low: float, high: float | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return low < value and (high is None or value < high)


def check_predicate(text: str | None, place: str) -> Expression | None:
    """Return a checked expression over measures, or None when there is none."""
    return None if text is None else check_expression(text, place)


def freeze_map(values: Mapping[Any, Any] | None) -> tuple[tuple[str, str], ...]:
    """Return a value map as sorted-by-entry text pairs, so that the definition is hashable."""
    if values is None:
        return ()
    pairs = values.items() if isinstance(values, Mapping) else values
    return tuple((str(raw), str(shown)) for raw, shown in pairs)
