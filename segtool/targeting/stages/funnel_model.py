"""Stages as a hidden Markov chain: what people do each week tells, unsurely, where they stand.

Each user is in one state a week, "lapsed" or one of the stages. A state has a rate for each kind of event;
a user's own activity multiplies all rates, and so does the week's (holidays, sales). Which kinds of event
are typical of which stage is given (anchors): without that the states of a fit would have no names.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from threadpoolctl import threadpool_limits

from segtool.targeting.stages.weekly_counts import WeeklyCounts

N_ITERATIONS = 25
# Rates relative to everyone's mean before any data: an event is rare at stages before its own, most
# frequent at its own, usual at deeper ones. Only the order matters; it is kept in every round.
BEFORE, OWN, AFTER, SILENT = 0.35, 2.5, 1.0, 0.05
ANCHOR_SHARE = 0.02  # how much the anchors weigh: this share of all user-weeks, for each state
# Moves before any data, by the number of stages up or down: people stay, most moves are a step.
STAY, UP, DOWN, SKIP, LAPSE, RETURN = 0.86, 0.05, 0.03, 0.008, 0.02, 0.03
MOVES_SHARE = 0.02  # the weight of that table, as a share of all user-weeks
# A stage is where people are for weeks. Without a floor the model calls every week without a visit a lapse
# and every busy one a stage of its own, since visits come in sessions.
LEAST_STAY, LEAST_STAY_LAPSED, MOST_LAPSE = 0.8, 0.95, 0.02
ACTIVITY_EVENTS = 2.0  # a user's activity is read as if 2 more events had come where 2 were expected
# A user's activity against the middling one; a grid, since its shape is not known beforehand.
LEVELS = np.exp(np.linspace(np.log(0.05), np.log(8), 12))
LEVEL_ROUNDS = 50
FIRST_BURST = 1.0  # begin with bursts, so that a quiet week is not at once taken for a lapse
LEAST_RATE = 1e-6
BATCH_CELLS = 6_000_000  # users x weeks x states at once: 50 MB an array


@dataclass(frozen=True)
class FunnelModel:
    """A fitted chain.

    Parameters
    ----------
    rates : ndarray, shape (n_states, n_families)
        Events a week of a user of middling activity; state 0 is "lapsed".
    visits : ndarray, shape (n_states,)
        Visits a week of such a user.
    moves : ndarray, shape (n_states, n_states)
        P(state next week | state now).
    first : ndarray, shape (n_states,)
        Shares of states in a user's first week.
    week : ndarray, shape (n_weeks,)
        How busy each week is, around 1.
    burst : float
        How much a week's total varies beyond chance: its variance is ``mean + burst mean^2``.
    noise : float
        How much more the shares of kinds within a week vary than independent events would (1: no more).
    levels, level_shares : ndarray, shape (n_levels,)
        Activities a user may have, and how many have each.
    """

    rates: np.ndarray
    visits: np.ndarray
    moves: np.ndarray
    first: np.ndarray
    week: np.ndarray
    burst: float = 0.0
    noise: float = 1.0
    levels: np.ndarray = field(default_factory=lambda: np.ones(1))
    level_shares: np.ndarray = field(default_factory=lambda: np.ones(1))


@dataclass(frozen=True)
class Filtered:
    """What a model makes of users.

    Parameters
    ----------
    posterior : ndarray, shape (n_users, n_states)
        P(state in the last week | all their weeks).
    activity : ndarray, shape (n_users,)
        Multiplier of all rates, the mean over what it may be.
    levels : ndarray, shape (n_users, n_levels)
        P(activity) over the levels of the model.
    """

    posterior: np.ndarray
    activity: np.ndarray
    levels: np.ndarray


def fit_funnel(
    weekly: WeeklyCounts, n_states: int, *, use_activity: bool = True, n_iterations: int = N_ITERATIONS
) -> FunnelModel:
    """Fit rates, moves and activities by expectation and maximisation, from the anchors on.

    Parameters
    ----------
    weekly : WeeklyCounts
    n_states : int
        The stages and "lapsed".
    use_activity : bool
        False: every user is held to be equally active. For comparison.

    Returns
    -------
    FunnelModel

    Notes
    -----
    Counts of kind f in week t of user u at state s are Poisson with mean ``a_u e_t rate_sf``;
    ``a_u = (events + 2) / (expected + 2)`` and the week's ``e_t`` are renewed in every round. A rate never
    falls from one state to the next up to the stage that the kind is typical of (weighted isotonic
    regression, the maximum under that order). Where totals vary more than Poisson counts they are held for
    negative binomial, and where the kinds do, their evidence is divided by how much more; else the
    posterior would be surer than it is right.

    References
    ----------
    Netzer, Lattin and Srinivasan (2008), doi:10.1287/mksc.1070.0294 (the funnel as a hidden chain);
    Rabiner (1989), doi:10.1109/5.18626 (forward and backward).
    """
    totals, seen = weekly.visits, weekly.seen()
    model = _from_anchors(weekly, n_states, seen)
    anchors, moves = model.rates, model.moves
    weight = seen.sum() / n_states
    activity = np.ones(weekly.n_users)
    with threadpool_limits(1):
        for _ in range(n_iterations):
            state, pairs, starts = _smooth(model, weekly, totals, seen, activity)
            exposure = activity[None, :] * model.week[:, None]
            rates = _rates(state, weekly, exposure, anchors, ANCHOR_SHARE * weight)
            visits = _visits(state, weekly, exposure, model.visits, ANCHOR_SHARE * weight)
            per_week = state @ visits
            if use_activity:
                activity = _activity(totals, per_week * model.week[:, None])
                activity /= max(np.average(activity, weights=per_week.sum(axis=0)), 1e-9)
            week = _weeks(totals, per_week * activity[None, :], seen)
            exposure = activity[None, :] * week[:, None]
            model = FunnelModel(
                rates, visits, _near_diagonal(pairs + MOVES_SHARE * weight * moves), _shares(starts + 1.0), week,
                _burst(state, totals, visits, exposure), _noise(state, weekly, rates),
            )  # fmt: skip
        return with_levels(model, weekly) if use_activity else model


def filter_users(model: FunnelModel, weekly: WeeklyCounts) -> Filtered:
    """Judge every user by a fitted model, some thousands at a time.

    Parameters
    ----------
    model : FunnelModel
    weekly : WeeklyCounts

    Returns
    -------
    Filtered

    Notes
    -----
    A user's activity is not known, least of all a quiet user's: it is averaged over, each level weighed by
    how well it explains the user's weeks. One best guess in its place makes the posterior too sure.
    """
    step = max(1, BATCH_CELLS // (weekly.n_weeks * len(model.first)))
    with threadpool_limits(1):
        parts = [_filter_batch(model, weekly.rows(at, at + step)) for at in range(0, weekly.n_users, step)]
    return Filtered(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _filter_batch(model: FunnelModel, weekly: WeeklyCounts):
    posteriors, likely = _by_level(model, weekly)
    share = _level_shares(likely, model.level_shares)
    return np.einsum("kus,ku->us", posteriors, share), model.levels @ share, share.T


def _level_shares(likely: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return P(level | a user's weeks), (n_levels, n_users)."""
    joint = likely + np.log(np.maximum(prior, 1e-12))[:, None]
    joint = np.exp(joint - joint.max(axis=0))
    return joint / joint.sum(axis=0)


