"""The tool as JSON, and the checks on what comes back: nothing is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import pandas as pd

from segtool.errors import InputError
from segtool.labels.frames import YES_NO
from segtool.personas.typing_tool.measure import CURVE_COLUMNS, HITS_COLUMNS
from segtool.personas.typing_tool.parts import ToolParts
from segtool.personas.typing_tool.questions import WAYS, Question

FORMAT = "segtool.typing_tool"
VERSION = 1
KINDS = ("ordered", "nominal", "flag", "many", "number")
KEYS = frozenset(
    [
        "format",
        "version",
        "personas",
        "questions",
        "sharpness",
        "unsure",
        "figures",
        "curve",
        "hits",
        "reason",
        "notes",
        "min_users",
    ]
)
UNSURE_KEYS = frozenset(["min_membership", "min_margin", "min_answers"])
WHOLE_FIGURES = frozenset(["n_people", "n_askable", "cv", "random_state"])
FIGURES = WHOLE_FIGURES | {"accuracy", "full_accuracy", "baseline", "points_accuracy", "sure_share"}
FIGURES |= {"sure_accuracy"}
WHOLE_COLUMNS = frozenset(["n_questions", "n", "persona_id", "n_assigned"])
HIDEABLE = frozenset(["n", "n_assigned"])
TEXT_COLUMNS = frozenset(["persona", "taken_for"])


def write_tool(tool: ToolParts) -> dict[str, Any]:
    """Return the tool as plain dicts, lists, numbers and text."""
    names = sorted(tool.names)
    return {
        "format": FORMAT,
        "version": VERSION,
        "personas": [
            {"persona_id": number, "persona": tool.names[number], "share": float(tool.prior[place])}
            for place, number in enumerate(names)
        ],
        "questions": [
            {**asdict(question), "answers": list(question.answers), "cuts": list(question.cuts),
             "shares": block.tolist()}
            for question, block in zip(tool.asked, tool.shares, strict=True)
        ],
        "sharpness": float(tool.sharpness),
        "unsure": {key: getattr(tool, key) for key in sorted(UNSURE_KEYS)},
        "figures": asdict(tool.figures),
        "curve": _records(tool.curve),
        "hits": _records(tool.hits),
        "reason": tool.reason,
        "notes": list(tool.notes),
        "min_users": int(tool.min_users),
    }  # fmt: skip


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.to_dict(orient="records")
    return [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in rows]


def read_tool(data: Mapping[str, Any] | str) -> dict[str, Any]:
    """Return the arguments of `TypingTool` (figures as a dict), or say what is wrong.

    Raises
    ------
    InputError
        Names the first thing that is not as it should be.

    Examples
    --------
    >>> read_tool("[]")
    Traceback (most recent call last):
    segtool.errors.InputError: The typing tool is not usable: it is not an object. Accepted: ...
    """
    try:
        data = json.loads(data) if isinstance(data, str) else data
    except ValueError as error:
        raise _bad("it is not JSON") from error
    _need(isinstance(data, Mapping), "it is not an object")
    _need(data.get("format") == FORMAT, "it is of another kind")
    _need(data.get("version") == VERSION, f"its version is not {VERSION}")
    _need(set(data) == KEYS, f"its keys are not {', '.join(sorted(KEYS))}")
    try:
        return _rebuild(data)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise _bad(f"a part of it has the wrong shape or type ({type(error).__name__})") from error


def _bad(what: str) -> InputError:
    return InputError(
        f"The typing tool is not usable: {what}.",
        f"JSON of format {FORMAT!r}, version {VERSION}, as to_json() writes it.",
        "Save the tool again with this version of segtool.",
    )


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise _bad(what)


def _rebuild(data: Mapping[str, Any]) -> dict[str, Any]:
    names, prior = _read_personas(data["personas"])
    asked = tuple(_read_question(entry) for entry in data["questions"])
    _need(len(asked) > 0, "there is no question")
    _need(len({question.column for question in asked}) == len(asked), "a question comes twice")
    shares = tuple(
        _read_shares(entry["shares"], (len(names), len(question.answers)))
        for entry, question in zip(data["questions"], asked, strict=True)
    )
    sharpness = _number(data["sharpness"], "sharpness")
    _need(sharpness > 0, "sharpness is not above 0")
    _need(isinstance(data["reason"], str) and all(isinstance(note, str) for note in data["notes"]), "no text")
    min_users = _whole(data["min_users"])
    _need(min_users >= 1, "min_users is below 1")
    hits = _read_table(data["hits"], HITS_COLUMNS)
    _need(hits["persona_id"].tolist() == list(names), "the hits are not those of its personas")
    return {
        "names": names,
        "asked": asked,
        "prior": prior,
        "shares": shares,
        "sharpness": sharpness,
        "curve": _read_table(data["curve"], CURVE_COLUMNS),
        "hits": hits,
        "figures": _read_figures(data["figures"]),
        "reason": data["reason"],
        "notes": tuple(data["notes"]),
        "min_users": min_users,
        **_read_unsure(data["unsure"], len(asked)),
    }


def _read_personas(entries: Sequence[Mapping]) -> tuple[dict[int, str], np.ndarray]:
    _need(len(entries) >= 2, "there are fewer than two personas")
    for number, entry in enumerate(entries, start=1):
        _need(set(entry) == {"persona_id", "persona", "share"}, "a persona has other keys than it should")
        _need(_whole(entry["persona_id"]) == number, "the personas are not numbered from 1")
        _need(isinstance(entry["persona"], str) and bool(entry["persona"].strip()), "a persona has no name")
    names = {entry["persona_id"]: entry["persona"] for entry in entries}
    _need(len(set(names.values())) == len(names), "two personas have one name")
    return names, _read_shares([[entry["share"] for entry in entries]], (1, len(names)))[0]


def _read_question(entry: Mapping[str, Any]) -> Question:
    _need(set(entry) == {field.name for field in fields(Question)} | {"shares"}, "a question has other keys")
    for key in ("column", "label", "text", "asked", "kind", "facet"):
        _need(isinstance(entry[key], str), f"{key} of a question is not text")
    _need(entry["kind"] in KINDS and entry["asked"] in WAYS, "a question is of an unknown kind")
    answers, cuts = tuple(entry["answers"]), tuple(_number(cut, "a cut") for cut in entry["cuts"])
    _need(all(isinstance(answer, str) for answer in answers), "an answer is not text")
    _need(
        len(answers) >= 2 and len(set(answers)) == len(answers),
        "a question has too few answers, or one twice",
    )
    if entry["kind"] in ("flag", "many"):
        _need(answers == YES_NO, "a question of yes or no has other answers")
    wanted = len(answers) - 1 if entry["kind"] == "number" else 0
    _need(len(cuts) == wanted and list(cuts) == sorted(set(cuts)), "the cuts of a question do not fit")
    known = _number(entry["known_share"], "known_share")
    _need(0 <= known <= 1, "known_share is not from 0 to 1")
    plain = {key: value for key, value in entry.items() if key != "shares"}
    return Question(**{**plain, "answers": answers, "cuts": cuts, "known_share": known})


def _read_shares(values: Any, shape: tuple[int, int]) -> np.ndarray:
    for row in values:
        for value in row:
            _number(value, "a share")
    shares = np.asarray(values, dtype=float)
    _need(shares.shape == shape, "shares have another shape than personas and answers ask for")
    _need(bool((shares > 0).all()), "a share is not above 0")
    _need(bool((np.abs(shares.sum(axis=1) - 1) < 1e-6).all()), "shares do not add up to 1")
    return shares


def _read_unsure(entry: Mapping[str, Any], n_questions: int) -> dict[str, float]:
    _need(set(entry) == UNSURE_KEYS, "the rule for the unsure is not whole")
    parts = {key: _number(entry[key], key) for key in ("min_membership", "min_margin")}
    _need(all(0 <= value <= 1 for value in parts.values()), "a bound for the unsure is not from 0 to 1")
    least = _whole(entry["min_answers"])
    _need(0 <= least <= n_questions, "min_answers is not from 0 to the number of questions")
    return {**parts, "min_answers": least}


def _read_figures(entry: Mapping[str, Any]) -> dict[str, Any]:
    _need(set(entry) == FIGURES, "the figures are not whole")
    found: dict[str, Any] = {key: _whole(entry[key]) for key in WHOLE_FIGURES}
    for key in FIGURES - WHOLE_FIGURES:
        if key == "sure_accuracy" and entry[key] is None:
            found[key] = None
            continue
        found[key] = _number(entry[key], key)
        _need(0 <= found[key] <= 1, f"{key} is not from 0 to 1")
    _need(found["full_accuracy"] > 0, "full_accuracy is 0")
    return found


def _read_table(rows: Sequence[Mapping], columns: list[str]) -> pd.DataFrame:
    _need(len(rows) > 0 and all(list(row) == columns for row in rows), "a table has other columns")
    table = pd.DataFrame({name: [_read_cell(row[name], name) for row in rows] for name in columns})
    return table.astype({name: "Int64" for name in HIDEABLE & set(columns) if table[name].isna().any()})


def _read_cell(value: Any, name: str) -> Any:
    if name in TEXT_COLUMNS:
        _need(isinstance(value, str), f"{name} is not text")
        return value
    if name in HIDEABLE and value is None:  # so few that it was hidden
        return pd.NA
    if name in WHOLE_COLUMNS:
        return _whole(value)
    return np.nan if value is None else _number(value, name)


def _whole(value: Any) -> int:
    _need(isinstance(value, int) and not isinstance(value, bool), "a count is not a whole number")
    return value


def _number(value: Any, name: str) -> float:
    _need(isinstance(value, (int, float)) and not isinstance(value, bool), f"{name} is not a number")
    _need(bool(np.isfinite(value)), f"{name} is not finite")
    return float(value)
