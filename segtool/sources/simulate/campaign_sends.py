"""The send list of a simulated campaign: read, checked, and told as the table ``sends``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.errors import InputError, did_you_mean
from segtool.sources.simulate.behaviour import DAY
from segtool.sources.simulate.catalogue import Catalogue
from segtool.sources.simulate.outreach import PRESSURE_DAYS, SEND_CHANNELS, Plan, Standing, outcome_seconds
from segtool.sources.simulate.words import TOPIC_KEYS

HAPPENED = {
    "opened_at": "opened",
    "responded_at": "responded",
    "muted_at": "muted",
    "unsubscribed_at": "left",
}


@dataclass(frozen=True)
class PlannedSends:
    """A send list in the codes of the simulation, in order of user and time."""

    plan: Plan
    extra: pd.DataFrame  # send_id, and arm and propensity where given, in the same order


def read_send_list(
    send_list: pd.DataFrame, ids, catalogue: Catalogue, start: pd.Timestamp, days: int, zone: str, rng
) -> PlannedSends:
    """Read a send list, or say what in it the simulated community does not know."""
    if {"send_date", "send_hour_local"} <= set(send_list.columns):
        send_list = send_list.assign(sent_at=_moments(send_list))
    time = next((name for name in ("sent_at", "send_at") if name in send_list), "sent_at")
    check_columns(send_list.columns, ["user_id", time, "channel"], "send_list")
    if not {"topic", "item_id"} & set(send_list.columns):
        check_columns(send_list.columns, ["topic"], "send_list")
    user = _codes(send_list["user_id"].astype(str), ids, "user_id", "users of this simulation")
    channel = _codes(send_list["channel"], SEND_CHANNELS, "channel", "channels that something can be sent on")
    second = _seconds(send_list[time], start, days, zone)
    order = np.lexsort((np.arange(len(user)), second, user))
    topic, item = _content(send_list, catalogue, second, rng)
    count = np.bincount(user, minlength=len(ids))
    number = np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count)
    extra = send_list.reindex(
        columns=[name for name in ("send_id", "arm", "propensity") if name in send_list]
    )
    extra = extra.iloc[order].reset_index(drop=True)
    if "send_id" not in extra:
        extra.insert(0, "send_id", [f"k{i + 1:06d}" for i in range(len(user))])
    extra["send_id"] = extra["send_id"].astype(str)
    if extra["send_id"].duplicated().any():
        raise InputError("send_list names a send_id more than once.", "one row per send.")
    plan = Plan(
        user=user[order],
        second=second[order],
        order=number,
        channel=channel[order],
        arm=np.zeros(len(user), dtype=int),
        propensity=np.full(len(user), np.nan),
        topic=topic[order],
        item=item[order],
    )
    return PlannedSends(plan, extra)


def _moments(send_list: pd.DataFrame) -> pd.Series:
    """Return when sends that name a day and an hour go out: each user at a minute of their own."""
    minute = pd.util.hash_array(send_list["user_id"].astype(str).to_numpy(dtype=object)) % 3600
    day = pd.to_datetime(send_list["send_date"]).dt.tz_localize(None)
    hour = pd.to_timedelta(send_list["send_hour_local"].to_numpy(dtype=float) * 3600, unit="s")
    return day + hour + pd.to_timedelta(minute.astype("int64"), unit="s")


def _codes(values: pd.Series, known, name: str, what: str) -> np.ndarray:
    codes = pd.Index(np.asarray(known, dtype=object)).get_indexer(values.astype(object))
    bad = int((codes < 0).sum())
    if bad:
        example = f"; {did_you_mean('', known)}" if len(known) <= 20 else ""
        raise InputError(
            f"{bad:,} of {len(codes):,} rows of send_list have an unknown {name}.", what + example
        )
    return codes


def _seconds(times: pd.Series, start: pd.Timestamp, days: int, zone: str) -> np.ndarray:
    times = pd.to_datetime(times)
    if times.dt.tz is not None:
        times = times.dt.tz_convert(zone).dt.tz_localize(None)
    seconds = (times - start).dt.total_seconds().to_numpy()
    outside = int((~((seconds >= 0) & (seconds < days * DAY))).sum())
    if outside:
        raise InputError(
            f"{outside:,} of {len(seconds):,} rows of send_list are sent outside the campaign, or at no time.",
            f"times from {start.date()} until before {(start + pd.Timedelta(days=days)).date()}.",
            "Say more weeks, or leave those rows out.",
        )
    return seconds.astype(np.int64)


def _content(send_list, catalogue: Catalogue, second, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return topic and item codes; what is missing of one is filled from the other."""
    u = rng.random(len(second))  # drawn whether needed or not, so that items change nothing else
    item = np.full(len(second), -1)
    if "item_id" in send_list:
        named = send_list["item_id"].notna().to_numpy()
        item[named] = _codes(
            send_list["item_id"][named], catalogue.item_ids, "item_id", "items of the catalogue"
        )
    if "topic" in send_list:
        topic = _codes(send_list["topic"], TOPIC_KEYS, "topic", "topics of this simulation")
    else:
        of_item = catalogue.table.set_index("item_id")["topic"].reindex(catalogue.item_ids)
        bad = int((item < 0).sum())
        if bad:
            raise InputError(f"{bad:,} rows of send_list have neither topic nor item_id.", "one of the two.")
        topic = pd.Index(TOPIC_KEYS).get_indexer(of_item.iloc[item])
    picked = catalogue.pick(topic, np.zeros(len(topic), dtype=int), second // DAY, u)
    return topic, np.where(item >= 0, item, picked)


def standing_at(before: pd.DataFrame, ids, start: pd.Timestamp) -> Standing:
    """Return the pressure and the opt-outs that the sends before the campaign left behind."""
    user = pd.Index(ids).get_indexer(before["user_id"])
    age = (start - before["sent_at"]).dt.total_seconds().to_numpy() / DAY
    pressure = np.bincount(user, weights=np.exp(-age / PRESSURE_DAYS), minlength=len(ids))
    left = np.zeros(len(ids), dtype=bool)
    left[user[before["unsubscribed_at"].notna().to_numpy()]] = True
    muted = np.zeros((len(ids), len(SEND_CHANNELS)), dtype=bool)
    closed = before["muted_at"].notna().to_numpy()
    muted[user[closed], pd.Index(SEND_CHANNELS).get_indexer(before["channel"][closed])] = True
    return Standing(pressure, left, muted)


def sends_frame(
    sends: PlannedSends, outcome, standing: Standing, ids, catalogue: Catalogue, start, days: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the delivered sends as the table ``sends``, and those that met a closed door."""
    plan = sends.plan
    kept = np.flatnonzero(outcome["sent"])
    kept = kept[np.lexsort((plan.user[kept], plan.second[kept]))]
    extra = sends.extra.iloc[kept]
    table = {"send_id": extra["send_id"].to_numpy(), "user_id": ids[plan.user[kept]]}
    for name, moment in outcome_seconds(plan.second[kept]).items():
        seen = outcome[HAPPENED[name]][kept] if name in HAPPENED else np.ones(len(kept), dtype=bool)
        values = pd.Series(start + pd.to_timedelta(moment, unit="s"))
        table[name] = values.where(seen & (moment < days * DAY)).to_numpy()
    table["item_id"] = catalogue.item_ids[plan.item[kept]]
    table["topic"] = np.array(TOPIC_KEYS)[plan.topic[kept]]
    table["channel"] = np.array(SEND_CHANNELS)[plan.channel[kept]]
    table |= {name: extra[name].to_numpy() for name in ("arm", "propensity") if name in extra}
    lost = np.flatnonzero(~outcome["sent"])
    left = standing.left.copy()
    left[plan.user[outcome["left"]]] = True
    undelivered = {
        "send_id": sends.extra["send_id"].to_numpy()[lost],
        "user_id": ids[plan.user[lost]],
        "why": np.where(left[plan.user[lost]], "unsubscribed", "muted"),
    }
    return pd.DataFrame(table), pd.DataFrame(undelivered)
