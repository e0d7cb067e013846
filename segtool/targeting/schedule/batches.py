"""A schedule is made a batch of users at a time: nobody's depends on anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.targeting.schedule import eligible
from segtool.targeting.schedule.choose import Drawn, draw_topics, fill_days
from segtool.targeting.schedule.days import choose_days
from segtool.targeting.schedule.draws import uniform
from segtool.targeting.schedule.eligible import Blocks
from segtool.targeting.schedule.inputs import Catalogue, Past, People
from segtool.targeting.schedule.limits import is_counted
from segtool.targeting.schedule.pool import (
    LEVELS,
    Pool,
    item_rows,
    padded,
    topic_rows,
    with_items,
    without_refused,
)
from segtool.targeting.schedule.result import Sends
from segtool.targeting.schedule.rhythms import sends_left
from segtool.targeting.settings import TargetingSettings

USERS_AT_ONCE = 20_000  # about 100 MB of candidates
STAGGER = 4  # salt
WEEK = 7


@dataclass(frozen=True)
class Batch:
    """What every batch is planned with; ``why`` is written into as users turn out to get nothing."""

    people: People
    catalogue: Catalogue
    past: Past
    refusals: Blocks
    once: tuple[np.ndarray, np.ndarray]  # users and topics that may be sent once
    rhythms: tuple
    opens: np.ndarray
    why: np.ndarray
    persona_topics: pd.DataFrame | None
    explore: pd.DataFrame | None
    explore_share: float
    settings: TargetingSettings
    n_days: int
    seed: int


def user_batches(people: People, candidates) -> Iterator[tuple[int, int, pd.DataFrame, np.ndarray]]:
    """Yield first row, last row + 1, candidates and their rows, so that every user is in one batch.

    Raises
    ------
    InputError
        If candidates in several parts are not in the order of the users.
    """
    done = 0
    for table, rows in _in_order(people, candidates):
        if len(rows) and rows[0] < done:
            raise InputError(
                "candidates are not in the order of the users.", "parts in the order of user_id."
            )
        stop = int(rows[-1]) + 1 if len(rows) else done
        yield from _cut(table, rows, done, stop)
        done = stop
    if done < len(people.table):
        yield from _cut(
            pd.DataFrame(columns=["rank", "topic", "estimate"]), np.zeros(0, int), done, len(people.table)
        )


def _in_order(people: People, candidates) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    for table in [candidates] if isinstance(candidates, pd.DataFrame) else candidates:
        if table.empty:
            continue
        check_columns(table.columns, ("user_id", "rank"), "candidates")
        rows = people.rows(table["user_id"])
        order = np.argsort(rows, kind="stable")
        order = order[rows[order] >= 0]
        yield table.iloc[order], rows[order]


def _cut(table, rows, start: int, stop: int) -> Iterator[tuple[int, int, pd.DataFrame, np.ndarray]]:
    for first in range(start, stop, USERS_AT_ONCE):
        last = min(first + USERS_AT_ONCE, stop)
        low, high = np.searchsorted(rows, (first, last))
        yield first, last, table.iloc[low:high], rows[low:high]


def plan_batch(batch: Batch, first: int, last: int, candidates: pd.DataFrame, rows: np.ndarray) -> Sends:
    """Plan the users from one row to another."""
    people, here = batch.people, slice(first, last)
    table, keys = people.table.iloc[here], people.keys[here]
    blocked = _blocked(batch, first, last)
    once = _pairs(batch, *batch.once, first, last)
    pool_rows = _candidates(batch, candidates, rows - first, table, blocked)
    none = (batch.why[here] == "") & (np.bincount(pool_rows["row"], minlength=last - first) == 0)
    _say(batch, here, none & ~blocked.any(axis=1), eligible.NOT_ANY_TOPIC)
    _say(batch, here, none & blocked.any(axis=1), eligible.NO_TOPIC)
    sent = _days(batch, first, last, table, keys)
    sent[batch.why[here] != ""] = False
    _say(batch, here, (batch.why[here] == "") & ~sent.any(axis=1), eligible.NO_DAY)
    # A draw may come twice, so what may be sent once is never drawn.
    drawn = _draws(batch, table, keys, blocked | once, int(sent.sum(axis=1).max(initial=0)))
    pool = padded(pool_rows, last - first, first, batch.catalogue, batch.past)
    wishes = _wishes(pool_rows, drawn, batch.catalogue, blocked)
    if wishes is not None and len(wishes):
        pool = pool.beside(padded(wishes, last - first, first, batch.catalogue, batch.past))
    out = np.full(pool.item.shape, -10_000, dtype=np.int64)
    if len(batch.catalogue.item_ids):
        out = np.where(pool.item >= 0, batch.catalogue.published[pool.item], out)
    settings = batch.settings
    picked = fill_days(
        pool, sent, drawn, out, settings.repeat_days, settings.max_topic_share, _of_places(once, pool.topic)
    )
    got = np.bincount(picked.row, minlength=last - first)
    _say(batch, here, (batch.why[here] == "") & (got == 0), eligible.NO_ITEM)
    return _as_sends(pool, picked, table, first)


def _say(batch: Batch, here: slice, applies: np.ndarray, reason: str) -> None:
    batch.why[here][applies] = reason


def _blocked(batch: Batch, first: int, last: int) -> np.ndarray:
    return _pairs(batch, batch.refusals.topic_rows, batch.refusals.topic_codes, first, last)


def _pairs(batch: Batch, rows: np.ndarray, codes: np.ndarray, first: int, last: int) -> np.ndarray:
    """Mark pairs of users and topics, shape (last - first, n_topics)."""
    marked = np.zeros((last - first, max(len(batch.catalogue.topics), 1)), dtype=bool)
    own = (rows >= first) & (rows < last)
    marked[rows[own] - first, codes[own]] = True
    return marked


def _of_places(once: np.ndarray, topic: np.ndarray) -> np.ndarray | None:
    """Say which places of a pool hold a topic that may be sent once; None for none at all."""
    if not once.any():
        return None
    return np.take_along_axis(once, np.maximum(topic, 0).astype(np.int64), axis=1) & (topic >= 0)


def _candidates(batch: Batch, candidates, rows, table, blocked) -> pd.DataFrame:
    """Return the candidates of a batch; who has none of their own gets the persona's topics."""
    if "item_id" in candidates:
        own = item_rows(candidates, rows, batch.catalogue, blocked)
    else:
        own = with_items(topic_rows(candidates, rows, batch.catalogue, blocked), batch.catalogue)
    own = without_refused(own, batch.catalogue, blocked)
    without = np.bincount(own["row"], minlength=len(table)) == 0
    if batch.persona_topics is None or not without.any():
        return own
    missing = pd.DataFrame(
        {"row": np.flatnonzero(without), "persona_id": table["persona_id"].to_numpy()[without]}
    )
    theirs = missing.dropna().merge(batch.persona_topics, on="persona_id", how="inner")
    rest = with_items(
        topic_rows(theirs, theirs["row"].to_numpy(dtype=int), batch.catalogue, blocked), batch.catalogue
    )
    rest = without_refused(rest, batch.catalogue, blocked)
    joined = pd.concat([part for part in (own, rest) if len(part)] or [own], ignore_index=True)
    return joined.sort_values("row", kind="stable", ignore_index=True)


