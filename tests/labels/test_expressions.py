import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool.engines import DuckDBEngine
from segtool.errors import DefinitionError
from segtool.labels.claims import Sql
from segtool.labels.expressions import (
    AGGREGATES,
    SCALARS,
    check_expression,
    quote_name,
    render,
    resolve_columns,
)

HOSTILE = [
    "select 1",
    "(select max(amount) from events)",
    "amount in (select amount from events)",
    "exists(select 1)",
    "1; drop table events",
    "1; select 2",
    "read_csv('/etc/passwd')",
    "read_parquet('x.parquet')",
    "read_text('/etc/passwd')",
    "getenv('HOME')",
    "current_setting('home_directory')",
    "pragma_version()",
    "duckdb_settings()",
    "attach 'x.db'",
    "copy events to 'x.csv'",
    "install httpfs",
    "load httpfs",
    "set memory_limit = '1GB'",
    "pragma database_list",
    "drop table events",
    "delete from events",
    "insert into events values (1)",
    "update events set amount = 0",
    "create table x as select 1",
    "call pragma_version()",
    "export database 'x'",
    "*",
    "* exclude (user_id)",
    "columns('.*')",
    "events.amount",
    "main.events.amount",
    "row_number() over ()",
    "sum(amount) over (partition by user_id)",
    "unnest([1, 2])",
    "list_transform([1], x -> x)",
    "[1, 2, 3]",
    "{'a': 1}",
    "amount[1]",
    "?",
    "$1",
    "#1",
    "random()",
    "now()",
    "current_date",
    "uuid()",
    "foo(amount)",
    "query('select 1')",
    "amount::integer[]",
    "amount at time zone 'UTC'",
    "event similar to '.*'",
    "regexp_matches(event, '(a+)+$')",
    "amount collate nocase",
    "e'\\x41'",
    "sum(amount)) from events --",
    "amount from events",
    "amount as x",
    "case when 1 then (select 1) end",
    "interval 1 fortnight",
    "amount ->> 'a'",
    "a\x00b",
    "",
    "   ",
    "(" * 200 + "1" + ")" * 200,
    "not " * 500 + "true",
    "- " * 500 + "1",
    "amount" + " + amount" * 3000,
    "case when true then " * 100 + "1" + " end" * 100,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("role", ["row", "aggregate"])
def test_hostile_expressions_are_refused_with_the_place(text, role):
    with pytest.raises(DefinitionError, match=r"^labels\.x\.claims\[1\]"):
        check_expression(text, "labels.x.claims[1]", role)


@pytest.mark.parametrize(
    "text",
    [
        "event = 'purchase' and age_days < 30",
        "event in ('view', 'like') or not (amount between 1 and 2)",
        "topic like '%运动%' and channel is not null",
        "cast(amount as integer) % 2 = 0",
        "coalesce(amount, 0) >= 1e3",
        "event_time >= date '2026-01-01'",
        "case when amount > 10 then 'a' else 'b' end = 'a'",
        '"q 7" = 1',
    ],
)
def test_conditions_over_rows_are_accepted(text):
    assert check_expression(text, "x").columns


@pytest.mark.parametrize(
    "text",
    [
        "count(*)",
        "count(distinct topic)",
        "sum(amount) / nullif(count(*), 0)",
        "count(*) filter (where event = 'like')",
        "count_if(local_hour >= 22) / count(*)",
        "max(case when event = 'cart' then 2 else 1 end)",
        "round(avg(amount), 2)",
    ],
)
def test_aggregates_are_accepted(text):
    check_expression(text, "x", "aggregate")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("amount + sum(amount)", "character 1: the column amount stands outside"),
        ("sum(max(amount))", "an aggregate inside an aggregate"),
        ("max(amount, 3)", "max takes one argument"),
        ("count(distinct topic, channel)", "distinct stands only in count"),
        ("sum(distinct amount)", "distinct stands only in count"),
        ("amount + 1", "needs an aggregate"),
        ("1 + foo(amount)", "character 5: the function foo is not part"),
    ],
)
def test_the_refusal_says_what_and_where(text, found):
    with pytest.raises(DefinitionError) as error:
        check_expression(text, "measures.x.sql", "aggregate")
    assert found in str(error.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("n > 5 && n < 9", "&& is not part of the label language. Accepted: and between"),
        ("n > 5 || n < 3", "|| is not part of the label language. Accepted: or between"),
    ],
)
def test_signs_of_other_languages_are_told_the_word(text, found):
    with pytest.raises(DefinitionError) as error:
        check_expression(text, "flag.is", "row")
    assert found in str(error.value)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("SELECT * FROM users LIMIT 5", "SELECT user_id, ... AS value. To keep the first few, rank"),
        ("SELECT * FROM users", "Write SELECT user_id, ... AS value."),
        ("SELECT user_id, 'a' AS value FROM users WHERE x > 1 && x < 3", "Write and between two conditions."),
    ],
)
def test_a_select_that_is_refused_says_what_to_do(text, fix):
    with pytest.raises(DefinitionError) as error:
        Sql(text)
    assert fix in error.value.fix


