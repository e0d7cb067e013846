"""Google Forms: CSV of the responses, or the sheet they are kept in.

The first column is the time of the answer, on the clock of the form's owner. Boxes ticked are joined by a
comma and a space, which a choice may hold itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from segtool.errors import InputError
from segtool.sources.adaptors.base import Adapted, Certainty, LeftOut
from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.head import Head
from segtool.sources.adaptors.kinds import find_options
from segtool.sources.adaptors.records import read_records
from segtool.sources.adaptors.survey import Survey
from segtool.sources.adaptors.when import find_order, to_iso
from segtool.sources.raw import clean_names
from segtool.sources.settings import TableSettings

STAMPS = (
    *("timestamp", "时间戳记", "时间戳", "時間戳記", "タイムスタンプ", "zeitstempel", "horodateur"),
    *("marca temporal", "carimbo de data/hora", "informazioni cronologiche", "отметка времени", "타임스탬프"),
)
PERSONAL = re.compile(
    r"^(e-?mail( address)?|username|电子邮件地址|邮箱|电子邮箱|用户名|メールアドレス|e-mail-adresse|adresse e-mail"
    r"|dirección de correo electrónico)$",
    re.IGNORECASE,
)
SEPARATOR = ", "
OWN_ID = "response"


class GoogleForms:
    """Reads the responses of a Google form."""

    name, title, table, also = "google_forms", "Google Forms", "survey", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" where the times say GMT as only Google writes it, "maybe" for a first Timestamp."""
        names = head.names
        if not names or names[0].lower() not in STAMPS or len(names) < 2:
            return None
        times = [row[0] for row in head.rows[1:] if row and row[0].strip()]
        gmt = r"\d{4}/\d{2}/\d{2} \d{1,2}:\d{2}:\d{2} [AP]M GMT[+-]\d"
        if times and all(re.match(gmt, text) for text in times):
            return "sure"
        asked = any(name.endswith(("?", "？")) or len(name) > 30 for name in names[1:])
        return "maybe" if asked or names[0].lower() != "timestamp" else None

    def read(self, files: Sequence[Path], settings: TableSettings, engine=None) -> Adapted:
        """Read one form's responses."""
        if len(files) > 1:
            raise InputError("The responses of a form are one file.", "one CSV or XLSX.", "Name it in path.")
        records = read_records(files[0], settings, headers=1)
        names, changed = clean_names(records.headers[0])
        if names[0].lower() not in STAMPS:
            raise InputError(
                f"{files[0].name} is not a sheet of Google Forms' responses: its first column is no Timestamp.",
                "the CSV under Responses, or the linked sheet.",
                'Download it again, or say format = "plain".',
            )
        columns = dict(zip(names, records.columns, strict=True))
        columns.update(_own_ids(columns, records.numbers))
        survey = Survey(
            columns,
            records.numbers,
            personal=[name for name in names if PERSONAL.match(name)],
            broken=records.broken,
            left_out=[LeftOut("header lines", 1, "questions")],
            notes=changed,
            origin=records.origin,
            delimiter=records.delimiter,
        )
        _read_times(survey, names[0], settings)
        survey.questions = [_question(survey, name) for name in names[1:] if name not in survey.personal]
        survey.candidates = {"user_id": [OWN_ID]}
        return survey.adapted(settings)


def _own_ids(columns: dict, numbers: list[int]) -> dict[str, list[str]]:
    """Return a column that tells responses apart: the tool gives none, and an address is nobody's id."""
    return {} if OWN_ID in columns else {OWN_ID: [f"row {number}" for number in numbers]}


def _read_times(survey: Survey, name: str, settings: TableSettings) -> None:
    survey.defaults = {"columns": {"answered_at": name}}
    if settings.time_format:
        return  # the study says how they are written
    order, note = find_order(survey.columns[name])
    survey.notes += [f"{name}: {note}"] if note else []
    survey.columns[name] = [to_iso(cell, order) for cell in survey.columns[name]]


def _question(survey: Survey, name: str) -> Question:
    cells = [cell.strip() for cell in survey.columns[name] if cell and cell.strip()]
    if find_options(cells, SEPARATOR):
        return Question(name, name, "multi", separator=SEPARATOR)
    return Question(name, name)


ADAPTORS = (GoogleForms(),)
