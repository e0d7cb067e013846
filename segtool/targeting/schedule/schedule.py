"""The plan as a calendar: who is sent what on which day, with every cap and block kept."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from segtool.checks import check_columns, check_number
from segtool.engines.zones import check_zone
from segtool.notes import in_order, known, unknown
from segtool.targeting.schedule import eligible
from segtool.targeting.schedule.batches import Batch, persona_shares, plan_batch, user_batches
from segtool.targeting.schedule.budget import spend_budget
from segtool.targeting.schedule.draws import uniform
from segtool.targeting.schedule.eligible import read_once, read_refusals, split_probes, why_left_out
from segtool.targeting.schedule.inputs import (
    known_zones,
    read_catalogue,
    read_past,
    read_people,
    text_ids,
    with_text_ids,
)
from segtool.targeting.schedule.moments import first_days, local_start
from segtool.targeting.schedule.result import Schedule, Sends
from segtool.targeting.schedule.rhythms import read_rhythms
from segtool.targeting.settings import TargetingSettings

MOST_WEEKS = 26
AHEAD = "Etc/GMT-14"  # UTC+14: where a day begins first
TIES = 3  # salt


def make_schedule(
    users: pd.DataFrame,
    candidates: pd.DataFrame | Iterable[pd.DataFrame],
    *,
    as_of,
    zone: str = "UTC",
    persona_topics: pd.DataFrame | None = None,
    content: pd.DataFrame | None = None,
    history: pd.DataFrame | None = None,
    blocks: pd.DataFrame | None = None,
    acted: pd.DataFrame | None = None,
    holdout: pd.Series | None = None,
    explore: pd.DataFrame | None = None,
    explore_share: float = 0.1,
    probes: pd.DataFrame | None = None,
    settings: TargetingSettings | None = None,
    weeks: int = 4,
    start=None,
    budget: float | None = None,
    random_state: int = 0,
) -> Schedule:
    """Say who is sent what on which day, such that no cap and no block is ever broken.

    Parameters
    ----------
    users : DataFrame, one row per user
        user_id, persona_id, persona, channel, weekly_cap (NaN: only the caps of the channel). Optional:
        daypart, hour (local), zone (IANA), stage, flag ("" or why not to be sent to), show_first (what to put
        first, handed on), ignored_in_a_row (sends), gap_factor (2 doubles the usual gap), stop_at (so many
        ignored are the last), gain and loss (a send is worth gain x lift - loss), fatigue (part of the gain
        lost per send of the last 7 days, in logs).
    candidates : DataFrame, or several, users in order
        user_id, rank, and topic, estimate (lift), level; or item_id, estimate.
    as_of : timestamp
        Nothing is planned before it.
    zone : str
        Of users without one, and of ``start``.
    persona_topics : DataFrame, optional
        persona_id, rank, topic, estimate, level: for users without candidates of their own.
    content : DataFrame, optional
        item_id, topic; title, published_at and popularity where known. Without it topics are planned. An
        item with several topics has a row for each, and is not sent to who refused any of them.
    history : DataFrame, optional
        user_id, send_date (local), channel, item_id, n: what was sent before. Without a channel a send
        counts on every one.
    blocks : DataFrame, optional
        user_id, kind ("topic", "channel", "item", "user"), what, days_left or days_ago.
    acted : DataFrame, optional
        user_id, item_id: what needs no message any more.
    holdout : Series of bool by user_id, optional
    explore : DataFrame, optional
        persona_id, topic, probability: what is drawn from in ``explore_share`` of the sends, or in the
        ``share`` of a persona where there is such a column.
    probes : DataFrame, optional
        user_id, topic, state: muted topics whose rest is over, see `read_probes`. "due" is sent at most once
        in the plan and never drawn, anything else not at all.
    settings : TargetingSettings, optional
    weeks : int
    start : date, optional
        First day, in ``zone``; the first whole day from ``as_of`` on by default.
    budget : float, optional
        Sends in all.
    random_state : int

    Returns
    -------
    Schedule

    Raises
    ------
    InputError
        If a table lacks a column, the zone does not exist, or the start lies before ``as_of``.

    Examples
    --------
    >>> users = pd.DataFrame({"user_id": ["a", "b"], "persona_id": 1, "persona": "readers",
    ...     "channel": "email", "weekly_cap": [1.0, 2.0], "daypart": "evening"})
    >>> topics = pd.DataFrame({"user_id": ["a", "b"], "rank": 1, "topic": "books", "estimate": 2.0})
    >>> schedule = make_schedule(users, topics, as_of="2026-07-01", weeks=1)
    >>> schedule.send_list[["user_id", "week", "daypart", "channel", "topic"]]
      user_id  week daypart channel  topic
    0       a     1 evening   email  books
    1       b     1 evening   email  books
    2       b     1 evening   email  books
    """
    settings = settings or TargetingSettings()
    check_number("weeks", weeks, low=1, high=MOST_WEEKS, integer=True)
    check_number("explore_share", explore_share, low=0, high=1)
    if budget is not None:
        check_number("budget", budget, low=0)
    zone = check_zone(zone)
    as_of, first = local_start(as_of, start, zone)
    if explore is not None:
        check_columns(explore.columns, ("persona_id", "topic", "probability"), "explore")
    people = read_people(users, zone, settings)
    history, blocks, acted, probes = (with_text_ids(table) for table in (history, blocks, acted, probes))
    holdout = None if holdout is None else holdout.set_axis(text_ids(pd.Series(holdout.index)))
    strangers = _strangers(people, history=history, blocks=blocks, acted=acted)
    candidates, names = _named_topics(candidates, persona_topics, explore, content)
    abroad = (people.table["zone"] != zone).any()
    catalogue = read_catalogue(content, names, first, AHEAD if abroad else zone)
    past = read_past(history, acted, blocks, people, catalogue, first)
    once, closed = split_probes(probes, blocks)
    refusals = read_refusals(closed, people, catalogue.topic_codes, first, _day_of(as_of, zone), settings)
    why = why_left_out(people, refusals, holdout, settings)
    rhythms = read_rhythms(people, settings)
    opens = np.maximum(first_days(people.table, first, as_of, zone), _later(refusals.until, people, zone))
    batch = Batch(
        people, catalogue, past, refusals, read_once(once, people, catalogue.topic_codes), rhythms, opens, why,
        persona_topics, explore, explore_share, settings, weeks * 7, random_state,
    )  # fmt: skip
    parts = [plan_batch(batch, *each) for each in user_batches(people, candidates)]
    sends = Sends.joined(parts)
    order = uniform(people.keys[sends.row], random_state, TIES) + sends.number
    keep, price = spend_budget(
        sends.value, np.ones(len(sends)), budget, np.argsort(np.argsort(order, kind="stable"))
    )
    why = _why_in_the_end(why, sends, keep)
    schedule = Schedule(
        people=people, catalogue=catalogue, sends=sends.only(keep), start=first, weeks=weeks, as_of=as_of, zone=zone,
        why=why, price=price, budget=budget, settings=settings,
        notes=tuple(in_order([
            *_notes(people, catalogue, why, explore, explore_share, price, budget, zone, settings),
            *strangers, *_served_notes(people, sends.row[keep]),
        ])),
    )  # fmt: skip
    return schedule.checked(history, blocks, holdout, acted, content, probes)


def _day_of(moment: pd.Timestamp, zone: str) -> pd.Timestamp:
    return moment.tz_convert(zone).tz_localize(None)


def _later(until: np.ndarray, people, zone: str) -> np.ndarray:
    """Where a user's day begins before the study's, a cool-off takes one day more."""
    return until + ((until > 0) & (people.table["zone"] != zone).to_numpy())


def _named_topics(candidates, persona_topics, explore, content):
    """Return the candidates, read once if they have to be for the names of their topics."""
    names: set[str] = set()
    for table in (persona_topics, explore):
        if table is not None:
            names |= set(table["topic"].dropna().astype(str))
    if isinstance(candidates, pd.DataFrame):
        names |= set(candidates["topic"].dropna().astype(str)) if "topic" in candidates else set()
    elif content is None or content.empty:
        candidates = list(candidates)
        names |= {str(t) for each in candidates if "topic" in each for t in each["topic"].dropna().unique()}
    return candidates, names


def _why_in_the_end(why: np.ndarray, sends: Sends, keep: np.ndarray) -> np.ndarray:
    """Say why the budget left somebody with nothing."""
    planned = np.bincount(sends.row, minlength=len(why))
    kept = np.bincount(sends.row[keep], minlength=len(why))
    worth = np.bincount(sends.row[sends.value > 0], minlength=len(why))
    lost = (planned > 0) & (kept == 0)
    return np.where(lost, np.where(worth > 0, eligible.NO_BUDGET, eligible.NOT_WORTH), why)


def _notes(people, catalogue, why, explore, share, price, budget, zone, settings) -> list[str]:
    notes = []
    n_left = int((why != "").sum())
    notes.append(
        known(f"Calendar: {len(why) - n_left:,} of {len(why):,} users are sent to; left_out says why not.")
    )
    if not len(catalogue.item_ids):
        notes.append(
            unknown("Calendar: there is no content table, so topics are planned and no item is named.")
        )
    elif not (catalogue.published > -10_000).any():
        why_not = "content has no time of publication, so the most used items go first"
        notes.append(unknown(f"Calendar: which items are fresh; {why_not}."))
    if explore is None:
        notes.append(
            unknown("Calendar: nothing is drawn at random, so what other topics would do is not learned.")
        )
    else:
        notes.append(known(_drawn_note(persona_shares(explore, share), settings)))
    if budget is not None and price > 0:
        notes.append(
            known(f"Calendar: the budget of {budget:,.0f} sends goes to those worth more than {price:.3g}.")
        )
    notes += _zone_notes(people, zone)
    if settings.group_channels:
        notes.append(
            known("Calendar: people are addressed one by one; a post in a group cannot leave anybody out.")
        )
    return notes


def _drawn_note(shares: pd.Series, settings) -> str:
    low, high = (0.0, 0.0) if shares.empty else (shares.min(), shares.max())
    part = f"{low:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{low:.0%} to {high:.0%}, by persona,"
    most = (
        f" They are not held to {settings.max_topic_share:.0%} of one topic."
        if settings.max_topic_share < 1
        else ""
    )
    return f"Calendar: {part} of sends are drawn, with their chance in the column propensity.{most}"


def _strangers(people, **tables) -> list[str]:
    """Say how many rows speak of users who are not planned for: an id that is spelt otherwise is one."""
    notes = []
    for name, table in tables.items():
        n = 0 if table is None or table.empty else int((people.rows(table["user_id"]) < 0).sum())
        if n:
            told = f"{n:,} of {len(table):,} rows of {name} name users who are not among those planned for"
            notes.append(known(f"Calendar: {told}; they are left aside."))
    return notes


def _served_notes(people, rows: np.ndarray) -> list[str]:
    n = int((people.table["show_first"].to_numpy(dtype=object)[np.unique(rows)] != "").sum())
    return (
        [known(f"Calendar: {n:,} users are shown something else first, see the column show_first.")]
        if n
        else []
    )


def _zone_notes(people, zone: str) -> list[str]:
    elsewhere = people.table["zone"] != zone
    if not elsewhere.any():
        return []
    odd = people.table.loc[elsewhere, "zone"]
    n_bad = int(sum((odd == name).sum() for name, good in known_zones(odd).items() if not good))
    notes = [known(f"Calendar: hours are local to each user; {int(elsewhere.sum()):,} are not in {zone}.")]
    if n_bad:
        notes.append(
            unknown(
                f"Calendar: the night of {n_bad:,} users, whose time zone is not one that is known; nothing is "
                "planned for them."
            )
        )
    return notes
