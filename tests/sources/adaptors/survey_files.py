"""Small exports as the tools write them, made up."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from segtool.sources import Sources, TableSettings

AS_OF = "2026-07-01"


def write(
    path: Path, rows: Sequence[Sequence[str]], *, encoding="utf-8", delimiter=",", quote=csv.QUOTE_MINIMAL
):
    """Write rows as a delimited file."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=quote).writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))
    return path


def write_sheet(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """Write rows as an Excel sheet; "" is an empty cell."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([None if cell == "" else cell for cell in row])
    book.save(path)
    return path


def read(path: Path, user_id: str, **settings) -> Sources:
    """Read one file as the survey of a study."""
    columns = {"user_id": user_id, **settings.pop("columns", {})}
    limit = settings.pop("max_rejected_share", 1.0)
    said = TableSettings(path=str(path), columns=columns, **settings)
    return Sources.read({"survey": said}, as_of=AS_OF, max_rejected_share=limit)


def answers(sources: Sources, *columns: str):
    """Return columns of the survey as lists of user and values, None where there is none."""
    frame = sources.to_pandas("survey").set_index("user_id")[list(columns)].astype(object)
    frame = frame.where(frame.notna(), None)
    return {
        user: tuple(row) if len(columns) > 1 else row[0]
        for user, row in zip(frame.index, frame.values.tolist(), strict=True)
    }


QUALTRICS_META = (
    ("StartDate", "Start Date", "startDate"),
    ("EndDate", "End Date", "endDate"),
    ("Status", "Response Type", "status"),
    ("IPAddress", "IP Address", "ipAddress"),
    ("Progress", "Progress", "progress"),
    ("Duration (in seconds)", "Duration (in seconds)", "duration"),
    ("Finished", "Finished", "finished"),
    ("RecordedDate", "Recorded Date", "recordedDate"),
    ("ResponseId", "Response ID", "_recordId"),
    ("RecipientEmail", "Recipient Email", "recipientEmail"),
    ("ExternalReference", "External Data Reference", "externalDataReference"),
)


def qualtrics_rows(
    questions: Sequence[tuple[str, str, dict]],
    people: Sequence[tuple[str, Sequence[str]]],
    status="IP Address",
) -> list[list[str]]:
    """Return the rows of an export: questions are (name, text, import id), people (user, answers)."""
    top = [name for name, *_ in QUALTRICS_META] + [name for name, *_ in questions]
    texts = [text for _, text, _ in QUALTRICS_META] + [text for _, text, _ in questions]
    zone = {"timeZone": "America/Denver"}
    ids = [{"ImportId": key, **(zone if key.endswith("Date") else {})} for *_, key in QUALTRICS_META] + [
        said for *_, said in questions
    ]
    rows = [top, texts, [json.dumps(said, separators=(",", ":")) for said in ids]]
    for i, (user, said) in enumerate(people):
        kind, _, user = user.rpartition("/")
        rows.append(
            [
                *(
                    "2026-05-01 10:00:00",
                    "2026-05-01 10:05:00",
                    kind or status,
                    "10.0.0.1",
                    "100",
                    "300",
                    "True",
                ),
                *(f"2026-05-{1 + i % 28:02} 10:05:00", f"R_{i:04}", f"{user}@example.org", user, *said),
            ]
        )
    return rows


QUALTRICS_QUESTIONS = (
    ("Q1", "How old are you?", {"ImportId": "QID1"}),
    ("Q2", "I follow trends.", {"ImportId": "QID2"}),
    ("Q3_1", "What do you like? - Selected Choice - Music", {"ImportId": "QID3", "choiceId": "1"}),
    ("Q3_2", "What do you like? - Selected Choice - Sport", {"ImportId": "QID3", "choiceId": "2"}),
    ("Q3_3", "What do you like? - Selected Choice - Other", {"ImportId": "QID3", "choiceId": "3"}),
    ("Q3_3_TEXT", "What do you like? - Other - Text", {"ImportId": "QID3_3_TEXT"}),
    ("Q4_DO_1", "Q4 - Display Order - 1", {"ImportId": "QID4_DO", "choiceId": "1"}),
    ("team", "team", {"ImportId": "team"}),
)
QUALTRICS_PEOPLE = (
    ("ann", ("18-24", "Strongly agree", "Music", "", "", "", "1", "red")),
    ("bob", ("25-34", "Somewhat disagree", "Music", "Sport", "", "", "2", "red")),
    ("Survey Preview/zoe", ("18-24", "Strongly agree", "Music", "", "", "", "1", "")),
    ("cyd", ("18-24", "Neither agree nor disagree", "", "", "Other", "chess,\nfast", "1", "blue")),
    ("dan", ("25-34", "", "", "", "", "", "1", "blue")),
)
