"""Each group's weeks: what the history of its health is drawn from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.health.said import (
    NEGATIVE,
    Said,
    members_by_week,
    people_by_week,
    table_by_week,
    week_starts,
    weeks_there,
)

VETERAN_DAYS = 90  # a season: whoever stayed that long has seen the group's whole round


def read_weeks(talk, said: Said, core: np.ndarray, n_weeks: int) -> dict[str, np.ndarray]:
    """Count what is measured by week, each an array of shape (n_groups, n_weeks); column 0 is the latest.

    Parameters
    ----------
    talk : Talk
    said : Said
    core : ndarray of int, shape (n_groups,)
        Topic that each group is for, -1 unknown.
    n_weeks : int

    Returns
    -------
    dict of ndarray
        there (bool), messages, speakers, members, topic_known, on_topic, answers, veteran_messages,
        judged, negative, positive, tone_sum.
    """
    judged = ~np.isnan(said.tone)
    tone = np.nan_to_num(said.tone)
    known = (said.topic >= 0) & (core[said.group] >= 0)
    return {
        "there": weeks_there(said, n_weeks),
        "messages": table_by_week(said, n_weeks),
        "speakers": people_by_week(said, n_weeks),
        "members": members_by_week(talk, n_weeks),
        "topic_known": table_by_week(said, n_weeks, known),
        "on_topic": table_by_week(said, n_weeks, known & (said.topic == core[said.group])),
        "answers": table_by_week(said, n_weeks, said.answers),
        "veteran_messages": table_by_week(said, n_weeks, said.tenure >= VETERAN_DAYS),
        "judged": table_by_week(said, n_weeks, judged),
        "negative": table_by_week(said, n_weeks, judged & (tone <= NEGATIVE)),
        "positive": table_by_week(said, n_weeks, judged & (tone >= -NEGATIVE)),
        "tone_sum": table_by_week(said, n_weeks, judged, tone),
    }


def weekly_table(talk, said: Said, weeks: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return one row per group and week in which the group existed, oldest first."""
    n_groups, n_weeks = weeks["there"].shape
    group, week = np.nonzero(weeks["there"])
    order = np.lexsort((-week, group))
    group, week = group[order], week[order]
    value = {name: table[group, week] for name, table in weeks.items()}
    n = np.where(value["messages"] > 0, value["messages"], np.nan)
    members = np.where(value["members"] > 0, value["members"], np.nan)
    judged = np.where(value["judged"] > 0, value["judged"], np.nan)
    return pd.DataFrame(
        {
            "group_id": talk.group_ids[group] if n_groups else np.array([], dtype=object),
            "week": week.astype(np.int64),
            "week_start": week_starts(talk, n_weeks)[week],
            "n_messages": value["messages"].astype(np.int64),
            "n_speakers": value["speakers"].astype(np.int64),
            "n_members": value["members"],
            # Somebody may write and leave within the week, so that more spoke than are there.
            "active_share": np.minimum(value["speakers"] / members, 1.0),
            "on_topic_n": value["topic_known"].astype(np.int64),
            "on_topic_share": value["on_topic"]
            / np.where(value["topic_known"] > 0, value["topic_known"], np.nan),
            "reply_share": value["answers"] / n if said.threads.known else np.nan,
            "veteran_share": value["veteran_messages"] / n,
            "judged_n": value["judged"].astype(np.int64),
            "n_negative": value["negative"].astype(np.int64),
            "n_positive": value["positive"].astype(np.int64),
            "tone": value["tone_sum"] / judged,
        }
    )
