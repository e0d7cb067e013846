"""Who is named by others, where messages do not say what they answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.people.influence import Influence

PRIOR = 2.0  # people's worth of the belief that a member is as typical as others


def influence_of_mentions(talk, ties, table: pd.DataFrame) -> Influence:
    """Estimate how much more each member is named than a typical one who was there as many weeks.

    Parameters
    ----------
    talk : Talk
    ties : Ties
    table : DataFrame, shape (n_roster, ...)
        n_messages and n_weeks_active.

    Notes
    -----
    Different people count, not how often they name somebody. What is expected grows with the weeks a
    member wrote in, and not with how much was written.
    """
    roster, n_users = talk.roster, max(len(talk.user_ids), 1)
    n, group = len(roster), roster["group"].to_numpy(np.int64)
    keys = group * n_users + roster["user"].to_numpy(np.int64)
    named = ties.table[(ties.table["mention"] > 0) & (ties.table["group"] >= 0)]
    wanted = named["group"].to_numpy(np.int64) * n_users + named["other"].to_numpy(np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), n - 1)
    seen = np.bincount(place[keys[place] == wanted], minlength=n).astype(float)
    weeks = table["n_weeks_active"].to_numpy(float)
    n_groups = len(talk.group_ids)
    of_group = np.bincount(group, seen * (weeks > 0), n_groups) / np.maximum(
        np.bincount(group, weeks, n_groups), 1
    )
    expected = of_group[group] * weeks
    wrote = (table["n_messages"] > 0).to_numpy()
    shape, worth = seen + PRIOR, expected + PRIOR
    # The people who name a member stand for those who answer: the rules of roles ask for enough of them.
    table["n_answerers"] = seen.astype(np.int64)
    table["n_weeks_answered"] = table["n_weeks_active"]
    return Influence(np.where(wrote, shape / worth, np.nan), shape, 1 / worth, seen, expected)
