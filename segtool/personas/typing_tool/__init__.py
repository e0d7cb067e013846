"""Typing tool: the shortest set of questions that tells a new person's persona."""

from segtool.personas.typing_tool.build import build_typing_tool
from segtool.personas.typing_tool.others import OnOthers, measure_on_others
from segtool.personas.typing_tool.questions import Question
from segtool.personas.typing_tool.tool import TypingTool

__all__ = ["OnOthers", "Question", "TypingTool", "build_typing_tool", "measure_on_others"]
