import html
import re

import numpy as np
import pandas as pd
import pytest

from segtool.personas.typing_tool.points import points_per_unit
from segtool.personas.typing_tool.questionnaire import least_lead, list_close
from segtool.personas.typing_tool.questions import Question, cut_points, read_answers
from tests.personas.typing_tool.typed_people import make_tool


@pytest.fixture(scope="module")
def made():
    return make_tool(300, n_questions=8)


@pytest.fixture(scope="module")
def tool(made):
    return made[0]


def test_every_question_and_answer_is_on_the_page_and_escaped(tool):
    page = tool.questionnaire("Who <are> you?")
    asked, card = page.split("<section class='card'>")
    for question in tool.asked:
        assert html.escape(question.text, quote=True) in asked
        for answer in question.answers:
            assert f"<li>{html.escape(answer, quote=True)}</li>" in asked
    assert "Who &lt;are&gt; you?" in page and "<are>" not in page and "<of>" not in page
    assert "Night owls &lt;&amp;&gt;" in card and "宝妈 &#x27;early&#x27;" in card
    assert "http" not in page and "<script" not in page


def test_what_only_the_log_knows_stands_apart(tool):
    asked = tool.questionnaire().split("<section class='card'>")[0]
    ask, look_up = asked.split("From the log")
    for question in tool.asked:
        text = html.escape(question.text, quote=True)
        assert (text in look_up) == (question.asked == "behaviour")
        assert (text in ask) == (question.asked == "question")


def test_the_card_on_paper_is_the_score_card(tool):
    card = tool.questionnaire().split("<h2>Points</h2>")[1]
    rows = re.findall(r"<tr class='(?:first)?'><td>.*?</td><td>(.*?)</td>((?:<td class='n'>.*?</td>)+)", card)
    points = [
        [int(cell.replace("&middot;", "0")) for cell in re.findall(r"'n'>(.*?)<", cells)] for _, cells in rows
    ]
    expected = tool.score_card[[1, 2, 3]].to_numpy().tolist()
    assert sorted(points) == sorted(expected) and len(points) == len(tool.score_card)


def test_adding_up_points_hits_about_as_often(made):
    tool, personas, frame = made
    card = tool.score_card
    total = pd.DataFrame(0, index=frame.index, columns=[1, 2, 3]) + card.loc[0, [1, 2, 3]].astype(int)
    for question in tool.asked:
        rows = card[card["question"] == question.text].set_index("answer")[[1, 2, 3]]
        places = read_answers([question], frame)[:, 0]
        for place, answer in enumerate(question.answers):
            total.loc[places == place] += rows.loc[answer].to_numpy()
    truth = personas.assigned["persona_id"].to_numpy()
    by_hand = (total.idxmax(axis=1).to_numpy() == truth).mean()
    by_tool = (tool.assign(frame)["persona_id"].to_numpy() == truth).mean()
    assert by_hand == pytest.approx(by_tool, abs=0.03)
    assert tool.figures.points_accuracy == pytest.approx(tool.figures.accuracy, abs=0.03)
    assert card[[1, 2, 3]].to_numpy().min() == 0 and card[[1, 2, 3]].to_numpy().max() == 20


def test_the_card_finds_the_unsure_as_memberships_do(tool):
    """By hand: a lead that is too small, or several columns close behind."""
    points = np.random.default_rng(3).integers(0, 30, (2_000, 3))
    behind = points.max(axis=1, keepdims=True) - points
    odds = np.exp(-tool.sharpness * behind / _unit(tool))
    exact = tool.unsure_rule.is_unsure(odds / odds.sum(axis=1, keepdims=True), np.full(2_000, 9))
    counts, limit = list_close(tool)
    each = np.select([behind <= end for end, _ in counts], [count for _, count in counts], 0)
    others = np.sort(each, axis=1)[:, :-1].sum(axis=1)  # the first itself counts most
    near = np.sort(behind, axis=1)[:, 1] < least_lead(tool)
    right = ((near | (others > limit)) == exact).mean()
    assert right > 0.95 and right > (near == exact).mean() + 0.03  # the lead alone leaves some out
    assert f"add up to more than {int(limit)}" in tool.questionnaire()


def _unit(tool):
    return points_per_unit(np.log(tool.prior), [np.log(block) for block in tool.shares])


def test_what_is_shown_is_escaped_and_tells_the_figures(tool):
    shown = tool._repr_html_()
    assert "&lt;&amp;&gt;" in shown and "<&>" not in shown
    assert f"{tool.figures.accuracy:.0%} of people" in tool.headline()
    assert tool.headline() in repr(tool) and "score card in whole points" in repr(tool)


@pytest.mark.browser
def test_it_prints_on_a4(tool, browser, tmp_path):
    page = browser.new_page()
    page.set_content(tool.questionnaire())
    page.emulate_media(media="print")
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    printed = page.pdf(prefer_css_page_size=True)
    page.close()
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([0-9.]+) ([0-9.]+)", printed)
    assert not wide and 2 <= len(boxes) <= 3
    assert [round(float(side)) for side in boxes[0]] == pytest.approx([595, 842], abs=1)


# --- questions ---------------------------------------------------------------------------------


def test_whole_numbers_are_answers_as_text_too():
    question = Question("q", "q", "Q", "question", "ordered", "other", ("1", "2", "3"))
    assert question.read(["1", 2, 2.0, "3.0", None, "4"]).tolist() == [0, 1, 1, 2, -1, -1]


def test_rare_answers_of_a_long_list_share_one_place():
    question = Question("q", "q", "Q", "question", "nominal", "other", ("a", "b", "other values"))
    assert question.read(["b", "zebra", None, "other values"]).tolist() == [1, 2, -1, 2]


def test_a_column_that_is_not_there_is_unknown_and_not_no():
    flag = Question("f", "f", "F", "question", "flag", "other", ("no", "yes"))
    assert read_answers([flag], pd.DataFrame({"x": [1, 2]})).tolist() == [[-1], [-1]]


def test_cuts_of_a_number_most_have_alike_merge():
    assert cut_points(pd.Series([0.0] * 90 + list(range(1, 11))).to_numpy(float)) == (0.0,)
    assert cut_points(pd.Series([1.0, 2.0] * 30).to_numpy(float)) == (1.0,)
