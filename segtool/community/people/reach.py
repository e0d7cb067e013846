"""How many answer each member and respond to what they start, shrunken to what is usual in the group."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from segtool.community.people.answers import Answers, count_distinct
from segtool.community.people.tenure import DAY, WEEK
from segtool.community.settings import CommunitySettings
from segtool.pooling import beta_interval

DEEPEST = 20  # doublings of the way up a thread: a million answers deep, and cycles of wrong clocks end
CALL_SLACK = 3.0  # responses to one call up to which nothing is cut


def measure_reach(talk, answers: Answers, settings: CommunitySettings) -> pd.DataFrame:
    """Count messages, answers and responses of each member, with shrunken rates.

    Parameters
    ----------
    talk : Talk
    answers : Answers
    settings : CommunitySettings

    Returns
    -------
    DataFrame, shape (n_roster, 21)
        n_messages, n_answerers, n_answers, n_answered, n_judged, answered_rate, answered_lo, answered_hi,
        n_calls, n_responses, best_call, responses, responses_lo, responses_hi, responses_shape and
        responses_scale (of the Gamma they are the mean of), responses_usual (in the group),
        n_weeks_active, weeks_share, n_weeks_answered, silent_days.

    Notes
    -----
    A message is judged once ``answer_hours`` have passed, and answered if somebody did so by then.
    Responses to a call are the different people who wrote in its thread by then.
    """
    n = answers.n_members
    links = answers.links
    group = talk.roster["group"].to_numpy()
    table = pd.DataFrame({"n_messages": np.bincount(answers.member, minlength=n)})
    table["n_answerers"] = count_distinct(links["member"].to_numpy(), links["by"].to_numpy(), n)
    table["n_answers"] = np.bincount(links["member"], links["sure"], n)
    for name, values in _answered(answers, links, group, settings).items():
        table[name] = values
    for name, values in _responses(answers, group, settings).items():
        table[name] = values
    table["n_weeks_active"] = count_distinct(answers.member, answers.week, n)
    table["weeks_share"] = table["n_weeks_active"] / _weeks_there(talk, settings)
    table["n_weeks_answered"] = count_distinct(links["member"].to_numpy(), links["week"].to_numpy(), n)
    table["silent_days"] = -talk.roster["last"].to_numpy() / DAY
    return table


def _weeks_there(talk, settings: CommunitySettings) -> np.ndarray:
    """Return weeks since joining (or the first message), within the time looked back at."""
    roster = talk.roster
    since = np.fmin(roster["joined"].to_numpy(), roster["first"].to_numpy())
    until = np.nan_to_num(roster["left"].to_numpy(), nan=0.0)
    since = np.maximum(since, -settings.people_days * DAY)
    # Calendar of weeks back from as_of: both ends count.
    return np.maximum(np.floor((-since - 1) / WEEK) - np.floor(-until / WEEK) + 1, 1.0)


def _answered(answers: Answers, links: pd.DataFrame, group: np.ndarray, settings) -> dict[str, np.ndarray]:
    n = answers.n_members
    limit = settings.answer_hours * 3600
    judged = answers.second <= -limit
    delay = answers.second[links["answer"]] - answers.second[links["message"]]
    in_time = links[delay <= limit]
    heard = np.bincount(in_time["message"], in_time["sure"], len(answers))
    hit = np.bincount(answers.member, np.minimum(heard, 1.0) * judged, n)
    count = np.bincount(answers.member[judged], minlength=n)
    rate, lo, hi = shrink_shares(hit, count, group, answers.n_groups, settings.people_confidence)
    return {"n_answered": hit, "n_judged": count, "answered_rate": rate, "answered_lo": lo, "answered_hi": hi}


def shrink_shares(hit, count, group, n_groups: int, confidence: float) -> tuple[np.ndarray, ...]:
    """Return shares shrunken to that of the group, with intervals; missing where nothing was counted.

    Parameters
    ----------
    hit, count : ndarray of float, shape (n_members,)
    group : ndarray of int, shape (n_members,)
    n_groups : int
    confidence : float

    Returns
    -------
    share, lo, hi : ndarray of float, shape (n_members,)

    Notes
    -----
    Beta-binomial; the strength of the prior by moments over all members.

    Examples
    --------
    >>> hit, count = np.array([9, 1, 1, 5]), np.array([10, 10, 1, 10])
    >>> share, lo, hi = shrink_shares(hit, count, np.zeros(4, int), 1, 0.9)
    >>> bool(share[0] < 0.9), bool(share[2] < 0.8), bool((lo < share).all())
    (True, True, True)
    """
    overall = hit.sum() / max(count.sum(), 1)
    # The group's own share leans on all groups by ten messages' worth.
    own = (np.bincount(group, hit, n_groups) + 10 * overall) / (np.bincount(group, count, n_groups) + 10)
    mean = np.clip(own[group], 1e-3, 1 - 1e-3)
    strength = _moment_strength(hit, count, mean)
    worth = count + strength
    share = (hit + strength * mean) / worth
    lo, hi = beta_interval(share, share * (1 - share) / (worth + 1), confidence)
    known = count > 0
    return tuple(np.where(known, values, np.nan) for values in (share, lo, hi))


def _moment_strength(hit, count, mean) -> float:
    """Return how many messages' worth the group's share is: from how far members scatter around it."""
    used = count > 1
    if used.sum() < 10:
        return 10.0
    noise = (mean * (1 - mean))[used]
    n = count[used].astype(float)
    excess = ((hit[used] - n * mean[used]) ** 2 - n * noise).sum()
    within = (n * (n - 1) * noise).sum()
    alike = np.clip(excess / max(within, 1e-12), 0.005, 0.5)
    return float(1 / alike - 1)


def find_roots(reply: np.ndarray) -> np.ndarray:
    """Return the message that each message's thread began with.

    Examples
    --------
    >>> find_roots(np.array([-1, 0, 1, -1, 3])).tolist()
    [0, 0, 0, 3, 3]
    """
    up = np.where(reply >= 0, reply, np.arange(len(reply)))
    for _ in range(DEEPEST):
        higher = up[up]
        if (higher == up).all():
            break
        up = higher
    return up


def _responses(answers: Answers, group: np.ndarray, settings) -> dict[str, np.ndarray]:
    n = answers.n_members
    root = find_roots(answers.reply)
    limit = settings.answer_hours * 3600
    call = answers.starts & (answers.second <= -limit)
    is_response = (root != np.arange(len(root))) & call[root] & (answers.member != answers.member[root])
    is_response &= answers.second - answers.second[root] <= limit
    people = count_distinct(root[is_response], answers.member[is_response], len(answers))
    calls = np.flatnonzero(call)
    caller, people = answers.member[calls], people[calls].astype(float)
    count, total = np.bincount(caller, minlength=n), np.bincount(caller, people, n)
    best = np.zeros(n)
    np.maximum.at(best, caller, people)
    others = (total[caller] - people) / np.maximum(count[caller] - 1, 1)
    # One viral call is cut to what the others say of it.
    kept = np.minimum(people, CALL_SLACK + others + 3 * np.sqrt(others))
    total_kept = np.bincount(caller, kept, n)
    mean, lo, hi, shape, scale, usual = _shrink_counts(
        total_kept, count, caller, kept, group, answers.n_groups, settings
    )
    return {
        "n_calls": count,
        "n_responses": total.astype(np.int64),
        "best_call": best.astype(np.int64),
        "responses": mean,
        "responses_lo": lo,
        "responses_hi": hi,
        "responses_shape": shape,
        "responses_scale": scale,
        "responses_usual": usual,
    }


def _shrink_counts(total, count, caller, kept, group, n_groups: int, settings) -> tuple[np.ndarray, ...]:
    """Return responses per call shrunken to the group's, Gamma-Poisson with what calls scatter beyond it."""
    overall = total.sum() / max(count.sum(), 1)
    usual = (np.bincount(group, total, n_groups) + 10 * overall) / (np.bincount(group, count, n_groups) + 10)
    usual = np.maximum(usual[group], 1e-3)
    own = (total / np.maximum(count, 1))[caller]
    freedom = max(len(kept) - np.count_nonzero(count), 1)
    spread = max(((kept - own) ** 2).sum() / freedom / max(overall, 1e-3), 1.0)
    used = count > 1
    n = count[used].astype(float)
    excess = ((total[used] - n * usual[used]) ** 2 - spread * n * usual[used]).sum()
    alike = (
        np.clip(excess / max(((n * usual[used]) ** 2).sum(), 1e-9), 0.05, 2.0) if used.sum() >= 10 else 0.5
    )
    shape = 1 / alike + total / spread
    worth = 1 / (alike * usual) + count / spread
    tail = (1 - settings.people_confidence) / 2
    known = count > 0
    ends = [special.gammaincinv(shape, level) / worth for level in (tail, 1 - tail)]
    known_ones = [np.where(known, one, np.nan) for one in (shape / worth, *ends)]
    return (*known_ones, shape, 1 / worth, usual)
