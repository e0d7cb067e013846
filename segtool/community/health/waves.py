"""What newcomers do to a group: waves of entrants, and the talk before and after them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.health.bursts import adjust_chances, burst_chances, join_spans, onset
from segtool.community.health.intervals import change_interval, count_interval, day_shares, z_of
from segtool.community.health.said import DAY, Said
from segtool.community.health.veterans import age_of_joining, blend, own_pace_kept, pace_kept
from segtool.display import join_words

LEAST_ENTRANTS = 5
LEAST_SHARE = 0.08  # of those who are there: fewer newcomers drown in the talk
FALSE_SHARE = 0.05
SETTLING_WEEKS = 4  # a new group is nothing but entrants
LOOK_BACK_WEEKS = 26
WINDOW_DAYS = 28.0
LEAST_AFTER = 7.0  # days on record after a wave before anything is said of its effect
LEAST_MESSAGES = 15
AFTERGLOW_DAYS = 1.0  # an activity's talk goes on for a day
ENTRANTS = [
    "group_id", "starts", "ends", "n_entrants", "n_before", "expected", "p", "q", "activity", "measure",
    "before", "before_n", "after", "after_n", "usual", "change", "lo", "hi", "days_left_out", "said",
]  # fmt: skip
WEEKLY = {"share on topic": "on_topic", "share of answers": "reply"}
MEASURES = ("share on topic", "share of answers", "veterans' messages a week", "tone")


def find_entrants(talk, said: Said, core: np.ndarray, trends: dict, settings) -> pd.DataFrame:
    """Find waves of newcomers, and compare the four weeks before each with the four weeks after.

    Parameters
    ----------
    talk : Talk
    said : Said
    core : ndarray of int, shape (n_groups,)
    trends : dict
        As from `measure_groups`: how restless each group's weeks are.
    settings : CommunitySettings

    Returns
    -------
    DataFrame
        One row per wave and measure: group_id; starts, ends (local times of its first and last join);
        n_entrants; n_before (members before it); expected (joins in such a week, by the group's past); p, q;
        activity (titles of what took place within a week of it); measure; before, after with their n;
        usual (what would have come without the wave: for veterans' messages by the dates without one, else
        what was before); change (after less usual) with lo and hi (missing: too little data, or too early);
        days_left_out; said.

    Notes
    -----
    Veterans are those who had been there four weeks before the wave. Nobody joins them any more, so that they
    write less with time wherever people leave; their messages are held against what veterans of other dates,
    without a wave, kept of their pace: those of the group, and with less of them those of all groups. Their
    share of the talk is not looked at: it falls wherever newcomers write at all. Days of the group's activities, and the
    day after each, are left out of both windows, so that an event is not taken for the newcomers' doing. All of
    it is association: what drew the newcomers may have changed the talk as well.
    """
    joins = talk.roster[~talk.roster["bot"] & talk.roster["joined"].notna() & talk.roster["stated"]]
    if joins.empty or not len(said.group):
        return pd.DataFrame(columns=ENTRANTS)
    group = joins["group"].to_numpy(np.int64)
    age = -joins["joined"].to_numpy(float) / DAY
    order = np.lexsort((-age, group))
    group, age = group[order], age[order]
    p, expected, counts = zip(*(_weeks(said, group, age, shift) for shift in (0.0, 3.5)), strict=True)
    q = adjust_chances(np.stack(p))
    q = np.where(np.stack(counts) >= LEAST_ENTRANTS, q, np.nan)
    waves = {}
    for one in np.flatnonzero((q <= FALSE_SHARE).any(axis=(0, 2))):
        times = age[slice(*np.searchsorted(group, [one, one + 1]))]
        waves[int(one)] = _waves(times, q[:, one], np.stack(p)[:, one], np.stack(expected)[:, one])
    rows = []
    kept = pace_kept(said, waves, trends["messages"]["spread"]) if any(waves.values()) else None
    for one, own in waves.items():
        restless = {name: float(trend["spread"][one]) for name, trend in trends.items()}
        for wave in own:
            veterans = _Veterans(own, kept, restless["messages"])
            rows += _compare(talk, said, core, one, restless, wave, veterans, settings)
    end = pd.Timestamp(talk.as_of).tz_convert(talk.timezone).tz_localize(None)
    table = pd.DataFrame(rows, columns=ENTRANTS)
    for name in ("starts", "ends"):
        table[name] = (end - pd.to_timedelta(table[name].astype(float), unit="D")).dt.round("s")
    return table


def _weeks(said: Said, group: np.ndarray, age: np.ndarray, shift: float):
    week = np.floor((age - shift) / 7).astype(np.int64)
    chosen = (week >= 0) & (week < LOOK_BACK_WEEKS + SETTLING_WEEKS)
    size = LOOK_BACK_WEEKS + SETTLING_WEEKS
    count = np.bincount(group[chosen] * size + week[chosen], minlength=said.n_groups * size)
    count = count.reshape(said.n_groups, size).astype(float)
    there = np.arange(size) * 7 + shift < said.founded[:, None] - 7 * SETTLING_WEEKS
    p, expected = burst_chances(count, np.ones_like(count), there)
    return p[:, :LOOK_BACK_WEEKS], expected[:, :LOOK_BACK_WEEKS], count[:, :LOOK_BACK_WEEKS]


def _waves(times: np.ndarray, q: np.ndarray, p: np.ndarray, expected: np.ndarray) -> list[dict]:
    """Return the waves of one group: flagged weeks joined, narrowed to where the joins stand out."""
    layer, week = np.nonzero(q <= FALSE_SHARE)
    near = week * 7 + np.where(layer == 1, 3.5, 0.0)
    waves = []
    for low, high in join_spans(near, near + 7):
        inside = np.flatnonzero((near >= low) & (near < high))
        best = inside[np.argmin(p[layer[inside], week[inside]])]
        own = times[(times >= low) & (times < high)]
        usual = float(expected[layer[best], week[best]])
        first, last = onset(-own, usual / 7)
        n_before = int((times > own[first]).sum())
        n = last - first + 1
        if n >= max(LEAST_ENTRANTS, LEAST_SHARE * n_before):
            waves.append({
                "starts": float(own[first]), "ends": float(own[last]), "n_entrants": n, "n_before": n_before,
                "expected": usual, "p": float(p[layer[best], week[best]]), "q": float(q[layer[best], week[best]]),
            })  # fmt: skip
    return waves


def _activities(talk, group: int, wave: dict) -> tuple[list[tuple[float, float]], str]:
    """Return the days before as_of of the group's activities, and the titles of those near the wave."""
    own = talk.activities[talk.activities["group"] == group]
    start = -own["start"].to_numpy(float) / DAY
    end = -own["end"].fillna(own["start"]).to_numpy(float) / DAY - AFTERGLOW_DAYS
    near = (end <= wave["starts"] + 7) & (start >= wave["ends"] - 7)
    titles = [str(title) for title in own["title"].to_numpy(object)[near]]
    return list(zip(start, end, strict=True)), join_words(titles)


@dataclass(frozen=True)
class _Veterans:
    """What the pace of veterans is judged by: all waves of their group, and the pace kept in all groups."""

    waves: list[dict]
    kept: tuple[float, float]
    restless: float


def _compare(talk, said: Said, core, group: int, restless, wave: dict, veterans, settings) -> list[list]:
    rows = np.arange(*np.searchsorted(said.group, [group, group + 1]))
    age = said.age[rows]
    spans, titles = _activities(talk, group, wave)
    busy = np.zeros(len(rows), dtype=bool)
    for start, end in spans:
        busy |= (age <= start) & (age >= end)
    long = min(WINDOW_DAYS, wave["ends"])
    windows = {
        "before": (age > wave["starts"]) & (age <= wave["starts"] + WINDOW_DAYS) & ~busy,
        "after": (age <= wave["ends"]) & (age > wave["ends"] - long) & ~busy,
    }
    free = {
        "before": WINDOW_DAYS - _overlap(spans, wave["starts"], wave["starts"] + WINDOW_DAYS),
        "after": long - _overlap(spans, wave["ends"] - long, wave["ends"]),
    }
    days = {name: np.maximum(value, 1e-9) for name, value in free.items()}
    usual = _usual_pace(said, rows[~busy], spans, wave, long, veterans)
    left_out = WINDOW_DAYS + long - free["before"] - free["after"]
    head = [talk.group_ids[group], *(wave[name] for name in ("starts", "ends", "n_entrants", "n_before",
                                                             "expected", "p", "q")), titles]  # fmt: skip
    told = []
    z = z_of(settings.verdict_confidence)
    for measure in MEASURES:
        if measure == "veterans' messages a week":
            found = _veterans_pace(said, rows, windows, days, wave, (*usual, veterans.restless), z)
        else:
            found = _measure(said, core[group], rows, windows, restless, measure, z)
        if found is None:
            continue
        found.setdefault("usual", found["before"])
        too_early = long < LEAST_AFTER
        if too_early or min(found["before_n"], found["after_n"]) < _least(measure):
            found |= {"change": np.nan, "lo": np.nan, "hi": np.nan}
        values = [
            found[name] for name in ENTRANTS[ENTRANTS.index("before") : ENTRANTS.index("days_left_out")]
        ]
        said_so = "too early to say" if too_early else _say(measure, found)
        told.append([*head, measure, *values, round(left_out, 1), said_so])
    return told


def _least(measure: str) -> int:
    return 0 if measure.endswith("a week") else LEAST_MESSAGES


def _overlap(spans, low: float, high: float) -> float:
    """Return how many days of a window lie in the spans of activities."""
    joined = join_spans(np.array([end for _, end in spans]), np.array([start for start, _ in spans]))
    return float(sum(max(0.0, min(high, top) - max(low, bottom)) for bottom, top in joined))


def _measure(said: Said, core: int, rows, windows, restless, measure: str, z: float) -> dict | None:
    """Return one measure before and after, with the interval of its change; None where it is not known."""
    if measure == "tone":
        return _tone(said, rows, windows, z)
    of = np.ones(len(rows), dtype=bool)
    if measure == "share on topic":
        hit, of = said.topic[rows] == core, (said.topic[rows] >= 0) & (core >= 0)
    else:
        if not said.threads.known:
            return None
        hit = said.answers[rows]
    found = {}
    for name, window in windows.items():
        chosen = rows[window & of]
        share, n, worth = day_shares(
            hit[window & of].astype(float), np.ones(len(chosen)), np.zeros(len(chosen), int),
            np.unique(said.day[chosen], return_inverse=True)[1], 1,
        )  # fmt: skip
        worth = np.minimum(worth, n / restless[WEEKLY[measure]])
        found |= {name: float(share[0]), f"{name}_n": int(n[0]), f"{name}_worth": worth}
    if not found["before_n"] + found["after_n"]:
        return None
    lo, hi = change_interval(found["before"], found["before_worth"], found["after"], found["after_worth"], z)
    return found | {"change": found["after"] - found["before"], "lo": float(lo[0]), "hi": float(hi[0])}


def _was_there(said: Said, rows: np.ndarray, wave: dict) -> np.ndarray:
    """Whether each message is by somebody who had been there four weeks before the wave."""
    return said.tenure[rows] + said.age[rows] >= wave["starts"] + WINDOW_DAYS


def _usual_pace(said: Said, rows, spans, wave: dict, long: float, veterans: _Veterans) -> tuple[float, float]:
    """Return the share of their pace that such veterans keep without a wave, and the deviation of its log."""
    if long < LEAST_AFTER:
        return np.nan, np.nan
    own = own_pace_kept(
        said.age[rows], age_of_joining(said)[rows], wave, veterans.waves,
        lambda low, high: high - low - _overlap(spans, low, high),
        min(said.record, float(said.founded[said.group[rows[0]]])) if len(rows) else 0.0, long,
    )  # fmt: skip
    lag = (WINDOW_DAYS + long) / 2 + wave["starts"] - wave["ends"]
    return blend(own, max(veterans.restless, 1.0), veterans.kept, lag / WINDOW_DAYS)


def _veterans_pace(said: Said, rows, windows, days, wave: dict, usual, z: float) -> dict:
    kept, deviation, restless = usual
    veteran = _was_there(said, rows, wave)
    n = {name: int((veteran & window).sum()) for name, window in windows.items()}
    pace = {name: 7 * n[name] / days[name] for name in windows}
    bounds = {}
    for name, window in windows.items():
        chosen = rows[window & veteran]
        per_day = np.bincount(said.day[chosen] - said.day[chosen].min()) if len(chosen) else np.zeros(1)
        spread = max(float(per_day.var() / max(per_day.mean(), 1e-9)), 1.0) if len(chosen) > 1 else 1.0
        spread = max(spread, restless)  # weeks that resemble each other drift without any newcomer
        low, high = count_interval(np.array([float(n[name])]), np.array([spread]), z)
        bounds[name] = (7 * float(low[0]) / days[name], 7 * float(high[0]) / days[name])
    expected = pace["before"] * kept
    low = np.hypot(kept * (pace["before"] - bounds["before"][0]), expected * (1 - np.exp(-z * deviation)))
    high = np.hypot(kept * (bounds["before"][1] - pace["before"]), expected * (np.exp(z * deviation) - 1))
    change = pace["after"] - expected
    lo = change - np.hypot(pace["after"] - bounds["after"][0], high)
    hi = change + np.hypot(bounds["after"][1] - pace["after"], low)
    return {"before": pace["before"], "before_n": n["before"], "after": pace["after"], "after_n": n["after"],
            "usual": expected, "change": change, "lo": lo, "hi": hi}  # fmt: skip


def _tone(said: Said, rows, windows, z: float) -> dict | None:
    found, noise = {}, 0.0
    for name, window in windows.items():
        tone = said.tone[rows[window]]
        day = said.day[rows[window]][~np.isnan(tone)]
        tone = tone[~np.isnan(tone)]
        if len(tone) < 2:
            return None
        by_day = np.bincount(day - day.min(), tone - tone.mean())
        found |= {name: float(tone.mean()), f"{name}_n": len(tone)}
        noise += max((by_day**2).sum() / len(tone) ** 2, tone.var() / len(tone))
    change = found["after"] - found["before"]
    reach = z * np.sqrt(noise)
    return found | {"change": change, "lo": change - reach, "hi": change + reach}


def _say(measure: str, found: dict) -> str:
    if np.isnan(found["change"]):
        return "too little data"
    if found["lo"] <= 0 <= found["hi"]:
        return "no sure change"
    if measure.endswith("week"):
        way = "fewer" if found["change"] < 0 else "more"
        return (
            f"{measure}: {found['after']:.1f}, {way} than the {found['usual']:.1f} that dates without a wave"
            f" lead to expect (before: {found['before']:.1f})"
        )
    shape = "{:.0%}" if "share" in measure else "{:+.2f}"
    way = "fell" if found["change"] < 0 else "rose"
    return f"{measure} {way} from {shape.format(found['before'])} to {shape.format(found['after'])}"
