"""Scans: many small aggregates over one table, laid out in few and narrow GROUP BY steps.

Reading a table is not the cost; the width of the aggregate state is, and it grows faster than
linearly (80 filtered aggregates in one GROUP BY took 22 s where two of 40 took 15). So at most
`MAX_AGGREGATES` per step; aggregates that look at one kind of event in a step that reads only
those rows; distinct counts in a step of their own; and words that are tested again and again
become small numbers once per row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from segtool.labels.expressions import conjuncts, quote_name, render
from segtool.labels.plans import Step

MAX_AGGREGATES = 30
# Fewer aggregates than this do not pay for a scan and a join of their own.
MIN_OWN_STEP = 3
# So many tests of one text column pay for turning its words into numbers first.
MIN_CODED_TESTS = 4

CODE = "__code"
Codes = Mapping[str, Mapping[str, int]]  # column -> word -> number


@dataclass(frozen=True)
class Primitive:
    """One aggregate function over the rows of one table that pass all tests."""

    name: str
    table: str
    node: exp.Expression = field(compare=False)
    tests: tuple[exp.Expression, ...] = field(compare=False)

    @property
    def distinct(self) -> str | None:
        """Return the column of a count(distinct column)."""
        inner = self.node.this if isinstance(self.node, exp.Count) else None
        return render(inner.expressions[0]) if isinstance(inner, exp.Distinct) else None

    def sql(self, codes: Codes | None = None) -> str:
        """Return the aggregate, without its tests."""
        return render(_coded(self.node, codes or {}))

    def conditions(self, codes: Codes | None = None) -> tuple[str, ...]:
        """Return the tests as SQL, sorted."""
        return tuple(sorted({bracketed(_coded(test, codes or {})) for test in self.tests}))


def split_tests(*filters: exp.Expression | None) -> tuple[exp.Expression, ...]:
    """Return the tests that filters are made of, without those that the others imply."""
    parts = [part for each in filters for part in conjuncts(each)]
    return tuple(part for part in parts if not _is_implied(part, parts))


def test_texts(where: exp.Expression | None) -> tuple[str, ...]:
    """Return the tests of a filter as sorted texts, by which filters are compared."""
    return tuple(sorted({bracketed(part) for part in split_tests(where)}))


def bracketed(part: exp.Expression) -> str:
    """Return a test as SQL that can stand beside AND."""
    sql = render(part)
    return f"({sql})" if isinstance(part, exp.Or) else sql


def _is_implied(part: exp.Expression, parts: Sequence[exp.Expression]) -> bool:
    """Whether ``event in (...)`` says nothing beside an ``event = ...`` or a shorter list."""
    words = tested_words(part)
    if words is None:
        return False
    others = [tested_words(other) for other in parts if other is not part and other.this == part.this]
    return any(other is not None and set(other) < set(words) for other in others)


def tested_words(node: exp.Expression) -> list[str] | None:
    """Return the texts that a test of one column names, or None when it is no such test."""
    if not isinstance(node, (exp.EQ, exp.NEQ, exp.In)) or not isinstance(node.this, exp.Column):
        return None
    named = node.expressions if isinstance(node, exp.In) else [node.expression]
    if isinstance(node, exp.NEQ) or not named:
        return None
    is_text = all(isinstance(each, exp.Literal) and each.is_string for each in named)
    return [each.this for each in named] if is_text else None


def plan_scans(table: str, primitives: Sequence[Primitive]) -> Iterator[Step]:
    """Yield the steps that compute some aggregates of one table."""
    plain = [p for p in primitives if p.distinct is None]
    for number, group in enumerate(_split(plain), start=1):
        yield _scan(f"{table}__scan{number}", table, group)
    columns = dict.fromkeys(p.distinct for p in primitives if p.distinct is not None)
    for number, column in enumerate(columns, start=1):
        whole = [p for p in primitives if p.distinct == column]
        for part, group in enumerate(_by_event(whole), start=1):
            yield _distinct_scan(f"{table}__distinct{number}_{part}", table, column, group)


def _split(primitives: Sequence[Primitive]) -> list[list[Primitive]]:
    """Group the aggregates of one table: those of one kind of event together, none too wide."""
    kinds: dict[str, list[Primitive]] = defaultdict(list)
    for primitive in primitives:
        kinds[_event_test(primitive.conditions())].append(primitive)
    rest = kinds.pop("", [])
    groups = []
    for group in kinds.values():
        if len(group) >= MIN_OWN_STEP:
            groups.append(group)
        else:
            rest = rest + group
    return [part for group in [rest, *groups] for part in _chunks(group)]


def _by_event(primitives: Sequence[Primitive]) -> list[list[Primitive]]:
    kinds: dict[str, list[Primitive]] = defaultdict(list)
    for primitive in primitives:
        kinds[_event_test(primitive.conditions())].append(primitive)
    return list(kinds.values())


def _event_test(conditions: Iterable[str]) -> str:
    tests = [each for each in conditions if each.startswith(("event = ", "event IN "))]
    return tests[0] if tests else ""


def _chunks(group: list[Primitive]) -> list[list[Primitive]]:
    n_parts = -(-len(group) // MAX_AGGREGATES)
    size = -(-len(group) // n_parts) if n_parts else 1
    return [group[start : start + size] for start in range(0, len(group), size)]


def _common(group: Sequence[Primitive]) -> list[str]:
    return sorted(set(group[0].conditions()).intersection(*(p.conditions() for p in group)))


def _scan(name: str, table: str, group: Sequence[Primitive]) -> Step:
    common = _common(group)
    codes = _plan_codes(group, common)
    picks = []
    for primitive in group:
        rest = [test for test in primitive.tests if bracketed(test) not in common]
        conditions = Primitive("", table, primitive.node, tuple(rest)).conditions(codes)
        condition = f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""
        picks.append(f"{primitive.sql(codes)}{condition} AS {quote_name(primitive.name)}")
    where = f"\nWHERE {' AND '.join(common)}" if common else ""
    source = quote_name(table)
    if codes:
        numbers = "".join(f",\n    {_code_sql(column, words)}" for column, words in codes.items())
        where = where.replace("\n", "\n  ")
        source, where = f"(\n  SELECT *{numbers}\n  FROM {source}{where}\n) AS coded", ""
    sql = "SELECT\n  user_id,\n  " + ",\n  ".join(picks) + f"\nFROM {source}{where}\nGROUP BY user_id"
    return Step(name, sql, f"{table}, one pass")


def _plan_codes(group: Sequence[Primitive], common: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the columns whose words become numbers, because the step tests them often."""
    tests: dict[str, list[list[str]]] = defaultdict(list)
    for primitive in group:
        trees = [primitive.node, *(test for test in primitive.tests if bracketed(test) not in common)]
        for tree in trees:
            for node in tree.walk():
                words = tested_words(node)
                if words is not None:
                    tests[node.this.name].append(words)
    return {
        column: {
            word: code
            for code, word in enumerate(dict.fromkeys(word for words in found for word in words), start=1)
        }
        for column, found in tests.items()
        if len(found) >= MIN_CODED_TESTS
    }


