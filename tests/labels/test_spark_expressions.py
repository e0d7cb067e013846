"""Every function and operator of the label language answers alike on DuckDB and on Spark."""

from __future__ import annotations

import math
from decimal import Decimal

import pandas as pd
import pytest
from sqlglot import exp

from segtool.engines import DuckDBEngine
from segtool.labels import Catalog, compile_labels, run_labels
from segtool.labels.expressions import ALLOWED, check_expression, render

pytestmark = [pytest.mark.slow, pytest.mark.spark]

# Empty, negative, tied, huge, not Latin, nearly a number: and NULL in every column.
ROWS = """
SELECT * FROM (VALUES
  (1, 7, 2, 2.5, 0.5, 12.3450, 'abc', '1.7', true, '2026-03-31 10:30:00', '2026-03-31', 'a'),
  (2, -7, 3, -2.5, 0.0, -0.0050, '', '', false, '2026-01-01 00:00:00', '2026-01-01', 'a'),
  (3, 0, 0, 0.0, 3.0, 0.0000, '中文标签', ' 12 ', true, '2025-12-31 23:59:59.5', '2024-02-29', 'a'),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'a'),
  (5, 2147483647, -1, 123456789.25, -7.5, 9999999.9999, '🤦🏼‍♂️x', '1e3', false, '1969-07-20 20:17:40', '1969-07-20', 'b'),
  (6, 5, 5, 1.005, 1.005, 1.0050, 'A_b%c\\d''"', 'abc', true, '2026-03-31 10:30:00', '2026-03-31', 'b'),
  (7, 5, 2, 3.5, 2.0, 3.5000, 'Straße İΟΔΟΣ', '2026', NULL, '2026-02-28 12:00:00', '2026-02-28', 'b'),
  (8, 1, 1, 0.000012345, 2.675, 2.6750, '  padded　 ', '-.5', false, '2026-06-30 01:02:03', '2026-06-30', 'b'),
  (9, -5, 2, -3.5, 2.0, -3.5000, 'tab\t', '2026-1-5', true, '2026-06-29 01:02:03', '2026-06-29', 'c'),
  (10, 3, NULL, 1e16, 1.5, NULL, 'ABC', '2026/01/05 10:00', NULL, NULL, '2026-01-05', 'd'),
  (11, NULL, 4, 100.0, 3.0, 7.1250, 'ŉﬁ', '1.5d', NULL, '2026-01-05 00:00:00', NULL, 'd'),
  (12, 8, 4, 1234567.5, 0.3, 0.3333, 'null', '12345678901234567890', NULL, '2026-01-05 00:00:00', NULL, 'e')
) AS t (id, n, k, x, y, m, s, u, f, t, d, user_id)
"""
TYPES = {
    "id": "INTEGER", "n": "BIGINT", "k": "INTEGER", "x": "DOUBLE", "y": "DOUBLE", "m": "DECIMAL(18,4)",
    "s": "VARCHAR", "u": "VARCHAR", "f": "BOOLEAN", "t": "TIMESTAMP", "d": "DATE", "user_id": "VARCHAR",
}  # fmt: skip

