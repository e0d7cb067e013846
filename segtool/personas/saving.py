"""Personas as a JSON file, and the checks on what comes back: nothing is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segtool.errors import InputError, NotFittedError, ParameterError
from segtool.personas.encode import Encoding
from segtool.personas.files import read_text, write_whole
from segtool.personas.membership import UnsureRule
from segtool.personas.methods import read_estimator

FORMAT = "segtool.personas"
VERSION = 1
KEYS = frozenset(
    [
        "format",
        "version",
        "names",
        "renamed",
        "verdict",
        "notes",
        "encoding",
        "unsure_rule",
        "summary",
        "choice",
        "model",
    ]
)
SUMMARY_COLUMNS = {
    "persona_id": int, "n_users": int, "share": float, "weighted_share": float, "n_unsure": int, "mean_membership": float,
    "stability": float, "defining": str, "rule": str, "rule_precision": float, "rule_recall": float,
    "rule_caught": int, "rule_members": int,
    "nearest_id": int, "typical": str, "contrast": str,
}  # fmt: skip

HIDDEN_COUNTS = ("n_users", "n_unsure")  # null where an export leaves out what counts few users


def save_personas(personas: Any, path: Path) -> Path:
    """Write personas to a file in one step, so that a reader never meets half of it."""
    if personas.model is None:
        raise NotFittedError(
            "These personas have no model to save.", fix="Keep personas.assigned as a table instead."
        )
    record = {
        "format": FORMAT,
        "version": VERSION,
        "names": {str(number): name for number, name in personas.names.items()},
        "renamed": sorted(personas.renamed),
        "verdict": personas.verdict,
        "notes": list(personas.notes),
        "encoding": personas.encoding.to_dict(),
        "unsure_rule": personas.unsure_rule.to_dict(),
        "summary": _records(personas.summary),
        "choice": None if personas.choice_table is None else _records(personas.choice_table),
        "model": personas.model.to_json(),
    }
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return write_whole(path, text, "The personas")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain values, missing numbers as None."""
    rows = table.to_dict(orient="records")  # to_json would round to 15 digits
    return [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in rows]


def load_personas(path: Path) -> dict[str, Any]:
    """Return the arguments of `Personas` from a file, or say what is wrong with it."""
    record = _read_record(path)
    try:
        model = read_estimator(record["model"])
        encoding = Encoding.from_dict(record["encoding"])
        unsure_rule = UnsureRule.from_dict(record["unsure_rule"])
        names = {int(number): str(name) for number, name in record["names"].items()}
        renamed = frozenset(int(number) for number in record["renamed"])
        summary = _read_summary(record["summary"])
        choice = None if record["choice"] is None else pd.DataFrame(record["choice"])
        check_names(names, len(names))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise _not_whole("a part of it is not what it should be") from error
    _check_fit(model, encoding, names, renamed, summary)
    return {
        "names": dict(sorted(names.items())),
        "verdict": str(record["verdict"]),
        "summary": summary,
        "model": model,
        "encoding": encoding,
        "unsure_rule": unsure_rule,
        "notes": tuple(map(str, record["notes"])),
        "renamed": renamed,
        "choice_table": choice,
    }


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(read_text(path, "a file written by personas.save."))
    except InputError:
        raise
    except ValueError as error:
        raise _not_whole("it is not JSON") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise _not_whole("it is of another kind")
    if record.get("version") != VERSION:
        raise InputError(
            "The file of personas is of another version of the format.",
            f"version {VERSION}.",
            "Load it with the segtool that wrote it, or find the personas again.",
        )
    if set(record) != KEYS:
        names = sorted(set(record) ^ KEYS)
        raise _not_whole(
            f"it lacks or adds {names[0]!r}" if names[0] in KEYS else "it holds parts unknown here"
        )
    return record


def _not_whole(why: str) -> InputError:
    return InputError(
        f"This is no file of personas: {why}.", "a file written by personas.save.", "Save the personas again."
    )


def _read_summary(rows: list[dict[str, Any]]) -> pd.DataFrame:
    summary = pd.DataFrame(rows)
    if list(summary.columns) != list(SUMMARY_COLUMNS):
        raise _not_whole("the portraits have other columns")
    kinds = {name: kind for name, kind in SUMMARY_COLUMNS.items() if kind is not str}
    kinds |= {name: "Int64" for name in HIDDEN_COUNTS if summary[name].isna().any()}
    return summary.astype(kinds)


