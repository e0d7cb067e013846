"""Label files that want to do something else are refused, and the refusal names the place."""

import pytest

from segtool.engines import DuckDBEngine
from segtool.errors import DefinitionError, SegtoolError
from segtool.labels import Catalog, Sql
from segtool.labels.expressions import check_expression

EXPRESSIONS = [
    "read_csv('/etc/passwd')", "read_parquet('x.parquet')", "read_text('/etc/passwd')", "glob('/*')",
    "(select count(*) from users)", "exists (select 1 from notes)", "amount in (select amount from users)",
    "1; drop table events", "amount; attach 'x' as y", "drop table events", "copy events to 'x'",
    "pragma version", "install httpfs", "load httpfs", "set memory_limit = '1TB'", "attach 'x.db'",
    "call pragma_version()", "export database 'x'", "create table x as select 1", "delete from events",
    "getenv('HOME')", "current_setting('memory_limit')", "duckdb_settings()", "query('select 1')",
    "random()", "now()", "current_date", "uuid()", "nextval('s')", "version()",
    "amount over (partition by user_id)", "row_number() over ()", "unnest([1, 2])", "list_value(1)",
    "[x for x in [1, 2]]", "x -> x + 1", "{'a': 1}", "amount::json", "cast(amount as blob)", "$1", "?",
    "events.amount", "information_schema.tables.x", "columns('a')", "regexp_extract(event, '(a+)+b')",
    "range(1000000000)", "repeat('x', 1000000000)", "amount collate nocase", "main.read_csv('x')",
    "amount \x00 + 1", "not " * 500 + "true", "(" * 500 + "1" + ")" * 500, "-" * 3000 + "1", "1 + " * 3000 + "1",
]  # fmt: skip

