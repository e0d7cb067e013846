"""What speaks for one message answering another, as numbers: one table per feature, lines by steps back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segtool.community.replies.lines import Lines

TALKING_BACK = 6  # lines: two people of whom both wrote within so many are talking to each other
SHARED_BACK = 8  # lines: words shared over more of them are those of the topic


def look_back(values: np.ndarray, back: int, fill=0) -> np.ndarray:
    """Return the values of the lines before each line, shape (n, back), the nearest first."""
    n = len(values)
    table = np.full((n, back), fill, dtype=values.dtype)
    for step in range(1, min(back, n - 1) + 1):
        table[step:, step - 1] = values[:-step]
    return table


def find_candidates(lines: Lines, back: int) -> np.ndarray:
    """Return whether the line so many steps back is there and in the same group, shape (n, back)."""
    return look_back(lines.group.astype(np.int64), back, fill=-1) == lines.group[:, None]


def pair_features(lines: Lines, back: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and values of each feature of a line and one before it, shape (n, back), float32.

    Parameters
    ----------
    lines : Lines
    back : int
        Steps back that are looked at.
    """
    own = _Own(lines, back)
    yield from own.places()
    yield from own.people()
    if lines.has_text:
        yield from own.said()


class _Own:
    """The tables that several features need."""

    def __init__(self, lines: Lines, back: int):
        self.lines, self.back = lines, back
        self.there = find_candidates(lines, back)
        self.user = look_back(lines.user.astype(np.int64), back, fill=-1)
        self.is_self = (self.user == lines.user[:, None]) & self.there
        second = look_back(lines.second.astype(np.int64), back)
        gap = np.where(self.there, np.maximum(lines.second[:, None] - second, 0), 0)
        self.minutes = np.log1p(gap / 60).astype(np.float32)
        self.step = np.log(np.arange(1, back + 1, dtype=np.float32))[None, :]
        self.first = np.zeros((1, back), dtype=np.float32)
        self.first[0, 0] = 1.0
        # The nearest line of the same author among those before: later lines of a run take its answers.
        self.latest = np.ones((len(lines), back), dtype=bool)
        for step in range(1, back):
            self.latest[:, step] = ~(self.user[:, :step] == self.user[:, step : step + 1]).any(axis=1)
        self.other = ~self.is_self

    def places(self) -> Iterator[tuple[str, np.ndarray]]:
        other, own = self.other.astype(np.float32), self.is_self.astype(np.float32)
        turns = self.latest & self.other & self.there
        turn = np.log(np.maximum(np.cumsum(turns, axis=1, dtype=np.float32), 1))
        yield "lines back", self.step * other
        yield "just before", self.first * other
        yield "minutes", self.minutes * other
        yield "people back", turn * other
        yield "own", own
        yield "own, lines back", self.step * own
        yield "own, just before", self.first * own
        yield "own, minutes", self.minutes * own

    def people(self) -> Iterator[tuple[str, np.ndarray]]:
        spoken = np.cumsum(self.is_self, axis=1)
        before = spoken - self.is_self
        turn = self.other & self.latest & self.there
        # After the author's own last line: what has been said since.
        since = (before == 0) & self.other
        any_own = (spoken[:, -1:] > 0) & since
        yield "latest of its author", (self.latest & self.other).astype(np.float32)
        yield "own, latest", (self.latest & self.is_self).astype(np.float32)
        yield "since own last line", any_own.astype(np.float32)
        # The same two just before: the author wrote shortly before the candidate did.
        nearby = np.zeros_like(self.is_self)
        for step in range(self.back):
            nearby[:, step] = self.is_self[:, step + 1 : step + 1 + TALKING_BACK].any(axis=1)
        yield "the two were talking", (nearby & self.other).astype(np.float32)
        yield "first to speak since", (any_own & turn & (self._n_since(any_own) == 1)).astype(np.float32)

    def _n_since(self, since: np.ndarray) -> np.ndarray:
        """Return people who spoke since the author's own last line."""
        return (since & self.latest & self.there).sum(axis=1, keepdims=True)

    def said(self) -> Iterator[tuple[str, np.ndarray]]:
        named, named_by, names_any, by_any = self._named()
        other = self.other
        strong, weak = named == 2, named == 1
        latest = self.latest
        called = (strong & latest & other).astype(np.float32)
        yield "named", called
        yield "named, lines back", self.step * called  # a name reaches further back than turns do
        yield "named, minutes", self.minutes * called
        yield "named within", (weak & latest & other).astype(np.float32)
        yield "names another", (names_any[:, None] & (named == 0) & other).astype(np.float32)
        yield "named by it", ((named_by == 2) & other).astype(np.float32)
        yield "named within it", ((named_by == 1) & other).astype(np.float32)
        yield "it names another", (by_any & (named_by == 0) & other).astype(np.float32)
        asks = look_back(self.lines.asks, self.back, fill=False)
        yield "it asks", (asks & other).astype(np.float32)
        yield "shares words", self._shared()
        short = (self.lines.length < 20)[:, None]
        yield "short, just before", short * self.first * other
        yield "own, names somebody", (names_any[:, None] & self.is_self).astype(np.float32)

    def _named(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        lines = self.lines
        n = len(lines)
        named = np.zeros((n, self.back), dtype=np.int8)
        named_by = np.zeros((n, self.back), dtype=np.int8)
        names_any = np.zeros(n, dtype=bool)
        elsewhere = lines.named_user != lines.user[lines.named_row]
        row, user, how = (x[elsewhere] for x in (lines.named_row, lines.named_user, lines.named_how))
        names_any[row] = True
        for step in range(1, self.back + 1):
            hit = self.user[row, step - 1] == user
            named[row[hit], step - 1] = np.maximum(named[row[hit], step - 1], how[hit])
            later = row + step
            ok = later < n
            hit = ok & (lines.user[np.minimum(later, n - 1)] == user)
            named_by[later[hit], step - 1] = np.maximum(named_by[later[hit], step - 1], how[hit])
        by_any = look_back(names_any, self.back, fill=False)
        return named, named_by, names_any, by_any

    def _shared(self) -> np.ndarray:
        words = self.lines.words
        table = np.zeros(self.user.shape, dtype=np.float32)
        for step in range(1, min(self.back, SHARED_BACK, len(self.lines) - 1) + 1):
            table[step:, step - 1] = np.asarray(words[step:].multiply(words[:-step]).sum(axis=1)).ravel()
        return np.sqrt(np.maximum(table, 0)) * (self.there & self.other)


def start_features(lines: Lines, back: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and values of what speaks for a line answering none of those before, shape (n,), float32."""
    there = find_candidates(lines, back)
    user = look_back(lines.user.astype(np.int64), back, fill=-1)
    before = np.r_[0, np.diff(lines.second)] * np.r_[False, np.diff(lines.group) == 0]
    own = ((user == lines.user[:, None]) & there).any(axis=1)
    yield "start", np.ones(len(lines), dtype=np.float32)
    yield "start: minutes of silence", np.log1p(np.maximum(before, 0) / 60).astype(np.float32)
    yield "start: not heard of late", (~own).astype(np.float32)
    if lines.has_text:
        names_any = np.zeros(len(lines), dtype=bool)
        names_any[lines.named_row] = True
        yield "start: asks", lines.asks.astype(np.float32)
        yield "start: greets", lines.greets.astype(np.float32)
        yield "start: names somebody", names_any.astype(np.float32)
        yield "start: length", np.log1p(lines.length / 20).astype(np.float32)
