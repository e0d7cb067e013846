"""A bare model in SQL says what predict_proba says, of whatever a table may hold."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import InputError, ParameterError
from segtool.personas.latent_class import LatentClassPersonas
from segtool.personas.scoring import compile_scoring
from tests.personas.scoring.scoring_tables import (
    KINDS,
    ODD,
    add_confidences,
    fit_model,
    make_strangers,
    make_table,
    run_duckdb,
    to_arrow,
)


def memberships(found: pd.DataFrame) -> np.ndarray:
    return found[[name for name in found if name.startswith("p_")]].to_numpy()


def furthest(model, users, sql, table=None, confidence=None) -> float:
    """Return the greatest difference between SQL and predict_proba, persona and all."""
    found = run_duckdb(sql, labels=to_arrow(users) if table is None else table)
    wanted = model.predict_proba(users, confidence=confidence)
    best = np.sort(wanted, axis=1)
    clear = best[:, -1] - best[:, -2] > 1e-9 if wanted.shape[1] > 1 else np.ones(len(users), bool)
    assert (found["persona_id"].to_numpy()[clear] == wanted.argmax(axis=1)[clear] + 1).all()
    assert np.allclose(found["membership"], best[:, -1], rtol=0, atol=1e-9)
    return float(np.abs(memberships(found) - wanted).max())


@settings(max_examples=16, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(KINDS), min_size=1, max_size=7), st.integers(1, 4))
def test_sql_says_what_predict_proba_says(seed, kinds, n_personas):
    rng = np.random.default_rng(seed)
    table = make_table(rng, kinds, 80)
    model = fit_model(table, n_personas, seed % 1000)
    users = make_strangers(rng, table, 60)
    assert furthest(model, users, compile_scoring(model)) < 1e-9


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(KINDS), min_size=2, max_size=6))
def test_confidences_weigh_cells_alike(seed, kinds):
    rng = np.random.default_rng(seed)
    table = make_table(rng, kinds, 80)
    model = fit_model(table, 3, 1, confidence=add_confidences(rng, table)[0])
    users = make_strangers(rng, table, 60)
    sure, arrow, names = add_confidences(rng, users)
    assert furthest(model, users, compile_scoring(model, confidence=names), arrow, sure) < 1e-9


@pytest.mark.parametrize("softening", [0.0, 0.02, 0.5])
def test_softened_memberships_are_softened_alike(softening):
    """What labels say is divided by how much they repeat each other, the more so the more are known."""
    rng = np.random.default_rng(8)
    table = make_table(rng, list(KINDS), 150)
    sure = add_confidences(rng, table)[0]
    said = fit_model(table, 3, 0, confidence=sure).to_json()
    said["fit"]["softening"] = softening
    model = LatentClassPersonas.from_json(said)
    users = make_strangers(rng, table, 60)
    sure, arrow, names = add_confidences(rng, users)
    sql = compile_scoring(said, confidence=names)
    assert furthest(model, users, sql, arrow, sure) < 1e-9 and ("effect" in sql) == (softening > 0)


def test_the_json_alone_is_enough():
    """No estimator, no pickle: text in, statement out, the same statement."""
    table = make_table(np.random.default_rng(3), ["amount", "text", "flag"], 90)
    model = fit_model(table, 3, 0)
    text = json.dumps(model.to_json())
    assert compile_scoring(text) == compile_scoring(json.loads(text)) == compile_scoring(model)


def test_any_text_may_stand_in_names_and_values():
    rng = np.random.default_rng(0)
    group = rng.integers(0, len(ODD), 400)
    table = pd.DataFrame({f"col {text}": np.roll(np.array(ODD, dtype=object)[group], 0) for text in ODD[:6]})
    model = fit_model(table, 4, 0)
    assert furthest(model, table, compile_scoring(model, dialect="duckdb")) < 1e-9


def test_nobody_to_place():
    table = make_table(np.random.default_rng(3), ["amount", "text"], 90)
    found = run_duckdb(compile_scoring(fit_model(table, 3, 0)), labels=to_arrow(table.iloc[:0]))
    assert len(found) == 0 and list(found) == [
        "user_id", "persona_id", "membership", "runner_up_id", "p_1", "p_2", "p_3",
    ]  # fmt: skip


def test_of_whom_nothing_is_known_gets_the_shares():
    table = make_table(np.random.default_rng(3), list(KINDS), 200)
    model = fit_model(table, 3, 0)
    nobody = table.iloc[:1].mask(table.iloc[:1].notna())
    found = run_duckdb(compile_scoring(model), labels=to_arrow(nobody))
    assert np.allclose(memberships(found)[0], model.to_json()["personas"]["share"], atol=1e-12)


def test_columns_that_tell_nobody_apart_are_not_read():
    """They add the same to every score: the table need not have them."""
    rng = np.random.default_rng(5)
    group = rng.integers(0, 2, 600)
    table = pd.DataFrame({"tells": np.array(["a", "b"])[group], "noise": rng.choice(["x", "y"], 600)})
    table["also"] = np.where(rng.random(600) < 0.9, table["tells"], "c")
    model = LatentClassPersonas(2, n_init=3).fit(table)
    sql = compile_scoring(model)
    assert not model.columns_.set_index("column").loc["noise", "relevant"] and '"noise"' not in sql
    assert furthest(model, table, sql, to_arrow(table[["tells", "also"]])) < 1e-9


def test_an_array_has_columns_x0_x1():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(200, 2)) + rng.integers(0, 2, 200)[:, None] * 4
    model = fit_model(values, 2, 0)
    users = pd.DataFrame(values, columns=["x0", "spend"])
    found = run_duckdb(compile_scoring(model, columns={"x1": "spend"}), labels=to_arrow(users))
    assert np.abs(memberships(found) - model.predict_proba(values)).max() < 1e-9


def test_numbers_that_were_levels_are_found_however_they_are_typed():
    rng = np.random.default_rng(5)
    group = rng.integers(0, 2, 300)
    table = pd.DataFrame({"plan": pd.Series(np.where(group, "1", "2")), "city": np.where(group, "x", "y")})
    model = fit_model(table, 2, 0)
    wanted = model.predict_proba(table)
    for type_ in ("INTEGER", "DOUBLE", "VARCHAR"):
        sql = compile_scoring(model).replace(
            '"labels"', f"(SELECT user_id, plan::{type_} AS plan, city FROM labels)"
        )
        assert np.abs(memberships(run_duckdb(sql, labels=to_arrow(table))) - wanted).max() < 1e-9


def test_flags_are_read_from_truth_values_numbers_and_words():
    rng = np.random.default_rng(5)
    group = rng.random(300) < 0.4
    table = pd.DataFrame(
        {"vip": group, "city": np.where(group, "x", "y"), "old": group ^ (rng.random(300) < 0.1)}
    )
    model = fit_model(table.astype({"vip": "boolean", "old": "boolean"}), 2, 0)
    wanted = model.predict_proba(table)
    for vip in (
        "vip",
        "vip::INTEGER",
        "vip::DOUBLE",
        "vip::VARCHAR",
        "CASE WHEN vip THEN 'yes' ELSE 'no' END",
    ):
        sql = compile_scoring(model).replace('"labels"', f"(SELECT * REPLACE ({vip} AS vip) FROM labels)")
        arrow = to_arrow(table.astype({"vip": "boolean", "old": "boolean"}))
        assert np.abs(memberships(run_duckdb(sql, labels=arrow)) - wanted).max() < 1e-9


def test_eighty_columns_and_twelve_personas():
    """Long sums nest too deeply for parsers, and DuckDB makes a join of every IN list of six texts."""
    rng = np.random.default_rng(5)
    table = make_table(rng, ["ordered", "flag"] * 40, 150)
    model = fit_model(table, 12, 0)
    users = make_strangers(rng, table, 20)
    sql = compile_scoring(model)
    assert furthest(model, users, sql) < 1e-9
    assert "JOIN" not in run_duckdb(f"EXPLAIN {sql}", labels=to_arrow(users)).to_string()


def test_one_column_of_weight_zero_leaves_one_persona():
    table = pd.DataFrame({"a": ["x", "y"] * 20})
    model = fit_model(table, 1, 0)
    found = run_duckdb(compile_scoring(model, keep="best"), labels=to_arrow(table))
    assert (found["persona_id"] == 1).all() and (found["membership"] == 1).all()
    assert found["runner_up_id"].isna().all() and "p_1" not in found


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dialect": "oracle"}, "duckdb"),
        ({"keep": "most"}, "best"),
        ({"columns": {"teks": "t"}}, "no column of the model"),
        ({"confidence": {"nothing": "t"}}, "no column of the model"),
        ({"table": "a..b"}, "schema.labels"),
    ],
)
def test_wrong_arguments_are_explained(options, said):
    table = pd.DataFrame({"text": ["x", "y"] * 20, "more": ["x", "y"] * 20})
    with pytest.raises(ParameterError, match=said):
        compile_scoring(fit_model(table, 2, 0), **options)


def test_what_is_no_model_is_refused():
    with pytest.raises(InputError, match="format"):
        compile_scoring("{}")
    with pytest.raises(ParameterError, match="LatentClassPersonas"):
        compile_scoring(3)


def test_another_kind_of_model_is_refused_by_name():
    class Centres:
        def to_json(self):
            return {"format": "segtool.kmeans_personas"}

    with pytest.raises(InputError, match="found by Centres"):
        compile_scoring(Centres())


def test_a_comment_cannot_be_left():
    """A column named like the end of a comment stays inside it."""
    table = pd.DataFrame({"a */ DROP TABLE x; --\n": ["x", "y"] * 40, "b": ["x", "y"] * 40})
    model = fit_model(table, 2, 0)
    sql = compile_scoring(model)
    assert "*/ DROP" not in sql.replace('"a */ DROP', "") and furthest(model, table, sql) < 1e-9
