"""The guesses as a study.toml with a comment on each."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from segtool.sources.guess.labels import write_labels
from segtool.sources.guess.look import TableLook
from segtool.sources.guess.roles import SURE, Match, TableGuess, find_questions, map_words
from segtool.sources.guess.toml_text import comment, one_line, shorten, text
from segtool.sources.guess.words import CONTACT_NAMES, ROLE_NAMES, match_name
from segtool.sources.schemas import SCHEMAS

MOST_WORDS_SHOWN = 40
LINE = 104


@dataclass(frozen=True)
class StudyGuess:
    """What the whole study is taken to be, each with the reason."""

    name: str
    as_of: str
    as_of_why: str
    timezone: str
    timezone_why: str
    currency: str
    currency_why: str


def write_study(
    study: StudyGuess,
    used: list[TableGuess],
    unsure: list[tuple[TableGuess, str]],
    base: Path,
    labels_name: str = "labels.toml",
) -> str:
    """Return the text of a study.toml; what is unsure stands in comments, with the reason."""
    files = sorted({guess.look.path.name for guess in [*used, *(guess for guess, _ in unsure)]})
    parts = [_head(study, files), *(_table(guess, base) for guess in used)]
    parts += [_unsure(guess, reason, base) for guess, reason in unsure]
    parts.append(_tail(used, labels_name))
    return "\n".join(parts)


def _head(study: StudyGuess, files: list[str]) -> str:
    return f"""\
# Written by `segtool init` after a look at {shorten(", ".join(files))}.
# What follows is guessed, with the reason beside it. Read it, correct it, then: segtool check study.toml

