"""The typing tool as files: to print, to run, to paste into a database."""

from __future__ import annotations

from pathlib import Path

from segtool.errors import OutputError, PrivacyError
from segtool.personas.files import write_whole

QUESTIONNAIRE, MODEL, CODE, STATEMENT = (
    "questionnaire.html",
    "typing_tool.json",
    "typing_tool.py",
    "typing_tool.sql",
)


def write_typing_tool(
    tool, out: str | Path, *, title: str = "A few questions", force: bool = False, min_cell: int = 5
) -> list[Path]:
    """Write the questionnaire, the tool as JSON and Python, and its SQL.

    Parameters
    ----------
    tool : TypingTool
    out : path
        A folder; made if it is not there.
    title : str
        Above the questions.
    force : bool
        Replace files of these names.
    min_cell : int
        The tool must have been made with ``min_users`` of at least so many: its answers and shares
        would else tell what few users said.

    Returns
    -------
    list of Path
        The files. None of them holds a person; sensitive labels are not among the questions.

    Raises
    ------
    PrivacyError
        If the tool was made with a smaller ``min_users``.
    OutputError
        If a file is there already and ``force`` is not given, or cannot be written.
    """
    if tool.min_users < min_cell:
        raise PrivacyError(
            f"The answers and shares of this tool may tell of fewer than {min_cell} users.",
            f"a tool made with min_users={min_cell} or more.",
            f"build_typing_tool(personas, min_users={min_cell}).",
        )
    folder = Path(out)
    texts = {
        QUESTIONNAIRE: tool.questionnaire(title),
        CODE: tool.to_python(),
        STATEMENT: tool.to_sql(),
    }
    there = [name for name in (*texts, MODEL) if (folder / name).exists()]
    if there and not force:
        raise OutputError(
            f"{folder / there[0]} exists.", fix="Name another folder with --out, or replace it with --force."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}.") from error
    written = [write_whole(folder / name, text, "The typing tool") for name, text in texts.items()]
    return [*written, tool.save(folder / MODEL)]
