"""What a schedule is made from: plain tables, checked once and turned into codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.engines.zones import check_zone
from segtool.errors import InputError
from segtool.targeting.schedule.draws import user_hash
from segtool.targeting.settings import DAYPARTS, TargetingSettings
from segtool.targeting.timing.dayparts import allowed_hours

USERS = ("user_id", "persona_id", "persona", "channel", "weekly_cap")
WORDS = {"flag": "", "stage": "unknown", "channel": "", "daypart": "any", "show_first": ""}
ANY_TOPIC = "any"  # the plan's word for no topic at all
ANY_HOUR = 12  # where nothing is known of when somebody is around


@dataclass(frozen=True)
class People:
    """Users in the order of their ids, as codes.

    Parameters
    ----------
    table : DataFrame, one row per user
        With every optional column filled in: daypart, hour, zone, stage, flag, show_first, ignored_in_a_row,
        gap_factor, stop_at, gain, loss, fatigue.
    ids : Index
        For looking rows up by user_id.
    keys : ndarray of uint64
        Seeds of each user's draws.
    """

    table: pd.DataFrame
    ids: pd.Index
    keys: np.ndarray

    def rows(self, user_ids: pd.Series) -> np.ndarray:
        """Return the row of each user id, -1 for a stranger."""
        return self.ids.get_indexer(text_ids(user_ids).to_numpy(dtype=object))


def text_ids(ids: pd.Series) -> pd.Series:
    """Return ids as text, as users are named here: a number is not another user than its digits.

    Examples
    --------
    >>> text_ids(pd.Series([7, 12])).tolist(), text_ids(pd.Series([7.0, None])).tolist()
    (['7', '12'], ['7', nan])
    """
    if pd.api.types.is_float_dtype(ids) and (ids.dropna() % 1 == 0).all():
        ids = ids.astype("Int64")  # whole numbers that became fractions, since some are missing
    there = ids.notna()
    return ids.astype(object).where(there, None).map(str, na_action="ignore").where(there, np.nan)


def _as_text(words: Iterable) -> np.ndarray:
    return text_ids(pd.Series(words)).to_numpy(dtype=object)


def with_text_ids(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return a table whose user ids are text."""
    if table is None or "user_id" not in table:
        return table
    return table.assign(user_id=text_ids(table["user_id"]))


def read_people(users: pd.DataFrame, zone: str, settings: TargetingSettings) -> People:
    """Check the users and fill in what was not given."""
    check_columns(users.columns, USERS, "users")
    table = users.copy()
    table["user_id"] = text_ids(table["user_id"]).astype(object)
    if table["user_id"].isna().any():
        raise InputError("users has rows without a user_id.", "an id for every user.")
    if table["user_id"].duplicated().any():
        raise InputError("users names some users more than once.", "one row per user.")
    table = table.sort_values("user_id", ignore_index=True)
    numbers = {"ignored_in_a_row": 0, "gain": 1.0, "loss": 0.0, "fatigue": 0.0}
    for name, usual in numbers.items():
        given = table[name] if name in table else pd.Series(usual, index=table.index)
        table[name] = pd.to_numeric(given).fillna(usual)
    for name, usual in silence_defaults(table["ignored_in_a_row"], settings).items():
        table[name] = pd.to_numeric(table[name]).fillna(usual) if name in table else usual
    for name, usual in WORDS.items():
        given = table[name] if name in table else pd.Series(usual, index=table.index)
        table[name] = given.astype(object).where(given.notna(), usual)
    own_zone = table["zone"] if "zone" in table else pd.Series(zone, index=table.index)
    table["zone"] = own_zone.astype(object).where(own_zone.notna(), zone)
    table["hour"] = _open_hours(table, settings)
    table["weekly_cap"] = pd.to_numeric(table["weekly_cap"])
    ids = table["user_id"].to_numpy(dtype=object)
    return People(table, pd.Index(ids, dtype=object), user_hash(ids))


