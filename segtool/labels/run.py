"""Runs a compiled catalogue on an engine: the only place where labels touch one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.catalog import Catalog
from segtool.labels.compile import Compiled, compile_labels, with_statement
from segtool.labels.corrections import with_corrections
from segtool.labels.fusion import Fusion, estimate_fusion
from segtool.labels.inference.run import fit_claims
from segtool.labels.latest import note_run
from segtool.labels.needed import needed_steps, tables_read
from segtool.labels.plans import RELIABILITIES, Step
from segtool.labels.reach import Reach
from segtool.labels.recorded import recorded_columns

if TYPE_CHECKING:
    from segtool.engines import Engine
    from segtool.labels.labels import Labels
    from segtool.sources import Sources

MAX_WORDS = 10_000
ESTIMATE = "estimate"
COMMUNITY = "community"  # what an analysis of ties says of each user, if one was made


def run_labels(compiled: Compiled, engine: Engine, *, after: Compiled | None = None) -> None:
    """Create the tables of a compiled catalogue in an engine.

    Parameters
    ----------
    compiled : Compiled
    engine : Engine
        Holds the tables it was compiled for, and ``user_index`` with every user once.
    after : Compiled, optional
        What was run just before on the same tables: steps that are as they were are not run again.

    Notes
    -----
    Creates ``measures``, ``claims``, ``labels``, ``label_values`` and ``label_many`` (views), over
    a few narrow tables. Steps that are not kept run inside the statement of the next kept one.

    Raises
    ------
    DefinitionError
        If the engine cannot compute a measure; names it.
    """
    note_run(engine, compiled)
    waiting: dict[str, Step] = {}
    changed = _changed_steps(compiled.steps, after.steps if after is not None else ())
    for step in compiled.steps:
        if step.name not in changed and step.keep != "no":
            continue
        if step.keep == "no":
            waiting[step.name] = step
            continue
        if step.keep == "fitted":
            fit_claims(step.tasks, engine)
            continue
        sql = with_statement(needed_steps(step, waiting), step.sql)
        try:
            engine.create(step.name, sql, lazy=step.keep == "view")
        except Exception as error:
            check_measures(compiled, engine)
            _blame_select(compiled, step, error)
            raise error


def _changed_steps(steps: Sequence[Step], before: Sequence[Step]) -> set[str]:
    """Return the steps whose statement, or anything it rests on, is not as before."""
    known = {step.name: step.sql for step in before}
    changed: set[str] = set()
    for step in steps:
        rests_on = tables_read(step)
        if known.get(step.name) != step.sql or rests_on & changed:
            changed.add(step.name)
    return changed


def check_measures(compiled: Compiled, engine: Engine) -> None:
    """Name the measure that the engine cannot compute, if it is one; the engine's own words may show data."""
    for measure in compiled.catalog.measures.values():
        if measure.is_derived:
            continue
        schemas = {measure.table: engine.columns(measure.table)}
        alone = compile_labels(Catalog([measure]), schemas, dialect=compiled.dialect)
        sql = with_statement(alone.steps[:-1], "SELECT * FROM measures_wide")
        try:
            engine.query(f"EXPLAIN {sql}")
        except Exception as error:
            raise DefinitionError(
                f"measures.{measure.name} cannot be computed from {measure.table}: "
                f"{type(error).__name__.removesuffix('Exception')} error.",
                "functions and comparisons that fit the kinds of the columns.",
                f"Check sql and where of {measure.name} against the columns of {measure.table}.",
            ) from None


def _blame_select(compiled: Compiled, step: Step, error: Exception) -> None:
    """Name the claim whose own SELECT the engine refuses; only words that cannot hold data are passed on."""
    for info in compiled.claims:
        if info.kind != "sql" or step.why != f"claims of {info.claim}":
            continue
        kind = type(error).__name__.removesuffix("Exception")
        reason = str(error).splitlines()[0] if kind in ("Binder", "Catalog", "Parser") else f"{kind} error"
        raise DefinitionError(
            f"The SELECT of {info.claim} cannot be computed: {reason}",
            "comparisons and functions that fit the kinds of the columns, and grouped columns in GROUP BY.",
            f"Check it against the columns of {', '.join(info.tables)}.",
        ) from None


