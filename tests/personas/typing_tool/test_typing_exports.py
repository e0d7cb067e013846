import json
import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import pytest
import sqlglot

from segtool.errors import InputError, ParameterError
from tests.personas.typing_tool.typed_people import NAMES, make_people, make_tool


@pytest.fixture(scope="module")
def tool():
    return make_tool(300, n_questions=13)[0]


@pytest.fixture(scope="module")
def answers():
    frame = make_people(200, seed=9, known=0.7)[0]
    frame["age"] = frame["age"].astype(object).where(frame.index != "u0003", "nowhere")  # no answer there is
    frame.loc["u0005"] = np.nan
    return frame


def test_every_kind_of_question_is_in_the_tool(tool):
    assert {question.kind for question in tool.asked} == {"ordered", "nominal", "flag", "many", "number"}


def test_nobody_who_says_nothing_is_sure(tool, answers):
    said = tool.assign(answers).set_index("user_id").loc["u0005"]
    assert said["persona_id"] == 1 and said["unsure"]
    odds = tool.prior**tool.sharpness
    assert said["membership"] == pytest.approx(odds[0] / odds.sum())


def test_an_answer_that_there_is_not_is_unknown(tool, answers):
    without = answers.loc[["u0003"]].assign(age=None)
    said = tool.assign(answers).set_index("user_id").loc["u0003", "membership"]
    assert tool.assign(without)["membership"].iloc[0] == pytest.approx(said)


def test_membership_is_what_the_formula_gives(tool):
    question = next(q for q in tool.asked if q.column == "age")
    block = tool.shares[tool.asked.index(question)]
    odds = (tool.prior * block[:, question.answers.index("45+")]) ** tool.sharpness
    said = tool.assign(pd.DataFrame({"user_id": ["x"], "age": ["45+"]}))
    assert said["persona_id"].iloc[0] == odds.argmax() + 1
    assert said["membership"].iloc[0] == pytest.approx(odds.max() / odds.sum())
    assert said["persona"].iloc[0] == NAMES[odds.argmax() + 1] and said["unsure"].iloc[0]


def test_yes_comes_in_many_spellings(tool):
    rows = {"a": True, "b": "yes", "c": "true", "d": "1", "e": 1}
    said = [
        tool.assign(pd.DataFrame({"user_id": [who], "early": [cell]}))["membership"].iloc[0]
        for who, cell in rows.items()
    ]
    assert said == pytest.approx([said[0]] * 5)
    no = tool.assign(pd.DataFrame({"user_id": ["f"], "early": [False]}))["membership"].iloc[0]
    assert no != pytest.approx(said[0])


def test_a_table_without_any_of_the_questions_is_refused(tool):
    with pytest.raises(InputError, match=r"None of the 13 questions.*did you mean 'age'|None of the 13"):
        tool.assign(pd.DataFrame({"user_id": ["x"], "agge": ["45+"]}))


# --- Python ------------------------------------------------------------------------------------


