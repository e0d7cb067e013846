"""Everything a study leaves behind, written in one step through the privacy rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from segtool.errors import NotFittedError, OutputError
from segtool.outputs.csv_files import write_csv
from segtool.outputs.folder import open_folder
from segtool.outputs.ledger import write_claims
from segtool.outputs.manifest import (
    Manifest,
    describe_files,
    describe_inputs,
    find_input_files,
    now_utc,
    read_versions,
)
from segtool.outputs.privacy import hash_ids, hide_small_sizes, read_id_key
from segtool.outputs.report import describe_study, render_report
from segtool.outputs.small_shares import mask_counts, mask_sentences

MANY_SEPARATOR = ": "
PERSONA_COLUMNS = (
    "user_id",
    "persona_id",
    "persona",
    "membership",
    "runner_up",
    "unsure",
    "sentence",
    "holdout",
)


class ExportSettings(BaseModel):
    """What leaves, and in which form: the ``[export]`` table of a study.

    Examples
    --------
    >>> ExportSettings(min_cell=10).min_cell
    10
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Below this many people a count is not shown; 5 is the usual floor for open tables.
    min_cell: int = Field(default=5, ge=1)
    # A byte order mark, so that Excel reads UTF-8; formulas are guarded either way.
    excel: bool = True
    # Guards ids that Excel would rewrite (00123, 1e5), at the price that other programs must strip
    # the apostrophe before they join on them: segtool's read_csv does.
    excel_ids: bool = False
    # Ids as keyed hashes; the key comes from SEGTOOL_ID_KEY or a file.
    hash_ids: bool = False
    id_key_file: str | None = None
    # The users left untouched, so that the plan can be proved.
    holdout_share: float = Field(default=0.1, ge=0, lt=1)
    # Labels that stay inside, beside those their definition marks, and those let out by name.
    sensitive: tuple[str, ...] = ()
    allow_sensitive: tuple[str, ...] = ()


