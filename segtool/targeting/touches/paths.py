"""From sends to paths: each person's touches up to the one at which they acted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.settings import TargetingSettings
from segtool.targeting.touches.read import SPAN, Log, count_before, next_after

ACTION, ANSWER = "action", "answer"
HISTORY_DAYS = 180.0  # of a person's own acting before the first touch


def choose_outcome(log: Log, settings: TargetingSettings) -> str:
    """Return what a touch is judged by: "action", or "answer" where the log shows acting alone.

    In a log of purchases only, everybody buys before and after a send, and a purchase tells nothing of it.
    """
    if settings.touch_outcome != "auto":
        return settings.touch_outcome
    shown = sum(len(keys) > 0 for keys in log.steps)
    return ACTION if shown > 1 and len(log.acts) else ANSWER


def touch_paths(log: Log, outcome: str, settings: TargetingSettings) -> pd.DataFrame:
    """Return one row per person and touch while they have not acted.

    Returns
    -------
    DataFrame
        code, touch, acted (within the window and before the next touch), went_on (a next touch came while
        still at risk), left_after, exposure (days a touch was followed), base (P(acting in those days) by
        the person's own history, had nothing been sent; NaN for answers) with base_doubt (its standard error,
        common to all rows), and the behaviour that may decide whether sending goes on: answered, ignored
        (touches in a row), answers.
    """
    sends = log.sends
    code, time = sends["code"].to_numpy(), sends["time"].to_numpy()
    last = np.append(code[1:] != code[:-1], True)
    gap = np.where(last, sends["age_days"].to_numpy(), np.append(time[1:], 0) - time)
    exposure = np.minimum(gap, settings.touch_window_days)
    at = code * SPAN + time
    answered = sends["answered"].to_numpy()
    acted = answered if outcome == ANSWER else next_after(log.acts, at) < exposure
    # Acting between touches, after the window, ends the risk too: it is no touch's doing.
    slipped = np.zeros(len(code), bool) if outcome == ANSWER else next_after(log.acts, at) < gap
    group = sends.groupby("code", sort=False)
    frame = pd.DataFrame(
        {
            "code": code, "touch": group.cumcount().to_numpy() + 1, "acted": acted, "went_on": ~last & ~slipped,
            "left_after": sends["left_after"].to_numpy(), "exposure": exposure, "answered": answered,
            "ignored": _ignored(answered, code), "answers": group["answered"].cumsum().to_numpy(),
        }
    )  # fmt: skip
    over = pd.Series(acted | slipped).groupby(code).cumsum().to_numpy() - (acted | slipped)
    frame["base"], frame["base_doubt"] = (np.nan, np.nan) if outcome == ANSWER else _own_base(log, frame, at)
    # Whoever acted at a last touch too late to be followed to its end would be known, who did not would not.
    whole = (sends["age_days"].to_numpy() >= settings.touch_window_days) | ~last
    kept = (over == 0) & (frame["touch"].to_numpy() <= settings.max_touches) & whole
    return frame[kept].reset_index(drop=True)


def _ignored(answered: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return how many touches in a row went without an answer, up to and including each."""
    turn = np.append(True, code[1:] != code[:-1]) | np.append(False, answered[:-1])
    place = np.arange(len(code))
    start = np.maximum.accumulate(np.where(turn, place, 0))
    return np.where(answered, 0, place - start + 1)


def _own_base(log: Log, frame: pd.DataFrame, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the chance to act within a touch's days had nothing been sent, from each person's history.

    With it comes its standard error, the same share of the chance everywhere.

    A person's rate of acting is Gamma over persons; what counts is the time and the actions before the
    first touch, and the time since without acting.
    """
    code = frame["code"].to_numpy()
    first = np.append(True, code[1:] != code[:-1])
    begun = np.repeat(at[first], np.diff(np.append(np.flatnonzero(first), len(code))))
    seen = log.first_seen.reindex(code).to_numpy(dtype=float)
    days = np.clip(np.nan_to_num(begun - code * SPAN - seen, nan=0.0), 0, HISTORY_DAYS)
    acts = count_before(log.acts, begun, days)
    rate = acts[first].sum() / max(days[first].sum(), 1e-9)
    if rate <= 0:
        return np.full(len(code), np.nan), np.full(len(code), np.nan)
    beyond = ((acts[first] - rate * days[first]) ** 2 - rate * days[first]).sum()
    spread = max(float(beyond) / max((days[first] ** 2).sum(), 1e-9), 0.01 * rate**2)
    shape, scale = rate**2 / spread, rate / spread
    known = scale + days + (at - begun)
    base = 1 - (known / (known + frame["exposure"].to_numpy())) ** (shape + acts)
    return base, base * np.sqrt(((acts[first] - rate * days[first]) ** 2).sum()) / acts[first].sum()
