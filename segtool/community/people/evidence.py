"""The sentence that says why somebody is called what they are called."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.settings import CommunitySettings

FEW_JUDGED = 5  # messages: fewer are too little data for any sentence about answers
SILENT_DAYS = 28
USED = [
    "role", "also", "n_messages", "n_answerers", "n_answered", "n_judged", "influence", "influence_lo",
    "influence_hi", "responses", "responses_lo", "responses_hi", "n_calls", "best_call", "n_contacts",
    "weeks_share", "n_weeks_active", "n_pieces", "pieces", "n_groups_heard", "heard_shared", "heard_people",
    "silent_days", "record_from",
]  # fmt: skip


def tell_evidence(table: pd.DataFrame, basis: str, settings: CommunitySettings) -> np.ndarray:
    """Return one sentence per member.

    Parameters
    ----------
    table : DataFrame
        Columns of `measure_reach`, `find_standing`, `judge_roles` and influence.
    basis : str
        "replies", "inferred replies", "mentions" or "none".
    settings : CommunitySettings

    Returns
    -------
    ndarray of str, shape (n_roster,)
    """
    said = np.full(len(table), "", dtype=object)
    plain = table[USED].astype(object)  # text columns of Arrow are slow to go through one by one
    for place, row in enumerate(plain.itertuples(index=False)):
        said[place] = _sentence(row, basis, settings)
    return said


def _sentence(row, basis: str, settings: CommunitySettings) -> str:
    if row.role == "gone":
        return f"left the group{_wrote(row)}"
    if row.role == "bot":
        return "a bot; left out of every measure"
    if row.role == "unknown":
        return _not_known(row)
    if row.n_messages == 0:
        return _silent(row, settings)
    parts = [_reached(row, basis)]
    roles = f"{row.role}, {row.also}"
    if "leader" in roles:
        parts.append(_beside(row, basis))
    if "organiser" in roles:
        parts.append(
            f"{row.responses:.1f} people respond to each of {row.n_calls} calls ({row.responses_lo:.1f} to"
            f" {row.responses_hi:.1f}), {row.best_call} to one of them"
        )
    if "core" in roles:
        parts.append(
            f"tied to {row.n_contacts} people in the densest part of the group, wrote in {row.weeks_share:.0%} of"
            f" the weeks ({row.n_weeks_active})"
        )
    if "broker" in roles:
        parts.append(_joins(row))
    if row.silent_days > SILENT_DAYS:
        parts.append(f"silent for {row.silent_days:.0f} days")
    return "; ".join(part for part in parts if part)


def _wrote(row) -> str:
    return f"; wrote {_count(row.n_messages, 'message')} before" if row.n_messages else ""


def _silent(row, settings: CommunitySettings) -> str:
    if row.silent_days == row.silent_days:
        return f"wrote nothing in the last {settings.people_days:g} days"
    if row.record_from:
        return f"has not written since {row.record_from}, where the record begins"
    return "is on the roster and has not written yet"


def _not_known(row) -> str:
    if row.record_from:
        return f"has not written since {row.record_from}, where the record begins: too short to know"
    return "no message of anybody is on record"


def _reached(row, basis: str) -> str:
    if basis == "none":
        return f"wrote {_count(row.n_messages, 'message')}; whether they were answered is not recorded"
    if basis == "mentions":
        return f"named by {_people(row.n_answerers)}; wrote in {_count(row.n_weeks_active, 'week')}"
    if row.n_judged < FEW_JUDGED:
        heard = f"; {_people(row.n_answerers)} answered" if row.n_answerers else ""
        return f"too little data: {_count(row.n_messages, 'message')}{heard}"
    about = "about " if basis == "inferred replies" else ""
    return (
        f"{_people(row.n_answerers)} replied to {about}{row.n_answered / row.n_judged:.0%} of their"
        f" {row.n_judged} messages"
    )


def _beside(row, basis: str) -> str:
    share = f"in {row.influence:.0%} of cases ({row.influence_lo:.0%} to {row.influence_hi:.0%})"
    if basis == "mentions":
        return f"beside a typical member who wrote in as many weeks, it is they who are named {share}"
    return f"beside a typical member who wrote at the same moment, it is they who are answered {share}"


def _joins(row) -> str:
    if row.n_pieces >= 2:
        return f"joins {row.n_pieces} circles of contacts who have no other tie ({row.pieces} people)"
    return (
        f"is answered by three people and more in {row.n_groups_heard} groups, by {row.heard_shared} of"
        f" {row.heard_people} people in two of them"
    )


def _people(n: int) -> str:
    return "1 person" if n == 1 else f"{n:,} people"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