def export_study(
    out: str | Path,
    *,
    sources,
    labels,
    personas,
    plan,
    holdout: pd.Series,
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
    settings : ExportSettings, optional
        The study's when not given.
    study : optional
        What the study says: an object with the tables ``study`` (name, seed, about, simulated)
        and ``export``; it is kept in the manifest.
    base : path
        The folder the study's relative paths start from, to hash the inputs.
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
        rows = write_tables(folder, sources, labels, personas, plan, holdout, settings, inside, key)
        write_model(personas, folder / "persona_model.json")
        write_report(
            folder / "report.html", sources=sources, labels=labels, personas=personas, plan=plan,
            settings=settings, study=study,
        )  # fmt: skip
        manifest = describe_export(
            folder, rows, sources, labels, personas, settings, inside, study, find_input_files(study, base)
        )
        manifest.write(folder)
    return manifest


def write_report(
    path: str | Path,
    *,
    sources,
    labels,
    personas,
    plan,
    settings: ExportSettings | None = None,
    study: Any = None,
) -> Path:
    """Write the report alone, under the same privacy rules as the folder.

    Parameters
    ----------
    path : path
        The HTML file; an older one is replaced.
    sources, labels, personas, plan, settings, study
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
        **_about(study),
    )
    try:
        Path(path).write_text(render_report(facts), encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(
            f"the report cannot be written: {error.strerror}.", fix="Name another --out."
        ) from error
    return Path(path)


def write_model(personas, path: Path) -> None:
    """Write the model; personas given as a list of users have none, and then there is no file."""
    try:
        personas.save(path)
    except NotFittedError:
        path.unlink(missing_ok=True)


def mark_sensitive(labels, settings: ExportSettings):
    """Return labels in which those that the study keeps inside are marked sensitive.

    Marked labels form no personas unless named, give no names and no rules, and are not exported.

    Parameters
    ----------
    labels : Labels
    settings : ExportSettings

    Returns
    -------
    Labels
    """
    from dataclasses import replace

    named, allowed = set(settings.sensitive), set(settings.allow_sensitive)
    if not named:
        return labels
    infos = [
        replace(info, sensitive=True) if info.name in named - allowed else info for info in labels.infos
    ]
    return replace(labels, infos=tuple(infos))


def find_sensitive(labels, settings: ExportSettings) -> tuple[str, ...]:
    """Return the labels that stay inside: marked so, or named by the study, and not let out by name."""
    marked = {info.name for info in getattr(labels, "infos", ()) if info.sensitive}
    known = set(labels.label_kinds())
    return tuple(sorted((marked | (set(settings.sensitive) & known)) - set(settings.allow_sensitive)))


def write_tables(
    folder: Path,
    sources,
    labels,
    personas,
    plan,
    holdout,
    settings: ExportSettings,
    inside,
    key: bytes | None,
) -> dict[str, int]:
    """Write every table, and return file name -> rows."""
    tables: dict[str, pd.DataFrame | Iterable[pd.DataFrame]] = {
        "labels.csv": list_labels(labels, inside),
        "personas.csv": list_personas(labels, personas, holdout, inside),
        "portraits.csv": list_portraits(labels, personas, settings.min_cell, inside),
        "targeting.csv": list_targeting(plan, settings.min_cell),
        "user_topics.csv": list_user_topics(plan, holdout),
    }
    (folder / "rejected").mkdir()
    for table in sources.tables:
        rejected = sources.rejected(table)
        # The raw line holds the ids that hashing is to hide.
        tables[f"rejected/{table}.csv"] = rejected.drop(columns="raw", errors="ignore") if key else rejected
    rows = {
        name: write_csv(
            _hidden(table, key), folder / name, excel=settings.excel, excel_ids=settings.excel_ids
        )
        for name, table in tables.items()
    }
    rows["claims.parquet"] = write_claims(labels, folder / "claims.parquet", inside, key)
    return rows


def list_labels(labels, inside: Iterable[str] = ()) -> pd.DataFrame:
    """Return the wide labels with user_id as a column, sensitive ones left out."""
    wide = labels.wide()
    inside = set(inside)
    kinds = labels.label_kinds()
    names = {
        column: column if column in kinds else column.split(MANY_SEPARATOR)[0] for column in wide.columns
    }
    kept = [column for column in wide.columns if names[column] not in inside]
    return wide[kept].rename_axis("user_id").reset_index()


def list_personas(labels, personas, holdout: pd.Series, inside: Iterable[str] = ()) -> pd.DataFrame:
    """Return one row per user: persona, how surely, a sentence, and whether held out."""
    sentences = without_labels(labels, inside).sentences()[["user_id", "sentence"]]
    table = personas.assigned.merge(sentences, on="user_id", how="left", validate="1:1")
    table["holdout"] = table["user_id"].map(holdout).astype("boolean")
    return table.sort_values("user_id", ignore_index=True)[list(PERSONA_COLUMNS)]


def without_labels(labels, inside: Iterable[str]):
    """Return labels in whose sentences some labels do not speak."""
    from dataclasses import replace

    inside = set(inside)
    infos = getattr(labels, "infos", ())
    if not any(info.name in inside or info.sensitive for info in infos):
        return labels
    # A label let out by name may speak although its definition marks it.
    return replace(labels, infos=tuple(replace(info, sensitive=info.name in inside) for info in infos))


def list_portraits(labels, personas, min_cell: int, inside: Iterable[str] = ()) -> pd.DataFrame:
    """Return the portraits; those of small personas say nothing that counts their users."""
    table = personas.portraits()
    small = table["n_users"] < min_cell
    sizes = hide_small_sizes(table["n_users"], min_cell=min_cell)
    hidden = sizes.isna()
    table["n_users"] = sizes
    table["share"] = table["share"].mask(hidden)
    if "sentence" in table:
        table["sentence"] = mask_sentences(personas, table, min_cell)
    texts = [name for name in ("defining", "rule", "sentence") if name in table]
    table[texts] = table[texts].mask(hidden)
    for name in ("rule_precision", "rule_recall", "mean_membership"):
        if name in table:
            table[name] = table[name].mask(small)
    if "n_unsure" in table:
        table["n_unsure"] = (
            table["n_unsure"].astype("Int64").mask(hidden | table["n_unsure"].between(1, min_cell - 1))
        )
    titles = labels.titles()
    words = {name for label in inside for name in (label, titles.get(label, label), label.replace("_", " "))}
    for name in texts:
        table[name] = [
            None if isinstance(text, str) and _mentions(text, words) else text for text in table[name]
        ]
    return table


def _mentions(text: str, words: Iterable[str]) -> bool:
    return any(word.casefold() in text.casefold() for word in words)


def list_targeting(plan, min_cell: int) -> pd.DataFrame:
    """Return the plan; counts of few people are blank."""
    table = plan.table.sort_values(["persona_id", "rank"], ignore_index=True)
    few = table["n_users"].between(1, min_cell - 1)
    table["n_users"] = table["n_users"].astype("Int64").mask(few)
    if "n_events" in table:  # events of four people say what the four did
        table["n_events"] = table["n_events"].astype("Int64").mask(few)
    for name in (column for column in table if column == "reason" or column.startswith("why_")):
        said = [mask_counts(text, min_cell) if isinstance(text, str) else text for text in table[name]]
        table[name] = pd.Series(said, table.index, dtype=object).mask(few)  # reasons name the count
    return table


def list_user_topics(plan, holdout: pd.Series) -> pd.DataFrame | Iterator[pd.DataFrame]:
    """Return each user's topics, in batches where the plan gives them, those held out marked.

    Whoever uses the file as a list to send to must be able to leave the control group alone.
    """
    batches = getattr(plan, "user_topic_batches", None)
    if batches is None or plan.user_model is None:
        return _mark_held_out(plan.user_topics, holdout)
    return (_mark_held_out(batch, holdout) for batch in batches())


def _mark_held_out(topics: pd.DataFrame, holdout: pd.Series) -> pd.DataFrame:
    return topics.assign(holdout=topics["user_id"].map(holdout).astype("boolean"))


def _hidden(table, key: bytes | None):
    """Return a table, or batches, with pseudonyms for ids where there is a key, in the pseudonyms' order.

    In the order of the raw ids, row by row, whoever has the list of users could undo the hashing.
    """
    if key is None:
        return table
    if not isinstance(table, pd.DataFrame):
        table = pd.concat(list(table), ignore_index=True)
    if "user_id" not in table:
        return table
    hashed = table.assign(user_id=hash_ids(table["user_id"], key))
    return hashed.sort_values("user_id", kind="stable", ignore_index=True)


def describe_export(
    folder: Path,
    rows: Mapping[str, int],
    sources,
    labels,
    personas,
    settings: ExportSettings,
    inside,
    study,
    files,
) -> Manifest:
    """Return the manifest of what lies in the folder."""
    about = _about(study)
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
            "kept_inside": list(inside),
        },
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
