"""The pages on targeting and on measuring name only what there is: code, commands, settings, files, columns."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest
import typer

from segtool.cli import app
from segtool.measurement import METRICS
from segtool.sources.schemas import SCHEMAS
from segtool.study import Study, StudyFile
from segtool.study.proving import CONTROL, PLAN
from segtool.study.roster import COLUMNS as ROSTER
from segtool.targeting import Plan, Schedule
from segtool.targeting.advice import ASPECTS
from segtool.targeting.feedback.reading import BAD, GOOD, KINDS_BY_EVENT, REPLIES, TONES
from segtool.targeting.frequency.experiment import FrequencyExperiment
from segtool.targeting.items.plan_items import ItemPlan
from segtool.targeting.parts import Parts
from segtool.targeting.schedule.result import PURPOSES, SEND_LIST
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.timing.zones import USUAL_COLUMNS
from segtool.targeting.verdicts import ADVICE, VERDICTS

ROOT = Path(__file__).parents[1]
PAGES = {
    name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("targeting", "measuring")
}
BOTH = "\n".join(PAGES.values())
CLASSES = {
    "study": Study, "later": Study, "plan": Plan, "schedule": Schedule, "experiment": FrequencyExperiment,
    "parts": Parts, "items": ItemPlan,
}  # fmt: skip
GIVEN = {"study": {"name": "x", "as_of": "2026-01-01"}, "sources": {"events": {"path": "events.csv"}}}
THEIRS = {"tool.csv", "sends.csv"}  # files the reader has or makes


def blocks(language: str) -> list[str]:
    found = re.findall(
        r"^```(\w*)\n(.*?)^```$", BOTH, re.S | re.M
    )  # all of them, so that ends are no beginnings
    return [body for name, body in found if name == language]


def commands() -> list[str]:
    lines = [line.split("#")[0] for block in blocks("") for line in block.splitlines()]
    inline = re.findall(r"`(segtool [^`]+)`", BOTH)
    return [line[line.index("segtool ") :].strip() for line in [*lines, *inline]]


def has(owner: type, name: str) -> bool:
    return hasattr(owner, name) or name in getattr(owner, "__dataclass_fields__", {})


def accepts(function, call: ast.Call) -> bool:
    taken = inspect.signature(function).parameters.values()
    rest = any(each.kind is each.VAR_KEYWORD for each in taken)
    return all(word.arg in {each.name for each in taken} or rest for word in call.keywords)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_short(page):
    assert len(PAGES[page].splitlines()) < 130


@pytest.mark.parametrize("code", blocks("python"))
def test_python_names_what_exists(code):
    names: dict[str, object] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {each.asname or each.name: importlib.import_module(each.name) for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            names |= {each.name: getattr(module, each.name) for each in node.names}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = CLASSES.get(node.value.id) or names.get(node.value.id)
            assert owner is None or has(owner, node.attr), ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            assert accepts(names[node.func.id], node), ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = CLASSES.get(getattr(node.func.value, "id", ""))
            assert owner is None or accepts(getattr(owner, node.func.attr), node), ast.unparse(node)


def test_what_is_named_in_passing_exists():
    found = re.findall(r"\b(study|plan|schedule|experiment|parts|items)\.(?!toml)([a-z_]+)", BOTH)
    assert len(found) > 15
    for owner, name in found:
        assert has(CLASSES[owner], name), f"{owner}.{name}"


@pytest.mark.parametrize("line", commands())
def test_commands_and_their_options_exist(line):
    _, verb, *words = line.split()
    known = typer.main.get_command(app).commands
    assert verb in known, line
    options = {option for each in known[verb].params for option in each.opts}
    assert {word for word in words if word.startswith("--")} <= options, line


def test_options_named_in_passing_exist():
    known = typer.main.get_command(app).commands
    options = {
        option for verb in ("calendar", "design", "measure", "retention") for each in known[verb].params
        for option in each.opts
    }  # fmt: skip
    assert set(re.findall(r"`(--[\w-]+)", BOTH)) <= options


@pytest.mark.parametrize("text", blocks("toml"))
def test_settings_are_accepted(text):
    StudyFile.from_dict({**GIVEN, **tomllib.loads(text)})


def test_files_are_written_by_an_export():
    told = {
        node.value
        for path in (ROOT / "segtool" / "outputs").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    written = {text for text in told if re.fullmatch(r"[\w./]+\.(csv|json|html|parquet)", text)}
    named = {name.split("/")[-1] for name in re.findall(r"[\w/]+\.(?:csv|json|html|parquet)\b", BOTH)}
    assert {"calendar.csv", "proof.csv"} <= named
    assert named - THEIRS - {"proof.csv"} <= written  # proof.csv is named by whoever measures
    assert "audiences/" in BOTH and any(text.startswith("audiences") for text in told)


def test_words_in_code_are_settings_columns_or_events():
    file = StudyFile.from_dict(GIVEN)
    known = {
        name
        for table in StudyFile.model_fields
        if table != "sources"
        for name in type(getattr(file, table)).model_fields
    }
    known |= {"as_of", "timezone", "matched", PLAN, CONTROL, "out", "proof", "subscribe", "resolve"}
    known |= {column.name for table in SCHEMAS.values() for column in table.columns}
    known |= {flag for table in SCHEMAS.values() for flag in table.flags} | set(SCHEMAS)
    for words in (
        ADVICE,
        SEND_LIST,
        ROSTER,
        METRICS,
        KINDS_BY_EVENT,
        REPLIES,
        TONES,
        PURPOSES,
        ASPECTS,
        USUAL_COLUMNS,
    ):
        known |= set(words)
    known |= {*GOOD, *BAD, *TargetingSettings().optin_events, *TargetingSettings().release_events}
    named = set(re.findall(r"`([a-z_]+)(?: = [^`]*)?`", BOTH))
    assert len(named) > 40
    assert named <= known, sorted(named - known)


def test_the_four_verdicts_are_told_as_they_are_written():
    assert all(f"| {verdict} |" in PAGES["targeting"] for verdict in VERDICTS)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", BOTH):
        assert (ROOT / "docs" / target).exists(), target
