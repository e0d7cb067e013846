"""Words of agreement, frequency and the like, in English and Chinese, put in their order.

A scale is found by its words: the answers of one question have to belong to one family, of which each
word has a rank. "Neither agree nor disagree" and "一般" lie in the middle of several families; the rest
of the answers decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Families of words, lowest first; words of one rank stand together. What is more of the same (a "very"
# more) is another rank. Answers are compared in lower case, without punctuation at their ends.
_FAMILIES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (  # agreement
        ("completely disagree", "totally disagree", "strongly disagree", "fully disagree"),
        ("mostly disagree", "disagree"),
        ("somewhat disagree", "slightly disagree", "tend to disagree", "rather disagree"),
        ("neither agree nor disagree", "neither agree or disagree", "neutral", "undecided", "neither"),
        ("somewhat agree", "slightly agree", "tend to agree", "rather agree"),
        ("agree", "mostly agree"),
        ("strongly agree", "completely agree", "totally agree", "fully agree"),
    ),
    (  # satisfaction
        ("extremely dissatisfied", "very dissatisfied", "completely dissatisfied"),
        ("dissatisfied", "unsatisfied", "moderately dissatisfied"),
        ("somewhat dissatisfied", "slightly dissatisfied"),
        ("neither satisfied nor dissatisfied", "neutral", "neither"),
        ("somewhat satisfied", "slightly satisfied"),
        ("satisfied", "moderately satisfied"),
        ("very satisfied", "extremely satisfied", "completely satisfied"),
    ),
    (  # likelihood
        ("extremely unlikely", "very unlikely", "not at all likely", "definitely not"),
        ("unlikely", "not very likely", "probably not", "moderately unlikely"),
        ("somewhat unlikely", "slightly unlikely"),
        ("neither likely nor unlikely", "neutral", "not sure", "unsure", "might or might not"),
        ("somewhat likely", "slightly likely"),
        ("likely", "probably", "probably yes", "moderately likely"),
        ("very likely", "extremely likely", "definitely", "definitely yes"),
    ),
    (  # frequency
        ("never",),
        ("almost never", "very rarely", "hardly ever"),
        ("rarely", "seldom"),
        ("occasionally", "once in a while"),
        ("sometimes", "about half the time"),
        ("often", "frequently", "usually", "most of the time"),
        ("very often", "almost always", "very frequently"),
        ("always",),
    ),
    (  # amount, importance, quality
        ("not at all", "none at all", "not at all important", "not important at all"),
        ("slightly", "a little", "slightly important", "not very important", "not very"),
        ("moderately", "somewhat", "a moderate amount", "moderately important", "somewhat important"),
        ("quite", "very", "a lot", "important", "very important", "quite a bit"),
        ("extremely", "a great deal", "extremely important", "completely"),
    ),
    (  # quality
        ("terrible", "very poor", "very bad", "awful"),
        ("poor", "bad"),
        ("fair", "average", "ok", "okay"),
        ("good",),
        ("very good",),
        ("excellent", "outstanding"),
    ),
    (  # 同意
        ("非常不同意", "完全不同意", "很不同意", "强烈不同意", "十分不同意"),
        ("不同意", "比较不同意", "不太同意"),
        ("有点不同意", "略不同意", "稍不同意"),
        ("一般", "中立", "不确定", "说不清", "不好说", "既不同意也不反对"),
        ("有点同意", "略同意", "稍同意", "基本同意"),
        ("同意", "比较同意"),
        ("非常同意", "完全同意", "很同意", "强烈同意", "十分同意"),
    ),
    (  # 符合
        ("完全不符合", "非常不符合", "很不符合", "十分不符合"),
        ("不符合", "比较不符合", "不太符合"),
        ("有点不符合", "略不符合"),
        ("一般", "不确定", "说不清", "中立"),
        ("有点符合", "略符合", "基本符合"),
        ("符合", "比较符合"),
        ("完全符合", "非常符合", "很符合", "十分符合"),
    ),
    (  # 满意
        ("非常不满意", "很不满意", "完全不满意", "十分不满意"),
        ("不满意", "比较不满意", "不太满意"),
        ("一般", "中立", "说不清"),
        ("满意", "比较满意", "基本满意"),
        ("非常满意", "很满意", "完全满意", "十分满意"),
    ),
    (  # 频率
        ("从不", "从来不", "从未", "没有"),
        ("很少", "极少", "几乎不", "几乎从不"),
        ("偶尔", "较少"),
        ("有时", "有时候", "一般"),
        ("经常", "常常", "时常", "较多"),
        ("总是", "一直", "每次", "几乎总是"),
    ),
    (  # 可能, 愿意, 喜欢, 重要
        ("非常不可能", "肯定不会", "非常不愿意", "非常不喜欢", "非常不重要", "完全不重要"),
        ("不可能", "不太可能", "可能不会", "不愿意", "不太愿意", "不喜欢", "不太喜欢", "不重要", "不太重要"),
        ("一般", "不确定", "说不清", "中立", "无所谓"),
        ("可能", "比较可能", "可能会", "愿意", "比较愿意", "喜欢", "比较喜欢", "重要", "比较重要"),
        ("非常可能", "肯定会", "一定会", "非常愿意", "非常喜欢", "非常重要"),
    ),
)
_RANKS = [{word: rank for rank, words in enumerate(family) for word in words} for family in _FAMILIES]
FEWEST, MOST, LONGEST = 2, 11, 120
_NUMBERED = re.compile(r"^\s*[（(]?(-?\d{1,2})[)）]?\s*(?:[-–—:：.、=]\s*)?(.*?)\s*$", re.DOTALL)
_ENDED = re.compile(r"^\s*(.*?)\s*[（(]\s*(-?\d{1,2})\s*[)）]\s*$", re.DOTALL)


def order_scale(answers: Iterable[str]) -> list[str] | None:
    """Return the answers of a scale from low to high, None if they are none.

    Found are words of one family, and whole numbers without a gap at either end ("1" to "5", "1 - never"
    to "5 - always", "完全不符合(1)").

    Parameters
    ----------
    answers : iterable of str
        Different answers to one question.

    Examples
    --------
    >>> order_scale(["Agree", "Strongly disagree", "Neither agree nor disagree"])
    ['Strongly disagree', 'Neither agree nor disagree', 'Agree']
    >>> order_scale(["一般", "非常满意", "不满意"])
    ['不满意', '一般', '非常满意']
    >>> order_scale(["3", "1 - not at all", "5 - very much", "2"])
    ['1 - not at all', '2', '3', '5 - very much']
    >>> order_scale(["red", "blue"]) is None
    True
    """
    answers = list(dict.fromkeys(answers))
    if not FEWEST <= len(answers) <= MOST:
        return None
    numbers = [number_in(answer) for answer in answers]
    if all(number is not None for number in numbers):
        return _order_numbers(answers, numbers)
    plain = [_plain(answer) for answer in answers]
    for ranks in _RANKS:
        found = [ranks.get(word) for word in plain]
        if all(rank is not None for rank in found) and len(set(found)) == len(found):
            return [answer for _, answer in sorted(zip(found, answers, strict=True))]
    return None


_OPPOSITES = (
    *(("dissatisfied", "satisfied"), ("unsatisfied", "satisfied"), ("disagree", "agree")),
    *(("unlikely", "likely"), ("不同意", "同意"), ("不符合", "符合"), ("不满意", "满意")),
    *(("不可能", "可能"), ("不愿意", "愿意"), ("不喜欢", "喜欢"), ("不重要", "重要")),
)


def add_opposite_end(ordered: list[str]) -> list[str]:
    """Return a scale with the end that nobody chose, where the other end says what it is called.

    Examples
    --------
    >>> add_opposite_end(["Disagree", "Neutral", "Agree", "Strongly agree"])
    ['Strongly disagree', 'Disagree', 'Neutral', 'Agree', 'Strongly agree']
    >>> add_opposite_end(["never", "sometimes", "often"])
    ['never', 'sometimes', 'often']
    """
    for end in (ordered[0], ordered[-1]):
        opposite = _opposite(end)
        if opposite is None or opposite in ordered:
            continue
        longer = order_scale([*ordered, opposite])
        # What would stand inside the scale is no end of it: nobody is known to have been offered it.
        if longer and opposite in (longer[0], longer[-1]):
            ordered = longer
    return ordered


def _opposite(answer: str) -> str | None:
    """Return the word as far from the middle of its family on the other side, None if there is none."""
    plain = _plain(answer)
    for low, high in _OPPOSITES:
        for old, new in ((low, high), (high, low)):
            if old not in plain or (old == high and low in plain):
                continue
            made = _plain(re.sub(re.escape(old), new, plain))
            for family, ranks in zip(_FAMILIES, _RANKS, strict=True):
                if plain in ranks and made in ranks and ranks[plain] + ranks[made] == len(family) - 1:
                    return made[:1].upper() + made[1:] if answer[:1].isupper() else made
    return None


def number_in(answer: str) -> int | None:
    """Return the number that an answer of a scale is or begins or ends with.

    Examples
    --------
    >>> number_in("5 - very much"), number_in("非常同意(5)"), number_in("5"), number_in("5 apples")
    (5, 5, 5, None)
    """
    if len(answer) > LONGEST:
        return None
    begun = _NUMBERED.match(answer)
    if begun and (not begun[2] or re.match(r"\s*[（(]?-?\d{1,2}[)）]?\s*[-–—:：.、=)）]", answer)):
        if re.match(r"\d", begun[2]):  # "25-34" is a band, and "1.5" a fraction
            return None
        return int(begun[1])
    ended = _ENDED.match(answer)
    return int(ended[2]) if ended and ended[1] and not re.search(r"\d", ended[1]) else None


def _order_numbers(answers: list[str], numbers: list) -> list[str] | None:
    low, high = min(numbers), max(numbers)
    # A number that stands alone may be anything; a scale is short, starts at its beginning, and has
    # three steps at least (0 and 1 are more often no and yes).
    if len(set(numbers)) < len(numbers) or low not in (-5, -4, -3, -2, -1, 0, 1) or not 2 <= high - low <= 10:
        return None
    return [answer for _, answer in sorted(zip(numbers, answers, strict=True))]


def _plain(answer: str) -> str:
    text = re.sub(r"\s+", " ", answer.strip().lower()).strip(" .,;:!。，")
    return re.sub(r"^[a-g][.、)]\s*", "", text)
