"""How each group fares: one verdict with its reasons, its weeks, its newcomers and its trouble."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.health.changes import find_changes
from segtool.community.health.intervals import count_interval, share_interval, z_of
from segtool.community.health.measures import find_core_topics, measure_groups
from segtool.community.health.rules import (
    GOOD,
    LEAST_DAYS,
    NEW,
    TOO_LITTLE,
    VERDICTS,
    pick_verdicts,
    read_signs,
    spread_now,
)
from segtool.community.health.said import HISTORY_WEEKS, Said, read_said
from segtool.community.health.trouble import find_trouble
from segtool.community.health.waves import find_entrants
from segtool.community.health.weekly import read_weeks, weekly_table
from segtool.community.health.words import give_counter, give_reasons, give_watch, name_unknown
from segtool.display import Shown
from segtool.notes import in_order, known, unknown

STALE_DAYS = 14.0  # if no group at all wrote for so long, it is the export that ended
SHARES = ("top1", "top3", "reply", "answered", "on_topic", "before", "veteran", "newcomer_answered")
TRENDS = ("messages", "active", "reply", "on_topic", "veteran")
RULE_TRENDS = (*TRENDS, "writers")
INNER = [
    "pace", "spread", "peak", "talk_days", "talk_span", "past_gap", "silent_with", "talked_then", "others_answer",
    "reply_before", "reply_before_n", "n_writers",
]  # fmt: skip
"""What only the rules read, and the words of their reasons."""
COUNTS = (
    "n_messages",
    "n_recent",
    "n_all",
    "n_days",
    "n_speakers",
    "answer_n",
    "reciprocity_n",
    "centralisation_n",
)
FIRST = [
    "group_id", "title", "verdict", "reasons", "counter", "would_change", "watch", "warning", "not_known",
    "age_days", "window_days", "n_members", "n_messages", "n_speakers", "messages_per_week", "messages_lo",
    "messages_hi", "messages_usual", "active_share", "core_topic", "core_assumed",
]  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class Health(Shown):
    """How each group fares, and why.

    Parameters
    ----------
    table : DataFrame
        One row per group, by group_id: title, verdict ("thriving", "quiet", "dead", "chat room",
        "loudspeaker", "overgrown", "new", "too little data"), reasons, counter (what speaks against it),
        would_change (the single measure that would change it, and where the border is), watch (what it
        looks like without surety), warning (trouble that goes on), not_known; then every measure of the
        window of ``window_days``: shares with ``_n``, ``_lo`` and ``_hi``, counts, and trends per four weeks
        (``messages_trend`` a factor, the others odds ratios) with ``_lo`` and ``_hi``. What is not known
        is missing.
    weekly : DataFrame
        One row per group and week in which it existed, see `weekly_table`.
    entrants : DataFrame
        Waves of newcomers and the talk before and after, see `find_entrants`.
    warnings : DataFrame
        Bursts of complaints, see `find_trouble`.
    activities : DataFrame
        group_id, starts, ends (local times), title: what the weeks are to be read beside.
    notes : tuple of str
    """

    table: pd.DataFrame
    weekly: pd.DataFrame
    entrants: pd.DataFrame
    warnings: pd.DataFrame
    activities: pd.DataFrame
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per group: the verdict, why, and what would change it."""
        shown = [
            "group_id",
            "title",
            "verdict",
            "n_members",
            "messages_per_week",
            "reasons",
            "would_change",
            "watch",
        ]
        return self.table[shown].copy()

    def headline(self) -> str:
        """Return how many groups fare how."""
        if self.table.empty:
            return "Group health: there is no group to judge; see the notes"
        count = self.table["verdict"].value_counts()
        told = [f"{count[verdict]:,} {verdict}" for verdict in VERDICTS if verdict in count]
        going_on = int((self.table["warning"] != "").sum())
        return f"Health of {len(self.table):,} groups: {', '.join(told)}; trouble in {going_on:,}"


