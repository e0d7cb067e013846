"""Which arm each send gets, and with what chance: batch Thompson sampling with logged propensities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.checks import check_columns, check_number
from segtool.errors import InputError

N_DRAWS = 1000  # the chance of an arm is then known to within 0.03
FLOOR = 0.01  # least chance with which a send gets an arm that is tried: a smaller one gives no usable log
STOP = 0.01  # an arm less likely than this to be a persona's best is no longer tried
# Arms tried at once, as a part of what the floor allows: with all of them nothing would be left to the draws,
# and regret rose from 20.4 to 21.5 % (benchmarks/exploration.py). Of the places one in so many is for new arms.
FLOOR_PART, NEW_PLACES = 0.5, 4
# With many arms each is the best with less than 0.01 before anything is known; an even share divided by
# this is the stop then, so that it does not stop everything at once.
EVEN_SHARE_PARTS = 5
# A whole batch is drawn before its first answer comes back, so draws from the full posterior explore
# more than the batch can use. Draws as if so many times more were known lost least (benchmarks/exploration.py).
SHARPNESS = 4.0
QUOTA, NEW_QUOTA = 0.10, 0.20
BATCH_ROWS = 20_000  # sends whose chances stand in memory at once
PURPOSES = ("best", "explore", "new")


def arm_chances(
    posteriors: pd.DataFrame,
    *,
    n_draws: int = N_DRAWS,
    floor: float = FLOOR,
    stop: float = STOP,
    sharpness: float = SHARPNESS,
    share: float = 1.0,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return how likely each arm is a persona's best, and the chance with which it is tried.

    Parameters
    ----------
    posteriors : DataFrame
        persona_id, arm, a, b: the Beta posterior of the answer rate; optionally is_new (bool): new arms are
        tried whatever their chance.
    n_draws : int
        Draws from the posteriors, at least 1,000.
    floor : float
        Least chance with which any send gets an arm that is tried, exploring or not.
    stop : float
        Arms less likely than this to be the best are not tried; at most a fifth of an even share.
    sharpness : float
        Draws are made as if so many times more were known; 1 is plain Thompson sampling.
    share : float
        Of the sends, those that explore: within them the floor is ``floor / share``.
    random_state : int

    Returns
    -------
    DataFrame
        The rows given, with ``p_best``, ``running`` (bool) and ``chance``, which sums to 1 by persona. A
        running arm whose chance is 0 waits: so many arms are tried at once that their floors take up half of
        the sends that explore. Those likeliest to be the best go first; one place in four is for new arms.

    Raises
    ------
    InputError
        If a column is missing, an arm stands twice in a persona, or a and b are not above 0.

    Notes
    -----
    The chance of an arm is the share of draws in which its rate is the highest (Thompson sampling), raised
    to the floor so that they sum to 1. It is the propensity with which an exploring send gets the arm.

    References
    ----------
    Thompson (1933), doi:10.1093/biomet/25.3-4.285; Chapelle and Li (2011), "An empirical evaluation of
    Thompson sampling", NeurIPS 24 (sharpened posteriors).

    Examples
    --------
    >>> arms = pd.DataFrame({"persona_id": 1, "arm": ["home", "deals", "news"],
    ...                      "a": [30.0, 28.0, 2.0], "b": [270.0, 272.0, 298.0]})
    >>> arm_chances(arms)[["arm", "running"]].values.tolist()
    [['home', True], ['deals', True], ['news', False]]
    """
    check_number("n_draws", n_draws, low=1000, integer=True)
    check_number("floor", floor, low=0, high=0.5)
    check_number("stop", stop, low=0, high=0.5)
    check_number("sharpness", sharpness, low=0.01)
    check_number("share", share, low=0, high=1)
    _check_posteriors(posteriors)
    within = floor / share if share else 0.0
    parts = [
        _one_persona(rows, n_draws, within, stop, sharpness, np.random.default_rng([random_state, place]))
        for place, (_, rows) in enumerate(posteriors.groupby("persona_id", sort=True))
    ]
    extra = ["p_best", "running", "chance"]
    made = pd.concat(parts) if parts else pd.DataFrame(columns=extra, index=posteriors.index)
    return posteriors.assign(**{name: made[name].reindex(posteriors.index) for name in extra})