def test_the_python_module_needs_nothing_and_agrees(tool, answers, tmp_path):
    (tmp_path / "persona_tool.py").write_text(tool.to_python(), encoding="utf-8")
    rows = json.loads(answers.astype(object).where(answers.notna(), None).to_json(orient="records"))
    script = (
        "import json, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "for name in ('segtool', 'numpy', 'pandas'):\n"
        "    try:\n        __import__(name)\n    except ImportError:\n        continue\n"
        "    raise SystemExit(name + ' can be imported: the test proves nothing')\n"
        "from persona_tool import assign\n"
        "print(json.dumps([assign(row) for row in json.load(sys.stdin)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script],
        input=json.dumps(rows), capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, said = pd.DataFrame(json.loads(done.stdout)), tool.assign(answers)
    for column in ("persona_id", "persona", "runner_up", "unsure"):
        assert found[column].tolist() == said[column].tolist()
    assert found["membership"].to_numpy() == pytest.approx(said["membership"].to_numpy(), abs=1e-12)
    assert all(abs(sum(row.values()) - 1) < 1e-12 for row in found["memberships"])


def test_the_python_module_takes_odd_answers(tool):
    room = {}
    exec(tool.to_python(), room)
    nothing = room["assign"]({})
    for odd in ({"spend": "a lot"}, {"spend": float("nan")}, {"age": None}, {"age": 7}, {"other": 1}):
        assert {**room["assign"](odd), "ignored": []} == nothing
    assert room["assign"]({"spend": "12.5"}) == room["assign"]({"spend": 12.5}) != nothing
    assert room["assign"]({"early": True}) == room["assign"]({"early": "yes"}) != nothing


# --- SQL ---------------------------------------------------------------------------------------


def run_duckdb(sql, answers):
    with duckdb.connect() as base:
        base.register("answers", answers.reset_index())
        return base.execute(sql).df()


@pytest.mark.parametrize("as_text", [False, True])
def test_the_statement_agrees_in_duckdb(tool, answers, as_text):
    table = answers.copy()
    if as_text:  # as an export or a survey platform would give it
        flags = ["early", "illness", "likes: 旅行", "likes: toys"]
        for name in [name for name in flags if name in table]:
            table[name] = table[name].map({True: "yes", False: "no"}, na_action="ignore").astype(object)
    else:
        table = table.astype({name: "boolean" for name in table if name.startswith(("early", "likes"))})
    found, said = run_duckdb(tool.to_sql(), table), tool.assign(answers)
    for column in ("user_id", "persona_id", "persona", "runner_up", "unsure"):
        assert found[column].tolist() == said[column].tolist()
    assert np.abs(found["membership"] - said["membership"]).max() < 1e-9


def test_a_number_at_a_cut_belongs_below_it(tool):
    question = next(q for q in tool.asked if q.kind == "number")
    ends = pd.DataFrame({q.column: pd.Series([None] * 4, dtype=object) for q in tool.asked})
    ends["spend"] = [question.cuts[0], np.nextafter(question.cuts[0], 9e9), -1.0, np.inf]
    ends.index = pd.Index(list("abcd"), name="user_id")
    found, said = run_duckdb(tool.to_sql(), ends), tool.assign(ends)
    assert np.abs(found["membership"] - said["membership"]).max() < 1e-12
    assert said["membership"].iloc[0] == said["membership"].iloc[2] != said["membership"].iloc[1]


@pytest.mark.parametrize("dialect", ["spark", "postgres", "bigquery", "snowflake"])
def test_other_dialects_are_written_and_can_be_read(tool, dialect):
    sql = tool.to_sql(dialect, table="lake.survey", user_id="member")
    tree = sqlglot.parse_one(sql, read=dialect)
    tables = {table.sql(dialect=dialect) for table in tree.find_all(sqlglot.exp.Table) if table.db}
    assert len(tables) == 1 and "survey" in tables.pop()
    assert "member" in sql and sql.count("宝妈") >= 2


@pytest.mark.spark
def test_the_statement_agrees_in_spark(answers, spark_session):
    tool = make_tool(200, n_questions=4)[0]
    rows = answers[[question.column for question in tool.asked]].head(60)
    kinds = {question.column: question.kind for question in tool.asked}
    types = {"number": "double", "many": "boolean", "flag": "boolean"}
    schema = ", ".join(["user_id string", *(f"`{c}` {types.get(kinds[c], 'string')}" for c in rows)])
    cells = rows.astype(object).where(rows.notna(), None).reset_index().to_dict("split")["data"]
    spark_session.createDataFrame(cells, schema).createOrReplaceTempView("typing_answers")
    found = spark_session.sql(tool.to_sql("spark", table="typing_answers")).collect()
    found, said = pd.DataFrame([row.asDict() for row in found]), tool.assign(rows)
    for column in ("user_id", "persona_id", "persona", "runner_up", "unsure"):
        assert found[column].tolist() == said[column].tolist()
    assert np.abs(found["membership"] - said["membership"]).max() < 1e-9


def test_an_unknown_dialect_is_named(tool):
    with pytest.raises(ParameterError, match="dialect is 'oracle'"):
        tool.to_sql("oracle")


def test_the_python_module_says_what_it_could_not_use(tool):
    room = {}
    exec(tool.to_python(), room)
    column = next(each["column"] for each in room["QUESTIONS"] if each.get("other", 0) is None)
    assert room["assign"]({"misspelt": "x", column: "no such answer"})["ignored"] == sorted(
        ["misspelt", column]
    )
    assert room["assign"]({column: None})["ignored"] == []
