"""A study's plan by date: what `make_schedule` needs, read from the tables and the plan."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.notes import known
from segtool.targeting.channels.channels import ANY, UNKNOWN
from segtool.targeting.feedback.probes import read_probes
from segtool.targeting.frequency.pauses import run_lengths, send_pauses
from segtool.targeting.schedule.hours import choose_hours
from segtool.targeting.schedule.limits import LONGEST, read_limits
from segtool.targeting.schedule.result import Schedule
from segtool.targeting.schedule.schedule import make_schedule
from segtool.targeting.sending import SendLog
from segtool.targeting.timing.zones import read_zones

UNREACHABLE = "unsubscribed everywhere"
POPULAR_DAYS = 90  # which items are used, where it is not known how fresh they are
BOUGHT_AGAIN = 1.5  # days per user and item (food: 1.8; articles and one-off buys: 1.2)
SEEN_ITEMS = 200  # per topic, the freshest: what is older is never sent
DEFAULT_READ_DAYS = 31  # at least; as far back as the rarest rhythm asks
UNREAD_ZONE = "not known"


def plan_schedule(
    sources,
    plan,
    holdout: pd.Series | None = None,
    *,
    weeks: int = 4,
    start=None,
    budget: float | None = None,
    items: Iterable[pd.DataFrame] | None = None,
    repeat: bool | None = None,
    windows: pd.DataFrame | None = None,
    pauses: pd.DataFrame | None = None,
    explore: pd.DataFrame | None = None,
    explore_share: float | None = None,
    random_state: int = 0,
) -> Schedule:
    """Put a plan into dates: a calendar for personas, and a list of sends for users.

    Parameters
    ----------
    sources : Sources
    plan : Plan
    holdout : Series of bool by user_id, optional
    weeks, start, budget, random_state
        See `make_schedule`; the start is a date in the study's zone.
    items : DataFrames, optional
        user_id, rank, item_id, users in order. Without them a topic's freshest items are sent.
    repeat : bool, optional
        Whether users may be sent what they used before; read from the events where not given.
    windows : DataFrame, optional
        user_id, daypart, hour_from, hour_to: each user's own hours; the persona's otherwise.
    pauses : DataFrame, optional
        As `send_pauses` gives them, which is asked otherwise: who ignores what they get.
    explore : DataFrame, optional
        persona_id, topic, probability: see ``chances`` of `ExplorePlan`. With a column ``share`` each
        persona has its own.
    explore_share : float, optional
        Of the sends that are drawn, where ``explore`` does not say; as the settings say.

    Returns
    -------
    Schedule
    """
    settings, log = plan.settings, SendLog.look(sources)
    users, notes = _users(sources, plan, log, windows, pauses, random_state)
    content = _content(sources)
    if content is not None and repeat is None:
        repeat = settings.item_repeat if settings.item_repeat is not None else _come_back(sources, settings)
    schedule = make_schedule(
        users,
        items if items is not None and content is not None else plan.user_topic_batches(),
        as_of=sources.as_of,
        zone=sources.timezone,
        persona_topics=_persona_topics(plan, content),
        content=content,
        history=_history(sources, log, users, settings),
        blocks=plan.blocks,
        acted=None if content is None or repeat else _acted(sources, settings),
        holdout=holdout,
        probes=read_probes(sources, log, settings),
        explore=explore,
        explore_share=settings.explore_share if explore_share is None else explore_share,
        settings=settings,
        weeks=weeks,
        start=start,
        budget=budget,
        random_state=random_state,
    )
    return schedule.with_notes([*notes, *_repeat_notes(content, repeat)])


def _persona_topics(plan, content: pd.DataFrame | None) -> pd.DataFrame:
    """Return each persona's topics; where none is known, those there is content of, all alike."""
    table = plan.table[["persona_id", "rank", "topic", "estimate", "level"]]
    if content is None or not (table["topic"] == ANY).all():
        return table
    topics = sorted(content["topic"].unique())
    personas = table["persona_id"].unique()
    return pd.DataFrame(
        {
            "persona_id": np.repeat(personas, len(topics)),
            "rank": np.tile(np.arange(1, len(topics) + 1), len(personas)),
            "topic": topics * len(personas),
            "estimate": 1.0,
            "level": "everyone",
        }
    )


def _repeat_notes(content, repeat: bool | None) -> list[str]:
    if content is None:
        return []
    again = "may be sent again, people come back for them" if repeat else "are not sent to who acted on them"
    return [known(f"Calendar: items {again}.")]


