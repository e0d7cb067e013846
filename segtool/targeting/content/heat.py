"""Which topics are warming up: their share of activity week by week, and its trend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.notes import known, unknown
from segtool.targeting.content.trend import WeekCells, fit_trends, fit_volume
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.topics.windows import AGAINST, usable_weights
from segtool.targeting.verdicts import ADVICE, ASSOCIATED

LEAST_WEEKS = 6  # a line through fewer points bends with each of them
LEAST_USERS = 10  # of a topic, in all weeks: a trend of fewer is a story about them
UNIT = "times its share four weeks before"
WEEKS = ["topic", "week", "week_start", "n_events", "n_users", "share"]
TREND = [
    "persona_id", "persona", "topic", "change", "lo", "hi", "p", "q", "direction", "share_first", "share_last",
    "volume_change", "volume_lo", "volume_hi", "n_users", "n_events", "level",
]  # fmt: skip


@dataclass(frozen=True)
class TopicHeat:
    """Topics over the weeks.

    Parameters
    ----------
    weeks : DataFrame
        topic, week (0 is the last whole one before the study's date), week_start, n_events, n_users,
        share (of all counted activity of that week).
    trend : DataFrame
        persona_id (0: everyone), persona, topic, change (factor of its share in four weeks), lo, hi, p, q
        (p after control of the false discovery rate, among everyone's topics and among those of all
        personas), direction ("rising", "falling" or "steady"), share_first, share_last (ends of the
        fitted line), volume_change, volume_lo, volume_hi (the same factor of its plain number of
        events; of everyone alone), n_users, n_events, level.
    advice : DataFrame in the columns of `ADVICE`
        Aspect "heat": what is rising, per persona.
    notes : tuple of str
    """

    weeks: pd.DataFrame
    trend: pd.DataFrame
    advice: pd.DataFrame
    notes: tuple[str, ...]


def topic_heat(sources, members: Members, user_ids: np.ndarray, settings: TargetingSettings) -> TopicHeat:
    """Find the topics whose share of activity rises or falls.

    Parameters
    ----------
    sources : Sources
    members : Members, shape (n_users, n_personas)
    user_ids : ndarray of str
    settings : TargetingSettings
        ``heat_weeks`` before the study's date are read; ``heat_false_share`` of the topics called rising
        or falling are so by chance, at most.

    Notes
    -----
    The trend is that of the share, so that a study that grows does not make all its topics rise; the
    plain volume stands beside it. See `fit_trends` for the model and its intervals.
    """
    read = _read_weeks(sources, user_ids, settings)
    if isinstance(read, str):
        return _nothing(read)
    cells, events, starts = read
    several = len(members.names) > 1
    groups = np.hstack([np.ones((len(user_ids), 1)), members.weights if several else members.weights[:, :0]])
    trend = _trend_table(cells, events, groups, members if several else None, settings)
    return TopicHeat(
        weeks=_week_table(events, starts),
        trend=trend,
        advice=_advice(trend, members, settings),
        notes=_notes(trend, cells, settings),
    )


def _nothing(why: str) -> TopicHeat:
    note = unknown(f"Heat: which topics are rising ({why}).")
    return TopicHeat(
        pd.DataFrame(columns=WEEKS), pd.DataFrame(columns=TREND), pd.DataFrame(columns=ADVICE), (note,)
    )


def _read_weeks(sources, user_ids, settings):
    """Return the counts per user, topic and week, or why there are none."""
    if "events" not in sources.tables or "topic" not in sources.engine.columns("events"):
        return "no event has a topic"
    weights = usable_weights(sources, settings)
    words = ", ".join(literal(word) for word in sorted(weights))
    counted = f"topic IS NOT NULL AND event IN ({words})"
    found = sources.engine.query(f"""
        SELECT count(*) AS n, count(*) FILTER (WHERE {counted}) AS known, max(age_days) AS oldest FROM events
    """).iloc[0]
    if not found["known"]:
        counted = f"topic IS NOT NULL AND event NOT IN ({', '.join(map(literal, AGAINST))})"
    if not found["n"] or pd.isna(found["oldest"]):
        return "there are no events"
    n_weeks = min(settings.heat_weeks, int(found["oldest"] // 7))
    if n_weeks < LEAST_WEEKS:
        return f"{n_weeks} whole weeks, {LEAST_WEEKS} needed"
    sums = _query(sources, counted, n_weeks)
    if sums["topic"].nunique() < 2:
        return "no two topics"
    kept = (
        sums.groupby("topic")["n"].sum().sort_values(ascending=False, kind="stable").head(settings.max_topics)
    )
    sums = sums[sums["topic"].isin(kept.index)]
    topics = tuple(sorted(kept.index))
    cells = WeekCells.build(
        code=sums["code"].to_numpy(dtype=np.int64),
        topic=pd.Index(topics, dtype=object).get_indexer(sums["topic"].astype(object)),
        week=n_weeks - 1 - sums["week"].to_numpy(dtype=np.int64),
        n=sums["n"].to_numpy(dtype=float),
        shape=(len(user_ids), len(topics), n_weeks),
        topics=topics,
    )
    as_of = pd.Timestamp(sources.as_of).tz_convert(sources.timezone)
    starts = [as_of - pd.Timedelta(days=7 * (week + 1)) for week in range(n_weeks)]
    return cells, sums, starts


def _query(sources, counted: str, n_weeks: int) -> pd.DataFrame:
    return sources.engine.query(f"""
        WITH numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        ),
        counted AS (
            SELECT user_id, topic, CAST(floor(age_days / 7) AS INTEGER) AS week FROM events
            WHERE {counted} AND age_days < {7 * n_weeks}
        )
        SELECT numbered.code, counted.topic, counted.week, count(*) AS n
        FROM counted JOIN numbered ON numbered.user_id = counted.user_id
        GROUP BY numbered.code, counted.topic, counted.week
        ORDER BY counted.topic, counted.week, numbered.code
    """)


def _week_table(events: pd.DataFrame, starts: list) -> pd.DataFrame:
    table = events.groupby(["topic", "week"], as_index=False).agg(
        n_events=("n", "sum"), n_users=("code", "nunique")
    )
    grid = pd.MultiIndex.from_product(
        [sorted(events["topic"].unique()), range(len(starts))], names=["topic", "week"]
    )
    table = table.set_index(["topic", "week"]).reindex(grid, fill_value=0).reset_index()
    total = table.groupby("week")["n_events"].transform("sum")
    table["share"] = np.where(total > 0, table["n_events"] / total.clip(lower=1), np.nan)
    table["week_start"] = table["week"].map(dict(enumerate(starts)))
    return table.sort_values(["topic", "week"], ascending=[True, False], ignore_index=True)[WEEKS]


def _trend_table(cells: WeekCells, events, groups, members: Members | None, settings) -> pd.DataFrame:
    from statsmodels.stats.multitest import multipletests

    fits = fit_trends(cells, groups, settings.confidence)
    names = [(0, "everyone")]
    homes = np.ones((groups.shape[0], 1), dtype=bool)
    if members is not None:
        names += list(zip(members.persona_ids, members.names, strict=True))
        homes = np.hstack([homes, members.indicator() > 0])
    volume = fit_volume(cells, settings.confidence)
    touched = cells.per_user_topic()
    parts = []
    for place, (number, name) in enumerate(names):
        own = touched[homes[:, place]]
        part = pd.DataFrame(
            {"topic": list(cells.topics), **{key: value[place] for key, value in fits.items()}}
        )
        part["n_users"] = np.asarray((own > 0).sum(axis=0)).ravel()
        part["n_events"] = np.asarray(own.sum(axis=0)).ravel().astype(int)
        level = np.where((part["own"] >= 0.5) & (place > 0), "persona", "everyone")
        part = part.assign(persona_id=int(number), persona=name, level=level)
        for key in ("volume_change", "volume_lo", "volume_hi"):
            part[key] = np.nan if place else volume[key]
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table = table[table["n_users"] >= LEAST_USERS].reset_index(drop=True).assign(q=np.nan)
    # Two questions, two families: what rises at all, and for whom.
    for family in (table["persona_id"] == 0, table["persona_id"] != 0):
        if family.any():
            table.loc[family, "q"] = multipletests(table.loc[family, "p"].fillna(1), method="fdr_bh")[1]
    moved = table["q"] <= settings.heat_false_share
    way = np.where(table["change"] > 1, "rising", "falling")
    return table.assign(direction=np.where(moved, way, "steady"))[TREND]


def _advice(trend: pd.DataFrame, members: Members, settings: TargetingSettings) -> pd.DataFrame:
    """Return what rises for each persona; everyone's where too few of its own users touched a topic."""
    rising = trend[trend["direction"] == "rising"]
    everyone = rising[rising["persona_id"] == 0]
    parts = []
    for number, name in zip(members.persona_ids, members.names, strict=True):
        own = rising[rising["persona_id"] == number]
        other = everyone[~everyone["topic"].isin(trend.loc[trend["persona_id"] == number, "topic"])]
        both = pd.concat([own, other]) if len(other) else own
        both = both.sort_values(["lo", "topic"], ascending=[False, True]).head(settings.top_k)
        parts.append(both.assign(persona_id=int(number), persona=name, rank=np.arange(1, len(both) + 1)))
    table = pd.concat(parts, ignore_index=True) if parts else rising
    if table.empty:
        return pd.DataFrame(columns=ADVICE)
    table["reason"] = [_reason(row) for row in table.itertuples()]
    table = table.rename(columns={"topic": "advice", "change": "estimate"})
    return table.assign(aspect="heat", unit=UNIT, verdict=ASSOCIATED)[ADVICE]


def _reason(row) -> str:
    whose = "" if row.level == "persona" else "as with everyone, "
    return (
        f"rising: {whose}from {row.share_first:.1%} to {row.share_last:.1%} of activity, {row.change:.2f}× in four "
        f"weeks ({row.lo:.2f} to {row.hi:.2f}, {row.n_users:,} users)"
    )


def _notes(trend: pd.DataFrame, cells: WeekCells, settings) -> tuple[str, ...]:
    everyone = trend[trend["persona_id"] == 0]
    up, down = (everyone.loc[everyone["direction"] == way, "topic"].tolist() for way in ("rising", "falling"))
    n_weeks = cells.shape[2]
    lists = [f"{word} {', '.join(names[:3])}" for word, names in (("rising", up), ("falling", down)) if names]
    found = "; ".join(lists) or "no topic surely rises or falls"
    return (
        known(f"Heat: shares of activity over {n_weeks} weeks; {found}."),
        unknown("Heat: why a topic rises; what was shown more is done more."),
    )
