"""Who is in a group: leaders, newcomers, those who answer newcomers, and what interests each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.people.tenure import roster_rows, tenure_bands

LEADS = "leader"
NEXT = ("organiser", "core")  # where there are fewer leaders than parts
STATED = ("owner", "admin", "administrator", "moderator", "群主", "管理员")
DAY = 86_400.0


@dataclass(frozen=True, eq=False)
class Who:
    """What is known of the people of all groups, one entry per row of the roster.

    Parameters
    ----------
    role, tenure : ndarray of str, shape (n_roster,)
    leads, leads_next : ndarray of bool, shape (n_roster,)
        Leaders, and those who could lead where no leader is left.
    answers : ndarray of int, shape (n_roster,)
        How often regulars and veterans answered somebody who was new there.
    basis : str
        How leaders are known, in words; "" if they are not.
    """

    role: np.ndarray
    tenure: np.ndarray
    leads: np.ndarray
    leads_next: np.ndarray
    answers: np.ndarray
    basis: str


def read_who(talk, roles, settings) -> Who:
    """Read who leads, who is new and who answers newcomers.

    Parameters
    ----------
    talk : Talk
    roles : Roles or None
        Without it, leaders are those whom the roster names owner or administrator.
    settings : CommunitySettings
    """
    n = len(talk.roster)
    stated = talk.roster["role"].astype(str).to_numpy(dtype=object)
    if roles is not None and len(roles.members) == n:
        members = roles.members
        role, tenure = (members[name].astype(str).to_numpy(dtype=object) for name in ("role", "tenure"))
        held = (members["role"].astype(str) + ", " + members["also"].fillna("").astype(str)).str.split(", ")
        leads = np.array([LEADS in each for each in held], dtype=bool)
        leads_next = np.array([bool(set(NEXT) & set(each)) for each in held], dtype=bool)
        basis = "who is answered by many" if leads.any() else ""
    else:
        role, tenure = stated, tenure_bands(talk, settings).to_numpy(dtype=object)
        leads = np.array([str(each).lower() in STATED for each in stated], dtype=bool)
        leads_next = np.zeros(n, dtype=bool)
        basis = "owners and administrators of the roster" if leads.any() else ""
    return Who(role, tenure, leads, leads_next, _count_answers(talk, tenure, settings), basis)


def _count_answers(talk, tenure: np.ndarray, settings) -> np.ndarray:
    """Count answers of regulars and veterans to people in their first weeks, or who are new now."""
    n = len(talk.roster)
    reply = talk.messages["reply"].to_numpy()
    answer = np.flatnonzero((reply >= 0) & talk.by_people)
    if not len(answer):
        return np.zeros(n, dtype=np.int64)
    author = roster_rows(talk)
    by, to = author[answer], author[reply[answer]]
    days_in = (talk.messages["second"].to_numpy()[answer] - talk.roster["joined"].to_numpy()[to]) / DAY
    is_new = (days_in <= settings.novice_days) | (tenure[to] == "novice")
    counts = is_new & (by != to) & np.isin(tenure[by], ("regular", "veteran"))
    return np.bincount(by[counts], minlength=n)


def interest_matrix(interests: pd.DataFrame | None, user_ids: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return weights of interests, shape (n_users, n_topics), and the topics; zero rows are not known.

    Parameters
    ----------
    interests : DataFrame or None
        user_id, topic and weight.
    user_ids : ndarray of str, shape (n_users,)
    """
    if interests is None or not len(interests):
        return np.zeros((len(user_ids), 0)), []
    own = interests[interests["user_id"].isin(user_ids)]
    topics = sorted(own["topic"].astype(str).unique())
    matrix = np.zeros((len(user_ids), len(topics)))
    rows = pd.Index(user_ids).get_indexer(own["user_id"])
    matrix[rows, pd.Index(topics).get_indexer(own["topic"].astype(str))] = own["weight"].to_numpy(dtype=float)
    return np.nan_to_num(matrix), topics
