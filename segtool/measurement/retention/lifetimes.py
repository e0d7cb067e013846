"""How long users stay: a survival curve per persona, and whether personas differ in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from segtool.measurement.retention.activity import DAYS, PEOPLE, Activity
from segtool.measurement.retention.groups import EVERYONE, EVERYONE_ID, Groups
from segtool.measurement.retention.settings import RetentionSettings
from segtool.measurement.retention.survival import (
    LogRank,
    SurvivalCurve,
    kaplan_meier,
    log_rank,
    restricted_mean,
)

SURVIVAL = ["persona_id", "persona", "day", "at_risk", "lost", "share", "lo", "hi"]
COMPARISON = [
    "persona_id", "persona", "n_users", "n_lost", "horizon_days", "mean_days", "mean_lo", "mean_hi", "rest_days",
    "difference", "lo", "hi", "p_value", "q_value", "reason",
]  # fmt: skip


def present_sql(activity: Activity, day: int) -> str:
    """Return SQL of user_id, place and start (= ``day``): the users who were here when a day began."""
    churn = activity.churn + 1
    return f"""
        SELECT people.user_id, people.place, {day} AS start
        FROM {DAYS} AS days JOIN {PEOPLE} AS people ON people.user_id = days.user_id
        WHERE days.day < {day} AND {day} <= days.day + {churn} AND (days.after IS NULL OR {day} <= days.after)
    """


def count_lifetimes(activity: Activity, starts: str) -> pd.DataFrame:
    """Count users by how long they stayed from their start until first lost.

    Parameters
    ----------
    activity : Activity
    starts : str
        SQL of user_id, place and start.

    Returns
    -------
    DataFrame
        place, days, lost (bool), n. A user is lost on the day on which the silence has lasted long enough
        to be called one, not on the day of the last visit: that day is known only afterwards, and taking
        it would shorten the lives of exactly those who are gone.
    """
    churn, end = activity.churn, activity.end
    return activity.engine.query(f"""
        WITH starts AS ({starts}),
        ends AS (
            SELECT starts.user_id, min(days.day) + {churn + 1} AS lost
            FROM {DAYS} AS days JOIN starts ON starts.user_id = days.user_id
            WHERE (days.after IS NULL OR days.after - days.day > {churn})
              AND days.day + {churn + 1} >= starts.start
            GROUP BY starts.user_id
        ),
        lives AS (
            SELECT starts.place,
                   CASE WHEN ends.lost < {end} THEN ends.lost - starts.start + 1
                        ELSE {end} - starts.start END AS days,
                   CASE WHEN ends.lost < {end} THEN 1 ELSE 0 END AS lost
            FROM starts JOIN ends ON ends.user_id = starts.user_id
        )
        SELECT place, days, lost, count(*) AS n FROM lives
        GROUP BY place, days, lost
        ORDER BY place, days, lost
    """)


def draw_curves(lives: pd.DataFrame, groups: Groups, confidence: float) -> dict[int | None, SurvivalCurve]:
    """Return the curve of each persona (by place, -1 for users of none) and of everyone (None)."""
    keyed = {None: lives, **({place: lives[lives["place"] == place] for place in groups.places}
                             if groups.names else {})}  # fmt: skip
    return {
        place: kaplan_meier(own["days"], own["lost"], weights=own["n"], confidence=confidence)
        for place, own in keyed.items()
        if len(own)
    }


def list_curves(lives: pd.DataFrame, groups: Groups, confidence: float) -> pd.DataFrame:
    """Return the curves as one table with the columns of `SURVIVAL`; each starts with day 0 and share 1."""
    tables = []
    for place, curve in draw_curves(lives, groups, confidence).items():
        who = {"persona_id": EVERYONE_ID, "persona": EVERYONE} if place is None else groups.columns([place])
        n = float(lives["n"].sum() if place is None else lives.loc[lives["place"] == place, "n"].sum())
        tables.append(
            pd.DataFrame(
                {
                    **{name: np.repeat(value, len(curve.times) + 1) for name, value in who.items()},
                    "day": np.concatenate([[0.0], curve.times]),
                    "at_risk": np.concatenate([[n], curve.at_risk]),
                    "lost": np.concatenate([[0.0], curve.events]),
                    "share": np.concatenate([[1.0], curve.survival]),
                    "lo": np.concatenate([[1.0], curve.lo]),
                    "hi": np.concatenate([[1.0], curve.hi]),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)[SURVIVAL] if tables else pd.DataFrame(columns=SURVIVAL)


def compare_personas(
    lives: pd.DataFrame, groups: Groups, settings: RetentionSettings
) -> tuple[pd.DataFrame, LogRank | None]:
    """Compare how long each persona stays with the users of the other personas.

    Parameters
    ----------
    lives : DataFrame
        As from `count_lifetimes`.
    groups : Groups
    settings : RetentionSettings
        Its ``horizons``, ``confidence``, ``false_share`` and ``min_users``.

    Returns
    -------
    table : DataFrame
        Columns of `COMPARISON`, one row per persona and horizon: mean days stayed within the horizon, of
        the others, the difference with its interval, the p-value of the log-rank test of the persona
        against the others and its Benjamini-Hochberg q-value over the personas.
    overall : LogRank or None
        All personas at once; None where there are fewer than two.
    """
    inside, min_users = lives[lives["place"] >= 0], settings.min_users
    sizes = inside.groupby("place")["n"].sum()
    able = [place for place in range(len(groups.names)) if sizes.get(place, 0) >= min_users]
    compared = inside[inside["place"].isin(able)]
    overall = None
    if len(able) > 1:
        overall = log_rank(compared["days"], compared["lost"], compared["place"], weights=compared["n"])
    p_values = {
        place: log_rank(inside["days"], inside["lost"], inside["place"] == place, weights=inside["n"]).p_value
        for place in able
        if sizes.sum() - sizes[place] >= min_users
    }
    q_values = _adjust(p_values)
    rows = []
    for place in range(len(groups.names)):
        own, rest = inside[inside["place"] == place], inside[inside["place"] != place]
        tests = (p_values.get(place, np.nan), q_values.get(place, np.nan))
        n_users, n_lost = int(own["n"].sum()), int(own.loc[own["lost"] > 0, "n"].sum())
        for horizon in settings.horizons:
            figures, why = _compare_means(own, rest, horizon, settings.confidence, min_users)
            why = why or _say_difference(figures, tests[1], horizon, n_users, settings.false_share)
            rows.append((groups.persona_ids[place], groups.names[place], n_users, n_lost, horizon,
                         *figures, *tests, why))  # fmt: skip
    return pd.DataFrame(rows, columns=COMPARISON), overall


def _adjust(p_values: dict[int, float]) -> dict[int, float]:
    from statsmodels.stats.multitest import multipletests

    known = {place: p for place, p in p_values.items() if np.isfinite(p)}
    if not known:
        return {}
    return dict(zip(known, multipletests(list(known.values()), method="fdr_bh")[1].tolist(), strict=True))


def _compare_means(own, rest, horizon: int, confidence: float, min_users: int) -> tuple[tuple, str]:
    """Return mean, lo, hi, the rest's mean, difference, lo, hi, and why some are missing."""
    n, nothing = int(own["n"].sum()), (np.nan,) * 7
    if n < min_users:
        return nothing, f"only {n} users, {min_users} asked for"
    mean = _mean_within(own, horizon)
    if mean is None:
        return nothing, f"nobody was followed for {horizon} days"
    spread = _spread([mean], confidence)
    alone = (mean[0], max(mean[0] - spread, 0.0), min(mean[0] + spread, float(horizon)))
    base = _mean_within(rest, horizon) if rest["n"].sum() >= min_users else None
    if base is None:
        return (*alone, *nothing[3:]), "no other persona was followed for as long, by enough users"
    gap, spread = mean[0] - base[0], _spread([mean, base], confidence)
    why = (
        ""
        if np.isfinite(spread)
        else f"nobody was lost within {horizon} days, here or of the others: no interval"
    )
    return (*alone, base[0], gap, gap - spread, gap + spread), why


