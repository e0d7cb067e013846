from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from segtool.errors import DefinitionError, InputError
from segtool.study import StudyFile

GOOD = {"study": {"name": "x", "as_of": "2026-01-01"}, "sources": {"events": {"path": "events.csv"}}}


def with_table(name, **keys):
    return {**GOOD, name: {**GOOD.get(name, {}), **keys}}


def test_defaults_are_stated():
    file = StudyFile.from_dict(GOOD)
    assert file.study.max_rejected_share == 0.05
    assert file.labels.catalogs == ("builtin",)
    assert file.export.min_cell == 5


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (with_table("study", as_off=1), "did you mean 'as_of'"),
        (with_table("personas", n_persona=3), "did you mean 'n_personas'"),
        (with_table("personas", min_share=2), "min_share"),
        (with_table("study", max_rejected_share="much"), "max_rejected_share"),
        (with_table("targetting"), "did you mean 'targeting'"),
        ({**GOOD, "sources": {"event": {"path": "x"}}}, "did you mean 'events'"),
        ({"sources": {}}, "does not say 'study'"),
    ],
)
def test_errors_name_the_place_and_the_choice(said, message):
    with pytest.raises(DefinitionError, match=message):
        StudyFile.from_dict(said)


def test_duplicate_keys_are_refused(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('[study]\nname = "a"\nname = "b"\n')
    with pytest.raises(DefinitionError, match="is not TOML"):
        StudyFile.read(path)


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="segtool init"):
        StudyFile.read(tmp_path / "study.toml")


PAGE = (Path(__file__).parents[2] / "docs" / "study.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", ["study", "labels", "personas", "targeting", "measurement", "export"])
def test_the_page_states_every_key_and_the_default_it_has(table):
    section = PAGE.split(f"## [{table}]\n")[1].split("\n## ")[0]
    said = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE))
    model = type(getattr(StudyFile.from_dict(GOOD), table))
    assert set(said) == set(model.model_fields)
    for key, default in said.items():
        if not (default.startswith("`") and default.endswith("`")):
            continue  # "needed", "none", "the model's": said in words
        field = model.model_fields[key]
        real = field.get_default(call_default_factory=True)
        real = list(real) if isinstance(real, tuple) else real
        assert tomllib.loads(f"x = {default.strip('`')}")["x"] == real, key
