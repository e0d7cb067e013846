"""One row per group and one per leader: what files, the report and an analyst read."""

from __future__ import annotations

import pandas as pd

from segtool.community.health.rules import CHAT, DEAD, LOUD, NEW, OVERGROWN, QUIET, THRIVING

LEADERS = [
    "group_id", "title", "user_id", "role", "also", "confidence", "influence", "influence_lo", "influence_hi",
    "n_messages", "n_answerers", "answered_rate", "answered_lo", "answered_hi", "n_judged", "responses", "n_calls",
    "weeks_share", "joined_place", "core_share", "brokerage", "tenure", "silent_days", "evidence",
]  # fmt: skip
# What a group of each verdict asks for (the practice behind the verdicts).
DO = {
    THRIVING: "join the talk; a post on its topic now and then",
    QUIET: "ask something on its topic that a leader answers first",
    DEAD: "do not post: close it, or merge it into a neighbour and let a leader begin again",
    CHAT: "speak of its topic only, and hold an activity that leads back to it",
    LOUD: "do not announce: ask, and answer who answers",
    OVERGROWN: "split it, and answer newcomers until then",
    NEW: "welcome who joins, and ask what they came for",
}
UNJUDGED = "wait until there is more to judge it by"
TOLD_OF_BANDS = ["band", "size", "needs", "lacks"]
TOLD_OF_VALUE = ["core_share", "core_lo", "core_hi", "n_topic", "topics", "terms", "new_terms", "sentence"]
TOLD_AS = {"verdict": "core_verdict"}
TOLD_OF_GROWTH = {"k": "brought_per_member", "lo": "brought_lo", "hi": "brought_hi", "n_watched": "brought_n"}


def join_groups(community) -> pd.DataFrame:
    """Return one row per group: verdict and measures, band, what it talks about, growth, what to do.

    Parameters
    ----------
    community : Community

    Returns
    -------
    DataFrame
        The columns of ``health.table``, and of the bands (band, size, needs, lacks), of the core value
        (core_verdict, core_share with its interval and n_topic, topics, terms, new_terms, sentence), of
        growth (brought_per_member with its interval and n), n_leaders, missing_roles, n_parts (of a
        proposed split), kept_share (of ties), merge_into.
    """
    talk = community.talk
    table = community.health.table.copy()
    if "channel" not in table:
        table.insert(2, "channel", table["group_id"].map(talk.groups.set_index("group_id")["channel"]))
    table.insert(table.columns.get_loc("verdict") + 1, "do", to_do(table["verdict"]))
    table = _join(table, community.bands, TOLD_OF_BANDS)
    value = community.value.table.rename(columns=TOLD_AS)
    table = _join(table, value, [*TOLD_AS.values(), *TOLD_OF_VALUE])
    growth = community.sharing.growth.rename(columns=TOLD_OF_GROWTH)
    table = _join(table, growth, list(TOLD_OF_GROWTH.values()))
    leaders = list_leaders(community.roles, talk)
    leads = leaders[leaders["role"] == "leader"].groupby("group_id").size()
    table["n_leaders"] = table["group_id"].map(leads).fillna(0).astype(int)
    lacking = community.roles.missing
    missing = lacking[lacking["known"].astype(bool)].groupby("group_id")["missing"].agg(", ".join)
    table["missing_roles"] = _words(table["group_id"], missing)
    table = _join(table, community.splits.groups, ["n_parts", "kept_share"])
    into = community.merges.drop_duplicates("group_id").set_index("group_id")["into_group_id"]
    table["merge_into"] = _words(table["group_id"], into)
    return table


def to_do(verdicts: pd.Series) -> pd.Series:
    """Return what to do in a group, by its verdict."""
    return verdicts.map(DO).fillna(UNJUDGED).astype(object)


def _join(table: pd.DataFrame, other: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    names = [name for name in names if name in other and name not in table]
    told = other.drop_duplicates("group_id").set_index("group_id")[names]
    return table.join(told, on="group_id")


def _words(groups: pd.Series, told: pd.Series) -> pd.Series:
    """Return a text per group, "" for none; an empty or all-missing Series would be read as numbers."""
    found = groups.map(told.astype(object)).astype(object)
    return found.where(found.notna(), "")


def list_leaders(roles, talk) -> pd.DataFrame:
    """Return the leaders of each group, the surest first."""
    found = roles.leaders()
    titles = talk.groups.set_index("group_id")["title"]
    found = found.assign(title=found["group_id"].map(titles))
    return found[[name for name in LEADERS if name in found]].reset_index(drop=True)
