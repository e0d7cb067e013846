"""What speaks for the tables of a chat: messages, members, groups, activities."""

from __future__ import annotations

from segtool.sources.guess.table_guess import TableGuess
from segtool.sources.guess.words import CONTACT_NAMES, GROUP_NAMES, ROLE_NAMES, SENDER_NAMES, match_name


def weigh_messages(guess: TableGuess) -> None:
    """Tell a chat by what is written in it, beside a group it is written in or somebody who sends it."""
    text = guess.matches.get("text")
    if not {"text", "reply_to"} & set(guess.matches):
        guess.score -= 2.0
        return
    written = text is not None and text.column.kind == "text"
    sender = _is_named(guess, "user_id", SENDER_NAMES)
    if written and (sender or _is_named(guess, "group_id", GROUP_NAMES)):
        guess.score += 1.5
        guess.reasons.append("a column of what was written")
    if written and sender and guess.missing == ["group_id"]:
        guess.missing, guess.constants["group_id"] = [], guess.look.sheet or guess.look.path.stem
    elif "group_id" in guess.matches and not _is_named(guess, "group_id", GROUP_NAMES):
        other = [name for role in ("event", "amount", "item_id") for name in ROLE_NAMES["events"][role]]
        other += ROLE_NAMES["sends"]["send_id"][:-1] + ROLE_NAMES["sends"]["arm"]
        if any(match_name(column.name, other) > 0.7 for column in guess.look.columns):
            guess.missing.append("group_id")  # a channel of sales or of sends, in which nobody talks


def _is_named(guess: TableGuess, role: str, names: list[str]) -> bool:
    return role in guess.matches and match_name(guess.matches[role].column.name, names) > 0.5


def weigh_members(guess: TableGuess) -> None:
    """Tell a roster: groups, people, and when they came, without anything written."""
    who, told = guess.matches.get("user_id"), {"joined_at", "left_at", "role", "invited_by"}
    called = "by the name of the file" in guess.reasons
    by_id = who and match_name(who.column.name, ROLE_NAMES["users"]["user_id"]) > 0.5
    if who and not by_id and not called and not told & set(guess.matches):
        guess.missing.append("user_id")  # a name beside a group: of the group, or in a list of anything
    if who and told & set(guess.matches) and "group_id" in guess.matches:
        ids = [name for name in ROLE_NAMES["users"]["user_id"] if name not in CONTACT_NAMES]
        if not any(match_name(column.name, ids) > 0.5 for column in guess.look.columns):
            guess.score += 1.5  # people by name, in groups: a user's own table would have ids
    talk = [
        name
        for role in ("message_id", "reply_to", "text")
        for name in ROLE_NAMES["messages"][role]
        if name != "id"
    ]
    if any(match_name(column.name, talk) > 0.6 for column in guess.look.columns):
        guess.score -= 1.5
    elif "group_id" in guess.matches:
        guess.score += 0.5


def weigh_groups(guess: TableGuess) -> None:
    """One row per group, and no users: anything else with a group in it is another table."""
    if any(match_name(column.name, ROLE_NAMES["events"]["user_id"]) > 0.5 for column in guess.look.columns):
        guess.score -= 3.0
    if "group_id" in guess.matches and not is_unique(guess, "group_id"):
        guess.missing.append("group_id")
        guess.reasons.append("but groups occur more than once")


def weigh_activities(guess: TableGuess) -> None:
    """Activities are of groups: a table that names users is another."""
    if any(match_name(column.name, ROLE_NAMES["events"]["user_id"]) > 0.5 for column in guess.look.columns):
        guess.score -= 2.0


def is_unique(guess: TableGuess, role: str) -> bool:
    """Whether (nearly) every row has its own value; a few repeats are rows to reject."""
    column, n_rows = guess.matches[role].column, guess.look.n_rows
    if column.n_distinct < 0.97 * min(n_rows, 20_000) * column.filled:
        return False
    return n_rows > 0 and guess.look.n_different(column) >= 0.97 * n_rows * column.filled