HEAD = "SELECT user_id, 'yes' AS value FROM "
SELECTS = [
    "DROP TABLE events", "DELETE FROM events", "INSERT INTO events VALUES (1)", "UPDATE events SET amount = 1",
    "CREATE TABLE x AS SELECT 1", "COPY events TO 'x.csv'", "ATTACH 'x.db' AS y", "DETACH y", "INSTALL httpfs",
    "LOAD httpfs", "SET memory_limit = '1TB'", "PRAGMA database_list", "CALL pragma_version()", "EXPLAIN SELECT 1",
    "EXPORT DATABASE 'x'", "DESCRIBE events", "SHOW TABLES", "USE main", "VACUUM", "CHECKPOINT", "BEGIN",
    HEAD + "events; DROP TABLE events", HEAD + "events -- x\n; ATTACH 'x'", "; ; ;",
    HEAD + "read_csv('/etc/passwd')", HEAD + "'/etc/passwd'", HEAD + '"data.parquet"', HEAD + "glob('/*')",
    HEAD + "read_text('/etc/passwd') AS t", HEAD + "sniff_csv('x')", HEAD + "query('SELECT 1')",
    HEAD + "query_table('events')", HEAD + "duckdb_settings()", HEAD + "duckdb_tables()",
    HEAD + "information_schema.tables", HEAD + "pg_catalog.pg_tables", HEAD + "sqlite_master",
    HEAD + "pragma_table_info('events')", HEAD + "measures_wide", HEAD + "user_index", HEAD + "base_events",
    HEAD + "events AS e, range(1000000000)", HEAD + "generate_series(1, 1000000000)", HEAD + "events, notes",
    HEAD + "events CROSS JOIN notes", HEAD + "events NATURAL JOIN notes", HEAD + "events POSITIONAL JOIN notes",
    HEAD + "(VALUES ('u1')) AS t(user_id)", HEAD + "events TABLESAMPLE 10%", HEAD + "events LIMIT 5",
    HEAD + "events OFFSET 5", HEAD + "events FOR UPDATE", HEAD + "events WHERE random() < 0.5",
    HEAD + "events WHERE event_time < now()", HEAD + "events WHERE local_date = current_date",
    HEAD + "events WHERE getenv('HOME') IS NOT NULL", HEAD + "events WHERE current_setting('x') = 'y'",
    HEAD + "events, LATERAL (SELECT 1)", HEAD + "main.events", HEAD + "db.main.events",
    "SELECT user_id, unnest([1, 2]) AS value FROM events", "SELECT user_id, $1 AS value FROM events",
    "SELECT user_id, {'a': 1} AS value FROM events", "SELECT user_id, [1] AS value FROM events",
    "SELECT user_id, list_transform([1], x -> x + 1) AS value FROM events", "SELECT * FROM events",
    "SELECT e.* FROM events AS e", "SELECT columns('user_id') FROM events", "FROM events",
    "SELECT user_id, 'a' AS value INTO t FROM events", "SELECT DISTINCT ON (user_id) user_id, event AS value FROM events",
    "WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM a) SELECT x AS user_id, x AS value FROM a",
    "WITH events AS (SELECT 'u1' AS user_id) SELECT user_id, 'yes' AS value FROM events",
    "SELECT user_id, 'a' AS value FROM events UNION SELECT user_id, 'b' AS value FROM events",
    "SELECT 'u1' AS user_id, 'yes' AS value", "SELECT user_id FROM events", "SELECT 'a' AS value FROM events",
    "SELECT user_id, 'yes' AS value, amount FROM events", "SELECT user_id, amount, 'yes' AS value FROM events",
    "SELECT user_id, version() AS value FROM events", "SELECT user_id, a.b.c.d AS value FROM events",
    "SELECT user_id, cast(event AS json) AS value FROM events",
    "SELECT user_id, repeat(event, 99999999) AS value FROM events",
    HEAD + "(" * 400 + "events" + ")" * 400, HEAD + "events WHERE " + "not " * 400 + "true",
    HEAD + "events WHERE " + "amount > 1 or " * 5000 + "true", "SELECT", "SELEC user_id FROM events", "\x00", "",
    "SELECT user_id, 'two\nlines' AS value FROM events",
    "WITH a AS (SELECT 1), a AS (SELECT 2) SELECT user_id, 'x' AS value FROM events",
    "SELECT user_id, (SELECT max(x) FROM read_csv('x')) AS value FROM events",
    HEAD + "events WHERE user_id IN (SELECT column0 FROM '/etc/passwd')",
    "SELECT user_id, 'x' AS value FROM events JOIN '/etc/passwd' AS p ON true",
    HEAD + "events JOIN notes ON true", HEAD + "(events, notes)", HEAD + "(events JOIN notes ON 1 = 1)",
    "SELECT e.user_id, 'x' AS value FROM events e JOIN (notes CROSS JOIN sends) ON e.user_id = notes.user_id",
    "SELECT user_id, 'x' AS value FROM events WHERE amount IN read_csv('x')",
    "SELECT user_id, 'x' AS value FROM events ORDER BY (SELECT 1 FROM glob('*'))",
    "SELECT user_id, (WITH x AS (SELECT * FROM read_text('a')) SELECT 1 FROM x) AS value FROM events",
    "SELECT user_id, 'x' AS value FROM events GROUP BY ROLLUP (user_id)",
    "SELECT user_id, 'x' AS value FROM events AT (VERSION => 1)",
    # A name that is a step in one place must not open the way to a file or an inner table in another.
    'SELECT user_id, 1 AS value FROM "/etc/passwd" WHERE EXISTS (WITH "/etc/passwd" AS (SELECT event FROM events) '
    'SELECT 1 FROM "/etc/passwd")',
    'WITH a AS (SELECT user_id FROM "/etc/passwd"), "/etc/passwd" AS (SELECT user_id FROM events) '
    "SELECT user_id, 1 AS value FROM a",
    "WITH a AS (SELECT user_id FROM measures_wide), measures_wide AS (SELECT user_id FROM events) "
    "SELECT user_id, 1 AS value FROM a",
    "WITH votes AS (SELECT user_id FROM votes) SELECT user_id, 1 AS value FROM votes",
    "SELECT user_id, (WITH a AS (SELECT event FROM events) SELECT max(event) FROM a) AS value FROM events",
    "PIVOT events ON event", "SUMMARIZE events", "SELECT user_id, 'x' AS value FROM events ORDER BY random()",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_expressions_that_are_more_than_expressions_are_refused(text):
    for role in ("row", "aggregate"):
        with pytest.raises(DefinitionError, match=r"measures\.x"):
            check_expression(text, "measures.x", role)


@pytest.mark.parametrize("text", SELECTS, ids=range(len(SELECTS)))
def test_what_is_not_one_select_over_the_studys_tables_is_refused(text):
    toml = f"[labels.bad]\nfacet = 'x'\nclaims = [{{sql = {{select = {_quoted(text)}}}}}]"
    with pytest.raises(DefinitionError) as refused:
        Catalog.from_toml(toml, "labels.toml")
    assert str(refused.value).startswith("labels.toml: labels.bad.claims[1].sql")
    assert refused.value.accepted


def test_a_limit_is_refused_with_what_to_write_instead():
    with pytest.raises(DefinitionError, match=r"rank them with row_number\(\)"):
        Sql(HEAD + "events LIMIT 5")


@pytest.mark.parametrize(
    ("rest", "at"),
    [
        ("(events)", 38),
        ("((events))", 39),
        ("(events AS e)", 38),
        ("events JOIN (notes) USING (user_id)", 50),
    ],
)
def test_a_table_alone_in_brackets_is_refused_where_it_stands(rest, at):
    with pytest.raises(DefinitionError, match=f"character {at}: a table stands alone in brackets"):
        Sql(HEAD + rest)


def test_there_are_many_hostile_texts():
    assert len(set(EXPRESSIONS)) >= 40 and len(set(SELECTS)) >= 40


FILES = {
    "one key twice": "[labels.a]\nfacet = 'x'\nfacet = 'y'",
    "one table twice": "[measures.a]\nfrom = 'events'\nsql = 'count(*)'\n[measures.a]\nfrom = 'events'\nsql = 'max(amount)'",
    "one name twice": "[measures.a]\nfrom = 'events'\nsql = 'count(*)'\n[measures.A]\nfrom = 'events'\nsql = 'max(amount)'",
    "lists in lists": "x = " + "[" * 3000 + "]" * 3000,
    "tables in tables": "x = " + "{a = " * 2000 + "1" + "}" * 2000,
    "points in a key": "[labels" + ".a" * 5000 + "]\nfacet = 'x'",
    "deep rows": "[labels.a]\nfacet = 'x'\nclaims = [{flag = {is = 'n > 1'}}]\n"
    "[[labels.a.tests]]\nexpect = ''\ngiven.events = [{a"
    + ".b" * 50 + " = 1}]",
    "a table that runs away": "[labels.a\nfacet = 'x'",
    "another top level": "[settings]\nmemory_limit = '1TB'",
    "a name with SQL in it": "[labels.\"a; drop table events\"]\nfacet = 'x'\nclaims = [{note = {}}]",
    "a measure called user_id": "[measures.user_id]\nfrom = 'events'\nsql = 'count(*)'",
    "two kinds in one claim": "[labels.a]\nfacet = 'x'\nclaims = [{note = {}, flag = {is = 'n > 1'}}]",
    "no kind": "[labels.a]\nfacet = 'x'\nclaims = [{reliability = 0.9}]",
    "a list for a text": "[labels.a]\nfacet = 'x'\nclaims = [{first = {from = ['events'], of = 'topic'}}]",
    "dates that are none": "[labels.a]\nfacet = 'x'\n"
    "claims = [{times = {from = 'events', at_least = 1, between = ['x', \"' or 1=1\"]}}]",
    "a period that is none": "[periods.a]\nfrom = 1\nuntil = 2",
    "too large": "# " + "x" * 2_000_001,
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_broken_files_are_refused_by_name(what):
    with pytest.raises(DefinitionError, match=r"^labels\.toml"):
        Catalog.from_toml(FILES[what], "labels.toml")


def test_names_and_values_with_quotes_stay_data():
    nasty = "x'; DROP TABLE events; --"
    toml = f"""
    [labels.a]
    facet = "x"
    values = [{_quoted(nasty)}, "no"]
    [[labels.a.claims]]
    list = {{name = {_quoted(nasty)}, complete = true, yes = {_quoted(nasty)}}}
    [[labels.a.claims]]
    first = {{from = "events", of = {_quoted('"to pic"')}, values = {{{_quoted(nasty)} = "no"}}}}
    """
    from tiny_tables import label_tiny, tiny_engine, values

    rows = [{"user_id": "u1", "event_time": "2026-06-01", "event": nasty, "to pic": nasty}]
    lists = [
        {"user_id": "u1", "list": nasty, "added_at": "2026-06-01"},
        {"user_id": "u2", "list": "x", "added_at": "2026-06-01"},
    ]
    engine = tiny_engine(events=rows, lists=lists)
    label_tiny(toml, engine)
    assert values(engine, "a")["u2"] == "no"
    assert "events" in engine.tables()


def test_the_engine_is_a_second_door():
    """Were a SELECT to slip through, a locked engine would still read no file."""
    with DuckDBEngine(threads=1) as engine:
        engine.lock([])
        with pytest.raises(Exception, match=r"disabled|ermission"):
            engine.query("SELECT * FROM read_csv('/etc/passwd')")


def test_a_select_the_engine_refuses_names_the_claim():
    from tiny_tables import label_tiny, purchases, tiny_engine

    engine = tiny_engine(events=purchases("u1", 10))
    toml = "[labels.odd]\nfacet = 'x'\nclaims = [{sql = \"SELECT user_id, event AS value FROM events GROUP BY user_id\"}]"
    with pytest.raises(SegtoolError, match=r"SELECT of odd\.1 sql .*event"):
        label_tiny(toml, engine)


def test_a_select_that_asks_for_a_missing_column_is_left_out_with_the_nearest():
    from segtool.labels import compile_labels

    catalog = Catalog.from_toml(
        "[labels.odd]\nfacet = 'x'\nclaims = [{sql = '''SELECT user_id,\n  tpoic AS value FROM events'''}]"
    )
    compiled = compile_labels(catalog, {"events": {"user_id": "text", "topic": "text"}})
    assert "line 2, character 3: events has no column 'tpoic'" in compiled.left_out[0].reason
    assert "'topic'" in compiled.left_out[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "SELECT user_id, CASE WHEN count(*) > 9 THEN 'yes' ELSE 'no' END AS value FROM events GROUP BY 1",
        "WITH a AS (SELECT user_id, max(age_days) AS old FROM events GROUP BY user_id), b AS (SELECT avg(old) AS m FROM a) "
        "SELECT a.user_id, 'old' AS value FROM a CROSS JOIN b WHERE a.old > b.m",
        "SELECT user_id, event AS value, 0.7 AS confidence FROM events "
        "QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY event_time DESC, event) = 1",
        "SELECT e.user_id, 'x' AS value FROM events AS e JOIN notes AS n "
        "ON n.user_id = e.user_id AND n.noted_at < e.event_time",
        "SELECT user_id, 'x' AS value FROM events WHERE user_id NOT IN (SELECT user_id FROM notes)",
        "SELECT user_id, date_trunc('month', event_time)::text AS value FROM events GROUP BY user_id, 2",
        "SELECT user_id, 'x' AS value FROM (events JOIN notes USING (user_id))",
        "SELECT user_id, value FROM (SELECT user_id, 'a' AS value FROM events "
        "UNION ALL SELECT user_id, 'b' AS value FROM notes) AS u",
    ],
)
def test_honest_selects_pass(text):
    assert Sql(text).tables()


def _quoted(text: str) -> str:
    body = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\x00", "\\u0000")
    return f'"{body}"'
