"""Catalogues from TOML files; every refusal names the file, the definition and the key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from segtool.errors import DefinitionError, InputError, did_you_mean
from segtool.labels.claims import CLAIM_KINDS, Claim
from segtool.labels.definitions import Example, Label
from segtool.labels.measures import Measure

# A label file is written by hand; a larger one is something else.
MAX_BYTES = 2_000_000
# [[labels.x.tests]] with given.events = [{...}] has six.
MAX_LEVELS = 12

_MEASURE_KEYS = ("from", "sql", "where", "unit", "no_rows", "title")
_LABEL_KEYS = (
    "title", "facet", "values", "phrase", "many", "ordered", "sensitive", "description", "claims", "tests",
)  # fmt: skip
_COMMON_CLAIM_KEYS = ("reliability", "expires_days")

# Key in the file -> parameter of the class, where they differ; "from" and "is" are Python's words.
_ROWS_KEYS = {"from": "table_name", **{key: key for key in ("last_days", "between", "during", "needs")}}
_YES_NO = {"yes": "yes", "no": "no"}
_CLAIM_KEYS: dict[str, dict[str, str]] = {
    "bands": {key: key for key in ("of", "edges", "quantiles", "needs", "values", "within", "min_peers")},
    "first": _ROWS_KEYS | {key: key for key in ("of", "where", "values")},
    "last": _ROWS_KEYS | {key: key for key in ("of", "where", "values")},
    "times": _ROWS_KEYS | _YES_NO | {key: key for key in ("at_least", "within_days", "where", "distinct_days")},
    "sequence": _ROWS_KEYS | _YES_NO | {key: key for key in ("first", "then", "within_days", "without")},
    "community": {"of": "of", "values": "values"},
    "list": _YES_NO | {key: key for key in ("name", "complete", "values")},
    "sql": {"select": "select"},
    "cases": {key: key for key in ("when", "otherwise", "needs")},
    "flag": {"is": "when", "needs": "needs", "yes": "yes", "no": "no"},
    "preference": {
        "from": "table_name",
        **{
            key: key
            for key in ("by", "where", "top", "min", "lift", "half_life_days", "at_least", "needs", "values")
        },
    },
    "column": {"name": "name", "from": "table_name", "values": "values"},
    "answer": {"question": "question", "values": "values", "separator": "separator", "from": "table_name"},
    "note": {"label": "label", "values": "values", "from": "table_name"},
}
_REQUIRED = {
    "bands": ("of",), "cases": ("when",), "flag": ("is",), "preference": ("from", "by"),
    "column": ("name",), "answer": ("question",), "note": (),
    "first": ("from", "of"), "last": ("from", "of"), "times": ("from", "at_least"),
    "sequence": ("from", "first", "then", "within_days"), "community": ("of",), "list": ("name",),
    "sql": ("select",),
}  # fmt: skip

_CLAIM_KEYS["inferred"] = {
    "precision": "precision", "from": "teachers", "values": "values", "margin": "margin", "features": "features",
    "profile": "profile", "shares": "shares", "min_positives": "min_positives", "likely": "likely",
}  # fmt: skip
_CLAIM_KEYS["lookalike"] = {
    key: key for key in ("list", "label", "value", "share", "says", "min_seeds", "profile", "shares")
}
_REQUIRED |= {"inferred": (), "lookalike": ()}


Definitions = tuple[list[Measure], list[Label]]


def read_definitions(path: str | Path) -> Definitions:
    """Read measures and labels from a file.

    Raises
    ------
    InputError
        If the file is missing, too large or not UTF-8.
    DefinitionError
        If a definition is not well formed.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"There is no label file {path.name!r}.", "a TOML file.", "Check the path in the study."
        )
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name} has {path.stat().st_size:,} bytes.", f"at most {MAX_BYTES:,}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not UTF-8.", "a TOML file in UTF-8.", "Save it as UTF-8.") from None
    return parse_definitions(text, path.name)