def _check_fit(model, encoding: Encoding, names, renamed, summary) -> None:
    """Check that model, encoding and names speak of the same personas and columns."""
    n = model.n_personas_
    columns = list(getattr(model, "feature_names_in_", ()))
    if sorted(names) != list(range(1, n + 1)) or not renamed <= set(names):
        raise _not_whole(f"its names are not those of {n} personas")
    if summary["persona_id"].tolist() != list(range(1, n + 1)):
        raise _not_whole(f"its portraits are not those of {n} personas")
    if columns != list(encoding.columns) or not set(encoding.columns.values()) <= set(encoding.kinds):
        raise _not_whole("model and encoding do not have the same columns")
    wanted = {c for c, label in encoding.columns.items() if encoding.kinds[label] not in ("many", "number")}
    if set(encoding.categories) != wanted:
        raise _not_whole("the values of a column are missing")


def check_names(names: Mapping[int, str], n_personas: int) -> None:
    """Check that there is one name of its own per persona, none empty."""
    if sorted(names) != list(range(1, n_personas + 1)):
        raise ParameterError(f"names are given for {len(names)} personas.", f"names for 1 to {n_personas}.")
    plain = [name.strip().casefold() for name in names.values()]
    for number, name in zip(names, plain, strict=True):
        if not name:
            raise ParameterError(f"The name of persona {number} is empty.", "a short text.")
        if plain.count(name) > 1:
            raise ParameterError(
                f"Persona {number} would share its name with another.", "a name per persona."
            )


def read_assignments(user_ids: Iterable, persona_ids: Iterable) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return user_id and persona_id sorted by user, and a name per persona."""
    users, groups = pd.Series(list(user_ids), dtype=object), pd.Series(list(persona_ids), dtype=object)
    if len(users) != len(groups) or len(users) == 0:
        raise InputError(
            f"There are {len(users)} user_ids and {len(groups)} persona_ids.", "one each, at least one."
        )
    if users.isna().any() or groups.isna().any():
        raise InputError(
            "Some user_ids or persona_ids are missing.", "one of each per user.", "Drop those rows."
        )
    users = users.astype(str)
    if users.duplicated().any():
        raise InputError(
            f"{int(users.duplicated().sum())} user_ids come more than once.", "one row per user."
        )
    numbers, names = _number_groups(groups)
    frame = pd.DataFrame({"user_id": users.astype("str"), "persona_id": numbers})
    return frame.sort_values("user_id", kind="stable", ignore_index=True), names


def _number_groups(groups: pd.Series) -> tuple[np.ndarray, dict[int, str]]:
    if groups.map(lambda group: isinstance(group, str)).all():
        sizes = groups.astype(str).value_counts().sort_index(kind="stable")
        ordered = list(sizes.sort_values(ascending=False, kind="stable").index)
        place = {group: number for number, group in enumerate(ordered, start=1)}
        return groups.map(place).to_numpy(np.int64), {number: str(group) for group, number in place.items()}
    numbers = pd.to_numeric(groups, errors="coerce")
    whole = numbers.notna() & (numbers == np.floor(numbers.astype(float)))
    if not whole.all() or sorted(set(numbers.astype(int))) != list(range(1, int(numbers.max()) + 1)):
        raise InputError(
            "The persona_ids are not 1, 2, ... K.", "whole numbers from 1, each used, or names as text."
        )
    return numbers.to_numpy(np.int64), {
        number: f"Persona {number}" for number in sorted(set(numbers.astype(int)))
    }


def summarize_sizes(sizes: np.ndarray) -> pd.DataFrame:
    """Return the summary of personas of which only the members are known."""
    n = len(sizes)
    return pd.DataFrame(
        {
            "persona_id": np.arange(1, n + 1), "n_users": sizes, "share": sizes / max(sizes.sum(), 1),
            "weighted_share": sizes / max(sizes.sum(), 1),
            "n_unsure": 0, "mean_membership": 1.0, "stability": np.nan, "defining": "", "rule": "",
            "rule_precision": np.nan, "rule_recall": np.nan,
            "rule_caught": 0, "rule_members": 0, "nearest_id": 0, "typical": "", "contrast": "",
        }
    )  # fmt: skip
