"""Look at files, guess, and write the study."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from segtool.engines import DuckDBEngine
from segtool.errors import InputError, did_you_mean
from segtool.sources.guess.labels import write_labels
from segtool.sources.guess.look import TableLook, look_at, look_for_members
from segtool.sources.guess.roles import TableGuess, as_users, guess_tables
from segtool.sources.guess.write import (
    StudyGuess,
    describe_columns,
    has_codebook,
    reason_for,
    text,
    write_study,
)
from segtool.sources.readers import find_files
from segtool.sources.schemas import SCHEMAS
from segtool.sources.times import parse_as_of

NEEDED = (
    "a log (who, when, what), a chat (group, who, when, text), a survey (who, answers) or a table of users "
    "(who, what they are); "
    "a column named like user_id, customer_id or 用户id tells who."
)
STUDY = "study.toml"  # the name of the file that `segtool init` writes
PLANNED = ("sends", "activities")  # may lie ahead of the day the files were made
CURRENCIES = {
    "cny": "CNY",
    "rmb": "CNY",
    "元": "CNY",
    "金额": "CNY",
    "实付": "CNY",
    "usd": "USD",
    "dollar": "USD",
    "eur": "EUR",
    "gbp": "GBP",
}


def guess_study(
    paths: Sequence[str | Path],
    *,
    as_of: str | None = None,
    timezone: str | None = None,
    relative_to: str | Path | None = None,
) -> str:
    """Look at files and return the text of a study.toml that reads them, with a comment on every guess.

    Parameters
    ----------
    paths : sequence of path
        CSV, TSV, Parquet or Excel files; each sheet of a workbook counts as a file.
    as_of : str, optional
        The moment to look from; by default the day after the newest time in the files.
    timezone : str, optional
        Zone of the study and of times that do not say theirs.
    relative_to : path, optional
        Folder of the study file, from which paths are written; by default the current one.

    Returns
    -------
    str
        TOML. Files that are unlike any table in something required stand in comments, with the reason.

    Raises
    ------
    InputError
        If a file cannot be read, or no file can be any table.

    Examples
    --------
    >>> import tempfile, tomllib
    >>> folder = Path(tempfile.mkdtemp())
    >>> orders = folder / "orders.csv"
    >>> _ = orders.write_text("customer_id,order_date,total\\n7,2026-05-01,12.5\\n7,2026-05-03,8\\n")
    >>> study = tomllib.loads(guess_study([orders], relative_to=folder))
    >>> study["study"]["as_of"], study["sources"]["events"]["constants"]
    ('2026-05-04', {'event': 'purchase'})
    """
    base = Path(relative_to) if relative_to is not None else Path.cwd()
    return guess_files(paths, base / STUDY, as_of=as_of, timezone=timezone).study


def guess_labels(paths: Sequence[str | Path]) -> str | None:
    """Return the text of a labels.toml, None where the built-in labels do.

    A survey, or a table of users without events, has names of its own, which no built-in label knows:
    each question or property of few different values becomes a label. It belongs beside the study that
    `guess_study` makes of the same files, which names it.

    Raises
    ------
    InputError
        See `guess_study`.

    Examples
    --------
    >>> import tempfile
    >>> users = Path(tempfile.mkdtemp()) / "users.csv"
    >>> _ = users.write_text("uid,plan\\n" + "".join(f"{i},{'ab'[i % 2]}\\n" for i in range(30)))
    >>> "[labels.plan]" in guess_labels([users])
    True
    """
    return guess_files(paths, Path.cwd() / STUDY).labels


def guess_codebook(paths: Sequence[str | Path]) -> str | None:
    """Return the text of a codebook.csv for a survey out of a tool that segtool knows, None without one.

    It belongs beside the study that `guess_study` makes of the same files, which names it.

    Raises
    ------
    InputError
        See `guess_study`.
    """
    return guess_files(paths, Path.cwd() / STUDY).codebooks.get("codebook.csv")


@dataclass(frozen=True)
class Guessed:
    """The files of a study: its own text, that of its labels, codebooks by name, and which tables it reads."""

    study: str
    labels: str | None
    labels_name: str
    codebooks: dict[str, str]
    tables: tuple[str, ...]


def guess_files(
    paths: Sequence[str | Path], out: Path, *, as_of: str | None = None, timezone: str | None = None
) -> Guessed:
    """Look at files once and return all that belongs into the folder of a study.

    Beside a study of another name than study.toml, the other files are called after it, so that two
    studies in one folder do not share a codebook.
    """
    files = [Path(path) for path in paths]
    if not files:
        raise InputError("No file was named.", NEEDED, "Name at least one file.")
    for path in files:
        _check_there(path)
    prefix = "" if out.name == STUDY else f"{out.stem}_"
    labels_name = f"{prefix}labels.toml"
    with DuckDBEngine() as engine:
        looks = [look for number, path in enumerate(files) for look in look_at(path, engine, number)]
        used, unsure = _choose(looks)
        study = _guess_settings(used, looks, as_of, timezone)
        used = _with_members(used)
        codebooks = _name_codebooks(used, [guess for guess, _ in unsure], prefix)
        text = write_study(study, used, unsure, out.parent, labels_name)
        return Guessed(text, write_labels(used), labels_name, codebooks, tuple(g.table for g in used))


def _check_there(path: Path) -> None:
    try:
        find_files("init", str(path))
    except InputError:
        there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = f"in {path.resolve().parent}, {did_you_mean(path.name, there)}" if there else None
        raise InputError(f"There is no file {str(path)!r}.", near, "Correct the name.") from None


def _name_codebooks(used: list[TableGuess], unsure: list[TableGuess], prefix: str) -> dict[str, str]:
    """Name the codebook of each survey in its guess, and return their texts; the first has the plain name."""
    texts: dict[str, str] = {}
    for guess in [*used, *unsure]:
        if not has_codebook(guess):
            continue
        stem = re.sub(r"\W+", "_", guess.look.sheet or guess.look.path.stem)
        name, count = f"{prefix}codebook.csv" if guess in used else f"{prefix}{stem}_codebook.csv", 2
        while name in texts:
            name, count = f"{prefix}{stem}_codebook_{count}.csv", count + 1
        guess.codebook = name
        # Spreadsheets take a file for UTF-8 by this mark, and would garble Chinese without it.
        texts[name] = "\ufeff" + guess.look.raw.codebook.to_csv()
    return texts


def _with_members(used: list[TableGuess]) -> list[TableGuess]:
    """Return the tables with the members of a chat, whom the notices of the same file tell."""
    by_table = {guess.table: guess for guess in used}
    chat = by_table.get("messages")
    look = look_for_members(chat.look) if chat and "members" not in by_table else None
    if look is None:
        return used
    by_table["members"] = guess_tables(look)[0]
    return [by_table[table] for table in SCHEMAS if table in by_table]


def _choose(looks: list[TableLook]) -> tuple[list[TableGuess], list[tuple[TableGuess, str]]]:
    """Give each table its best file; what is left over is unsure, with the reason."""
    guessed = [(look, guess_tables(look)) for look in looks]
    used: dict[str, TableGuess] = {}
    unsure: list[tuple[TableGuess, str]] = []
    for look, guesses in sorted(guessed, key=lambda pair: (bool(pair[1][0].missing), -pair[1][0].score)):
        reason, best = _why_not(look, guesses), guesses[0]
        if reason is None and best.table in used:
            reason, guesses = _why_second(look, guesses, used)
        if reason is None:
            used[best.table] = best
        else:
            unsure.append((_nearest(guesses), reason))
    if not used:
        raise _refusal(looks, unsure)
    return [used[table] for table in SCHEMAS if table in used], unsure


def _why_second(look: TableLook, guesses: list[TableGuess], used: dict) -> tuple[str, list[TableGuess]]:
    """Return why a second file for a table is not used, and as what it is offered."""
    first = used[guesses[0].table].look.shown
    why = f"{look.shown} looks like {guesses[0].table} too; a study has one of each"
    users = as_users(guesses) if guesses[0].table == "survey" and "users" not in used else None
    if users is None:
        return f"{why}: join it with {first}.", guesses
    offer = f"as users it can stand beside {first}, if user_id means the same people in both"
    return f"{why}. Join the two; or {offer}: then take the marks away.", [users]


def _nearest(guesses: list[TableGuess]) -> TableGuess:
    """Return the guess that most speaks for, whatever it misses."""
    return max(guesses, key=lambda guess: (guess.score, -len(guess.missing)))


def _why_not(look: TableLook, guesses: list[TableGuess]) -> str | None:
    """Return why a file cannot be used, or None if it can."""
    if not look.n_rows:
        return f"{look.shown} has a header and no rows."
    names = {column.name.lower() for column in look.columns}
    if "codebook" in look.shown.lower() or {"id", "text", "kind", "values"} <= names:
        return f"{look.shown} is a codebook: it explains another table, and is not read."
    if any(not guess.missing and guess.score > 0 for guess in guesses):
        return None
    nearest = _nearest(guesses)
    if nearest.missing and nearest.score > 0:
        return reason_for(nearest)
    return f"{look.shown} has nothing that tells what it is."


def _refusal(looks: list[TableLook], unsure: list[tuple[TableGuess, str]]) -> InputError:
    found = " ".join(reason for _, reason in unsure[:3])
    nearest = next((guess for guess, _ in unsure if guess.score > 0 and guess.missing), None)
    table = nearest.table if nearest else "events"
    lines = [
        "write a study.toml with your names on the right (docs/study.md has all of it):",
        '[study]\nname = "..."\nas_of = "2026-07-01"',
        f"[sources.{table}]\npath = {text((nearest.look if nearest else looks[0]).path.name)}",
    ]
    if table == "events":
        lines.append('constants = {event = "purchase"}   # if no column says what happened')
    lines.append(f"[sources.{table}.columns]\n{_map_lines(table, nearest or unsure[0][0])}")
    return InputError(
        f"{found} Found: {'; '.join(describe_columns(look) for look in looks[:3])}.", NEEDED, "\n".join(lines)
    )


def _map_lines(table: str, guess: TableGuess) -> str:
    """Return a column map of a table, with what was found of it."""
    schema = SCHEMAS[table]
    telling = ("amount",) if table == "events" else (schema.time,) if schema.time else ()
    telling += ("text",) if table == "messages" else ()
    names = {
        role: guess.matches[role].column.name if role in guess.matches else "..."
        for role in dict.fromkeys((*schema.required, *telling))
    }
    return "\n".join(f"{role} = {text(name)}" for role, name in names.items())


def _guess_settings(used, looks, as_of: str | None, timezone: str | None) -> StudyGuess:
    zone, zone_why = _guess_zone(used, timezone)
    day, day_why = _guess_as_of(used, looks, as_of, zone)
    currency, currency_why = _guess_currency(used)
    name = (used[0].look.path.resolve().parent.name or "study").strip()
    return StudyGuess(name, day, day_why, zone, zone_why, currency, currency_why)


def _guess_zone(used: list[TableGuess], timezone: str | None) -> tuple[str, str]:
    if timezone:
        return timezone, "The zone of local hours, and of times that do not say theirs: as you said."
    names = [column.name for guess in used for column in guess.look.columns]
    if any(re.search(r"[\u4e00-\u9fff]", name) for name in names):
        return "Asia/Shanghai", "guess: the columns have Chinese names. It decides what counts as evening."
    return (
        "UTC",
        "guess: nothing tells it. Set your users' own, such as Asia/Shanghai: it decides what is evening.",
    )


def _guess_as_of(
    used: list[TableGuess], looks: list[TableLook], as_of: str | None, zone: str
) -> tuple[str, str]:
    """Return the day after the newest time of what happened, on the study's clock."""
    if as_of is not None:
        parse_as_of(as_of, zone)
        return str(as_of), "Nothing at or after this moment is read: as you said."
    newest: list[tuple[bool, pd.Timestamp, str]] = []  # what is planned ahead says nothing of today
    apart: list[tuple[pd.Timestamp, int, str]] = []
    for guess in used:
        schema = SCHEMAS[guess.table]
        match = guess.matches.get(schema.time or "")
        if match and schema.happened and (found := guess.look.newest(match.column)) is not None:
            moment = found.moment
            if found.apart is not None:
                apart.append((found.apart, found.n_apart, guess.look.path.name))
            if match.column.has_zone:
                moment = moment.tz_localize("UTC").tz_convert(zone).tz_localize(None)
            newest.append((guess.table not in PLANNED, moment, guess.look.path.name))
    if newest:
        _, moment, file = max(newest)
        day = (moment.normalize() + pd.Timedelta(days=1)).date().isoformat()
        newest_day = f"{moment.date()} in {file}"
        why = f"guess: the day after the newest time, {newest_day}. Nothing on it or after is read."
        return day, why + _say_apart(apart, day)
    changed = max(look.path.stat().st_mtime for look in looks)
    day = dt.datetime.fromtimestamp(changed, dt.UTC).date().isoformat()
    return (
        day,
        "guess: no file tells when anything happened, so this is the day the newest file was last changed.",
    )


def _say_apart(apart: list[tuple[pd.Timestamp, int, str]], day: str) -> str:
    """Say which times were taken for wrong clocks, as far as they are not read for it."""
    return "".join(
        f" {n:,} row{'' if n == 1 else 's'} of {file}, up to {last.date()}, stand{'s' if n == 1 else ''} far from "
        "all others: taken for wrong clocks and not read. If they are right, set as_of after them."
        for last, n, file in apart
        if last.date().isoformat() >= day
    )


def _guess_currency(used: list[TableGuess]) -> tuple[str, str]:
    events = next((guess for guess in used if "amount" in guess.matches), None)
    if events is None:
        return "", "No amounts of money were found."
    name = events.matches["amount"].column.name.lower()
    for sign, currency in CURRENCIES.items():
        if sign in name:
            return currency, "guess: by the name of the column of amounts."
    return "", 'The unit of amounts, such as "CNY": nothing tells it.'