def with_levels(model: FunnelModel, weekly: WeeklyCounts) -> FunnelModel:
    """Find how many users have which activity, by the likelihood of their weeks alone."""
    model = replace(model, levels=LEVELS, level_shares=np.full(len(LEVELS), 1 / len(LEVELS)))
    _, likely = _by_level(model, weekly)
    shares = model.level_shares
    for _ in range(LEVEL_ROUNDS):
        shares = _level_shares(likely, shares).mean(axis=1)
        shares = (shares + 0.001) / (1 + 0.001 * len(LEVELS))
    return replace(model, level_shares=shares)


def _by_level(model: FunnelModel, weekly: WeeklyCounts) -> tuple[np.ndarray, np.ndarray]:
    """Return P(state in the last week), and the log likelihood of all weeks, for each level of activity.

    Returns
    -------
    ndarray of shape (n_levels, n_users, n_states), ndarray of shape (n_levels, n_users)
    """
    visits, seen = weekly.visits, weekly.seen()
    found = _of_kinds(model, weekly) + visits[:, :, None] * np.log(model.visits)
    top = found.max(axis=2, keepdims=True)
    if model.burst <= 0:
        found = np.exp(found - top)  # once: what a level adds is then the same for every user
    posteriors, likely = [], []
    for level in model.levels:
        mean = (level * model.week[:, None] * model.visits)[:, None, :]
        if model.burst <= 0:
            own, height = found * np.exp(-mean), top[:, :, 0]
        else:
            grown = np.log1p(mean * model.burst)
            own = found - visits[:, :, None] * grown - grown / model.burst
            height = own.max(axis=2)
            own = np.exp(own - height[:, :, None])
        last, log_scale = _last_week(model, own, weekly.start)
        worth = log_scale + height + visits * np.log(level)
        posteriors.append(last)
        likely.append(np.where(seen, worth, 0).sum(axis=0))
    return np.array(posteriors), np.array(likely)


