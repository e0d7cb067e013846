"""问卷星 (wjx.cn): the answers as Excel or CSV, by text or by the number of the choice (按选项序号).

The first columns say when and how an answer came (序号, 提交答卷时间, 所用时间, 来源, ...); questions are
numbered: "3、您喜欢什么？". Several choices stand in one cell, joined by ┋, or in columns of their own.
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
from segtool.sources.adaptors.kinds import plain_code
from segtool.sources.adaptors.records import read_records
from segtool.sources.adaptors.survey import Survey
from segtool.sources.adaptors.when import to_iso
from segtool.sources.raw import clean_names
from segtool.sources.settings import TableSettings

NUMBER, TIME = ("序号", "答卷序号", "答卷编号"), ("提交答卷时间", "提交时间")
META = (*NUMBER, *TIME, "所用时间", "来源", "来源详情", "来自ip", "总分", "开始时间", "开始答题时间")
PERSONAL = ("来自IP", "来自ip", "微信昵称", "姓名", "手机号", "手机", "手机号码", "邮箱")
OWN_IDS = ("自定义参数", "sojumpparm", "用户ID", "用户id", "外部用户ID", "微信OpenID", "openid")
MARK, RANKED = "┋", "→"
MISSING = {"(跳过)": "skipped", "-3": "skipped", "(空)": "left empty", "-2": "left empty"}
TITLE = re.compile(r"^\s*(?:第\s*)?(\d{1,3})(?:\s*题)?\s*(?:[、.．:：]\s*)?(.*)$", re.DOTALL)
BRACKETS = re.compile(r"^(.*?)[(（]([^()（）]*(?:[(（][^()（）]*[)）][^()（）]*)*)[)）]\s*$", re.DOTALL)
WRITTEN = re.compile(r"〖([^〖〗]*)〗")
LONGEST = 500  # of a heading that is looked into


class Wjx:
    """Reads the answers of a 问卷星 questionnaire."""

    name, title, table, also = "wjx", "问卷星", "survey", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" where 序号 and 提交答卷时间 come first."""
        names = head.names
        first = names[:1] and names[0] in NUMBER
        return "sure" if first and "提交答卷时间" in names[:4] else None

    def read(self, files: Sequence[Path], settings: TableSettings, engine=None) -> Adapted:
        """Read one export."""
        if len(files) > 1:
            raise InputError("An export of 问卷星 is one file.", "one CSV or XLSX.", "Name it in path.")
        records = read_records(files[0], settings, headers=1)
        names, changed = clean_names(records.headers[0])
        survey = Survey(
            dict(zip(names, records.columns, strict=True)),
            records.numbers,
            personal=[name for name in names if name in PERSONAL],
            broken=records.broken,
            left_out=[LeftOut("header lines", 1, "questions")],
            notes=changed,
            origin=records.origin,
            delimiter=records.delimiter,
        )
        survey.questions = _find_questions(survey, names)
        when = next((name for name in names if name in TIME), None)
        if when:
            survey.columns[when] = [to_iso(cell) for cell in survey.columns[when]]
            survey.defaults = {"columns": {"answered_at": when}, "timezone": "Asia/Shanghai"}
        ids = [name for name in OWN_IDS if name in names]
        survey.candidates = {"user_id": [*ids, *(name for name in names if name in NUMBER)]}
        return survey.adapted(settings)


def _find_questions(survey: Survey, names: list[str]) -> list[Question]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        title = TITLE.match(name)
        if title and name.lower() not in META and name not in survey.personal:
            groups.setdefault(f"Q{int(title[1])}", []).append((name, title[2].strip(" ：:")))
    found: list[Question] = []
    for code, parts in groups.items():
        found += _one(survey, code, *parts[0]) if len(parts) == 1 else _several(survey, code, parts)
    return found


def _one(survey: Survey, code: str, name: str, text: str) -> list[Question]:
    cells = survey.columns[name]
    several = any(MARK in (cell or "") for cell in cells)
    if any(RANKED in (cell or "") for cell in cells) and not several:
        return [Question(code, text, "text", missing=MISSING, columns={name: code})]  # a ranking
    made = [Question(code, text, "multi" if several else "", missing=MISSING, columns={name: code})]
    if several:
        made = [Question(code, text, "multi", missing=MISSING, separator=MARK, columns={name: code})]
    if any(WRITTEN.search(cell or "") for cell in cells):
        made.append(_take_out_writing(survey, code, name, text))
    return made


def _take_out_writing(survey: Survey, code: str, name: str, text: str) -> Question:
    """Put what people wrote beside a choice (其他〖...〗) into a column of its own."""
    cells = survey.columns[name]
    written = [MARK.join(WRITTEN.findall(cell)) if cell else None for cell in cells]
    survey.columns[name] = [WRITTEN.sub("", cell) if cell else cell for cell in cells]
    survey.columns[f"{code}_other"] = written
    return Question(f"{code}_other", text, "text")


def _several(survey: Survey, code: str, parts: list[tuple[str, str]]) -> list[Question]:
    options = [_option(text) for _, text in parts]
    text = (
        next((m[1].strip() for _, t in parts if len(t) <= LONGEST and (m := BRACKETS.match(t))), "") or code
    )
    ticks = all(
        is_tick(cell.strip(), option) or plain_code(cell) in MISSING
        for (name, _), option in zip(parts, options, strict=True)
        for cell in survey.columns[name]
        if cell and cell.strip()
    ) and not any(
        (cell or "").strip() in "23456789" and (cell or "").strip()
        for name, _ in parts
        for cell in survey.columns[name]
    )
    if ticks:
        columns = {name: option for (name, _), option in zip(parts, options, strict=True)}
        return [Question(code, text, "multi", missing=MISSING, columns=columns)]
    return [
        Question(f"{code}_{i}", f"{text} - {option}", "", missing=MISSING, columns={name: option})
        for i, ((name, _), option) in enumerate(zip(parts, options, strict=True), start=1)
    ]


def _option(text: str) -> str:
    inside = BRACKETS.match(text) if len(text) <= LONGEST else None
    return (inside[2] if inside else text).strip() or text


ADAPTORS = (Wjx(),)
