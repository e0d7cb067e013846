"""LimeSurvey: CSV or XLSX of the responses, headed by question codes, texts, or both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segtool.errors import InputError
from segtool.sources.adaptors.answers import CHOSEN, NOT_CHOSEN
from segtool.sources.adaptors.base import Adapted, Certainty, LeftOut
from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.head import Head
from segtool.sources.adaptors.records import read_records
from segtool.sources.adaptors.survey import Survey
from segtool.sources.raw import clean_names
from segtool.sources.settings import TableSettings

# Columns of the tool, by code and by title.
META = {
    **{"id": "id", "response id": "id", "submitdate": "submitdate", "date submitted": "submitdate"},
    **{"completed": "submitdate", "lastpage": "lastpage", "last page": "lastpage"},
    **{"last page seen": "lastpage", "startlanguage": "startlanguage", "start language": "startlanguage"},
    **{"seed": "seed", "token": "token", "access code": "token", "startdate": "startdate"},
    **{"date started": "startdate", "datestamp": "datestamp", "date last action": "datestamp"},
    **{"ipaddr": "ipaddr", "ip address": "ipaddr", "refurl": "refurl", "referrer url": "refurl"},
    **{"interviewtime": "interviewtime", "total time": "interviewtime", "email": "email"},
    **{"email address": "email", "firstname": "firstname", "first name": "firstname"},
    **{"lastname": "lastname", "last name": "lastname"},
}
PERSONAL = ("ipaddr", "email", "firstname", "lastname")
MISSING = {"N/A": "not shown"}
NO_DATE = "1980-01-01"  # written for a survey whose answers are to have no date
LONGEST = 2_000  # of a heading that is looked into
BOTH = re.compile(r"^([A-Za-z]\w*(?:\[[^\[\]]*\])*)\.\s+(.*)$", re.DOTALL)  # code and text in one heading
PART = re.compile(r"^(.*?)\s*\[([^\[\]]*)\]$", re.DOTALL)


class LimeSurvey:
    """Reads the responses of a LimeSurvey survey."""

    name, title, table, also = "limesurvey", "LimeSurvey", "survey", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" where id, date submitted, last page and start language come first."""
        codes = [_meta(name) for name in head.names[:6]]
        return (
            "sure"
            if codes[:1] == ["id"] and {"submitdate", "lastpage", "startlanguage"} <= {*codes}
            else None
        )

    def read(self, files: Sequence[Path], settings: TableSettings, engine=None) -> Adapted:
        """Read one export."""
        if len(files) > 1:
            raise InputError("A LimeSurvey export is one file.", "one CSV or XLSX.", "Name it in path.")
        records = read_records(files[0], settings, headers=1)
        names, changed = clean_names(records.headers[0])
        meta = {name: code for name in names if (code := _meta(name))}
        survey = Survey(
            dict(zip(names, records.columns, strict=True)),
            records.numbers,
            personal=[name for name, code in meta.items() if code in PERSONAL],
            unused={n: "seconds spent on a page or question" for n in names if _is_timing(n, meta)},
            broken=records.broken,
            left_out=[LeftOut("header lines", 1, "questions")],
            notes=changed,
            origin=records.origin,
            delimiter=records.delimiter,
        )
        survey.questions = _find_questions(
            survey, [n for n in names if n not in meta and n not in survey.unused]
        )
        by_code = {code: name for name, code in reversed(meta.items())}
        _read_times(survey, by_code)
        survey.candidates = {"user_id": [by_code[code] for code in ("token", "id") if code in by_code]}
        return survey.adapted(settings)


def _meta(name: str) -> str | None:
    """Return the code of one of the tool's own columns; "id. Response ID" is one too."""
    plain = name.strip().lower()
    return META.get(plain) or (META.get(plain.split(". ", 1)[0]) if ". " in plain else None)


def _is_timing(name: str, meta: dict[str, str]) -> bool:
    timed = "interviewtime" in meta.values()
    return (
        timed
        and name not in meta
        and bool(re.search(r"(^groupTime\d*|\w+Time|Group time.*|Question time.*)$", name))
    )


@dataclass(frozen=True)
class _Column:
    """A column's heading: question, what of it, and both in words where the heading has them."""

    name: str
    stem: str
    part: str = ""
    text: str = ""
    label: str = ""


def _read_heading(name: str) -> _Column:
    """Return what a heading says: "Q2[SQ001]", "Drinks? [Tea]" or "Q2[SQ001]. Drinks? [Tea]"."""
    if "comment]" in name.lower() or " - comment" in name.lower() or len(name) > LONGEST:
        return _Column(name, name, text=name)
    both = BOTH.match(name)
    code, words = (both[1], both[2]) if both else (name, "")
    inside, said = PART.match(code), PART.match(words)
    stem, part = (inside[1], inside[2]) if inside else (code, "")
    text, label = (said[1], said[2]) if said and part else (words, "")
    return _Column(name, stem, part, text or stem, label or part)


def _find_questions(survey: Survey, names: list[str]) -> list[Question]:
    groups: dict[str, list[_Column]] = {}
    for name in names:
        column = _read_heading(name)
        groups.setdefault(column.stem, []).append(column)
    found: list[Question] = []
    for stem, parts in groups.items():
        choices = [column for column in parts if column.part]
        if len(choices) > 1 and _are_choices(survey, choices):
            columns = {column.name: column.label for column in choices}
            found.append(Question(stem, parts[0].text, "multi", missing=MISSING, columns=columns))
            parts = [column for column in parts if not column.part]
        found += [_one(column) for column in parts]
    return found


def _one(column: _Column) -> Question:
    plain = re.sub(r"[\W_]+", "_", column.part).strip("_")
    made = f"{column.stem}_{plain}" if plain else column.stem
    kind = "text" if "comment" in column.name.lower() else ""
    title = f"{column.text} - {column.label}" if column.label else column.text
    return Question(made, title, kind, missing=MISSING, columns={column.name: column.label or made})


def _are_choices(survey: Survey, parts: list[_Column]) -> bool:
    """Whether the columns of a question say yes or no, but for the text of an "other"."""
    seen = False
    for column in parts:
        if column.part.lower() == "other":
            continue
        for cell in survey.columns[column.name]:
            text = (cell or "").strip().lower()
            if text and text != "n/a":
                if text not in CHOSEN and text not in NOT_CHOSEN:
                    return False
                seen = True
    return seen


def _read_times(survey: Survey, by_code: dict[str, str]) -> None:
    submitted = by_code.get("submitdate")
    undated = 0
    for code in ("submitdate", "datestamp", "startdate"):
        if code in by_code:
            cells = survey.columns[by_code[code]]
            undated = max(undated, sum((cell or "").startswith(NO_DATE) for cell in cells))
            survey.columns[by_code[code]] = [None if (c or "").startswith(NO_DATE) else c for c in cells]
    if undated:
        survey.notes.append(f"answers without a date: {undated:,} (the tool writes {NO_DATE} for it)")
    elif submitted:
        n = sum(not (cell or "").strip() for cell in survey.columns[submitted])
        if n:
            survey.notes.append(f"answers not submitted: {n:,}; they are read with what they have")
    # What was not submitted has a last action all the same.
    when = by_code.get("datestamp") or submitted
    survey.defaults = {"columns": {"answered_at": when}} if when else {}


ADAPTORS = (LimeSurvey(),)