def _last_week(model: FunnelModel, likely, start) -> tuple[np.ndarray, np.ndarray]:
    """Return P(state in the last week | all weeks), and the log of what each week was worth."""
    ahead, scale = np.empty(likely.shape[1:]), np.empty(likely.shape[:2])
    for week in range(len(likely)):
        before = model.first if week == 0 else ahead @ model.moves
        new = start >= week
        ahead = np.where(new[:, None], model.first, before) if new.any() else before
        ahead = ahead * likely[week]
        scale[week] = ahead.sum(axis=1)
        ahead /= scale[week][:, None]
    return ahead, np.log(scale)


def _from_anchors(weekly: WeeklyCounts, n_states: int, seen) -> FunnelModel:
    """Everyone's mean rates, raised and lowered by the anchors."""
    mean = np.maximum(np.asarray(weekly.counts.sum(axis=0)).ravel() / max(seen.sum(), 1), LEAST_RATE)
    states = np.arange(n_states)[:, None]
    place = weekly.place[None, :]
    anchor = np.where(states < place, BEFORE, np.where(states == place, OWN, AFTER))
    anchor[0] = SILENT
    first = np.full(n_states, 1 / n_states)
    visits = np.full(n_states, max(weekly.visits.sum() / max(seen.sum(), 1), LEAST_RATE))
    visits[0] *= SILENT
    return FunnelModel(
        mean * anchor, visits, usual_moves(n_states), first, np.ones(weekly.n_weeks), FIRST_BURST
    )


def usual_moves(n_states: int) -> np.ndarray:
    """Return P(next | now) before any data: staying, a step up or down, a leap now and then, lapsing.

    Examples
    --------
    >>> usual_moves(3).round(2)
    array([[0.96, 0.03, 0.01],
           [0.02, 0.92, 0.05],
           [0.02, 0.03, 0.95]])
    """
    now, then = np.indices((n_states, n_states))
    moves = np.where(then == now, STAY, np.where(then == now + 1, UP, np.where(then == now - 1, DOWN, SKIP)))
    moves[1:, 0] = LAPSE
    moves[0] = np.where(np.arange(n_states) == 0, STAY, np.where(np.arange(n_states) == 1, RETURN, SKIP))
    return moves / moves.sum(axis=1, keepdims=True)


def _of_kinds(model: FunnelModel, weekly: WeeklyCounts) -> np.ndarray:
    """Return the log of how well each state explains the kinds of a week, (n_weeks, n_users, n_states)."""
    rows = (weekly.counts @ np.log(_shares(model.rates)).T).reshape(weekly.n_users, weekly.n_weeks, -1)
    return np.ascontiguousarray(rows.transpose(1, 0, 2)) / model.noise


def _of_totals(model: FunnelModel, totals, activity) -> np.ndarray:
    """Return the log of how well each state explains the total of a week, but for what no state changes.

    Poisson, or negative binomial where weeks vary more: a busy week is then no proof of a busy state.
    """
    total = model.visits
    mean = (activity[None, :] * model.week[:, None])[:, :, None] * total
    if model.burst <= 0:
        return totals[:, :, None] * np.log(total) - mean
    size = 1 / model.burst
    grown = np.log1p(mean * model.burst)
    return totals[:, :, None] * (np.log(total) - grown) - size * grown


def _smooth(model: FunnelModel, weekly: WeeklyCounts, totals, seen, activity):
    """Return P(state) by week and user, sums of neighbouring pairs, and of first weeks.

    Weeks before a user's first are all 0 in the result.
    """
    likely = _of_kinds(model, weekly) + _of_totals(model, totals, activity)
    likely = np.exp(likely - likely.max(axis=2, keepdims=True))
    ahead = _ahead(model, likely, weekly.start)
    return _backward(model, ahead, likely, seen, weekly.start)


def _ahead(model: FunnelModel, likely, start) -> np.ndarray:
    """Return P(state | weeks so far) for every week."""
    ahead = np.empty_like(likely)
    for week in range(len(likely)):
        before = model.first if week == 0 else ahead[week - 1] @ model.moves
        ahead[week] = np.where((start >= week)[:, None], model.first, before) * likely[week]
        ahead[week] /= ahead[week].sum(axis=1, keepdims=True)
    return ahead


