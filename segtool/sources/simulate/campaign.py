"""The weeks after the data ends: the same simulated people, with a send list and without it.

What a campaign did is known here, user by user, so a measurement with a holdout can be held against it.
Opening a send on a topic that one likes brings further visits, more in some personas than in others and
none in one; a send on any other topic brings none. Everything else goes on as it would have anyway: the
visits nobody caused are the same, to the byte, whatever the list, so two lists can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.display import Shown
from segtool.sources.simulate import personas as planted
from segtool.sources.simulate.behaviour import (
    DAY,
    PURCHASE,
    Log,
    join_logs,
    log_of_sessions,
    pick,
    simulate_logs,
)
from segtool.sources.simulate.campaign_sends import PlannedSends, read_send_list, sends_frame, standing_at
from segtool.sources.simulate.catalogue import Catalogue
from segtool.sources.simulate.files import event_frame, with_plain_text
from segtool.sources.simulate.outreach import appeal, live_through
from segtool.sources.simulate.people import People

# Visits that one opened send brings when its topic is the user's favourite. None for the students: they
# come anyway. Large enough to be found with a holdout of a tenth among a few thousand users.
VISITS_PER_OPEN = {
    "bargain_office_worker": 0.8,
    "public_sector_mother": 1.6,
    "trendy_student": 0.0,
    "small_town_gadget_fan": 0.6,
    "healthy_retiree": 1.2,
    "luxury_frequent_flyer": 0.4,
}
SPREAD_DAYS = 2.0  # within which those visits happen
WEEKLY_LAPSE = 0.006  # users who stop coming, a week; nobody new joins
# Parts of a random stream of their own; the parts of the simulation itself are 0 to 7.
ORDINARY, OUTCOMES, CAUSED, LAPSES = 11, 12, 13, 14


@dataclass(frozen=True, repr=False, eq=False)
class Campaign(Shown):
    """What happened in the weeks of a campaign; made by `simulate_campaign`.

    Parameters
    ----------
    start, as_of : str
        First day, and the day after the last: nothing happened on it or later.
    sends : DataFrame
        The delivered sends, with the columns of the table ``sends``.
    undelivered : DataFrame
        send_id, user_id, why: sends of the list that met a closed channel ("muted") or a user who had
        unsubscribed ("unsubscribed").
    events : DataFrame
        The table ``events`` of all users, those who got nothing included.
    truth : DataFrame
        One row per planted persona: n_users, n_reached (users with a delivered send), n_sends, and of each of
        active_days, events, purchases, purchased (users who bought) and spend (CNY) the total, and what the
        sends caused of it (``purchases_caused``, ...): with them less without them, counted among these very
        users. ``visits_caused`` counts whole visits.
    user_truth : DataFrame
        The same per user, with n_sends, and ``expected_visits_caused``, ``expected_purchases_caused``: the
        means of what was drawn, given which sends were opened.
    """

    start: str
    as_of: str
    sends: pd.DataFrame
    undelivered: pd.DataFrame
    events: pd.DataFrame
    truth: pd.DataFrame
    user_truth: pd.DataFrame

    def to_pandas(self) -> pd.DataFrame:
        """Return what the sends caused, by planted persona."""
        return self.truth.copy()

    def headline(self) -> str:
        """Return the campaign in a sentence."""
        caused, reached = self.truth["visits_caused"].sum(), int(self.truth["n_reached"].sum())
        return (
            f"Simulated campaign, {self.start} to {self.as_of}: {len(self.sends):,} sends to {reached:,} users "
            f"caused {caused:,.0f} visits and {self.truth['purchases_caused'].sum():,.0f} purchases"
        )


def simulate_campaign(simulation, send_list: pd.DataFrame, weeks: int = 4, seed: int = 0) -> Campaign:
    """Let a simulated community live on for some weeks after its data ends, with a send list.

    Parameters
    ----------
    simulation : Simulation
        As from `simulate_circle`. It is not changed.
    send_list : DataFrame
        One row per send: user_id, sent_at (or send_at; local time, or with a zone; or send_date and
        send_hour_local, as a schedule has them), channel, and topic or item_id or both; optionally
        send_id, arm, propensity. Users who are not on it are held out. An
        empty one shows what happens without a campaign.
    weeks : int
        From ``simulation.as_of``.
    seed : int
        Same simulation, list and seed, same campaign.

    Returns
    -------
    Campaign

    Raises
    ------
    InputError
        If the list names an unknown user, channel, topic or item, or a time outside the weeks.

    Notes
    -----
    Openings, answers, mutes and unsubscribes follow the model of the table ``sends``, with the pressure and
    the opt-outs that earlier sends left behind. An opened send brings Poisson visits with mean
    ``VISITS_PER_OPEN x fit``, where fit runs from 0 (no more than an average interest in the topic) to 1.

    Examples
    --------
    >>> from segtool.sources.simulate import simulate_circle
    >>> circle = simulate_circle(60, days=60, tables=("users", "events", "sends"))
    >>> users = circle.truth["users"]
    >>> mail = pd.DataFrame({"user_id": users["user_id"], "sent_at": "2026-07-03 10:00",
    ...                      "channel": "email", "topic": users["topic_1"]})
    >>> after = simulate_campaign(circle, mail.head(30), weeks=2)
    >>> after.as_of, len(after.sends) + len(after.undelivered)
    ('2026-07-15', 30)
    """
    check_number("weeks", weeks, low=1, high=52, integer=True)
    check_number("seed", seed, low=0, integer=True)
    people, catalogue, ids, before = simulation.inside()
    days, start = weeks * 7, pd.Timestamp(simulation.as_of)
    end = start + pd.Timedelta(days=days)
    streams = {part: [simulation.seed, part, seed, 1] for part in (ORDINARY, OUTCOMES, CAUSED, LAPSES)}
    people = _live_on(people, days, np.random.default_rng(streams[LAPSES]))
    available = np.repeat(catalogue.available[:, -1:], days, axis=1)
    catalogue = replace(catalogue, available=available)
    rng = np.random.default_rng(streams[OUTCOMES])
    sends = read_send_list(send_list, ids, catalogue, start, days, simulation.timezone, rng)
    standing = standing_at(before, ids, start)
    outcome = live_through(people, sends.plan, rng, standing)
    ordinary_seed = int(np.random.SeedSequence(streams[ORDINARY]).generate_state(1)[0])
    ordinary = join_logs(list(simulate_logs(people, catalogue, days, end, ordinary_seed)))
    caused, expected = _caused(
        people, sends, outcome, catalogue, days, np.random.default_rng(streams[CAUSED])
    )
    events = join_logs([ordinary, caused.log])
    events = events.take(np.lexsort((events.event, events.user, events.second)))
    user_truth = _user_truth(people, ids, sends, outcome, ordinary, caused, expected)
    frame = event_frame(events, pd.Index(ids), pd.Index(catalogue.item_ids), start)
    delivered, undelivered = sends_frame(sends, outcome, standing, ids, catalogue, start, days)
    return Campaign(
        start=simulation.as_of,
        as_of=end.date().isoformat(),
        sends=delivered,
        undelivered=undelivered,
        events=with_plain_text(frame),
        truth=_by_persona(user_truth),
        user_truth=user_truth,
    )


def _live_on(people: People, days: int, rng) -> People:
    """Return the people in the days to come: those who had lapsed stay away, a few more lapse."""
    lasts = np.floor(rng.exponential(7 / WEEKLY_LAPSE, len(people))).astype(np.int64)
    here = people.end_day == people.end_day.max()
    none = np.zeros(len(people), dtype=np.int32)
    return replace(
        people,
        tenure_days=people.tenure_days + days,
        start_day=none,
        end_day=np.where(here, np.minimum(lasts, days), 0).astype(np.int32),
        stage_before=people.stage,
        stage_day=none,
    )


@dataclass(frozen=True)
class _Caused:
    """The events that sends brought, and whose visits they are."""

    log: Log
    visitor: np.ndarray  # (n_visits,) position of the user


def _caused(
    people, sends: PlannedSends, outcome, catalogue: Catalogue, days, rng
) -> tuple[_Caused, pd.DataFrame]:
    plan = sends.plan
    liking, _ = appeal(people, plan)
    effect = people.blended(np.array([VISITS_PER_OPEN[one.key] for one in planted.PERSONAS]))
    at = plan.second + 3600
    room = np.clip((days * DAY - at) / (SPREAD_DAYS * DAY), 0, 1)  # the last sends have less time to work
    mean = outcome["opened"] * effect[plan.user] * np.maximum(liking, 0) / 1.5
    send = np.repeat(np.arange(len(plan.user)), rng.poisson(mean))
    second = at[send] + (rng.random(len(send)) * SPREAD_DAYS * DAY).astype(np.int64)
    kept = second < days * DAY
    send, second = send[kept], second[kept]
    sessions = {
        "user": plan.user[send],
        "day": second // DAY,
        "second": second,
        "is_now": np.ones(len(send), dtype=bool),
        "topic": plan.topic[send],
        "channel": pick(people.channel_use, plan.user[send], rng),
    }
    log = log_of_sessions(people, sessions, catalogue, days, rng)
    log = log.take(np.flatnonzero(log.second < days * DAY))
    visits = np.bincount(plan.user, weights=mean * room, minlength=len(people))
    buys = people.event_mix(people.stage)[:, planted.SESSION_EVENTS.index("purchase")]
    expected = {
        "expected_visits_caused": visits,
        "expected_purchases_caused": visits * people.session_length * buys,
    }
    return _Caused(log, plan.user[send]), pd.DataFrame(expected)


def _user_truth(people, ids, sends, outcome, ordinary: Log, caused: _Caused, expected) -> pd.DataFrame:
    n = len(people)
    without = _totals(ordinary, n)
    together = _totals(join_logs([ordinary, caused.log]), n)
    visits = np.bincount(caused.visitor, minlength=n)
    table = {
        "user_id": ids,
        "persona": np.array([one.key for one in planted.PERSONAS])[people.persona],
        "n_sends": np.bincount(sends.plan.user[outcome["sent"]], minlength=n),
        "visits_caused": visits,
    }
    for name in together:
        table[name] = together[name]
        table[f"{name}_caused"] = (together[name] - without[name]).round(2)
    return pd.DataFrame(table).assign(**expected.round(6))


def _totals(log: Log, n: int) -> dict[str, np.ndarray]:
    bought = log.event == PURCHASE
    user_days = np.unique(log.user * 1000 + log.second // DAY) // 1000
    purchases = np.bincount(log.user[bought], minlength=n)
    return {
        "active_days": np.bincount(user_days, minlength=n),
        "events": np.bincount(log.user, minlength=n),
        "purchases": purchases,
        "purchased": (purchases > 0).astype(int),
        "spend": np.bincount(log.user[bought], weights=log.amount[bought], minlength=n).round(2),
    }


def _by_persona(users: pd.DataFrame) -> pd.DataFrame:
    added = [name for name in users if name not in ("user_id", "persona", "n_sends")]
    users = users.assign(n_users=1, n_reached=(users["n_sends"] > 0).astype(int))
    order = [one.key for one in planted.PERSONAS]
    table = users.groupby("persona")[["n_users", "n_reached", "n_sends", *added]].sum()
    return table.reindex([key for key in order if key in table.index]).reset_index().round(2)