def silence_defaults(ignored: pd.Series, settings: TargetingSettings) -> dict[str, pd.Series]:
    """Return by what the gap grows after so many ignored sends, and after how many it is for good."""
    backoff = np.inf if settings.backoff_after is None else settings.backoff_after
    stop = np.inf if settings.stop_after is None else settings.stop_after
    slow = pd.Series(np.where(ignored >= backoff, 2.0, 1.0), index=ignored.index)
    return {"gap_factor": slow, "stop_at": pd.Series(float(stop), index=ignored.index)}


def _open_hours(table: pd.DataFrame, settings: TargetingSettings) -> np.ndarray:
    """Return each user's hour, moved to the next that is not quiet."""
    usual = {name: (allowed_hours(name, settings) or (DAYPARTS[name][0],))[0] for name in DAYPARTS}
    start = table["daypart"].map(usual).fillna(ANY_HOUR).to_numpy(dtype=int)
    if "hour" in table:
        given = pd.to_numeric(table["hour"]).to_numpy(dtype=float)
        start = np.where(np.isnan(given), start, np.nan_to_num(given)).astype(int) % 24
    moved = np.arange(24)
    for hour in range(24):
        while settings.is_quiet(int(moved[hour])):
            moved[hour] = (moved[hour] + 1) % 24
    return moved[start]


def known_zones(zones: pd.Series) -> dict[str, bool]:
    """Say of each zone whether there is one of that name."""
    found = {}
    for zone in zones.unique():
        try:
            check_zone(str(zone))
            found[zone] = True
        except InputError:
            found[zone] = False
    return found


@dataclass(frozen=True)
class Catalogue:
    """Content as codes, freshest first within each topic.

    Parameters
    ----------
    item_ids, titles : ndarray of str, shape (n_items,)
    topics : tuple of str
    item_topic : ndarray of int, shape (n_items,)
    published : ndarray of int, shape (n_items,)
        First day of the plan on which an item may be sent (far below 0 for what is out already).
    by_topic : list of ndarray, one per topic
        Items, freshest first.
    more : DataFrame
        item, topic: the further topics of items that have several, as codes.
    """

    item_ids: np.ndarray
    titles: np.ndarray
    topics: tuple[str, ...]
    item_topic: np.ndarray
    published: np.ndarray
    by_topic: list
    more: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"item": [], "topic": []}, dtype=int))

    def topic_codes(self, topics: Iterable) -> np.ndarray:
        """Return the code of each topic, -1 for one that is not there."""
        return pd.Index(self.topics, dtype=object).get_indexer(_as_text(topics))

    def item_codes(self, item_ids: Iterable) -> np.ndarray:
        """Return the code of each item, -1 for one that is not there."""
        return pd.Index(self.item_ids, dtype=object).get_indexer(_as_text(item_ids))


def read_catalogue(
    content: pd.DataFrame | None, topics: Iterable[str], start: pd.Timestamp, zone: str
) -> Catalogue:
    """Order the content of each topic by how fresh it is; without content there are topics alone."""
    if content is None or content.empty:
        names = tuple(sorted(set(topics) - {ANY_TOPIC}))  # a topic without content has to say something
        empty = np.zeros(0, dtype=np.int64)
        return Catalogue(np.zeros(0, object), np.zeros(0, object), names, empty, empty, [empty] * len(names))
    check_columns(content.columns, ("item_id", "topic"), "content")
    every = content.dropna(subset=["item_id", "topic"])
    every = every.assign(item_id=every["item_id"].astype(str), topic=every["topic"].astype(str))
    # By name, so that the order of the rows does not decide which topic an item of two stands under.
    table = every.sort_values(["item_id", "topic"], kind="stable").drop_duplicates("item_id")
    unknown = pd.Series(pd.NaT, index=table.index, dtype="datetime64[ns, UTC]")
    out = pd.to_datetime(table["published_at"], utc=True) if "published_at" in table else unknown
    local = out.dt.tz_convert(zone).dt.tz_localize(None)
    # The day after it is out: its hour may be later than that of the send.
    day = np.ceil((local - start) / pd.Timedelta(days=1)).fillna(-10_000)
    popular = table.get("popularity", 0)
    table = table.assign(day=day.astype(np.int64), popular=popular, out=out)
    order = ["topic", "out", "popular", "item_id"]
    table = table.sort_values(
        order, ascending=[True, False, False, True], na_position="last", ignore_index=True
    )
    names = tuple(sorted({*every["topic"], *topics}))
    code = pd.Index(names, dtype=object).get_indexer(table["topic"].astype(object).to_numpy())
    title = table["title"].fillna("") if "title" in table else pd.Series("", index=table.index)
    return Catalogue(
        item_ids=table["item_id"].to_numpy(dtype=object),
        titles=title.astype(str).to_numpy(dtype=object),
        topics=names,
        item_topic=code,
        published=table["day"].to_numpy(),
        by_topic=[np.flatnonzero(code == place) for place in range(len(names))],
        more=_more_topics(every, table["item_id"], code, names),
    )


