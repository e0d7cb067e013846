"""What a study would read, what it lacks and what is wrong, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from segtool.display import Shown, join_words
from segtool.errors import SegtoolError, did_you_mean
from segtool.labels import Catalog, check_catalog
from segtool.labels.compile import Compiled, compile_labels
from segtool.labels.corrections import check_corrections
from segtool.labels.recorded import recorded_columns
from segtool.labels.run import check_measures, compile_for_sources
from segtool.personas.encode import plain_facet
from segtool.sources import Sources
from segtool.study.check_targeting import find_unknown_words
from segtool.study.persona_options import read_followed
from segtool.study.sample_weight import read_sample_weight
from segtool.study.settings import StudyFile
from segtool.study.study import Study

MOST_NAMED = 6  # built-in labels, or reasons, that are named; the rest is counted


@dataclass(frozen=True)
class StudyCheck(Shown):
    """The findings of a check, one row each: ``place``, ``verdict`` (ok, note, problem), ``what``.

    Parameters
    ----------
    findings : DataFrame
        One row per finding.
    """

    findings: pd.DataFrame

    @property
    def problems(self) -> list[str]:
        """What must be mended before the study runs."""
        return self.findings.loc[self.findings["verdict"] == "problem", "what"].tolist()

    def to_pandas(self) -> pd.DataFrame:
        """Return the findings."""
        return self.findings.copy()

    def headline(self) -> str:
        """Say whether the study can run."""
        if self.problems:
            n = len(self.problems)
            return f"This study cannot run as it is: {n} problem{'' if n == 1 else 's'}."
        return "This study can run."

    def __str__(self) -> str:
        return self.headline()


def check_study(study: Study) -> StudyCheck:
    """Look at everything a run would need, and collect what is found instead of stopping at the first.

    Parameters
    ----------
    study : Study
        The study to look at; its tables are read, nothing is computed or written.

    Returns
    -------
    StudyCheck
    """
    findings: list[tuple[str, str, str]] = []
    sources = _find(findings, "sources", lambda: study.sources)
    catalog = _find(findings, "labels", lambda: study.catalog)
    if sources is not None:
        findings += _table_findings(sources)
        place = study.file.personas.sample_weight
        if place:
            _find(findings, "personas.sample_weight", lambda: read_sample_weight(sources, place))
        findings += find_unknown_words(study.file.targeting, sources)
    if study.file.personas.follow:
        _find(findings, "personas.follow", lambda: read_followed(study.base, study.file.personas.follow))
    if catalog is not None:
        findings += _example_findings(catalog)
        findings += _name_findings(study.file, catalog)
    if sources is not None and catalog is not None:
        made = _find(findings, "labels", lambda: compile_for_sources(catalog, sources))
        own = (
            _find(findings, "labels", lambda: _own_findings(sources, study.own_catalog, made))
            if made
            else None
        )
        findings += _label_findings(sources, study.own_catalog, made, own or []) if made is not None else []
        findings += own or []
        findings += _correction_findings(study.file, catalog, sources, made) if made is not None else []
        findings += _lost_findings(study.file, catalog, made) if made is not None else []
    return StudyCheck(pd.DataFrame(findings, columns=["place", "verdict", "what"]))


def _find(findings: list, place: str, step: Callable[[], Any]) -> Any:
    """Return what a step gives, or note why it cannot."""
    try:
        return step()
    except SegtoolError as error:
        findings.append((place, "problem", str(error)))
        return None


def _table_findings(sources: Sources) -> list[tuple[str, str, str]]:
    findings = []
    for row in sources.summary().to_pandas().itertuples():
        set_aside = row.read - row.kept
        what = f"{row.kept:,} of {row.read:,} rows"
        if set_aside:
            what += f" ({row.rejected:,} rejected, {_count(row.duplicates, 'duplicate')}"
            what += f", {row.after_as_of:,} after as_of)"
        findings.append((f"sources.{row.table}", "note" if row.rejected else "ok", what))
    as_of = f"{sources.as_of.tz_convert(sources.timezone):%Y-%m-%d %H:%M} ({sources.timezone})"
    findings.append(("sources", "ok", f"{_count(sources.n_users, 'user')} in all, as of {as_of}"))
    findings += [("sources", "note", note) for note in sources.notes()]
    findings += [
        (f"sources.{row.table}", "note", f"{row.item} {row.status}: {row.note}".strip())
        for row in sources.check().to_pandas().itertuples()
        if row.status in ("missing column", "not given", "left out")
    ]
    return findings


def _example_findings(catalog: Catalog) -> list[tuple[str, str, str]]:
    examples = check_catalog(catalog)
    failed = examples.loc[~examples["passed"].astype(bool)]
    if failed.empty:
        return [("labels", "ok", _worked(len(examples)))] if len(examples) else []
    return [
        (
            f"labels.{row.label}",
            "problem",
            f"worked example {row.test}: expected {row.expected}, got {row.got}",
        )
        for row in failed.itertuples()
    ]


def _name_findings(file: StudyFile, catalog: Catalog) -> list[tuple[str, str, str]]:
    """Find labels that a study names and its catalogue does not have: a run would stop, or let one out."""
    personas, export = file.personas, file.export
    named = {
        "personas.basis": personas.basis,
        "personas.descriptors": personas.descriptors,
        "export.sensitive": export.sensitive,
        "export.allow_sensitive": export.allow_sensitive,
    }
    known = [*catalog.labels, *file.labels.leave_out]
    findings = [
        (place, "problem", f"There is no label {name!r}. Accepted: {did_you_mean(name, catalog.labels)}")
        for place, names in named.items()
        for name in names
        if name not in known
    ]
    facets = sorted({plain_facet(label.facet) for label in catalog.labels.values()})
    findings += [
        ("personas.weights", "problem", f"There is no facet or label {name!r}. Accepted: {said}")
        for name in personas.weights
        if name not in known and plain_facet(name) not in facets
        for said in [did_you_mean(name, [*facets, *catalog.labels])]
    ]
    twice = join_words(sorted(set(personas.basis) & set(personas.descriptors)))
    if twice:
        findings.append(("personas", "problem", f"{twice} is in basis and in descriptors; name it in one."))
    most = personas.n_personas or personas.max_personas
    beyond = join_words([str(number) for number in sorted(personas.names) if not 1 <= number <= most])
    if beyond:
        findings.append(
            ("personas.names", "problem", f"There is no persona {beyond}: there are at most {most}.")
        )
    return findings


def _lost_findings(file: StudyFile, catalog: Catalog, compiled: Compiled) -> list[tuple[str, str, str]]:
    """Find labels that are to form or describe personas and cannot be made here, or were left out."""
    made = {label.name for label in compiled.labels}
    why = {item.name: item.reason for item in compiled.left_out if item.kind == "label"}
    why |= {name: "leave_out names it." for name in file.labels.leave_out}
    return [
        (f"personas.{key}", "problem", f"The label {name!r} cannot be made: {why[name]}")
        for key in ("basis", "descriptors")
        for name in getattr(file.personas, key)
        if name not in made and name in why
    ]


def _own_findings(sources: Sources, own: Catalog, made: Compiled) -> list[tuple[str, str, str]]:
    """Find what cannot be computed of the study's own definitions.

    What the built-in catalogue leaves out for want of a table is no news. What somebody wrote for
    these very tables and leaves itself out is a misspelt column or a forgotten file; only for want
    of an event word it is none, since another month's log may have the word.
    """
    schemas = recorded_columns(sources.engine, sources.tables)
    compiled = compile_labels(own, schemas, dialect=sources.engine.dialect)
    check_measures(compiled, sources.engine)
    left_out = {(item.kind, item.name) for item in made.left_out}
    lost_here = [item for item in compiled.left_out if (item.kind, item.name) in left_out]
    lost = {item.name: item for item in lost_here if item.kind != "claim"}
    needed = {name for label in own.labels.values() for claim in label.claims for name in claim.measures()}
    findings = [
        (f"{item.kind}s.{name}", "problem", f"it cannot be computed: {item.reason}")
        for name, item in lost.items()
        if item.kind == "label" or name not in needed | own.borrowed
    ]
    return findings + [
        (f"labels.{item.name}", "note", f"this claim cannot be computed: {item.reason}")
        for item in lost_here
        if item.kind == "claim" and item.name.split(".")[0] not in lost
    ]


def _label_findings(
    sources: Sources, own: Catalog, compiled: Compiled, own_problems: list[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    """Say how many labels can be made; name what is lost of the study's own one by one, and count the rest."""
    tables = join_words(sorted(sources.tables))
    findings = [("labels", "ok", f"{_count(len(compiled.labels), 'label')} can be made from {tables}")]
    groups = join_words([table for table in ("messages", "members") if table in sources.tables])
    if groups:
        findings.append(("community", "ok", f"groups can be read from {groups} (segtool community)"))
    if not compiled.labels and groups:
        few = f"no label can be made from {tables} before the groups are read, and few after: too few for personas"
        findings[0] = ("labels", "note", few)
    elif not compiled.labels:
        fix = "Name a catalogue with labels for your columns under [labels] catalogs (docs/labels.md)."
        findings[0] = ("labels", "problem", f"no label can be made from {tables}. Do: {fix}")
    findings += [("labels", "note", note) for note in compiled.notes]
    findings += _lost_to_words(own, compiled, {place for place, _, _ in own_problems})
    rest = [item.name for item in compiled.left_out if item.kind == "label" and item.name not in own.labels]
    if rest and compiled.labels:
        more = [f"{len(rest) - MOST_NAMED} more"] if len(rest) > MOST_NAMED else []
        named = join_words([*rest[:MOST_NAMED], *more])
        built_in = _count(len(rest), "built-in label")
        findings.append(
            ("labels", "note", f"{built_in} left out for want of tables, columns or events: {named}")
        )
    return findings


