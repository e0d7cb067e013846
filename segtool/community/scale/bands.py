"""Dunbar's bands: how large each group is, what a group of that size needs, and what it has of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.scale.who import STATED
from segtool.community.settings import DUNBAR
from segtool.display import join_words

SMALL, MIDDLE, LARGE, UNKNOWN = "under 50", "50 to 150", "over 150", "unknown"
NEEDS = {
    SMALL: "talks by itself: somebody who answers is enough",
    MIDDLE: "rules and somebody who keeps them, leaders, activities",
    LARGE: "a split that keeps ties and interests together, with leaders in each part",
    UNKNOWN: "a roster: without it only those who write are known",
}
COLUMNS = ["group_id", "title", "n_members", "n_wrote", "size", "band", "needs", "has", "lacks"]
DAY = 86_400.0


def dunbar_bands(talk, settings=None, roles=None) -> pd.DataFrame:
    """Return for each group its band of size, what it needs, and what it has and lacks of it.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings, optional
        Those of the talk when not given.
    roles : Roles, optional
        Leaders who are answered by many; without it leaders are not known.

    Returns
    -------
    DataFrame, shape (n_groups, 9)
        group_id, title, n_members (people there now without bots; missing without a roster), n_wrote
        (people who ever wrote and have not left), size (in words), band ("under 50", "50 to 150",
        "over 150", "unknown"), needs, has, lacks. Whether rules are posted no table says.

    References
    ----------
    Dunbar (1992), "Neocortex size as a constraint on group size in primates", Journal of Human Evolution 22.

    Examples
    --------
    >>> from segtool.community.talk import read_talk
    >>> from segtool.sources import Sources
    >>> members = pd.DataFrame({"group_id": "g", "user_id": [f"u{n}" for n in range(60)], "role": ["owner"] + [""] * 59})
    >>> bands = dunbar_bands(read_talk(Sources.read({"members": members}, as_of="2026-07-01")))
    >>> bands.loc[0, ["band", "has", "lacks"]].tolist()
    ['50 to 150', '1 owner or administrator', 'activities in the last 4 weeks']
    """
    settings = settings or talk.settings
    n_groups = len(talk.group_ids)
    if not n_groups:
        return pd.DataFrame(columns=COLUMNS)
    roster, here = talk.roster, talk.here
    group = roster["group"].to_numpy()
    count = lambda rows: np.bincount(group[rows], minlength=n_groups)  # noqa: E731
    n_here, n_wrote = count(here), count(here & (roster["n_messages"].to_numpy() > 0))
    listed = count(roster["stated"].to_numpy()) > 0
    admins = count(here & roster["role"].astype(str).str.lower().isin(STATED).to_numpy())
    leaders = count(here & roles.members["role"].eq("leader").to_numpy()) if roles is not None else None
    recent = _count_activities(talk, settings)
    rows = []
    for code in range(n_groups):
        band = _find_band(int(n_here[code]), bool(listed[code]))
        has, lacks = _compare(
            band, int(admins[code]), None if leaders is None else int(leaders[code]), recent[code], settings
        )
        rows.append(
            {
                "group_id": talk.group_ids[code],
                "title": talk.groups["title"].iloc[code],
                "n_members": int(n_here[code]) if listed[code] else pd.NA,
                "n_wrote": int(n_wrote[code]),
                "size": _say_size(int(n_here[code]), bool(listed[code])),
                "band": band,
                "needs": NEEDS[band],
                "has": has,
                "lacks": lacks,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n_members": "Int64", "n_wrote": "Int64"})


def _find_band(n: int, listed: bool) -> str:
    """Return the band; without a roster ``n`` is a lower bound, and tells only of the largest band."""
    if n > DUNBAR["community"]:
        return LARGE
    if not listed:
        return UNKNOWN
    return SMALL if n < DUNBAR["small"] else MIDDLE


def _say_size(n: int, listed: bool) -> str:
    people = "person" if n == 1 else "people"
    return f"{n} {people}" if listed else f"at least {n} {people}, those who wrote; there is no roster"


def _count_activities(talk, settings) -> np.ndarray:
    """Count activities per group in the last window; -1 where no table of activities was given."""
    activities = talk.activities
    if activities.empty:
        return np.full(len(talk.group_ids), 0)
    recent = activities["start"].to_numpy() >= -settings.window_days * DAY
    return np.bincount(activities["group"].to_numpy()[recent], minlength=len(talk.group_ids))


def _compare(band: str, admins: int, leaders: int | None, recent: int, settings) -> tuple[str, str]:
    """Return what a group has and lacks of what its band needs."""
    weeks = settings.window_days // 7
    things = []
    if band in (MIDDLE, LARGE):
        things.append((admins, "owner or administrator", "owners or administrators"))
    if leaders is not None and band != UNKNOWN:
        things.append((leaders, "leader who is answered by many", "leaders who are answered by many"))
    if band == MIDDLE:
        things.append(
            (recent, f"activity in the last {weeks} weeks", f"activities in the last {weeks} weeks")
        )
    has = [f"{n} {one if n == 1 else many}" for n, one, many in things if n]
    lacks = [many for n, _, many in things if not n]
    if band == LARGE and leaders == 1:
        lacks.append("a leader for a second part")
    return join_words(has) if has else "", join_words(lacks) if lacks else ""
