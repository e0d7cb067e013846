"""Which roles a group lacks, or why that cannot be told."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.people.answers import Answers
from segtool.community.people.decide import LEAST_CORE, is_deep
from segtool.community.people.tenure import DAY
from segtool.community.settings import CommunitySettings

LEAST_PEOPLE = 5  # a family needs no leader
LEAST_ANSWERS = 20  # in fewer nobody can be told from a typical member
LEAST_NEW_MESSAGES = 5
ADMIN_ROLES = ("owner", "admin", "administrator", "manager", "moderator", "host", "群主", "管理员")


def find_missing(
    talk, answers: Answers, members: pd.DataFrame, basis: str, settings: CommunitySettings
) -> pd.DataFrame:
    """List the roles that groups lack.

    Parameters
    ----------
    talk : Talk
    answers : Answers
    members : DataFrame
        Of `Roles`.
    basis : str
        Of `Roles`.
    settings : CommunitySettings

    Returns
    -------
    DataFrame
        group_id, missing (leader, active leader, organiser, core, answering veteran, active admin),
        known (False: too little data to say that it is missing) and why.
    """
    facts = _group_facts(talk, answers, members, settings)
    rows = []
    for fact in facts.itertuples():
        if fact.n_people < LEAST_PEOPLE:
            continue
        for missing, known, why in _lacks(fact, basis, settings):
            rows.append((fact.group_id, missing, known, why))
    return pd.DataFrame(rows, columns=["group_id", "missing", "known", "why"]).astype({"known": bool})


def _group_facts(talk, answers: Answers, members: pd.DataFrame, settings: CommunitySettings) -> pd.DataFrame:
    """Return one row per group of what its lacks rest on."""
    n = len(talk.group_ids)
    group = talk.roster["group"].to_numpy()
    facts = pd.DataFrame({"group_id": talk.group_ids, "n_people": talk.groups["n_members"].to_numpy()})
    facts["n_answers"] = np.bincount(answers.group, answers.sure, n)
    held = members["role"] + ", " + members["also"]
    recent = (members["silent_days"] <= settings.window_days).to_numpy()
    for role in ("leader", "organiser", "core"):
        has = held.str.contains(role, regex=False).to_numpy()
        facts[f"n_{role}"] = np.bincount(group, has, n).astype(int)
        facts[f"recent_{role}"] = np.bincount(group, has & recent, n).astype(int)
    tied = np.zeros(n)
    np.maximum.at(tied, group, members["core_number"].to_numpy() * (members["n_messages"] > 0).to_numpy())
    facts["n_tied"] = tied
    facts["n_deep"] = np.bincount(group, is_deep(members, group), n)
    facts["n_calls"] = np.bincount(group, members["n_calls"], n).astype(int)
    named = talk.roster["role"].isin(ADMIN_ROLES).to_numpy() & talk.here
    facts["n_admins"] = np.bincount(group, named, n).astype(int)
    facts["recent_admins"] = np.bincount(group, named & recent, n).astype(int)
    last = members["silent_days"].where(named).groupby(group).min().reindex(range(n))
    facts["admin_silent"] = last.to_numpy()
    facts["new_judged"], facts["new_by_veterans"] = _veterans_answers(talk, answers, members, settings, n)
    return facts


def _veterans_answers(talk, answers: Answers, members, settings, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return newcomers' messages of the last ``dormant_days``, and how many a veteran answered."""
    joined = talk.roster["joined"].to_numpy()[answers.member]
    new = answers.second - joined < settings.novice_days * DAY
    judged = new & (answers.second >= -settings.dormant_days * DAY)
    judged &= answers.second <= -settings.answer_hours * 3600
    elder = members["tenure"].isin(["veteran"]).to_numpy() | (members["role"] == "leader").to_numpy()
    links = answers.links
    by_elder = links["message"][elder[links["by"]]].unique()
    served = np.zeros(len(answers), dtype=bool)
    served[by_elder] = True
    return (
        np.bincount(answers.group[judged], minlength=n),
        np.bincount(answers.group[judged & served], minlength=n),
    )


def _lacks(fact, basis: str, settings: CommunitySettings):
    """Yield missing, known and why of one group."""
    days, window = f"{settings.people_days:g} days", f"{settings.window_days} days"
    enough = fact.n_answers >= LEAST_ANSWERS
    # From inferred links and from names it follows who is heard, hardly that nobody is.
    sure = basis == "replies"
    doubt = "" if sure else "; who answers whom is inferred, so somebody may all the same"
    if basis == "none":
        yield "leader", False, "messages do not say what they answer, and nobody is named in them"
    elif not fact.n_leader and enough:
        heard = f"{fact.n_answers:.0f} answers in {days}"
        yield "leader", sure, f"nobody is surely answered more than a typical member ({heard}){doubt}"
    elif not fact.n_leader:
        heard = f"{fact.n_answers:.0f} answers in {days}"
        yield "leader", False, f"too little data: {heard}, {LEAST_ANSWERS} are needed"
    elif not fact.recent_leader:
        yield "active leader", True, f"of {fact.n_leader} who led, none wrote in the last {window}"
    if basis != "none" and not fact.n_organiser and fact.n_calls >= LEAST_ANSWERS:
        calls = f"{fact.n_calls} calls in {days}"
        yield (
            "organiser",
            enough and sure,
            f"nobody's calls surely bring more responses than usual ({calls}){doubt}",
        )
    if not fact.n_core and enough and fact.n_tied < LEAST_CORE:
        yield "core", sure, f"nobody is in a circle in which each is tied to {LEAST_CORE} others{doubt}"
    elif not fact.n_core and enough and fact.n_deep:
        why = f"the {fact.n_deep} who are tied to many others write in less than half of the weeks, or no longer"
        yield "core", sure, f"{why}{doubt}"
    if basis != "none" and fact.new_judged >= LEAST_NEW_MESSAGES and not fact.new_by_veterans:
        of = f"of {fact.new_judged} messages of newcomers in the last {settings.dormant_days:g} days"
        yield "answering veteran", sure, f"{of}, none was answered by a veteran or a leader{doubt}"
    if fact.n_admins and not fact.recent_admins:
        never = np.isnan(fact.admin_silent)
        last = "never wrote" if never else f"last wrote {fact.admin_silent:.0f} days ago"
        yield "active admin", True, f"of {fact.n_admins} named owner or admin, the last active one {last}"
