"""What docs/pixels.md shows of a study file is accepted."""

import re
import tomllib
from pathlib import Path

from segtool.study import StudyFile

TEXT = (Path(__file__).parents[3] / "docs" / "pixels.md").read_text(encoding="utf-8")


def test_the_example_is_a_study():
    block = re.search(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)[1]
    said = tomllib.loads(block) | {"study": {"name": "x", "as_of": "2026-01-01"}, "sources": {}}
    settings = StudyFile.from_dict(said).pixels
    assert settings.pin and settings.forbid and settings.name[0].name == "Morning wellness"
    assert settings.model_dump(exclude={"pin", "forbid", "name"}) == type(settings)().model_dump(
        exclude={"pin", "forbid", "name"}
    )  # the rest shows defaults
