"""The tone of short messages, and what a lexicon must not fall for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segtool.community.settings import CommunitySettings
from segtool.community.speech.tone import DECIDED, read_tones, score_texts
from segtool.errors import InputError
from tests.community.worlds import make_talk

SENTENCES = Path(__file__).parents[3] / "benchmarks" / "tone_sentences.csv"


def sign(text: str, **own) -> int:
    score = float(score_texts([text], **own)[0])
    return int(np.sign(score)) if abs(score) >= DECIDED else 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("很好用", 1), ("谢谢大家", 1), ("👍👍", 1), ("[强]", 1), ("works great", 1), ("THANKS!!", 1), ("哈哈哈哈", 1),
        ("发货太慢了", -1), ("到现在还没退款", -1), ("假货，骗子", -1), ("still waiting for a refund", -1), ("[发怒]", -1),
        ("这也太难用了吧", -1), ("收到就坏了", -1),
        ("明天八点直播", 0), ("在哪里买的？", 0), ("the live starts at 8", 0), ("好的", 0), ("大家好", 0), ("12345", 0),
    ],
)  # fmt: skip
def test_plain_words_are_read(text, expected):
    assert sign(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("不好用", -1), ("一点都不好用", -1), ("不太喜欢", -1), ("没有想象中好", -1), ("not good at all", -1),
        ("I don’t like it", -1), ("wouldn't recommend it", -1), ("没问题", 1), ("not bad at all", 1),
        ("一点也不难用", 1), ("no complaints", 1),
    ],
)  # fmt: skip
def test_negation_turns_words(text, expected):
    assert sign(text) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("这个好用吗", 0),
        ("有没有好用的防晒", 0),
        ("is this any good?", 0),
        ("怎么还没退款？", -1),
        ("why is it broken?", -1),
    ],
)
def test_asking_for_praise_is_no_praise_but_a_complaint_may_be_a_question(question, expected):
    assert sign(question) == expected


def test_what_stands_behind_but_counts_more():
    assert sign("包装漂亮，但是不好用") == -1
    assert sign("slow shipping, but excellent quality") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("不便宜但是值得", 1), ("not cheap but great", 1), ("不是很快但质量好", 1), ("不贵但是难用", -1),
        ("不是很贵但也不好用", -1),
    ],
)  # fmt: skip
def test_a_negation_does_not_reach_behind_but(text, expected):
    assert sign(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("垃圾分类指南", 0), ("sorry for the late reply", 0), ("bug修好了", 0), ("return my call please", 0),
        ("不能再好了", 1), ("没修好", -1), ("收到的是垃圾", -1), ("late delivery, sorry", -1),
    ],
)  # fmt: skip
def test_bad_words_in_names_of_things_and_manners_are_no_complaint(text, expected):
    assert sign(text) == expected


def test_stronger_and_weaker_words():
    plain, strong, weak = score_texts(["好吃", "非常好吃", "有点好吃"])
    assert weak < plain < strong


def test_no_text_is_unknown_and_a_neutral_text_is_zero():
    score = score_texts([None, "", "   ", "明天见"])
    assert np.isnan(score[:3]).all() and score[3] == 0


def test_own_words_win_over_the_lexicon():
    assert sign("这波拉垮") == 0 and sign("这波拉垮", negative_words=("拉垮",)) == -1
    assert sign("sick of it") == -1 and sign("that is sick", positive_words=("sick",)) == 1
    assert sign("it will ship when it ships", negative_words=("ship when it ships",)) == -1


def test_scores_do_not_depend_on_what_else_is_read():
    texts = ["很好用", "not worth the price", None, "发货慢，不过东西很满意", "👍"] * 3
    together = score_texts(texts)
    assert np.array_equal(together, np.concatenate([score_texts([text]) for text in texts]), equal_nan=True)


MESSAGES = [
    {"group_id": "g", "user_id": "a", "sent_at": "2026-06-01 09:00", "text": "很好用", "mood": "positive"},
    {"group_id": "g", "user_id": "b", "sent_at": "2026-06-01 09:01", "text": "太差了", "mood": "Negative"},
    {"group_id": "g", "user_id": "b", "sent_at": "2026-06-01 09:02", "text": None, "mood": None},
]


def test_tones_stand_in_the_order_of_the_messages():
    tones = read_tones(make_talk(messages=MESSAGES[::-1]), CommunitySettings())
    assert tones.positive.tolist() == [True, False, False]
    assert tones.negative.tolist() == [False, True, False]
    assert tones.known.tolist() == [True, True, False] and tones.n_judged == 2
    assert tones.score.dtype == np.float32


@pytest.mark.parametrize(
    "values", [["positive", "Negative", None], [0.8, -0.4, None]], ids=["words", "numbers"]
)
def test_a_column_of_the_messages_may_hold_the_tone(values):
    rows = [row | {"text": "好", "mood": value} for row, value in zip(MESSAGES, values, strict=True)]
    tones = read_tones(make_talk(messages=rows), CommunitySettings(tone_column="mood"))
    assert tones.positive.tolist() == [True, False, False] and tones.negative.tolist() == [False, True, False]
    assert "column mood" in tones.notes[0]


def test_a_column_that_is_not_there_or_holds_no_tone_is_refused():
    talk = make_talk(messages=MESSAGES)
    with pytest.raises(InputError, match="no column 'feeling'"):
        read_tones(talk, CommunitySettings(tone_column="feeling"))
    with pytest.raises(InputError, match="2 of 3 messages"):
        read_tones(talk, CommunitySettings(tone_column="text"))


WORDLESS = [{name: row[name] for name in ("group_id", "user_id", "sent_at")} for row in MESSAGES]


@pytest.mark.parametrize("tables", [{}, {"messages": WORDLESS}], ids=["empty", "no texts"])
def test_nothing_to_read_gives_a_note(tables):
    tones = read_tones(make_talk(**tables), CommunitySettings())
    assert np.isnan(tones.score).all() and tones.n_judged == 0 and "no message has a text" in tones.notes[0]


def test_hand_written_sentences_stay_as_well_read_as_they_were():
    table = pd.read_csv(SENTENCES)
    plain = table[table["kind"] != "sarcasm"]
    signs = plain["tone"].map({"negative": -1, "neutral": 0, "positive": 1}).to_numpy()
    score = score_texts(plain["text"])
    said = np.where(np.abs(score) >= DECIDED, np.sign(score), 0)
    assert (said == signs).mean() >= 0.85
    assert (said * signs < 0).mean() <= 0.02
