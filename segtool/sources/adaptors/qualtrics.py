"""Qualtrics: CSV and TSV with three header lines, sheets and the legacy exporter with two.

The first line has field ids, the second the questions' texts, the third ``{"ImportId": ...}`` with the
zone of times. Answers given in a preview stand among the others and are no answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from segtool.display import join_words
from segtool.engines.zones import check_zone
from segtool.errors import InputError, SegtoolError
from segtool.sources.adaptors.answers import NOT_CHOSEN
from segtool.sources.adaptors.base import Adapted, Certainty, LeftOut
from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.head import Head, look_at_head
from segtool.sources.adaptors.kinds import find_options
from segtool.sources.adaptors.records import Records, read_records
from segtool.sources.adaptors.survey import Survey
from segtool.sources.raw import clean_names
from segtool.sources.settings import TableSettings

PERSONAL = (
    *("IPAddress", "RecipientLastName", "RecipientFirstName", "RecipientEmail", "EmailAddress", "Name"),
    *("LocationLatitude", "LocationLongitude"),
)
# Answers nobody gave: the survey looked at by its makers, or by a robot of Qualtrics.
TRIALS = {
    **{"Survey Preview": "preview", "1": "preview", "9": "preview", "17": "preview"},
    **{"Spam Preview": "preview", "Offline Survey Preview": "preview", "Survey Test": "test", "2": "test"},
}
OWN = (
    *("StartDate", "EndDate", "Status", "Progress", "Finished", "RecordedDate", "ResponseId"),
    *("Duration (in seconds)", "RecipientLastName", "RecipientFirstName", "RecipientEmail", "IPAddress"),
    *("ExternalReference", "LocationLatitude", "LocationLongitude", "DistributionChannel", "UserLanguage"),
    *("ResponseID", "ResponseSet", "Name", "ExternalDataReference", "EmailAddress"),
    *("LocationAccuracy", "Score-sum", "Score-weightedAvg"),
)
"""Columns of the tool itself, which no question is."""
CERTAIN = frozenset(OWN[:7])  # together no other tool has them
SEEN = {"-99": "seen, not answered"}


class Qualtrics:
    """Reads Qualtrics' CSV and TSV (and a sheet of them)."""

    name, title, table, also = "qualtrics", "Qualtrics", "survey", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" where the third line has import ids, or the first names Qualtrics' own columns."""
        return "sure" if _header_lines(head) else None

    def read(self, files: Sequence[Path], settings: TableSettings, engine=None) -> Adapted:
        """Read one export."""
        path = files[0]
        lines = _header_lines(look_at_head(path, settings.encoding, settings.delimiter, settings.sheet))
        if not lines or len(files) > 1:
            raise InputError(
                f"{path.name} is not an export of Qualtrics' responses.",
                'CSV or TSV of Data & Analysis, whose third line has "ImportId".',
                'Export it again without "remove line breaks", or say format = "plain".',
            )
        records = read_records(path, settings, headers=lines)
        names, _ = clean_names(_field_names(records, lines))
        texts = records.headers[1] if lines > 1 else names
        imports = [_import_of(cell) for cell in records.headers[2]] if lines == 3 else [{} for _ in names]
        survey = Survey(
            dict(zip(names, records.columns, strict=True)),
            records.numbers,
            personal=[name for name in names if name in PERSONAL],
            broken=records.broken,
            left_out=[
                LeftOut("header lines", lines, join_words(["field ids", "questions", "import ids"][:lines]))
            ],
            origin=records.origin,
            delimiter=records.delimiter,
        )
        survey.unused = {name: "the order in which choices were shown" for name in names if _is_order(name)}
        survey.questions = _find_questions(survey, names, texts, imports, lines)
        survey.defaults = _defaults(names, imports, survey)
        survey.candidates = {
            "user_id": ["ExternalReference", "ExternalDataReference", "ResponseId", "ResponseID"]
        }
        _leave_out_trials(survey)
        _note_unfinished(survey)
        return survey.adapted(settings)


def _header_lines(head: Head) -> int:
    if any('"ImportId"' in cell for cell in head.row(2)):
        return 3
    first, second = head.names, head.row(1)
    named = {"ResponseID", "ResponseSet"}
    if named <= set(first) and named <= {cell.strip() for cell in second}:
        return 2
    if first[:2] == ("V1", "V2") and second[:1] == ("ResponseID",):
        return 2
    if set(first) >= CERTAIN and len(second) > first.index("StartDate"):
        # A sheet, or a file whose further header lines were deleted by hand.
        return 1 if re.search(r"\d", second[first.index("StartDate")]) else 2
    return 0


def _field_names(records: Records, lines: int) -> list[str]:
    """Return field ids; the oldest exports call the first ten V1 to V10 and say in the second line what."""
    if lines == 1:
        return records.headers[0]
    first, second = records.headers[0], records.headers[1]
    return [
        text.strip() if lines == 2 and re.fullmatch(r"V\d+", name) and text.strip() in OWN else name
        for name, text in zip(first, second, strict=True)
    ]


