"""Correction: a person's last word on a user, one row in a file, kept for every run to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.labels import confidence as c
from segtool.labels.claims.base import Claim
from segtool.labels.expressions import Expression, check_expression
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext, LabelFacts

TABLE = "corrections"
# A row whose value begins so says what a user is not.
NOT_WORDS = ("not ", "!")


@dataclass(frozen=True)
class Correction(Claim):
    """What somebody wrote into ``corrections`` on this label; it outranks notes, and does not expire.

    The latest row per user decides. ``not student`` rules a value out: whatever claims it for the
    user is silent, and for a label of two values the other one holds. Labels need not name this
    claim: whoever corrects one gives it to the label. A value of an open label that no other claim
    says of anybody is a slip of the pen, and a user of no other table is nobody: both are passed over.

    Examples
    --------
    >>> Correction().tables()
    ('corrections',)
    """

    kind: ClassVar[str] = "correction"
    source: ClassVar[str] = "person"

    def table(self) -> str:
        """Return the table of corrections."""
        return TABLE

    def table_expressions(self) -> dict[str, Expression]:
        """Return the columns of a correction."""
        return {name: check_expression(f'"{name}"', f"correction.{name}") for name in ("label", "value")}

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Take the latest word per user and value; then the latest value per user, if it takes one."""
        said, per = f"{context.prefix}__corrected", "user_id" + (", value" if context.label.many else "")
        sql = (
            f"SELECT user_id, value, {context.declared()} AS confidence, 1 AS n_evidence,\n"
            f"  author AS detail_author, CAST(NULL AS DOUBLE) AS observed_age, observed_at\n"
            f"FROM (\n"
            f"  SELECT *, row_number() OVER (PARTITION BY {per} ORDER BY age ASC NULLS LAST, value) AS turn\n"
            f"  FROM {c.quoted(said)} WHERE NOT is_not\n"
            f") AS ranked\nWHERE turn = 1"
        )
        steps = (
            Step(said, self._latest_sql(context), "the latest word per user and value"),
            Step(ruled_out_step(context), self._ruled_out_sql(context, said), "what users are not"),
            Step(context.table, sql, f"claims of {context.claim_id}", keep="table"),
        )
        return RowsPlan(
            steps=steps,
            evidence="'correction by ' || detail_author",
            one_per_user=not context.label.many,
            says_once=True,
        )

    def _latest_sql(self, context: ClaimContext) -> str:
        names = dict.fromkeys(name.strip().lower() for name in (context.label.name, context.label.title))
        age = "age_days" if context.has_column(TABLE, "age_days") else "CAST(NULL AS DOUBLE)"
        author = "coalesce(author, '')" if context.has_column(TABLE, "author") else "''"
        value, is_not = self._mapped(context)
        mapped = (
            f"(SELECT user_id, {value} AS value, {is_not} AS is_not, {author} AS author, {age} AS age,\n"
            f"      {context.time_of(TABLE)} AS observed_at\n"
            f'    FROM (SELECT *, lower(trim("value")) AS raw FROM {c.quoted(TABLE)}\n'
            f'      WHERE lower(trim("label")) IN ({", ".join(map(context.text, names))})\n'
            f"      AND user_id IN (SELECT user_id FROM user_index)) AS mine) AS mapped"
        )
        if not context.label.values:  # as others spell it; what nobody says is misspelt
            mapped = (
                f"(SELECT mapped.user_id, k.value, is_not, author, age, observed_at FROM {mapped}\n"
                f"    JOIN {c.quoted(known_step(context.label))} AS k ON lower(k.value) = lower(mapped.value)) AS known"
            )
        return (
            f"SELECT user_id, value, is_not, author, age, observed_at FROM (\n"
            f"  SELECT *, row_number() OVER (PARTITION BY user_id, value ORDER BY age ASC NULLS LAST, is_not) AS place\n"
            f"  FROM {mapped}\n"
            f"  WHERE value IS NOT NULL\n"
            f") AS latest\nWHERE place = 1"
        )

    def _mapped(self, context: ClaimContext) -> tuple[str, str]:
        """Return SQL of the value a row speaks about, and of whether it rules that value out.

        A value that itself begins with "not" is itself: the plain words come first.
        """
        values = context.label.values
        if not values:
            return _mapped_freely(context.label.many)
        plain = {value.lower(): value for value in values}
        other = dict(zip(values, reversed(values), strict=True)) if _is_yes_or_no(context) else {}
        turned = {
            word + value.lower(): other.get(value, value)
            for value in values
            for word in NOT_WORDS
            if word + value.lower() not in plain
        }
        whens = " ".join(
            f"WHEN {context.text(key)} THEN {context.text(value)}"
            for key, value in {**turned, **plain}.items()
        )
        is_not = "FALSE" if other else f"raw IN ({', '.join(map(context.text, turned))})"
        return f"CASE raw {whens} END", is_not

    def _ruled_out_sql(self, context: ClaimContext, said: str) -> str:
        if not rules_out_by_column(context):
            return f"SELECT user_id, value FROM {c.quoted(said)} WHERE is_not"
        picks = ", ".join(
            f"max(CASE WHEN value = {context.text(value)} THEN 1 ELSE 0 END) AS no{number}"
            for number, value in enumerate(context.label.values, start=1)
        )
        return f"SELECT user_id, {picks} FROM {c.quoted(said)} WHERE is_not GROUP BY user_id"


def _is_yes_or_no(context: ClaimContext) -> bool:
    return len(context.label.values) == 2 and not context.label.many


def _mapped_freely(many: bool) -> tuple[str, str]:
    """Return the same for a label whose values come from the data; a single value is only replaced."""
    plain = "nullif(trim(\"value\"), '')"
    starts = " OR ".join(f"starts_with(raw, '{word}')" for word in NOT_WORDS)
    if not many:
        return f"CASE WHEN NOT ({starts}) THEN {plain} END", "FALSE"
    cuts = " ".join(
        f"WHEN starts_with(raw, '{word}') THEN trim(substr(trim(\"value\"), {len(word) + 1}))"
        for word in NOT_WORDS
    )
    return f"CASE {cuts} ELSE {plain} END", f"coalesce({starts}, FALSE)"


def known_step(label: LabelFacts) -> str:
    """Return the step with the values that the other claims of an open label say of anybody."""
    return f"known__{label.name}"


def ruled_out_step(context: ClaimContext) -> str:
    """Return the step that says what users are not: one row per user, or per user and value if many."""
    return f"ruled_out__{context.prefix}"


def rules_out_by_column(context: ClaimContext) -> bool:
    """Whether the values a user does not have stand in one row of columns no1, no2, ..."""
    return len(context.label.values) > 2 and not context.label.many


def silence(value: str, table: str, context: ClaimContext) -> str:
    """Return SQL of a claim's value, NULL where a correction rules it out."""
    tests = " OR ".join(
        f"({value} = {context.text(each)} AND {table}.no{number} = 1)"
        for number, each in enumerate(context.label.values, start=1)
    )
    return f"CASE WHEN {tests} THEN NULL ELSE {value} END"
