"""Counts that follow from other counts: added up once per user, not counted again for each row.

Carts and purchases are carts plus purchases; events from 30 to 90 days ago are those of 90 days
less those of 30. A catalogue asks for many such numbers (the lower half of a share, mostly), and a
filtered count over ten million rows costs what a hundred additions over all users cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from segtool.labels.expressions import quote_name, render
from segtool.labels.scans import Primitive, bracketed, tested_words

# More parts than this cost more to find than they save.
MAX_CANDIDATES = 12

_Key = tuple[str, frozenset[str]]  # table, tests


def split_sums(primitives: Sequence[Primitive]) -> tuple[list[Primitive], dict[str, str]]:
    """Return the aggregates to count, and name -> SQL of those that follow from them.

    Parameters
    ----------
    primitives : sequence of Primitive

    Returns
    -------
    (list of Primitive, dict of str to str)
    """
    counts = {_key(p): p for p in primitives if _is_count(p)}
    sums: dict[str, str] = {}
    # Wider ones rest on narrower ones, never the other way: no circle is possible.
    for primitive in sorted(counts.values(), key=lambda p: len(_widest_words(p))):
        sql = _as_sum(primitive, counts) or _as_difference(primitive, counts)
        if sql is not None:
            sums[primitive.name] = sql
    # What follows from a sum is written in terms of counts.
    kept = [p for p in primitives if p.name not in sums]
    return kept, {name: _expand(sql, sums) for name, sql in sums.items()}


def _is_count(primitive: Primitive) -> bool:
    return isinstance(primitive.node, exp.Count) and isinstance(primitive.node.this, exp.Star)


def _key(primitive: Primitive) -> _Key:
    return primitive.table, frozenset(bracketed(test) for test in primitive.tests)


def _widest_words(primitive: Primitive) -> list[str]:
    return max((tested_words(test) or [] for test in primitive.tests), key=len, default=[])


def _number(column: str) -> str:
    return f"coalesce({quote_name(column)}, 0)"


def _as_sum(primitive: Primitive, counts: Mapping[_Key, Primitive]) -> str | None:
    """Return a count over a list of words as the sum of counts over parts of the list."""
    for test in primitive.tests:
        words = set(tested_words(test) or [])
        if len(words) < 2:
            continue
        rest = _key(primitive)[1] - {bracketed(test)}
        parts = _parts_of(primitive, test, rest, words, counts)
        cover = _cover(words, sorted(parts.items(), key=lambda item: (-len(item[1]), item[0])))
        if cover:
            return " + ".join(_number(name) for name in cover)
    return None


def _parts_of(primitive, test, rest, words, counts) -> dict[str, frozenset[str]]:
    """Return the counts with the same other tests over fewer of the words: name -> words."""
    found = {}
    for (table, tests), other in counts.items():
        own = [each for each in other.tests if bracketed(each) not in rest]
        if table != primitive.table or not rest <= tests or len(own) != 1 or own[0].this != test.this:
            continue
        fewer = frozenset(tested_words(own[0]) or [])
        if fewer and fewer < words:
            found[other.name] = fewer
    return dict(list(found.items())[:MAX_CANDIDATES])


def _cover(words: set[str], parts: list[tuple[str, frozenset[str]]]) -> list[str] | None:
    """Return names whose words make up all the words, each word once, or None."""
    if not words:
        return []
    for number, (name, own) in enumerate(parts):
        if own <= words:
            rest = _cover(words - own, parts[number + 1 :])
            if rest is not None:
                return [name, *rest]
    return None


def _as_difference(primitive: Primitive, counts: Mapping[_Key, Primitive]) -> str | None:
    """Return a count between two bounds as the count below the upper less that below the lower."""
    table, tests = _key(primitive)
    for low in primitive.tests:
        if not isinstance(low, exp.GTE) or not isinstance(low.this, exp.Column):
            continue
        below_low = render(exp.LT(this=low.this.copy(), expression=low.expression.copy()))
        for high in primitive.tests:
            if not isinstance(high, exp.LT) or high.this != low.this or not _is_rising(low, high):
                continue
            wide = counts.get((table, tests - {bracketed(low)}))
            narrow = counts.get((table, tests - {bracketed(low), bracketed(high)} | {below_low}))
            if wide is not None and narrow is not None:
                return f"{_number(wide.name)} - {_number(narrow.name)}"
    return None


def _is_rising(low: exp.Expression, high: exp.Expression) -> bool:
    numbers = [each.expression for each in (low, high)]
    if not all(isinstance(each, exp.Literal) and each.is_number for each in numbers):
        return False
    return float(numbers[0].this) < float(numbers[1].this)


def _expand(sql: str, sums: Mapping[str, str]) -> str:
    """Return a sum with the sums it names written out."""
    for name, inner in sums.items():
        if _number(name) in sql:
            return _expand(sql.replace(_number(name), f"({inner})"), sums)
    return sql