SCALAR = """
n + k | n - k | n * k | n / k | m / k | m / m | n / 0 | x / 0 | x / y | -n | -x | -m | - (m - 1) * 2
n // k | x // y | m // k | n // 0 | n % k | x % y | m % 2 | m % m | n % 0 | x * 0.1 | m * 0.1 | m + x | m * 1.5
m - 0.005
1 / 3 | n / 2 * 2 | 0.1 + 0.2 | 7 / 2 | n + 0.5 | 1.0 / 3 * k
abs(n) | abs(x) | abs(m) | round(x) | round(x, 1) | round(x, 2) | round(m, 2) | round(m) | round(n, 2)
round(k)
round(x, -1) | round(m, -1) | round(y, 2) | round(n / 7, 6) | round(-2.5) | round(2.5) | round(1.005, 2)
floor(x) | floor(m) | floor(n) | ceil(x) | ceil(m) | ceil(k) | ln(x) | ln(m) | ln(n) | exp(y) | exp(k) | sqrt(x)
sqrt(m)
power(y, 2) | power(k, 2) | power(m, 0.5) | power(k, -1) | power(2, k)
least(n, k) | least(x, y, m) | greatest(n, k) | greatest(x, y, NULL) | greatest(s, u)
least(d, date '2026-01-01') | greatest(f, false)
coalesce(n, k) | coalesce(x, n, 0) | coalesce(s, u, 'none') | coalesce(m, 0) | nullif(n, 5) | nullif(s, '')
nullif(m, 3.5) | nullif(x, n)
lower(s) | upper(s) | trim(s) | length(s) | length(trim(s)) | starts_with(s, 'a') | starts_with(s, '')
starts_with(s, '中') | starts_with(lower(s), 'abc')
s = 'abc' | s <> 'abc' | s != '' | s > 'B' | s <= '中' | s < u | n = 5 | n = 5.0 | x = 2.5 | m = 3.5 | m > 2.675
x >= y | f = true | f <> false | not f | f
n is null | n is not null | f is true | f is not true | f is false | n is not distinct from k
n is distinct from NULL | s is distinct from 'abc'
n between 1 and 5 | x not between 0 and 3 | d between '2026-01-01' and '2026-03-31' | n between k and NULL
m between 0 and 3.5
n in (5, 7) | n not in (5, NULL) | s in ('abc', '') | s not in ('abc', 'ABC') | m in (3.5, 2.675)
d in (date '2026-03-31') | n in (NULL, 5)
f and n > 1 | f or n > 1 | f and NULL | f or NULL | not (f and k > 1) | (f or n = 5) and not (s = '')
s like 'a%' | s like '%b%' | s like '_b_' | s like '' | s like '%中%' | s like 'A_b%' | s like '%\\%'
s like '%''%' | s not like 'a%' | s like u | s like 'A\\_b%'
s ilike 'a%' | s ilike 'ABC' | s ilike '%STRASSE%' | s ilike '%i%' | s not ilike '%B%' | s ilike '%οδος'
s ilike '%ΟΔΟΣ'
case when n > 1 then 'many' when n = 1 then 'one' else 'none' end | case s when 'abc' then 1 when '' then 2 end
case when f then x end | case when n > 0 then 1 else m end
cast(x as integer) | cast(y as integer) | cast(m as integer) | cast(x as bigint) | cast(n as integer)
cast(u as integer) | cast(s as integer) | cast(f as integer) | cast(n as smallint) | cast(k as tinyint)
cast(floor(x) as integer) | cast(x / y as integer)
cast(u as double) | cast(u as bigint) | cast(u as decimal(18,4)) | cast(x as decimal(18,2))
cast(y as decimal(6,2)) | cast(m as decimal(6,1)) | cast(n as decimal) | cast(m as double) | cast(x as float)
cast(f as double) | cast(n as double)
cast(n as text) | cast(x as varchar) | cast(y as varchar) | cast(m as varchar) | cast(f as varchar)
cast(t as varchar) | cast(d as varchar) | cast(s as varchar) | cast(x / 4 as text) | cast(k as text)
cast(1.50 as text) | cast(n / 2 as text)
cast(u as date) | cast(u as timestamp) | cast(t as date) | cast(d as timestamp) | cast(u as boolean)
cast(n as boolean) | cast('1.7' as integer) | cast(2.5 as integer)
try_cast(u as integer) | try_cast(u as double) | try_cast(x as integer) | cast(s as boolean)
cast('2026-01-31' as date) | cast('2026-01-31 10:00:00' as timestamp)
d - date '2026-01-01' | d - d | d + 7 | d - 7 | d + interval 1 day | d - interval '3 month'
t + interval 1 hour | t - interval 90 second | t + interval 1 month | t - interval 1 year | t + interval 2 week
t - interval '30 day'
t > timestamp '2026-01-01 00:00:00' | t >= '2026-03-31 10:30:00' | d < t | t > d + interval 1 day
t - timestamp '2026-01-01 00:00:00' > interval 30 day | d > '2026-01-01' | (d - date '2026-01-01') / 7
cast(t as date) - d
d = date '2026-03-31' | date '2026-03-31' - date '2026-01-01'
t < timestamp '2026-01-01 00:00:00' + interval 12 hour
"""
AGGREGATE = """
count(*) | count(n) | count(f) | count(distinct n) | count(distinct s) | count(distinct d)
count(*) filter (where f) | count(x) filter (where n > 1)
sum(n) | sum(x) | sum(m) | sum(f) | sum(k) | sum(m * k) | sum(m / 3) | sum(m) filter (where f)
sum(n) / count(*) | sum(m) / sum(k) | sum(case when f then 1 else 0 end)
avg(n) | avg(x) | avg(m) | avg(k) | avg(m) filter (where m > 0) | avg(case when f then 1.0 else 0.0 end)
min(n) | max(n) | min(x) | max(m) | min(s) | max(s) | min(d) | max(t) | min(f) | max(f) | max(d) - min(d)
max(s) filter (where n > 1)
median(n) | median(x) | median(m) | median(k) | median(m) filter (where f)
stddev(n) | stddev(x) | stddev(m) | stddev_samp(x) | stddev_samp(k)
bool_or(f) | bool_and(f) | bool_or(n > 5) | bool_and(k > 0)
round(sum(m), 2) | round(avg(x), 1) | coalesce(sum(n), 0) | nullif(count(*), 0) | max(d) > date '2026-01-01'
least(min(n), max(k)) | cast(avg(x) as integer) | exp(avg(y)) | sum(m) * 0.1
"""


def listed(text: str) -> list[str]:
    return [part.strip() for line in text.splitlines() if line for part in line.split(" | ")]


def sql_of(text: str, role: str) -> str:
    return render(check_expression(text, "expression", role).tree)


