"""Chat messages cut into words, all of them coded as numbers at once: Chinese, English and both mixed."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd

from segtool.community.speech.lexicon import read_lexicon
from segtool.community.speech.masks import mask, same_as
from segtool.notes import known, unknown

SEPARATORS = {"\n": 0, " ": 1}
BATCH = 50_000  # messages cut at a time: a million at once would hold ten million strings
LONGEST = 2_000  # characters read of a message; a pasted novel is one voice, not two thousand
EMOJI = re.compile("[\u2190-\u2bff\u3030\u303d\U0001f000-\U0001faff]")
WORD = re.compile(r"[^\W_]")  # holds a letter, a Chinese character or a digit
NUMBER = re.compile(r"[\d.,%+&#\-]+|.*\d.*\d.*\d.*\d.*")  # "3.5", and "wx20881": order numbers, accounts


@dataclass(frozen=True, eq=False)
class Words:
    """Every token of many texts, in the order in which they were written.

    Parameters
    ----------
    vocabulary : ndarray of str, shape (n_vocabulary,)
        Words, numbers, emoji and punctuation, lower-cased.
    code : ndarray of int32, shape (n_tokens,)
        Positions in ``vocabulary``.
    row : ndarray of int32, shape (n_tokens,)
        The text that each token stands in, ascending.
    has_text : ndarray of bool, shape (n_texts,)
        Whether there was a text at all.
    names : frozenset of str
        Names that were called with an @: they are words of nobody's topic.
    notes : tuple of str
    """

    vocabulary: np.ndarray
    code: np.ndarray
    row: np.ndarray
    has_text: np.ndarray
    names: frozenset[str] = frozenset()
    notes: tuple[str, ...] = field(default=())

    @property
    def is_word(self) -> np.ndarray:
        """Which of the vocabulary are words or emoji: no number, no punctuation, nothing masked."""
        return np.array([_is_word(token) for token in self.vocabulary], dtype=bool)


def tokenize(texts: Iterable[str | None]) -> list[list[str]]:
    """Cut texts into words.

    Parameters
    ----------
    texts : iterable of str or None

    Returns
    -------
    list of list of str, shape (n_texts,)
        Lower-cased words and emoji in order; stop words stay. Left out: punctuation, numbers, links,
        e-mail addresses, names called with an @, and what has four digits and more. Traditional and
        simplified characters stay as they are written, so that one word in both is two words.

    Examples
    --------
    >>> tokenize(["今天买的iPhone15真的很好用 👍 @Lily", "Don't buy it: https://a.b/c", None])
    [['今天', '买', '的', 'iphone15', '真的', '很', '好用', '👍'], ['dont', 'buy', 'it'], []]
    """
    words = cut_words(list(texts))
    kept = words.is_word[words.code]
    tokens = words.vocabulary[words.code[kept]].tolist()
    ends = np.searchsorted(words.row[kept], np.arange(len(words.has_text) + 1))
    return [tokens[start:end] for start, end in pairwise(ends)]


def read_words(talk, settings) -> Words:
    """Cut all messages of a talk; give the result to everything that reads words, so it is done once.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings
        ``positive_words`` and ``negative_words`` are kept whole when a text is cut.

    Returns
    -------
    Words
        ``row`` is the row of ``talk.messages``. Without texts: no tokens, and a note that says so.
    """
    n = len(talk.messages)
    if not talk.has_text or not n:
        nothing = np.empty(0, dtype=np.int32)
        why = unknown("Words: no message has a text, so neither tone nor terms can be read.")
        return Words(np.empty(0, dtype=object), nothing, nothing, np.zeros(n, dtype=bool), notes=(why,))
    words = cut_words(talk.texts(), (*settings.positive_words, *settings.negative_words))
    note = known(f"Words: {int(words.has_text.sum()):,} of {n:,} messages have a text.")
    return Words(words.vocabulary, words.code, words.row, words.has_text, words.names, (note,))


def cut_words(texts: Iterable[str | None], own_words: tuple[str, ...] = ()) -> Words:
    """Cut texts into coded tokens, punctuation included.

    Parameters
    ----------
    texts : sequence of str or None, shape (n_texts,)
    own_words : tuple of str
        Words that are to stay whole.

    Returns
    -------
    Words

    Examples
    --------
    >>> words = cut_words(["好吃！", None])
    >>> words.vocabulary.tolist(), words.code.tolist(), words.has_text.tolist()
    (['好吃', '!'], [0, 1], [True, False])
    """
    texts = pd.Series(texts, dtype=object).to_numpy()
    seen: defaultdict[str, int] = defaultdict(None, SEPARATORS)
    seen.default_factory = seen.__len__
    has_text = np.zeros(len(texts), dtype=bool)
    cutter, names = _cutter(own_words), set()
    codes, rows = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.int32)]
    for start in range(0, len(texts), BATCH):
        lines = [
            " ".join(text[:LONGEST].split()) if isinstance(text, str) else ""
            for text in texts[start : start + BATCH]
        ]
        has_text[start : start + BATCH] = [line != "" for line in lines]
        joined, called = mask("\n".join(lines))
        names |= called
        # One call for all lines: calls are dear.
        cut = np.array([seen[token] for token in cutter.cut(joined)], dtype=np.int32)
        kept = cut >= len(SEPARATORS)
        codes.append(cut[kept])
        rows.append((start + np.cumsum(cut == SEPARATORS["\n"])).astype(np.int32)[kept])
    vocabulary, merged = _merge_same(list(seen))
    return Words(vocabulary, merged[np.concatenate(codes)], np.concatenate(rows), has_text, frozenset(names))


def _merge_same(tokens: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the vocabulary in which wide and usual signs are one ("！" is "!"), and the new code of each."""
    place: defaultdict[str, int] = defaultdict()
    place.default_factory = place.__len__
    new = [place[unicodedata.normalize("NFKC", token)] for token in tokens[len(SEPARATORS) :]]
    vocabulary = np.empty(len(place), dtype=object)
    vocabulary[:] = list(place)
    return vocabulary, np.array([-1] * len(SEPARATORS) + new, dtype=np.int32)


@cache
def _cutter(own_words: tuple[str, ...]):
    """Return a cutter that keeps the words of the lexicon whole.

    It is one of our own: words added to the module's would change how others cut.
    """
    import rjieba

    cutter = rjieba.Jieba()
    for word in read_lexicon().chinese_words():
        if len(word) > 1:
            cutter.add_word(word, cutter.suggest_freq(word), None)
    for word in sorted({same_as(word) for word in own_words}):
        if len(word) > 1:  # often enough to win over what a cutter would guess
            cutter.add_word(word, max(cutter.suggest_freq(word), 1_000), None)
    return cutter


def _is_word(token: str) -> bool:
    if WORD.search(token) is None:
        return EMOJI.search(token) is not None
    return NUMBER.fullmatch(token) is None
