"""docs/imports.md names every format, and its examples are read as they stand."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from pathlib import Path

from segtool.sources import TableSettings
from segtool.sources.adaptors import adaptors
from segtool.sources.adaptors.codebook import FIELDS, KINDS, Codebook

PAGE = (Path(__file__).parents[3] / "docs" / "imports.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_every_survey_format_has_its_place():
    surveys = [name for name, adaptor in adaptors().items() if adaptor.table == "survey"]
    assert [name for name in surveys if f'`format = "{name}"`' not in PAGE] == []


def test_the_examples_are_settings():
    found = [tomllib.loads(text) for text in blocks("toml")]
    tables = [settings for said in found for settings in said.get("sources", {}).values()]
    assert tables and all(TableSettings.model_validate(settings).path for settings in tables)


def test_the_codebook_on_the_page_is_one():
    (text,) = blocks("csv")
    book = Codebook.from_rows(csv.DictReader(io.StringIO(text)))
    assert [question.id for question in book] == ["Q1", "Q2", "Q3"] and book.get("Q2").reversed
    assert all(f"| `{name}` |" in PAGE for name in FIELDS) and all(f"`{kind}`" in PAGE for kind in KINDS)
