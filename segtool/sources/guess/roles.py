"""Which table a file is, and which role each of its columns plays."""

from __future__ import annotations

import re
from dataclasses import replace

from segtool.sources.guess.chats import (
    is_unique,
    weigh_activities,
    weigh_groups,
    weigh_members,
    weigh_messages,
)
from segtool.sources.guess.look import ColumnLook, TableLook
from segtool.sources.guess.table_guess import Match, TableGuess
from segtool.sources.guess.words import (
    CHANNEL_SYNONYMS,
    EVENT_SYNONYMS,
    FILE_WORDS,
    GROUP_NAMES,
    ORDER_NAMES,
    RATING_NAMES,
    RESPONDENT_NAMES,
    ROLE_NAMES,
    match_name,
    plain_name,
    standard_word,
)
from segtool.sources.schemas import SCHEMAS

KINDS = {  # schema kind -> kinds of columns that can be it
    "time": ("time",),
    "money": ("number", "flag"),
    "number": ("number", "flag"),
    "flag": ("flag",),
    "word": ("text", "number", "flag"),
    "id": ("text", "number", "flag"),
    "text": ("text", "number", "flag"),
}
# Roles that few other tables have: they tell a table where user_id and a time do not.
TELLING = {
    "events": ("event", "amount", "item_id"),
    "users": ("gender", "age_band", "city_tier", "occupation", "income_band", "joined_at"),
    "survey": ("answered_at",),
    "notes": ("label", "value", "author"),
    "content": ("title", "format", "published_at", "topic"),
    "sends": ("send_id", "sent_at", "opened_at", "responded_at", "arm"),
    "messages": ("group_id", "message_id", "reply_to", "text"),
    "members": ("group_id", "left_at", "role", "invited_by"),
    "groups": ("group_id", "title"),
    "activities": ("group_id", "activity_id", "starts_at", "ends_at"),
    "lists": ("list",),
    "corrections": ("label", "value"),  # notes too, and likelier: the file's name has to say it
}
MOST_EVENT_WORDS = 300  # a column with more different values holds no names of events
FEW_QUESTIONS = 3
CALLED_SURVEY = 4.0  # nobody calls a file so by accident, and answers look like properties of users
SURE = 2.0  # a score below it is told as unsure


def guess_tables(look: TableLook) -> list[TableGuess]:
    """Return what a file could be, likeliest first; those without a gap come before the others."""
    if look.adaptor is not None:
        return [_take_adaptors_word(look)]
    guesses = [_weigh(_match(table, look)) for table in SCHEMAS]
    return sorted(guesses, key=lambda guess: (bool(guess.missing), -guess.score))


def _take_adaptors_word(look: TableLook) -> TableGuess:
    """Return the table of a tool's export, whose columns the adaptor knows."""
    adaptor, raw = look.adaptor, look.raw
    schema, why = SCHEMAS[adaptor.table], f"as {adaptor.title} has it"
    guess = TableGuess(adaptor.table, look, {}, score=10.0, constants=dict(raw.defaults.get("constants", {})))
    named = {name: name for name in schema.names if look.column(name)}
    for role, name in {**named, **raw.defaults.get("columns", {})}.items():
        if column := look.column(name):
            guess.matches[role] = Match(role, column, 2.0, why)
    for role, names in raw.candidates.items():
        columns = [column for name in names if (column := look.column(name))]
        if columns and role not in guess.matches:
            others = tuple(column.name for column in columns[1:])
            guess.matches[role] = Match(role, columns[0], 1.0, why, others)
    guess.missing = [r for r in schema.required if r not in guess.matches and r not in guess.constants]
    guess.reasons.append(f"an export of {adaptor.title}")
    return guess


def as_users(guesses: list[TableGuess]) -> TableGuess | None:
    """Return a survey read as what is known of users, None where its file cannot be."""
    survey = guesses[0]
    if survey.look.adaptor is None:
        return next((guess for guess in guesses if guess.table == "users" and not guess.missing), None)
    if "users" not in survey.look.adaptor.also or "user_id" not in survey.matches:
        return None
    return replace(survey, table="users")


