import pytest
import sqlglot
from tiny_tables import AS_OF

from segtool.errors import DefinitionError
from segtool.labels import (
    Bands,
    Catalog,
    Flag,
    Label,
    Measure,
    Note,
    Preference,
    builtin_catalog,
    compile_labels,
)
from segtool.labels.scans import MAX_AGGREGATES

EVENTS = {
    "user_id": "text", "event_time": "time", "event": "text", "topic": "text", "amount": "number",
    "age_days": "number", "local_date": "time", "local_hour": "number", "local_weekday": "number",
}  # fmt: skip
SCHEMAS = {"events": EVENTS}
SPEND = Measure("spend", "events", "sum(amount)", "event = 'purchase' and age_days < 30", "CNY", 0)
ORDERS = Measure("orders", "events", "count(*)", "event = 'purchase' and age_days < 30", no_rows=0)


def label(name, *claims, **parts):
    return Label(name, "x", claims, **parts)


def steps(catalog, **options):
    return {step.name: step.sql for step in compile_labels(catalog, SCHEMAS, **options).steps}


def test_a_small_catalogue_compiles_to_this():
    basket = Measure("basket", "measures", "spend / orders")
    sql = compile_labels(Catalog([SPEND, ORDERS, basket]), SCHEMAS, as_of=AS_OF.to_pydatetime()).sql
    assert sql.startswith(SNAPSHOT)


SNAPSHOT = """\
WITH
-- events, one pass
events__scan1 AS (
  SELECT
    user_id,
    SUM(amount) AS spend,
    COUNT(*) AS spend__rows
  FROM events
  WHERE age_days < 30 AND event = 'purchase'
  GROUP BY user_id
),
-- one row per user
measures_base AS (
  SELECT
    u.user_id,
    CASE WHEN spend__rows > 0 THEN CAST(round(spend, 6) AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS spend,
    CAST(COALESCE(spend__rows, 0) AS DOUBLE) AS orders
  FROM user_index AS u
  LEFT JOIN events__scan1 AS s1 ON s1.user_id = u.user_id
),
-- arithmetic on measures
measures_wide AS (
  SELECT
    *,
    round(CAST(spend / NULLIF(orders, 0) AS DOUBLE), 6) AS basket
  FROM measures_base
),
"""


def test_compiling_twice_gives_the_same_text():
    assert compile_labels(builtin_catalog(), SCHEMAS).sql == compile_labels(builtin_catalog(), SCHEMAS).sql


def test_what_lacks_a_table_or_column_is_left_out_with_the_reason():
    catalog = Catalog(
        [SPEND, Measure("opens", "sends", "count(*)"), Measure("typo", "events", "sum(amuont)"),
         Measure("ratio", "measures", "opens / spend")],
        [label("a", Flag("opens > 1")), label("b", Flag("ratio > 1"), Flag("spend > 1")), label("c", Note())],
    )  # fmt: skip
    compiled = compile_labels(catalog, SCHEMAS)
    reasons = {(item.kind, item.name): item.reason for item in compiled.left_out}
    assert reasons["measure", "opens"] == "there is no table 'sends'."
    assert reasons["measure", "typo"] == (
        "measures.typo.sql, character 5: events has no column 'amuont'; did you mean 'amount'?"
    )
    assert reasons["measure", "ratio"] == "the measure 'opens' was left out."
    assert reasons["label", "a"] == "the measure 'opens' was left out: there is no table 'sends'."
    assert reasons["label", "c"] == "there is no table 'notes'."
    assert ("claim", "b.1 flag") in reasons and ("label", "b") not in reasons
    assert [each.name for each in compiled.labels] == ["b"]
    assert compiled.measures == ("spend",)


def test_events_that_never_occur_say_nothing_about_who_does_them():
    shares = Measure("shares", "events", "count(*)", "event = 'share'", no_rows=0)
    catalog = Catalog([shares], [label("sharer", Flag("shares > 0"))])
    compiled = compile_labels(catalog, SCHEMAS, words={"events.event": {"shared", "view"}})
    assert not compiled.labels
    assert compiled.left_out[0].reason.startswith("no event 'share' occurs in events; did you mean 'shared'?")


@pytest.mark.parametrize(
    ("sql", "where", "found"),
    [
        ("sum(topic)", None, "measures.x.sql, character 1: sum of topic, which holds text"),
        ("avg(event_time)", None, "avg of event_time, which holds time"),
        ("count(*)", "topic > 3", "measures.x.where, character 1: text is compared with a number"),
        ("count(*)", "amount in ('1', '2')", "text is compared with a number"),
    ],
)
def test_kinds_that_do_not_fit_are_refused_before_the_engine_shows_data(sql, where, found):
    with pytest.raises(DefinitionError) as error:
        compile_labels(Catalog([Measure("x", "events", sql, where)]), SCHEMAS)
    assert found in str(error.value)