def _days(batch: Batch, first: int, last: int, table: pd.DataFrame, keys: np.ndarray) -> np.ndarray:
    code, rhythms = batch.rhythms
    code = code[first:last]
    reach = max((each.reach for each in rhythms), default=1)
    own, every = _past_grids(batch, first, last, table, reach)
    gaps = np.array([each.gap for each in rhythms])[code]
    # Not everybody on the first morning: users start spread over their own gap.
    start = np.maximum(batch.opens[first:last], np.floor(uniform(keys, batch.seed, STAGGER) * gaps))
    most = sends_left(table)
    return choose_days(code, rhythms, own, every, start, most, batch.n_days)


def _past_grids(batch: Batch, first: int, last: int, table, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Count what was sent on each day from ``reach`` days before the plan to its end."""
    own, every = (np.zeros((last - first, reach + batch.n_days), dtype=np.int32) for _ in range(2))
    sends = batch.past.sends
    sends = sends[(sends["row"] >= first) & (sends["row"] < last) & (sends["day"] >= -reach)]
    # What lies beyond the plan (a mistake of the clock) stands on its last day: nothing is planned then.
    day = np.minimum(sends["day"].to_numpy(), batch.n_days - 1)
    row, column = sends["row"].to_numpy() - first, day + reach
    n, channel = sends["n"].to_numpy(), sends["channel"].to_numpy(dtype=object)
    # Of a send without a channel it is not known that it was another one, so it counts on every one.
    same = (channel == table["channel"].to_numpy(dtype=object)[row]) | (channel == "")
    np.add.at(own, (row[same], column[same]), n[same])
    counted = {name: is_counted(str(name)) for name in pd.unique(channel)}
    pressing = np.array([counted[name] for name in channel], dtype=bool)
    np.add.at(every, (row[pressing], column[pressing]), n[pressing])
    return own, every


def _draws(batch: Batch, table, keys, blocked, n_sends: int) -> Drawn | None:
    if batch.explore is None or not n_sends:
        return None
    personas = sorted(batch.explore["persona_id"].unique())
    chances = np.zeros((len(personas) + 1, blocked.shape[1]))  # the last row: personas nothing is drawn for
    code = batch.catalogue.topic_codes(batch.explore["topic"])
    place = pd.Index(personas).get_indexer(batch.explore["persona_id"])
    np.add.at(
        chances, (place[code >= 0], code[code >= 0]), batch.explore["probability"].to_numpy()[code >= 0]
    )
    if len(batch.catalogue.item_ids):
        chances[:, [len(items) == 0 for items in batch.catalogue.by_topic]] = 0
    home = pd.Index(personas).get_indexer(table["persona_id"])
    share = np.append(persona_shares(batch.explore, batch.explore_share).reindex(personas), 0.0)[home]
    return draw_topics(keys, chances[home], blocked, share, n_sends, batch.seed) if share.any() else None


def persona_shares(explore: pd.DataFrame, usual: float) -> pd.Series:
    """Return the share of each persona's sends that is drawn, by persona_id; as usual where none is said."""
    share = explore["share"] if "share" in explore else pd.Series(np.nan, index=explore.index)
    return pd.to_numeric(share).groupby(explore["persona_id"]).max().fillna(usual).sort_index()


def _wishes(candidates, drawn: Drawn | None, catalogue: Catalogue, blocked) -> pd.DataFrame | None:
    """Return what was drawn and is none of the user's own topics, with no weight in the plan."""
    if drawn is None or not (drawn.topic >= 0).any():
        return None
    row, _ = np.nonzero(drawn.topic >= 0)
    n_topics = len(catalogue.topics)
    wished = np.unique(row * n_topics + drawn.topic[drawn.topic >= 0])
    own = candidates["row"].to_numpy() * n_topics + candidates["topic"].to_numpy()
    wished = wished[~np.isin(wished, own)]
    level = LEVELS.index("drawn")
    wishes = pd.DataFrame(
        {"row": wished // n_topics, "topic": wished % n_topics, "estimate": 1.0, "weight": 0.0}
    )
    return without_refused(with_items(wishes.assign(level=level), catalogue), catalogue, blocked)


def _as_sends(pool: Pool, picked, table: pd.DataFrame, first: int) -> Sends:
    row, place = picked.row, picked.place
    order = np.lexsort((picked.day, row))
    row, place, planned = row[order], place[order], picked.planned[order]
    day = picked.day[order]
    starts = np.searchsorted(row, row)
    number = np.arange(len(row)) - starts
    lift = pool.estimate[row, planned]
    gain, loss, fatigue = (table[name].to_numpy(dtype=float)[row] for name in ("gain", "loss", "fatigue"))
    # What is drawn is paid for as what it takes the place of: otherwise a budget would stop the learning.
    value = gain * lift * np.exp(-fatigue * _in_last_week(row, day, number)) - loss
    return Sends(
        row=(row + first).astype(np.int32),
        day=day.astype(np.int16),
        number=number.astype(np.int16),
        topic=pool.topic[row, place].astype(np.int16),
        item=pool.item[row, place].astype(np.int32),
        level=pool.level[row, place].astype(np.int8),
        estimate=pool.estimate[row, place].astype(np.float32),
        explored=picked.explored[order],
        propensity=picked.propensity[order].astype(np.float64),
        value=value,
    )


def _in_last_week(row: np.ndarray, day: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Count a user's planned sends of the seven days before each one."""
    at = row.astype(np.int64) * 1_000 + day
    return np.arange(len(row)) - np.maximum(np.searchsorted(at, at - WEEK), np.arange(len(row)) - number)
