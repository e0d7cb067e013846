import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, NotFittedError, ParameterError
from segtool.personas import Personas, find_personas
from segtool.personas.typing_tool import build, build_typing_tool, measure
from tests.personas.planted_frame import make_planted
from tests.personas.typing_tool.typed_people import as_labels, make_people, make_tool


@pytest.fixture(scope="module")
def made():
    return make_tool()


def test_what_tells_personas_apart_is_asked_and_noise_is_not(made):
    tool = made[0]
    asked = tool.questions["label"].tolist()
    assert {"age", "likes"} <= set(asked)
    assert not any(label.startswith("noise") for label in asked)
    assert tool.questions["order"].tolist() == list(range(1, len(asked) + 1))


def test_hits_are_far_above_the_baseline_and_close_to_all_questions(made):
    tool, _, frame = made
    f = tool.figures
    assert f.n_people == len(frame) and f.baseline == pytest.approx(tool.hits["n"].max() / len(frame))
    assert f.accuracy > f.baseline + 0.25 and f.accuracy >= 0.9 * f.full_accuracy
    row = tool.curve.set_index("n_questions").loc[tool.n_questions]
    assert row["accuracy"] == f.accuracy and row["low"] < row["accuracy"] < row["high"]
    assert row["share_of_full"] == pytest.approx(f.accuracy / f.full_accuracy)


def test_hit_rates_add_up_to_the_accuracy(made):
    tool = made[0]
    hits = tool.hits
    assert (hits["hit_rate"] * hits["n"]).sum() == pytest.approx(
        tool.figures.accuracy * tool.figures.n_people
    )
    assert (hits["precision"] * hits["n_assigned"]).sum() == pytest.approx(
        (hits["hit_rate"] * hits["n"]).sum()
    )
    assert (hits["low"] <= hits["hit_rate"]).all() and (hits["hit_rate"] <= hits["high"]).all()
    assert hits["n_assigned"].sum() == hits["n"].sum() == 500


