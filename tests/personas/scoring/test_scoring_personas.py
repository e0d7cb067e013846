"""Personas in SQL: what `assign` says, from the wide table and from the ledger, unsure users and all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segtool.engines import DuckDBEngine
from segtool.errors import InputError, NotFittedError, ParameterError
from segtool.labels import Labels
from segtool.personas import Personas, find_personas
from segtool.personas.scoring import compile_persona_scoring
from tests.personas.planted_frame import make_planted
from tests.personas.scoring.scoring_tables import run_duckdb

COLUMNS = ["user_id", "persona_id", "persona", "membership", "runner_up", "unsure"]


@pytest.fixture(scope="module")
def planted():
    frame, _ = make_planted(400)
    frame.index = pd.Index([f"{i:04d}" for i in range(len(frame))], name="user_id")
    rng = np.random.default_rng(1)
    frame["member"] = (
        pd.Series(rng.random(400) < 0.5, frame.index).astype("boolean").mask(rng.random(400) < 0.3)
    )
    towns = [f"town {i}" for i in rng.zipf(1.4, 400) % 45]  # more than an encoding keeps: the rest is OTHER
    frame["town"] = pd.Categorical(pd.Series(towns, frame.index).mask(rng.random(400) < 0.3))
    return frame


@pytest.fixture(scope="module")
def personas(planted):
    return find_personas(planted, n_personas=3, random_state=0)


def as_table(wide: pd.DataFrame) -> pd.DataFrame:
    """Return a wide table as DuckDB takes it: text, truth values, numbers."""
    texts = {name: wide[name].astype(object).where(wide[name].notna(), None) for name in wide}
    return pd.DataFrame(texts, index=wide.index).reset_index()


def check(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    assert list(found)[: len(COLUMNS)] == COLUMNS
    assert np.abs(found["membership"].to_numpy() - wanted["membership"].to_numpy()).max() < 1e-9
    for name in ("user_id", "persona_id", "persona", "runner_up", "unsure"):
        assert found[name].tolist() == wanted[name].tolist(), name


def strangers(planted: pd.DataFrame) -> pd.DataFrame:
    """Return new users: one of whom nothing is known, others with values never met."""
    wide = planted.iloc[:60].copy()
    wide.iloc[0] = None
    wide["town"] = wide["town"].astype(object)
    wide.iloc[1:20, wide.columns.get_loc("town")] = ["nowhere", "it's", "other values", "town 44"] * 4 + [
        None
    ] * 3
    wide["town"] = pd.Categorical(wide["town"])
    stages = wide["life_stage"].astype(object)
    stages.iloc[20:25] = "astronaut"
    wide["life_stage"] = pd.Categorical(stages)
    wide.iloc[25:40, 3:] = None  # too little is known to be sure
    return wide


def test_the_wide_table_gives_what_assign_gives(personas, planted):
    for wide in (planted, strangers(planted)):
        sql = compile_persona_scoring(personas, table="labels")
        check(run_duckdb(sql, labels=as_table(wide)), personas.assign(wide))


def test_every_membership_on_request(personas, planted):
    found = run_duckdb(compile_persona_scoring(personas, keep="all"), labels=as_table(planted))
    assert np.abs(found[["p_1", "p_2", "p_3"]].to_numpy() - personas.memberships.to_numpy()).max() < 1e-9


def test_a_file_is_enough(personas, planted, tmp_path):
    personas.save(tmp_path / "persona_model.json")
    for layout in ("wide", "long"):
        assert compile_persona_scoring(tmp_path / "persona_model.json", layout=layout) == (
            compile_persona_scoring(personas, layout=layout)
        )


def test_an_unsure_rule_of_ones_own_is_kept_to(personas, planted):
    strict = replace(personas, unsure_rule=replace(personas.unsure_rule, min_membership=0.95, min_known=4))
    found = run_duckdb(compile_persona_scoring(strict), labels=as_table(planted))
    check(found, strict.assign(planted))
    assert found["unsure"].sum() > personas.assign(planted)["unsure"].sum()


def test_flags_are_words_truth_values_or_numbers(personas, planted):
    wanted = personas.assign(planted)
    for words in ({True: "yes", False: "no"}, {True: "true", False: "false"}, {True: 1, False: 0}):
        table = as_table(planted)
        table["member"] = table["member"].map(words)
        check(run_duckdb(compile_persona_scoring(personas), labels=table), wanted)


def test_names_with_quotes_and_line_ends(personas, planted):
    named = personas.rename({1: 'it\'s "us"; --', 2: "two\nlines */ 100 %", 3: "圈 ❄"})
    check(run_duckdb(compile_persona_scoring(named), labels=as_table(planted)), named.assign(planted))


def test_columns_of_the_table_may_be_called_otherwise(personas, planted):
    names = {"interest: travel": "likes_travel", "town": "home"}
    table = as_table(planted).rename(columns={**names, "user_id": "who"})
    sql = compile_persona_scoring(personas, columns=names, user_id="who")
    check(run_duckdb(sql, labels=table), personas.assign(planted))


def test_an_absent_label_is_unknown(personas, planted):
    with pytest.warns(UserWarning, match="count as unknown"):
        wanted = personas.assign(planted.drop(columns="life_stage"))
    sql = compile_persona_scoring(personas, absent=["life_stage"])
    check(run_duckdb(sql, labels=as_table(planted).drop(columns="life_stage")), wanted)


# --- the ledger --------------------------------------------------------------------------------


def make_ledger(labels: Labels) -> pd.DataFrame:
    """Return the resolved labels and what is ruled out, as ``labels.parquet`` holds them."""
    ledger = labels.engine.query("SELECT user_id, label, value, confidence, source FROM labels")
    ruled_out = labels.engine.query("SELECT user_id, label, value FROM ruled_out").assign(source="ruled out")
    return pd.concat([ledger, ruled_out], ignore_index=True)


@pytest.fixture(scope="module")
def labels(planted):
    """Labels of differing confidence, some of them notes, which say nothing about a label's other values."""
    made = Labels.from_frame(planted)
    made.engine.create("plain", "SELECT * FROM labels")
    made.engine.create(
        "labels",
        "SELECT * REPLACE (0.3 + 0.7 * (hash(user_id || label || value) % 100) / 100.0 AS confidence, "
        "CASE hash(user_id || label) % 5 WHEN 0 THEN 'person' WHEN 1 THEN 'inferred' ELSE 'behaviour' END AS source) "
        "FROM plain",
    )
    made.engine.create("ruled_out", "SELECT * FROM ruled_out WHERE hash(user_id || value) % 3 > 0")
    return made


