"""The tool on paper: questions with boxes to tick, and a score card for the one who adds up."""

from __future__ import annotations

import html

import numpy as np

from segtool.personas.typing_tool.parts import ToolParts
from segtool.personas.typing_tool.points import points_per_unit
from segtool.personas.typing_tool.questions import Question

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MANY_ANSWERS = 6  # more than these stand in columns
_STYLE = """
@page { size: A4; margin: 15mm 16mm; }
* { box-sizing: border-box; }
body { font: 11pt/1.4 "Helvetica Neue", Arial, "Noto Sans", "Noto Sans CJK SC", "PingFang SC",
  "Microsoft YaHei", sans-serif; color: #1f2933; max-width: 178mm; margin: 0 auto; padding: 6mm 0; }
h1 { font-size: 19pt; margin: 0 0 3mm; line-height: 1.2; }
h2 { font-size: 12.5pt; margin: 7mm 0 2mm; }
.who { display: flex; gap: 8mm; margin: 4mm 0 6mm; color: #5b6770; }
.who span { flex: 1; border-bottom: .3mm solid #5b6770; padding-bottom: 1mm; }
.ask { break-inside: avoid; margin: 0 0 4.5mm; display: flex; }
.ask > b { flex: 0 0 9mm; }
.ask > div { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.answers { margin: 1mm 0 0; padding: 0; list-style: none; }
.answers.row { display: flex; flex-wrap: wrap; gap: 1mm 8mm; }
.answers.columns { columns: 3; }
.answers li { break-inside: avoid; padding-left: 6.2mm; text-indent: -6.2mm; }
.answers li::before { content: ""; display: inline-block; width: 3.4mm; height: 3.4mm; margin-right: 2.8mm;
  border: .35mm solid #1f2933; vertical-align: -.4mm; }
.card { break-before: page; }
small, .small { font-size: 9pt; color: #5b6770; }
table { border-collapse: collapse; width: 100%; font-size: 9pt; line-height: 1.2; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { padding: .35mm 1.6mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th.n, td.n { text-align: center; width: 10mm; font-variant-numeric: tabular-nums; }
thead th { border-bottom: .4mm solid #1f2933; }
tr.first td { border-top: .2mm solid #d9dee3; }
tr.total td { border-top: .4mm solid #1f2933; padding-top: 2mm; font-weight: bold; }
td.box { height: 8mm; }
td.box i { display: block; border: .3mm solid #1f2933; height: 6.5mm; }
.key td { padding: .6mm 1.6mm; }
@media screen { .card { border-top: .3mm dashed #a3abb2; margin-top: 12mm; padding-top: 6mm; } }
"""