def _check_posteriors(posteriors: pd.DataFrame) -> None:
    check_columns(posteriors.columns, ["persona_id", "arm", "a", "b"], "posteriors")
    if posteriors.duplicated(["persona_id", "arm"]).any() or not posteriors.index.is_unique:
        raise InputError("posteriors name an arm twice in a persona.", "one row per persona and arm.")
    ab = posteriors[["a", "b"]].to_numpy(dtype=float)
    bad = int((~(np.isfinite(ab) & (ab > 0)).all(axis=1)).sum())
    if bad:
        raise InputError(
            f"{bad:,} of {len(ab):,} posteriors have an a or b that is missing or not above 0.",
            "both parameters of a Beta distribution above 0.",
            "An arm that was never sent has its prior here, e.g. a = 1, b = 30.",
        )


def _one_persona(rows: pd.DataFrame, n_draws, floor, stop, sharpness, rng) -> pd.DataFrame:
    order = np.argsort(rows["arm"].astype(str).to_numpy(), kind="stable")  # the order given does not matter
    a, b = (rows[name].to_numpy(dtype=float)[order] for name in ("a", "b"))
    least = 1 / len(a) / EVEN_SHARE_PARTS
    p_best = _shares_of_best(a, b, n_draws, rng)
    is_new = rows["is_new"].to_numpy(dtype=bool)[order] if "is_new" in rows else np.zeros(len(a), bool)
    # Surely under the stop: the share of draws is itself an estimate, and a stop is for good.
    doubt = 2 * np.sqrt(min(stop, least) / n_draws)
    running = (p_best > min(stop, least) - doubt) | is_new
    running[[p_best.argmax(), (a / (a + b)).argmax()]] = True  # what is sent anyway costs nothing to try
    tried = _first_tried(p_best, a / (a + b), running, is_new, floor)
    chance = np.zeros(len(a))
    share = _shares_of_best(a[tried] * sharpness, b[tried] * sharpness, n_draws, rng)
    chance[tried] = raise_to(share, floor)
    made = pd.DataFrame({"p_best": p_best, "running": running, "chance": chance})
    made.index = rows.index[order]
    return made