def _more_topics(every: pd.DataFrame, item_ids: pd.Series, first: np.ndarray, names: tuple) -> pd.DataFrame:
    """Return the topics of items beside the one each stands under here."""
    item = pd.Index(item_ids, dtype=object).get_indexer(every["item_id"])
    topic = pd.Index(names, dtype=object).get_indexer(every["topic"])
    pairs = pd.DataFrame({"item": item, "topic": topic})[topic != first[item]]
    return pairs.drop_duplicates(ignore_index=True)


@dataclass(frozen=True)
class Past:
    """What happened before the plan, by user row.

    Parameters
    ----------
    sends : DataFrame
        row, day (negative: before the plan's first day; a user whose clock is ahead of the study's may have
        been sent to on day 0 or 1 of their own calendar), channel ("": not known), item (code or -1), n.
    used_keys, used_days : ndarray
        Sorted row x n_items + item, and the day it was last sent; far in the future for what was acted on.
    """

    sends: pd.DataFrame
    used_keys: np.ndarray
    used_days: np.ndarray


NEVER_AGAIN = 10_000


def read_past(history, acted, blocks, people: People, catalogue: Catalogue, start: pd.Timestamp) -> Past:
    """Read what was sent and acted on."""
    sends = _read_sends(history, people, catalogue, start)
    parts = [sends.loc[sends["item"] >= 0, ["row", "item", "day"]]]
    for pairs in (acted, _blocked_items(blocks)):
        if pairs is not None and len(pairs):
            check_columns(pairs.columns, ("user_id", "item_id"), "acted")
            rows, items = people.rows(pairs["user_id"]), catalogue.item_codes(pairs["item_id"])
            parts.append(pd.DataFrame({"row": rows, "item": items, "day": NEVER_AGAIN}))
    used = pd.concat(parts, ignore_index=True)
    used = used[(used["row"] >= 0) & (used["item"] >= 0)]
    keys = used["row"].to_numpy(dtype=np.int64) * max(len(catalogue.item_ids), 1) + used["item"].to_numpy(
        dtype=np.int64
    )
    last = pd.Series(used["day"].to_numpy(dtype=np.int64)).groupby(keys).max()
    return Past(sends, last.index.to_numpy(dtype=np.int64), last.to_numpy(dtype=np.int64))


def _read_sends(history, people: People, catalogue: Catalogue, start: pd.Timestamp) -> pd.DataFrame:
    if history is None or history.empty:
        return pd.DataFrame({"row": [], "day": [], "channel": [], "item": [], "n": []}).astype(
            {"row": int, "day": int, "item": int, "n": int, "channel": object}
        )
    check_columns(history.columns, ("user_id", "send_date"), "history")
    day = (pd.to_datetime(history["send_date"]) - start) // pd.Timedelta(days=1)
    item = catalogue.item_codes(history["item_id"]) if "item_id" in history else -1
    channel = history["channel"].astype(object).fillna("") if "channel" in history else ""
    n = history.get("n", 1)
    table = pd.DataFrame(
        {"row": people.rows(history["user_id"]), "day": day, "channel": channel, "item": item, "n": n}
    )
    return table[(table["row"] >= 0) & table["day"].notna()].astype({"day": int, "n": int})


def _blocked_items(blocks: pd.DataFrame | None) -> pd.DataFrame | None:
    if blocks is None or blocks.empty:
        return None
    items = blocks[blocks["kind"] == "item"]
    return items.rename(columns={"what": "item_id"})[["user_id", "item_id"]]
