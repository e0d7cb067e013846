"""The tone of short messages, from a lexicon: praise above 0, complaint below, 0 where nothing is said.

A lexicon reads words, not people: sarcasm, and what is bad only in its context, are out of its reach. What
it is worth on short messages is measured in ``benchmarks/core_value.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.speech.lexicon import (
    EFFECTS,
    NEGATED_BAD,
    NEGATED_GOOD,
    STRONGER,
    WEAKER,
    read_lexicon,
)
from segtool.community.speech.masks import same_as
from segtool.community.speech.tokens import Words, cut_words, read_words
from segtool.community.talk import ORDER
from segtool.errors import InputError
from segtool.notes import known, unknown

DECIDED = 0.2  # one mild word, unquestioned: what is nearer to 0 is called neither good nor bad
OWN_TONE = 2.5  # of a word that a user names
HALF_WAY = 15.0  # sum to score as VADER does it: s / sqrt(s^2 + 15), so one word of 2 is 0.46
REACH = 3  # words before a word that may turn it
ASKED = 0.2  # of praise in a question or a wish
BEFORE_TURN, BEHIND_TURN = 0.5, 1.5  # "nice, but late": VADER's weights
BREAKS = frozenset(',.!?;:…~()[]"|、。—')
ENDS = frozenset(".!?。…~|")
TONE_WORDS = {
    "negative": -0.5, "neg": -0.5, "bad": -0.5, "负面": -0.5, "消极": -0.5, "差": -0.5,
    "neutral": 0.0, "中性": 0.0, "mixed": 0.0,
    "positive": 0.5, "pos": 0.5, "good": 0.5, "正面": 0.5, "积极": 0.5, "好": 0.5,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Tones:
    """How messages sound.

    Parameters
    ----------
    score : ndarray of float32, shape (n_messages,)
        -1 (complaint) to 1 (praise), 0 where nothing in the text has a tone; missing without a text.
    n_judged : int
        Messages that have a score.
    notes : tuple of str
    """

    score: np.ndarray
    n_judged: int
    notes: tuple[str, ...]

    @property
    def known(self) -> np.ndarray:
        """Which messages have a score, shape (n_messages,)."""
        return ~np.isnan(self.score)

    @property
    def negative(self) -> np.ndarray:
        """Which messages complain; False where nothing is known."""
        return self.score <= -DECIDED

    @property
    def positive(self) -> np.ndarray:
        """Which messages praise; False where nothing is known."""
        return self.score >= DECIDED


def read_tones(talk, settings, words: Words | None = None) -> Tones:
    """Read the tone of every message of a talk.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings
        ``tone_column`` names a column of the messages that says the tone already: numbers from -1 to 1, or
        the words positive, neutral and negative. ``positive_words`` and ``negative_words`` add to the lexicon.
    words : Words, optional
        As from `read_words`, so that texts are cut once for all that read them.

    Returns
    -------
    Tones
        All missing, with a note that says why, where there are no texts.

    Raises
    ------
    InputError
        If ``tone_column`` is not a column of the messages, or holds what is not a tone.
    """
    if settings.tone_column and len(talk.messages):
        return _read_column(talk, settings.tone_column)
    words = read_words(talk, settings) if words is None else words
    score = score_words(words, settings.positive_words, settings.negative_words)
    n = int(words.has_text.sum())
    if not n:
        return Tones(score, 0, (unknown("Tone: no message has a text."),))
    low, high = (score <= -DECIDED).sum(), (score >= DECIDED).sum()
    told = known(
        f"Tone: read from a lexicon for {n:,} messages, {low:,} of them negative and {high:,} positive;"
        " it does not see sarcasm, and what no listed word says counts as neutral."
    )
    return Tones(score, n, (told,))


def score_texts(
    texts: Iterable[str | None], positive_words: tuple[str, ...] = (), negative_words: tuple[str, ...] = ()
) -> np.ndarray:
    """Return the tone of texts.

    Parameters
    ----------
    texts : sequence of str or None, shape (n_texts,)
    positive_words, negative_words : tuple of str
        Words of one's own; they win over those of the lexicon.

    Returns
    -------
    ndarray of float32, shape (n_texts,)
        -1 to 1, missing without a text.

    Examples
    --------
    >>> score_texts(["很好用", "一点都不好用", "not bad at all", "明天见", None]).round(1).astype(str).tolist()
    ['0.6', '-0.5', '0.5', '0.0', 'nan']
    """
    own = (*positive_words, *negative_words)
    return score_words(cut_words(list(texts), own), positive_words, negative_words)


def score_words(
    words: Words, positive_words: tuple[str, ...] = (), negative_words: tuple[str, ...] = ()
) -> np.ndarray:
    """Return the tone of texts that are cut already.

    Notes
    -----
    Each word of the lexicon counts with its tone; behind a negation in the same clause (up to three words;
    "but" begins another) times -0.8, or -0.35 if it is a bad one; beside an intensifier times 1.3, beside a
    weakening word times 0.6. Praise in a question or a wish counts a fifth. Before "but" half, behind it one
    and a half. The sum s becomes s / sqrt(s^2 + 15).

    References
    ----------
    Hutto, Gilbert (2014), VADER: a parsimonious rule-based model for sentiment analysis of social media text,
    ICWSM. https://ojs.aaai.org/index.php/ICWSM/article/view/14550
    """
    tone, flags = _look_up(words.vocabulary, positive_words, negative_words)
    code, row = words.code, words.row
    said = tone[code]
    does = {name: flag[code] for name, flag in flags.items()}
    own_phrases = _own_phrases(positive_words, negative_words)
    _read_phrases(words, said, does, own_phrases)
    # "不便宜但是值得": what stands before "but" turns nothing behind it.
    clause = np.cumsum(does["break"] | does["turn"] | np.r_[True, row[1:] != row[:-1]]) if len(row) else row
    # "好贵": a word that strengthens the next one says nothing of its own.
    before_one = np.zeros(len(code), dtype=bool)
    if len(code) > 1:
        before_one[:-1] = does["stronger"][:-1] & (said[1:] != 0) & (clause[1:] == clause[:-1])
    said[before_one] = 0.0
    at = np.flatnonzero(said)
    value = said[at].astype(np.float64)
    value *= _weigh_neighbours(at, value, does, clause)
    value *= _weigh_asked(at, value, does, row, clause)
    value *= _weigh_turn(at, does["turn"], row)
    total = np.bincount(row[at], weights=value, minlength=len(words.has_text))
    score = total / np.sqrt(total**2 + HALF_WAY)
    return np.where(words.has_text, np.round(score, 6), np.nan).astype(np.float32)


def _look_up(vocabulary: np.ndarray, positive: tuple[str, ...], negative: tuple[str, ...]):
    """Return what each of the vocabulary says, and which effects it has."""
    lexicon = read_lexicon()
    own = dict.fromkeys(map(same_as, positive), OWN_TONE) | dict.fromkeys(map(same_as, negative), -OWN_TONE)
    tone = np.array([own.get(token) or lexicon.tone_of(token) for token in vocabulary], dtype=np.float32)
    flags = {
        name: np.array([token in lexicon.effect[name] for token in vocabulary], dtype=bool)
        for name in EFFECTS
    }
    flags["break"] = np.array([token[0] in BREAKS for token in vocabulary], dtype=bool)
    flags["end"] = np.array([token[0] in ENDS for token in vocabulary], dtype=bool)
    flags["mark"] = np.array([token[0] == "?" for token in vocabulary], dtype=bool)
    return tone, flags


def _own_phrases(positive: tuple[str, ...], negative: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    tones = [(word, OWN_TONE) for word in positive] + [(word, -OWN_TONE) for word in negative]
    cut = [(tuple(same_as(word).split()), tone) for word, tone in tones]
    return {words: tone for words, tone in cut if len(words) > 1}


def _read_phrases(words: Words, said: np.ndarray, does: dict, own: dict[tuple[str, ...], float]) -> None:
    """Let words in a row say what the phrase says, at its last word; longer phrases first."""
    lexicon = read_lexicon()
    phrases = {**dict.fromkeys(lexicon.effect_phrases), **lexicon.phrases, **own}
    place = {word: number for number, word in enumerate(words.vocabulary)}
    coded = [
        (tuple(place[word] for word in phrase), phrase)
        for phrase in sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
        if all(word in place for word in phrase)
    ]
    if not coded:
        return
    begins = np.zeros(len(words.vocabulary), dtype=bool)
    begins[[codes[0] for codes, _ in coded]] = True
    at = np.flatnonzero(begins[words.code])
    starts = pd.Series(at).groupby(words.code[at]).indices
    taken = np.zeros(len(words.code), dtype=bool)
    for codes, phrase in coded:
        first = at[starts.get(codes[0], np.empty(0, dtype=np.int64))]
        first = first[first + len(codes) <= len(words.code)]
        for step, each in enumerate(codes[1:], 1):
            first = first[words.code[first + step] == each]
        last = first + len(codes) - 1
        first = first[(words.row[first] == words.row[last]) & ~taken[first] & ~taken[last]]
        for step in range(len(codes)):
            said[first + step] = 0.0
            taken[first + step] = True
            for name in EFFECTS:
                does[name][first + step] = False
        if (tone := phrases[phrase]) is not None:
            said[first + len(codes) - 1] = tone
        else:
            does[lexicon.effect_phrases[phrase]][first + len(codes) - 1] = True


def _weigh_neighbours(at: np.ndarray, value: np.ndarray, does: dict, clause: np.ndarray) -> np.ndarray:
    """Return the factor of each toned word from what stands beside it in its clause."""
    turned = np.zeros(len(at), dtype=bool)
    stronger, weaker = turned.copy(), turned.copy()
    for step in (-3, -2, -1, 1):
        place = at + step
        inside = (place >= 0) & (place < len(clause))
        near = np.zeros(len(at), dtype=bool)
        near[inside] = clause[place[inside]] == clause[at[inside]]
        place = np.where(near, place, 0)
        if step < 0:
            turned ^= near & does["negation"][place]
            weaker |= near & does["weaker"][place]
        if step >= -2:
            stronger |= near & does["stronger"][place]
    factor = np.where(turned, np.where(value > 0, NEGATED_GOOD, NEGATED_BAD), 1.0)
    return factor * np.where(stronger, STRONGER, 1.0) * np.where(weaker, WEAKER, 1.0)


def _weigh_asked(at, value, does: dict, row: np.ndarray, clause: np.ndarray) -> np.ndarray:
    """Praise that is asked or wished for is none; a complaint in a question ("why still broken?") is one."""
    if not len(at):
        return np.ones(0)
    ends = np.cumsum(np.r_[False, does["end"][:-1]] | np.r_[True, row[1:] != row[:-1]]) - 1
    asks = np.bincount(ends, weights=does["mark"] | does["question"]) > 0
    wishes = np.bincount(clause, weights=does["wish"]) > 0
    asked = (asks[ends[at]] | wishes[clause[at]]) & (value > 0)
    return np.where(asked, ASKED, 1.0)


def _weigh_turn(at: np.ndarray, turn: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return the factor of each toned word from the last "but" of its message."""
    but = np.flatnonzero(turn)
    if not len(but):
        return np.ones(len(at))
    last = pd.Series(but).groupby(row[but]).max()
    where = last.reindex(row[at]).to_numpy(dtype=float)
    return np.where(np.isnan(where), 1.0, np.where(at > where, BEHIND_TURN, BEFORE_TURN))


