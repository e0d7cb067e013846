"""Everything a study leaves behind, written in one step through the privacy rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from segtool.errors import OutputError
from segtool.outputs.community_tables import write_community_tables
from segtool.outputs.csv_files import write_csv
from segtool.outputs.folder import open_folder
from segtool.outputs.manifest import Manifest, describe_files, describe_inputs, now_utc, read_versions
from segtool.outputs.model_file import write_model
from segtool.outputs.persona_change_tables import list_persona_changes
from segtool.outputs.privacy import read_id_key
from segtool.outputs.proof import Proof
from segtool.outputs.proof_files import write_proof_tables
from segtool.outputs.report import describe_study, render_report
from segtool.outputs.scoring_files import write_scoring
from segtool.outputs.sensitive import find_sensitive
from segtool.outputs.settings import ExportSettings
from segtool.outputs.tables import write_tables
from segtool.outputs.words import list_notes


def export_study(
    out: str | Path,
    *,
    sources,
    labels,
    personas,
    plan,
    holdout: pd.Series,
    pixels=None,
    persona_change=None,
    proof: Proof | None = None,
    community=None,
    group_posts: pd.DataFrame | None = None,
    settings: ExportSettings | None = None,
    study: Any = None,
    base: str | Path = ".",
    force: bool = False,
) -> Manifest:
    """Write the folder of a study: tables, report, model and manifest.

    Parameters
    ----------
    out : path
        A folder of its own; it appears whole or not at all.
    sources : Sources
    labels : Labels
    personas : Personas
    plan : Plan
    holdout : pd.Series of bool, index user_id
        As `assign_holdout` gives it.
    pixels : Pixels, optional
        Written to ``pixels.csv``; each user's own is in their sentence.
    persona_change : PersonaChange, optional
        What became of the personas of an earlier run; written to ``persona_changes.csv``.
    proof : Proof, optional
        The schedule, the test's design and retention: ``calendar.csv``, ``send_list.csv``, ``not_sent.csv``,
        ``audiences/``, ``test_design.csv``, ``retention.csv`` and ``cohorts.csv``.
    community : Community, optional
        The reading of the groups: ``groups.csv``, ``leaders.csv``, ``split.csv`` and ``community/``.
    group_posts : DataFrame, optional
        Where to post among groups; written to ``group_posts.csv``.
    settings : ExportSettings, optional
        The study's when not given.
    study : optional
        What the study says: an object with the tables ``study`` (name, seed, about, simulated)
        and ``export``; it is kept in the manifest.
    base : path
        The folder a relative ``id_key_file`` starts from.
    force : bool
        Replace an earlier export that lies there.

    Returns
    -------
    Manifest

    Raises
    ------
    OutputError
        When the folder exists, is in use, cannot be written, or the disk is full.
    PrivacyError
        When ids are to be hashed and there is no key.

    Notes
    -----
    No file but the manifest holds a time of day of its own: the same study writes the same bytes.
    """
    settings = settings or getattr(study, "export", None) or ExportSettings()
    key_file = Path(base) / settings.id_key_file if settings.id_key_file else None
    key = read_id_key(key_file) if settings.hash_ids else None
    inside = find_sensitive(labels, settings)
    with open_folder(out, force=force) as folder:
        rows = write_tables(folder, sources, labels, personas, plan, holdout, settings, inside, key, pixels)
        if persona_change is not None:
            became = list_persona_changes(persona_change, settings.min_cell)
            rows["persona_changes.csv"] = write_csv(
                became, folder / "persona_changes.csv", excel=settings.excel
            )
        rows |= write_proof_tables(folder, proof, settings, key, personas.assigned)
        rows |= write_community_tables(folder, community, group_posts, settings, key, inside)
        told = write_model(personas, folder / "persona_model.json", settings.min_cell, inside)
        scoring, ledger_rows = write_scoring(labels, folder, inside, key)
        told, rows = {**told, **scoring}, {**rows, **ledger_rows}
        write_report(
            folder / "report.html", sources=sources, labels=labels, personas=personas, plan=plan,
            pixels=pixels, proof=proof, community=community, settings=settings, study=study,
        )  # fmt: skip
        manifest = describe_export(
            folder, rows, sources, labels, personas, settings, study, {"kept_inside": list(inside), **told},
            () if proof is None else list_notes(proof.notes, settings.min_cell),
        )  # fmt: skip
        manifest.write(folder)
    return manifest


def write_report(
    path: str | Path,
    *,
    sources,
    labels,
    personas,
    plan,
    pixels=None,
    proof: Proof | None = None,
    community=None,
    settings: ExportSettings | None = None,
    study: Any = None,
) -> Path:
    """Write the report alone, under the same privacy rules as the folder.

    Parameters
    ----------
    path : path
        The HTML file; an older one is replaced.
    sources, labels, personas, plan, pixels, proof, community, settings, study
        As for `export_study`.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    settings = settings or getattr(study, "export", None) or ExportSettings()
    facts = describe_study(
        sources=sources,
        labels=labels,
        personas=personas,
        plan=plan,
        min_cell=settings.min_cell,
        sensitive=find_sensitive(labels, settings),
        pixels=pixels,
        proof=proof,
        community=community,
        **_about(study),
    )
    try:
        Path(path).write_text(render_report(facts), encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(
            f"the report cannot be written: {error.strerror}.", fix="Name another --out."
        ) from error
    return Path(path)


def describe_export(
    folder: Path,
    rows: Mapping[str, int],
    sources,
    labels,
    personas,
    settings: ExportSettings,
    study,
    privacy: Mapping[str, Any],
    notes: Iterable[str] = (),
) -> Manifest:
    """Return the manifest of what lies in the folder, made from the files that were really read."""
    about = _about(study)
    files = {table: sources.files(table) for table in sources.tables}
    return Manifest(
        study=about.get("title", "study"),
        as_of=pd.Timestamp(sources.as_of).tz_convert(sources.timezone).isoformat(),
        timezone=sources.timezone,
        seed=about.get("seed"),
        created_at=now_utc(),
        inputs=describe_inputs(sources.summary().to_pandas(), files),
        files=describe_files(folder, rows),
        counts={
            "users": labels.n_users,
            "labels": len(labels.label_kinds()),
            "claims": rows["claims.parquet"],
            "personas": personas.n_personas,
        },
        settings=study.model_dump(mode="json")
        if hasattr(study, "model_dump")
        else settings.model_dump(mode="json"),
        definitions=_definitions(labels),
        versions=read_versions(),
        privacy={
            "formula_guard": True,
            "min_cell": settings.min_cell,
            "hash_ids": settings.hash_ids,
            **privacy,
        },
        notes=tuple(notes),
    )


def _definitions(labels) -> dict[str, Any]:
    facets, kinds, families = labels.facets(), labels.label_kinds(), labels.families()
    return {
        "labels": {
            name: {"kind": kinds[name], "facet": facets.get(name), "families": families.get(name, ())}
            for name in kinds
        },
        "left_out": labels.left_out().to_dict("records"),
        "sql": labels.sql,
    }


def _about(study) -> dict[str, Any]:
    """Return what the report says of the study, from an object that is not known down here."""
    said = getattr(study, "study", None)
    if said is None:
        return {}
    return {
        "title": said.name,
        "about": getattr(said, "about", ""),
        "simulated": bool(getattr(said, "simulated", False)),
        "seed": said.seed,
    }
