"""The same statement elsewhere: run on Spark and PostgreSQL, read back where it cannot be run."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
import sqlglot
from sqlglot import exp

from segtool.errors import ParameterError
from segtool.labels import Labels
from segtool.personas import find_personas
from segtool.personas.latent_class import LatentClassPersonas
from segtool.personas.scoring import compile_persona_scoring, compile_scoring
from segtool.personas.scoring.statement import DIALECTS
from tests.personas.planted_frame import make_planted
from tests.personas.scoring.postgres_server import PostgresServer, find_programs
from tests.personas.scoring.scoring_tables import (
    KINDS,
    add_confidences,
    fit_model,
    make_strangers,
    make_table,
    run_duckdb,
)

OTHERS = [dialect for dialect in DIALECTS if dialect != "duckdb"]


@pytest.fixture(scope="module")
def mixed():
    """Return a model of all kinds of columns, strangers, their confidences, and the table with both."""
    rng = np.random.default_rng(11)
    table = make_table(rng, list(KINDS), 200)
    said = fit_model(table, 3, 0, confidence=add_confidences(rng, table)[0]).to_json()
    said["fit"]["softening"] = 0.02
    model = LatentClassPersonas.from_json(said)
    users = make_strangers(rng, table, 120)
    sure, arrow, names = add_confidences(rng, users)
    return model, users, sure, arrow, names


def furthest(found: pd.DataFrame, model, users, sure) -> float:
    wanted = model.predict_proba(users, confidence=sure)
    assert (found["persona_id"].to_numpy() == wanted.argmax(axis=1) + 1).all()
    return float(np.abs(found[[f"p_{i + 1}" for i in range(wanted.shape[1])]].to_numpy(float) - wanted).max())


# --- run for real ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.spark
def test_spark_says_the_same(spark_session, mixed):
    model, users, sure, arrow, names = mixed
    spark_session.createDataFrame(arrow.to_pandas(types_mapper=None)).createOrReplaceTempView("mixed_users")
    sql = compile_scoring(model, table="mixed_users", dialect="spark", confidence=names)
    assert furthest(spark_session.sql(sql).toPandas(), model, users, sure) < 1e-9


@pytest.mark.slow
@pytest.mark.spark
def test_the_spark_engine_takes_the_duckdb_statement(spark_engine, mixed):
    """Engines are handed DuckDB's dialect and render it themselves."""
    model, users, sure, arrow, names = mixed
    spark_engine.register("labels", arrow)
    found = spark_engine.query(compile_scoring(model, confidence=names))
    assert furthest(found, model, users, sure) < 1e-9


@pytest.fixture(scope="module")
def postgres():
    programs = find_programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed, and under CI a model's SQL must run there")
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with PostgresServer(programs) as server:
        yield server


@pytest.mark.slow
def test_postgres_says_the_same(postgres, mixed):
    model, users, sure, arrow, names = mixed
    table = arrow.to_pandas()
    types = dict.fromkeys(names.values(), "double precision")
    for name in users:
        kind = users[name].dtype
        types[name] = "boolean" if kind == "boolean" else "text"
        if pd.api.types.is_float_dtype(kind):
            types[name] = "double precision"
            numbers = arrow[name].to_pylist()  # NaN is a value there, and not NULL
            table[name] = pd.Series([None if x is None else repr(x) for x in numbers], dtype=object)
    postgres.load("labels", table, types)
    found = postgres.query(compile_scoring(model, dialect="postgres", confidence=names))
    assert furthest(found, model, users, sure) < 1e-9


# --- read back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", OTHERS)
def test_what_is_read_back_says_the_same_in_duckdb(mixed, dialect):
    """A statement that survives the way there and back has lost nothing on it."""
    model, users, sure, arrow, names = mixed
    sql = compile_scoring(model, dialect=dialect, confidence=names)
    back = sqlglot.transpile(sql, read=dialect, write="duckdb")[0]
    assert furthest(run_duckdb(back, labels=arrow), model, users, sure) < 1e-9


