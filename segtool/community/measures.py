"""What the reading of a community says of each user, as a table that labels can be made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.health.rules import NEW, TOO_LITTLE

COMMUNITY = "community"
"""Name of the table in the engine."""
NOT_JUDGED = ("unknown", "gone", "bot")
NO_VERDICT = (TOO_LITTLE, NEW)
SURE_ENOUGH = 0.5  # a role less likely than not is no role
MEASURES = [
    "user_id", "group_id", "n_groups", "role", "role_confidence", "role_n", "role_group_id", "circle", "circle_id",
    "circle_confidence", "circle_n", "answered_rate", "n_judged", "n_answerers", "influence", "group_verdict",
    "group_verdict_n", "n_evidence",
]  # fmt: skip


def read_measures(talk, roles, circles, health) -> pd.DataFrame:
    """Return one row per user who is in a group or in a circle.

    Parameters
    ----------
    talk : Talk
    roles : Roles
    circles : Circles
    health : Health

    Returns
    -------
    DataFrame
        user_id, group_id (the main one: where they wrote most, then the one joined first), n_groups,
        role with its confidence and n (missing where it is not judged, or rather not so), role_group_id
        (where it is held), circle (its name), circle_id, confidence and n (of ties), answered_rate,
        n_judged (own messages it rests on), n_answerers and influence (of role_group_id), group_verdict
        with its n (of the main group and its messages; missing where there is none), n_evidence (own
        messages in all groups). Missing is not known.
    """
    main = _main_groups(talk)
    users = roles.users.set_index("user_id")
    # A circle that no topic stands out of has a number for a name, which says nothing of anybody.
    told = circles.table[circles.table["named_by_topics"].astype(bool)]
    named = told.set_index("circle")["name"]
    around = circles.members.dropna(subset=["circle"]).set_index("user_id")
    verdict = health.table.set_index("group_id")["verdict"]
    ids = pd.Index(sorted({*main.index, *around.index}), name="user_id", dtype=object)
    role = users["role"].reindex(ids)
    sure = users["confidence"].reindex(ids).astype(float)
    unsure = role.isin(NOT_JUDGED) | ~(sure >= SURE_ENOUGH)
    circle = around["circle"].reindex(ids)
    group = main["group_id"].reindex(ids)
    fate = group.map(verdict)
    fate = fate.mask(fate.isin(NO_VERDICT))
    n_of = talk.groups.set_index("group_id")["n_messages"]
    judged = users["n_judged"].reindex(ids)
    table = pd.DataFrame(
        {
            "group_id": group,
            "n_groups": main["n_groups"].reindex(ids).fillna(0).astype(np.int64),
            "role": role.mask(unsure),
            "role_confidence": sure.mask(unsure),
            "role_n": judged.fillna(0).mask(unsure | (judged == 0)).astype(float),
            "role_group_id": users["group_id"].reindex(ids),
            "circle": circle.map(named),
            "circle_id": circle,
            "circle_confidence": around["confidence"].reindex(ids).astype(float),
            "circle_n": around["n_ties"].reindex(ids).astype(float),
            "answered_rate": users["answered_rate"].reindex(ids).astype(float).where(judged > 0),
            "n_judged": judged.fillna(0).astype(np.int64),
            "n_answerers": users["n_answerers"].reindex(ids).fillna(0).astype(np.int64),
            "influence": users["influence"].reindex(ids).astype(float),
            "group_verdict": fate,
            "group_verdict_n": group.map(n_of).where(fate.notna()).astype(float),
            "n_evidence": main["n_messages"].reindex(ids).fillna(0).astype(np.int64),
        },
        index=ids,
    )
    words = ["group_id", "role", "role_group_id", "circle", "circle_id", "group_verdict"]
    table[words] = table[words].astype(object).where(table[words].notna(), None)
    return table.reset_index()[MEASURES]


def _main_groups(talk) -> pd.DataFrame:
    """Return by user_id: the group they wrote most in, in how many they are, how many messages they wrote."""
    here = talk.roster[talk.here]
    order = here.assign(since=here["joined"].fillna(0.0)).sort_values(
        ["user", "n_messages", "since", "group"], ascending=[True, False, True, True], kind="stable"
    )
    main = order.drop_duplicates("user")
    counts = here.groupby("user").agg(n_groups=("group", "size"), n_messages=("n_messages", "sum"))
    return pd.DataFrame(
        {
            "group_id": talk.group_ids[main["group"]] if len(main) else np.array([], dtype=object),
            "n_groups": counts["n_groups"].to_numpy(),
            "n_messages": counts["n_messages"].to_numpy(),
        },
        index=pd.Index(talk.user_ids[main["user"]] if len(main) else [], name="user_id", dtype=object),
    )