def test_questions_chosen_from_noise_do_not_flatter_themselves():
    seen, measured, baseline = [], [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(rng.choice(["x", "y", "z"], (150, 50)), columns=[f"q{i}" for i in range(50)])
        frame.index = [f"u{i:03}" for i in range(150)]
        truth = rng.choice([1, 2], 150)
        personas = Personas.from_assignments(frame.index, truth)
        tool = build_typing_tool(personas, frame, n_questions=8, max_questions=8)
        seen.append((tool.assign(frame)["persona_id"].to_numpy() == truth).mean())
        measured.append(tool.figures.accuracy)
        baseline.append(tool.figures.baseline)
    assert np.mean(seen) > 0.67  # on the people who chose the questions noise looks good
    assert np.mean(measured) < np.mean(baseline) + 0.03


def test_no_fold_is_scored_by_questions_chosen_on_it(monkeypatch):
    asked_for, choose = [], measure.select_questions

    def watch(counts, folds, *rest, **how):
        asked_for.append(list(folds))
        return choose(counts, folds, *rest, **how)

    monkeypatch.setattr(measure, "select_questions", watch)
    frame, truth = make_people(200)
    personas = Personas.from_assignments(frame.index, truth)
    build_typing_tool(personas, frame, n_questions=2, max_questions=2, cv=4)
    scored = [set(range(4)) - set(folds) for folds in asked_for]
    assert scored == [{0}, {1}, {2}, {3}]


def test_the_length_is_the_shortest_good_one(made):
    tool = made[0]
    best = tool.curve["accuracy"].max()
    error = np.sqrt(best * (1 - best) / len(made[2]))
    enough = tool.curve["accuracy"] >= min(best - error, 0.95 * best)
    assert tool.n_questions == tool.curve.loc[enough, "n_questions"].iloc[0]
    assert f"{tool.n_questions} questions are the shortest set" in tool.reason


@pytest.mark.parametrize(("wanted", "found"), [(1, 1), (4, 4), (40, 13)])
def test_so_many_questions_as_asked_for_and_there_are(wanted, found):
    tool = make_tool(200, n_questions=wanted, max_questions=3)[0]
    assert tool.n_questions == found and tool.curve["n_questions"].max() == min(max(wanted, 3), 13)
    assert ("there are only 13" in tool.reason) == (wanted == 40)


def test_the_same_people_in_any_order_give_the_same_tool(made):
    tool, personas, frame = made
    shuffled = frame.sample(frac=1, random_state=4)
    again = build_typing_tool(personas, as_labels(shuffled.sort_index()))
    wide, other = (build_typing_tool(personas, table) for table in (frame, shuffled))
    assert again.to_json() == tool.to_json()
    assert wide.to_json() == other.to_json()


def test_sensitive_labels_are_asked_only_when_named(made):
    tool, personas, frame = made
    assert "illness" not in tool.questions["label"].tolist()  # though it would tell most of all
    named = build_typing_tool(personas, as_labels(frame), askable=["age", "illness", "likes: toys"])
    assert "illness" in named.questions["label"].tolist() and named.figures.n_askable == 3


def test_without_a_log_only_questions_are_put(made):
    _, personas, frame = made
    tool = build_typing_tool(personas, as_labels(frame), ways=("question",), n_questions=11)
    assert set(tool.questions["asked"]) == {"question"}
    assert not {"daypart", "visits"} & set(tool.questions["label"])


def test_texts_of_a_codebook_are_taken(made):
    _, personas, frame = made
    texts = {"age": " How old are you? ", "likes": "What do you like?", "likes: toys": "Do you like toys?"}
    tool = build_typing_tool(personas, as_labels(frame), n_questions=13, texts=texts)
    said = tool.questions.set_index("column")["question"]
    assert said[["age", "likes: 旅行", "likes: toys", "early"]].tolist() == [
        "How old are you?", "What do you like? 旅行", "Do you like toys?", "Gets up early",
    ]  # fmt: skip


def test_personas_that_were_found_bring_their_labels_and_a_warning():
    frame, _ = make_planted(400)
    personas = find_personas(frame, n_personas=3, n_init=3)
    tool = build_typing_tool(personas)
    assert "activity_level" not in tool.questions["label"].tolist()
    assert any("formed on these same people" in note for note in tool.notes)
    assert tool.names == personas.names
    agree = tool.assign(frame)["persona_id"].to_numpy() == personas.assigned["persona_id"].to_numpy()
    assert agree.mean() > 0.85


def test_loaded_personas_need_the_labels_again(tmp_path):
    frame, _ = make_planted(300)
    personas = find_personas(frame, n_personas=3, n_init=2)
    loaded = Personas.load(personas.save(tmp_path / "personas.json"))
    with pytest.raises(NotFittedError, match="build_typing_tool\\(personas, labels\\)"):
        build_typing_tool(loaded)
    assert build_typing_tool(loaded, frame).names == personas.names


def test_a_large_table_is_sampled_each_persona_with_its_share(monkeypatch):
    monkeypatch.setattr(build, "LEAST_PEOPLE", 120)
    monkeypatch.setattr(build, "MAX_CELLS", 120)
    tool = make_tool(480, n_questions=3)[0]
    assert tool.figures.n_people == 120
    assert tool.hits["n"].sum() == 120 and tool.hits["n"].iloc[0] == pytest.approx(60, abs=8)


def test_what_cannot_be_typed_is_said():
    frame, truth = make_people(60)
    one = Personas.from_assignments(frame.index, np.ones(60, int))
    with pytest.raises(InputError, match="nothing to tell apart"):
        build_typing_tool(one, frame)
    three = Personas.from_assignments(frame.index, truth)
    with pytest.raises(NotFittedError, match="hold no labels"):
        build_typing_tool(three)
    with pytest.raises(InputError, match="fewer than the 20 folds"):
        build_typing_tool(three, frame, cv=20)
    with pytest.raises(InputError, match="can be asked"):
        build_typing_tool(three, as_labels(frame), askable=["daypart"], ways=["question"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"askable": ["agee"]}, "did you mean 'age'"),
        ({"texts": {"nothing": "?"}}, "texts names 'nothing'"),
        ({"ways": ["phone"]}, "ways is 'phone'"),
        ({"cv": 2}, "cv is 2"),
        ({"n_questions": 0}, "n_questions is 0"),
        ({"max_questions": 1.5}, "max_questions is 1.5"),
        ({"random_state": -1}, "random_state is -1"),
    ],
)
def test_wrong_arguments_are_named(options, said):
    with pytest.raises(ParameterError, match=said):
        make_tool(60, **options)


def test_sizes_of_few_are_not_told_nor_follow():
    frame, truth = make_people(200)
    truth = np.where(truth == 3, 2, truth)
    truth[:8] = 3
    personas = Personas.from_assignments(frame.index, truth)
    hits = build_typing_tool(personas, frame, n_questions=2, max_questions=2, min_users=10).hits
    assert hits["n"].isna().tolist() == [True, False, True]  # 200 people less the first two are 8
    assert hits["hit_rate"].isna().equals(hits["n"].isna())
    with pytest.raises(ParameterError, match="min_users is 0"):
        make_tool(60, min_users=0)