def parse_definitions(text: str, where: str = "the text") -> Definitions:
    """Read measures and labels from TOML text.

    Parameters
    ----------
    text : str
    where : str
        What the text is, for messages.

    Returns
    -------
    (list of Measure, list of Label)
    """
    if len(text) > MAX_BYTES:
        raise DefinitionError(f"{where} has {len(text):,} characters.", f"at most {MAX_BYTES:,}.")
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"{where} is not TOML: {error}.", "a TOML file; each key once.") from None
    except RecursionError:
        raise DefinitionError(f"{where} is nested too deeply.", "tables and lists of a few levels.") from None
    try:
        _check_depth(said)
        _check_keys(said, ("measures", "labels", "periods"), (), "the top level")
        periods = {name: _read_period(name, table) for name, table in _tables(said, "periods")}
        measures = [_read_measure(name, table) for name, table in _tables(said, "measures")]
        return measures, [_read_label(name, table, periods) for name, table in _tables(said, "labels")]
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error.found}", error.accepted, error.fix) from None


def _check_depth(said: Mapping[str, Any]) -> None:
    """Refuse what is nested beyond any definition, naming where; without recursion of its own."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(said, ())]
    while waiting:
        value, path = waiting.pop()
        if len(path) > MAX_LEVELS:
            raise DefinitionError(
                f"{'.'.join(path[:3])} is nested too deeply.", f"at most {MAX_LEVELS} levels."
            )
        if isinstance(value, Mapping):
            waiting += [(each, (*path, str(key)[:60])) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [(each, (*path, f"[{number}]")) for number, each in enumerate(value, start=1)]


def _read_period(name: str, table: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the first and the last day of a named period; its days are checked where it is used."""
    place = f"periods.{name}"
    _check_keys(table, ("from", "until"), ("from", "until"), place)
    days = table["from"], table["until"]
    if not all(isinstance(day, (str, date)) for day in days):
        raise DefinitionError(f"{place} has no days.", "from = 2026-06-01 and until = 2026-06-18.")
    return days


def _tables(said: Mapping[str, Any], key: str):
    tables = said.get(key, {})
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise DefinitionError(f"{key} is not a table of tables.", f"[{key}.some_name].")
    return tables.items()


def _check_keys(table: Mapping[str, Any], known, required, place: str) -> None:
    for key in table:
        if key not in known:
            raise DefinitionError(f"{place} has the key {key!r}.", did_you_mean(key, known))
    for key in required:
        if key not in table:
            raise DefinitionError(
                f"{place} has no {key!r}.", f"{', '.join(map(repr, required))} are required."
            )


def _read_measure(name: str, table: Mapping[str, Any]) -> Measure:
    place = f"measures.{name}"
    _check_keys(table, _MEASURE_KEYS, ("from", "sql"), place)
    _check_types(table, dict.fromkeys(("from", "sql", "where", "unit", "title"), str), place)
    fields = {("table" if key == "from" else key): value for key, value in table.items()}
    return Measure(name=name, **fields)


def _read_label(name: str, table: Mapping[str, Any], periods: Mapping[str, tuple[Any, Any]]) -> Label:
    place = f"labels.{name}"
    _check_keys(table, _LABEL_KEYS, ("facet", "claims"), place)
    types = {"title": str, "facet": str, "values": list, "many": bool, "ordered": bool,
             "sensitive": bool, "description": str, "claims": list, "tests": list, "phrase": (str, dict)}  # fmt: skip
    _check_types(table, types, place)
    fields = dict(table)
    fields["claims"] = [
        _read_claim(entry, f"{place}.claims[{number}]", periods)
        for number, entry in enumerate(table["claims"], start=1)
    ]
    fields["tests"] = [
        _read_example(entry, f"{place}.tests[{number}]")
        for number, entry in enumerate(table.get("tests", ()), start=1)
    ]
    return Label(name=name, **fields)


