from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.sources import delimited
from segtool.sources.delimited import RecordReader


def read(text: str, delimiter: str = ",", **options):
    lines = io.StringIO(text, newline="")
    reader = RecordReader(iter(lines), delimiter, **options)
    header = reader.read_header()
    blocks = list(reader.blocks())
    rows = []
    for block in blocks:
        columns = [c if isinstance(c, (list, tuple)) else c.to_pylist() for c in block.columns]
        rows += zip(block.numbers, *columns, strict=True)
    return header, rows, [line for block in blocks for line in block.broken]


def test_records_carry_the_line_they_start_on():
    header, rows, broken = read('a,b\n\n1,2\n"x\ny",3\r\n4,5\r6,7')
    assert header == ["a", "b"]
    assert rows == [(3, "1", "2"), (4, "x\ny", "3"), (6, "4", "5"), (7, "6", "7")]
    assert broken == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1", "too few fields"),
        ("1,2,3", "too many fields"),
        ('"1,2', "broken quoting"),
        ('"1"x,2', "broken quoting"),
        ('1,"2', "broken quoting"),
        ("1,\ufdd0", "undecodable bytes"),
        ("1,\0", "NUL character"),
        ("1," + "x" * 200_000, "field too long"),
        ('1,"' + "x" * 200_000 + '"', "field too long"),
    ],
)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_broken_record_costs_its_own_line_only(line, reason, position):
    good = ["g,1", 'h,"2"', "i,3"]
    text = "\n".join(["a,b", *good[:position], line, *good[position:]]) + "\n"
    _, rows, broken = read(text)
    assert [row[1] for row in rows] == ["g", "h", "i"]
    assert [(number, why) for number, why, _ in broken] == [(position + 2, reason)]


def test_a_fault_at_the_edge_of_a_block_loses_nothing(monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK_LINES", 3)
    text = 'a,b\n1,"x\ny\nz"\n2,"open\n3,c\n4,d\n5\n6,e\n'
    _, rows, broken = read(text)
    assert [row[1] for row in rows] == ["1", "3", "4", "6"]
    assert [(number, why) for number, why, _ in broken] == [(5, "broken quoting"), (8, "too few fields")]


def test_an_unclosed_quote_does_not_swallow_the_file():
    text = 'a,b\n1,"open\n' + "2,x\n" * 5_000
    _, rows, broken = read(text)
    assert (len(rows), len(broken)) == (5_000, 1)


PLAIN = st.text(st.characters(exclude_characters='\0\ufdd0",\r\n', exclude_categories=("Cs",)), max_size=12)


@given(st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=30), st.sampled_from(["\n", "\r\n", "\r"]))
def test_blocks_without_quotes_read_like_those_with(rows, end):
    plain = read("a,b" + end + "".join(f"{a},{b}{end}" for a, b in rows))
    quoted = read("a,b" + end + "".join(f'"{a}","{b}"{end}' for a, b in rows))
    assert plain == quoted
    assert [row[1:] for row in plain[1]] == rows


def test_blank_lines_are_no_records_even_of_one_column():
    assert read("a\n1\n\n2\n")[1] == [(2, "1"), (4, "2")]


CELLS = st.text(st.characters(exclude_characters="\0\ufdd0", exclude_categories=("Cs",)), max_size=12)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=30), st.sampled_from([",", ";", "\t", "|"]))
def test_whatever_csv_wrote_is_read_back(rows, delimiter):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    _, found, broken = read(text.getvalue(), delimiter)
    assert ([list(row[1:]) for row in found], broken) == (rows, [])


@given(st.text(st.sampled_from('ab,"\n\r\0é\ufdd0 '), max_size=80))
def test_every_line_is_kept_or_named(text):
    """Lines that are not blank are part of exactly one record, good or broken."""
    body = "a,b\n" + text
    _, rows, broken = read(body)
    numbers = [row[0] for row in rows] + [number for number, *_ in broken]
    assert len(numbers) == len(set(numbers))
    filled = [n for n, line in enumerate(io.StringIO(body, newline=""), 1) if n > 1 and line.strip("\r\n")]
    within_records = sum("".join(row[1:]).count("\n") + "".join(row[1:]).count("\r") for row in rows)
    assert len(filled) <= len(numbers) + within_records + sum(
        raw.count("\n") + raw.count("\r") for *_, raw in broken
    )
