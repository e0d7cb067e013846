"""The tables of a plan and of its proof as they leave: no row counts or describes few people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from segtool.outputs.csv_files import write_csv
from segtool.outputs.flow_masks import mask_flow
from segtool.outputs.words import mask_words

EVENTS = ("n_events", "n_sends")
DAYS_OF_WEEK = 7
TOLD = ("estimate", "lo", "hi")


def mask_rows(
    table: pd.DataFrame,
    min_cell: int,
    counts: Sequence[str] = ("n_users",),
    numbers: Sequence[str] = (),
) -> pd.DataFrame:
    """Blank what a row says of 1 to ``min_cell - 1`` people: counts, numbers that tell them, reasons.

    Parameters
    ----------
    table : DataFrame
    min_cell : int
    counts : sequence of str
        Columns that count people; a row is about few people if any of them is small.
    numbers : sequence of str
        Columns that are blank in such rows, too, beside events and sends: rates with so small a base
        name people.
    """
    counts = [name for name in counts if name in table]
    few = pd.Series(False, index=table.index)
    for name in counts:
        few |= table[name].between(1, min_cell - 1).fillna(False).astype(bool)
    masked = table.copy()
    for name in (*counts, *(name for name in EVENTS if name in table)):
        masked[name] = pd.to_numeric(masked[name]).round().astype("Int64").mask(few)
    for name in numbers:
        if name in masked:
            masked[name] = masked[name].mask(few)
    for name in (column for column in masked if column == "reason" or column.startswith("why_")):
        said = [mask_words(text, min_cell) if isinstance(text, str) else text for text in masked[name]]
        masked[name] = pd.Series(said, masked.index, dtype=object).mask(few)  # reasons name the count
    return masked.reset_index(drop=True)


def _with_partners(few: pd.Series, sizes: pd.Series, groups: list[pd.Series], min_cell: int) -> pd.Series:
    """Return the rows to blank where each group's total is known: none may be the rest, nor the rest be few."""
    hidden = few.to_numpy(copy=True)
    sizes = sizes.to_numpy(dtype=float, na_value=0.0)
    for rows in pd.DataFrame({"few": few}).groupby(groups, sort=False).indices.values():
        apart = hidden[rows]
        if not apart.any():
            continue
        others = iter(sorted(rows[~apart], key=lambda row: sizes[row]))
        while hidden[rows].sum() < 2 or sizes[rows[hidden[rows]]].sum() < min_cell:
            more = next(others, None)
            if more is None:
                break
            hidden[more] = True
    return pd.Series(hidden, few.index)


def list_advice(plan, min_cell: int) -> pd.DataFrame:
    """Return every piece of advice with its verdict; those that rest on few people give no number."""
    return mask_rows(plan.advice, min_cell, numbers=TOLD)


def list_design(design, min_cell: int) -> pd.DataFrame:
    """Return what the test can show, persona by persona."""
    table = design.table
    numbers = [name for name in table if pd.api.types.is_float_dtype(table[name])]
    return mask_rows(table, min_cell, ("n_users",), numbers)


def list_lift(lift, min_cell: int) -> pd.DataFrame:
    """Return what the test showed: everyone first, then persona by persona."""
    overall = lift.overall.assign(persona_id=0, persona="everyone")
    table = pd.concat([overall, lift.table], ignore_index=True)
    table = table[[*lift.table.columns, *(name for name in overall if name not in lift.table)]]
    rates = ("rate_treated", "rate_control", "raw", "raw_lo", "raw_hi", "p")
    return mask_rows(table, min_cell, ("n_treated", "n_control"), rates)


def list_flow(retention, min_cell: int) -> pd.DataFrame:
    """Return who came, came back and left; no number of few people can be worked out from the others."""
    return mask_flow(retention.flow, min_cell)


def list_cohorts(retention, min_cell: int) -> pd.DataFrame:
    """Return the cohort triangle; cells of few people, or of all but few, are blank.

    The personas of a cohort add up to everyone, so a blank one takes the next smallest with it.
    """
    table = retention.cohorts
    few_users = _is_few(table["n_users"], min_cell)
    few = few_users | _is_few(table["n_active"], min_cell)
    few |= _is_few(table["n_users"] - table["n_active"], min_cell)
    if "persona_id" in table:
        parts = table["persona_id"] != 0
        key = [parts, table["cohort"], table["age"]]
        of_parts = [_with_partners(each & parts, table[size], key, min_cell) & parts
                    for each, size in ((few_users, "n_users"), (few, "n_active"))]  # fmt: skip
        few_users, few = few_users | of_parts[0], few | of_parts[1] | of_parts[0]
    masked = table.assign(n_active=table["n_active"].astype("Int64").mask(few))
    masked["n_users"] = table["n_users"].astype("Int64").mask(few_users)
    for name in ("share", "lo", "hi"):
        masked[name] = table[name].mask(few)
    return masked