def _read_claim(entry: Any, place: str, periods: Mapping[str, tuple[Any, Any]]) -> Claim:
    if not isinstance(entry, Mapping):
        raise DefinitionError(f"{place} is not a table.", f"one of {', '.join(CLAIM_KINDS)}.")
    _check_keys(entry, (*CLAIM_KINDS, *_COMMON_CLAIM_KEYS), (), place)
    kinds = [key for key in entry if key in CLAIM_KINDS]
    if len(kinds) != 1:
        raise DefinitionError(
            f"{place} has {len(kinds)} kinds of claim.", f"one of {', '.join(CLAIM_KINDS)}."
        )
    kind = kinds[0]
    said = _write_out(kind, entry[kind])
    place = f"{place}.{kind}"
    if not isinstance(said, Mapping):
        raise DefinitionError(f"{place} is not a table.", f"{kind} = {{...}}.")
    keys = _CLAIM_KEYS[kind]
    _check_keys(said, keys, _REQUIRED[kind], place)
    _check_types(said, _CLAIM_TYPES, place)
    fields = {keys[key]: value for key, value in _with_dates(said, periods, place).items()}
    common = {key: entry[key] for key in _COMMON_CLAIM_KEYS if key in entry}
    try:
        return CLAIM_KINDS[kind](**fields, **common)
    except DefinitionError as error:
        raise DefinitionError(f"{place}: {error.found}", error.accepted, error.fix) from None


def _write_out(kind: str, said: Any) -> Any:
    """Return a claim that is written in short in its full form."""
    if kind == "cases" and isinstance(said, list):
        return {"when": said}
    return {"select": said} if kind == "sql" and isinstance(said, str) else said


def _with_dates(
    said: Mapping[str, Any], periods: Mapping[str, tuple[Any, Any]], place: str
) -> Mapping[str, Any]:
    """Return a claim with the days of the period it names."""
    name = said.get("during")
    if name is None or "between" in said:
        return said
    if name not in periods:
        raise DefinitionError(
            f"{place}.during names the period {name!r}, which is not in this file.",
            did_you_mean(name, periods) if periods else f"[periods.{name}] with from and until.",
        )
    return {**said, "between": periods[name]}


_CLAIM_TYPES: dict[str, Any] = {
    "of": str, "edges": list, "quantiles": list, "needs": str, "is": str, "yes": str, "no": str,
    "from": str, "by": str, "where": str, "top": int, "min": int, "lift": (int, float),
    "half_life_days": (int, float), "at_least": (int, float), "name": str, "question": str,
    "separator": str, "label": str, "otherwise": str, "when": list, "values": (list, dict),
    "within": str, "min_peers": int, "last_days": (int, float), "between": list, "during": str,
    "within_days": (int, float), "distinct_days": bool, "first": str, "then": str, "without": str,
    "complete": bool, "select": str,
}  # fmt: skip
_CLAIM_TYPES |= {
    "precision": (int, float), "margin": dict, "features": list, "profile": bool, "shares": list, "min_positives": int,
    "likely": bool, "list": str, "value": str, "share": (int, float), "says": str, "min_seeds": int,
}  # fmt: skip


def _check_types(table: Mapping[str, Any], types: Mapping[str, Any], place: str) -> None:
    for key, accepted in types.items():
        value = table.get(key)
        wrong_bool = isinstance(value, bool) and accepted is not bool
        if key in table and (wrong_bool or not isinstance(value, accepted)):
            accepted = accepted if isinstance(accepted, tuple) else (accepted,)
            words = {
                str: "text",
                int: "a whole number",
                float: "a number",
                list: "a list",
                dict: "a table",
                bool: "true or false",
            }
            raise DefinitionError(
                f"{place}.{key} is of the wrong type.", " or ".join(words[kind] for kind in accepted) + "."
            )


def _read_example(entry: Any, place: str) -> Example:
    if not isinstance(entry, Mapping):
        raise DefinitionError(f"{place} is not a table.", "given and expect.")
    _check_keys(entry, ("given", "expect", "cut_points", "title"), ("given", "expect"), place)
    expect = entry["expect"]
    if not isinstance(expect, (str, list)) or not isinstance(entry["given"], Mapping):
        raise DefinitionError(f"{place} is not usable.", 'given.events = [...] and expect = "value".')
    expect = tuple(expect) if isinstance(expect, list) else (expect or None)
    cut_points = {name: tuple(cuts) for name, cuts in entry.get("cut_points", {}).items()}
    return Example(dict(entry["given"]), expect, cut_points)
