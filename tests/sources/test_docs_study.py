"""docs/study.md names everything a study may say about its tables."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from segtool.sources import SCHEMAS, TableSettings

PAGE = (Path(__file__).parents[2] / "docs" / "study.md").read_text(encoding="utf-8")


def section(head: str) -> str:
    return re.split(r"\n##+ ", PAGE.split(f"\n{head}\n")[1])[0]


def test_every_setting_of_a_table_is_named():
    rows = section("## [sources.TABLE]")
    assert [name for name in TableSettings.model_fields if f"| `{name}` |" not in rows] == []


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_column_is_named_and_marked(table):
    rows = section(f"### {table}")
    schema = SCHEMAS[table]
    wanted = [f"| `{c.name}`{'*' if c.required else ''} |" for c in schema.columns]
    assert [row for row in wanted if row not in rows] == []


def test_the_examples_are_toml_and_their_tables_are_read_so():
    examples = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
    tables = [settings for said in examples for settings in said.get("sources", {}).values()]
    assert tables and all(TableSettings.model_validate(settings).path for settings in tables)
