"""The tool as a Python module that needs nothing but Python."""

from __future__ import annotations

from pprint import pformat

import numpy as np

from segtool.personas.typing_tool.parts import ToolParts

_CODE = '''

def assign(answers):
    """Return the persona of one person.

    answers: dict of column to answer. What is missing or None adds nothing; nor does a column that is
    not asked about or an answer there is not, but "ignored" then names the column.
    """
    scores, n_answers = list(START), 0
    ignored = list(set(answers) - {question["column"] for question in QUESTIONS})
    for question in QUESTIONS:
        answer = answers.get(question["column"])
        place = _read(question, answer)
        if place is None:
            if answer is not None and answer == answer:
                ignored.append(question["column"])
            continue
        n_answers += 1
        scores = [score + more for score, more in zip(scores, question["scores"][place])]
    top = max(scores)
    odds = [math.exp(SHARPNESS * (score - top)) for score in scores]
    memberships = [each / sum(odds) for each in odds]
    order = sorted(range(len(odds)), key=lambda number: (-memberships[number], number))
    best, second = order[0], order[1]
    doubtful = (
        memberships[best] < MIN_MEMBERSHIP
        or memberships[best] - memberships[second] < MIN_MARGIN
        or n_answers < MIN_ANSWERS
    )
    return {
        "persona_id": best + 1,
        "persona": PERSONAS[best],
        "membership": memberships[best],
        "runner_up": PERSONAS[second],
        "unsure": doubtful,
        "memberships": {number + 1: share for number, share in enumerate(memberships)},
        "ignored": sorted(ignored),
    }


def _read(question, answer):
    """Return the place of an answer among those there are, None if it is unknown."""
    if answer is None:
        return None
    if "cuts" not in question:
        known = question["places"].get(str(answer), question["other"])
        return known if answer == answer else None
    try:
        number = float(answer)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number):
        return None
    return sum(number > cut for cut in question["cuts"])
'''


def write_python(tool: ToolParts) -> str:
    """Return the source of a module with ``assign(answers: dict) -> dict``."""
    names = [tool.names[number] for number in sorted(tool.names)]
    head = (
        '"""Which persona is a person of? Call assign({column: answer, ...}); QUESTIONS says what to ask.\n\n'
        f"{len(tool.asked)} questions, {len(names)} personas; measured accuracy {tool.figures.accuracy:.3f} "
        f"(n = {tool.figures.n_people}).\n"
        'Written by segtool; needs Python 3.8 or newer and no package."""\n\nimport math\n'
    )
    parts = {
        "PERSONAS": names,
        "START": np.log(tool.prior).tolist(),
        "SHARPNESS": tool.sharpness,
        "MIN_MEMBERSHIP": tool.min_membership,
        "MIN_MARGIN": tool.min_margin,
        "MIN_ANSWERS": tool.min_answers,
        "QUESTIONS": [_question(tool, number) for number in range(len(tool.asked))],
    }
    data = "\n".join(
        f"{name} = {pformat(value, width=100, sort_dicts=False)}" for name, value in parts.items()
    )
    return f"{head}\n{data}\n{_CODE}"


def _question(tool: ToolParts, number: int) -> dict:
    question, block = tool.asked[number], tool.shares[number]
    entry = {"column": question.column, "text": question.text, "answers": list(question.answers)}
    if question.kind == "number":
        entry["cuts"] = list(question.cuts)
    else:
        entry["places"] = question.spellings()
        entry["other"] = question.other if question.other >= 0 else None
    return {**entry, "scores": np.log(block).T.tolist()}
