"""Preference: what a user turns to more than others do, by shrunken lift, not raw counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.errors import DefinitionError
from segtool.labels import confidence as c
from segtool.labels import visits
from segtool.labels.claims.base import Claim, check_predicate, freeze_map
from segtool.labels.distributions import beta_root, beta_score, clip_score, normal_below
from segtool.labels.expressions import Expression, check_expression
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext


@dataclass(frozen=True)
class Preference(Claim):
    """The values of a property that take a larger share of a user's rows than of everyone's.

    A user's share of a value is shrunk towards everyone's by a Beta prior whose strength comes
    from the population (method of moments); the confidence is the posterior probability that the
    user's true share exceeds ``lift`` times everyone's. One lucky click makes no fan.

    Parameters
    ----------
    table_name : str
        Where to count (``from`` in a TOML file).
    by : str
        The property: a column, or an expression over columns.
    where : str, optional
        Which rows count.
    top : int
        At most so many values per user, the highest lift first.
    min : int
        Rows a user needs on a value before it is considered.
    lift : float
        How many times everyone's share, above 1. What nearly everyone does cannot be done 1.5
        times as much: the threshold is never beyond half-way from everyone's share to all.
    half_life_days : float, optional
        Weight of a row halves each so many days, from its raw time, so that computing twice
        changes nothing.
    at_least : float
        Least probability that is published.
    needs : str, optional
        The least evidence, a predicate over measures.
    values : Mapping, optional
        Raw value -> label value; what is not named makes no claim.

    References
    ----------
    Robbins (1956), empirical Bayes; Kish (1965) for the effective number of decayed rows.

    Examples
    --------
    >>> Preference("events", "topic", where="event in ('view', 'like')", top=3, half_life_days=30).by
    'topic'
    """

    kind: ClassVar[str] = "preference"

    table_name: str
    by: str
    where: str | None = None
    top: int = 3
    min: int = 3
    lift: float = 1.2
    half_life_days: float | None = None
    at_least: float = 0.5
    needs: str | None = None
    values: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "values", freeze_map(self.values))
        for name, low in (("top", 1), ("min", 1), ("lift", 1)):
            _check_at_least(name, getattr(self, name), low)
        if self.half_life_days is not None:
            _check_at_least("half_life_days", self.half_life_days, 1e-6)
        if not 0 <= self.at_least < 1:
            raise DefinitionError(f"preference.at_least is {self.at_least!r}.", "a probability below 1.")
        self.table_expressions()
        self.predicates()

    def predicates(self) -> dict[str, Expression]:
        """Return `needs`, when there is one."""
        return {"needs": check_predicate(self.needs, "preference.needs")} if self.needs else {}

    def table(self) -> str:
        """Return the table the rows are counted in."""
        return self.table_name

    def table_expressions(self) -> dict[str, Expression]:
        """Return the property, the filter, and the age that decay needs."""
        found = {"by": check_expression(self._by_sql(), "preference.by")}
        if self.where:
            found["where"] = check_expression(self.where, "preference.where")
        for name in ("half_life_days", "expires_days"):
            if getattr(self, name):
                found[name] = check_expression("age_days", f"preference.{name}")
        return found

    def _by_sql(self) -> str:
        return c.quoted(self.by) if self.by.isidentifier() else self.by

    def said_values(self) -> tuple[str, ...]:
        """Return the values of the map."""
        return tuple(dict.fromkeys(shown for _, shown in self.values))

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Count per user and value, find everyone's shares and the prior, score, keep the top."""
        name = context.prefix
        counts, users, everyone, prior = (
            f"{name}__{part}" for part in ("counts", "users", "everyone", "prior")
        )
        steps = (
            Step(counts, self._counts_sql(context), "rows per user and value, newer rows weighing more"),
            Step(users, _USERS.format(counts=counts, visit=self._visit_sql(context)), "rows per user"),
            Step(everyone, _EVERYONE.format(counts=counts), "everyone's share of each value"),
            Step(
                prior,
                _PRIOR.format(users=users, everyone=everyone),
                "how alike users are: strength of the prior",
            ),
        )
        scored = _SCORED.format(
            counts=counts, users=users, everyone=everyone, prior=prior, least=self.min, lift=f"{float(self.lift)}",
            needs=context.join_needs(self.needs), at_least=self.at_least, top=self.top,
            newest=", c.newest_age, c.newest" if self.expires_days else "",
            age="newest_age" if self.expires_days else "CAST(0 AS DOUBLE)",
            moment="newest" if self.expires_days else context.as_of_sql,
            root=beta_root("shape_in", "shape_out", "threshold"),
            score=clip_score(beta_score("shape_in", "shape_out", "root")),
            sure=context.as_reliable(f"1 - {normal_below('z')}"),
            value=context.mapped("c.value", self.values),
        )  # fmt: skip
        final = Step(context.table, scored, f"claims of {context.claim_id}", keep="table")
        noun = context.noun(self.table_name, self.where)
        shown = c.format_number("detail_lift")
        evidence = (
            f"CAST(n_evidence AS VARCHAR) || ' of ' || CAST(detail_n AS VARCHAR) || ' {noun} on ' || value"
            f" || ', ' || {shown} || ' times the usual share'"
        )
        return RowsPlan(
            steps=(*steps, final), evidence=evidence, one_per_user=self.top == 1, says_once=not self.values
        )

    def _visit_sql(self, context: ClaimContext) -> str:
        """Return the one row that says how many rows of a visit are worth one."""
        if not context.beliefs.has_days(self.table_name):
            return "(SELECT 1 AS deff)"
        expressions = context.table_sql(self)
        condition = f"({expressions['by']}) IS NOT NULL" + (
            f" AND ({expressions['where']})" if self.where else ""
        )
        columns = [name for each in self.table_expressions().values() for name in each.columns]
        sql = visits.design_effect_sql(self.table_name, expressions["by"], condition)
        step = context.beliefs.plan_visit(
            f"{context.prefix}__visit", self.table_name, context.actual_columns(self.table_name, columns), sql
        )
        return c.quoted(step)

    def _counts_sql(self, context: ClaimContext) -> str:
        expressions = context.table_sql(self)
        by, where = expressions["by"], expressions.get("where")
        condition = f"{by} IS NOT NULL" + (f" AND ({where})" if where else "")
        times, newest, kept = self._newest_sql(context)
        if self.half_life_days:
            rows = (
                f"(\n  SELECT user_id, CAST({by} AS VARCHAR) AS value{times},\n"
                f"    power(0.5, {expressions['half_life_days']} / {float(self.half_life_days)}) AS row_weight\n"
                f"  FROM {c.quoted(self.table_name)}\n  WHERE {condition}\n) AS weighted"
            )
            sums = "sum(row_weight) AS weight, sum(row_weight * row_weight) AS weight_squared"
            return (
                f"SELECT user_id, value, count(*) AS n, {sums}{newest}\nFROM {rows}\nGROUP BY user_id, value"
            )
        return (
            f"SELECT user_id, value, n, n AS weight, n AS weight_squared{kept}\nFROM (\n"
            f"  SELECT user_id, CAST({by} AS VARCHAR) AS value, count(*) AS n{newest}\n"
            f"  FROM {c.quoted(self.table_name)}\n  WHERE {condition}\n"
            f"  GROUP BY user_id, CAST({by} AS VARCHAR)\n) AS counted"
        )

    def _newest_sql(self, context: ClaimContext) -> tuple[str, str, str]:
        """Return what the newest row of a value adds: by it the preference expires, if it does."""
        if not self.expires_days or not context.has_column(self.table_name, "age_days"):
            return "", "", ""
        time = context.time_of(self.table_name)
        times = f", age_days, {time}" if self.half_life_days else ""
        return times, f", min(age_days) AS newest_age, max({time}) AS newest", ", newest_age, newest"


