"""Messages as lines of a chat: who, when, whom they name, what words they share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from segtool.community.replies.names import find_named

# Latin words of three letters and more, and pairs of Chinese characters: enough to see a word come back.
WORDS = re.compile(r"[a-z][a-z0-9_'-]{2,}|[\u4e00-\u9fff]{2,}")
ASKS = re.compile(r"[?？]|^(吗|呢)$|[吗呢么]\s*$")
GREETS = re.compile(
    r"^\s*(hi|hello|hey|good (morning|evening|afternoon)|anyone|anybody|大家好|各位|早|请问|有没有人|求)",
    re.I,
)
LEAST_LINES, MOST_SHARE = 2, 0.02  # a word in one line is shared with none; one in many says nothing
CHUNK = 100_000


@dataclass(frozen=True, eq=False)
class Lines:
    """Messages of people in the order of group and second.

    Parameters
    ----------
    group, user, second : ndarray of int, shape (n,)
    named_row, named_user, named_how : ndarray of int, shape (n_named,)
        Whom lines name: 2 with an @ or at the start, 1 within the line.
    asks, greets : ndarray of bool, shape (n,)
    length : ndarray of float, shape (n,)
        Characters.
    words : csr_matrix, shape (n, n_words), or None
        Weights of the rarer words, rows of length 1; None without texts.
    """

    group: np.ndarray
    user: np.ndarray
    second: np.ndarray
    named_row: np.ndarray
    named_user: np.ndarray
    named_how: np.ndarray
    asks: np.ndarray
    greets: np.ndarray
    length: np.ndarray
    words: sparse.csr_matrix | None

    def __len__(self) -> int:
        return len(self.group)

    @property
    def has_text(self) -> bool:
        """Whether texts were read."""
        return self.words is not None

    def chunks(self, back: int) -> Iterator[tuple[int, int, Lines]]:
        """Yield parts that fit in the cache: the first row, how many lines before it are repeated, and all of these.

        Parameters
        ----------
        back : int
            Lines before the first one that a part needs to know.
        """
        for first in range(0, len(self), CHUNK):
            known = min(back, first)
            yield first, known, self._cut(first - known, min(first + CHUNK, len(self)))

    def _cut(self, start: int, stop: int) -> Lines:
        rows = slice(start, stop)
        named = slice(*np.searchsorted(self.named_row, [start, stop]))
        return Lines(
            *(column[rows] for column in (self.group, self.user, self.second)),
            self.named_row[named] - start,
            self.named_user[named],
            self.named_how[named],
            *(column[rows] for column in (self.asks, self.greets, self.length)),
            None if self.words is None else self.words[rows],
        )


def read_lines(group, user, second, texts, names: dict[str, int]) -> Lines:
    """Read messages as lines.

    Parameters
    ----------
    group, user, second : ndarray of int, shape (n,)
        In the order of group and second.
    texts : ndarray of str or None, shape (n,), or None
        None where there are no texts at all.
    names : dict
        Name -> user code, see `read_names`.
    """
    n = len(group)
    none = np.array([], dtype=np.int64)
    if texts is None:
        no = np.zeros(n, dtype=bool)
        return Lines(group, user, second, none, none, none, no, no, np.zeros(n), None)
    said = [text or "" for text in texts]
    return Lines(
        group,
        user,
        second,
        *find_named(texts, names),
        asks=np.fromiter((ASKS.search(text) is not None for text in said), dtype=bool, count=n),
        greets=np.fromiter((GREETS.match(text) is not None for text in said), dtype=bool, count=n),
        length=np.fromiter((len(text) for text in said), dtype=float, count=n),
        words=_weigh_words(said, names),
    )


def _weigh_words(said: list[str], names: dict[str, int]) -> sparse.csr_matrix:
    """Return rows of rare words, weighted by how rare they are."""
    vocabulary: dict[str, int] = {}
    n_words, codes = [], []
    for text in said:
        own: dict[str, None] = {}  # in order of the text: a set's order changes from process to process
        for word in WORDS.findall(text.lower()):
            if word[0] >= "\u4e00":
                own.update((word[k : k + 2], None) for k in range(len(word) - 1))
            elif word not in names:
                own[word] = None
        codes += [vocabulary.setdefault(word, len(vocabulary)) for word in own]
        n_words.append(len(own))
    row = np.repeat(np.arange(len(said)), n_words)
    code = np.array(codes, dtype=np.int64)
    n_lines = np.bincount(code, minlength=len(vocabulary))
    rare = (n_lines >= LEAST_LINES) & (n_lines <= max(MOST_SHARE * len(said), LEAST_LINES))
    kept = rare[code] if len(code) else np.zeros(0, dtype=bool)
    weight = np.log(max(len(said), 1) / np.maximum(n_lines, 1))
    table = sparse.csr_matrix(
        (weight[code[kept]], (row[kept], code[kept])), shape=(len(said), max(len(vocabulary), 1))
    )
    length = np.sqrt(np.asarray(table.multiply(table).sum(axis=1))).ravel()
    return sparse.diags(1 / np.maximum(length, 1e-9)) @ table
