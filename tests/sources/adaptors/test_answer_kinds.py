"""Words to scales, cells to answers, answers to kinds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.sources.adaptors.answers import read_answers
from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.kinds import complete, find_options, sort_answers, split_cell
from segtool.sources.adaptors.likert import add_opposite_end, order_scale
from segtool.sources.adaptors.when import to_iso

SCALES = [
    ["Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree"],
    ["Very dissatisfied", "Dissatisfied", "Neutral", "Satisfied", "Very satisfied"],
    [
        "Extremely unlikely",
        "Somewhat unlikely",
        "Neither likely nor unlikely",
        "Somewhat likely",
        "Extremely likely",
    ],
    ["Never", "Rarely", "Sometimes", "Often", "Always"],
    [
        "Not at all important",
        "Slightly important",
        "Moderately important",
        "Very important",
        "Extremely important",
    ],
    ["非常不同意", "不同意", "一般", "同意", "非常同意"],
    ["非常不满意", "不满意", "一般", "满意", "非常满意"],
    ["完全不符合", "比较不符合", "不确定", "比较符合", "完全符合"],
    ["从不", "很少", "有时", "经常", "总是"],
    ["1", "2", "3", "4", "5"],
    ["1 - never", "2", "3", "4", "5 - always"],
    ["完全不符合(1)", "不确定(3)", "完全符合(5)"],
    [str(n) for n in range(11)],
]


@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale[0])
@given(data=st.data())
def test_a_scale_is_found_in_any_order(scale, data):
    assert order_scale(data.draw(st.permutations(scale))) == scale


@pytest.mark.parametrize(
    "answers",
    [
        ["yes", "no"],
        ["0", "1"],
        ["18-24", "25-34", "35-44"],
        ["1.5", "2.5", "3"],
        ["1998", "2001", "2004"],
        ["101", "102", "103"],
        ["Agree", "Never"],
        ["1 apple", "2 pears", "3 plums"],
        ["男", "女"],
    ],
    ids=str,
)
def test_what_is_no_scale_is_not_taken_for_one(answers):
    assert order_scale(answers) is None


@given(st.lists(st.text(max_size=8), max_size=8))
def test_ordering_loses_and_invents_nothing(answers):
    ordered = order_scale(answers)
    assert ordered is None or sorted(ordered) == sorted(set(answers))


@given(
    options=st.lists(
        st.text("abc ,()", min_size=1, max_size=6).map(str.strip).filter(bool), min_size=1, unique=True
    ),
    data=st.data(),
)
def test_known_options_are_found_again_in_a_cell(options, data):
    clean = [o for o in options if ", " not in o and not o.startswith(",") and not o.endswith(",")]
    chosen = data.draw(st.lists(st.sampled_from(clean), unique=True)) if clean else []
    assert split_cell(", ".join(chosen), ", ", options) == chosen


def test_free_text_with_commas_is_not_a_multiple_choice():
    said = [
        f"I came {word}, saw {word}ing, went home" for word in ("late", "early", "often", "never", "again")
    ]
    assert find_options(said, ", ") is None


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "3", "4", "5"] * 3, "scale"),
        (["12", "250", "31", "7.5"], "number"),
        (["red", "blue", "red", "red", "blue"], "single"),
        (["one", "two", "three", "four", "five"], "text"),
        (["Agree", "Disagree", "", None, "Agree"], "scale"),
        ([], "text"),
    ],
)
def test_kinds_are_found_by_the_answers(cells, kind):
    assert complete(Question("q"), cells).kind == kind


@given(st.lists(st.one_of(st.none(), st.text(max_size=6)), max_size=20))
def test_every_cell_is_answered_missing_or_empty(cells):
    question = Question("q", kind="single", values={"1": "yes"}, missing={"-99": "refused"})
    made = read_answers(question, {"q": cells})
    reasons = made.columns.get("q_missing", [None] * len(cells))
    for code, answer, reason in zip(made.columns["q_code"], made.columns["q"], reasons, strict=True):
        assert (code is None) == (answer is None and reason is None)
        assert not (answer and reason)
    assert made.unmapped.total() == made.columns["q"].count("unmapped")


@given(st.datetimes().filter(lambda moment: moment.year >= 1900))
def test_times_of_any_country_come_out_as_iso(moment):
    iso = moment.strftime("%Y-%m-%dT%H:%M:%S")
    assert to_iso(f"{moment.month}/{moment.day}/{moment.year} {moment:%H:%M:%S}") == iso
    assert (
        to_iso(f"{moment.year}/{moment.month:02}/{moment.day:02} {moment:%I:%M:%S %p} GMT+8")
        == iso + "+08:00"
    )
    half = "上午" if moment.hour < 12 else "下午"
    assert to_iso(f"{moment.year}/{moment.month}/{moment.day} {half} {moment:%I:%M:%S}") == iso


def test_choices_keep_their_own_spaces_and_writing_is_kept_beside_them():
    said = ["Tea, green,Milk", "Milk,Water", "Tea, green", "Water", "Milk", "Milk,Water,my own brew"]
    assert find_options(said, ",") == ["Milk", "Tea, green", "Water"]
    made = read_answers(complete(Question("q", kind="multi", separator=","), said), {"q": said})
    assert made.columns["q"][0] == "Tea, green|Milk" and made.columns["q"][5] == "Milk|Water|unmapped"
    assert made.columns["q_other"][5] == "my own brew" and made.unmapped.total() == 1


@pytest.mark.parametrize(
    "bands",
    [
        ["Under 18", "18-24", "25-34", "65+", "Prefer not to say"],
        ["<2.000 €", "2.000-5.000 €", ">5.000 €", "keine Angabe"],
        ["< $10,000", "$10,000 - $20,000", "> $20,000"],
        ["5千以下", "5千-1万", "1万-3万", "3万以上"],
        ["blue", "green", "red"],
    ],
)
def test_bands_are_sorted_by_their_numbers(bands):
    assert sort_answers(sorted(bands)) == bands and sort_answers(reversed(bands)) == bands


@pytest.mark.parametrize(
    ("given", "scale"),
    [
        (SCALES[0][1:], SCALES[0]),
        (SCALES[1][:-1], SCALES[1]),
        (["不满意", "一般", "非常满意"], ["非常不满意", "不满意", "一般", "非常满意"]),
        (
            ["Satisfied", "Very satisfied"],
            ["Very dissatisfied", "Dissatisfied", "Satisfied", "Very satisfied"],
        ),
        (["Never", "Rarely", "Often"], ["Never", "Rarely", "Often"]),  # nothing tells of what was not said
        (["1", "2", "3"], ["1", "2", "3"]),
    ],
)
def test_an_end_that_nobody_chose_is_known_by_the_other(given, scale):
    assert add_opposite_end(given) == scale
