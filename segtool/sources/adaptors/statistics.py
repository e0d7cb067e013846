"""SPSS (.sav, .zsav) and Stata (.dta): codes with value labels, and values declared missing.

The usual way to read them turns "refused" into nothing. Here a question keeps the answer's words, its
code, and the reason why there is no answer.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segtool.errors import InputError, require
from segtool.sources.adaptors.base import Adapted, Certainty
from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.head import Head
from segtool.sources.adaptors.survey import Survey
from segtool.sources.raw import clean_names
from segtool.sources.settings import TableSettings

IDS = ("user_id", "userid", "uid", "member_id", "customer_id", "respid", "respondent_id", "caseid", "id")
EXACT = 2**53
OWN_ID = "response"  # tells rows apart where no variable does


class _Statistics:
    """What SPSS and Stata have in common."""

    name, title, table, also = "", "", "survey", ("users",)
    kind, reader = "", ""

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" by the first bytes."""
        return "sure" if head.kind == self.kind else None

    def read(self, files: Sequence[Path], settings: TableSettings, engine=None) -> Adapted:
        """Read one file.

        Raises
        ------
        MissingExtraError
            If pyreadstat is not installed.
        InputError
            If the file cannot be read.
        """
        path = files[0]
        if len(files) > 1:
            raise InputError(f"{self.title} files are read one at a time.", "one file.", "Name it in path.")
        pyreadstat = require("pyreadstat", "read", f"Reading {path.name}")
        more = {"encoding": settings.encoding} if settings.encoding else {}
        try:
            frame, meta = getattr(pyreadstat, self.reader)(str(path), user_missing=True, **more)
        except Exception as error:  # pyreadstat raises whatever its C library and its converters meet
            raise InputError(
                f"{path.name} is no {self.title} file that can be read.",
                fix="Save it again; if letters are the trouble, say its encoding.",
            ) from error
        names, changed = clean_names(map(str, frame.columns))
        columns = {
            name: [_as_text(value) for value in frame.iloc[:, i].tolist()] for i, name in enumerate(names)
        }
        survey = Survey(
            columns, list(range(1, len(frame) + 1)), notes=changed, origin=f"{path.name} ({self.title})"
        )
        titles = dict(zip(names, map(str, frame.columns), strict=True))
        sets = _several_answers(meta, titles, columns)
        inside = {name for question in sets for name in question.columns}
        survey.questions = [
            question
            for name in names
            if name not in inside and (question := _question(name, titles[name], columns[name], meta))
        ] + sets
        times = {n for n, title in titles.items() if _is_time(meta, title)}
        survey.columns.setdefault(OWN_ID, [f"row {number}" for number in survey.numbers])
        ids = sorted((n for n in names if n.lower() in IDS), key=_place_of_id)
        survey.candidates = {"user_id": [*ids, OWN_ID]}
        survey.questions = [q for q in survey.questions if q.id not in times]
        return survey.adapted(settings)


class Spss(_Statistics):
    """Reads SPSS' .sav and .zsav."""

    name, title, kind, reader = "spss", "SPSS", "spss", "read_sav"


class Stata(_Statistics):
    """Reads Stata's .dta."""

    name, title, kind, reader = "stata", "Stata", "stata", "read_dta"


def _place_of_id(name: str) -> int:
    return IDS.index(name.lower())


def _as_text(value: Any) -> str | None:
    if value is None or value != value:  # NaN and NaT are not themselves
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isinf(value):
            return str(value)
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()
    return str(value)


def _is_time(meta: Any, title: str) -> bool:
    shown = str(meta.original_variable_types.get(title, "")).lstrip("%").upper()
    return shown.startswith(
        ("DATE", "ADATE", "EDATE", "SDATE", "JDATE", "DTIME", "TIME", "TD", "TC", "YMDHMS")
    )


def _question(name: str, title: str, cells: list[str | None], meta: Any) -> Question | None:
    """Return a variable as a question; None if it is a plain column."""
    labels = {
        _as_text(code) or "": str(text) for code, text in meta.variable_value_labels.get(title, {}).items()
    }
    text = str(meta.column_names_to_labels.get(title) or name)
    missing = _missing(cells, labels, meta, title)
    labels = {code: label for code, label in labels.items() if code not in missing and code}
    if not labels and not missing:
        return None if name.lower() in IDS else Question(name, text, "")
    said = {cell for cell in cells if cell is not None and cell not in missing}
    kind = "scale" if labels and meta.variable_measure.get(title) == "ordinal" else ""
    if labels and not said <= set(labels):
        named = len(labels)
        labels, special = _complete_labels(labels, said)
        missing = {**missing, **special}
        kind = "scale" if len(labels) > named else kind if labels else ""
    return Question(name, text, kind, labels, missing=missing)


def _complete_labels(labels: dict[str, str], said: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return labels of a variable of which not every code has one, and codes that are no values.

    Of a scale often only the ends are named; on an amount a label marks a reason, as 99999 = "refused".
    """
    numbers = {code: _number(code) for code in {*labels, *said}}
    if None in numbers.values():
        return labels, {}
    named = [numbers[code] for code in labels]
    whole = all(number == int(number) for number in numbers.values())
    low, high = min(named), max(named)
    inside = all(low <= numbers[code] <= high for code in said)
    if whole and len(named) > 1 and inside and high - low <= 10:
        steps = (str(step) for step in range(int(low), int(high) + 1))
        return {step: labels.get(step, step) for step in steps}, {}
    if len(said - set(labels)) > 2 * len(labels):
        return {}, labels
    return labels, {}


def _number(code: str) -> float | None:
    try:
        number = float(code)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _missing(cells: list[str | None], labels: dict[str, str], meta: Any, title: str) -> dict[str, str]:
    """Return codes declared missing -> why: the label of the code, or that it is declared so."""
    codes: dict[str, str] = {}
    for span in meta.missing_ranges.get(title, []):
        low, high = span["lo"], span["hi"]
        ends = [_as_text(low), _as_text(high)] if low == high else []
        for code in dict.fromkeys([*ends, *labels, *(cell for cell in cells if cell)]):
            if code and (code in ends or _lies_in(code, low, high)):
                codes[code] = labels.get(code, f"declared missing ({code})")
    for code in meta.missing_user_values.get(title, []) or []:
        codes[str(code)] = labels.get(str(code), f"declared missing (.{code})")
    return codes


def _lies_in(code: str, low: Any, high: Any) -> bool:
    number = _number(code)
    return number is not None and not isinstance(low, str) and low <= number <= high


def _several_answers(meta: Any, titles: dict[str, str], columns: dict[str, list]) -> list[Question]:
    """Return SPSS' multiple response sets of yes and no as questions with several answers."""
    found = []
    by_title = {title: name for name, title in titles.items()}
    for name, said in (getattr(meta, "mr_sets", None) or {}).items():
        parts = [by_title[title] for title in said.get("variable_list", []) if title in by_title]
        counted = _as_text(said.get("counted_value"))
        if not said.get("is_dichotomy") or len(parts) < 2 or counted is None:
            continue
        for part in parts:
            columns[part] = [None if cell is None else str(int(cell == counted)) for cell in columns[part]]
        options = {part: str(meta.column_names_to_labels.get(titles[part]) or part) for part in parts}
        found.append(Question(name.lstrip("$"), str(said.get("label") or name), "multi", columns=options))
    return found


ADAPTORS = (Spss(), Stata())
