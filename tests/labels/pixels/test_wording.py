"""Sentences of conjunctions: in a reader's order, in plural, and never bent where the words are not known."""

import pytest

from segtool.labels.builtin import builtin_catalog
from segtool.labels.frames import LabelInfo
from segtool.labels.pixels.parts import Part
from segtool.labels.pixels.wording import say_count, say_parts

STAGE = LabelInfo("stage", "Stage", "life stage", "nominal", phrase="{value}")
AGE = LabelInfo("age", "Age", "life stage", "ordered", phrase="aged {value}")
JOB = LabelInfo("job", "Job", "life stage", "nominal", phrase={"public": "public-sector job"})
LIKES = LabelInfo("likes", "Likes", "taste", "many", phrase="likes {value}")
HOURS = LabelInfo("hours", "Hours", "rhythm", "nominal", phrase="{value} person")
CART = LabelInfo("cart", "Cart", "funnel", "flag", phrase="fills carts and waits")
PRICE = LabelInfo("price", "Preis", "consumption", "nominal", phrase="alles {value}")


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([(LIKES, "tea"), (STAGE, "student")], "Students who like tea"),
        ([(HOURS, "night"), (AGE, "18-24"), (LIKES, "trendy_wear")],
         "People aged 18-24 who like trendy wear and are night people"),
        ([(STAGE, "retired"), (JOB, "public")], "Retired people with a public-sector job"),
        ([(STAGE, "single and working"), (CART, "yes")], "Single and working people who fill carts and wait"),
        ([(PRICE, "teuer"), (LIKES, "tea")], "People who like tea and are marked “alles teuer”"),
        ([(PRICE, "teuer"), (STAGE, "宝妈")], "宝妈 marked “alles teuer”"),
    ],
)  # fmt: skip
def test_sentences(parts, sentence):
    assert say_parts([Part(*part) for part in parts]) == sentence
    assert say_parts([Part(*part) for part in reversed(parts)]) == sentence


def test_every_phrase_of_the_built_in_catalogue_can_be_said():
    for label in builtin_catalog().labels.values():
        info = LabelInfo(label.name, label.title, label.facet, label.kind, phrase=label.phrase or "")
        for value in label.values or ("tea",):
            if info.clause(value) and ": " not in info.clause(value):  # "household: tea" is quoted
                assert "marked" not in say_parts([Part(info, value)]), (label.name, value)


def test_numbers_are_never_rounded_to_nothing():
    assert "under 0.1%" in say_count(20, 1_000_000, 3.0)
    assert "as many as chance" in say_count(500, 1000, 1.0) and "×" not in say_count(500, 1000, 1.0)
