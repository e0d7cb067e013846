"""How probable it is that a predicate over measures holds for a user's true levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from segtool.labels.confidence import Beliefs
from segtool.labels.expressions import render


@dataclass
class PredicateBelief:
    """Turns a predicate into the probability that it holds, node by node."""

    beliefs: Beliefs
    names: Mapping[str, str]
    facts: list[bool]
    needs: str | None

    def of(self, tree: exp.Expression) -> str:
        """Return SQL of the probability that a predicate holds."""
        if isinstance(tree, exp.Paren):
            return self.of(tree.this)
        if isinstance(tree, exp.Not):
            return f"(1 - {self.of(tree.this)})"
        if isinstance(tree, exp.And):
            return f"({self.of(tree.left)} * {self.of(tree.right)})"
        if isinstance(tree, exp.Or):
            return f"(1 - (1 - {self.of(tree.left)}) * (1 - {self.of(tree.right)}))"
        return self._between(tree) or self._comparison(tree) or self._fact(tree)

    def _fact(self, tree: exp.Expression) -> str:
        self.facts.append(True)
        return f"(CASE WHEN {render(tree, self.names)} THEN 1 ELSE 0 END)"

    def _between(self, tree: exp.Expression) -> str | None:
        if not isinstance(tree, exp.Between):
            return None
        low = self._below(tree.this, tree.args["low"])
        high = self._below(tree.this, tree.args["high"])
        return None if low is None or high is None else f"({high} - {low})"

    def _comparison(self, tree: exp.Expression) -> str | None:
        if not isinstance(tree, (exp.LT, exp.LTE, exp.GT, exp.GTE)):
            return None
        is_low = isinstance(tree, (exp.LT, exp.LTE))
        below = self._below(tree.left, tree.right)
        if below is None:
            below, is_low = self._below(tree.right, tree.left), not is_low
        if below is None:
            return None
        return below if is_low else f"(1 - {below})"

    def _below(self, column: exp.Expression, cut: exp.Expression) -> str | None:
        """Return P(level < cut) for a column and a number; None for what is a fact.

        That somebody bought at all is seen, not estimated: a count against 0 or 1 is a fact.
        """
        number = cut.this if isinstance(cut, exp.Neg) else cut
        if not isinstance(column, exp.Column) or not isinstance(number, exp.Literal) or not number.is_number:
            return None
        measure = self.names[column.name]
        kind = self.beliefs.noises[measure].kind
        is_existence = kind in ("count", "sum") and float(number.this) <= (1 if kind == "count" else 0)
        if is_existence or kind not in ("count", "sum", "share", "mean", "ratio"):
            return None
        return self.beliefs.below(measure, cut.sql(dialect="duckdb"), self.needs)
