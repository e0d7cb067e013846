"""What a claim hands to the compiler: its SQL in named parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from sqlglot import exp

from segtool.labels.confidence import Beliefs, format_number, quoted
from segtool.labels.expressions import Expression, check_expression, conjuncts, render, resolve_columns
from segtool.labels.measures import Measure
from segtool.labels.predicates import PredicateBelief

# What outranks what, strongest first; behaviour and profile decide together.
SOURCE_ORDER = ("person", "survey", "profile", "behaviour", "inferred")
TIERS = {"person": 4, "survey": 3, "profile": 2, "behaviour": 2, "inferred": 1}

# P(right when it speaks), where the claim does not say it itself. Notes and answers are the noise
# of the two tiers in the method tables (0.97, 0.92); "paid" is the share of an answer's edge over
# guessing that is left when it was rewarded.
RELIABILITIES: Mapping[str, float] = {
    "person": 0.93, "survey": 0.92, "paid": 0.85, "profile": 0.95, "behaviour": 0.95, "inferred": 0.8,
}  # fmt: skip

# Rows of events are called by what happened; other tables by what a row is.
_ROW_WORDS = {
    "events": "events", "survey": "answers", "notes": "notes", "sends": "sends", "messages": "messages",
    "members": "memberships", "users": "profiles", "lists": "entries",
    "corrections": "corrections",
}  # fmt: skip
# The time that makes a row of a table belong to a moment.
PRIMARY_TIMES = {
    "events": "event_time", "survey": "answered_at", "notes": "noted_at", "sends": "sent_at",
    "messages": "sent_at", "members": "joined_at", "users": "joined_at", "lists": "added_at",
    "corrections": "noted_at",
}  # fmt: skip
_PLURALS = {
    "search": "searches",
    "click": "clicks",
    "cart": "cart additions",
    "mute": "mutes",
    "like": "likes",
}


class LabelFacts(Protocol):
    """What a claim may know of its label."""

    name: str
    title: str
    values: tuple[str, ...]
    many: bool

    def claim_id(self, number: int) -> str:
        """Return the id of a claim in the ledger."""


class ClaimFacts(Protocol):
    """What planning needs of a claim."""

    reliability: float | None
    expires_days: float | None

    def said_values(self) -> tuple[str, ...]:
        """Return the values the definition names."""

    def table(self) -> str | None:
        """Return the table the claim reads itself."""

    def table_expressions(self) -> dict[str, Expression]:
        """Return the expressions over its columns."""


@dataclass(frozen=True)
class Step:
    """One named step of the statement.

    Parameters
    ----------
    name : str
        The name later steps use.
    sql : str
        A SELECT in DuckDB's dialect.
    why : str
        What it is for, shown as a comment.
    keep : {"no", "table", "view", "fitted"}
        Whether the step stays in the engine under its name; "fitted": Python fills tables here.
    tasks : tuple
        What is fitted in a "fitted" step.
    """

    name: str
    sql: str
    why: str = ""
    keep: str = "no"
    tasks: tuple = ()


@dataclass(frozen=True)
class ClaimInfo:
    """One claim that was compiled."""

    label: str
    claim: str
    kind: str
    source: str
    measures: tuple[str, ...]
    tables: tuple[str, ...]

    @property
    def family(self) -> str:
        """Return the tables as one text: claims of one family are one witness."""
        return ",".join(sorted(self.tables))


@dataclass(frozen=True)
class WidePlan:
    """A claim that is an expression over one user's measures.

    ``code`` gives the value's place in ``values``, from 1: a table of half a million users and
    forty texts each would be ten times as large.
    """

    code: str
    values: tuple[str, ...]
    confidence: str
    n_evidence: str
    evidence: str


@dataclass(frozen=True)
class RowsPlan:
    """A claim with steps of its own; the last has user_id, value, confidence, n_evidence, observed_age.

    ``one_per_user``: a user stands there once at most; ``says_once``: with each value once at most.
    """

    steps: tuple[Step, ...]
    evidence: str
    one_per_user: bool
    says_once: bool = False


@dataclass(frozen=True)
class ClaimContext:
    """All that a claim may know when it plans itself.

    Parameters
    ----------
    label : LabelFacts
    claim : ClaimFacts
    number : int
        Its place in the label, from 1.
    source : str
    measures : Mapping of str to Measure
        The measures that are there.
    schemas : Mapping of str to Mapping
        Table -> column -> kind.
    beliefs : Beliefs
    reliabilities : Mapping of str to float
    as_of_sql : str
        The study's date as a timestamp literal.
    as_of_date : datetime.date, optional
    peer_labels : frozenset of str
    """

    label: LabelFacts
    claim: ClaimFacts
    number: int
    source: str
    measures: Mapping[str, Measure]
    schemas: Mapping[str, Mapping[str, str]]
    beliefs: Beliefs
    reliabilities: Mapping[str, float] = field(default_factory=lambda: RELIABILITIES)
    as_of_sql: str = "CAST(NULL AS TIMESTAMP)"
    as_of_date: date | None = None  # the day of as_of in the study's zone: days before it are over
    peer_labels: frozenset[str] = frozenset()  # labels that are resolved early, for peer groups

    @property
    def claim_id(self) -> str:
        """Return the id in the ledger."""
        return self.label.claim_id(self.number)

    @property
    def prefix(self) -> str:
        """Return what the claim's columns and steps begin with."""
        return f"{self.label.name}__{self.number}"

    @property
    def table(self) -> str:
        """Return the step with the claim's rows."""
        return f"claim__{self.prefix}"

    @property
    def n_values(self) -> int:
        """Return how many values there are to guess from; ten when they come from the data."""
        return max(2, len(self.label.values) or 10)

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the values that codes stand for, in order."""
        return self.label.values or self.claim.said_values()

    def code(self, value: str) -> str:
        """Return the code of a value of the label."""
        return str(self.codes.index(value) + 1)

    def text(self, value: str) -> str:
        """Return a text literal."""
        return "'" + value.replace("'", "''") + "'"

    def number_sql(self, value: float) -> str:
        """Return a number literal."""
        return repr(float(value)) if value != int(value) else str(int(value))

    def declared(self, *, paid: bool = False) -> str:
        """Return the declared reliability as SQL."""
        sure = (
            self.claim.reliability if self.claim.reliability is not None else self.reliabilities[self.source]
        )
        if paid:
            guess = 1 / self.n_values
            sure = guess + max(sure - guess, 0) * self.reliabilities["paid"]
        return repr(round(min(max(sure, 0.01), 0.99), 4))

    def predicate(self, text: str) -> str:
        """Return a predicate over measures as SQL over the wide measures."""
        expression = check_expression(text, f"labels.{self.label.name}")
        return render(expression.tree, resolve_columns(expression, self.measures, "the catalogue"))

    def wide(self, *, code: str, confidence: str, guards: Sequence[str], evidence: Sequence[str]) -> WidePlan:
        """Return the plan of a claim over measures; it abstains where a guard does not hold."""
        if guards:
            code = f"CASE WHEN {' AND '.join(f'({guard})' for guard in guards)} THEN {code} END"
        sure = f"round(least(greatest({confidence}, 0.01), 0.99), 4)"
        return WidePlan(code, self.codes, sure, *self.shown(evidence))

    def shown(self, measures: Sequence[str]) -> tuple[str, str]:
        """Return SQL of how many rows some measures rest on, and of the text that shows them."""
        names = [self._actual(name) for name in dict.fromkeys(measures)]
        shown = " || '; ' || ".join(self._evidence_of(name) for name in names) or "''"
        return self._n_evidence(names), shown

    def with_facts(self, confidence: str, has_facts: bool) -> str:
        """Return a confidence with the reliability the claim states, or that of its source where facts are in play."""
        if self.claim.reliability is not None:
            return self.as_reliable(confidence)
        return f"{self.declared()} * ({confidence})" if has_facts else confidence

    def as_reliable(self, confidence: str) -> str:
        """Return an estimated confidence with the reliability the claim states: it scales the edge over guessing.

        A certain number is worth the reliability, a guess stays a guess, and nothing gets surer:
        noise of the number and mistakes of the rule are two channels, one after the other.
        """
        if self.claim.reliability is None:
            return confidence
        guess = 1 / self.n_values
        kept = (float(self.declared()) - guess) / (1 - guess)
        scaled = f"{guess!r} + (({confidence}) - {guess!r}) * ({kept!r})"
        return f"least({confidence}, {scaled})"

    def _actual(self, name: str) -> str:
        return {each.lower(): each for each in self.measures}[name.lower()]

    def _n_column(self, measure: str) -> str | None:
        column = self.beliefs.extras.get((measure, "n"))
        return quoted(column) if column else None

    def _n_evidence(self, names: Sequence[str]) -> str:
        columns = list(dict.fromkeys(filter(None, map(self._n_column, names))))
        if not columns:
            return "CAST(0 AS BIGINT)"
        most = columns[0] if len(columns) == 1 else f"greatest({', '.join(columns)})"
        return f"CAST(coalesce({most}, 0) AS BIGINT)"

    def _evidence_of(self, name: str) -> str:
        """Return SQL of "spend_30d = 120 CNY from 3 purchases", or "7 of 9 purchases" for a share."""
        measure, column = self.measures[name], quoted(name)
        noise, n = self.beliefs.noises[name], self._n_column(name)
        unit = f" || {self.text(' ' + measure.unit)}" if measure.unit else ""
        shown = f"{self.text(name + ' = ')} || coalesce({format_number(column)}{unit}, 'not known')"
        if n is None or noise.kind == "count":
            return shown
        if noise.kind == "fact":
            return shown
        words = _noun(noise.extra["n"].table, noise.extra["n"].where)
        rows = f"coalesce(CAST(CAST({n} AS BIGINT) AS VARCHAR), '0')"
        noun = f"CASE WHEN {n} = 1 THEN ' {_singular(words)}' ELSE ' {words}' END"
        if noise.kind == "share":
            part = f"coalesce(CAST(CAST(round({column} * {n}) AS BIGINT) AS VARCHAR), '0')"
            return f"{shown} || ' (' || {part} || ' of ' || {rows} || {noun} || ')'"
        return f"{shown} || ' from ' || {rows} || {noun}"

    def noun(self, table: str, where: str | None) -> str:
        """Return the word for the rows that count: "purchases" for event = 'purchase'."""
        return _noun(table, None if where is None else check_expression(where, "where").tree)

    def event_word(self, table: str, where: str | None) -> str | None:
        """Return the word for one of the rows that count: "purchase" for event = 'purchase', if there is one."""
        tree = None if where is None else check_expression(where, "where").tree
        event = _single_event(tree) if table == "events" else None
        return event.replace("_", " ") if event and event.replace("_", "").isalnum() else None

    def join_needs(self, needs: str | None) -> str:
        """Return the join that keeps only users with enough evidence."""
        if needs is None:
            return ""
        rows = f"SELECT user_id FROM measures_wide WHERE {self.predicate(needs)}"
        return f"JOIN ({rows}) AS judged ON judged.user_id = c.user_id"

    def time_of(self, table: str) -> str:
        """Return SQL of when a row was written."""
        column = PRIMARY_TIMES.get(table)
        return quoted(column) if column and self.has_column(table, column) else "CAST(NULL AS TIMESTAMP)"

    def has_column(self, table: str, column: str) -> bool:
        """Whether a table has a column."""
        return column in self.schemas.get(table, {})

    def actual_columns(self, table: str, names: Iterable[str]) -> list[str]:
        """Return columns as they are spelled in a table."""
        by_lower = {each.lower(): each for each in self.schemas[table]}
        return [by_lower[name.lower()] for name in names]

    def table_sql(self, claim: ClaimFacts) -> dict[str, str]:
        """Return the claim's expressions over its own table as SQL."""
        present = self.schemas[claim.table()]
        return {
            name: render(each.tree, resolve_columns(each, present, claim.table()))
            for name, each in claim.table_expressions().items()
        }

    def as_text(self, table: str, name: str, column: str) -> str:
        """Return a column as text: trimmed, and whole numbers without a point."""
        kinds = {each.lower(): kind for each, kind in self.schemas[table].items()}
        if kinds[name.lower()] == "number":
            return format_number(f"CAST({column} AS DOUBLE)")
        return f"trim(CAST({column} AS VARCHAR))"

    def mapped(self, raw: str, values: Sequence[tuple[str, str]], *, by_case: bool = True) -> str:
        """Return SQL that maps a raw value to a value of the label, NULL when it is none."""
        if not values:
            if not self.label.values:
                return f"nullif({raw}, '')"
            values = [(value, value) for value in self.label.values]
        left = raw if by_case else f"lower({raw})"
        whens = " ".join(
            f"WHEN {self.text(key if by_case else key.lower())} THEN {self.text(shown)}"
            for key, shown in values
        )
        return f"CASE {left} {whens} END"

    def belief(self, text: str, needs: str | None = None) -> tuple[str, bool]:
        """Return SQL of P(predicate holds for the true levels), and whether facts are in it."""
        expression = check_expression(text, f"labels.{self.label.name}")
        facts: list[bool] = []
        names = resolve_columns(expression, self.measures, "the catalogue")
        guard = self.predicate(needs) if needs else None
        return PredicateBelief(self.beliefs, names, facts, guard).of(expression.tree), any(facts)


def _noun(table: str, where: exp.Expression | None) -> str:
    event = _single_event(where) if table == "events" else None
    if event is None or not event.replace("_", "").isalnum():
        return _ROW_WORDS.get(table, "rows")
    words = event.replace("_", " ")
    return _PLURALS.get(words, words + "s")


def _singular(words: str) -> str:
    """Return the word for one of them: "purchase" for "purchases"."""
    for one, many in _PLURALS.items():
        if many == words:
            return "cart addition" if one == "cart" else one
    return f"{words[:-3]}y" if words.endswith("ies") else words.removesuffix("s")


def _single_event(where: exp.Expression | None) -> str | None:
    """Return the event a filter asks for, when it asks for one."""
    for part in conjuncts(where):
        is_test = (
            isinstance(part, exp.EQ)
            and isinstance(part.left, exp.Column)
            and part.left.name.lower() == "event"
        )
        if is_test and isinstance(part.right, exp.Literal):
            return part.right.name
    return None
