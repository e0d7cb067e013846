from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segtool.personas.encode import LabelTable, fit_encoding
from segtool.personas.portrait.rules import defines_persona, find_rules, list_conditions


def rules(columns, codes):
    frame = pd.DataFrame(columns)
    frame.index = [f"u{number:05}" for number in range(len(frame))]
    table = LabelTable.read(frame)
    return find_rules(table, fit_encoding(table), codes, int(codes.max()) + 1)


def make(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    stage = rng.choice(["student", "parent", "retired"], n)
    power = pd.Categorical(
        rng.choice(["low", "average", "high"], n), ["low", "average", "high"], ordered=True
    )
    noise = {f"noise{number}": rng.choice(["x", "y"], n) for number in range(5)}
    return {"stage": stage, "power": power, **noise}


def test_a_planted_conjunction_is_found_with_its_precision():
    columns = make()
    codes = ((columns["stage"] == "student") & (columns["power"] != "low")).astype(int)
    found = rules(columns, codes).iloc[1]
    assert found["rule"] == "stage is student and power is average or above"
    assert (found["precision"], found["recall"]) == (1.0, 1.0)


def test_precision_and_recall_are_what_a_count_gives():
    columns = make(seed=1)
    rng = np.random.default_rng(2)
    codes = np.where(rng.random(2000) < 0.75, columns["stage"] == "student", rng.random(2000) < 0.5).astype(
        int
    )
    found = rules(columns, codes).iloc[1]
    student = columns["stage"] == "student"
    assert found["rule"] == "stage is student"
    assert found["precision"] == pytest.approx(codes[student].mean(), abs=0.05)
    assert found["recall"] == pytest.approx(student[codes == 1].mean(), abs=0.05)


def test_no_rule_is_claimed_where_labels_say_nothing():
    columns = make(seed=3)
    codes = (np.random.default_rng(4).random(2000) < 0.1).astype(int)
    found = rules(columns, codes).iloc[1]
    assert not found["rule"] or found["precision"] < 0.3


def test_unknown_labels_satisfy_no_rule():
    columns = make(seed=5)
    student = columns["stage"] == "student"
    columns["stage"] = pd.Series(columns["stage"]).where(np.arange(2000) % 2 == 0).to_numpy()
    found = rules(columns, student.astype(int)).iloc[1]
    assert found["precision"] == 1.0
    assert found["recall"] == pytest.approx(0.5, abs=0.06)


def test_tiny_groups_get_no_rule():
    columns = {name: values[:12] for name, values in make().items()}
    found = rules(columns, np.array([0] * 9 + [1] * 3))
    assert found["rule"].tolist() == ["", ""]
    assert found["precision"].isna().all()


def test_a_rule_says_what_it_was_measured_on():
    columns = make(seed=6)
    codes = (columns["stage"] == "student").astype(int)
    found = rules(columns, codes).iloc[1]
    assert found["n_tested"] == 1000 and found["n_caught"] == found["n_members"] > 200
    assert found["defines"]


def test_no_rule_defines_a_persona_below_eight_in_ten():
    """The trap: a rule with precision one that finds half of the persona is not the persona."""
    columns = make(seed=7)
    student = columns["stage"] == "student"
    hidden = np.random.default_rng(8).random(2000) < 0.3
    codes = np.where(hidden, np.random.default_rng(9).random(2000) < 0.3, student).astype(int)
    found = rules(columns, codes).iloc[1]
    assert found["rule"] and found["precision"] > 0.7 and not found["defines"]
    assert not defines_persona(1.0, 1.0, 9, 9)  # nine of nine may well be eight in ten


def test_underscores_of_values_are_spaces_in_rules():
    columns = make(seed=10)
    columns["stage"] = np.where(columns["stage"] == "student", "high_school", columns["stage"])
    found = rules(columns, (columns["stage"] == "high_school").astype(int)).iloc[1]
    assert found["rule"] == "stage is high school"


def test_where_all_labels_are_sensitive_there_is_no_rule():
    frame = pd.DataFrame(make(), index=[f"u{number:05}" for number in range(2000)])
    table = LabelTable.read(frame[["stage"]])
    codes = (frame["stage"] == "student").to_numpy().astype(int)
    inside = replace(table, infos={"stage": replace(table.infos["stage"], sensitive=True)})
    found = find_rules(inside, fit_encoding(inside, basis=["stage"]), codes, 2)
    assert found["rule"].tolist() == ["", ""] and not found["defines"].any()
    assert found["precision"].isna().all() and (found["n_tested"] == 1000).all()


def test_conditions_are_kept_for_the_users_that_are_used_only():
    """Where numbers are cut and which values there are is up to everybody, not to those users."""
    columns = {**make(400), "age": np.arange(400.0), "likes: tea": np.arange(400) % 3 == 0}
    columns["stage"][-1] = "monk"
    frame = pd.DataFrame(columns, index=[f"u{number:03}" for number in range(400)])
    table = LabelTable.read(frame)
    encoding, rows = fit_encoding(table), np.arange(0, 90, 3)
    everywhere, everyone = list_conditions(table, encoding, np.arange(400))
    conditions, held = list_conditions(table, encoding, rows)
    assert conditions == everywhere and held.shape == (30, len(conditions))
    assert (held == everyone[rows]).all() and held.base is None
    texts = [condition.text for condition in conditions]
    assert "stage is monk" in texts and "age is up to 133" in texts
    assert held[:, texts.index("age is up to 133")].all()
