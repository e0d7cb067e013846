"""Who came and who left, told so that no count of few people can be worked out.

A flow is bound together in every direction: each row adds up, each period opens as the last one closed,
personas and channels sum to everyone. Blanking single cells would need others blanked all over, so a whole
level of a period climbs one ladder: first it no longer tells new from returned, then nothing of who came, then
no movement at all, and at last nothing. What is left to work out are sums that count nobody few.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

MOVES = ["new", "returned", "moved_in", "lost", "moved_out"]
FLOW = ["opening", *MOVES, "closing"]
WITHIN = "persona and channel"
# What each step blanks; the sum of those that come in, and those that go out, can still be worked out.
LADDER = ((), ("new", "returned"), ("new", "returned", "moved_in"), tuple(MOVES), tuple(FLOW))
NOTHING = len(LADDER) - 1


def mask_flow(flow: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Blank counts of 1 to ``min_cell - 1`` users and whatever would give them away.

    Parameters
    ----------
    flow : DataFrame
        As ``Retention.flow``.
    min_cell : int

    Returns
    -------
    DataFrame
        The same columns, counts as nullable integers. Rows of personas and channels of which nothing can be
        told are left out; those of everyone stay.

    Notes
    -----
    Groups with few users at any time are blank together with the next smallest, in all periods alike:
    their sum, the rest of everyone, then counts enough people. Rows by persona and channel are told only
    where personas and channels are told on the same step.

    Examples
    --------
    >>> row = {"level": "all", "period": 1, "persona_id": 0, "channel": "all", "opening": 50, "new": 2,
    ...        "returned": 30, "moved_in": 0, "lost": 20, "moved_out": 0, "closing": 62}
    >>> mask_flow(pd.DataFrame([row]), 5)[FLOW].values.tolist()
    [[50, <NA>, <NA>, 0, 20, 0, 62]]
    """
    if flow.empty:
        return flow
    steps: dict[tuple, int] = {}
    withheld: dict[str, set] = {}
    for level, own in flow.groupby("level", sort=False):
        told = _told_periods(own, steps) if level != "all" else set(own["period"])
        withheld[level] = _withhold(own[own["period"].isin(told)], min_cell) if level != "all" else set()
        for period, rows in own.groupby("period", sort=False):
            steps[level, period] = _find_step(_merge(rows, withheld[level]), min_cell)
    for level, period in steps:
        if level == WITHIN:
            steps[level, period] = _step_within(steps, withheld, period)
    return _blank(flow, steps, withheld)


def _key(rows: pd.DataFrame) -> pd.Series:
    return pd.Series(list(zip(rows["persona_id"], rows["channel"], strict=True)), rows.index, dtype=object)


def _told_periods(own: pd.DataFrame, steps: dict) -> set:
    """Return the periods in which anything is told of everyone."""
    return {period for period in own["period"].unique() if steps.get(("all", period), 0) < NOTHING}


def _withhold(own: pd.DataFrame, min_cell: int) -> set:
    """Return the groups to blank in all periods, so that the others and the rest hold enough people."""
    if own.empty:
        return set()
    keys = _key(own)
    stocks = own[["opening", "closing"]]
    small = set(keys[stocks.isin(range(1, min_cell)).any(axis=1)])
    if not small:
        return set()
    order = stocks.sum(axis=1).groupby(keys).sum().sort_values(kind="stable").index
    others = iter([key for key in order if key not in small])
    while True:
        rest = own[keys.isin(small)].groupby("period")[["opening", "closing"]].sum()
        if len(small) > 1 and not _few(rest.to_numpy(), min_cell).any():
            return small
        more = next(others, None)
        if more is None:
            return small
        small.add(more)


def _merge(rows: pd.DataFrame, withheld: set) -> np.ndarray:
    """Return the counts of the groups that are told and, as one more, of all others together."""
    apart = _key(rows).isin(withheld).to_numpy()
    counts = rows[FLOW].to_numpy(dtype=float)
    return np.vstack([counts[~apart], counts[apart].sum(axis=0)])


def _find_step(counts: np.ndarray, min_cell: int) -> int:
    """Return the first step on which no count that is told, or left over, is small."""
    table = pd.DataFrame(counts, columns=FLOW)
    for step, hidden in enumerate(LADDER):
        left = [table[name] for name in FLOW if name not in hidden]
        if 0 < step < 3:
            left.append(table[list(hidden)].sum(axis=1))
        if not any(_few(column.to_numpy(), min_cell).any() for column in left):
            return step
    return NOTHING


def _step_within(steps: dict, withheld: dict, period) -> int:
    """Return the step of rows by persona and channel: theirs, if personas and channels stand on it too."""
    step = steps[WITHIN, period]
    alike = all(steps.get((level, period)) == step for level in ("persona", "channel"))
    return step if alike and not any(withheld.values()) else NOTHING


def _few(counts: np.ndarray, min_cell: int) -> np.ndarray:
    return (counts > 0) & (counts < min_cell)


def _blank(flow: pd.DataFrame, steps: dict, withheld: dict) -> pd.DataFrame:
    table = flow.astype(dict.fromkeys(FLOW, "Int64"))
    step = pd.Series([steps[key] for key in zip(flow["level"], flow["period"], strict=True)], flow.index)
    apart = [key in withheld[level] for level, key in zip(flow["level"], _key(flow), strict=True)]
    step = step.mask(apart, NOTHING)
    for name in FLOW:
        # Where channels are not told apart nobody moves between them: a blank would only puzzle.
        never = name.startswith("moved") & flow["level"].isin(["all", "persona"])
        hides = step.map(lambda at, name=name: name in LADDER[at])
        table[name] = table[name].mask(hides & ~(never & (step < NOTHING)))
    return table[(flow["level"] == "all") | (step < NOTHING)].reset_index(drop=True)
