"""Who is in which group: one row per group and person, from the members and from those who wrote."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.tables import DAY, TalkProblems

BOT_ROLES = ("bot", "robot", "机器人")
ROSTER = [
    "group", "user", "joined", "left", "role", "inviter", "stated", "bot", "first", "last", "n_messages",
]  # fmt: skip


def build_roster(
    messages: pd.DataFrame, members: pd.DataFrame | None, problems: TalkProblems
) -> pd.DataFrame:
    """Return one row per group and user.

    Parameters
    ----------
    messages : DataFrame
        As of `Talk`.
    members : DataFrame or None
        One row per stay; None without a table of members.
    problems : TalkProblems
        What is found is added.

    Notes
    -----
    Stays of the same person are one: the first join, the last leave, and still there if any stay has
    not ended. Whoever writes a day and more after having left is there; whoever wrote a day and more
    before joining was there since, as where a move or a new phone stamped the joining anew.
    """
    keys = ["group", "user"]
    wrote = messages.groupby(keys, sort=True)["second"].agg(first="min", last="max", n_messages="size")
    stays = _merge_stays(members) if members is not None else None
    if stays is None:
        roster = wrote.reset_index().assign(
            joined=np.nan, left=np.nan, role="", inviter=np.int32(-1), stated=False
        )
    else:
        roster = stays.join(wrote, how="outer").reset_index()
        roster["stated"] = roster["stated"].eq(True)
        problems.add("people who wrote in a group without being on its roster", int((~roster["stated"]).sum()),
                     "counted as members whose joining is not known")  # fmt: skip
    roster["role"] = roster["role"].astype(object).where(roster["role"].notna(), "")
    back = roster["left"].notna() & (roster["last"] > roster["left"] + DAY)
    problems.add("people who wrote after they had left", int(back.sum()), "counted as still there")
    roster["left"] = roster["left"].mask(back)
    early = roster["joined"].notna() & (roster["first"] < roster["joined"] - DAY)
    problems.add(
        "people who wrote before they had joined", int(early.sum()), "there since their first message"
    )
    roster["joined"] = roster["joined"].mask(early, roster["first"])
    roster["n_messages"] = roster["n_messages"].fillna(0).astype(np.int64)
    roster["inviter"] = roster["inviter"].fillna(-1).astype(np.int32)
    own = roster["inviter"] == roster["user"]
    problems.add("people who invited themselves", int(own.sum()), "counted as having come alone")
    roster["inviter"] = roster["inviter"].mask(own, -1).astype(np.int32)
    roster[keys] = roster[keys].astype(np.int32)
    for name in ("joined", "left", "first", "last"):
        roster[name] = roster[name].astype(float)
    return roster.assign(bot=False).sort_values(keys, ignore_index=True)[ROSTER]


def _merge_stays(members: pd.DataFrame) -> pd.DataFrame:
    rows = members.sort_values(["group", "user", "joined"], kind="stable", na_position="first")
    grouped = rows.assign(
        gone=rows["left"].notna(), asked=rows["inviter"].where(rows["inviter"] >= 0)
    ).groupby(["group", "user"], sort=True)
    merged = pd.DataFrame(
        {
            "joined": grouped["joined"].min(),
            "left": grouped["left"].max().where(grouped["gone"].all()),
            "role": grouped["role"].last(),
            "inviter": grouped["asked"].first(),
        }
    )
    return merged.assign(stated=True)
