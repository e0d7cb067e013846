"""Small groups for core users: those who lead, organise and answer, across all groups."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.scale.partition import split_graph

CORE = ("leader", "organiser", "core")
COLUMNS = ["core_group", "user_id", "role", "group_id", "n_groups", "influence", "n_known", "why"]
MANY = 500  # core users; of more each is looked at less often
LEAST = 3  # two people need no group


def propose_core_groups(talk, ties, roles, settings=None, random_state: int = 0) -> pd.DataFrame:
    """Propose small groups of core users, by whom they talk with over all groups.

    Parameters
    ----------
    talk : Talk
    ties : Ties
    roles : Roles or None
        ``users``: one row per user with user_id, group_id, role, influence, n_groups, evidence.
    settings : CommunitySettings, optional
        Those of the talk when not given.
    random_state : int

    Returns
    -------
    DataFrame
        One row per core user: core_group ("core-1"), user_id, role, group_id (where the role is held),
        n_groups, influence (0 to 1), n_known (people of the core group with whom there are ties), why.
        Empty where fewer than three core users are known.
    """
    settings = settings or talk.settings
    if roles is None or not len(roles.users):
        return pd.DataFrame(columns=COLUMNS)
    core = roles.users[roles.users["role"].isin(CORE)].sort_values(
        "user_id", kind="stable", ignore_index=True
    )
    if len(core) < LEAST:
        return pd.DataFrame(columns=COLUMNS)
    codes = np.searchsorted(talk.user_ids.astype(str), core["user_id"].to_numpy(dtype=str))
    matrix = ties.among(codes)
    upper = settings.core_group_upper
    # Nearly empty groups of core users would be the dead groups that they are to prevent.
    lower = len(core) // -(-len(core) // upper) // 2
    effort = {"n_starts": 2} if len(core) <= MANY else {"n_starts": 1, "n_sweeps": 8}
    labels = split_graph(matrix, upper, max(lower, 1), random_state=random_state, **effort)
    own = matrix.tocoo()
    inside = labels[own.row] == labels[own.col]
    n_known = np.bincount(own.row[inside], minlength=len(core))
    frame = core.assign(core_group=[f"core-{label + 1}" for label in labels], n_known=n_known, label=labels)
    frame["why"] = frame["evidence"].fillna("").astype(str)
    frame["order"] = pd.Categorical(frame["role"], CORE, ordered=True).codes
    frame["strength"] = -frame["influence"].fillna(0.0).astype(float)
    frame = frame.sort_values(["label", "order", "strength", "user_id"], kind="stable", ignore_index=True)
    return frame[COLUMNS]
