"""What a study would read, what it lacks and what is wrong, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from segtool.display import Shown, join_words
from segtool.errors import SegtoolError
from segtool.labels import Catalog, check_catalog
from segtool.labels.run import compile_for_sources
from segtool.sources import Sources
from segtool.study.study import Study


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
            return f"This study cannot run as it is: {len(self.problems)} problem(s)."
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
    if catalog is not None:
        findings += _example_findings(catalog)
    if sources is not None and catalog is not None:
        findings += _label_findings(sources, catalog)
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
            what += f" ({row.rejected:,} rejected, {row.duplicates:,} duplicates"
            what += f", {row.after_as_of:,} after as_of)"
        findings.append((f"sources.{row.table}", "note" if row.rejected else "ok", what))
    as_of = f"{sources.as_of.tz_convert(sources.timezone):%Y-%m-%d %H:%M} ({sources.timezone})"
    findings.append(("sources", "ok", f"{sources.n_users:,} users in all, as of {as_of}"))
    findings += [("sources", "note", note) for note in sources.notes()]
    findings += [
        (f"sources.{row.table}", "note", f"{row.item} {row.status}: {row.note}".strip())
        for row in sources.check().to_pandas().itertuples()
        if row.status in ("missing column", "not given")
    ]
    return findings


def _example_findings(catalog: Catalog) -> list[tuple[str, str, str]]:
    examples = check_catalog(catalog)
    failed = examples.loc[~examples["passed"].astype(bool)]
    if failed.empty:
        return [("labels", "ok", f"{len(examples)} worked examples hold")] if len(examples) else []
    return [
        (
            f"labels.{row.label}",
            "problem",
            f"worked example {row.test}: expected {row.expected}, got {row.got}",
        )
        for row in failed.itertuples()
    ]


def _label_findings(sources: Sources, catalog: Catalog) -> list[tuple[str, str, str]]:
    compiled, tables = compile_for_sources(catalog, sources), join_words(sorted(sources.tables))
    left_out = {item.name: item.reason for item in compiled.left_out if item.kind == "label"}
    made = f"{len(compiled.labels)} labels can be made from {tables}"
    if not compiled.labels:
        fix = "Name a catalogue with labels for your columns under [labels] catalogs (docs/labels.md)."
        return [("labels", "problem", f"no label can be made from {tables}. Do: {fix}")]
    if not left_out:
        return [("labels", "ok", made)]
    names = ", ".join(left_out)
    return [
        ("labels", "ok", made),
        ("labels", "note", f"{len(left_out)} left out for want of tables, columns or events: {names}"),
    ]
