"""Who is not sent to at all, and why: nobody drops out in silence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.targeting.feedback.refusals import EVERYWHERE
from segtool.targeting.schedule.inputs import People, known_zones
from segtool.targeting.settings import TargetingSettings

NOT_KNOWN = ("", "not known", "any")
DUE = "due"  # of a topic whose rest is over: one send may ask whether it is wanted again
HELD_OUT = "held out, so that what the others get can be compared with nothing"
NO_PERSONA = "in no persona"
NO_CHANNEL = "no channel is known: none is recorded that is open to them"
IN_GROUPS = "reached in groups only, where a post reaches everybody, the held-out too"
BAD_ZONE = "their time zone is not one that is known, so their night is not known"
CLOSED = "unsubscribed everywhere"
CLOSED_CHANNEL = "closed the channel that was planned for them"
COMPLAINED = "complained; a person decides when they are written to again"
IGNORED = "ignored so many sends in a row that silence is left, until they are heard of again"
NO_TOPIC = "refused every topic that is known for them"
NOT_ANY_TOPIC = "no topic is known: nothing they did and no content names one"
NO_DAY = "the caps leave no day in these weeks"
NO_ITEM = "no item is left that is out and new to them"
NOT_WORTH = "a send would cost more than it brings, at the stated prices"
NO_BUDGET = "the budget went to sends worth more"


@dataclass(frozen=True)
class Blocks:
    """Refusals as codes.

    Parameters
    ----------
    until : ndarray of int, shape (n_users,)
        First day of the plan open to a user after a cool-off.
    topic_rows, topic_codes : ndarray of int
        Pairs of user and refused topic.
    why : ndarray of str, shape (n_users,)
        "" for those who may be written to.
    """

    until: np.ndarray
    topic_rows: np.ndarray
    topic_codes: np.ndarray
    why: np.ndarray


def read_refusals(
    blocks: pd.DataFrame | None,
    people: People,
    topic_codes,
    start: pd.Timestamp,
    as_of_day: pd.Timestamp,
    settings,
) -> Blocks:
    """Turn a table of blocks into codes; a block holds for the whole plan unless it ends by the hour.

    A topic or channel that opens again within the plan stays closed until the next plan: what somebody
    refused is not taken up again on the first day it could be.
    """
    n_users = len(people.table)
    until, why = np.zeros(n_users, dtype=np.int64), np.full(n_users, "", dtype=object)
    none = np.zeros(0, dtype=np.int64)
    if blocks is None or blocks.empty:
        return Blocks(until, none, none, why)
    check_columns(blocks.columns, ("user_id", "kind", "what"), "blocks")
    row = people.rows(blocks["user_id"])
    table = blocks.assign(row=row)[row >= 0]
    channel = people.table["channel"].to_numpy(dtype=object)
    closed = table[table["kind"] == "channel"]
    own = closed["what"].to_numpy(dtype=object) == channel[closed["row"].to_numpy()]
    why[closed["row"].to_numpy()[own]] = CLOSED_CHANNEL
    why[closed.loc[closed["what"] == EVERYWHERE, "row"]] = CLOSED
    whole = table[table["kind"] == "user"]
    days = days_left(whole, settings)
    opens = np.ceil(np.nan_to_num(days, nan=0) + (as_of_day - start) / pd.Timedelta(days=1) - 1e-9).astype(
        np.int64
    )
    np.maximum.at(until, whole["row"].to_numpy(), opens)
    why[whole["row"].to_numpy()[np.isnan(days)]] = COMPLAINED
    topics = table[table["kind"] == "topic"]
    code = topic_codes(topics["what"])
    known = code >= 0
    return Blocks(until, topics["row"].to_numpy()[known], code[known], why)


def split_probes(
    probes: pd.DataFrame | None, blocks: pd.DataFrame | None
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return the topics that may be sent once, and the blocks with those whose one send is out already."""
    if probes is None or probes.empty:
        return None, blocks
    check_columns(probes.columns, ("user_id", "topic"), "probes")
    due = (probes["state"] == DUE).to_numpy(dtype=bool) if "state" in probes else np.ones(len(probes), bool)
    out = probes.loc[~due, ["user_id", "topic"]].rename(columns={"topic": "what"}).assign(kind="topic")
    parts = [part for part in (blocks, out) if part is not None and len(part)]
    return probes[due], pd.concat(parts, ignore_index=True) if parts else blocks


def read_once(once: pd.DataFrame | None, people: People, topic_codes) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of user and topic as codes."""
    if once is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    row, code = people.rows(once["user_id"]), topic_codes(once["topic"])
    known = (row >= 0) & (code >= 0)
    return row[known], code[known]


def days_left(blocks: pd.DataFrame, settings: TargetingSettings) -> np.ndarray:
    """Return the days for which a block on a user still holds; NaN for one without an end."""
    if "days_left" in blocks:
        return pd.to_numeric(blocks["days_left"]).to_numpy(dtype=float)
    ago = blocks["days_ago"] if "days_ago" in blocks else pd.Series(0.0, index=blocks.index)
    return np.maximum(settings.cooloff_hours / 24 - pd.to_numeric(ago).to_numpy(dtype=float), 0)


def why_left_out(people: People, refusals: Blocks, holdout, settings: TargetingSettings) -> np.ndarray:
    """Return why each user gets nothing, "" for those who may; the first reason counts.

    Parameters
    ----------
    holdout : Series of bool by user_id, or None
    """
    table = people.table
    channel = table["channel"].to_numpy(dtype=object)
    good_zone = table["zone"].map(known_zones(table["zone"])).to_numpy(dtype=bool)
    ignored = (table["ignored_in_a_row"] >= table["stop_at"]).to_numpy(dtype=bool)
    reasons = [
        (_held_out(people, holdout), HELD_OUT),
        (table["flag"].to_numpy(dtype=object) != "", table["flag"].to_numpy(dtype=object)),
        (refusals.why != "", refusals.why),
        (table["persona_id"].isna().to_numpy(), NO_PERSONA),
        (np.isin(channel.astype(str), NOT_KNOWN), NO_CHANNEL),
        (np.isin(channel.astype(str), settings.group_channels), IN_GROUPS),
        (~good_zone, BAD_ZONE),
        (ignored, IGNORED),
    ]
    why = np.full(len(table), "", dtype=object)
    for applies, reason in reasons:
        why = np.where((why == "") & applies, reason, why)
    return why


def _held_out(people: People, holdout: pd.Series | None) -> np.ndarray:
    if holdout is None:
        return np.zeros(len(people.table), dtype=bool)
    held = holdout[holdout.astype(bool)].index.astype(str)
    return people.ids.isin(held)