def judge_groups(talk, ties=None, settings=None, tones=None, roles=None) -> Health:
    """Measure every group, call it what it is, say why, and what would change it.

    Parameters
    ----------
    talk : Talk
    ties : Ties, optional
        Adds ties per member.
    settings : CommunitySettings, optional
        Those of the talk when not given.
    tones : Tones or ndarray of float, shape (n_messages,), optional
        Without them nothing is said of complaints.
    roles : Roles, optional
        Adds how many leaders each group has.

    Returns
    -------
    Health

    Notes
    -----
    The rules stand in `segtool.community.health.rules`. A bad word needs its intervals: a group that only
    looks so is put on watch.

    References
    ----------
    CHAOSS, metrics of community health, https://chaoss.community.

    Examples
    --------
    >>> from segtool.community.talk import read_talk
    >>> from segtool.sources import Sources
    >>> from segtool.sources.simulate import simulate_circle
    >>> circle = simulate_circle(600, tables=("users", "messages", "members"))
    >>> with Sources.read({name: circle.tables[name] for name in ("users", "messages", "members")},
    ...                   as_of=circle.as_of, timezone=circle.timezone) as sources:
    ...     health = judge_groups(read_talk(sources))
    >>> health.table["verdict"].tolist()[5:]
    ['loudspeaker', 'dead', 'new']
    """
    settings = settings or talk.settings
    said = read_said(talk, tones)
    core, assumed = find_core_topics(talk, said)
    weeks = read_weeks(talk, said, core, HISTORY_WEEKS)
    measures, trends = measure_groups(talk, said, weeks, core, settings)
    m = _for_rules(measures, trends, core, assumed)
    signs = read_signs(m, settings)
    verdicts = pick_verdicts(m, signs.sure, settings)
    is_stale = len(said.age) > 0 and said.age.min() > STALE_DAYS
    warnings = find_trouble(talk, said, settings)
    table = _tabulate(talk, measures, trends, m, core, assumed, settings)
    slopes = {f"{name}_{part}": m[f"{name}_{part}"] for name in TRENDS for part in ("slope", "lo", "hi")}
    rows = table.assign(**slopes).to_dict("records")
    changes = find_changes(m, verdicts, settings)
    if is_stale:  # nobody is dead because the export ends early
        verdicts, changes = np.full(len(verdicts), TOO_LITTLE, dtype=object), [""] * len(verdicts)
    sure = [{name: bool(values[i]) for name, values in signs.sure.items()} for i in range(len(rows))]
    table["verdict"] = verdicts
    table["reasons"] = [give_reasons(*each, settings) for each in zip(rows, verdicts, sure, strict=True)]
    if is_stale:
        table["reasons"] = f"nobody in any group wrote in the last {said.age.min():.0f} days on record"
    table["counter"] = [give_counter(*each) for each in zip(rows, verdicts, sure, strict=True)]
    table["would_change"] = changes
    table["watch"] = give_watch(m, verdicts, signs, rows, settings)
    table["not_known"] = [name_unknown(row) for row in rows]
    now = warnings[warnings["is_going_on"].astype(bool)].groupby("group_id")["said"].first()
    table["warning"] = [now.get(group_id, "") for group_id in table["group_id"]]
    table = _add_others(table.drop(columns=INNER), talk, ties, roles)
    return Health(
        table=table[[*FIRST, *(name for name in table if name not in FIRST)]],
        weekly=weekly_table(talk, said, weeks),
        entrants=find_entrants(talk, said, core, trends, settings),
        warnings=warnings,
        activities=_list_activities(talk),
        notes=tuple(in_order(_say(talk, said, table, tones, settings, is_stale))),
    )