def _first_tried(p_best, mean, running, is_new, floor: float) -> np.ndarray:
    """Return the places of the arms tried now: as many as leave half to the draws, the likeliest first."""
    fit = int(1 / floor + 1e-9) if floor > 0 else len(mean)
    most = max(int(FLOOR_PART * fit), min(fit, 2), 1)
    # New arms nothing is known of are equally likely: the better mean, then the order of names.
    order = np.lexsort((-mean.round(12), -p_best))
    order = order[running[order]]
    new = order[is_new[order]][: max(most // NEW_PLACES, 1)]
    rest = order[~np.isin(order, new)][: most - len(new)]
    return np.sort(np.append(new, rest))


def raise_to(shares: np.ndarray, floor: float) -> np.ndarray:
    """Raise shares that sum to 1 to a floor (an even share at most), at the cost of those above it.

    Examples
    --------
    >>> raise_to(np.array([0.9, 0.1, 0.0]), 0.1).round(3).tolist()
    [0.8, 0.1, 0.1]
    """
    floor = min(floor, 1 / len(shares))
    low = shares < floor
    while True:
        rest = shares[~low].sum()
        scaled = shares * ((1 - floor * low.sum()) / rest) if rest > 0 else shares
        more = ~low & (scaled < floor - 1e-12)
        if not more.any():
            return np.where(low, floor, scaled)
        low |= more


def _shares_of_best(a, b, n_draws: int, rng) -> np.ndarray:
    best = rng.beta(a, b, size=(n_draws, len(a))).argmax(axis=1)
    return np.bincount(best, minlength=len(a)) / n_draws


def draw_arms(
    posteriors: pd.DataFrame,
    sends: pd.DataFrame,
    *,
    quota: float = QUOTA,
    new_quota: float = NEW_QUOTA,
    blocked: pd.DataFrame | None = None,
    random_state: int = 0,
    **chances,
) -> pd.DataFrame:
    """Draw the arm of each send: mostly the best one, for a stated share one that may be better.

    Parameters
    ----------
    posteriors : DataFrame
        As for `arm_chances`, or what that returned.
    sends : DataFrame
        One row per send with persona_id; optionally user_id (needed with ``blocked``) and ``chosen``, the arm
        the plan would send (else the persona's best by posterior mean).
    quota : float
        Share of sends drawn by Thompson sampling; the least chance of an arm is that of all sends.
    new_quota : float
        The share while a persona has new arms (``is_new`` in the posteriors); what it exceeds the quota by goes
        to new arms alone.
    blocked : DataFrame, optional
        user_id, arm: never drawn for that user.
    random_state : int
    **chances
        Of `arm_chances`.

    Returns
    -------
    DataFrame
        ``arm``, ``propensity`` and ``purpose`` ("best", "explore" or "new"), with the index of ``sends``. The
        propensity is the whole chance with which this send could have got this arm, for whatever purpose.
        A send whose user blocked every arm has none: ``arm`` and ``propensity`` are missing.

    Raises
    ------
    InputError
        If a column is missing, a persona has no arm, or the quota cannot be.

    Examples
    --------
    >>> arms = pd.DataFrame({"persona_id": 1, "arm": ["home", "deals", "news"],
    ...                      "a": [30.0, 28.0, 2.0], "b": [270.0, 272.0, 298.0]})
    >>> drawn = draw_arms(arms, pd.DataFrame({"persona_id": [1] * 1000}))
    >>> round(float((drawn["purpose"] == "explore").mean()), 1)
    0.1
    >>> bool((drawn["propensity"] > 0).all()), sorted(drawn["arm"].unique())
    (True, ['deals', 'home'])
    """
    check_number("quota", quota, low=0, high=1)
    check_number("new_quota", new_quota, low=quota, high=1)
    check_columns(sends.columns, ["persona_id", *(["user_id"] if blocked is not None else [])], "sends")
    if "chance" not in posteriors:
        posteriors = arm_chances(posteriors, random_state=random_state, **{"share": quota, **chances})
    posteriors = posteriors.sort_values(["persona_id", "arm"], key=_as_text_if_arm)
    missing = sorted(set(sends["persona_id"]) - set(posteriors["persona_id"]))
    if missing:
        raise InputError(
            f"{len(missing)} personas of the sends have no arm in the posteriors.",
            "at least one arm for every persona.",
            "Give everyone's arms to a persona without its own.",
        )
    arms = {key: rows for key, rows in posteriors.groupby("persona_id", sort=True)}
    made = pd.DataFrame({"arm": None, "propensity": np.nan, "purpose": None}, index=range(len(sends)))
    made = made.astype({"arm": object, "purpose": object})
    place_of = sends["persona_id"].to_numpy()
    for number, (persona, rows) in enumerate(arms.items()):
        rng = np.random.default_rng([random_state, 1, number + 1])
        mine = np.flatnonzero(place_of == persona)
        for first in range(0, len(mine), BATCH_ROWS):
            part = mine[first : first + BATCH_ROWS]
            made.iloc[part] = _draw(rows, sends.iloc[part], quota, new_quota, blocked, rng)
    made.index = sends.index
    return made


def _as_text_if_arm(column: pd.Series) -> pd.Series:
    return column.astype(str) if column.name == "arm" else column


def exploring_ways(rows: pd.DataFrame, allowed: np.ndarray, quota: float, new_quota: float):
    """Return what share of sends explores in each way, and what each way draws from.

    Parameters
    ----------
    rows : DataFrame
        The arms of one persona, as from `arm_chances`.
    allowed : ndarray of bool, shape (n_sends, n_arms)
    quota, new_quota : float
        As in `draw_arms`.

    Returns
    -------
    shares : ndarray, shape (n_sends, 2)
        Of sends that try any arm, and of sends that try a new one.
    ways : ndarray, shape (n_sends, 2, n_arms)
        The chances within each.
    """
    is_new = rows["is_new"].to_numpy(dtype=bool) if "is_new" in rows else np.zeros(len(rows), bool)
    chance = rows["chance"].to_numpy(dtype=float)
    ways = np.stack([_scaled(chance * allowed), _scaled(chance * (allowed & is_new))], axis=1)
    shares = np.array([quota, new_quota - quota]) * (ways.sum(axis=2) > 0)
    return shares, ways


def mix_chances(table: pd.DataFrame, quota: float, new_quota: float) -> pd.DataFrame:
    """Return what a send that explores is drawn from, the ways of `exploring_ways` taken together.

    Returns
    -------
    DataFrame
        persona_id, arm, probability (sums to 1 by persona), share (of the persona's sends that explore);
        arms that can be drawn alone.
    """
    parts = []
    for _, rows in table.groupby("persona_id", sort=True):
        (shares,), (ways,) = exploring_ways(rows, np.ones((1, len(rows)), dtype=bool), quota, new_quota)
        share = float(shares.sum())
        mixed = shares @ ways / share if share else np.zeros(len(rows))
        part = rows[["persona_id", "arm"]].assign(probability=mixed, share=share)
        parts.append(part[mixed > 0])
    columns = ["persona_id", "arm", "probability", "share"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _draw(rows, sends, quota, new_quota, blocked, rng) -> pd.DataFrame:
    """Draw for sends of one persona: a mixture of three ways to choose, whose sum is the propensity."""
    allowed = _allowed(rows, sends, blocked)
    best = _best_shares(rows, sends, allowed)
    some = best.sum(axis=1) > 0
    shares, ways = exploring_ways(rows, allowed, quota, new_quota)
    shares = np.column_stack([1 - shares.sum(axis=1), shares])
    ways = np.concatenate([best[:, None], ways], axis=1)  # (n_sends, 3, n_arms)
    purpose = (rng.random((len(sends), 1)) > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
    line = np.arange(len(sends))
    cumulative = np.cumsum(ways[line, purpose], axis=1)
    arm = np.minimum((rng.random((len(sends), 1)) > cumulative).sum(axis=1), len(rows) - 1)
    propensity = np.einsum("sw,sw->s", shares, ways[line, :, arm])
    names = np.append(rows["arm"].to_numpy(dtype=object), None)
    return pd.DataFrame(
        {
            "arm": names[np.where(some, arm, len(rows))],
            "propensity": np.where(some, propensity, np.nan),
            "purpose": np.where(some, np.array(PURPOSES, dtype=object)[purpose], None),
        }
    )


def _allowed(rows, sends, blocked) -> np.ndarray:
    allowed = np.ones((len(sends), len(rows)), dtype=bool)
    if blocked is None or blocked.empty:
        return allowed
    check_columns(blocked.columns, ["user_id", "arm"], "blocked")
    column = pd.Index(rows["arm"]).get_indexer(blocked["arm"])
    users = pd.Index(sends["user_id"].unique())
    refused = np.zeros((len(users), len(rows)), dtype=bool)
    row = users.get_indexer(blocked["user_id"])
    known = (row >= 0) & (column >= 0)
    refused[row[known], column[known]] = True
    return ~refused[users.get_indexer(sends["user_id"])]


def _best_shares(rows, sends, allowed) -> np.ndarray:
    """Return one 1 per send at the arm that would be sent without exploring; equals share it evenly."""
    a, b = rows["a"].to_numpy(dtype=float), rows["b"].to_numpy(dtype=float)
    mean = np.where(allowed, (a / (a + b)).round(12), -1.0)
    best = _scaled(((mean == mean.max(axis=1, keepdims=True)) & allowed).astype(float))
    if "chosen" not in sends:
        return best
    column = pd.Index(rows["arm"]).get_indexer(sends["chosen"])
    line = np.arange(len(sends))
    usable = (column >= 0) & allowed[line, column]
    given = np.zeros_like(best)
    given[line[usable], column[usable]] = 1.0
    return np.where(usable[:, None], given, best)


def _scaled(shares: np.ndarray) -> np.ndarray:
    total = shares.sum(axis=1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