def _users(sources, plan, log: SendLog, windows, pauses, seed: int) -> tuple[pd.DataFrame, list[str]]:
    """Return one row per user with channel, cap, hour, zone, stage and worth."""
    settings = plan.settings
    users = plan.stages[["user_id", "persona_id", "stage"]].merge(
        plan.user_channels, on="user_id", validate="one_to_one"
    )
    names = plan.table.drop_duplicates("persona_id").set_index("persona_id")
    users["persona"] = users["persona_id"].map(names["persona"]).fillna("")
    users["channel"] = _personal(users, plan)
    users["flag"] = users["flag"].where(users["flag"] == UNREACHABLE, "")  # the rest is in the blocks
    often = plan.frequency.set_index("persona_id")
    cap = users["persona_id"].map(often["weekly_cap"]).astype(float)
    # A persona's cap was found on its own channel; on another one that channel's caps hold.
    users["weekly_cap"] = cap.where(users["channel"] == users["persona_id"].map(often["channel"]))
    slope = users["persona_id"].map(often["fatigue"]).astype(float).fillna(0)
    users["fatigue"] = np.maximum(-slope, 0)
    users = _worth(users, plan)
    zones = read_zones(sources, settings)
    ids = users["user_id"].to_numpy(dtype=object)
    # A zone that cannot be read is no zone: the schedule leaves such users out and says why.
    users["zone"] = np.where(zones.unread(sources, ids), UNREAD_ZONE, zones.of(sources, ids))
    serve = plan.parts.herd.users.set_index("user_id")["serve"]
    users["show_first"] = serve.astype(object).reindex(ids).fillna("").to_numpy(dtype=object)
    users = choose_hours(users, plan, windows, seed)
    users, notes = _silence(users, sources, log, settings, pauses)
    return users, [*notes, *zones.notes]


def _personal(users: pd.DataFrame, plan) -> pd.Series:
    """Return each user's channel; in place of a group the best one that reaches them alone."""
    groups = plan.settings.group_channels
    channel = users["channel"].astype(object)
    moved = users.loc[channel.isin(groups), ["user_id", "persona_id"]]
    if moved.empty:
        return channel
    options = plan.channels.loc[
        ~plan.channels["channel"].isin([*groups, UNKNOWN]), ["persona_id", "rank", "channel"]
    ]
    closed = plan.blocks[plan.blocks["kind"] == "channel"]
    refused = pd.MultiIndex.from_arrays([closed["user_id"].astype(object), closed["what"].astype(object)])
    left = moved.reset_index(names="row").dropna(subset=["persona_id"]).merge(options, on="persona_id")
    left = left[~pd.MultiIndex.from_frame(left[["user_id", "channel"]].astype(object)).isin(refused)]
    best = left.sort_values(["row", "rank"], kind="stable").drop_duplicates("row").set_index("row")["channel"]
    return best.reindex(channel.index).fillna(channel)


def _worth(users: pd.DataFrame, plan) -> pd.DataFrame:
    """Price a send by its channel and persona, in answers; 1 where nothing is known of answers."""
    table = plan.channels[plan.channels["basis"] == "value per send"]
    if table.empty:
        return users.assign(gain=1.0, loss=0.0)
    gain = plan.settings.response_value * table["response"].astype(float)
    rates = table[["persona_id", "channel"]].assign(gain=gain, loss=gain - table["estimate"].astype(float))
    users = users.merge(rates, on=["persona_id", "channel"], how="left", validate="many_to_one")
    return users.assign(gain=users["gain"].fillna(gain.mean()), loss=users["loss"].fillna(0))


def _silence(users, sources, log: SendLog, settings, pauses) -> tuple[pd.DataFrame, list[str]]:
    """Add how many sends in a row each user ignored on the channel planned, and what follows."""
    found = None if pauses is not None else send_pauses(sources, log, settings)
    table = found.table if pauses is None else pauses
    own = table[["user_id", "channel", "n_ignored", "gap_factor", "stopped"]].merge(
        users[["user_id", "channel"]], on="user_id", suffixes=("", "_used")
    )
    own = own[(own["channel"] == "") | (own["channel"] == own["channel_used"])]
    worst = own.groupby("user_id")[["n_ignored", "gap_factor", "stopped"]].max().astype(float)
    users["ignored_in_a_row"] = users["user_id"].map(worst["n_ignored"]).fillna(0).astype(int)
    users["gap_factor"] = users["user_id"].map(worst["gap_factor"]).fillna(1.0)
    stopped = users["user_id"].map(worst["stopped"]).fillna(0.0) > 0
    lengths = _run_lengths(sources, log, settings)
    users["stop_at"] = users["channel"].map(lengths).fillna(np.inf).astype(float)
    users.loc[stopped, "stop_at"] = 0.0
    return users, [] if found is None else list(found.notes)