def write_questionnaire(tool: ToolParts, title: str, start: np.ndarray, points: list[np.ndarray]) -> str:
    """Return the page; see `TypingTool.questionnaire`. Every text is escaped, nothing is loaded."""
    ask, look_up = _number_questions(tool)
    parts = [
        f"<h1>{_text(title)}</h1>",
        "<div class='who'><span>Number</span><span>Date</span><span>Filled in by</span></div>",
        "<p class='small'>Please tick one box for each question. Leave out what you cannot or do not want "
        "to answer.</p>"
        if ask
        else "",
        *(_ask(number, question) for number, question in ask),
        *_from_log(look_up),
        "<section class='card'>",
        "<h1>Score card</h1>",
        _how_to(tool),
        _key(tool),
        _card(tool, start, points),
        "</section>",
    ]
    return (
        "<!doctype html>\n<html><head><meta charset='utf-8'>"
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def _text(text: str) -> str:
    return html.escape(str(text).replace("_", " "), quote=True)


def _number_questions(tool: ToolParts) -> tuple[list[tuple[int, Question]], list[tuple[int, Question]]]:
    """Return questions for the person and those for the log, numbered through in that order."""
    ask = [question for question in tool.asked if question.asked == "question"]
    look_up = [question for question in tool.asked if question.asked == "behaviour"]
    numbered = list(enumerate([*ask, *look_up], start=1))
    return numbered[: len(ask)], numbered[len(ask) :]


def _ask(number: int, question: Question) -> str:
    short = sum(len(answer) for answer in question.answers) <= 60 and len(question.answers) <= MANY_ANSWERS
    how = "row" if short else "columns" if len(question.answers) > MANY_ANSWERS else ""
    boxes = "".join(f"<li>{_text(answer)}</li>" for answer in question.answers)
    return (
        f"<div class='ask'><b>{number}</b><div>{_text(question.text)}"
        f"<ul class='answers {how}'>{boxes}</ul></div></div>"
    )


def _from_log(look_up: list[tuple[int, Question]]) -> list[str]:
    if not look_up:
        return []
    return [
        "<h2>From the log</h2>",
        "<p class='small'>Not to be asked: look these up. Where the log says nothing, tick nothing.</p>",
        *(_ask(number, question) for number, question in look_up),
    ]


def _how_to(tool: ToolParts) -> str:
    figures = tool.figures
    return (
        "<p>Start with the points of the first line. For each box ticked, add the points of its line, column "
        "by column; a question without a tick adds nothing. The column with most points is the persona, of "
        "equal ones the first.</p>"
        f"<p class='small'>Measured on {figures.n_people:,} people who took no part in choosing the "
        f"questions: these points hit the persona of {figures.points_accuracy:.0%} of them (always saying "
        f"{_text(tool.names[1])}: {figures.baseline:.0%}). With fewer than {tool.min_answers} answers, or "
        f"less than {least_lead(tool)} points between the first two columns, call the person unsure.</p>"
        f"{_say_close(tool)}"
    )


def least_lead(tool: ToolParts) -> int:
    """Return the lead in points that goes with the bounds of membership and of its lead.

    Between two personas a lead m in membership is a difference of ln((1 + m) / (1 - m)) in the score,
    and a membership m one of ln(m / (1 - m)).
    """
    margin, membership = min(tool.min_margin, 0.99), min(tool.min_membership, 0.99)
    lead = np.log((1 + margin) / (1 - margin))
    if membership > 0.5:
        lead = max(lead, np.log(membership / (1 - membership)))
    return max(1, int(np.ceil(lead * _points_per_lead(tool))))


def list_close(tool: ToolParts) -> tuple[list[tuple[int, int]], float]:
    """Return how a membership below the bound is seen by hand where there are three columns or more.

    Returns
    -------
    counts : list of (int, int)
        Most points a column may be behind the first, and what it counts then; further ones count 0.
    limit : float
        Above this sum the membership of the first is below ``min_membership``.

    Notes
    -----
    Membership of the first is 1 / (1 + sum of exp(-lead)): each other column counts ten times its term.
    """
    membership = min(max(tool.min_membership, 0.01), 0.99)
    limit = 10 * (1 - membership) / membership
    most = min(10, int(limit) + 1)
    ends = {count: int(np.log(10 / (count - 0.5)) * _points_per_lead(tool)) for count in range(most, 0, -1)}
    longest = {end: count for count, end in sorted(ends.items())}  # of equal ends the larger count
    return sorted(longest.items()), limit


def _points_per_lead(tool: ToolParts) -> float:
    """Return how many points a lead of 1 in what memberships are made of is."""
    unit = points_per_unit(np.log(tool.prior), [np.log(block) for block in tool.shares])
    return unit / tool.sharpness


def _say_close(tool: ToolParts) -> str:
    if len(tool.names) < 3 or tool.min_membership <= 0:
        return ""
    counts, limit = list_close(tool)
    said = ", ".join(f"up to {end} points behind the first: {count}" for end, count in counts)
    return (
        "<p class='small'>Call the person unsure, too, where several columns are close. Each column but the "
        f"first counts: {said}, further: 0. If these add up to more than {int(limit)}, the first has less than "
        f"{tool.min_membership:.0%} of the chances.</p>"
    )


def _key(tool: ToolParts) -> str:
    rows = "".join(
        f"<tr><td class='n'><b>{letter}</b></td><td>{_text(row.persona)}</td>"
        f"<td>recognised: {_share(row.hit_rate)}; right when said: {_share(row.precision)}</td></tr>"
        for letter, row in zip(LETTERS, tool.hits.itertuples(index=False), strict=False)
    )
    return f"<table class='key'>{rows}</table>"


def _share(value: float) -> str:
    return "not known" if np.isnan(value) else f"{value:.0%}"


def _card(tool: ToolParts, start: np.ndarray, points: list[np.ndarray]) -> str:
    by_column = dict(zip((question.column for question in tool.asked), points, strict=True))
    letters = LETTERS[: len(tool.names)]
    ask, look_up = _number_questions(tool)
    rows = [_row("", "Start with", start, "first")]
    for number, question in (*ask, *look_up):
        for place, answer in enumerate(question.answers):
            said = f"{number}&ensp;{_text(question.text)}" if place == 0 else ""
            rows.append(_row(said, answer, by_column[question.column][:, place], "" if place else "first"))
    heads = "".join(f"<th class='n'>{letter}</th>" for letter in letters)
    boxes = "<td class='box'><i></i></td>" * len(letters)
    return (
        f"<h2>Points</h2><table><thead><tr><th>Question</th><th>Answer</th>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}<tr class='total'><td colspan='2'>Sum</td>{boxes}</tr></tbody></table>"
    )


def _row(question: str, answer: str, points: np.ndarray, how: str) -> str:
    cells = "".join(f"<td class='n'>{int(point) or '&middot;'}</td>" for point in points)
    return f"<tr class='{how}'><td>{question}</td><td>{_text(answer)}</td>{cells}</tr>"