def _check_at_least(name: str, value, low: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value < float("inf"):
        raise DefinitionError(f"preference.{name} is {value!r}.", f"a number from {low:g}.")


# A row is worth less than one by the design effect of visits, and a user with rows is worth at least one.
_USERS = """\
SELECT user_id, CAST(sum(n) AS BIGINT) AS n, CAST(sum(weight) AS DOUBLE) AS weight,
  least(CAST(sum(weight_squared) AS DOUBLE) * max(deff), CAST(sum(weight) AS DOUBLE) * CAST(sum(weight) AS DOUBLE))
    AS weight_squared,
  CAST(sum(weight * weight) AS DOUBLE) AS same
FROM {counts} CROSS JOIN {visit} AS visit
GROUP BY user_id"""

_EVERYONE = """\
SELECT value, weight / sum(weight) OVER () AS share
FROM (SELECT value, CAST(sum(weight) AS DOUBLE) AS weight FROM {counts} GROUP BY value) AS totals"""

# Expected sum over values of (share_u - share)^2 is q (1/n + (1 - 1/n) rho), with q = 1 - sum share^2
# and rho = 1 / (strength + 1); 1/n is weight_squared / weight^2 when rows decay (Kish).
_PRIOR = """\
SELECT least(greatest(1 / least(greatest(rho, doubt, 0.001), 0.95) - 1, 0.05), 1000) AS strength
FROM (
  SELECT sqrt(2.0 / greatest(count(*), 1)) * avg(u.weight_squared / (u.weight * u.weight)) AS doubt, coalesce(
    sum(u.same / (u.weight * u.weight) - e.squares - (1 - e.squares) * u.weight_squared / (u.weight * u.weight))
    / nullif(sum((1 - e.squares) * (1 - u.weight_squared / (u.weight * u.weight))), 0), 0.3) AS rho
  FROM {users} AS u CROSS JOIN (SELECT sum(share * share) AS squares FROM {everyone}) AS e
  WHERE u.n >= 2
) AS moments"""

# In layers, so that no root or exponential is computed twice.
_SCORED = """\
SELECT user_id, value, confidence, n_evidence, detail_n, detail_lift, observed_age, observed_at
FROM (
  SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY detail_lift DESC, n_evidence DESC, value) AS place
  FROM (
    SELECT user_id, value, round(least(greatest({sure}, 0.01), 0.99), 4) AS confidence,
      n AS n_evidence, n_user AS detail_n, detail_lift,
      {age} AS observed_age, {moment} AS observed_at
    FROM (
      SELECT *, {score} AS z
      FROM (
        SELECT *, round(shape_in / (shape_in + shape_out) / share, 4) AS detail_lift, {root} AS root
        FROM (
          SELECT c.user_id, {value} AS value, c.n, u.n AS n_user, e.share{newest},
            greatest(p.strength * e.share + c.weight * u.weight / u.weight_squared, 0.3) AS shape_in,
            greatest(p.strength * (1 - e.share) + (u.weight - c.weight) * u.weight / u.weight_squared, 0.3)
              AS shape_out,
            least({lift} * e.share, (1 + e.share) / 2) AS threshold
          FROM {counts} AS c
          JOIN {users} AS u ON u.user_id = c.user_id
          JOIN {everyone} AS e ON e.value = c.value
          CROSS JOIN {prior} AS p
          {needs}
          WHERE c.n >= {least} AND e.share < 0.999
        ) AS shapes
      ) AS roots
    ) AS scores
  ) AS scored
  WHERE confidence >= {at_least} AND value IS NOT NULL
) AS ranked
WHERE place <= {top}"""
