"""The measure that would change a verdict: found by asking the rules, not by a template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segtool.community.health.rules import GOOD, NEW, QUIET, THRIVING, TOO_LITTLE, judge

POINTS = 24  # values tried per measure on each side of what was seen
ROUNDS, NARROW = 2, 12  # then the border is narrowed to a 144th of the step
RECENT_DAYS = 28  # a talk within them is among the messages of four weeks
NONE_ALONE = "no single measure would change it"
WISHES = ("better", "any")

Measures = dict[str, np.ndarray]


@dataclass(frozen=True)
class Lever:
    """A measure that can be moved while the others stay.

    Parameters
    ----------
    name : str
    title : str
        As a sentence says it.
    low, high : callable
        The ends of what is tried, from the measures.
    unit : str
        How a value is written: share, count, days, or slope.
    step : float
        A change that feels like one step; shares and days as they are, counts as factors.
    """

    name: str
    title: str
    low: Callable[[Measures], np.ndarray]
    high: Callable[[Measures], np.ndarray]
    unit: str
    step: float


def _all(value: float) -> Callable[[Measures], np.ndarray]:
    return lambda m: np.full(len(m["n_all"]), value)


LEVERS = (
    Lever(
        "n_recent", "messages in four weeks", _all(0), lambda m: 4 * np.fmax(m["n_recent"], 30), "count", 1.5
    ),
    Lever("gap_days", "the days since two people talked", _all(0), lambda m: m["gap_days"] + 60, "days", 14),
    Lever("top1", "the loudest voice's share of messages", _all(0.02), _all(0.98), "share", 0.15),
    Lever("reply", "the share of messages that answer another", _all(0), _all(1), "share", 0.15),
    Lever("on_topic", "the share of messages on topic", _all(0), _all(1), "share", 0.15),
    Lever("veteran", "the share of messages by members of 90 days and more", _all(0), _all(1), "share", 0.15),
    Lever("n_members", "members", _all(2), lambda m: 4 * m["n_members"], "count", 1.5),
    Lever("absence_factor", "people who write half of the messages", _all(1), _all(30), "count", 1.5),
    Lever("active_slope", "the trend of the share of members who write", _all(-1), _all(1), "slope", 0.2),
    Lever("age_days", "its age in days", _all(0), _all(400), "days", 14),
    Lever("n_all", "messages on record", _all(0), _all(400), "count", 1.5),
)


def find_changes(m: Measures, verdicts: np.ndarray, settings) -> list[str]:
    """Say for each group which single measure would change its verdict, and where the border is.

    For a bad verdict the nearest change for the better is told; for a quiet group what would make it
    thrive, if one measure can, else what would make it worse; for a thriving one the nearest change.
    "Near" is in steps of each measure. The number of messages behind a share stays as it is.

    Parameters
    ----------
    m : dict of ndarray, shape (n_groups,)
    verdicts : ndarray of str, shape (n_groups,)
        As `judge` gives them.
    settings : CommunitySettings

    Returns
    -------
    list of str
        One sentence per group.
    """
    n = len(verdicts)
    best = {wish: (np.full(n, np.inf), [""] * n) for wish in WISHES}
    with np.errstate(invalid="ignore", divide="ignore"):
        for lever in LEVERS:
            for end in (lever.low(m), lever.high(m)):
                for wish, (value, verdict) in _search(m, verdicts, lever, end, settings).items():
                    near, said = best[wish]
                    far = _distance(m[lever.name], value, lever)
                    closer = np.flatnonzero(far < near)
                    near[closer] = far[closer]
                    for i in closer:
                        said[i] = _sentence(lever, m[lever.name][i], value[i], verdict[i])
    told = zip(best["better"][1], best["any"][1], strict=True)
    return [better or other or NONE_ALONE for better, other in told]


def move(m: Measures, name: str, value: np.ndarray) -> Measures:
    """Return the measures with one of them changed, and what hangs on it changed along."""
    moved = {**m, name: value}
    if name == "top1":  # the others share the rest as they did
        moved["top3"] = value + (m["top3"] - m["top1"]) * (1 - value) / np.maximum(1 - m["top1"], 1e-9)
    if name == "gap_days":  # it takes two messages to talk, and more than none in the weeks that are counted
        moved["n_recent"] = np.where(value < RECENT_DAYS, np.maximum(m["n_recent"], 2), m["n_recent"])
    if name == "active_slope":
        moved["active_hi"] = m["active_hi"] + value - m["active_slope"]
    if name == "n_all":  # more messages come on more days
        moved["n_days"] = np.maximum(m["n_days"], np.where(value > m["n_all"], 30, 0))
        moved["n_days"] = np.where(value < m["n_all"], np.minimum(m["n_days"], value), moved["n_days"])
    return moved


def _search(m: Measures, verdicts: np.ndarray, lever: Lever, end: np.ndarray, settings) -> dict:
    """Return for each wish the value nearest to the present one, on the way to ``end``, that grants it."""
    now = m[lever.name].astype(float)
    grid = (
        now[:, None] + (end - now)[:, None] * np.linspace(0, 1, POINTS + 1) ** 1.5
    )  # finer near what was seen
    words = _judge_grid(m, lever, grid, settings)
    found = {}
    for wish in WISHES:
        inner, outer = _bracket(grid, words, verdicts, wish)
        for _ in range(ROUNDS):
            narrow = inner[:, None] + (outer - inner)[:, None] * np.linspace(0, 1, NARROW + 1)
            inner, outer = _bracket(narrow, _judge_grid(m, lever, narrow, settings), verdicts, wish)
        value, word = np.full(len(now), np.nan), np.full(len(now), "", dtype=object)
        # What reads nearer to what was seen wins, if it holds as well: the border may be a round number.
        for tried in (_round(outer, now, lever, outwards=True), _round(outer, now, lever, outwards=False)):
            then = judge(move(m, lever.name, tried), settings)
            granted = (
                np.isfinite(tried) & _is_wished(then, verdicts, wish) & _reads_differently(tried, now, lever)
            )
            value, word = np.where(granted, tried, value), np.where(granted, then, word)
        found[wish] = value, word
    return found


def _judge_grid(m: Measures, lever: Lever, grid: np.ndarray, settings) -> np.ndarray:
    rows = np.repeat(np.arange(len(grid)), grid.shape[1])
    many = move({key: values[rows] for key, values in m.items()}, lever.name, grid.ravel())
    return judge(many, settings).reshape(grid.shape)


def _bracket(grid: np.ndarray, words: np.ndarray, verdicts: np.ndarray, wish: str):
    """Return the last value before the wish is granted, and the first at which it is; missing for never."""
    hit = _is_wished(words, verdicts[:, None], wish) & np.isfinite(grid)
    rows, place = np.arange(len(grid)), hit.argmax(axis=1)
    outer = np.where(hit.any(axis=1), grid[rows, place], np.nan)
    return np.where(hit.any(axis=1), grid[rows, np.maximum(place - 1, 0)], np.nan), outer


def _is_wished(then: np.ndarray, now: np.ndarray, wish: str) -> np.ndarray:
    other = then != now
    if wish == "any":
        return other & ~np.isin(then, (NEW, TOO_LITTLE))
    bad = ~np.isin(now, (*GOOD, NEW, TOO_LITTLE))
    return other & np.where(now == QUIET, then == THRIVING, bad & np.isin(then, GOOD))


def _round(value: np.ndarray, now: np.ndarray, lever: Lever, outwards: bool) -> np.ndarray:
    """Round a border to what is shown, away from what was seen or towards it."""
    scale = _scale(lever)
    up = (value > now) == outwards
    return np.where(up, np.ceil(value * scale - 1e-9), np.floor(value * scale + 1e-9)) / scale


def _scale(lever: Lever) -> float:
    return 100.0 if lever.unit in ("share", "slope") else 1.0


def _reads_differently(value: np.ndarray, now: np.ndarray, lever: Lever) -> np.ndarray:
    """Say whether a value differs from what was seen as both are written."""
    if lever.unit == "slope":
        value, now = np.expm1(value), np.expm1(now)
    return ~(np.round(value * _scale(lever)) == np.round(now * _scale(lever)))


def _distance(now: np.ndarray, value: np.ndarray, lever: Lever) -> np.ndarray:
    if lever.unit == "count":
        far = np.abs(np.log((value + 1) / (now + 1))) / np.log(lever.step)
    else:
        far = np.abs(value - now) / lever.step
    return np.where(np.isfinite(far), far, np.inf)


def _sentence(lever: Lever, now: float, value: float, verdict: str) -> str:
    if lever.name == "age_days":
        return f"would be '{verdict}' once it is {value:.0f} days old (now {now:.0f})"
    if lever.name == "gap_days" and value < now:
        return f"would be '{verdict}' if two people had talked {value:.0f} days ago (now {now:.0f})"
    if lever.unit == "slope":
        way = "fell" if value < now else "rose"
        return (
            f"would be '{verdict}' if the odds that a member writes {way} to {np.expm1(value):+.0%} in four"
            f" weeks, from {np.expm1(now):+.0%}"
        )
    shape = "{:.0%}" if lever.unit == "share" else "{:,.0f}"
    way = "rose" if value > now else "fell"
    return f"would be '{verdict}' if {lever.title} {way} from {shape.format(now)} to {shape.format(value)}"
