"""Which words can be a term of a group, and which two are one: "bedtime stories"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np

from segtool.community.speech.lexicon import read_lexicon
from segtool.community.speech.masks import same_as
from segtool.community.speech.stop_words import stop_words
from segtool.community.speech.tokens import Words
from segtool.community.value.names import hidden_names, is_name

MAX_TERMS = 50_000  # the most frequent; rarer ones are used by too few people of any group to be shown
LONGEST = 24
LETTER = re.compile(r"[^\W\d_]")
LAUGH = re.compile(r"(.)\1+|(?:ha)+h?|(?:[a-z]o+)")
HAN = re.compile("[\u3400-\u9fff]")
GLUED = re.compile("[的了是在这那我你他她它们不没就都也很吗呢吧啊呀有和跟被把刚又再还才只更太]")
# Times, numbers, pronouns, adverbs, particles and so on, in the tags of jieba.
FUNCTION_TAGS = frozenset(
    [
        "t",
        "m",
        "mq",
        "q",
        "r",
        "d",
        "c",
        "p",
        "u",
        "f",
        "y",
        "e",
        "o",
        "ug",
        "uj",
        "ul",
        "ud",
        "uv",
        "uz",
        "zg",
    ]
)
TOGETHER = 0.5  # of the uses of either word that two stand side by side: they are one term


@dataclass(frozen=True, eq=False)
class Terms:
    """Where terms stand in many messages.

    Parameters
    ----------
    names : ndarray of str, shape (n_terms,)
        Sorted.
    term, row : ndarray of int, shape (n_uses,)
        Position in ``names``, and the message, ascending.
    """

    names: np.ndarray
    term: np.ndarray
    row: np.ndarray


def find_terms(talk, words: Words, rows: np.ndarray, settings) -> Terms:
    """Find the words that can be a term, join those that always stand together, and say where they are.

    Parameters
    ----------
    talk : Talk
        Its ids and their parts are no terms, unless a part is an ordinary word.
    words : Words
    rows : ndarray of bool, shape (n_messages,)
        Messages to read.
    settings : CommunitySettings
        ``hidden_words`` are never terms, ``shown_words`` may be one even if they look like a name; fewer uses
        than ``min_people_per_term`` are not looked at.

    Returns
    -------
    Terms
    """
    read = rows[words.row]
    hidden = hidden_names(talk, words, settings, _tagger)
    row, names = words.row[read], _choose_words(words, read, hidden, settings)
    place = {name: number for number, name in enumerate(names)}
    kept = np.array([place.get(word, -1) for word in words.vocabulary], dtype=np.int64)
    term = kept[words.code[read]] if len(kept) else np.empty(0, dtype=np.int64)
    names, term = _join(names, term, row, hidden)
    used = term >= 0
    # Words that only ever stand in pairs are none of their own any more.
    left = np.flatnonzero(np.bincount(term[used], minlength=len(names)))
    order = sorted(left.tolist(), key=names.__getitem__)
    new = np.full(len(names), -1, dtype=np.int32)
    new[order] = np.arange(len(order))
    return Terms(np.array([names[number] for number in order], dtype=object), new[term[used]], row[used])


def _join(
    names: list[str], term: np.ndarray, row: np.ndarray, hidden: set[str]
) -> tuple[list[str], np.ndarray]:
    """Put one term in the place of two that stand side by side half of the time and more."""
    n = max(len(names), 1)
    at = np.flatnonzero((term[:-1] >= 0) & (term[1:] >= 0) & (row[:-1] == row[1:]) & (term[:-1] != term[1:]))
    pairs, which, times = np.unique(term[at] * n + term[at + 1], return_inverse=True, return_counts=True)
    uses = np.bincount(term[term >= 0], minlength=n)
    joined = times >= TOGETHER * np.maximum(uses[pairs // n], uses[pairs % n])
    texts = [_side_by_side(names[pair // n], names[pair % n]) for pair in pairs[joined]]
    if not texts:
        return names, term
    at, which = at[joined[which]], which[joined[which]]
    # Of three in a row only the first two are joined: every second one of those that follow each other.
    run = np.flatnonzero(np.r_[True, np.diff(at) != 1])
    step = np.arange(len(at)) - np.repeat(run, np.diff(np.r_[run, len(at)]))
    at, which = at[step % 2 == 0], which[step % 2 == 0]
    known = {name: number for number, name in enumerate(names)}
    all_names = names + [text for text in dict.fromkeys(texts) if text not in known and text not in hidden]
    known = {name: number for number, name in enumerate(all_names)}
    code = np.full(len(pairs), -1, dtype=np.int64)
    code[joined] = [known.get(text, -1) for text in texts]
    term = term.copy()
    term[at], term[at + 1] = code[which], -1
    return all_names, term


def _side_by_side(one: str, other: str) -> str:
    return one + other if HAN.match(one[-1]) and HAN.match(other[0]) else f"{one} {other}"


def _choose_words(words: Words, read: np.ndarray, hidden: set[str], settings) -> list[str]:
    """Return the words that can be a term, or half of one, the most frequent first."""
    left_out = stop_words() | _chatter() | hidden
    n = np.bincount(words.code[read], minlength=len(words.vocabulary))
    often = np.flatnonzero(words.is_word & (n >= settings.min_people_per_term))
    often = often[np.argsort(-n[often], kind="stable")]
    shown = set(map(same_as, settings.shown_words))
    found = (
        word
        for word in words.vocabulary[often]
        if word in shown or (word not in left_out and _names_something(word))
    )
    return list(islice(found, MAX_TERMS))


@cache
def _chatter() -> frozenset[str]:
    """Return the words of the lexicon that praise, agree, ask or turn: manners, not topics. Complaints stay."""
    lexicon = read_lexicon()
    kind = {word for word, tone in lexicon.tone.items() if tone >= 0} - lexicon.things
    return frozenset(kind.union(*lexicon.effect.values()))


def _names_something(word: str) -> bool:
    """Say whether a word can be a topic: not laughter, not a function word, not what a cutter made up of some."""
    if not LETTER.search(word) or LAUGH.fullmatch(word) or len(word) > LONGEST:
        return False
    if word.isascii():
        return len(word) > 1
    if not HAN.search(word):
        return True
    pieces = _tagger().tag(word)
    if len(word) == 1:
        return pieces[0][1].startswith("n")
    # Cutters guess words that no dictionary has: "闷痘" is one, "群是" is none.
    guessed = not _tagger().has_word(word)
    if is_name(word, pieces, guessed):
        return False
    return not (guessed and GLUED.search(word)) and (len(pieces) > 1 or pieces[0][1] not in FUNCTION_TAGS)


@cache
def _tagger():
    import rjieba

    return rjieba.Jieba()
