"""The names people give to columns, files, events and channels: words.toml, read and matched."""

from __future__ import annotations

import re
import tomllib
from importlib import resources

_SAID = tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))


# What follows the word that counts: units, currencies, kinds.
_ENDINGS = frozenset(
    [
        *("in", "usd", "eur", "gbp", "cny", "rmb", "utc", "local", "ms", "s", "us", "micros", "str"),
        *("brutto", "netto", "ttc", "ht", "iva"),
        *("cat", "group", "range", "band", "bracket", "level", "key"),
    ]
)


def _expand(names: list[str]) -> list[str]:
    """Put the shared lists where ``@name`` stands."""
    return [
        word for name in names for word in (_SAID["shared"][name[1:]] if name.startswith("@") else [name])
    ]


def _turned(words: dict[str, list[str]]) -> dict[str, str]:
    return {name: word for word, names in words.items() for name in (word, *names)}


ROLE_NAMES: dict[str, dict[str, list[str]]] = {
    table: {role: _expand(names) for role, names in roles.items()} for table, roles in _SAID["roles"].items()
}
"""Table -> role -> names that columns with this role have, likeliest first."""
CONTACT_NAMES: list[str] = _SAID["shared"]["contact"]
RESPONDENT_NAMES: list[str] = _SAID["shared"]["respondent"]
GROUP_NAMES: list[str] = _SAID["shared"]["group"] + _SAID["shared"]["chat"]
SENDER_NAMES: list[str] = _SAID["shared"]["sender"]
ORDER_NAMES: list[str] = _SAID["signs"]["order"]
RATING_NAMES: list[str] = _SAID["signs"]["rating"]
FILE_WORDS: dict[str, list[str]] = _SAID["files"]
EVENT_SYNONYMS: dict[str, str] = _turned(_SAID["events"])
CHANNEL_SYNONYMS: dict[str, str] = _turned(_SAID["channels"])


def plain_name(name: str) -> str:
    """Bring a name to one form: lower case, words joined by underscores.

    Examples
    --------
    >>> plain_name("Customer ID"), plain_name("orderTotal"), plain_name("用户ID"), plain_name("RespId")
    ('customer_id', 'order_total', '用户id', 'resp_id')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\W_]+", "_", spaced).strip("_").lower()


def match_name(name: str, names: list[str], *, anywhere: bool = False) -> float:
    """Return how well a column's name fits a role, 0 to 1: earlier names in the list fit a little better.

    A longer name fits partly when it ends in a known one ("the_uid", "revenue_in_usd"), not when it only
    begins so ("user_language"); with ``anywhere`` the place does not matter.

    Examples
    --------
    >>> match_name("UID", ["user_id", "uid"]) > match_name("the uid", ["user_id", "uid"]) > 0
    True
    >>> match_name("user_language", ["user"]), match_name("colour", ["user_id", "uid"])
    (0.0, 0.0)
    """
    plain = plain_name(name)
    joined, tokens = plain.replace("_", ""), plain.split("_")
    while len(tokens) > 1 and tokens[-1] in _ENDINGS:
        tokens.pop()
    best = 0.0
    for place, known in enumerate(names):
        early, parts = 1.0 - 0.2 * place / len(names), known.split("_")
        if plain == known or joined == known.replace("_", ""):
            best = max(best, early)
        elif not known.isascii():
            best = max(best, 0.7 * early if len(known) > 1 and known in plain else 0.0)
        elif len(known) > 2 and (tokens[-len(parts) :] == parts or (anywhere and set(parts) <= set(tokens))):
            best = max(best, 0.6 * early)
    return best


def standard_word(value: str, synonyms: dict[str, str]) -> str | None:
    """Return the standard word that a value of a file stands for, if it is a known one.

    Examples
    --------
    >>> standard_word("Order Completed", EVENT_SYNONYMS), standard_word("浏览", EVENT_SYNONYMS)
    ('purchase', 'view')
    >>> standard_word("wobble", EVENT_SYNONYMS) is None
    True
    """
    plain = plain_name(value)
    for key in (plain, plain.replace("_", "")):
        if key in synonyms:
            return synonyms[key]
    return None
