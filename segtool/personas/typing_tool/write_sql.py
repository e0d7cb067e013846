"""The tool as one SELECT, in named steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segtool.engines import literal, quote
from segtool.personas.scoring.cells import table_sql
from segtool.personas.scoring.expressions import add_up, comment, double, finite
from segtool.personas.scoring.statement import share_out, tell, translate, write_header
from segtool.personas.typing_tool.parts import ToolParts
from segtool.personas.typing_tool.questions import Question


def write_sql(tool: ToolParts, dialect: str, *, table: str | Path, user_id: str) -> str:
    """Return the statement; see `TypingTool.to_sql`.

    Raises
    ------
    ParameterError
        For a dialect that is not offered, or a table that has no name.
    """
    k = len(tool.names)
    steps = [
        ("cells", _cells(tool, table, user_id)),
        ("codes", _codes(tool)),
        ("prepared", _count_known(tool)),
        ("scores", _scores(tool)),
        *share_out(k),
    ]
    body = ",\n".join(f"{name} AS (\n  {sql}\n)" for name, sql in steps)
    told = tell(k, tool.names, tool.unsure_rule, tool.min_answers, "best")
    head = write_header(
        [
            f"Personas from {len(tool.asked)} answers: one row per {user_id}.",
            f"Accuracy {tool.figures.accuracy:.3f} (n = {tool.figures.n_people}, nested folds).",
        ]
    )
    return head + translate(f"WITH {body}\n{told}\nORDER BY user_id\n", dialect)


def _cells(tool: ToolParts, table: str | Path, user_id: str) -> str:
    picks = [f"CAST({quote(user_id)} AS VARCHAR) AS user_id"]
    for number, question in enumerate(tool.asked, start=1):
        cell = quote(question.column)
        read = finite(cell) if question.kind == "number" else f"CAST({cell} AS VARCHAR)"
        picks.append(f"{read} AS answer_{number} /* {comment(question.text)} */")
    return "SELECT\n    " + ",\n    ".join(picks) + f"\n  FROM {table_sql(table)}"


def _codes(tool: ToolParts) -> str:
    codes = [
        f"{_code(question, f'answer_{number}')} AS c{number}"
        for number, question in enumerate(tool.asked, start=1)
    ]
    return "SELECT\n    " + ",\n    ".join(["user_id", *codes]) + "\n  FROM cells"


def _code(question: Question, cell: str) -> str:
    """Return SQL that gives the place of an answer, NULL where unknown."""
    if question.kind == "number":
        cases = [f"WHEN {cell} <= {double(cut)} THEN {place}" for place, cut in enumerate(question.cuts)]
        cases.append(f"WHEN {cell} > {double(question.cuts[-1])} THEN {len(question.cuts)}")
        return f"CASE {' '.join(cases)} END"
    by_place: dict[int, list[str]] = {}
    for text, place in question.spellings().items():
        by_place.setdefault(place, []).append(literal(text))
    cases = [f"WHEN {cell} IN ({', '.join(texts)}) THEN {place}" for place, texts in by_place.items()]
    if question.other >= 0:
        cases.append(f"WHEN {cell} IS NOT NULL THEN {question.other}")
    return f"CASE {' '.join(cases)} END"


def _count_known(tool: ToolParts) -> str:
    tests = [f"CASE WHEN c{number} IS NULL THEN 0 ELSE 1 END" for number in range(1, len(tool.asked) + 1)]
    return f"SELECT\n    codes.*,\n    {' + '.join(tests)} AS n_known\n  FROM codes"


def _scores(tool: ToolParts) -> str:
    start, blocks = tool.sharpness * np.log(tool.prior), [tool.sharpness * np.log(b) for b in tool.shares]
    picks = ["prepared.*"]
    for persona, name in enumerate(tool.names[number] for number in sorted(tool.names)):
        terms = []
        for number, block in enumerate(blocks, start=1):
            cases = " ".join(f"WHEN {place} THEN {double(x)}" for place, x in enumerate(block[persona]))
            terms.append(f"CASE c{number} {cases} ELSE 0e0 END")
        picks.append(
            f"{add_up(double(start[persona]), terms, '    ')} AS s_{persona + 1} /* {comment(name)} */"
        )
    return "SELECT\n    " + ",\n    ".join(picks) + "\n  FROM prepared"
