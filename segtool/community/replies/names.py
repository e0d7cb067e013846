"""Whom a message names: ``@name`` anywhere, a name at its start, or a name within it."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

TO_ALL = ("all", "everyone", "everybody", "here", "channel", "所有人", "全体成员", "全员", "大家")
# What opens a message that speaks to a whole group: notices, not talk.
NOTICE = re.compile(r"^\s*[\[【#]?\s*(群?公告|通知|announcement|notice)\s*[\]】#:：]", re.IGNORECASE)
AT = re.compile(r"[@＠]([^\s@＠:：,，;；!！?？()（）\[\]【】<>\"'、。]+)")
OPENING = re.compile(r"^\s*([^\s@＠:：,，;；]{1,40})\s*[:：,，]")
WORD = re.compile(r"[^\s@＠:：,，;；!！?？()（）\[\]【】<>\"'、。/]+")
NAME_COLUMNS = ("nickname", "nick_name", "screen_name", "display_name", "name", "昵称", "群昵称")
SHORTEST = 3  # a shorter name within a sentence is too often a word
LEFT_OUT = -2
AS_WRITTEN = "\0"  # before ids of which case alone tells one from another


def read_names(talk) -> dict[str, int]:
    """Return name -> user code: ids, and nicknames where a table has them.

    Parameters
    ----------
    talk : Talk

    Returns
    -------
    dict
        Names in lower case. A nickname that two people bear names nobody. Ids that differ in case only name
        somebody where they are written as they stand (behind `AS_WRITTEN`), else nobody (`LEFT_OUT`).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> read_names(SimpleNamespace(user_ids=np.array(["Ann", "Bo"]), engine=None))
    {'ann': 0, 'bo': 1}
    """
    code_of = {user_id: code for code, user_id in enumerate(talk.user_ids.tolist())}
    names: dict[str, int] = {}
    for user_id, code in code_of.items():
        key = fold(user_id)
        names[key] = code if key not in names else LEFT_OUT
    if LEFT_OUT in names.values():
        names |= {
            AS_WRITTEN + _tidy(one): code for one, code in code_of.items() if names[fold(one)] == LEFT_OUT
        }
    nicknames: dict[str, int] = {}
    for table in ("users", "members"):
        for user_id, name in _read_nicknames(talk.engine, table):
            key, code = fold(name), code_of.get(user_id, LEFT_OUT)
            if key and nicknames.setdefault(key, code) != code:
                nicknames[key] = LEFT_OUT
    for key, code in nicknames.items():
        if code != LEFT_OUT:
            names.setdefault(key, code)
    return names


def fold(name: str) -> str:
    """Return a name as it is compared: without width, case and space around it."""
    return _tidy(name).lower()


def _tidy(name: str) -> str:
    return unicodedata.normalize("NFKC", str(name)).strip()


def _read_nicknames(engine, table: str) -> list[tuple[str, str]]:
    if engine is None or table not in engine.tables():
        return []
    column = next((name for name in NAME_COLUMNS if name in engine.columns(table)), None)
    if column is None:
        return []
    quoted = '"' + column + '"'
    rows = engine.query(
        f"SELECT DISTINCT user_id, {quoted} AS name FROM {table} WHERE {quoted} IS NOT NULL ORDER BY user_id, name"
    )
    return list(zip(rows["user_id"].tolist(), rows["name"].tolist(), strict=True))


def find_mentions(texts: np.ndarray, names: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and users named there with an @, each pair once.

    Parameters
    ----------
    texts : ndarray of str or None, shape (n_messages,)
    names : dict
        As from `read_names`.

    Returns
    -------
    row, user : ndarray of int
        In the order of rows; users within a row ascending.

    Examples
    --------
    >>> find_mentions(np.array(["thanks @Bo!", "bo is here", None], dtype=object), {"bo": 1})
    (array([0]), array([1]))
    """
    found = set()
    for row, text in enumerate(texts):
        if text and ("@" in text or "＠" in text):
            for name in AT.findall(text):
                code = _who(fold(name), name, names)
                if code is not None:
                    found.add((row, code))
    return _columns(found)


def find_named(texts: np.ndarray, names: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, users named there, and how: 2 with an @ or opening the message, 1 within it.

    Examples
    --------
    >>> row, user, how = find_named(np.array(["ann: yes", "so said ann"], dtype=object), {"ann": 0})
    >>> how.tolist()
    [2, 1]
    """
    found: dict[tuple[int, int], int] = {}
    for row, text in enumerate(texts):
        if not text:
            continue
        opening = OPENING.match(text)
        for name in AT.findall(text) + ([opening.group(1)] if opening else []):
            code = _who(fold(name), name, names)
            if code is not None:
                found[row, code] = 2
        for place, word in enumerate(WORD.findall(text)):
            code = _who(word.lower(), word, names) if len(word) >= SHORTEST else None
            if code is not None:
                found.setdefault((row, code), 2 if place == 0 else 1)
    row, user = _columns(set(found))
    return (
        row,
        user,
        np.array([found[pair] for pair in zip(row.tolist(), user.tolist(), strict=True)], dtype=int),
    )


def _who(name: str, said: str, names: dict[str, int]) -> int | None:
    """Return whom a name means: as it is compared, and where that is two people, as it was written."""
    code = names.get(name)
    if code is None and name.endswith("."):
        name, said = name.rstrip("."), said.rstrip(".")
        code = names.get(name)
    return names.get(AS_WRITTEN + _tidy(said)) if code == LEFT_OUT else code


def _columns(pairs: set[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def find_announcements(texts: np.ndarray) -> np.ndarray:
    """Say of each message whether it speaks to all: a notice, or one that calls everybody.

    Examples
    --------
    >>> find_announcements(np.array(["【公告】今晚直播", "@所有人 开会", "hi @bo", None], dtype=object)).tolist()
    [True, True, False, False]
    """
    to_all = np.zeros(len(texts), dtype=bool)
    for row, text in enumerate(texts):
        if text:
            at = ("@" in text or "＠" in text) and any(fold(name) in TO_ALL for name in AT.findall(text))
            to_all[row] = at or NOTICE.match(text) is not None
    return to_all
