"""Which role each member plays, and how sure that is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from segtool.community.people.bridges import MOST_SHARED
from segtool.community.people.influence import Influence
from segtool.community.settings import CommunitySettings

ROLES = ("leader", "organiser", "core", "broker")
"""Roles that are judged, the weightiest first; everybody else is a member, a lurker or not there."""

LEAD = 1.15  # times a typical member: surely so much more leads, though others are answered by more people
LIKELY = 0.8  # that they are answered more than a typical member: less, and nobody is named whoever else is
NEAR_TOP = 0.5  # of the highest in the group
ORGANISE = 1.2  # times the responses usual in the group
LEAST_WEEKS = 3  # in fewer weeks with answers nothing is stable
LEAST_CALLS = 5
CORE = 0.75  # of the group's highest core number
LEAST_CORE = 3  # a triangle and more: everybody in it is tied to three others
CORE_WEEKS = 0.5  # of the weeks since joining
MOST_CORE = 0.5  # of those who write: where more are tied that closely, the whole group is one circle
MOST_TIED = 0.1  # of the pairs across: a broker's contacts hardly know each other
CLOSED = ("gone", "bot")


def judge_roles(
    table: pd.DataFrame, influence: Influence | None, group: np.ndarray, settings: CommunitySettings
) -> pd.DataFrame:
    """Give each member a role and a confidence.

    Parameters
    ----------
    table : DataFrame, shape (n_roster, ...)
        Columns of `measure_reach`, `find_standing` and `find_bridges`, and tenure, bot, knows_silence and
        observed_days.
    influence : Influence or None
        None where nothing tells who is answered.
    group : ndarray of int, shape (n_roster,)
    settings : CommunitySettings

    Returns
    -------
    DataFrame
        role, also (further roles held, in words) and confidence: the probability of what the role rests
        on; missing where nothing is known.
    """
    leads, answered_more, leading = _leads(table, influence, group, settings)
    judged = (
        (leads, answered_more),
        _organises(table, settings),
        _is_core(table, group, settings),
        _brokers(table),
    )
    rest = _other_roles(table)
    able = ~np.isin(rest, CLOSED)
    held = np.column_stack([one for one, _ in judged]) & able[:, None]
    sure = np.column_stack([one for _, one in judged])
    first = held.argmax(axis=1)
    has_role = held.any(axis=1)
    role = np.where(has_role, np.array(ROLES, dtype=object)[first], rest)
    also = np.full(len(table), "", dtype=object)
    for row in np.flatnonzero(held.sum(axis=1) > 1):
        also[row] = ", ".join(
            name for name, one in zip(ROLES, held[row], strict=True) if one and name != role[row]
        )
    confidence = np.where(has_role, sure[np.arange(len(table)), first], np.nan)
    confidence = np.where(role == "member", 1 - leading, confidence)  # that no leader was missed
    confidence = np.where(role == "lurker", _is_silent(table, settings), confidence)
    return pd.DataFrame({"role": role, "also": also, "confidence": np.round(confidence, 4)})


def _needed(settings: CommunitySettings) -> float:
    return 0.5 + settings.people_confidence / 2  # that the interval's lower end lies above


def _leads(table, influence: Influence | None, group, settings) -> tuple[np.ndarray, ...]:
    """Say who is answered more than a typical member, by enough people in enough weeks.

    They are answered half as much as the group's first at least, and either by half as many people as the
    most answered or by a sure margin. Of those the likeliest are named, as many as keep the share of
    those who are expected to be answered no more than a typical member below ``leader_false_share``:
    where nobody leads, few are likely and hardly anybody is named.

    Returns
    -------
    held : ndarray of bool
    more, leading : ndarray of float
        Probability to be answered more than a typical member, and as much as a leader of the group.
    """
    n_rows, n = len(table), int(group.max(initial=0)) + 1
    if influence is None:
        return np.zeros(n_rows, dtype=bool), np.full(n_rows, np.nan), np.full(n_rows, np.nan)
    here = (table["tenure"] != "gone").to_numpy()  # whoever left is no measure for those who stay
    answerers = np.where(here, table["n_answerers"].to_numpy(), 0)
    writers = np.bincount(group, table["n_messages"] > 0, n)[group]
    # In a group of eight who write, nobody can be answered by many more than two.
    least = np.clip(np.ceil(0.3 * (writers - 1)), 2, settings.leader_answerers)
    stable = (answerers >= least) & (table["n_weeks_answered"] >= LEAST_WEEKS).to_numpy()
    reach, top = np.zeros(n), np.zeros(n)
    np.maximum.at(reach, group, answerers)
    np.maximum.at(top, group, np.where(stable, np.nan_to_num(influence.rate), 0.0))
    bar = np.maximum(LEAD, NEAR_TOP * top[group])
    more, surely_more, leading = (
        np.where(np.isnan(influence.rate), np.nan, special.gammaincc(influence.shape, one / influence.scale))
        for one in (1.0, LEAD, bar)
    )
    wide = (answerers >= NEAR_TOP * reach[group]) | (surely_more >= _needed(settings))
    able = stable & wide & (influence.rate >= NEAR_TOP * top[group]) & (more >= LIKELY)
    # Whoever cannot be named in the end takes no place among those who are judged.
    able &= ~table["bot"].to_numpy(bool) & here
    return keep_likeliest(more, able, settings.leader_false_share), more, leading


def keep_likeliest(chance: np.ndarray, able: np.ndarray, false_share: float) -> np.ndarray:
    """Keep the likeliest, as many as keep the expected share of wrong ones at most so large.

    References
    ----------
    Müller, Parmigiani, Robert and Rousseau (2004), Optimal sample size for multiple testing. JASA 99.

    Examples
    --------
    >>> keep_likeliest(np.array([0.99, 0.9, 0.97, 1.0]), np.array([True, True, True, False]), 0.03)
    array([ True, False,  True, False])
    """
    rows = np.flatnonzero(able)
    rows = rows[np.argsort(-chance[rows], kind="stable")]
    wrong = np.cumsum(1 - chance[rows]) / np.arange(1, len(rows) + 1)
    # Equal chances stand or fall together, so the order of rows decides nothing.
    enough = chance[rows][wrong <= false_share].min(initial=np.inf)
    return able & (chance >= enough)


def _organises(table, settings) -> tuple[np.ndarray, np.ndarray]:
    """Say whose calls surely bring more responses than is usual in the group."""
    calls, usual = table["n_calls"].to_numpy(), table["responses_usual"].to_numpy()
    shape, scale = table["responses_shape"].to_numpy(), table["responses_scale"].to_numpy()
    known = (calls >= LEAST_CALLS) & (table["n_responses"] >= LEAST_CALLS).to_numpy()
    sure = np.where(known, special.gammaincc(shape, ORGANISE * usual / scale), np.nan)
    return known & (sure >= _needed(settings)), sure


def _is_core(table, group, settings) -> tuple[np.ndarray, np.ndarray]:
    """Say who is embedded deeply, over weeks, and wrote in half of them: counted, and how sure it is of weeks to come."""
    weeks, share = table["n_weeks_active"].to_numpy(), table["weeks_share"].to_numpy()
    there = np.where(weeks > 0, weeks / np.where(share > 0, share, 1.0), 0.0)
    sure = special.betaincc(weeks + 1, np.maximum(there - weeks, 0) + 1, CORE_WEEKS)
    heard = table["n_weeks_answered"].to_numpy()
    heard = heard if heard.any() else weeks  # where answers are not known
    deep = is_deep(table, group) & (np.minimum(heard, weeks) >= LEAST_WEEKS)
    here = (table["silent_days"] <= settings.dormant_days).to_numpy()
    return deep & here & (share >= CORE_WEEKS), np.where(weeks > 0, sure, np.nan)


def is_deep(table: pd.DataFrame, group: np.ndarray) -> np.ndarray:
    """Say who is in the densest part of a group, unless most of those who write are: then it has no part apart."""
    n = int(group.max(initial=0)) + 1
    wrote = (table["n_messages"] > 0).to_numpy()
    deep = ((table["core_share"] >= CORE) & (table["core_number"] >= LEAST_CORE)).to_numpy() & wrote
    apart = np.bincount(group, deep, n) <= MOST_CORE * np.bincount(group, wrote, n)
    return deep & apart[group]


def _brokers(table) -> tuple[np.ndarray, np.ndarray]:
    """Say who joins people with no other tie, and how sure it is that these are hardly tied."""
    pairs, in_groups = table["piece_pairs"].to_numpy(), (table["n_groups_heard"] >= 2).to_numpy()
    in_pieces = (table["n_pieces"] >= 2).to_numpy()
    # None of so many pairs is tied: that fewer than a tenth of such pairs are. Likewise of shared answerers.
    apart = np.where(in_pieces, special.betainc(1, pairs + 1, MOST_TIED), 0.0)
    shared, heard = table["heard_shared"].to_numpy(), table["heard_people"].to_numpy()
    others = np.where(in_groups, special.betainc(shared + 1, heard - shared + 1, MOST_SHARED), 0.0)
    return in_pieces | in_groups, np.maximum(apart, others)


def _is_silent(table, settings) -> np.ndarray:
    """Return how improbable the silence is of somebody who writes every ``dormant_days``, on average."""
    return 1 - np.exp(-table["observed_days"].to_numpy() / settings.dormant_days)


def _other_roles(table) -> np.ndarray:
    """Return what those are who have no role."""
    silent = (table["n_messages"] == 0).to_numpy()
    tenure = table["tenure"].to_numpy()
    return np.select(
        [
            table["bot"].to_numpy(),
            tenure == "gone",
            ~silent | (tenure == "novice"),
            ~table["knows_silence"].to_numpy(bool),
        ],
        ["bot", "gone", "member", "unknown"],
        default="lurker",
    ).astype(object)