def _is_few(counts: pd.Series, min_cell: int) -> pd.Series:
    return counts.between(1, min_cell - 1).fillna(False).astype(bool)


def list_survival(retention, min_cell: int) -> pd.DataFrame:
    """Return what sets the personas' staying apart."""
    return mask_rows(
        retention.comparison, min_cell, ("n_users", "n_lost"),
        ("mean_days", "rest_days", "difference", "lo", "hi", "p_value", "q_value"),
    )  # fmt: skip


def list_curves(retention, min_cell: int) -> pd.DataFrame:
    """Return the curves of staying as they may be drawn.

    They end where fewer than ``min_cell`` users are followed, and each step stands for at least so many
    who were lost: smaller ones are gathered into the next.
    """
    table = retention.survival
    table = table[table["at_risk"] >= min_cell].sort_values(["persona_id", "day"], kind="stable")
    kept = []
    for _, curve in table.groupby("persona_id", sort=False):
        lost = 0.0
        for row, n in zip(curve.index, curve["lost"], strict=True):
            lost += n
            if not kept or row == curve.index[0] or lost >= min_cell:
                kept.append(row)
                lost = 0.0 if row != curve.index[0] else lost
    return table.loc[kept].reset_index(drop=True)


def mask_retention(retention, min_cell: int) -> SimpleNamespace:
    """Return what the figures of retention read, as it may be shown."""
    return SimpleNamespace(
        flow=list_flow(retention, min_cell),
        survival=list_curves(retention, min_cell),
        **{name: getattr(retention, name) for name in ("period", "start", "churn_days")},
    )


def list_calendar(schedule, min_cell: int) -> pd.DataFrame:
    """Return the calendar; rows that stand for few people give no number, only what is sent when.

    The sends of a persona's week are known from their shares, so a blank row takes the next smallest with it.
    """
    table = schedule.calendar
    few = _is_few(table["n_users"], min_cell)
    key = [name for name in ("persona_id", "week") if name in table]
    few = _with_partners(few, table["n_users"], [table[name] for name in key] or [few * 0], min_cell)
    masked = mask_rows(table, min_cell)
    for name in ("n_users", "n_sends", "n_explore", "share"):
        if name in table:
            masked[name] = masked[name].mask(few.to_numpy())
    if "n_explore" in table:
        explored = table["n_explore"].reset_index(drop=True)
        masked["n_explore"] = masked["n_explore"].astype("Int64").mask(_is_few(explored, min_cell))
    return masked


def list_calendar_topics(schedule, min_cell: int) -> pd.DataFrame:
    """Return the calendar as its figure shows it: by persona, week and topic, with the true totals.

    Items are added up before anything is hidden: many items of a topic that few get each are sent to many.
    A topic of few people has no name, so that only the totals hold it; of a week in which few are sent to,
    nothing is told.
    """
    table = schedule.calendar
    week = ["persona_id", "week"]
    cells = ["persona_id", "persona", "week", "week_start", "topic", "daypart", "channel"]
    sums = table.groupby(cells, sort=False, dropna=False)[["n_sends", "share"]].sum().reset_index()
    for key in ([*week, "topic"], week):
        n_users = _count_users(schedule, key)
        few = _is_few(sums.merge(n_users, on=key, how="left")["n_users"], min_cell)
        sums["topic"] = sums["topic"].astype(object).mask(few, None)
    sums["n_sends"] = sums["n_sends"].astype("Int64").mask(few)  # of the whole week, the last key
    return sums


def _count_users(schedule, key: list[str]) -> pd.DataFrame:
    """Return the users of each topic and week; where no sends are kept, the most it can be said of."""
    sends = getattr(schedule, "sends", None)
    if sends is None:
        return schedule.calendar.groupby(key)["n_users"].sum().reset_index()
    own = pd.DataFrame(
        {
            "persona_id": schedule.people.table["persona_id"].to_numpy()[sends.row],
            "week": sends.day // DAYS_OF_WEEK + 1,
            "topic": np.array(schedule.catalogue.topics, dtype=object)[sends.topic],
            "row": sends.row,
        }
    )
    return own.groupby(key)["row"].nunique().rename("n_users").reset_index()


def write_proof(lift, path: str | Path, min_cell: int) -> int:
    """Write what was proved, for the next plan: the file that ``proof`` in [measurement] names."""
    from segtool.measurement import proof_table

    told = proof_table(lift, "plan", "send")
    return write_csv(mask_rows(told, min_cell, numbers=TOLD), Path(path))