def _lost_to_words(own: Catalog, compiled: Compiled, told: set[str]) -> list[tuple[str, str, str]]:
    """Name what is left out of the study's own definitions because no row has the word they ask for."""
    needed = {name for label in own.labels.values() for claim in label.claims for name in claim.measures()}
    lost = {item.name for item in compiled.left_out if item.kind == "label"}
    findings = []
    for item in compiled.left_out:
        base = item.name.split(".")[0]
        is_own = {
            "label": base in own.labels,
            "claim": base in own.labels and base not in lost,
            "measure": base in own.measures and base not in needed,
        }[item.kind]
        if is_own and f"{item.kind}s.{base}" not in told and f"labels.{item.name}" not in told:
            what = "your own claim" if item.kind == "claim" else f"your own {item.kind} {item.name!r}"
            place = f"{'measures' if item.kind == 'measure' else 'labels'}.{item.name}"
            findings.append((place, "note", f"{what} is left out: {item.reason}"))
    return findings


def _correction_findings(
    file: StudyFile, catalog: Catalog, sources: Sources, compiled: Compiled
) -> list[tuple[str, str, str]]:
    """Find corrections that cannot hold: a label, a value or a user that there is none of."""
    faults = check_corrections(catalog, compiled, sources.engine, unsaid=file.export.sensitive)
    if not faults:
        return []
    n = sum(faults.values())
    rows = "1 row does" if n == 1 else f"{n:,} rows do"
    shown = "; ".join(f"{why} ({count:,})" for why, count in list(faults.items())[:MOST_NAMED])
    more = f"; and {len(faults) - MOST_NAMED} more reasons" if len(faults) > MOST_NAMED else ""
    fix = "Mend the file; after a run, labels.corrections() names the rows."
    return [("sources.corrections", "problem", f"{rows} not hold: {shown}{more}. Do: {fix}")]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _worked(n: int) -> str:
    return f"{_count(n, 'worked example')} {'holds' if n == 1 else 'hold'}"
