"""Did they stay: flows that add up, cohorts, survival per persona, and where everybody stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from segtool.display import Shown
from segtool.errors import InputError, ParameterError
from segtool.measurement.retention.activity import PEOPLE, Activity, read_activity, to_date, to_day
from segtool.measurement.retention.cohorts import count_cohorts, start_sql
from segtool.measurement.retention.flow import count_flow, set_periods
from segtool.measurement.retention.groups import Groups, read_groups
from segtool.measurement.retention.lifecycle import count_states, define_states
from segtool.measurement.retention.lifetimes import (
    compare_personas,
    count_lifetimes,
    list_curves,
    present_sql,
)
from segtool.measurement.retention.notes import say_notes
from segtool.measurement.retention.settings import RetentionSettings
from segtool.measurement.retention.survival import LogRank


def plan_retention(
    sources, personas=None, *, start=None, personas_as_of=None, settings: RetentionSettings | None = None
) -> Retention:
    """Study who stays, who goes and who comes back.

    Parameters
    ----------
    sources : Sources
    personas : Personas, DataFrame or Series, optional
        Who is in which persona, see `read_groups`. To compare how long personas stay they must rest on
        nothing later than ``start``: found then, or assigned by the labels of then.
    start : str or timestamp, optional
        The day from which users are followed, which is that of the personas. Without it the clock of each
        user starts when they came, personas are those of today, and the notes say how that misleads.
    personas_as_of : timestamp, optional
        The moment up to which the personas know the users; that of their labels when not given.
    settings : RetentionSettings, optional

    Returns
    -------
    Retention

    Raises
    ------
    InputError
        If there are no events, or nobody was here at ``start``.
    ParameterError
        If ``start`` is not within the log.

    Examples
    --------
    >>> from segtool.sources import Sources
    >>> events = pd.DataFrame({
    ...     "user_id": ["a"] * 12 + ["b"] * 5, "event": "visit",
    ...     "event_time": [f"2026-{m:02d}-{d:02d}" for m in range(1, 7) for d in (1, 15)]
    ...                   + [f"2026-01-{d:02d}" for d in (2, 9, 16, 23, 30)]})
    >>> found = plan_retention(Sources.read({"events": events}, as_of="2026-07-01"),
    ...                        settings=RetentionSettings(churn_days=20))
    >>> rows = found.flow[found.flow["level"] == "all"]
    >>> rows[["period", "opening", "new", "returned", "lost", "closing"]].head(2)
           period  opening  new  returned  lost  closing
    0  2026-02-01        2    0         0     1        1
    1  2026-03-01        1    0         0     0        1
    """
    settings = settings or RetentionSettings()
    groups = read_groups(personas)
    known_until = personas_as_of or getattr(getattr(personas, "labels", None), "as_of", None)
    with read_activity(sources, groups.place, settings) as activity:
        first = None if start is None else _read_start(start, sources, activity)
        edges, kind, settled = set_periods(activity, first, settings.period)
        comers, lives = _follow(activity, first, settings)
        confidence = settings.confidence
        table, overall = compare_personas(lives, groups, settings)
        lifecycle, transitions = count_states(
            activity, groups, settings.lifecycle_step_days, settings.gone_factor, confidence
        )
        return Retention(
            flow=count_flow(activity, groups, edges, kind),
            cohorts=_triangles(activity, groups, comers, first, kind, confidence),
            survival=list_curves(lives, groups, confidence),
            comparison=table,
            overall=overall,
            lifecycle=lifecycle,
            transitions=transitions,
            states=define_states(activity, settings.gone_factor),
            churn_days=activity.churn,
            start=None if first is None else to_date(first),
            period=kind,
            notes=say_notes(
                activity,
                groups,
                known_until,
                first,
                settled,
                overall=overall,
                horizons=settings.horizons,
                n_left_out=_count_unstarted(activity, comers),
                n_followed=int(lives["n"].sum()),
            ),
            settings=settings,
        )


@dataclass(frozen=True, repr=False, eq=False)
class Retention(Shown):
    """Who stays, who goes and who comes back.

    Parameters
    ----------
    flow : DataFrame
        level ("all", "channel", "persona", "persona and channel"), period (its first day), days, complete
        (a whole week or month), persona_id (0 everyone, -1 users of no persona), persona, channel (of the
        user's latest activity; "all"), opening, new, returned, moved_in, lost, moved_out, closing.
    cohorts : DataFrame
        persona_id, persona, cohort (first day of its week or month, or ``start``), age (steps of 7 or 30
        days), n_users, n_active, share, lo, hi. Ages that are not over are absent.
    survival : DataFrame
        persona_id, persona, day (since the clock started), at_risk, lost, share (not yet lost), lo, hi.
    comparison : DataFrame
        One row per persona and horizon: n_users, n_lost, horizon_days, mean_days, mean_lo, mean_hi,
        rest_days, difference, lo, hi, p_value (log-rank against the other personas), q_value, reason.
    overall : LogRank or None
        All personas at once.
    lifecycle, transitions : DataFrame
        Users by state now; by state four weeks ago and now.
    states : dict of str to str
        What each state means.
    churn_days : int
        Days of silence after which a user counts as lost.
    start : date or None
        Since when users are followed, with the personas of that day.
    period : {"week", "month"}
    notes : tuple of str
        First what is known, then what could not be.
    settings : RetentionSettings
    """

    flow: pd.DataFrame
    cohorts: pd.DataFrame
    survival: pd.DataFrame
    comparison: pd.DataFrame
    overall: LogRank | None
    lifecycle: pd.DataFrame
    transitions: pd.DataFrame
    states: dict[str, str]
    churn_days: int
    start: object
    period: str
    notes: tuple[str, ...]
    settings: RetentionSettings

    def to_pandas(self) -> pd.DataFrame:
        """Return the flow of all users, period by period."""
        rows = self.flow[self.flow["level"] == "all"]
        shown = ["period", "days", "opening", "new", "returned", "lost", "closing"]
        return rows[shown].reset_index(drop=True)

    def headline(self) -> str:
        """Return what became of the users in one sentence."""
        rows = self.to_pandas()
        new, back, lost = (int(rows[name].sum()) for name in ("new", "returned", "lost"))
        opening, closing = int(rows["opening"].iloc[0]), int(rows["closing"].iloc[-1])
        whole = self.lifecycle[self.lifecycle["persona_id"] == 0].set_index("state")["n_users"]
        return (
            f"{opening:,} users at the start + {new:,} new + {back:,} came back - {lost:,} lost"
            f" = {closing:,} now (lost: silent for more than {self.churn_days} days);"
            f" {int(whole['at risk']):,} of them are at risk"
        )


def _read_start(start, sources, activity: Activity) -> int:
    try:
        day = to_day(start)
    except (ValueError, TypeError):
        day = None
    if day is None or not activity.first < day < activity.end:
        raise ParameterError(
            f"start is {start!r}, which is no day within the log.",
            f"a day after {to_date(activity.first)} and before {to_date(activity.end)}.",
        )
    return day


def _follow(activity: Activity, first: int | None, settings: RetentionSettings) -> tuple[str, pd.DataFrame]:
    """Return SQL of the users whose coming was seen, and the lives of those who are followed."""
    comers = start_sql(activity, whole_log=settings.whole_log)
    lives = count_lifetimes(activity, comers if first is None else present_sql(activity, first))
    if first is not None and lives.empty:
        raise InputError(
            f"Nobody was here on {to_date(first)}.",
            "a start at which some users were active.",
            "Choose a later start, or a larger churn_days.",
        )
    return comers, lives


def _triangles(activity, groups: Groups, comers: str, first: int | None, kind, confidence) -> pd.DataFrame:
    """Return cohorts by coming; with frozen personas, each persona is one cohort, that of ``start``."""
    frozen = first is not None
    everyone = count_cohorts(activity, groups, comers, kind, confidence, by_persona=not frozen)
    if not frozen:
        return everyone
    own = count_cohorts(activity, groups, present_sql(activity, first), kind, confidence, by_persona=True)
    own = own[own["persona_id"] != 0].assign(cohort=to_date(first))
    return pd.concat([everyone, own], ignore_index=True)


def _count_unstarted(activity: Activity, comers: str) -> int:
    """Count users who were seen, but whose coming was not."""
    row = activity.engine.query(f"""
        WITH starts AS ({comers})
        SELECT count(*) AS n FROM {PEOPLE} AS people
        LEFT JOIN starts ON starts.user_id = people.user_id
        WHERE starts.user_id IS NULL AND people.first IS NOT NULL
    """)
    n = row["n"].iloc[0]
    return 0 if math.isnan(n) else int(n)
