"""Worked examples: each label says what one imaginary user would get, and is held to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pandas as pd

from segtool.errors import DefinitionError, SegtoolError, did_you_mean
from segtool.labels.catalog import Catalog
from segtool.labels.claims import Bands
from segtool.labels.compile import compile_labels
from segtool.labels.definitions import Example, Label
from segtool.labels.run import run_labels
from segtool.sources import Sources

EXAMPLE_AS_OF = "2026-07-01"
EXAMPLE_USER = "example"
# What a table must have even when the example lists no row of it.
_REQUIRED = {
    "events": ("user_id", "event_time", "event"), "users": ("user_id",), "survey": ("user_id",),
    "notes": ("user_id", "label", "value", "author"), "lists": ("user_id", "list"),
}  # fmt: skip


def check_catalog(catalog: Catalog) -> pd.DataFrame:
    """Run the worked examples of a catalogue.

    Parameters
    ----------
    catalog : Catalog

    Returns
    -------
    pd.DataFrame of shape (n_examples, 5)
        label, test (its number), expected, got, passed. Several values are joined by commas.

    Raises
    ------
    DefinitionError
        If an example cannot be read; names label and example.

    Examples
    --------
    >>> catalog = Catalog.from_toml('''
    ... [measures.n]
    ... from = "events"
    ... sql = "count(*)"
    ... [labels.busy]
    ... facet = "activity"
    ... claims = [{flag = {is = "n >= 2"}}]
    ... tests = [{given.events = [{event = "view", event_time = "2026-06-01"}], expect = "no"}]
    ... ''')
    >>> check_catalog(catalog)[["label", "got", "passed"]]
      label got  passed
    0  busy  no    True
    """
    rows = [
        {"label": label.name, "test": number, **_run(catalog, label, number, example)}
        for label in catalog.labels.values()
        for number, example in enumerate(label.tests, start=1)
    ]
    return pd.DataFrame(rows, columns=["label", "test", "expected", "got", "passed"])


def _run(catalog: Catalog, label: Label, number: int, example: Example) -> dict[str, object]:
    place = f"labels.{label.name}.tests[{number}]"
    expected = (
        example.expect if isinstance(example.expect, tuple) else (example.expect,) if example.expect else ()
    )
    small = Catalog(catalog.measures, [_with_cut_points(label, example, place)])
    try:
        got = _label_one(small, example)
    except SegtoolError as error:
        raise DefinitionError(f"{place}: {error.found}", error.accepted, error.fix) from error
    passed = sorted(expected) == sorted(got)
    return {"expected": ", ".join(sorted(expected)), "got": ", ".join(sorted(got)), "passed": passed}


def _with_cut_points(label: Label, example: Example, place: str) -> Label:
    """Return the label with the example's cut points in place of quantiles: one user has no distribution."""
    banded = {claim.of for claim in label.claims if isinstance(claim, Bands) and claim.quantiles}
    for name in example.cut_points:
        if name not in banded:
            raise DefinitionError(f"{place}.cut_points names {name!r}.", did_you_mean(name, banded))

    def fix(claim):
        if not isinstance(claim, Bands) or claim.of not in example.cut_points:
            return claim
        # Bands by quantile include their upper end, bands by edge do not.
        edges = [math.nextafter(float(cut), math.inf) for cut in example.cut_points[claim.of]]
        return replace(claim, quantiles=None, edges=edges, within=None)

    return replace(label, claims=tuple(fix(claim) for claim in label.claims))


def _label_one(catalog: Catalog, example: Example) -> list[str]:
    given = dict(example.given)
    as_of = str(given.pop("as_of", EXAMPLE_AS_OF))
    given.setdefault("users", [{}])  # somebody who did nothing is still somebody
    tables = {table: _frame(table, rows) for table, rows in given.items()}
    sources = Sources.read(tables, as_of=as_of, max_rejected_share=0)
    try:
        engine = sources.engine
        schemas = {table: engine.columns(table) for table in sources.tables}
        moment = sources.as_of.tz_convert(sources.timezone).to_pydatetime()
        run_labels(compile_labels(catalog, schemas, as_of=moment), engine)
        return [str(value) for value in engine.query("SELECT value FROM labels ORDER BY value")["value"]]
    finally:
        sources.close()


def _frame(table: str, rows: object) -> pd.DataFrame:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise DefinitionError(f"given.{table} is not a list of rows.", "[{event = ..., event_time = ...}].")
    filled = list(_fill(rows))
    columns = dict.fromkeys([*_REQUIRED.get(table, ("user_id",)), *(key for row in filled for key in row)])
    return pd.DataFrame(filled, columns=list(columns))


def _fill(rows: list) -> Iterator[dict]:
    for row in rows:
        yield {"user_id": EXAMPLE_USER, **{key: _plain(value) for key, value in row.items()}}


def _plain(value):
    """Return a TOML date as text, which is how a file would hold it."""
    return value.isoformat() if hasattr(value, "isoformat") else value