def test_measures_of_one_kind_of_event_share_one_narrow_scan():
    kinds = [
        Measure(f"bought_{n}", "events", "count(*)", f"event = 'purchase' and age_days < {n}")
        for n in (7, 30, 90)
    ]
    found = steps(Catalog([*kinds, Measure("all", "events", "count(*)")]))
    assert [name for name in found if "scan" in name] == ["events__scan1", "events__scan2"]
    assert "WHERE event = 'purchase'" in found["events__scan2"]
    assert "WHERE" not in found["events__scan1"]


def test_no_step_is_wider_than_the_limit():
    many = [
        Measure(f"m{n}", "events", "count(*)", f"age_days < {n}") for n in range(1, 2 * MAX_AGGREGATES + 2)
    ]
    widths = [sql.count(" AS m") for name, sql in steps(Catalog(many)).items() if "scan" in name]
    assert len(widths) == 3
    assert max(widths) <= MAX_AGGREGATES


def test_the_same_aggregate_is_computed_once():
    twin = Measure("twin", "events", "count(*)", "age_days < 30 AND event = 'purchase'", no_rows=0)
    assert steps(Catalog([ORDERS, twin]))["events__scan1"].count("COUNT(*)") == 1


def test_distinct_counts_run_in_a_step_of_their_own_and_share_it():
    days = [Measure(f"days_{n}", "events", "count(distinct local_date)", f"age_days < {n}") for n in (30, 90)]
    found = steps(Catalog(days))
    assert [name for name in found if name.startswith("events__")] == ["events__distinct1_1"]
    assert "WHERE age_days < 90 AND local_date IS NOT NULL" in found["events__distinct1_1"]
    assert "DISTINCT" not in found["events__distinct1_1"].upper().replace("DISTINCT_VALUE", "")


def test_lineage_comes_from_the_definitions():
    catalog = Catalog(
        [SPEND, ORDERS, Measure("basket", "measures", "spend / orders")],
        [label("power", Bands("basket", edges=[100]), values=["low", "high"])],
    )
    lineage = compile_labels(catalog, SCHEMAS).lineage["power"]
    assert lineage.families == {"events"}
    assert lineage.columns == {"events.amount", "events.event", "events.age_days"}


def test_the_source_of_a_claim_follows_from_its_tables():
    schemas = {"events": EVENTS, "users": {"user_id": "text", "age": "number"}}
    catalog = Catalog(
        [SPEND, Measure("age", "users", "max(age)")],
        [
            label("old", Flag("age > 60")),
            label("rich", Flag("spend > 60")),
            label("both", Flag("age + spend > 60")),
        ],
    )
    sources = {info.label: info.source for info in compile_labels(catalog, schemas).claims}
    assert sources == {"old": "profile", "rich": "behaviour", "both": "behaviour"}


def test_odd_columns_and_unicode_names_are_quoted():
    schemas = {"events": {**EVENTS, 'size "XL"; --': "number", "select": "number"}}
    measures = [
        Measure("größe", "events", 'sum("size ""XL""; --")'),
        Measure("消费", "events", 'max("select")'),
    ]
    compiled = compile_labels(Catalog(measures, [label("标签", Flag("消费 > größe"))]), schemas)
    assert all(sqlglot.parse_one(step.sql, dialect="duckdb") for step in compiled.steps)


def test_every_step_of_the_builtin_catalogue_is_valid_sql():
    catalog = builtin_catalog() + Catalog([], [label("p", Preference("events", "topic"), many=True)])
    compiled = compile_labels(catalog, SCHEMAS)
    assert all(sqlglot.parse_one(step.sql, dialect="duckdb") for step in compiled.steps)


def test_the_statement_is_shown_in_the_dialect_of_the_engine():
    catalog = Catalog([Measure("n", "events", "sum(amount) / count(*)")], [label("x", Flag("n > 1"))])
    compiled = compile_labels(catalog, SCHEMAS, dialect="spark")
    assert "TRY_DIVIDE(" in compiled.sql and sqlglot.parse_one(compiled.sql, dialect="spark")
    assert compiled.steps == compile_labels(catalog, SCHEMAS).steps


def test_an_empty_catalogue_compiles():
    assert [step.name for step in compile_labels(Catalog(), {}).steps][-1] == "labels"
