"""Reads what fusion learns from out of the engine: small tables of counts, never a user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

import pandas as pd

from segtool.engines import Engine, literal, quote
from segtool.labels.fusion.votes import Patterns, Witness, mean_log_odds, strength_sql
from segtool.labels.plans import TIERS

__all__ = ["VOTES", "CompiledCatalog", "read_patterns"]

VOTES = "votes"
# A label whose values come from the data is fused up to so many of them.
MAX_VALUES = 30


class CompiledCatalog(Protocol):
    """What fusion reads of a compiled catalogue."""

    catalog: Any
    claims: tuple


def find_witnesses(compiled: CompiledCatalog, columns: Mapping[str, str]) -> dict[str, list[Witness]]:
    """Return the claims of each single-valued label that several sources speak about.

    ``columns`` are those of the votes; corrections settle a matter and judge nobody.
    """
    infos = {info.claim: info for info in compiled.claims}
    found = {}
    for label in compiled.catalog.labels.values():
        witnesses = []
        for number, claim in enumerate(label.claims, start=1):
            info = infos.get(label.claim_id(number))
            column = f"{label.name}__{number}__value"
            if label.many or info is None or column not in columns or claim.kind == "correction":
                continue
            witnesses.append(
                Witness(
                    number, info.claim, info.source, TIERS[info.source], info.family, 0.5,
                    is_fixed=claim.reliability is not None,
                )
            )  # fmt: skip
        tiers = {witness.tier for witness in witnesses}
        if len(tiers) > 1 and max(tiers) >= TIERS["survey"]:
            found[label.name] = witnesses
    return found


def read_patterns(compiled: CompiledCatalog, engine: Engine) -> Iterator[tuple[str, Patterns]]:
    """Read the combinations of votes of every label that people or surveys speak about.

    Parameters
    ----------
    compiled : Compiled
    engine : Engine
        The catalogue was run on it: it holds the view ``votes``.

    Yields
    ------
    label : str
    patterns : Patterns
    """
    if VOTES not in engine.tables():
        return
    columns = engine.columns(VOTES)
    for label, witnesses in find_witnesses(compiled, columns).items():
        values = compiled.catalog.labels[label].values or _occurring(engine, label, witnesses)
        if 2 <= len(values) <= MAX_VALUES:
            known = [replace(witness, n_values=len(values)) for witness in witnesses]
            heard = _with_means(engine, label, known)
            if len({witness.tier for witness in heard}) > 1:
                yield label, _read_label(engine, label, values, heard)


def _column(label: str, witness: Witness, part: str) -> str:
    return quote(f"{label}__{witness.number}__{part}")


def _occurring(engine: Engine, label: str, witnesses: list[Witness]) -> tuple[str, ...]:
    parts = [f"SELECT DISTINCT {_column(label, w, 'value')} AS value FROM {VOTES}" for w in witnesses]
    found = engine.query(
        f"SELECT DISTINCT value FROM ({' UNION ALL '.join(parts)}) AS said WHERE value IS NOT NULL "
        f"ORDER BY value LIMIT {MAX_VALUES + 1}"
    )
    return tuple(found["value"].astype(str))


def _with_means(engine: Engine, label: str, witnesses: list[Witness]) -> list[Witness]:
    """Return those who say anything, with the mean of the confidences they state.

    Rounded, so that it is the same in whatever order it was added up.
    """
    picks = ", ".join(
        f"round(avg(CASE WHEN {_column(label, w, 'value')} IS NOT NULL THEN {_column(label, w, 'confidence')} END), 4)"
        f" AS m{w.number}"
        for w in witnesses
    )
    row = engine.query(f"SELECT {picks} FROM {VOTES}").iloc[0]
    means = [row[f"m{w.number}"] for w in witnesses]
    return [
        replace(witness, declared=float(min(max(mean, 0.01), 0.99)))
        for witness, mean in zip(witnesses, means, strict=True)
        if not pd.isna(mean)
    ]


def _read_label(engine: Engine, label: str, values: tuple[str, ...], witnesses: list[Witness]) -> Patterns:
    picks = []
    for w in witnesses:
        whens = " ".join(f"WHEN {literal(value)} THEN {code}" for code, value in enumerate(values, start=1))
        code = f"CASE {_column(label, w, 'value')} {whens} ELSE 0 END"
        log_odds = mean_log_odds(w.declared, len(values))
        strength = strength_sql(_column(label, w, "confidence"), log_odds, len(values))
        picks.append(f"{code} AS c{w.number}, CASE WHEN {code} > 0 THEN {strength} ELSE 0 END AS s{w.number}")
    names = [f"{part}{w.number}" for part in "cs" for w in witnesses]
    listed = ", ".join(names)
    found = engine.query(
        f"SELECT {listed}, count(*) AS n FROM (SELECT {', '.join(picks)} FROM {VOTES}) AS coded\n"
        f"GROUP BY {listed} ORDER BY {listed}"
    )
    found = found[(found[[f"c{w.number}" for w in witnesses]] > 0).any(axis=1)]
    table = found.to_numpy(dtype=float)
    width = len(witnesses)
    return Patterns.count(values, witnesses, table[:, :width].astype(int), table[:, width:-1], table[:, -1])
