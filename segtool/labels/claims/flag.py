"""Flag: a predicate over measures, yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.errors import DefinitionError
from segtool.labels.claims.base import Claim, check_predicate
from segtool.labels.expressions import Expression

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext, WidePlan


@dataclass(frozen=True)
class Flag(Claim):
    """Yes when a predicate over measures holds.

    Parameters
    ----------
    when : str
        The predicate (``is`` in a TOML file). Unknown gives neither yes nor no.
    needs : str, optional
        The least evidence.
    yes, no : str
        The values; an empty ``no`` says nothing when the predicate is false.

    Examples
    --------
    >>> Flag("night_share > 0.4", needs="events_90d >= 10").measures()
    ('night_share', 'events_90d')
    """

    kind: ClassVar[str] = "flag"
    is_closed: ClassVar[bool] = True

    when: str
    needs: str | None = None
    yes: str = "yes"
    no: str = "no"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.yes or self.yes == self.no:
            raise DefinitionError("flag has no value of its own for yes.", "yes and no that differ.")
        self.predicates()

    def predicates(self) -> dict[str, Expression]:
        """Return the predicate and `needs`."""
        found = {"is": check_predicate(self.when, "flag.is")}
        return found | ({"needs": check_predicate(self.needs, "flag.needs")} if self.needs else {})

    def said_values(self) -> tuple[str, ...]:
        """Return yes and no."""
        return (self.no, self.yes) if self.no else (self.yes,)

    def plan(self, context: ClaimContext) -> WidePlan:
        """Return value and confidence as SQL."""
        test = context.predicate(self.when)
        belief, is_fact = context.belief(self.when, self.needs)
        no = f" WHEN NOT ({test}) THEN {context.code(self.no)}" if self.no else ""
        return context.wide(
            code=f"CASE WHEN {test} THEN {context.code(self.yes)}{no} END",
            confidence=context.with_facts(f"CASE WHEN {test} THEN {belief} ELSE 1 - {belief} END", is_fact),
            guards=[context.predicate(self.needs)] if self.needs else [],
            evidence=list(check_predicate(self.when, "flag.is").columns),
        )
