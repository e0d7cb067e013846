"""Words that are nobody's topic: those of stopwordsiso, and what people type while they chat."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def stop_words() -> frozenset[str]:
    """Return the words that are never a term of a group.

    Examples
    --------
    >>> {"的", "the", "哈哈哈", "dont"} <= stop_words(), "奶粉" in stop_words()
    (True, False)
    """
    from stopwordsiso import stopwords

    plain = {word.replace("'", "") for word in stopwords(["zh", "en"])}
    return frozenset(plain) | _chat_fillers()


def _chat_fillers() -> frozenset[str]:
    lines = Path(__file__).with_name("chat_fillers.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