def _backward(model: FunnelModel, ahead, likely, seen, start):
    n_weeks, n_users, n_states = ahead.shape
    pairs = np.zeros((n_states, n_states))
    behind = np.ones((n_users, n_states))
    state = np.empty_like(ahead)
    state[-1] = ahead[-1]
    for week in range(n_weeks - 2, -1, -1):
        onward = likely[week + 1] * behind
        behind = onward @ model.moves.T
        joint = ahead[week] * behind
        total = joint.sum(axis=1, keepdims=True)
        state[week] = joint / total
        pairs += model.moves * ((ahead[week] * (seen[week][:, None] / total)).T @ onward)
        behind /= behind.sum(axis=1, keepdims=True)
    state *= seen[:, :, None]
    starts = state[np.minimum(start, n_weeks - 1), np.arange(n_users)].sum(axis=0)
    return state, pairs, starts


def _rates(state, weekly: WeeklyCounts, exposure, anchors, anchor_weeks: float) -> np.ndarray:
    """Return the rates that explain the counts best, held to the order the anchors give."""
    n_states = state.shape[2]
    by_row = state.transpose(1, 0, 2).reshape(-1, n_states)
    events = np.asarray((weekly.counts.T @ by_row).T)
    weeks = np.einsum("tus,tu->s", state, exposure)
    rates = (events + anchor_weeks * anchors) / (weeks[:, None] + anchor_weeks)
    weights = weeks + anchor_weeks
    for family, place in enumerate(weekly.place):
        rates[: place + 1, family] = _never_falling(rates[: place + 1, family], weights[: place + 1])
        rates[:, family] = np.maximum(rates[:, family], rates[0, family])
    return np.maximum(rates, LEAST_RATE)


def _visits(state, weekly: WeeklyCounts, exposure, before, anchor_weeks: float) -> np.ndarray:
    """Return the visits a week of each state; nobody comes more rarely than the lapsed."""
    seen = np.einsum("tus,tu->s", state, weekly.visits) + anchor_weeks * before
    visits = seen / (np.einsum("tus,tu->s", state, exposure) + anchor_weeks)
    return np.maximum(visits, max(visits[0], LEAST_RATE))


def _near_diagonal(pairs: np.ndarray) -> np.ndarray:
    """Return P(next | now) from sums of pairs, people staying and lapsing no faster than held possible."""
    moves = _shares(pairs)
    leaving = 1 - np.diag(moves)
    most = np.full(len(moves), 1 - LEAST_STAY)
    most[0] = 1 - LEAST_STAY_LAPSED
    moves = moves * np.minimum(1, most / np.maximum(leaving, 1e-12))[:, None]
    moves[1:, 0] = np.minimum(moves[1:, 0], MOST_LAPSE)
    np.fill_diagonal(moves, 0)
    np.fill_diagonal(moves, 1 - moves.sum(axis=1))
    return moves


def _never_falling(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the nearest never-falling values: neighbours that fall are pooled."""
    from scipy.optimize import isotonic_regression

    return isotonic_regression(values, weights=weights).x


def _activity(totals, per_week) -> np.ndarray:
    """Return each user's activity against what their states would lead one to expect."""
    return (totals.sum(axis=0) + ACTIVITY_EVENTS) / (per_week.sum(axis=0) + ACTIVITY_EVENTS)


def _weeks(totals, expected, seen) -> np.ndarray:
    """Return how busy each week is for everybody; a week in which few could be seen is near 1."""
    loan = 0.01 * expected.sum() / len(totals) + 1
    week = (np.where(seen, totals, 0).sum(axis=1) + loan) / (expected.sum(axis=1) + loan)
    return week / np.average(week, weights=seen.sum(axis=1) + 1e-9)


def _burst(state, totals, visits, exposure) -> float:
    """Return how much totals vary beyond chance, 0 for not at all, by moments."""
    mean = exposure[:, :, None] * visits
    beyond = (state * ((totals[:, :, None] - mean) ** 2 - mean)).sum()
    return float(max(0.0, beyond) / max((state * mean**2).sum(), 1e-9))


def _noise(state, weekly: WeeklyCounts, rates) -> float:
    """Return how much more shares of kinds vary than independent events would; at least 1."""
    mix = _shares(rates)
    by_row = state.transpose(1, 0, 2).reshape(-1, len(mix))
    n = np.asarray(weekly.counts.sum(axis=1)).ravel()
    squares = np.asarray(weekly.counts.multiply(weekly.counts).sum(axis=1)).ravel()
    own = (mix**2).sum(axis=1)
    gaps = squares[:, None] - 2 * n[:, None] * (weekly.counts @ mix.T) + n[:, None] ** 2 * own
    return max(1.0, float((by_row * gaps).sum() / max((by_row * n[:, None] * (1 - own)).sum(), 1e-9)))


def _shares(table: np.ndarray) -> np.ndarray:
    return table / table.sum(axis=-1, keepdims=True)