def test_an_aggregate_has_no_place_in_a_condition():
    with pytest.raises(DefinitionError, match="an aggregate cannot stand here"):
        check_expression("sum(amount) > 3", "measures.x.where", "row")


def test_an_unknown_column_names_place_character_and_nearest():
    expression = check_expression("1 + sum(amuont)", "measures.spend.sql", "aggregate")
    with pytest.raises(DefinitionError) as error:
        resolve_columns(expression, {"amount": "number", "topic": "text"}, "events")
    assert "measures.spend.sql, character 9: events has no column 'amuont'" in str(error.value)
    assert "did you mean 'amount'?" in str(error.value)


def test_columns_are_found_whatever_the_case():
    expression = check_expression("Sum(AMOUNT)", "x", "aggregate")
    assert resolve_columns(expression, {"Amount": "number"}, "events") == {"AMOUNT": "Amount"}
    assert render(expression.tree, {"AMOUNT": "Amount"}) == 'SUM("Amount")'


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a / b", "a / NULLIF(b, 0)"),
        ("a / 2", "a / 2"),
        ("ln(a)", "LN(CASE WHEN a > 0 THEN a END)"),
        ("cast(a as integer)", "TRY_CAST(a AS INT)"),
        ("a -- a comment", "a"),
    ],
)
def test_what_is_rendered_cannot_fail_on_data(text, safe):
    assert render(check_expression(text, "x").tree) == safe


@given(st.text(min_size=1, max_size=60))
@example("@")
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_expression_or_a_clear_refusal(text):
    try:
        expression = check_expression(text, "here")
    except DefinitionError as error:
        assert str(error).startswith("here")
        return
    again = check_expression(render(expression.tree), "here")
    assert render(again.tree) == render(expression.tree)


@given(st.text(alphabet=st.characters(exclude_characters="\x00"), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_column_name_survives_quoting(name):
    expression = check_expression('"' + name.replace('"', '""') + '"', "here")
    assert expression.columns == (name,)
    assert check_expression(quote_name(name), "here").columns == (name,)


def test_the_lists_do_not_overlap():
    assert not set(AGGREGATES) & set(SCALARS)


def test_every_keyword_of_the_engine_can_be_a_column():
    engine = DuckDBEngine()
    words = engine.query("SELECT DISTINCT keyword_name AS word FROM duckdb_keywords() ORDER BY word")["word"]
    names = [quote_name(word) for word in words]
    picks = ", ".join(f"1 AS {name}" for name in names)
    sums = ", ".join(f"{name} + 1 AS {name}" for name in names)
    assert len(engine.query(f"SELECT {sums} FROM (SELECT {picks}) AS t ORDER BY 1").columns) == len(words)
