"""Texts cut into words: two languages, and what is no word."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.community.settings import CommunitySettings
from segtool.community.speech import tokens
from segtool.community.speech.lexicon import read_lexicon
from segtool.community.speech.masks import mask
from segtool.community.speech.stop_words import stop_words
from segtool.community.speech.tokens import cut_words, read_words, tokenize
from tests.community.worlds import make_talk


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("宝宝很喜欢睡前故事", ["宝宝", "很", "喜欢", "睡前", "故事"]),
        ("Don't buy 2 of them!", ["dont", "buy", "of", "them"]),
        ("买了iPhone15，真香😂😂", ["买", "了", "iphone15", "真香", "😂", "😂"]),
        ("ＶＩＰ价格！", ["vip", "价格"]),
        ("打 138-0013-8000 或 13800138000", ["打", "或"]),
        ("订单wx2088123已发", ["订单", "已发"]),
        ("看https://a.com/x?y=1 这里 www.b.cn", ["看", "这里"]),
        ("写信 li.na@mail.com 谢谢", ["写信", "谢谢"]),
        ("@小美\u2005 你好 @lily_88, hi", ["你好", "hi"]),
        ("便宜/好用 #折扣", ["便宜", "好用", "折扣"]),
        ("[微笑] [图片] 好", ["🙂", "好"]),
        ("", []), (None, []), ("。。。？", []),
    ],
)  # fmt: skip
def test_words_of_a_text(text, expected):
    assert tokenize([text]) == [expected]


def test_texts_are_kept_apart(monkeypatch):
    texts = ["好 看", None, "a\nb\r\nc", " \t ", "\u2028d", "再见"] * 5
    whole = tokenize(texts)
    monkeypatch.setattr(tokens, "BATCH", 4)
    assert tokenize(texts) == whole == [each for text in texts for each in tokenize([text])]


def test_traditional_and_simplified_stay_two_words():
    assert tokenize(["喜歡", "喜欢"]) == [["喜歡"], ["喜欢"]]


def test_names_called_are_remembered():
    assert cut_words(["@小美 在吗", "hi @Tom!", "a@b.com"]).names == {"小美", "tom"}
    assert mask("谢谢@小美")[1] == {"小美"}


def test_a_long_text_is_read_to_a_limit():
    words = cut_words(["word " * 5_000])
    assert len(words.code) == tokens.LONGEST / 5


def test_words_of_one_s_own_stay_whole_and_do_not_change_others():
    assert cut_words(["拉垮小队来了"], ("拉垮小队",)).vocabulary[0] == "拉垮小队"
    assert "拉垮小队" not in cut_words(["拉垮小队来了"]).vocabulary


def test_read_words_of_a_talk():
    rows = [
        {"group_id": "g", "user_id": "a", "sent_at": "2026-06-01", "text": text} for text in ("你好", None)
    ]
    words = read_words(make_talk(messages=rows), CommunitySettings())
    assert words.has_text.tolist() == [True, False] and words.row.tolist() == [0]
    empty = read_words(make_talk(), CommunitySettings())
    assert len(empty.code) == 0 and "no message has a text" in empty.notes[0]
    assert empty.is_word.dtype == bool


def test_stop_words_hold_both_languages_and_chat():
    assert {"的", "the", "dont", "谢谢", "哈哈哈"} <= stop_words()
    assert not {"奶粉", "refund", "退款"} & stop_words()


def test_every_word_of_the_lexicon_stays_whole():
    lexicon = read_lexicon()
    words = [*lexicon.tone, *(" ".join(phrase) for phrase in lexicon.phrases)]
    lost = [word for word, cut in zip(words, tokenize(words), strict=True) if " ".join(cut) != word]
    assert len(words) > 1_000 and not lost


def test_codes_stand_in_the_order_of_the_texts():
    words = cut_words(["a b", None, "c"])
    assert words.row.tolist() == [0, 0, 2] and words.code.dtype == np.int32
