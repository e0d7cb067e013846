"""SurveyMonkey: CSV and XLSX "all responses data" with two header lines.

The first line names questions, blank over the further columns of one; the second has the choices, the
rows of a matrix, or a word for the kind of answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from segtool.errors import InputError
from segtool.sources.adaptors.answers import is_tick
from segtool.sources.adaptors.base import Adapted, Certainty, LeftOut
from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.head import Head
from segtool.sources.adaptors.records import read_records
from segtool.sources.adaptors.survey import Survey
from segtool.sources.adaptors.when import find_time_format
from segtool.sources.raw import clean_names
from segtool.sources.settings import TableSettings

META = (
    *("respondent id", "collector id", "date created", "date modified", "ip address", "email address"),
    *("first name", "last name", "start date", "end date", "custom data", "custom value", "language"),
    *("respondentid", "collectorid", "startdate", "enddate", "customdata"),
)
PERSONAL = ("ip address", "email address", "first name", "last name")
ADDRESS = ("name", "first name", "last name", "address", "address 2", "email address", "phone number")
OPEN, RESPONSE = "open-ended response", "response"
OTHER = re.compile(r"^other\b.*", re.IGNORECASE)


class SurveyMonkey:
    """Reads SurveyMonkey's export of all individual responses."""

    name, title, table, also = "surveymonkey", "SurveyMonkey", "survey", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" where the first line begins with the respondent's and the collector's id."""
        first = [_plain(cell).replace(" ", "") for cell in head.names[:2]]
        second = [cell for cell in head.row(1)[:2] if cell.strip()]
        return "sure" if first == ["respondentid", "collectorid"] and not second else None

    def read(self, files: Sequence[Path], settings: TableSettings, engine=None) -> Adapted:
        """Read one export."""
        if len(files) > 1:
            raise InputError("A SurveyMonkey export is one file.", "one CSV or XLSX.", "Name it in path.")
        records = read_records(files[0], settings, headers=2)
        top, second = ([re.sub(r"\s+", " ", cell).strip() for cell in line] for line in records.headers)
        groups = _group(top)
        names, _ = clean_names(_column_names(top, second, groups))
        survey = Survey(
            dict(zip(names, records.columns, strict=True)),
            records.numbers,
            personal=_personal(names, top, second, groups),
            broken=records.broken,
            left_out=[LeftOut("header lines", 2, "questions, choices")],
            origin=records.origin,
            delimiter=records.delimiter,
        )
        for places in groups:
            if not _is_meta(top[places[0]]):
                survey.questions += _questions(survey, places, names, top, second)
        survey.defaults = _defaults(survey, names, top)
        ids = [name for name, title in zip(names, top, strict=True) if _plain(title) in ("custom data 1",)]
        survey.candidates = {"user_id": [*ids, names[0]]}
        return survey.adapted(settings)


def _personal(names: list[str], top: list[str], second: list[str], groups: list[list[int]]) -> list[str]:
    """Return the columns that name people: the tool's own, and those of a form for an address."""
    found = [i for i, title in enumerate(top) if _plain(title) in PERSONAL]
    for places in groups:
        parts = {i for i in places if _plain(second[i]) in ADDRESS}
        found += sorted(parts) if len(parts) > 1 or len(places) == 1 else []
    return [names[i] for i in sorted(set(found))]


def _plain(cell: str) -> str:
    return cell.strip(" \ufeff").lower()


def _is_meta(title: str) -> bool:
    return re.sub(r"\s*\d+$", "", _plain(title)) in META


def _group(top: list[str]) -> list[list[int]]:
    """Return the columns of each question: a blank in the first line belongs to the question before it."""
    groups: list[list[int]] = []
    for i, title in enumerate(top):
        if title or not groups or _is_meta(top[groups[-1][0]]):
            groups.append([i])
        else:
            groups[-1].append(i)
    return groups


def _column_names(top: list[str], second: list[str], groups: list[list[int]]) -> list[str]:
    names = list(top)
    for places in groups:
        title = top[places[0]]
        for i in places:
            plain = len(places) == 1 or _plain(second[i]) in (RESPONSE, "")
            names[i] = title if plain or not title else f"{title} - {second[i]}"
    return names


def _questions(
    survey: Survey, places: list[int], names: list[str], top: list[str], second: list[str]
) -> list[Question]:
    """Return the questions of one group: one choice and its "other", choices to tick, or a matrix."""
    title = top[places[0]] or names[places[0]]
    places = [i for i in places if names[i] not in survey.personal]
    if len(places) > 1 and all(second[i] for i in places) and _plain(second[places[0]]) != RESPONSE:
        ticks = [
            i
            for place, i in enumerate(places, start=1)
            if _holds_ticks(survey.columns[names[i]], second[i], str(place))
        ]
        rest = [i for i in places if i not in ticks]
        # What was written beside "Other (please specify)" is the one text among ticks.
        if ticks and all(OTHER.match(second[i]) for i in rest):
            columns = {names[i]: second[i] for i in places}
            return [Question(title, title, "multi", columns=columns)]
    return [
        Question(names[i], names[i], "text" if _plain(second[i]) == OPEN or OTHER.match(second[i]) else "")
        for i in places
    ]


def _holds_ticks(cells: Sequence[str | None], option: str, number: str) -> bool:
    """Whether a column holds its choice, or the choice's number; a matrix of ratings has other numbers."""
    said = {cell.strip() for cell in cells if cell and cell.strip()}
    return all(is_tick(cell, option) and (not cell.isdigit() or cell in ("0", "1", number)) for cell in said)


def _defaults(survey: Survey, names: list[str], top: list[str]) -> dict:
    plain = [_plain(title) for title in top]
    for title in ("date modified", "end date", "enddate", "date created", "start date", "startdate"):
        if title in plain:
            column = names[plain.index(title)]
            found, note = find_time_format(survey.columns[column])
            survey.notes += [f"{column}: {note}"] if note else []
            return {"columns": {"answered_at": column}, **({"time_format": found} if found else {})}
    return {}


ADAPTORS = (SurveyMonkey(),)
