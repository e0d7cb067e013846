"""Words that would tell of one person: names called, parts of ids, addresses; a name may still slip through."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from segtool.community.speech.masks import GLUE, same_as
from segtool.community.speech.tokens import Words

DIGIT = re.compile(r"\d")
PART = re.compile(r"[^\W\d_]+")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
HAN = re.compile("[\u3400-\u9fff]")
LEAST_LETTERS, LEAST_HAN = 3, 2
# A part that so many ids have is how ids are made up ("user_17"), and no name.
SCHEME_SHARE, SCHEME_IDS = 0.05, 10
# A word that people of so many groups use is an ordinary one, though it stands in an id.
ORDINARY_SHARE, ORDINARY_GROUPS = 0.05, 3
HOUSES = frozenset(["栋", "幢", "号楼", "单元", "弄", "号院"])
AT_HOME = 0.5  # of the uses of a word that stand before the number of a house: it is an address
# Tags of jieba call vitamins, chocolate and carrots names as well, so the word must look like one besides.
SURNAME = re.compile(
    "[王李张刘陈杨赵吴周徐孙胡朱郭何罗梁宋郑韩唐冯董萧曹袁邓许傅沈曾彭吕苏卢蒋蔡魏薛阎潘杜戴马高林黄]"
)
FULL_NAME = re.compile("[王李张刘陈赵吴孙郭梁郑韩冯曹袁邓许傅彭蒋蔡](?!家)[\u3400-\u9fff]{2}")
CALLED = re.compile("[\u3400-\u9fff]{1,3}(?:老师|医生|阿姨|经理|总|姐|哥)")
PET_NAME = re.compile("[小阿老][\u3400-\u9fff]")


def hidden_names(talk, words: Words, settings, tagger) -> set[str]:
    """Return names called with an @, ids and their parts, addresses, and the words that a user hides.

    Parameters
    ----------
    talk : Talk
    words : Words
    settings : CommunitySettings
        ``shown_words`` are never hidden; a word of ``min_people_per_term`` people in 3 groups, and in a
        twentieth of all, is ordinary, even if it stands in an id.
    tagger : callable
        Returns the tagger of words.
    """
    hidden, parts = set(words.names), Counter()
    for user in talk.user_ids:
        name = str(user)
        hidden.update(_with_digits(name))
        found = PART.findall(same_as(f"{name} {HUMP.sub('_', name)}"))
        parts.update({part for part in found if _long_enough(part)})
    # A group may be called after its topic ("hotpot"); a number in its id says that it is an id.
    for group in talk.group_ids:
        if DIGIT.search(str(group)):
            hidden.update(_with_digits(str(group)))
    most = max(SCHEME_IDS, SCHEME_SHARE * len(talk.user_ids))
    names = {part for part, n in parts.items() if n < most}
    names -= {name for name in names if HAN.match(name) and _in_dictionary(name, tagger())}
    hidden |= names - _ordinary(talk, words, names, settings)
    hidden |= _addresses(words)
    hidden.update(map(same_as, settings.hidden_words))
    return hidden - set(map(same_as, settings.shown_words))


def is_name(word: str, pieces: list[tuple[str, str]], guessed: bool) -> bool:
    """Say whether a Chinese word is what somebody is called.

    Parameters
    ----------
    word : str
    pieces : list of tuple
        Words and tags of jieba.
    guessed : bool
        No dictionary has the word.

    Examples
    --------
    >>> is_name("张伟", [("张伟", "nr")], True), is_name("维生素", [("维生素", "nr")], False)
    (True, False)
    """
    tagged = len(pieces) == 1 and pieces[0][1].startswith("nr")
    if tagged and ((guessed and len(word) <= 4 and SURNAME.match(word)) or FULL_NAME.fullmatch(word)):
        return True
    if guessed and PET_NAME.fullmatch(word):
        return True
    return CALLED.fullmatch(word) is not None and (SURNAME.match(word) is not None or (guessed and tagged))


def _with_digits(name: str) -> list[str]:
    """Return an id, and those of its parts that hold a digit."""
    whole = same_as(name)
    cut = whole
    for sign in GLUE:
        cut = cut.replace(sign, " ")
    return [whole, *(part for part in cut.split() if DIGIT.search(part))]


def _long_enough(part: str) -> bool:
    return len(part) >= (LEAST_HAN if HAN.match(part) else LEAST_LETTERS)


def _in_dictionary(name: str, tagger) -> bool:
    pieces = tagger.tag(name)
    return tagger.has_word(name) and not (len(pieces) == 1 and pieces[0][1].startswith(("nr", "ns")))


def _ordinary(talk, words: Words, names: set[str], settings) -> set[str]:
    """Return those of some words that people of many groups use."""
    is_one = np.array([word in names for word in words.vocabulary], dtype=bool)
    if not is_one.any():
        return set()
    at = np.flatnonzero(is_one[words.code])
    code = words.code[at].astype(np.int64)
    group, user = (talk.messages[name].to_numpy(np.int64)[words.row[at]] for name in ("group", "user"))
    n_groups, n_users = len(talk.group_ids), len(talk.user_ids)
    used, n_people = np.unique(
        np.unique((code * n_groups + group) * n_users + user) // n_users, return_counts=True
    )
    often = used[n_people >= settings.min_people_per_term] // n_groups
    n_often = np.bincount(often, minlength=len(words.vocabulary))
    enough = n_often >= max(ORDINARY_GROUPS, ORDINARY_SHARE * n_groups)
    return set(words.vocabulary[enough & is_one])


def _addresses(words: Words) -> set[str]:
    """Return words that mostly stand before the number of a house: "阳光花园3栋"."""
    is_house = np.array([word in HOUSES for word in words.vocabulary], dtype=bool)
    if not is_house.any():
        return set()
    house = np.flatnonzero(is_house[words.code])
    n_words = len(words.vocabulary)
    home = np.zeros(n_words)
    is_number = np.array([word.isdigit() for word in words.vocabulary], dtype=bool)
    house = house[house >= 1]
    house = house[is_number[words.code[house - 1]]]
    for back in (2, 3):
        at = house[house >= back]
        at = at[words.row[at - back] == words.row[at]] - back
        home += np.bincount(words.code[at], minlength=n_words)
    n = np.bincount(words.code, minlength=n_words)
    before = (home > 0) & (home >= AT_HOME * n)
    return {word for word in words.vocabulary[before] if HAN.match(word)}