def _match(table: str, look: TableLook) -> TableGuess:
    """Give each role the column whose name fits best, required roles first."""
    schema, names = SCHEMAS[table], ROLE_NAMES[table]
    taken: set[str] = set()
    matches: dict[str, Match] = {}
    offers = []
    for place, role in enumerate(names):
        spec = schema.column(role)
        kinds = KINDS[spec.kind if spec else "word"]
        for column in look.columns:
            if spec and spec.kind == "time" and re.search("birth|dob|生日|出生", column.name.lower()):
                continue  # nothing happened at a birthday
            score = match_name(column.name, names[role], anywhere=kinds == ("time",))
            if column.filled < 0.8:
                score *= 0.5 * column.filled  # a column that is mostly empty: another one may know more
            elif plain_name(column.name) == role:
                score = 2.0  # its own name: nobody calls it so by accident
            if score and column.kind in kinds:
                offers.append((score, -place, role, column))
    for score, _, role, column in sorted(offers, key=lambda offer: (-offer[0], -offer[1], offer[3].name)):
        if role not in matches and column.name not in taken:
            others = [
                c.name for s, _, r, c in offers if r == role and c.name != column.name and s >= 0.5 * score
            ]
            matches[role] = Match(role, column, score, "by its name", tuple(dict.fromkeys(others)))
            taken.add(column.name)
    guess = TableGuess(table, look, matches)
    _match_by_values(guess)
    guess.missing = [
        role for role in schema.required if role not in guess.matches and role not in guess.constants
    ]
    return guess


def _match_by_values(guess: TableGuess) -> None:
    """Fill what names did not tell: the only time, a column of event words, an id that returns."""
    schema = SCHEMAS[guess.table]
    if schema.time and schema.time not in guess.matches:
        free = [c for c in _free(guess) if c.kind == "time"]
        if len(free) == 1:
            guess.matches[schema.time] = Match(schema.time, free[0], 0.4, "the only column of times")
    if "user_id" in schema.names and "user_id" not in guess.matches:
        ids = [
            c
            for c in _free(guess)
            if re.search(r"(^|_)(id|no|code)$|id$|编号$|号$", plain_name(c.name)) and _is_id(c)
            if match_name(c.name, GROUP_NAMES) < 0.7
        ]
        if len(ids) == 1:
            guess.matches["user_id"] = Match("user_id", ids[0], 0.4, "the only column of ids left")
    if guess.table == "events":
        _find_event(guess)


def _find_event(guess: TableGuess) -> None:
    """Check the event column by its values, find one by them, or take each row for one kind of event."""
    named = guess.matches.get("event")
    if named and (named.column.n_distinct > MOST_EVENT_WORDS or named.column.kind == "number"):
        del guess.matches["event"]
        named = None
    if named and named.score >= 0.9:
        return
    for column in [*([named.column] if named else []), *_free(guess)]:
        if (
            column.kind == "text"
            and column.n_distinct <= MOST_EVENT_WORDS
            and _share_of_event_words(guess.look, column) >= 0.5
        ):
            guess.matches["event"] = Match("event", column, 0.8, "most of its values are names of events")
            return
    if named is None:
        _set_constant_event(guess)


def _set_constant_event(guess: TableGuess) -> None:
    names = [plain_name(column.name) for column in guess.look.columns]
    in_file = [standard_word(word, EVENT_SYNONYMS) for word in _words_of(guess.look)]
    words = [word for word in in_file if word]
    if any(match_name(name, ORDER_NAMES) > 0.5 for name in names) or "amount" in guess.matches:
        guess.constants["event"] = "purchase"
    elif words:
        guess.constants["event"] = words[0]
    elif any(match_name(name, RATING_NAMES) > 0.5 for name in names):
        guess.constants["event"] = "review"
    elif {"user_id", "event_time"} <= set(guess.matches):
        guess.constants["event"] = "view" if "item_id" in guess.matches else "visit"


def _words_of(look: TableLook) -> list[str]:
    stem = plain_name(look.sheet or look.path.name.split(".")[0])
    singular = [word[:-1] for word in stem.split("_") if word.endswith("s")]
    return [*stem.split("_"), *singular]


def _share_of_event_words(look: TableLook, column: ColumnLook) -> float:
    counts = look.counts(column)
    known = sum(n for value, n in counts.items() if standard_word(value, EVENT_SYNONYMS))
    return known / max(sum(counts.values()), 1)


def _free(guess: TableGuess) -> list[ColumnLook]:
    taken = {match.column.name for match in guess.matches.values()}
    return [column for column in guess.look.columns if column.name not in taken]


def _is_id(column: ColumnLook) -> bool:
    return (
        column.kind in ("text", "number")
        and column.mean_length <= 64
        and (column.kind == "text" or column.whole)
    )