def _run_lengths(sources, log: SendLog, settings) -> dict[str, float]:
    """Return how many ignored in a row end the sends, by channel."""
    there = sources.engine.columns("sends") if log.n_sends else {}
    heard = " OR ".join(f"coalesce({name}, FALSE)" for name in ("responded", "opened") if name in there)
    if not heard:
        return {}
    channel = "channel" if log.has_channel else "'any'"
    rates = sources.engine.query(f"""
        SELECT {channel} AS channel, round(avg(CASE WHEN {heard} THEN 1.0 ELSE 0.0 END), 9) AS rate
        FROM sends GROUP BY 1 ORDER BY 1
    """).dropna()
    return {each.channel: run_lengths(each.rate, settings)[1] for each in rates.itertuples()}


def _history(sources, log: SendLog, users: pd.DataFrame, settings) -> pd.DataFrame | None:
    """Return what was sent in the days that any cap looks back on, on each user's calendar."""
    if not log.n_sends:
        return None
    days = _days_read(users, settings)
    there = sources.engine.columns("sends")
    channel = "channel" if log.has_channel else "''"
    item = "item_id" if "item_id" in there else "''"
    table = sources.engine.query(f"""
        SELECT user_id, local_date AS send_date, coalesce({channel}, '') AS channel, coalesce({item}, '') AS item_id,
               count(*) AS n, min(age_days) AS age_days
        FROM sends WHERE age_days <= {days + 1}
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """)
    abroad = users.loc[users["zone"] != sources.timezone].set_index("user_id")["zone"]
    there = table["user_id"].map(abroad)
    for zone in there[there != UNREAD_ZONE].dropna().unique():
        own = there == zone
        at = sources.as_of - pd.to_timedelta(table.loc[own, "age_days"], unit="D")
        table.loc[own, "send_date"] = at.dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    return table.drop(columns="age_days")


def _days_read(users: pd.DataFrame, settings) -> int:
    """Return the days that the longest window of any user looks back."""
    limits = read_limits(users["channel"].astype(str), settings)
    windows, gaps = [settings.repeat_days, DEFAULT_READ_DAYS, *limits["days"]], [0.0]
    gaps += list(limits["days"] / limits["most"])
    caps = users["weekly_cap"]
    gaps += list(7 / caps[caps > 0].unique())
    slowest = max(gaps) * float(users["gap_factor"].max())  # who ignores what they get waits longer
    return int(max(*windows, np.ceil(min(slowest, LONGEST))))


def _content(sources) -> pd.DataFrame | None:
    if "content" not in sources.tables:
        return None
    there = sources.engine.columns("content")
    title = "title" if "title" in there else "''"
    out = "content.published_at" if "published_at" in there else "CAST(NULL AS TIMESTAMP)"
    used = "SELECT item_id, count(*) AS n FROM events WHERE item_id IS NOT NULL"
    events = "events" in sources.tables and "item_id" in sources.engine.columns("events")
    popular = (
        f"({used} AND age_days <= {POPULAR_DAYS} GROUP BY item_id)"
        if events
        else "(SELECT '' AS item_id, 0 AS n)"
    )
    table = sources.engine.query(f"""
        WITH ordered AS (
            SELECT content.item_id, topic, {title} AS title, {out} AS published_at, coalesce(used.n, 0) AS popularity,
                   row_number() OVER (
                       PARTITION BY topic
                       ORDER BY {out} DESC NULLS LAST, coalesce(used.n, 0) DESC, content.item_id) AS place
            FROM content LEFT JOIN {popular} AS used ON used.item_id = content.item_id
            WHERE topic IS NOT NULL
        ), placed AS (SELECT *, min(place) OVER (PARTITION BY item_id) AS best FROM ordered)
        SELECT item_id, topic, title, published_at, popularity FROM placed WHERE best <= {SEEN_ITEMS}
        ORDER BY topic, place
    """)
    return None if table.empty else table


def _events_with_items(sources, settings) -> str | None:
    if "events" not in sources.tables or "item_id" not in sources.engine.columns("events"):
        return None
    words = ", ".join(literal(word) for word in settings.acted_events)
    return (
        f"FROM events WHERE event IN ({words}) AND item_id IN (SELECT item_id FROM content)"
        if words
        else None
    )


def _acted(sources, settings) -> pd.DataFrame | None:
    where = _events_with_items(sources, settings)
    if where is None:
        return None
    return sources.engine.query(f"SELECT DISTINCT user_id, item_id {where} ORDER BY user_id, item_id")


def _come_back(sources, settings) -> bool:
    """Say whether people use the same item on several days, as they do with what they eat."""
    where = _events_with_items(sources, settings)
    if where is None:
        return False
    days = sources.engine.query(f"""
        WITH pairs AS (SELECT user_id, item_id, count(DISTINCT local_date) AS days {where} GROUP BY user_id, item_id)
        SELECT sum(days) AS days, count(*) AS n FROM pairs
    """).iloc[0]
    return bool(days["n"] and days["days"] / days["n"] >= BOUGHT_AGAIN)
