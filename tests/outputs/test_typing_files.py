"""The typing tool lands in a folder as four files, none of them half."""

import pandas as pd
import pytest

from segtool.errors import OutputError
from segtool.outputs import write_typing_tool
from segtool.personas import Personas, TypingTool, build_typing_tool


def test_the_tool_is_written_once(tmp_path):
    ids = [f"u{number:03}" for number in range(90)]
    wide = pd.DataFrame({"pet": ["cat", "dog", "none"] * 30, "car": ["yes", "no"] * 45}, index=ids)
    tool = build_typing_tool(Personas.from_assignments(ids, [1, 2, 3] * 30), wide)
    files = write_typing_tool(tool, tmp_path / "q")
    names = ["questionnaire.html", "typing_tool.json", "typing_tool.py", "typing_tool.sql"]
    assert sorted(path.name for path in files) == names
    assert not [path for path in files if "u001" in path.read_text(encoding="utf-8")]
    again = TypingTool.load(tmp_path / "q" / "typing_tool.json")
    pd.testing.assert_frame_equal(again.assign(wide), tool.assign(wide))
    with pytest.raises(OutputError, match="exists"):
        write_typing_tool(tool, tmp_path / "q")
    assert write_typing_tool(tool, tmp_path / "q", force=True) == files
