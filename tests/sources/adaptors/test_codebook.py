"""The codebook: written for the analyst, read back as it was edited, and never in silence."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_files import answers, read, write

from segtool.errors import DefinitionError, InputError
from segtool.sources.adaptors.codebook import Codebook, Question

HEAD = "id,text,kind,values,reversed,missing,separator,columns\n"


@pytest.fixture
def survey(tmp_path):
    rows = [
        ["uid", "q1", "q2", "q3", "q4_a", "q4_b"],
        ["ann", "1", "5", "a,b", "1", ""],
        ["bob", "7", "1", "b,z", "1", "1"],
        ["cyd", "-99", "9", "", "0", "0"],
        ["dan", "５", "", "a", "", ""],
        ["eva", "5 ", "3", "a", "", "1"],
    ]
    return write(tmp_path / "survey.csv", rows)


BOOK = HEAD + (
    "q1,Say,single,1=one|2=two|3=three|4=four|5=five,,-99=refused|99=not reached,,\n"
    "q2,I dislike it,scale,1=no|2=rather no|3=so so|4=rather yes|5=yes,yes,9=do not know,,\n"
    'q3,Which,multi,a=apples|b=pears,,,",",\n'
    "q4,Where,multi,,,,,q4_a=at home|q4_b=at work\n"
)


def read_with(survey, book, **more):
    path = survey.parent / "codebook.csv"
    path.write_text(book, encoding="utf-8")
    return read(survey, "uid", codebook=str(path), **more)


def test_mapped_unmapped_and_missing_are_told_apart(survey):
    sources = read_with(survey, BOOK)
    assert answers(sources, "q1", "q1_code", "q1_missing") == {
        "ann": ("one", "1", None),
        "bob": ("unmapped", "7", None),
        "cyd": (None, "-99", "refused"),
        "dan": ("five", "５", None),
        "eva": ("five", "5", None),
    }
    assert any('read as "unmapped": q1 (1) and q3 (1)' in note for note in sources.notes())


def test_a_reversed_scale_turns_the_score_and_not_the_words(survey):
    assert answers(read_with(survey, BOOK), "q2", "q2_score", "q2_missing") == {
        "ann": ("yes", 1.0, None),
        "bob": ("no", 5.0, None),
        "cyd": (None, None, "do not know"),
        "dan": (None, None, None),
        "eva": ("so so", 3.0, None),
    }


def test_several_answers_in_one_cell_or_in_columns_read_alike(survey):
    assert answers(read_with(survey, BOOK), "q3", "q4", "q4_missing") == {
        "ann": ("apples|pears", "at home", None),
        "bob": ("pears|unmapped", "at home|at work", None),
        "cyd": (None, None, "none chosen"),
        "dan": ("apples", None, None),
        "eva": ("apples", "at work", None),
    }


def test_a_number_question_keeps_numbers_and_says_what_is_none(survey):
    sources = read_with(survey, HEAD + "q3,How many,number,,,,,\n")
    assert answers(sources, "q3", "q3_missing")["ann"] == (None, "not a number")


def test_questions_that_the_file_has_not_are_named(survey):
    sources = read_with(survey, HEAD + "q9,New,single,a|b,,,,\n")
    assert any("questions that the file has not: q9" in note for note in sources.notes())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("q1,Say,singel,,,,,", "line 2: there is no kind 'singel'. Accepted: did you mean 'single'"),
        ("q1,Say,single,1=a,yes,,,", "only a scale can be reversed"),
        ("q1,Say,scale,1=a|1=b,,,,", "the code '1' is there twice"),
        ("q1,Say,scale,1=a,perhaps,,,", "neither yes nor no"),
        ("q1,a,text,,,,,\nq1,b,text,,,,,", "line 3: question 'q1' is there twice"),
        (",Say,text,,,,,", "a question has no id"),
        ("q1,too few", "line 2: too few fields"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named(survey, line, said):
    with pytest.raises(DefinitionError, match=said):
        read_with(survey, HEAD + line + "\n")


def test_unknown_columns_and_absent_files_are_refused(survey):
    with pytest.raises(DefinitionError, match="a column 'labels'"):
        read_with(survey, "id,labels\nq1,a\n")
    with pytest.raises(InputError, match="cannot be opened"):
        read(survey, "uid", codebook=str(survey.parent / "none.csv"))


def test_a_codebook_that_excel_saved_with_semicolons_is_read(survey):
    book = "id;kind;values\nq1;single;1=one|5=five, or more|7=seven\n"
    assert answers(read_with(survey, book), "q1")["eva"] == "five, or more"


word = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp", "Cs"]), min_size=1, max_size=8
)
words = st.dictionaries(word, word, max_size=4)
question = st.builds(
    Question, word, word, st.sampled_from(["single", "multi", "scale", "text"]), words, st.just(False), words,
    st.sampled_from(["", ",", ", ", "┋"]), words,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(question, max_size=4, unique_by=lambda q: q.id.strip()))
def test_any_codebook_survives_its_file(tmp_path_factory, questions):
    path = tmp_path_factory.mktemp("book") / "codebook.csv"
    path.write_text(Codebook(tuple(questions)).to_csv(), encoding="utf-8")
    assert Codebook.read(path) == Codebook(tuple(questions))


@given(question)
def test_no_cell_of_a_codebook_is_a_formula(asked):
    line = Codebook((asked,)).to_csv().splitlines()[1:]
    (cells,) = csv.reader(line) if len(line) == 1 else [[]]
    assert not [cell for i, cell in enumerate(cells) if cell.startswith(("=", "+", "-", "@")) and i != 6]


def test_missing_codes_are_not_read_as_a_formula_by_a_spreadsheet():
    book = Codebook((Question("q1", "=1+1", "single", missing={"-99": "refused"}),))
    assert "q1, =1+1,single,,,|-99=refused,," in book.to_csv()


def test_a_scale_without_an_order_is_not_turned_round(survey):
    with pytest.raises(DefinitionError, match="reverses 'q3', whose answers have no order"):
        read_with(survey, HEAD + "q3,Which,scale,,yes,,,\n")
    sources = read_with(survey, HEAD + "q3,Which,scale,,,,,\n")
    assert any("q3 has no score" in note for note in sources.notes())


def test_the_mark_between_answers_is_found(survey):
    assert answers(read_with(survey, HEAD + "q3,Which,multi,a|b|z,,,,\n"), "q3")["bob"] == "b|z"


def test_a_missing_code_needs_no_reason_and_any_width(survey):
    sources = read_with(survey, HEAD + "q1,Say,single,1|7,,５=|-99=refused,,\n")
    assert answers(sources, "q1", "q1_missing")["dan"] == (None, "declared missing (５)")
    assert answers(sources, "q1", "q1_missing")["eva"] == (None, "declared missing (５)")
