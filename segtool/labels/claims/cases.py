"""Cases: ordered predicates over measures, the first that holds gives the value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.errors import DefinitionError
from segtool.labels.claims.base import Claim, check_predicate
from segtool.labels.expressions import Expression

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext, WidePlan


@dataclass(frozen=True)
class Cases(Claim):
    """The value of the first predicate that holds.

    Parameters
    ----------
    when : sequence of (value, predicate), or of {"value": ..., "is": ...}
        In order of precedence.
    otherwise : str, optional
        The value when none holds; without it the claim abstains.
    needs : str, optional
        The least evidence.

    Examples
    --------
    >>> Cases([("new", "tenure_days < 30"), ("lapsed", "recency_days > 90")], otherwise="active").said_values()
    ('new', 'lapsed', 'active')
    """

    kind: ClassVar[str] = "cases"

    when: tuple[tuple[str, str], ...]
    otherwise: str | None = None
    needs: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "when", tuple(_read_case(case) for case in self.when))
        if not self.when:
            raise DefinitionError("cases is empty.", "at least one {value = ..., is = ...}.")
        self.predicates()

    def predicates(self) -> dict[str, Expression]:
        """Return one expression per case, and `needs`."""
        found = {
            f"when[{number}].is": check_predicate(predicate, f"cases.when[{number}].is")
            for number, (_, predicate) in enumerate(self.when, start=1)
        }
        return found | ({"needs": check_predicate(self.needs, "cases.needs")} if self.needs else {})

    def said_values(self) -> tuple[str, ...]:
        """Return the values of the cases."""
        return tuple(
            dict.fromkeys([value for value, _ in self.when] + ([self.otherwise] if self.otherwise else []))
        )

    def plan(self, context: ClaimContext) -> WidePlan:
        """Return value and confidence as SQL; an unknown predicate stops the search.

        A case can only be passed over when its predicate is known to be false: a NULL before the
        first that holds means that nobody knows which case comes first.
        """
        tests = [context.predicate(predicate) for _, predicate in self.when]
        values, confidences, passed = [], [], []
        has_facts = False
        for (value, predicate), test in zip(self.when, tests, strict=True):
            belief, is_fact = context.belief(predicate, self.needs)
            has_facts |= is_fact
            values.append(f"WHEN {test} THEN {context.code(value)} WHEN ({test}) IS NULL THEN NULL")
            confidences.append(f"WHEN {test} THEN {' * '.join([belief, *passed])}")
            passed.append(f"(1 - {belief})")
        last = context.code(self.otherwise) if self.otherwise else "NULL"
        confidence = f"CASE {' '.join(confidences)} ELSE {' * '.join(passed)} END"
        return context.wide(
            code=f"CASE {' '.join(values)} ELSE {last} END",
            confidence=context.with_facts(confidence, has_facts),
            guards=[context.predicate(self.needs)] if self.needs else [],
            evidence=list(self.measures()),
        )


def _read_case(case) -> tuple[str, str]:
    if isinstance(case, Mapping):
        if set(case) != {"value", "is"}:
            raise DefinitionError(f"A case has the keys {sorted(case)}.", "{value = ..., is = ...}.")
        case = (case["value"], case["is"])
    if len(case) != 2 or not all(isinstance(part, str) for part in case):
        raise DefinitionError("A case is not a value and a predicate.", "{value = ..., is = ...}.")
    return (case[0], case[1])
