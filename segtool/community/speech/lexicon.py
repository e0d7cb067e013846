"""The words that carry a tone, read from ``tone_words.toml``: what each says, and what it does to others."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HAN = re.compile("[\u3400-\u9fff]")
LAUGH = re.compile("[哈嘿嘻]{2,}|h{3,}|(?:ha){2,}h?|6{3,}|233+")
LAUGH_TONE = 1.0
# Weights of what stands before a word: "不太好" is less than the contrary of "好", "没那么差" is hardly praise.
NEGATED_GOOD, NEGATED_BAD, STRONGER, WEAKER = -0.8, -0.35, 1.3, 0.6
EFFECTS = ("negation", "stronger", "weaker", "turn", "wish", "question")
# What cutters leave glued before a word ("太难用") or behind it ("好用了").
BEFORE = ("一点都不", "一点也不", "不太", "不是", "没有", "有点", "超级", "非常", "不", "没", "太", "很", "超", "最",
          "好", "真", "挺", "巨", "蛮", "更", "贼", "又", "也", "都", "还", "就")  # fmt: skip
BEHIND = ("死了", "极了", "得很", "了", "吧", "呀", "啊", "的", "哦", "呢", "啦", "哈", "死")


@dataclass(frozen=True, eq=False)
class Lexicon:
    """What words say.

    Parameters
    ----------
    tone : dict of str to float
        -4 to 4, by word; 0 for what is kept whole because it says nothing.
    phrases : dict of tuple of str to float
        The same for several English words in a row.
    effect : dict of str to frozenset of str
        The words of each of negation, stronger, weaker, turn, wish and question.
    effect_phrases : dict of tuple of str to str
        The effect of several English words in a row.
    things : frozenset of str
        Neutral words that a group may well talk about.
    """

    tone: dict[str, float]
    phrases: dict[tuple[str, ...], float]
    effect: dict[str, frozenset[str]]
    effect_phrases: dict[tuple[str, ...], str]
    things: frozenset[str] = frozenset()

    def chinese_words(self) -> list[str]:
        """Return every Chinese word, so that a cutter can keep them whole."""
        words = {*self.tone, *(word for words in self.effect.values() for word in words)}
        return sorted(word for word in words if HAN.search(word))

    def tone_of(self, token: str) -> float:
        """Return what a token says: by itself, or by a word inside what a cutter left glued.

        Examples
        --------
        >>> lexicon = read_lexicon()
        >>> lexicon.tone_of("难用"), round(lexicon.tone_of("太难用"), 2), lexicon.tone_of("桌子")
        (-2.0, -2.6, 0.0)
        """
        if token in self.tone:
            return self.tone[token]
        if LAUGH.fullmatch(token):
            return LAUGH_TONE
        if not 2 <= len(token) <= 8 or not HAN.match(token):
            return 0.0
        return self._glued(token)

    def _glued(self, token: str) -> float:
        for end in BEHIND:
            if token.endswith(end) and token[: -len(end)] in self.tone:
                return self.tone[token[: -len(end)]]
        for start in BEFORE:
            rest = token[len(start) :]
            if (
                token.startswith(start)
                and len(rest) > 0
                and (said := self.tone_of(rest) if rest != token else 0.0)
            ):
                if start in self.effect["negation"]:
                    return said * (NEGATED_GOOD if said > 0 else NEGATED_BAD)
                if start in self.effect["stronger"]:
                    return said * STRONGER
                return said * (WEAKER if start in self.effect["weaker"] else 1.0)
        return 0.0


@cache
def read_lexicon() -> Lexicon:
    """Read the words that come with segtool.

    Returns
    -------
    Lexicon

    Notes
    -----
    A word that stands in two sections with a tone has that of the later one: ``neutral`` undoes.
    """
    file = Path(__file__).with_name("tone_words.toml")
    sections = tomllib.loads(file.read_text(encoding="utf-8"))
    tone: dict[str, float] = {}
    phrases: dict[tuple[str, ...], float] = {}
    effect = {name: frozenset() for name in EFFECTS}
    effect_phrases: dict[tuple[str, ...], str] = {}
    for name, section in sections.items():
        words = [word for language in ("zh", "en", "emoji") for word in section.get(language, ())]
        several = [tuple(word.split()) for word in words if " " in word]
        single = [word for word in words if " " not in word]
        if "tone" in section:
            tone |= dict.fromkeys(single, float(section["tone"]))
            phrases |= dict.fromkeys(several, float(section["tone"]))
        else:
            effect[name] = frozenset(single)
            effect_phrases |= dict.fromkeys(several, name)
    return Lexicon(tone, phrases, effect, effect_phrases, frozenset(sections["things"]["zh"]))