def _weigh(guess: TableGuess) -> TableGuess:
    """Score a guess: what tells this table from others, the file's name, and whether users repeat."""
    told = [role for role in TELLING[guess.table] if role in guess.matches or role in guess.constants]
    guess.score = sum(min(guess.matches[role].score, 1.0) if role in guess.matches else 0.3 for role in told)
    if told:
        guess.reasons.append(f"it has {_listed(_source_name(guess, role) for role in told)}")
    stem = plain_name(guess.look.sheet or guess.look.path.name.split(".")[0])
    if any(word in stem for word in FILE_WORDS[guess.table]):
        guess.score += 1.5
        guess.reasons.append("by the name of the file")
    if guess.table == "survey" and any(word in stem for word in FILE_WORDS["survey"]):
        guess.score += CALLED_SURVEY
    _WEIGHERS.get(guess.table, lambda guess: None)(guess)
    return guess


def _weigh_events(guess: TableGuess) -> None:
    if "event_time" in guess.matches:
        guess.score += 1.0
    if "user_id" in guess.matches and not is_unique(guess, "user_id"):
        guess.score += 1.0
        guess.reasons.append("users occur more than once")
    elif "user_id" in guess.matches and guess.look.n_rows > 20:
        guess.score -= 2.0 if guess.constants else 0.5
    # Other tables have users and times too; what tells them weighs more than an event that is assumed.
    if guess.constants and not {"amount", "item_id"} & set(guess.matches):
        guess.score -= 1.5


def _weigh_users(guess: TableGuess) -> None:
    if "user_id" not in guess.matches:
        return
    if not is_unique(guess, "user_id"):
        guess.missing.append("user_id")
        guess.reasons.append("but users occur more than once")
        return
    guess.score += -1.0 if _is_questionnaire(guess) else 1.5
    guess.reasons.append("one row per user")


def _weigh_survey(guess: TableGuess) -> None:
    if _is_questionnaire(guess):
        guess.score += 3.0
        guess.reasons.append(f"{len(find_questions(guess))} columns look like questions")
    elif guess.score < 1.5:
        guess.score -= 2.0
    if "user_id" in guess.matches and not is_unique(guess, "user_id"):
        guess.score -= 1.5


def _is_questionnaire(guess: TableGuess) -> bool:
    """Many questions for the number of columns, or some beside an id that only survey tools write."""
    questions, columns = len(find_questions(guess)), guess.look.columns
    by_a_tool = any(match_name(column.name, RESPONDENT_NAMES) > 0.7 for column in columns)
    return questions >= FEW_QUESTIONS and (by_a_tool or questions >= 0.3 * len(columns))


def _weigh_content(guess: TableGuess) -> None:
    if "item_id" not in guess.matches:
        return
    if not is_unique(guess, "item_id"):
        guess.missing.append("item_id")
        guess.reasons.append("but items occur more than once")
    elif not any(
        match_name(column.name, ROLE_NAMES["events"]["user_id"]) > 0.5 for column in guess.look.columns
    ):
        guess.score += 2.0
        guess.reasons.append("one row per item, and no users")


_WEIGHERS = {
    "events": _weigh_events,
    "users": _weigh_users,
    "survey": _weigh_survey,
    "content": _weigh_content,
    "messages": weigh_messages,
    "members": weigh_members,
    "groups": weigh_groups,
    "activities": weigh_activities,
}


def find_questions(guess: TableGuess) -> list[ColumnLook]:
    """Return the columns whose names look like questions of a survey, or follow one without a name."""
    pattern = r"^q_?\d+|^问题|^题|^\d+[、.．]|[?？]$|您|你"
    found: list[ColumnLook] = []
    for column in _free(guess):
        is_question = re.search(pattern, column.name.strip().lower()) or len(column.name) > 30
        # Several answers to one question fill columns of their own, whose names stay empty.
        if is_question or (found and re.fullmatch(r"column_\d+", column.name)):
            found.append(column)
    return found


def _source_name(guess: TableGuess, role: str) -> str:
    return guess.matches[role].column.name if role in guess.matches else f"{role} = {guess.constants[role]}"


def _listed(names) -> str:
    return ", ".join(names)


def map_words(guess: TableGuess, role: str) -> tuple[dict[str, str], list[str]]:
    """Return which values of an event or channel column become standard words, and which stay as they are."""
    synonyms = EVENT_SYNONYMS if role == "event" else CHANNEL_SYNONYMS
    mapped, kept = {}, []
    for value in guess.look.counts(guess.matches[role].column):
        word = standard_word(value, synonyms)
        if word is None:
            kept.append(value)
        elif word != value:
            mapped[value] = word
    return mapped, kept