@pytest.fixture(scope="module")
def engines(spark_session):
    from segtool.engines import SparkEngine

    picks = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in TYPES.items())
    with DuckDBEngine(threads=1) as duck, SparkEngine(spark_session) as spark:
        # Compiled, as on a real cluster; the other tests have Spark interpret, which is sooner done.
        spark.session.conf.set("spark.sql.codegen.wholeStage", "true")
        spark.session.conf.set("spark.sql.codegen.factoryMode", "FALLBACK")
        spark.session.conf.set("spark.sql.adaptive.enabled", "true")
        spark.session.conf.set("spark.sql.shuffle.partitions", "3")
        duck.create("t", f"SELECT {picks} FROM ({ROWS}) AS t")
        spark.register("t", duck.arrow("SELECT * FROM t ORDER BY id"))
        yield duck, spark


def plain(value):
    """Return a cell as both engines can mean it: 2, 2.0 and 2.0000 are one number."""
    if isinstance(value, (bool, Decimal, float, int)):
        value = float(value)
        return None if math.isnan(value) else float(f"{value:.13g}")
    return str(value) if value is not None else None


def answers(engine, expressions: list[str], role: str) -> list[list]:
    names = [f"c{number}" for number in range(len(expressions))]
    picks = ", ".join(
        f"{sql_of(text, role)} AS {name}" for text, name in zip(expressions, names, strict=True)
    )
    if role == "row":
        table = engine.arrow(f"SELECT id, {picks} FROM t ORDER BY id")
    else:
        table = engine.arrow(f"SELECT user_id, {picks} FROM t GROUP BY user_id ORDER BY user_id")
    return [[plain(value) for value in table[name].to_pylist()] for name in names]


@pytest.mark.parametrize(("text", "role"), [(SCALAR, "row"), (AGGREGATE, "aggregate")])
def test_both_engines_say_the_same(engines, text, role):
    duck, spark = engines
    expressions = listed(text)
    left, right = answers(duck, expressions, role), answers(spark, expressions, role)
    differ = {e: (a, b) for e, a, b in zip(expressions, left, right, strict=True) if a != b}
    assert not differ


MEASURES = """
count_if(f) | count_if(n > 1) | count_if(n > 1) / count(*) | count(*) | count(distinct s)
count(distinct n) filter (where n > 1)
sum(m) | sum(m) filter (where f) | avg(m) | sum(n) / count(*) | median(m) | stddev(x) | sum(m) / sum(k)
max(d) - min(d) | sum(f)
min(k) | max(x) | round(avg(x), 2) | avg(y) / count_if(f) | sum(case when s = 'abc' then 1 end)
count(*) filter (where s like 'A%')
"""


def test_measures_of_the_language_are_the_same(engines):
    definitions = "".join(
        f'[measures.m{i}]\nfrom = "t"\nsql = """{text}"""\n' for i, text in enumerate(listed(MEASURES))
    )
    label = '[labels.any]\nfacet = "activity"\nclaims = [{flag = {is = "m0 > 1"}}]\n'
    found = []
    for engine in engines:
        engine.create("user_index", "SELECT DISTINCT user_id FROM t")
        run_labels(compile_labels(Catalog.from_toml(definitions + label), {"t": engine.columns("t")}), engine)
        found.append(engine.query("SELECT * FROM measures ORDER BY user_id"))
    pd.testing.assert_frame_equal(*found, rtol=0, atol=1e-9)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.25, 0.5, 0.8, 0.99])
def test_quantile_cut_points_are_the_same_rows(engines, share):
    sizes = " UNION ALL ".join(
        f"SELECT {n} AS n, CAST(i * i AS DOUBLE) AS x FROM (VALUES {', '.join(f'({i})' for i in range(n))}) AS v (i)"
        for n in (1, 2, 3, 4, 5, 10, 20, 99)
    )
    sql = f"SELECT n, percentile_disc({share}) WITHIN GROUP (ORDER BY x) AS cut FROM ({sizes}) AS s GROUP BY n ORDER BY n"
    duck, spark = engines
    assert duck.query(sql)["cut"].tolist() == spark.query(sql)["cut"].tolist()


def test_every_letter_has_the_same_case(engines):
    letters = [chr(code) for code in range(0x21, 0xD800) if chr(code).isalpha()]
    frame = pd.DataFrame({"letter": letters})
    found = []
    for engine in engines:
        engine.register("letters", frame)
        found.append(
            engine.query("SELECT letter, upper(letter) AS u, lower(letter) AS l FROM letters ORDER BY 1")
        )
    pd.testing.assert_frame_equal(*found)


def test_the_list_holds_every_node_of_the_language():
    trees = [check_expression(text, "x", "row").tree for text in listed(SCALAR)]
    trees += [check_expression(text, "x", "aggregate").tree for text in listed(AGGREGATE + MEASURES)]
    seen = {type(node) for tree in trees for node in tree.walk()}
    # NullSafeEQ's negation, its spelling <=> and a parsed Var are other words for what is there.
    assert ALLOWED - seen <= {exp.Var, exp.NullSafeNEQ, exp.NullSafeEQ, exp.StddevSamp, exp.If}