def _code_sql(column: str, words: Mapping[str, int]) -> str:
    whens = " ".join(
        f"WHEN {exp.Literal.string(word).sql(dialect='duckdb')} THEN {code}" for word, code in words.items()
    )
    name = quote_name(column)
    # NULL stays NULL: what is not known passes no test, not even a negated one.
    unknown = f"WHEN {name} IS NOT NULL THEN 0"
    return f"CAST(CASE {name} {whens} ELSE CASE {unknown} END END AS SMALLINT) AS {quote_name(column + CODE)}"


def _coded(tree: exp.Expression, codes: Codes) -> exp.Expression:
    """Return a tree whose tests of words are tests of their numbers."""
    if not codes:
        return tree

    def recode(node: exp.Expression) -> exp.Expression:
        words = tested_words(node)
        if words is None or node.this.name not in codes:
            return node
        numbers = codes[node.this.name]
        column = exp.column(node.this.name + CODE, quoted=True)
        literals = [exp.Literal.number(numbers[word]) for word in words]
        if isinstance(node, exp.EQ):
            return exp.EQ(this=column, expression=literals[0])
        return exp.In(this=column, expressions=literals)

    return tree.copy().transform(recode)


def _loosest_bound(group: Sequence[Primitive]) -> str | None:
    """Return the widest of the windows ``column < number`` when every count has one, else None."""
    bounds: list[dict[str, float]] = []
    for primitive in group:
        tests = [test for test in primitive.tests if isinstance(test, exp.LT)]
        bounds.append({
            render(test.this): float(test.expression.this)
            for test in tests
            if isinstance(test.this, exp.Column) and isinstance(test.expression, exp.Literal)
            and test.expression.is_number
        })  # fmt: skip
    for column in bounds[0]:
        if all(column in each for each in bounds):
            widest = max(each[column] for each in bounds)
            return f"{column} < {widest:g}"
    return None


def _distinct_scan(name: str, table: str, column: str, group: Sequence[Primitive]) -> Step:
    """Count distinct values by grouping twice: each pair once, then pairs per user.

    Rows that no count looks at are left out first, which is most of them when windows are short.
    """
    bound = _loosest_bound(group)
    common = list(dict.fromkeys([*_common(group), *([bound] if bound else [])]))
    marks, picks, wanted = [], [], []
    for primitive in group:
        rest = " AND ".join(each for each in primitive.conditions() if each not in common)
        if rest:
            mark = quote_name(f"{primitive.name}__in")
            marks.append(f"bool_or({rest}) AS {mark}")
            picks.append(f"count(*) FILTER (WHERE {mark}) AS {quote_name(primitive.name)}")
            wanted.append(rest)
        else:
            picks.append(f"count(*) AS {quote_name(primitive.name)}")
    if len(wanted) == len(group) and not bound:
        common = [*common, "(" + " OR ".join(dict.fromkeys(f"({each})" for each in wanted)) + ")"]
    where = " AND ".join([*common, f"{column} IS NOT NULL"])
    inner = ",\n    ".join([f"user_id, {column} AS distinct_value", *marks])
    lines = [
        "SELECT\n  user_id,\n  " + ",\n  ".join(picks),
        f"FROM (\n  SELECT {inner}\n  FROM {quote_name(table)}\n  WHERE {where}",
        f"  GROUP BY user_id, {column}\n) AS pairs\nGROUP BY user_id",
    ]
    return Step(name, "\n".join(lines), f"distinct {column} of {table}")
