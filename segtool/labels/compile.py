"""Catalogue and table schemas in, one statement of named steps out. No engine is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlglot

from segtool.engines import to_spark
from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.available import LeftOut, Schemas, Tables, Words, keep_labels, keep_measures
from segtool.labels.catalog import Catalog
from segtool.labels.claims import Claim
from segtool.labels.claims.peers import keep_with_peers
from segtool.labels.compile_claims import plan_claims
from segtool.labels.compile_measures import plan_measures
from segtool.labels.definitions import Label
from segtool.labels.fusion import Fusion
from segtool.labels.inference.keep import keep_fitted, with_features
from segtool.labels.measures import Measure
from segtool.labels.noise import Noise
from segtool.labels.plans import RELIABILITIES, ClaimInfo, Step
from segtool.labels.reach import Reach, note_short_log, without_false_zeros


@dataclass(frozen=True)
class Lineage:
    """What a label rests on.

    ``families`` are the tables: labels made of the same rows are not independent witnesses.
    """

    tables: frozenset[str]
    columns: frozenset[str]
    families: frozenset[str]


@dataclass(frozen=True)
class Compiled:
    """A catalogue as SQL.

    Parameters
    ----------
    catalog : Catalog
        What is computed: the definitions whose tables and columns are there.
    steps : tuple of Step
        In order, each a named SELECT in DuckDB's dialect, which every engine is handed.
    left_out : tuple of LeftOut
    lineage : Mapping of str to Lineage
        By label.
    claims : tuple of ClaimInfo
    noises : Mapping of str to Noise
        The kind of each measure, which its confidence comes from.
    dialect : str
        What the engine runs, and `sql` is shown in.
    fusion : Fusion or None
        What claims were found to be worth, when that was asked for.
    notes : tuple of str
        What a reader must know of all of it: that the log is shorter than what it is asked about.
    """

    catalog: Catalog
    steps: tuple[Step, ...]
    left_out: tuple[LeftOut, ...]
    lineage: Mapping[str, Lineage]
    claims: tuple[ClaimInfo, ...]
    noises: Mapping[str, Noise] = field(default_factory=dict)
    dialect: str = "duckdb"
    fusion: Fusion | None = None
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels that are computed."""
        return tuple(self.catalog.labels.values())

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of the measures that are computed."""
        return tuple(self.catalog.measures)

    @property
    def sql(self) -> str:
        """The whole as one statement, to paste and to debug."""
        steps = [_to_dialect(step, self.dialect) for step in self.steps]
        return with_statement(steps, "SELECT *\nFROM labels\nORDER BY user_id, label, value")


def with_statement(steps: Sequence[Step], final: str) -> str:
    """Return a WITH statement of named steps, each under a comment that says what it is for.

    Examples
    --------
    >>> print(with_statement([Step("one", "SELECT 1 AS x", "a number")], "SELECT x FROM one"))
    WITH
    -- a number
    one AS (
      SELECT 1 AS x
    )
    SELECT x FROM one
    """
    if not steps:
        return final
    parts = []
    for step in steps:
        if step.keep == "fitted":  # no statement: the tables it fills stand in the engine
            continue
        body = "\n".join(f"  {line}" for line in step.sql.splitlines())
        comment = f"-- {step.why}\n" if step.why else ""
        parts.append(f"{comment}{_name(step.name)} AS (\n{body}\n)")
    return "WITH\n" + ",\n".join(parts) + "\n" + final


def _name(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else '"' + name.replace('"', '""') + '"'


def compile_labels(
    catalog: Catalog,
    schemas: Schemas,
    *,
    dialect: str = "duckdb",
    as_of: datetime | None = None,
    reliabilities: Mapping[str, float] | None = None,
    words: Words | None = None,
    estimate: bool = True,
    fusion: Fusion | None = None,
    reaches: Mapping[str, Reach] | None = None,
) -> Compiled:
    """Compile a catalogue to SQL for the tables at hand.

    Parameters
    ----------
    catalog : Catalog
    schemas : Mapping
        Table -> column -> kind ("text", "number", "time", "boolean", "other"), the derived columns
        of the table included.
    dialect : str
        sqlglot's name of the engine's dialect.
    as_of : datetime, optional
        Stamped on what follows from behaviour.
    reliabilities : Mapping, optional
        Source -> P(right when it speaks), over the defaults `RELIABILITIES`.
    words : Mapping, optional
        "table.column" -> the words that occur there. A definition that asks for words of which
        none occurs is left out: a log that does not record sharing cannot say who does not share.
    estimate : bool
        Estimate the confidence of bands, cases and flags from the data. False declares it instead,
        at the reliability of the source, and saves a quarter of the time.
    fusion : Fusion, optional
        What each claim was found to be worth; without it claims count as declared.
    reaches : Mapping, optional
        Table -> how far back it reaches. A log of a month cannot say who bought nothing in half a
        year: there, a measure of a far longer window is unknown, not 0, of users without rows.

    Returns
    -------
    Compiled

    Raises
    ------
    DefinitionError
        If a reliability or a type does not fit. What lacks a table or a column is left out, with
        the reason, and is no error.

    Examples
    --------
    >>> catalog = Catalog.from_toml('''
    ... [measures.n]
    ... from = "events"
    ... sql = "count(*)"
    ... [labels.busy]
    ... facet = "activity"
    ... claims = [{flag = {is = "n >= 5"}}, {answer = {question = "q1"}}]
    ... ''')
    >>> compiled = compile_labels(catalog, {"events": {"user_id": "text", "event_time": "time"}})
    >>> [step.name for step in compiled.steps][:2], compiled.left_out[0].reason
    (['events__scan1', 'measures_wide'], "there is no table 'survey'.")
    """
    left_out: list[LeftOut] = []
    tables = Tables(schemas, words or {})
    measures = keep_measures(catalog.measures, tables, left_out)
    labels = keep_labels(catalog.labels.values(), measures, tables, left_out)
    labels, peerless = keep_with_peers(labels, schemas)
    left_out += [LeftOut(*each) for each in peerless]
    labels, lonely = keep_fitted(labels, lambda *claim: _describe(*claim, measures).source)
    left_out += [LeftOut(*each) for each in lonely]
    kept = catalog.keep(measures, [label for label, _ in labels])
    infos = {
        (label.name, number): _describe(label, number, claim, measures)
        for label, claims in labels
        for number, claim in claims
    }
    judged = dict.fromkeys(
        _actual(name, measures) for _, claims in labels for _, claim in claims for name in claim.measures()
    )
    looked_at = without_false_zeros(measures, reaches or {})
    measure_plan = plan_measures(looked_at, schemas, judged if estimate else {})
    plan_for_claims = measure_plan if estimate else measure_plan.without_noise()
    known = _check_reliabilities(reliabilities)
    claim_steps = plan_claims(labels, infos, measures, schemas, plan_for_claims, known, as_of, fusion)
    steps = [*measure_plan.steps, *claim_steps]
    return Compiled(
        catalog=kept,
        steps=tuple(steps),
        left_out=tuple(left_out),
        lineage=with_features(
            {label.name: _lineage(claims, measures, schemas) for label, claims in labels},
            claim_steps,
            measures,
        ),
        claims=tuple(infos.values()),
        noises=measure_plan.noises,
        dialect=dialect,
        fusion=fusion,
        notes=note_short_log(labels, measures, reaches or {}),
    )


def _check_reliabilities(given: Mapping[str, float] | None) -> dict[str, float]:
    for source, value in (given or {}).items():
        if source not in RELIABILITIES:
            raise DefinitionError(f"There is no source {source!r}.", did_you_mean(source, RELIABILITIES))
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value < 1:
            raise DefinitionError(f"The reliability of {source} is {value!r}.", "a number between 0 and 1.")
    return {**RELIABILITIES, **(given or {})}


def _actual(name: str, measures: Mapping[str, Measure]) -> str:
    return {each.lower(): each for each in measures}[name.lower()]


def _base_measures(names: Iterable[str], measures: Mapping[str, Measure]) -> dict[str, Measure]:
    """Return the measures over tables that some measures come down to."""
    found: dict[str, Measure] = {}
    for name in names:
        measure = measures[_actual(name, measures)]
        found |= _base_measures(measure.needs(), measures) if measure.is_derived else {measure.name: measure}
    return found


def _describe(label: Label, number: int, claim: Claim, measures: Mapping[str, Measure]) -> ClaimInfo:
    bases = _base_measures(claim.measures(), measures)
    tables = dict.fromkeys([*claim.tables(), *(m.table for m in bases.values())])
    source = claim.source or _source_of(tuple(tables))
    return ClaimInfo(label.name, label.claim_id(number), claim.kind, source, claim.measures(), tuple(tables))


def _source_of(tables: tuple[str, ...]) -> str:
    """Return the source of a claim over measures: behaviour, unless all its rows are something else."""
    by_table = {"users": "profile", "lists": "profile", "survey": "survey", "notes": "person"}
    sources = {by_table.get(table, "behaviour") for table in tables}
    return sources.pop() if len(sources) == 1 else "behaviour"


def _lineage(
    claims: Sequence[tuple[int, Claim]], measures: Mapping[str, Measure], schemas: Schemas
) -> Lineage:
    tables: set[str] = set()
    columns: set[str] = set()
    for _, claim in claims:
        for measure in _base_measures(claim.measures(), measures).values():
            tables.add(measure.table)
            columns |= {f"{measure.table}.{column}" for column in measure.columns()}
        tables |= set(claim.tables())
        columns |= claim.columns_read(schemas)
    return Lineage(frozenset(tables), frozenset(columns), frozenset(tables))


def _to_dialect(step: Step, dialect: str) -> Step:
    if dialect == "duckdb" or step.keep == "fitted":
        return step
    if dialect == "spark":
        sql = to_spark(step.sql, pretty=True)
    else:
        sql = sqlglot.transpile(step.sql, read="duckdb", write=dialect, pretty=True)[0]
    return Step(step.name, sql, step.why, step.keep)
