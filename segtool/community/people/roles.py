"""Leaders, organisers, core members and brokers of groups, each with the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.people.answers import Answers, read_answers
from segtool.community.people.bridges import find_bridges
from segtool.community.people.decide import ROLES, judge_roles
from segtool.community.people.evidence import tell_evidence
from segtool.community.people.influence import Influence, estimate_influence
from segtool.community.people.mentions import influence_of_mentions
from segtool.community.people.missing import find_missing
from segtool.community.people.reach import measure_reach
from segtool.community.people.standing import find_standing
from segtool.community.people.tenure import (
    DAY,
    joined_before_record,
    joining_places,
    knows_silence,
    record_starts,
    tenure_bands,
)
from segtool.community.settings import CommunitySettings
from segtool.display import Shown
from segtool.notes import known, unknown

MEMBERS = [
    "group_id", "user_id", "tenure", "role", "also", "confidence", "influence", "influence_lo", "influence_hi",
    "n_messages", "n_answerers", "n_answers", "answered_rate", "answered_lo", "answered_hi", "n_judged",
    "n_calls", "n_responses", "best_call", "responses", "responses_lo", "responses_hi", "n_weeks_active",
    "weeks_share", "n_weeks_answered", "joined_place", "n_invited", "core_number", "core_share", "n_contacts",
    "brokerage", "silent_days", "evidence",
]  # fmt: skip
USERS = [
    "user_id", "group_id", "role", "also", "confidence", "influence", "answered_rate", "n_judged", "n_groups",
    "n_answerers", "evidence",
]  # fmt: skip
ORDER = (*ROLES, "member", "lurker", "unknown", "gone", "bot")


@dataclass(frozen=True, repr=False, eq=False)
class Roles(Shown):
    """What part members play in their groups.

    Parameters
    ----------
    members : DataFrame, shape (n_roster, 33)
        Aligned with ``talk.roster``: group_id, user_id, tenure (`tenure_bands`), role (leader, organiser,
        core, broker, member, lurker, unknown, gone, bot), also (further roles held), confidence
        (probability of what the role rests on; of a member: that no leader was missed), influence (chance
        that this member is answered, and not a typical one of the group who wrote at the same moment:
        0.5 is typical; missing for those who wrote nothing) with its interval, n_messages,
        n_answerers (different people), n_answers, answered_rate (shrunken, with interval, of n_judged
        messages), n_calls (messages that start something), n_responses, best_call (people who responded
        to one of them), responses (people per call, shrunken, with interval), n_weeks_active, weeks_share
        (of the weeks since joining), n_weeks_answered, joined_place (1 the first of those there, 0 the
        last), n_invited, core_number, core_share (of the group's highest), n_contacts, brokerage (1 -
        Burt's constraint), silent_days (since the last message) and evidence (a sentence).
    users : DataFrame
        One row per user in a group: the weightiest role over groups and where it is held, n_groups, and
        n_answerers in that group.
    missing : DataFrame
        As of `find_missing`.
    basis : str
        What influence rests on: "replies", "inferred replies", "mentions" or "none".
    notes : tuple of str
    """

    members: pd.DataFrame
    users: pd.DataFrame
    missing: pd.DataFrame
    basis: str
    notes: tuple[str, ...]

    def leaders(self) -> pd.DataFrame:
        """Return those who lead, organise, are core or join others, by group and weight of the role."""
        named = self.members[self.members["role"].isin(ROLES)]
        rank = named["role"].map(ROLES.index)
        order = named.assign(rank=rank, more=-named["influence"]).sort_values(
            ["group_id", "rank", "more", "user_id"], kind="stable"
        )
        return order.drop(columns=["rank", "more"]).reset_index(drop=True)

    def to_pandas(self) -> pd.DataFrame:
        """Return the named ones with what one reads first."""
        shown = [
            "group_id",
            "user_id",
            "role",
            "also",
            "confidence",
            "influence",
            "answered_rate",
            "evidence",
        ]
        return self.leaders()[shown]

    def headline(self) -> str:
        """Return how many play which part."""
        n = self.members["role"].value_counts()
        parts = ", ".join(
            f"{n.get(role, 0):,} {role}" for role in ("leader", "organiser", "core", "broker", "lurker")
        )
        return f"Roles of {len(self.members):,} memberships: {parts} (by {self.basis})"


def find_roles(talk, ties, settings: CommunitySettings | None = None) -> Roles:
    """Find who leads, organises, belongs to the core or joins others in each group.

    Parameters
    ----------
    talk : Talk
        With inferred reply links where none are recorded.
    ties : Ties
    settings : CommunitySettings, optional
        Those of the talk when not given.

    Returns
    -------
    Roles

    Notes
    -----
    A *leader* is answered more than a typical member who wrote at the same moments
    (`estimate_influence`), by enough different people in three weeks or more; how much one writes does not
    count, nor does being an admin. The likeliest are named, as many as keep the expected share of wrong ones
    below ``leader_false_share``; of each, ``confidence`` says how likely it is. An *organiser*'s calls bring
    surely more responses than is usual. The *core* is in the densest part of the group and wrote in half of
    the weeks: counted, with the probability that it is so of weeks to come. A *broker* has contacts that are
    not tied to each other otherwise, or is answered in two groups by other people. A *lurker* did not write
    for as long as is on record; where that is too short (`knows_silence`) the role is *unknown*.

    Examples
    --------
    >>> from segtool.community.talk import read_talk
    >>> from segtool.community.ties.ties import find_ties
    >>> from segtool.sources import Sources
    >>> members = pd.DataFrame({"group_id": "g", "user_id": ["ann", "bob"], "joined_at": "2026-01-02"})
    >>> talk = read_talk(Sources.read({"members": members}, as_of="2026-07-01"))
    >>> roles = find_roles(talk, find_ties(talk))
    >>> roles.members["role"].tolist(), roles.basis
    (['unknown', 'unknown'], 'none')
    """
    settings = settings or talk.settings
    answers = read_answers(talk, settings)
    basis = find_basis(talk, answers, ties)
    table = pd.concat([measure_reach(talk, answers, settings), find_standing(talk, ties)], axis=1)
    if basis not in ("replies", "inferred replies"):  # whether anybody was answered is not known
        table["n_judged"] = 0
        table[[name for name in table if name.startswith(("answered_", "responses"))]] = np.nan
    table["tenure"] = tenure_bands(talk, settings).to_numpy()
    table["bot"] = talk.roster["bot"].to_numpy()
    table["joined_place"] = joining_places(talk)
    table["n_invited"] = _count_invited(talk)
    for name, values in {**find_bridges(talk, answers), **_find_record(talk, settings)}.items():
        table[name] = values
    influence = _find_influence(talk, ties, answers, table, basis, settings)
    for name, values in _show_influence(influence, len(table), settings).items():
        table[name] = values
    group = talk.roster["group"].to_numpy()
    table = pd.concat([table, judge_roles(table, influence, group, settings)], axis=1)
    table["group_id"] = talk.group_ids[group] if len(table) else np.array([], dtype=object)
    table["user_id"] = talk.user_ids[talk.roster["user"]] if len(table) else np.array([], dtype=object)
    table["evidence"] = tell_evidence(table, basis, settings)
    members = table[MEMBERS].round({name: 6 for name in MEMBERS if table[name].dtype == float})
    members.index = talk.roster.index
    missing = find_missing(talk, answers, members, basis, settings)
    return Roles(members, _by_user(members), missing, basis, tuple(_say(talk, members, basis, settings)))


def find_basis(talk, answers: Answers, ties) -> str:
    """Return what tells who is heard: replies, inferred replies, mentions or none."""
    if talk.has_replies:
        return "replies"
    sure = answers.sure[answers.reply >= 0]
    inferred = sure[sure < 1]
    # Where most inferred links are wrong, those on record must outweigh them, or nobody's answers are known.
    if len(sure) and (np.sum(inferred) <= np.sum(sure == 1) or inferred.mean() >= 0.5):
        return "inferred replies"
    return "mentions" if (ties.table["mention"] > 0).any() else "none"


def _find_influence(talk, ties, answers, table, basis: str, settings) -> Influence | None:
    if basis == "none":
        return None
    if basis == "mentions":
        return influence_of_mentions(talk, ties, table)
    joined = talk.roster["joined"].to_numpy()[answers.member]
    is_new = answers.second - joined < settings.novice_days * DAY
    return estimate_influence(answers, is_new, _traits(table))


def _traits(table: pd.DataFrame) -> np.ndarray:
    """Return what may tell of influence before any answer: people invited and early joining."""
    wrote = (table["n_messages"] > 0).to_numpy()
    invited = np.log1p(table["n_invited"].to_numpy())
    early = 2 * (table["joined_place"].fillna(0.5).to_numpy() - 0.5)
    both = np.column_stack([invited, early])
    return both - (both[wrote].mean(axis=0) if wrote.any() else 0.0)


def _show_influence(influence: Influence | None, n: int, settings) -> dict[str, np.ndarray]:
    """Return influence as the chance to be answered beside a typical member, with its interval."""
    names = ("influence", "influence_lo", "influence_hi")
    if influence is None:
        return {name: np.full(n, np.nan) for name in names}
    tail = (1 - settings.people_confidence) / 2
    known = ~np.isnan(influence.rate)
    rates = (influence.rate, influence.quantile(tail), influence.quantile(1 - tail))
    return {name: np.where(known, rate / (1 + rate), np.nan) for name, rate in zip(names, rates, strict=True)}


def _count_invited(talk) -> np.ndarray:
    """Return how many of the group each member invited."""
    roster, n_users = talk.roster, max(len(talk.user_ids), 1)
    keys = roster["group"].to_numpy(np.int64) * n_users + roster["user"].to_numpy(np.int64)
    came = roster["inviter"].to_numpy() >= 0
    wanted = roster["group"].to_numpy(np.int64)[came] * n_users + roster["inviter"].to_numpy(np.int64)[came]
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    return np.bincount(place[keys[place] == wanted], minlength=len(roster))


def _find_record(talk, settings) -> dict[str, np.ndarray]:
    """Return whether silence is known, for how many days it was seen, and the record's first day where it matters."""
    start = record_starts(talk)
    roster = talk.roster
    since = np.fmax(np.fmax(roster["joined"].to_numpy(), start), roster["last"].to_numpy())
    named = np.isfinite(start) & joined_before_record(talk)
    first = {second: _day(talk, second) for second in np.unique(start[named])}
    return {
        "knows_silence": knows_silence(talk, settings),
        "observed_days": np.where(np.isfinite(start), -since / DAY, 0.0),
        "record_from": np.array([first.get(one, "") for one in np.where(named, start, np.nan)], dtype=object),
    }


def _day(talk, second: float) -> str:
    return str((talk.as_of + pd.Timedelta(seconds=second)).tz_convert(talk.timezone).date())


def _by_user(members: pd.DataFrame) -> pd.DataFrame:
    """Return the weightiest role of each user, the surest where it is held in several groups."""
    ranked = members.assign(
        rank=members["role"].map(ORDER.index), doubt=-members["confidence"].fillna(-1.0)
    ).sort_values(["user_id", "rank", "doubt", "group_id"], kind="stable")
    first = ranked.drop_duplicates("user_id").reset_index(drop=True)
    there = members.loc[~members["role"].isin(["gone", "bot"]), "user_id"].value_counts()
    return first.assign(n_groups=first["user_id"].map(there).fillna(0).astype(np.int64))[USERS]


def _say(talk, members: pd.DataFrame, basis: str, settings) -> list[str]:
    if members.empty:
        return [unknown("Roles: there is nobody in any group.")]
    told = {
        "replies": known(f"Roles: who is answered rests on recorded replies of the last {settings.people_days:g} days."),
        "inferred replies": known(
            "Roles: messages do not say what they answer; who is answered rests on inferred links, each counted"
            " with its probability."
        ),
        "mentions": known(
            "Roles: messages do not say what they answer; influence rests on who is named by how many people."
        ),
        "none": unknown(
            "Roles: who leads; no message says what it answers and nobody is named, so only who writes and who"
            " does not is told."
        ),
    }  # fmt: skip
    notes = [told[basis]]
    unsaid = members["tenure"].eq("unknown") & ~members["role"].isin(["gone", "bot"])
    if unsaid.any():
        notes.append(
            unknown(f"Roles: since when {int(unsaid.sum()):,} of {len(members):,} memberships last; they are no novices"
                    " for that.")
        )  # fmt: skip
    if not talk.has_roster:
        notes.append(unknown("Roles: lurkers; without a table of members only those who wrote are known."))
    return notes