def label_users(
    sources: Sources,
    catalog: Catalog | None = None,
    *,
    as_of=None,
    reliabilities: Mapping[str, float | str] | str | None = None,
    after: Labels | None = None,
) -> Labels:
    """Say what is true of each user.

    Parameters
    ----------
    sources : Sources
        The tables, read and checked.
    catalog : Catalog, optional
        The definitions; the built-in catalogue when not given.
    as_of : timestamp, optional
        Only as a check: it must be the sources' own, because ages are counted from there.
    reliabilities : Mapping or "estimate", optional
        Source -> P(right when it speaks), over the defaults, or "estimate" for a source or for all:
        then what its claims are worth is learned from the users who have a person's or a survey's
        word; see `Labels.reliabilities`.
    after : Labels, optional
        Made just before of the same sources, which have gained a table since, such as ``community``:
        only what that changes is computed.

    Returns
    -------
    Labels
    """
    from segtool.labels.builtin import builtin_catalog
    from segtool.labels.labels import Labels

    as_of = _check_as_of(as_of, sources)
    catalog = builtin_catalog() if catalog is None else catalog
    declared, asked = _split_reliabilities(reliabilities)
    compiled = compile_for_sources(catalog, sources, declared)
    run_labels(compiled, sources.engine, after=None if after is None else after.compiled)
    if asked:
        fusion = estimate_fusion(compiled, sources.engine, declared, asked)
        first, known = compiled, {**declared, "paid": fusion.paid.used}
        compiled = compile_for_sources(catalog, sources, known, fusion=fusion)
        run_labels(compiled, sources.engine, after=first)
    return Labels(catalog=compiled.catalog, compiled=compiled, sources=sources, as_of=as_of)


def compile_for_sources(
    catalog: Catalog,
    sources: Sources,
    reliabilities: Mapping[str, float] | None = None,
    *,
    fusion: Fusion | None = None,
) -> Compiled:
    """Compile a catalogue for the tables, columns and event words that are really there."""
    engine = sources.engine
    schemas = recorded_columns(engine, [*sources.tables, *({COMMUNITY} & set(engine.tables()))])
    return compile_labels(
        with_corrections(catalog, engine, schemas),
        schemas,
        dialect=engine.dialect,
        as_of=sources.as_of.tz_convert(sources.timezone).to_pydatetime(),  # local: which days are over
        reliabilities=reliabilities,
        words=_event_words(engine, schemas),
        fusion=fusion,
        reaches=_reach_of_events(engine, schemas),
    )


def _split_reliabilities(said: Mapping[str, float | str] | str | None) -> tuple[dict, frozenset[str]]:
    """Return what is declared, and the sources whose worth is to be estimated."""
    if isinstance(said, str):
        if said != ESTIMATE:
            raise DefinitionError(
                f"reliabilities is {said!r}.", f'"{ESTIMATE}", or a number per source such as person = 0.95.'
            )
        return {}, frozenset(RELIABILITIES)
    said = dict(said or {})
    asked = frozenset(source for source, value in said.items() if value == ESTIMATE)
    for source in asked - set(RELIABILITIES):
        raise DefinitionError(f"There is no source {source!r}.", did_you_mean(source, RELIABILITIES))
    return {source: value for source, value in said.items() if source not in asked}, asked


def _event_words(engine: Engine, schemas: Mapping[str, Mapping[str, str]]) -> dict[str, set[str]]:
    """Return the event words that occur, so that what a log does not record is left out."""
    if "event" not in schemas.get("events", {}):
        return {}
    words = engine.query(
        f"SELECT DISTINCT event FROM events WHERE event IS NOT NULL ORDER BY event LIMIT {MAX_WORDS}"
    )
    # A column with more words than that holds texts, not kinds of event: then nothing is left out.
    return {"events.event": set(words["event"].astype(str))} if len(words) < MAX_WORDS else {}


def _reach_of_events(engine: Engine, schemas: Mapping[str, Mapping[str, str]]) -> dict[str, Reach]:
    """Return how far back the log reaches, if it has times."""
    if not {"age_days", "local_date"} <= set(schemas.get("events", {})):
        return {}
    row = engine.query(
        "SELECT max(age_days) AS days, CAST(min(local_date) AS VARCHAR) AS oldest, "
        "CAST(max(local_date) AS VARCHAR) AS newest FROM events"
    ).iloc[0]
    if not row["oldest"] or row["oldest"] != row["oldest"]:
        return {}
    first, last = (date.fromisoformat(row[name][:10]) for name in ("oldest", "newest"))
    return {"events": Reach("events", float(row["days"]), first, last)}


def _check_as_of(as_of, sources: Sources):
    if as_of is None:
        return sources.as_of
    import pandas as pd

    from segtool.errors import ParameterError

    moment = pd.Timestamp(as_of)
    moment = moment.tz_localize(sources.timezone) if moment.tzinfo is None else moment
    if moment != sources.as_of:
        raise ParameterError(
            f"as_of is {moment.isoformat()} and the sources were read as of {sources.as_of.isoformat()}.",
            "the same moment.",
            "Read the sources again with the other as_of.",
        )
    return sources.as_of
