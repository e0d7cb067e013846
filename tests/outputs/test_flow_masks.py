"""The flow as it leaves: no count of few people follows from all that is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from segtool.measurement.retention.flow import check_flow
from segtool.outputs.flow_masks import FLOW, MOVES, mask_flow

MIN_CELL = 5
N_PERIODS = 3


def make_flow(rng, n_personas: int, n_channels: int, scale: float) -> pd.DataFrame:
    """Return the flow of a population whose cells are often few, as `count_flow` gives it."""
    shape = (n_personas, n_channels)
    stock = rng.poisson(4 * scale, shape)
    rows = []
    for period in range(N_PERIODS):
        new, returned, out = (rng.poisson(scale * size, shape) for size in (0.3, 1.0, 1.0))
        lost = np.minimum(out, stock)
        movers = np.minimum(rng.poisson(0.5 * scale, shape), stock - lost)
        arrivals = np.roll(movers, 1, axis=1)  # who leaves a channel arrives in the next
        closing = stock + new + returned + arrivals - lost - movers
        cube = dict(zip(FLOW, (stock, new, returned, arrivals, lost, movers, closing), strict=True))
        for level, axes in (
            ("all", (0, 1)),
            ("channel", (0,)),
            ("persona", (1,)),
            ("persona and channel", ()),
        ):
            told = {name: counts.sum(axis=axes, keepdims=True) for name, counts in cube.items()}
            for place, channel in np.ndindex(told["new"].shape):
                row = {name: int(counts[place, channel]) for name, counts in told.items()}
                if 1 not in axes:
                    row["channel"] = f"c{channel}"
                else:
                    row |= {"channel": "all", "moved_in": 0, "moved_out": 0}
                row |= {"level": level, "period": period, "persona_id": 0 if 0 in axes else place + 1}
                rows.append(row)
        stock = closing
    table = pd.DataFrame(rows)
    check_flow(table.assign(persona=""))
    return table


def relations(flow: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return every linear relation there is between the counts, as rows of a matrix, with the right side."""
    place = {
        (row.level, row.period, row.persona_id, row.channel, name): len(FLOW) * k + j
        for k, row in enumerate(flow.itertuples()) for j, name in enumerate(FLOW)
    }  # fmt: skip
    found = []

    def add(*terms):
        row = np.zeros(len(place))
        for key, sign in terms:
            row[place[key]] += sign
        found.append(row)

    signs = dict(zip(FLOW, (1, 1, 1, 1, -1, -1, -1), strict=True))
    cells = sorted({key[:4] for key in place}, key=str)
    for cell in cells:
        level, period, persona, channel = cell
        add(*(((*cell, name), sign) for name, sign in signs.items()))
        if period + 1 < N_PERIODS:
            add(((*cell, "closing"), 1), ((level, period + 1, persona, channel, "opening"), -1))
        if channel == "all":
            add(((*cell, "moved_in"), 1))
            add(((*cell, "moved_out"), 1))
        parts = {
            "all": [("persona", None, "all"), ("channel", 0, None)],
            "persona": [("persona and channel", persona, None)],
            "channel": [("persona and channel", None, channel)],
        }.get(level, [])
        for part, who, where in parts:
            own = [
                c for c in cells if c[:2] == (part, period) and who in (None, c[2]) and where in (None, c[3])
            ]
            for name in FLOW:
                if not name.startswith("moved") or level == "channel":
                    add(((*cell, name), -1), *(((*c, name), 1) for c in own))
            if where is None and who is not None:
                add(*(((*c, name), sign) for c in own for name, sign in (("moved_in", 1), ("moved_out", -1))))
    return np.array(found), np.array(list(place))


def told_counts(flow: pd.DataFrame) -> np.ndarray:
    masked = mask_flow(flow, MIN_CELL)
    key = ["level", "period", "persona_id", "channel"]
    joined = flow[key].merge(masked, on=key, how="left", validate="1:1")
    return joined[FLOW].astype("Float64").to_numpy(dtype=float, na_value=np.nan).ravel()


@pytest.mark.parametrize(("seed", "n_personas", "n_channels", "scale"),
                         [(0, 3, 2, 4.0), (1, 2, 2, 8.0), (2, 1, 3, 6.0), (3, 3, 3, 2.0), (4, 2, 2, 40.0),
                          (5, 4, 2, 20.0), (6, 3, 2, 12.0), (7, 2, 3, 25.0)])  # fmt: skip
def test_no_count_of_few_follows_from_all_that_is_told(seed, n_personas, n_channels, scale):
    flow = make_flow(np.random.default_rng(seed), n_personas, n_channels, scale)
    true = flow[FLOW].to_numpy(dtype=float).ravel()
    few = (true > 0) & (true < MIN_CELL)
    told = told_counts(flow)
    known = ~np.isnan(told)
    assert (told[known] == true[known]).all() and not (few & known).any()
    matrix, _ = relations(flow)
    assert np.abs(matrix @ true).max() == 0
    # A hidden count follows from the others where no solution of the relations moves it.
    hidden = np.flatnonzero(~known)
    _, strengths, right = np.linalg.svd(matrix[:, hidden])
    free = right[(strengths > 1e-9).sum() :]
    moves = np.abs(free).max(axis=0, initial=0.0) > 1e-9
    assert moves[few[hidden]].all()
    for place in np.flatnonzero(few[hidden])[:: max(1, few.sum() // 12)]:  # nor from counts being 0 or more
        aim = np.zeros(len(hidden))
        aim[place] = 1
        ends = [
            linprog(
                sign * aim, A_eq=matrix[:, hidden], b_eq=-matrix[:, known] @ true[known], bounds=(0, None)
            )
            for sign in (1, -1)
        ]
        width = -ends[1].fun - ends[0].fun if ends[1].status == 0 else np.inf
        assert width > 0.5


def test_a_flow_without_few_people_is_told_whole():
    flow = make_flow(np.random.default_rng(0), 2, 2, 400.0)
    assert mask_flow(flow, MIN_CELL)[FLOW].astype(int).equals(flow[FLOW])


def test_a_small_group_does_not_silence_the_others():
    flow = make_flow(np.random.default_rng(1), 4, 1, 400.0)
    flow = flow[flow["level"].isin(["all", "persona"])].copy()
    small = flow["persona_id"] == 1
    for _, rows in flow.groupby("period"):
        part = rows.index[rows["persona_id"] == 1]
        flow.loc[rows.index[rows["level"] == "all"], FLOW] -= flow.loc[part, FLOW].to_numpy() - [
            2,
            0,
            0,
            0,
            0,
            0,
            2,
        ]
    flow.loc[small, FLOW] = [2, 0, 0, 0, 0, 0, 2]
    masked = mask_flow(flow, MIN_CELL)
    assert masked.loc[masked["level"] == "persona", "persona_id"].nunique() == 2  # one more hides it
    assert not masked[[*MOVES, "closing"]].isna().any(axis=None)