@pytest.fixture(scope="module")
def weighed(labels):
    return find_personas(labels, n_personas=3, random_state=0)


def test_the_ledger_gives_what_assign_gives(weighed, labels):
    assert any(plan["confidence"] != 1 for plan in weighed.model.to_json()["columns"])
    users = pd.DataFrame({"user_id": labels.user_ids})
    sql = compile_persona_scoring(weighed, table="ledger", layout="long", users="everyone")
    check(run_duckdb(sql, ledger=make_ledger(labels), everyone=users), weighed.assigned)


def test_without_a_list_of_users_those_of_the_ledger_are_placed(weighed, labels):
    found = run_duckdb(
        compile_persona_scoring(weighed, table="ledger", layout="long"), ledger=make_ledger(labels)
    )
    wanted = weighed.assigned.set_index("user_id").loc[found["user_id"]].reset_index()
    check(found, wanted)


def test_a_wide_table_with_confidences_gives_the_same(weighed, labels):
    sure = labels.confidences().add_prefix("sure of ")
    table = as_table(labels.wide().join(sure))
    names = {name: f"sure of {name}" for name in labels.wide()}
    check(run_duckdb(compile_persona_scoring(weighed, confidence=names), labels=table), weighed.assigned)


def test_the_ledger_may_call_its_columns_otherwise(weighed, labels):
    ledger = make_ledger(labels).rename(columns={"user_id": "who", "confidence": "sure"})
    sql = compile_persona_scoring(
        weighed, table="ledger", layout="long", columns={"user_id": "who", "confidence": "sure"}
    )
    wanted = weighed.assigned[weighed.assigned["user_id"].isin(ledger["who"])]
    check(run_duckdb(sql, ledger=ledger), wanted)


def test_an_empty_ledger_places_nobody(weighed, labels):
    ledger = make_ledger(labels).iloc[:0]
    assert (
        len(run_duckdb(compile_persona_scoring(weighed, table="ledger", layout="long"), ledger=ledger)) == 0
    )


def test_an_engine_runs_it(weighed, labels):
    engine = DuckDBEngine()
    engine.register("ledger", make_ledger(labels))
    engine.register("everyone", pd.DataFrame({"user_id": labels.user_ids}))
    sql = compile_persona_scoring(weighed, table="ledger", layout="long", users="everyone")
    check(engine.query(sql), weighed.assigned)


# --- what cannot be compiled --------------------------------------------------------------------


def test_numbers_are_not_in_a_ledger(planted):
    frame = planted.assign(
        spend=np.random.default_rng(0).exponential(size=len(planted)) * (planted.index > "0200")
    )
    personas = find_personas(frame, n_personas=2, random_state=0)
    check(run_duckdb(compile_persona_scoring(personas), labels=as_table(frame)), personas.assign(frame))
    with pytest.raises(InputError, match="wide"):
        compile_persona_scoring(personas, layout="long")


def test_a_list_of_members_has_nothing_to_compile():
    with pytest.raises(NotFittedError, match="no model"):
        compile_persona_scoring(Personas.from_assignments(["a", "b"], [1, 2]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layout": "tall"}, "long"),
        ({"absent": ["life_stag"]}, "life_stage"),
        ({"layout": "long", "columns": {"users": "u"}}, "user_id"),
        ({"users": "everyone"}, "mapping"),
    ],
)
def test_wrong_choices_are_explained(personas, options, said):
    with pytest.raises(ParameterError, match=said):
        compile_persona_scoring(personas, **options)
