"""The Python of docs/typing-tool.md runs as it stands there."""

import os
import re
from pathlib import Path

from segtool.personas.typing_tool import TypingTool

ROOT = Path(__file__).parents[3]


def test_the_page_runs(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "typing-tool.md").read_text(encoding="utf-8")
    os.symlink(ROOT / "data", tmp_path / "data")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    room: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, room)
    said = capsys.readouterr().out
    assert "questions tell the persona of" in said and "of other people" in said
    assert "Which describes you best?" in said
    assert TypingTool.load("out/tool.json").names == room["personas"].names
    assert {path.name for path in Path("out").iterdir()} == {
        "tool.json",
        "persona.py",
        "persona.sql",
        "questions.html",
    }