[study]
name = {text(study.name)}
{comment(study.as_of_why)}
as_of = {text(study.as_of)}
{comment(study.timezone_why)}
timezone = {text(study.timezone)}
{comment(study.currency_why)}
currency = {text(study.currency)}
seed = 7
max_rejected_share = 0.05   # a run stops when more rows than this cannot be used
"""


def _table(guess: TableGuess, base: Path) -> str:
    look = guess.look
    why = "; ".join(guess.reasons) or "by its columns"
    lines = [comment(f"{look.shown}: {look.n_rows:,} rows. Taken for {guess.table}: {why}.")]
    if look.warning:
        lines.append(comment(look.warning))
    if guess.score < SURE:
        lines.append(
            comment(f"Not sure: if it is something else, rename the section ({', '.join(SCHEMAS)}).")
        )
    lines += [f"[sources.{guess.table}]", f"path = {text(relative(look.path, base))}"]
    if look.sheet:
        lines.append(f"sheet = {text(look.sheet)}")
    lines += _adaptor_lines(guess) if look.adaptor else [*_time_lines(guess), *_decimal_lines(guess)]
    if guess.constants and not look.adaptor:
        shown = ", ".join(f"{role} = {text(value)}" for role, value in guess.constants.items())
        lines.append(comment(_why_constant(guess)))
        lines.append(f"constants = {{{shown}}}")
    lines += _column_lines(guess)
    lines += [line for role in ("event", "channel") for line in _value_lines(guess, role)]
    return "\n".join(lines) + "\n"


def _adaptor_lines(guess: TableGuess) -> list[str]:
    """Return the format, the codebook, and what the adaptor leaves out."""
    look = guess.look
    sure = "" if look.certain else '   # guess: "plain" reads the file as it stands'
    lines = [f"format = {text(look.adaptor.name)}{sure}"]
    if guess.codebook:
        lines.append(
            f"codebook = {text(guess.codebook)}   # written beside this file: what the questions are; edit it"
        )
    lines += [comment(f"Left out: {item.what} ({item.n:,}): {item.why}.") for item in look.raw.left_out]
    return lines + [comment(f"Mind: {note}.") for note in look.raw.notes]


def has_codebook(guess: TableGuess) -> bool:
    """Return whether a codebook is written for a table."""
    book = guess.look.raw.codebook
    return guess.table in ("survey", "users") and bool(book and book.questions)


def _why_constant(guess: TableGuess) -> str:
    if "group_id" in guess.constants:
        return "No column says in which group a row was written: all of the file is taken for one."
    value = guess.constants["event"]
    return f"No column says what happened in a row: every row is taken for a {value}."


def _time_lines(guess: TableGuess) -> list[str]:
    schema, lines = SCHEMAS[guess.table], []
    times = [m for role, m in guess.matches.items() if (spec := schema.column(role)) and spec.kind == "time"]
    formats = {match.column.time_format for match in times if match.column.time_format}
    if formats:
        lines.append(f"time_format = {text(sorted(formats)[0])}")
    if any(match.column.either_order for match in times):
        lines[-1] += "   # day and month could be the other way round: no value tells"
    primary = guess.matches.get(schema.time or "")
    if guess.table == "events" and primary and primary.column.dates_only:
        lines.append("keep_duplicates = true   # times are mere dates: equal rows may be two events")
    return lines


def _decimal_lines(guess: TableGuess) -> list[str]:
    columns = [m.column.name for m in guess.matches.values() if m.column.decimal == ","]
    columns = columns or [column.name for column in guess.look.columns if column.decimal == ","]
    return [f'decimal = ","   # by the values of {one_line(columns[0])}'] if columns else []


def _column_lines(guess: TableGuess) -> list[str]:
    inside = [guess.matches[role] for role in ROLE_NAMES[guess.table] if role in guess.matches]
    renamed = [match for match in inside if match.column.name != match.role]
    same = [match.role for match in inside if match.column.name == match.role]
    lines = [comment(f"Named as segtool names them: {', '.join(same)}.")] if same else []
    lines += _rest_lines(guess)
    if renamed:
        lines.append(f"[sources.{guess.table}.columns]")
    for match in renamed:
        lines.append(f"{match.role} = {text(match.column.name)}   # {_why(match)}")
    return lines


def _why(match: Match) -> str:
    why = match.why
    if match.role == "user_id" and match_name(match.column.name, CONTACT_NAMES) > 0.5:
        why += "; it names a person: better replace it by a number before you go on"
    elif match.role == "user_id":
        why += f"; {match.column.n_distinct:,} different in the first rows"
    if match.others:
        why += f"; could also be {', '.join(match.others[:3])}"
    return one_line(why)


def _rest_lines(guess: TableGuess) -> list[str]:
    used = {match.column.name for match in guess.matches.values()}
    rest = [
        column.name for column in guess.look.columns if column.name not in used and column.kind != "empty"
    ]
    if guess.table == "survey":
        questions = [column.name for column in find_questions(guess)] or rest
        questions = [q.id for q in guess.look.raw.codebook] if has_codebook(guess) else questions
        shown = shorten(", ".join(questions))
        return [comment(f"Questions: {shown}. A labels.toml makes labels of them (see [labels] below).")]
    lines = (
        [comment(f"Kept as properties, usable in labels of your own: {shorten(', '.join(rest))}.")]
        if rest
        else []
    )
    absent = [
        c
        for c in SCHEMAS[guess.table].columns
        if c.loses and c.name not in {*guess.matches, *guess.constants}
    ]
    lines += [
        comment(f"No {column.name}; lost without it: {column.loses}.")
        for column in absent
        if guess.table == "events"
    ]
    if guess.table == "messages" and "message_id" not in guess.matches:
        lines.append(comment("No message_id: rows are known by their number; who answers whom is inferred."))
    return lines


def _value_lines(guess: TableGuess, role: str) -> list[str]:
    if role not in guess.matches or SCHEMAS[guess.table].column(role) is None:
        return []
    if role in guess.look.raw.defaults.get("values", {}):
        return []
    mapped, kept = map_words(guess, role)
    lines = []
    if kept:
        shown = shorten(", ".join(kept[:MOST_WORDS_SHOWN]))
        lines.append(
            comment(
                f"{role.capitalize()}s that keep their names (map them if they mean a standard one): {shown}."
            )
        )
    if mapped:
        lines.append(f"[sources.{guess.table}.values.{role}]")
        lines += [
            f"{text(value)} = {text(word)}" for value, word in list(mapped.items())[: MOST_WORDS_SHOWN * 2]
        ]
    return lines


def _unsure(guess: TableGuess, reason: str, base: Path) -> str:
    lines = [f"# {line}" if line else "#" for line in _table(guess, base).splitlines()]
    lines = [re.sub(r"^# # ", "#   ", line) for line in lines]
    return "\n".join([comment(f"NOT USED: {reason}"), *lines]) + "\n"


def _tail(used: list[TableGuess], labels_name: str) -> str:
    survey = next((guess for guess in used if guess.table == "survey"), None)
    if write_labels(used):
        catalogs = f'catalogs = ["builtin", {text(labels_name)}]'
        lines = ["[labels]", f"{catalogs}   # {labels_name} was guessed too: read it"]
    else:
        lines = ["[labels]", f'catalogs = ["builtin"]   # add "{labels_name}" for labels of your own']
        lines += _question_example(survey) if survey else []
    lines += [
        "",
        "[personas]",
        "n_personas = 0           # 0: chosen by the data",
        "",
        "[export]",
        "holdout_share = 0.1      # users kept apart, to measure what targeting did",
    ]
    return "\n".join(lines) + "\n"


def _question_example(survey: TableGuess) -> list[str]:
    question = next(iter(find_questions(survey)), None)
    name = question.name if question else "q1"
    return [
        comment("A label from a question, in labels.toml:"),
        comment("[labels.my_label]", indent=2),
        comment('facet = "life stage"', indent=2),
        comment('phrase = "says {value}"', indent=2),
        comment("[[labels.my_label.claims]]", indent=2),
        comment(f"answer = {{question = {text(name)}}}", indent=2),
    ]


def reason_for(guess: TableGuess) -> str:
    """Return why a file is not used as the table it resembles most."""
    names = ", ".join(guess.missing)
    return f"{guess.look.shown} looks most like {guess.table}, but no column was found for: {names}."


def relative(path: Path, base: Path) -> str:
    """Return the path as the study file should name it, with forward slashes."""
    try:
        return Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def describe_columns(look: TableLook) -> str:
    """Return the columns of a file with their kinds, for messages."""
    return shorten(", ".join(f"{column.name} ({column.kind})" for column in look.columns))
