"""Runs a compiled catalogue on an engine: the only place where labels touch one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from segtool.errors import DefinitionError
from segtool.labels.catalog import Catalog
from segtool.labels.compile import Compiled, compile_labels, with_statement
from segtool.labels.plans import Step

if TYPE_CHECKING:
    from segtool.engines import Engine
    from segtool.labels.labels import Labels
    from segtool.sources import Sources

MAX_WORDS = 10_000
# What a step reads: every table of a step is written by segtool, after FROM or JOIN.
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([\"`]?)(\w+)\1", re.IGNORECASE)


def run_labels(compiled: Compiled, engine: Engine) -> None:
    """Create the tables of a compiled catalogue in an engine.

    Parameters
    ----------
    compiled : Compiled
    engine : Engine
        Holds the tables it was compiled for, and ``user_index`` with every user once.

    Notes
    -----
    Creates ``measures``, ``claims``, ``labels``, ``label_values`` and ``label_many`` (views), over
    a few narrow tables. Steps that are not kept run inside the statement of the next kept one.

    Raises
    ------
    DefinitionError
        If the engine cannot compute a measure; names it.
    """
    waiting: dict[str, Step] = {}
    for step in compiled.steps:
        if step.keep == "no":
            waiting[step.name] = step
            continue
        sql = with_statement(_needed(step, waiting), step.sql)
        try:
            engine.create(step.name, sql, lazy=step.keep == "view")
        except Exception as error:
            _blame(compiled, engine)
            raise error


def _needed(step: Step, waiting: Mapping[str, Step]) -> list[Step]:
    """Return the waiting steps a step rests on, in order."""
    found: set[str] = set()
    front = [step]
    while front:
        tables = {name for _, name in _TABLE.findall(front.pop().sql)}
        new = [name for name in waiting if name in tables and name not in found]
        found.update(new)
        front.extend(waiting[name] for name in new)
    return [each for name, each in waiting.items() if name in found]


def _blame(compiled: Compiled, engine: Engine) -> None:
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


def label_users(
    sources: Sources,
    catalog: Catalog | None = None,
    *,
    as_of=None,
    reliabilities: Mapping[str, float] | None = None,
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
    reliabilities : Mapping, optional
        Source -> P(right when it speaks), over the defaults.

    Returns
    -------
    Labels
    """
    from segtool.labels.builtin import builtin_catalog
    from segtool.labels.labels import Labels

    as_of = _check_as_of(as_of, sources)
    compiled = compile_for_sources(builtin_catalog() if catalog is None else catalog, sources, reliabilities)
    run_labels(compiled, sources.engine)
    return Labels(catalog=compiled.catalog, compiled=compiled, sources=sources, as_of=as_of)


def compile_for_sources(
    catalog: Catalog, sources: Sources, reliabilities: Mapping[str, float] | None = None
) -> Compiled:
    """Compile a catalogue for the tables, columns and event words that are really there."""
    engine = sources.engine
    schemas = {table: engine.columns(table) for table in sources.tables}
    return compile_labels(
        catalog,
        schemas,
        dialect=engine.dialect,
        as_of=sources.as_of.to_pydatetime(),
        reliabilities=reliabilities,
        words=_event_words(engine, schemas),
    )


def _event_words(engine: Engine, schemas: Mapping[str, Mapping[str, str]]) -> dict[str, set[str]]:
    """Return the event words that occur, so that what a log does not record is left out."""
    if "event" not in schemas.get("events", {}):
        return {}
    words = engine.query(
        f"SELECT DISTINCT event FROM events WHERE event IS NOT NULL ORDER BY event LIMIT {MAX_WORDS}"
    )
    # A column with more words than that holds texts, not kinds of event: then nothing is left out.
    return {"events.event": set(words["event"].astype(str))} if len(words) < MAX_WORDS else {}


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