def _for_rules(
    measures: pd.DataFrame, trends: dict, core: np.ndarray, assumed: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what the rules read, as arrays."""
    m = {name: measures[name].to_numpy(dtype=float) for name in measures}
    for name in RULE_TRENDS:
        m |= {f"{name}_{part}": trends[name][part] for part in ("slope", "lo", "hi")}
    return m | {"is_stated": (core >= 0) & ~assumed}


def _tabulate(talk, measures, trends, m, core, assumed, settings) -> pd.DataFrame:
    """Return the measures as an analyst reads them, with intervals."""
    z = z_of(settings.verdict_confidence)
    weeks = settings.window_days / 7
    table = measures.drop(columns=[name for name in measures if name.endswith("_worth")]).copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        for name in SHARES:
            low, high = share_interval(m[name], m[f"{name}_worth"], z)
            table[f"{name}_lo"], table[f"{name}_hi"] = low, high
        low, high = count_interval(m["n_recent"], spread_now(m, weeks), z)
    table["messages_per_week"] = table["n_recent"] / weeks
    table["messages_lo"], table["messages_hi"] = low / weeks, high / weeks
    for name in TRENDS:
        for part in ("slope", "lo", "hi"):
            ending = "" if part == "slope" else f"_{part}"
            table[f"{name}_trend{ending}"] = np.exp(trends[name][part])
    topics = np.array([*talk.topics, ""], dtype=object)
    table["core_topic"], table["core_assumed"] = topics[core], assumed
    table["other_topic"] = topics[table["other_topic"].to_numpy(np.int64)]
    for name in (*COUNTS, *(f"{name}_n" for name in SHARES)):
        table[name] = table[name].astype("int64")
    table["n_members"] = pd.array(table["n_members"].to_numpy(float), dtype="Float64").astype("Int64")
    table["messages_usual"] = table.pop("usual")
    table.insert(0, "group_id", talk.group_ids)
    table.insert(1, "title", talk.groups["title"].to_numpy(object))
    return table


def _list_activities(talk) -> pd.DataFrame:
    end = pd.Timestamp(talk.as_of).tz_convert(talk.timezone).tz_localize(None)
    own = talk.activities
    return pd.DataFrame(
        {
            "group_id": talk.group_ids[own["group"].to_numpy(np.int64)],
            "starts": end + pd.to_timedelta(own["start"].astype(float), unit="s"),
            "ends": end + pd.to_timedelta(own["end"].astype(float), unit="s"),
            "title": own["title"].to_numpy(object),
        }
    )


def _add_others(table: pd.DataFrame, talk, ties, roles) -> pd.DataFrame:
    """Add what other rooms know: ties per member, leaders."""
    members = table["n_members"].astype(float).to_numpy()
    if ties is not None:
        own = ties.table[ties.table["group"] >= 0]
        count = np.bincount(own["group"].to_numpy(np.int64), minlength=len(table))
        with np.errstate(invalid="ignore", divide="ignore"):
            table["ties_per_member"] = np.where(members > 0, count / members, np.nan)
    if roles is not None:
        leads = roles.members[roles.members["role"] == "leader"]
        table["n_leaders"] = table["group_id"].map(leads["group_id"].value_counts()).fillna(0).astype("int64")
    return table


def _say(talk, said: Said, table: pd.DataFrame, tones, settings, is_stale: bool) -> list[str]:
    """Return what a reader must know before the verdicts."""
    if not len(table):
        return [unknown("Group health: there is no group on record.")]
    notes = []
    judged = ~table["verdict"].isin([NEW, TOO_LITTLE])
    notes.append(known(
        f"Group health: {int(judged.sum()):,} of {len(table):,} groups have a verdict; the others are younger than"
        f" {settings.new_group_days:.0f} days or have fewer than {settings.min_messages} messages on"
        f" {LEAST_DAYS} days. Bad verdicts and intervals are at {settings.verdict_confidence:.0%}."
    ))  # fmt: skip
    if not len(said.age):
        return [*notes, unknown("Group health: nobody wrote anything, so no group can be judged.")]
    if is_stale:
        notes.append(unknown(
            f"Group health: the latest message of all groups is {said.age.min():.0f} days before as_of; the export"
            " seems to end early, so no group is judged. Set as_of to the day of the export."
        ))  # fmt: skip
    if table["core_assumed"].any():
        n = int(table["core_assumed"].sum())
        notes.append(
            known(f"Group health: what {n:,} groups are for is assumed from the first half of their talk.")
        )
    for is_missing, what, why in (
        (
            not talk.has_roster,
            "active share, the share of members of 90 days and overgrown groups",
            "there is no roster",
        ),
        (not said.threads.known, "answers, threads and loudspeakers", "no message says what it answers"),
        (not talk.has_topics, "the share of messages on topic and chat rooms", "messages have no topic"),
        (tones is None or not (~np.isnan(said.tone)).any(), "complaints and trouble", "tones were not read"),
    ):
        if is_missing:
            notes.append(unknown(f"Group health: {what}; {why}."))
    bad = table[judged & ~table["verdict"].isin(GOOD)]
    if len(bad):
        counts = bad["verdict"].value_counts().sort_index()
        notes.append(
            known("Group health: " + ", ".join(f"{n:,} {verdict}" for verdict, n in counts.items()) + ".")
        )
    return notes
