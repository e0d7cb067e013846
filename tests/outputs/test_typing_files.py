"""The typing tool lands in a folder as four files, none of them half."""

import pandas as pd
import pytest

from segtool.errors import OutputError, PrivacyError
from segtool.outputs import write_typing_tool
from segtool.personas import Personas, TypingTool, build_typing_tool


def test_the_tool_is_written_once(tmp_path):
    ids = [f"u{number:03}" for number in range(90)]
    wide = pd.DataFrame({"pet": ["cat", "dog", "none"] * 30, "car": ["yes", "no"] * 45}, index=ids)
    tool = build_typing_tool(Personas.from_assignments(ids, [1, 2, 3] * 30), wide, min_users=5)
    files = write_typing_tool(tool, tmp_path / "q")
    names = ["questionnaire.html", "typing_tool.json", "typing_tool.py", "typing_tool.sql"]
    assert sorted(path.name for path in files) == names
    assert not [path for path in files if "u001" in path.read_text(encoding="utf-8")]
    again = TypingTool.load(tmp_path / "q" / "typing_tool.json")
    pd.testing.assert_frame_equal(again.assign(wide), tool.assign(wide))
    with pytest.raises(OutputError, match="exists"):
        write_typing_tool(tool, tmp_path / "q")
    assert write_typing_tool(tool, tmp_path / "q", force=True) == files


def test_what_one_user_has_does_not_leave(tmp_path):
    ids = [f"u{number:03}" for number in range(120)]
    drinks = ["tea"] * 60 + ["milk"] * 57 + ["absinthe", "gin", "rum"]
    wide = pd.DataFrame(
        {"drink": drinks, "flag": [True] * 2 + [False] * 118, "pet": ["cat", "dog"] * 60}, ids
    )
    personas = Personas.from_assignments(ids, [1] * 60 + [2] * 60)
    open_tool = build_typing_tool(personas, wide, n_questions=3)
    with pytest.raises(PrivacyError, match="min_users=5"):
        write_typing_tool(open_tool, tmp_path / "q")
    tool = build_typing_tool(personas, wide, n_questions=3, min_users=5)
    assert tool.questions["label"].tolist() == ["drink", "pet"]  # two people say yes to the flag
    files = write_typing_tool(tool, tmp_path / "q")
    texts = [tool.questions.to_string(), *(path.read_text(encoding="utf-8") for path in files)]
    assert not [text for text in texts if "absinthe" in text or "gin" in text.split()]
    assert tool.asked[0].answers == ("tea", "other values")  # three are too few to be the others alone


def test_exact_counts_do_not_follow_from_the_shares():
    ids = [f"u{number:03}" for number in range(120)]
    personas = Personas.from_assignments(ids, [1] * 60 + [2] * 60)

    def make(n_first, min_users):
        pets = ["cat"] * n_first + ["dog"] * (60 - n_first) + ["cat"] * (60 - n_first) + ["dog"] * n_first
        return build_typing_tool(personas, pd.DataFrame({"pet": pets}, ids), min_users=min_users)

    one, two = (make(n, 5).shares[0].tolist() for n in (1, 2))
    assert one == two and make(1, 1).shares[0].tolist() != make(2, 1).shares[0].tolist()