def _read_column(talk, name: str) -> Tones:
    """Return the tones that the messages bring with them."""
    columns = talk.engine.columns("messages")
    if name not in columns:
        raise InputError(
            f"messages has no column {name!r} to read the tone from.",
            "a column of numbers from -1 to 1, or of the words positive, neutral and negative.",
            "name it in [community] tone_column, or leave that out: the tone is then read from the texts.",
        )
    given = talk.engine.query(f'SELECT "{name}" AS tone FROM messages ORDER BY {ORDER}')["tone"]
    score = pd.to_numeric(given, errors="coerce").astype(float).to_numpy(copy=True)
    words = given.astype(str).str.strip().str.lower().map(TONE_WORDS).to_numpy(dtype=float)
    score = np.where(np.isnan(score), words, score)
    odd = int((np.isnan(score) & given.notna().to_numpy()).sum() + (np.abs(score) > 1).sum())
    if odd:
        raise InputError(
            f"{odd:,} of {len(score):,} messages have something in {name!r} that is not a tone.",
            "numbers from -1 to 1, or the words positive, neutral and negative.",
            "map the values, or leave tone_column out: the tone is then read from the texts.",
        )
    n = int((~np.isnan(score)).sum())
    told = known(f"Tone: taken from the column {name} of the messages, {n:,} of {len(score):,} have one.")
    return Tones(score.astype(np.float32), n, (told,))
