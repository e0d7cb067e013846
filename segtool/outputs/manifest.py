"""The manifest: what went in, what was decided, and what came out, so that it can be done again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from segtool.display import Shown
from segtool.errors import InputError
from segtool.outputs.folder import MANIFEST

PACKAGES = (
    "segtool",
    "duckdb",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "sqlglot",
    "umap-learn",
)


@dataclass(frozen=True, repr=False)
class Manifest(Shown):
    """What one export was made from, by what, and the files it consists of.

    Parameters
    ----------
    study : str
        Its name.
    as_of, timezone : str
        Nothing at or after this moment was read.
    seed : int or None
    created_at : str
        UTC; the only time of day in any file of an export.
    inputs : tuple of dict
        table, files (each with file, bytes and sha256; none for a table handed over in memory),
        and the row counts read, kept, rejected, duplicates, after_as_of.
    files : tuple of dict
        file, bytes, sha256, rows (None where it is no table).
    counts : dict
        Users, labels, claims, personas.
    settings, definitions : dict
        As the study says them; the compiled label statement among the definitions.
    versions : dict
        Python and the packages whose arithmetic matters.
    privacy : dict
        formula_guard, min_cell, hash_ids, labels that were kept inside, and what
        ``persona_model.json`` still tells (see `model_file.write_model`).
    notes : tuple of str
        What could not be made and why, and what a reader must know of the files of the proof.

    Examples
    --------
    >>> manifest = Manifest(study="Circle", as_of="2026-07-01", timezone="UTC", files=({"file": "a.csv"},))
    >>> manifest.to_pandas()["file"].tolist()
    ['a.csv']
    """

    study: str
    as_of: str
    timezone: str
    seed: int | None = None
    created_at: str = ""
    inputs: tuple[dict, ...] = ()
    files: tuple[dict, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    definitions: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    privacy: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tool: str = "segtool"

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per file."""
        return pd.DataFrame(list(self.files), columns=["file", "rows", "bytes", "sha256"])

    def headline(self) -> str:
        """Return what was written."""
        return f"{self.study} as of {self.as_of}: {len(self.files)} files"

    def to_json(self) -> str:
        """Return strict JSON: sorted keys, no NaN."""
        return (
            json.dumps(_plain(asdict(self)), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
            + "\n"
        )

    def write(self, folder: Path) -> None:
        """Write ``manifest.json``, last of all files."""
        (folder / MANIFEST).write_text(self.to_json(), encoding="utf-8", newline="\n")

    @classmethod
    def read(cls, folder: str | Path) -> Manifest:
        """Read the manifest of an export.

        Raises
        ------
        InputError
            When the folder has none, or it is not one of segtool's.
        """
        path = Path(folder) / MANIFEST
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            known = {item.name for item in fields(cls)}
            said = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
            return cls(**{key: value for key, value in said.items() if key in known})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{folder} has no readable {MANIFEST}.", "a folder that segtool wrote."
            ) from error

    def verify(self, folder: str | Path) -> list[str]:
        """Return the files that are missing or differ from what was written; empty when all is well."""
        changed = []
        for said in self.files:
            path = Path(folder) / said["file"]
            if not path.is_file() or sha256_of(path) != said["sha256"]:
                changed.append(said["file"])
        return changed


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_files(folder: Path, rows: Mapping[str, int]) -> tuple[dict, ...]:
    """Return one entry per file under a folder, sorted, with its rows where known."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return tuple(
        {"file": name, "rows": rows.get(name), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for name, path in zip(names, paths, strict=True)
        if name != MANIFEST
    )


def describe_inputs(summary: pd.DataFrame, files: Mapping[str, Sequence[Path]]) -> tuple[dict, ...]:
    """Return one entry per table read, with its files' hashes where it came from files.

    Parameters
    ----------
    summary : pd.DataFrame
        As `Sources.summary` gives it: table, origin, and the counts.
    files : Mapping of str to sequence of path
        The files each table was read from; a table handed over in memory has none.

    Notes
    -----
    Only the files' names are kept, not the folders above them: they say whose machine it was.
    """
    return tuple(_describe_input(row, files.get(row["table"], ())) for row in summary.to_dict("records"))


def _describe_input(row: dict, paths: Sequence[Path]) -> dict:
    counts = {key: value for key, value in row.items() if key not in ("table", "origin")}
    read = [{"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in paths]
    return {"table": row["table"], "files": read, **counts}


def read_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of the packages whose arithmetic matters."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def now_utc() -> str:
    """Return the moment of writing, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value):
    """Return a value JSON can say: numpy scalars as Python's, times as text, NaN as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [_plain(item) for item in items]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return str(value)