@pytest.mark.parametrize("dialect", OTHERS)
def test_nothing_is_used_that_engines_read_differently(mixed, dialect):
    model, _, _, _, names = mixed
    tree = sqlglot.parse_one(compile_scoring(model, dialect=dialect, confidence=names), read=dialect)
    names = "And Or Cast TryCast Case If Coalesce Exp Ln Greatest Trim Chr Concat DPipe"
    allowed = {getattr(exp, name) for name in names.split()}
    assert {type(node) for node in tree.find_all(exp.Func)} <= allowed
    for number in tree.find_all(exp.Literal):  # "0.5" is a decimal to some, "0.5e0" a double to all
        assert number.is_string or "e" in number.this or number.this.isdigit()


@pytest.mark.parametrize(
    ("dialect", "quotation", "text", "double"),
    [
        ("spark", '`a "b`', r"'it\'s\n\\'", "DOUBLE"),
        ("postgres", '"a ""b"', "'it''s\n\\'", "DOUBLE PRECISION"),
        ("bigquery", '`a "b`', r"'it\'s\n\\'", "FLOAT64"),
        ("snowflake", '"a ""b"', r"'it\'s\n\\'", "DOUBLE"),
    ],
)
def test_names_texts_and_types_are_written_as_each_wants_them(dialect, quotation, text, double):
    table = pd.DataFrame({'a "b': ["it's\n\\", "y"] * 40, "c": ["x", "y"] * 40})
    sql = compile_scoring(fit_model(table, 2, 0), dialect=dialect)
    assert quotation in sql and text in sql and f"AS {double})" in sql
    assert "IGNORE_NULLS" not in sql


def test_postgres_works_out_each_step_once(mixed):
    """Else every mention of a score is the whole sum again: 600 sums for eight personas."""
    sql = compile_scoring(mixed[0], dialect="postgres")
    assert sql.count("AS MATERIALIZED (") == 10 + (mixed[0].softening_ > 0)
    assert "MATERIALIZED" not in compile_scoring(mixed[0])


def test_bigquery_takes_other_names_for_columns(mixed):
    model = mixed[0]
    names = {column: f"c{i}" for i, column in enumerate(model.feature_names_in_)}
    sql = compile_scoring(model, dialect="bigquery", columns=names)
    tree = sqlglot.parse_one(sql, read="bigquery")
    assert all(
        column.name.replace("_", "").isalnum() for column in tree.find_all(exp.Column) if column.name != "*"
    )


def test_only_duckdb_reads_files(mixed, tmp_path):
    with pytest.raises(ParameterError, match="file"):
        compile_scoring(mixed[0], table=tmp_path / "labels.parquet", dialect="spark")


@pytest.fixture(scope="module")
def ledger():
    """Return personas, their ledger and all users."""
    frame, _ = make_planted(200)
    labels = Labels.from_frame(frame)
    rows = labels.engine.query("SELECT user_id, label, value, confidence, source FROM labels")
    ruled_out = labels.engine.query("SELECT user_id, label, value FROM ruled_out").assign(source="ruled out")
    personas = find_personas(labels, n_personas=2, random_state=0)
    return (
        personas,
        pd.concat([rows, ruled_out], ignore_index=True),
        pd.DataFrame({"user_id": labels.user_ids}),
    )


def compile_ledger(personas, dialect: str) -> str:
    return compile_persona_scoring(
        personas, table="ledger", layout="long", users="people", dialect=dialect, confidence=True
    )


@pytest.mark.parametrize("dialect", OTHERS)
def test_the_ledger_read_back_says_the_same(ledger, dialect):
    personas, rows, people = ledger
    back = sqlglot.transpile(compile_ledger(personas, dialect), read=dialect, write="duckdb")[0]
    found = run_duckdb(back, ledger=rows, people=people)
    assert np.abs(found["membership"] - personas.assigned["membership"]).max() < 1e-9
    assert found["unsure"].tolist() == personas.assigned["unsure"].tolist()


@pytest.mark.slow
def test_postgres_reads_the_ledger(postgres, ledger):
    personas, rows, people = ledger
    postgres.load("ledger", rows, {"confidence": "double precision"})
    postgres.load("people", people, {})
    found = postgres.query(compile_ledger(personas, "postgres"))
    assert np.abs(found["membership"] - personas.assigned["membership"]).max() < 1e-9
    assert found["persona"].tolist() == personas.assigned["persona"].tolist()
    assert (found["unsure"] == "t").tolist() == personas.assigned["unsure"].tolist()