def _import_of(cell: str) -> dict:
    try:
        said = json.loads(cell)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _is_order(name: str) -> bool:
    return bool(re.search(r"(^|_)DO(_[\w.]+)?$", name)) or name.startswith("DO-")


def _find_questions(
    survey: Survey, names: list[str], texts: list[str], imports: list[dict], lines: int
) -> list[Question]:
    groups: dict[str, list[int]] = {}
    for i, (name, said) in enumerate(zip(names, imports, strict=True)):
        if _is_order(name) or name in survey.personal:
            continue
        key = str(said.get("ImportId", ""))
        if lines == 3 and not key.startswith("QID"):
            continue
        if lines < 3 and (name in OWN or re.fullmatch(r"V\d+", name) or not texts[i].strip()):
            continue
        stem = re.match(r"QID\d+", key)[0] if re.match(r"QID\d+", key) else re.sub(r"_\d+$", "", name)
        if name.endswith("TEXT") or key.endswith("TEXT"):
            stem = f"{key or name} text"
        groups.setdefault(stem, []).append(i)
    found = [q for places in groups.values() for q in _questions_of(survey, places, names, texts, imports)]
    order = {name: i for i, name in enumerate(names)}
    return sorted(found, key=lambda question: order[question.sources[0]])


def _questions_of(
    survey: Survey, places: list[int], names: list[str], texts: list[str], imports: list[dict]
) -> list[Question]:
    stem = _stem([texts[i] for i in places])
    options = [_option(texts[i], stem, imports[i], names[i]) for i in places]
    if _is_split_choice(survey, places, names, options, imports):
        name = re.sub(r"_\d+$", "", names[places[0]])
        columns = {names[i]: option for i, option in zip(places, options, strict=True)}
        return [Question(name, _question_text(stem), "multi", missing=SEEN, columns=columns)]
    return [_one(survey, names[i], texts[i]) for i in places]


def _one(survey: Survey, name: str, text: str) -> Question:
    if name.endswith("TEXT"):
        return Question(name, text, "text", missing=SEEN)
    cells = [cell.strip() for cell in survey.columns[name] if cell and cell.strip() not in ("", *SEEN)]
    several = find_options(cells, ",")
    return Question(name, text, "multi" if several else "", missing=SEEN, separator="," if several else "")


def _is_split_choice(
    survey: Survey, places: list[int], names: list[str], options: list[str], imports: list[dict]
) -> bool:
    """Whether columns are the choices of one question: each holds its choice, or 1, or nothing."""
    if all("choiceId" in imports[i] for i in places):
        return True
    if len(places) < 2:
        return False
    ticked = False
    for i, option in zip(places, options, strict=True):
        said = {cell.strip() for cell in survey.columns[names[i]] if cell and cell.strip()} - set(SEEN)
        if not {cell for cell in said if cell.lower() not in NOT_CHOSEN} <= {option, "1"}:
            return False
        ticked = ticked or bool(said)
    return ticked


def _stem(texts: list[str]) -> str:
    """Return what the texts of a question's columns begin with, up to a dash."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
    head, dash, _ = "".join(letters[0] for letters in alike).rpartition(" - ")
    return head + dash


def _option(text: str, stem: str, said: dict, name: str) -> str:
    option = text[len(stem) :] if stem and text.startswith(stem) else text
    return option.strip() or str(said.get("choiceId", name))


def _question_text(stem: str) -> str:
    return re.sub(r"( - Selected Choice)? - $", "", stem).strip()


def _defaults(names: list[str], imports: list[dict], survey: Survey) -> dict:
    there = [name for name in ("RecordedDate", "EndDate", "StartDate") if name in names]
    defaults: dict = {"columns": {"answered_at": there[0]}} if there else {}
    zones = {said["timeZone"] for said in imports if isinstance(said.get("timeZone"), str)}
    zone = {"Z": "UTC"}.get(min(zones, default=""), min(zones, default=""))
    if zone:
        try:
            defaults["timezone"] = check_zone(zone)
        except SegtoolError:
            survey.notes.append("the export names a time zone that is not known; the study's is taken")
    return defaults


def _leave_out_trials(survey: Survey) -> None:
    status = survey.columns.get("Status", [])
    kinds = [TRIALS.get((cell or "").strip()) for cell in status]
    for kind in ("preview", "test"):
        unwanted = {number for number, k in zip(survey.numbers, kinds, strict=False) if k == kind}
        places = {i for i, number in enumerate(survey.numbers) if number in unwanted}
        survey.without_rows(places, f"{kind} answers", f"the survey was only tried (Status is {kind})")


def _note_unfinished(survey: Survey) -> None:
    finished = survey.columns.get("Finished", [])
    n = sum((cell or "").strip().lower() in ("0", "false") for cell in finished)
    if n:
        survey.notes.append(f"unfinished answers (Finished): {n:,}; they are read with what they have")


ADAPTORS = (Qualtrics(),)
