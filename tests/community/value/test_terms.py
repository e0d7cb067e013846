"""Which words are terms, who is counted, and what is never shown."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.community.settings import CommunitySettings
from segtool.community.speech.tokens import read_words
from segtool.community.value.counts import count_terms, draw_rows
from segtool.community.value.terms import find_terms
from tests.community.worlds import make_talk

SETTINGS = CommunitySettings(min_people_per_term=1)


def rows(*said: tuple[str, str, str], day: int = 1) -> list[dict]:
    """Return messages (group, user, text), one a minute."""
    return [
        {"group_id": group, "user_id": user, "text": text, "sent_at": f"2026-06-{day:02d} 03:{number:02d}:00"}
        for number, (group, user, text) in enumerate(said)
    ]


def terms_of(messages: list[dict], settings=SETTINGS, **tables) -> list[str]:
    talk = make_talk(messages=messages, settings=settings, **tables)
    words = read_words(talk, settings)
    return find_terms(talk, words, words.has_text, settings).names.tolist()


def counts_of(messages: list[dict], settings=SETTINGS, **tables):
    talk = make_talk(messages=messages, settings=settings, **tables)
    words = read_words(talk, settings)
    read, _ = draw_rows(talk, words, settings.texts_per_group)
    return count_terms(talk, words, find_terms(talk, words, read, settings), read)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天我们看奶粉吧", ["奶粉"]), ("我家的猫", ["猫"]), ("谢谢大家，学到了", []), ("哈哈哈哈 lol hahaha", []),
        ("3.5 2024 12345678", []), ("很好用，推荐一下", []), ("要退款", ["退款"]), ("👍😂", []), ("x a", []),
        ("good vr", ["vr"]),
    ],
)  # fmt: skip
def test_manners_numbers_and_faces_are_no_terms(text, expected):
    assert terms_of(rows(("g", "a", text))) == expected


def test_names_and_ids_are_never_terms():
    messages = rows(
        ("group7", "wx_ab12", "@小美 hotpot"), ("group7", "ben88", "小美 hotpot ab12"), ("group7", "c", "ben88 group7")
    )  # fmt: skip
    assert terms_of(messages) == ["hotpot"]


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("wang_xiaomei", "xiaomei hotpot"), ("priya.sharma", "priya hotpot"), ("LiMei88", "limei mei hotpot"),
        ("小美_88", "小美 hotpot"), ("x", "王建国 hotpot"), ("x", "小美姐 hotpot"), ("x", "王老师 hotpot"),
        ("x", "阳光花园3栋 hotpot"),
    ],
)  # fmt: skip
def test_parts_of_ids_names_and_addresses_are_no_terms(user, text):
    assert terms_of(rows(("g", user, text))) == ["hotpot"]


def test_how_ids_are_made_up_and_what_everybody_says_is_no_name():
    scheme = [("g", f"food_{number}", "food") for number in range(12)]
    assert terms_of(rows(*scheme, ("g", "x", "food"))) == ["food"]
    everywhere = [(group, f"{group}{number}", "noodles") for group in "abc" for number in range(2)]
    assert terms_of(rows(*everywhere, ("a", "noodles_fan", "fan"))) == ["noodles"]
    assert terms_of(rows(("a", "noodles_fan", "noodles"))) == []
    shown = SETTINGS.model_copy(update={"shown_words": ("noodles",)})
    assert terms_of(rows(("a", "noodles_fan", "noodles")), shown) == ["noodles"]
    assert "火锅" in terms_of(rows(("a", "火锅_88", "火锅")))


@pytest.mark.parametrize("word", ["维生素", "巧克力", "摩托车", "胡萝卜", "杨梅", "小红书", "张家界"])
def test_things_that_a_tagger_takes_for_names_stay_terms(word):
    assert terms_of(rows(("g", "a", word))) == [word]


def test_a_thing_with_a_bad_word_in_it_stays_a_term():
    assert terms_of(rows(("g", "a", "垃圾分类"))) == ["垃圾分类"]


def test_a_user_can_hide_words():
    assert terms_of(
        rows(("g", "a", "Acme hotpot")), SETTINGS.model_copy(update={"hidden_words": ("ACME",)})
    ) == ["hotpot"]


def test_words_that_stand_together_are_one_term():
    alone = [("g", user, word) for user in "abc" for word in ("noodles", "beer")]
    messages = rows(
        ("g", "a", "bedtime stories"), ("g", "b", "带娃 出门"), ("g", "c", "noodles beer"), *alone
    )
    assert terms_of(messages) == ["bedtime stories", "beer", "noodles", "带娃出门"]


def test_of_three_words_in_a_row_two_are_joined():
    assert terms_of(rows(*[("g", user, "blood pressure monitor") for user in "abc"])) == [
        "blood pressure",
        "monitor",
    ]


def test_joining_never_spells_a_hidden_name():
    messages = rows(("g", "a", "@小美食 hotpot"), ("g", "b", "beer"))
    assert "小美食" not in terms_of([*messages, *rows(("g", "c", "小 美食"), ("g", "d", "小 美食"), day=2)])


def test_a_day_of_a_person_counts_once():
    spam = [("g", "a", "hotpot hotpot"), ("g", "a", "hotpot"), ("g", "b", "hotpot")]
    counts = counts_of([*rows(*spam), *rows(("g", "a", "hotpot"), day=2)])
    assert counts.terms.tolist() == ["hotpot"]
    assert counts.by_person.toarray().tolist() == [[2.0], [1.0]]  # a on two days, b on one
    assert counts.messages.toarray().tolist() == [[4.0]] and counts.n_messages.tolist() == [4]


def test_bots_are_not_counted():
    messages = rows(("g", "a", "hotpot"), ("g", "robot", "hotpot advert"))
    counts = counts_of(messages, SETTINGS.model_copy(update={"bots": ("robot",)}))
    assert counts.terms.tolist() == ["hotpot"] and counts.messages.toarray().tolist() == [[1.0]]


def test_the_draw_of_a_large_group_is_the_same_whatever_the_order_of_rows():
    settings = SETTINGS.model_copy(update={"texts_per_group": 100})
    messages = [
        {"message_id": f"m{n}", "group_id": "g", "user_id": f"u{n % 7}", "text": f"word{n}",
         "sent_at": f"2026-06-01 {n // 60:02d}:{n % 60:02d}"} for n in range(150)
    ]  # fmt: skip
    drawn = []
    for table in (messages, messages[::-1]):
        talk = make_talk(messages=table, settings=settings)
        words = read_words(talk, settings)
        read, n_cut = draw_rows(talk, words, 100)
        assert read.sum() == 100 and n_cut == 50
        drawn.append(read)
    assert np.array_equal(*drawn)
