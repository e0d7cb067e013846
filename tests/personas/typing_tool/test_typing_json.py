import copy
import json

import numpy as np
import pytest

from segtool.errors import InputError
from segtool.personas.typing_tool import TypingTool
from tests.personas.typing_tool.typed_people import make_tool


@pytest.fixture(scope="module")
def made():
    return make_tool(200, n_questions=5, max_questions=6)


@pytest.fixture
def data(made):
    return copy.deepcopy(made[0].to_json())


def test_a_tool_comes_back_as_it_was(made, tmp_path):
    tool, _, frame = made
    loaded = TypingTool.load(tool.save(tmp_path / "tool.json"))
    assert loaded.to_json() == tool.to_json()
    assert loaded.assign(frame).equals(tool.assign(frame))
    assert loaded.curve.equals(tool.curve) and loaded.hits.equals(tool.hits)
    assert repr(loaded) == repr(tool) and loaded.questionnaire() == tool.questionnaire()
    assert loaded.to_sql() == tool.to_sql() and loaded.to_python() == tool.to_python()
    assert loaded.score_card.equals(tool.score_card)


def test_the_file_holds_no_people(made, tmp_path):
    text = made[0].save(tmp_path / "tool.json").read_text(encoding="utf-8")
    assert not any(user in text for user in made[2].index)


def change(data, path, value):
    *way, last = path
    for step in way:
        data = data[step]
    if value is KeyError:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["format"], "other", "another kind"),
        (["version"], 9, "version is not 1"),
        (["curve"], KeyError, "keys are not"),
        (["extra"], 1, "keys are not"),
        (["personas", 0, "share"], 0.9, "add up to 1"),
        (["personas", 1, "persona_id"], 1, "not numbered"),
        (["personas", 1, "persona"], " ", "no name"),
        (["questions", 0, "shares", 0], [1.0], "shape|wrong"),
        (["questions", 0, "shares", 0, 0], "1", "not a number"),
        (["questions", 0, "shares", 0, 0], float("nan"), "not finite"),
        (["questions", 0, "answers", 0], 3, "not text"),
        (["questions", 0, "asked"], "phone", "unknown kind"),
        (["questions", 0, "known_share"], 1.5, "known_share"),
        (["questions", 0, "cuts"], [1.0], "cuts"),
        (["questions", 0, "text"], KeyError, "other keys"),
        (["questions"], [], "no question"),
        (["sharpness"], 0, "sharpness"),
        (["sharpness"], True, "sharpness"),
        (["unsure", "min_margin"], 2, "0 to 1"),
        (["unsure", "min_answers"], 1.5, "whole number"),
        (["figures", "accuracy"], 1.2, "accuracy"),
        (["figures", "n_people"], "many", "whole number"),
        (["curve", 0, "n"], KeyError, "other columns"),
        (["hits", 0, "persona_id"], 2, "hits"),
        (["hits", 0, "persona"], None, "not text"),
        (["notes"], None, "wrong shape or type"),
        (["reason"], 3, "text"),
    ],
)
def test_a_changed_file_is_refused(data, path, value, said):
    change(data, path, value)
    with pytest.raises(InputError, match=said):
        TypingTool.from_json(data)


def test_a_question_twice_is_refused(data):
    data["questions"][1] = data["questions"][0]
    with pytest.raises(InputError, match="comes twice"):
        TypingTool.from_json(data)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}"])
def test_text_that_is_no_tool_is_refused(text):
    with pytest.raises(InputError, match="The typing tool is not usable"):
        TypingTool.from_json(text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        TypingTool.load(tmp_path / "none.json")


def test_a_missing_hit_rate_survives(data):
    data["hits"][2]["precision"] = None
    again = TypingTool.from_json(json.loads(json.dumps(data)))
    assert np.isnan(again.hits["precision"].iloc[2]) and "not known" in again.questionnaire()


def test_hidden_sizes_survive(data):
    data["hits"][2]["n"] = data["hits"][1]["n"] = None
    again = TypingTool.from_json(json.loads(json.dumps(data)))
    assert again.hits["n"].isna().tolist() == [False, True, True]
    assert again.to_json() == data and again.questionnaire()
    data["unsure"]["min_answers"] = 6  # of five questions
    with pytest.raises(InputError, match="min_answers"):
        TypingTool.from_json(data)