def _mean_within(lives: pd.DataFrame, horizon: int) -> tuple[float, float, float] | None:
    """Return the mean stay, its variance, and on how many losses that rests; None beyond what was seen."""
    curve = kaplan_meier(lives["days"], lives["lost"], weights=lives["n"])
    if not np.isfinite(curve.at(horizon)):
        return None
    n_lost = float(curve.events[curve.times <= horizon].sum())
    found = restricted_mean(curve, horizon)
    return found.mean, found.variance, n_lost


def _spread(means: list[tuple[float, float, float]], confidence: float) -> float:
    """Return half the width of the interval of a mean, or of the difference of two.

    Greenwood's variance divides by the losses d, not by d - 1, and is as uncertain as a variance from d
    values: with five users the usual interval holds the truth in 78 % for 90 % (measured), this one in 90 %.
    """
    if any(n_lost == 0 for *_, n_lost in means):
        return np.nan
    parts = [(variance * n / max(n - 1, 1), max(n - 1, 1)) for _, variance, n in means]
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return np.nan
    freedom = total**2 / sum(variance**2 / df for variance, df in parts)  # Welch and Satterthwaite
    return float(stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(total))


def _say_difference(figures: tuple, q: float, horizon: int, n: int, false_share: float) -> str:
    """Say a difference only where the whole curves differ, too: every persona and horizon is a chance to err."""
    gap, lo, hi = figures[4:]
    interval = f"({lo:+.1f} to {hi:+.1f} days, {n:,} users)"
    if q <= false_share and lo > 0:
        return f"stays {gap:.1f} days longer within {horizon} than the other personas {interval}"
    if q <= false_share and hi < 0:
        return f"stays {-gap:.1f} days shorter within {horizon} than the other personas {interval}"
    return f"no sure difference within {horizon} days {interval}"
