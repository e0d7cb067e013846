"""One table of advice: what every part of the plan says, in one form, with what each piece rests on."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.targeting.verdicts import ADVICE, VERDICTS

KEY = ["persona_id", "aspect", "advice"]
# In the order in which a person plans: what first, then when and where, then who is to be left alone.
ASPECTS = (
    "plan", "topic", "item", "format", "length", "time", "channel", "frequency", "stage", "touch", "explore", "heat",
    "herd", "group", "arm",
)  # fmt: skip


def empty_advice() -> pd.DataFrame:
    """Return advice with no rows."""
    return pd.DataFrame(columns=ADVICE)


def join_advice(parts: Iterable[pd.DataFrame], evidence: pd.DataFrame | None = None) -> pd.DataFrame:
    """Join the advice of all parts, and what tests or logged propensities say of it.

    Parameters
    ----------
    parts : iterable of DataFrame
        With the columns of `ADVICE`.
    evidence : DataFrame, optional
        Columns of `ADVICE`; ``rank`` and ``level`` may be missing. A row about a piece of advice that
        is in the plan gives it its verdict and is told in its reason; another is a row of its own.

    Returns
    -------
    DataFrame
        In the order persona, aspect, rank.

    Raises
    ------
    InputError
        If the evidence lacks a column or names a verdict that there is not.
    """
    filled = [part[ADVICE] for part in parts if len(part)]
    table = pd.concat(filled, ignore_index=True) if filled else empty_advice()
    if evidence is not None and len(evidence):
        table = _with_evidence(table, _checked(evidence))
    place = table["aspect"].map({aspect: rank for rank, aspect in enumerate(ASPECTS)}).fillna(len(ASPECTS))
    order = table.assign(place=place).sort_values(["persona_id", "place", "aspect", "rank"], kind="stable")
    return order.drop(columns="place").reset_index(drop=True)


def _checked(evidence: pd.DataFrame) -> pd.DataFrame:
    needed = [name for name in ADVICE if name not in ("rank", "level", "unit", "n_events")]
    check_columns(evidence.columns, needed, "the evidence")
    odd = sorted(set(evidence["verdict"]) - set(VERDICTS))
    if odd:
        raise InputError(f"the evidence has the verdict {odd[0]!r}.", f"one of: {', '.join(VERDICTS)}.")
    defaults = {"rank": 1, "level": "persona", "unit": "", "n_events": 0}
    return evidence.assign(**{name: value for name, value in defaults.items() if name not in evidence})[
        ADVICE
    ]


def _with_evidence(table: pd.DataFrame, evidence: pd.DataFrame) -> pd.DataFrame:
    """Give each row the strongest verdict there is for it; the weaker one stays in the reason."""
    rank = {verdict: place for place, verdict in enumerate(VERDICTS)}
    strongest = evidence.sort_values("verdict", key=lambda names: names.map(rank), kind="stable")
    strongest = strongest.drop_duplicates(KEY).set_index(KEY)
    keys = pd.MultiIndex.from_frame(table[KEY])
    found = strongest.reindex(keys)
    better = found["verdict"].map(rank).to_numpy() < table["verdict"].map(rank).to_numpy()
    told = [
        f"{own}; {verdict}: {reason}"
        for own, verdict, reason in zip(table["reason"], found["verdict"], found["reason"], strict=True)
    ]
    table = table.assign(
        reason=table["reason"].where(~better, pd.Series(told, table.index)),
        verdict=table["verdict"].where(~better, found["verdict"].to_numpy()),
    )
    new = strongest[~strongest.index.isin(keys)].reset_index()[ADVICE]
    return pd.concat([table, new], ignore_index=True) if len(new) else table
