"""The plan as the report says it: what holds for a whole persona once, then its topics."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from segtool.outputs.report.text_table import MAX_ROWS
from segtool.outputs.small_shares import mask_counts, say_share
from segtool.plots import elide, persona_colours

TOPICS_PER_PERSONA = 5
LAPSED = "lapsed"
# What is planned for the persona as a whole: column, heading, column of the reason.
WHOLE = (
    ("daypart", "When", "why_daypart"),
    ("channel", "Where", "why_channel"),
    ("weekly_cap", "How often", "why_cap"),
    ("stage", "Stage", ""),
)
VERDICTS = {
    "associated only": "associated only: seen in the data, not proved by a test",
    "assumption": "assumption: too little data, so what usually holds",
}


@dataclass(frozen=True)
class Planned:
    """One thing planned for a whole persona, and why."""

    name: str
    text: str
    why: str = ""


@dataclass(frozen=True)
class PlanGroup:
    """One persona's part of the plan: what holds for all of it, and its topics."""

    persona: str
    colour: str
    users: str
    verdict: str
    whole: tuple[Planned, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def words(value) -> str:
    """Return a name such as ``app_push`` as words, and nothing for what is unknown.

    Examples
    --------
    >>> words("app_push"), words(None)
    ('app push', '')
    """
    return "" if value is None or value != value else str(value).replace("_", " ")


def plain_words(text: object) -> str:
    """Return a note of the plan without names of code, and with the sign for times.

    Examples
    --------
    >>> plain_words("wecom_direct: 2.9x as often (see stated_events)")
    'wecom direct: 2.9× as often'
    >>> plain_words("hold some users out (assign_holdout)")
    'hold some users out (the column holdout of personas.csv)'
    """
    text = str(text).replace("assign_holdout", "the column holdout of personas.csv")
    text = re.sub(r" \(see \w+_\w+\)", "", text)
    return re.sub(r"(?<=[a-z])_(?=[a-z])", " ", re.sub(r"(?<=\d)x(?!\w)", "×", text))


def describe_plan(plan, *, min_cell: int) -> tuple[PlanGroup, ...]:
    """Return one group per persona.

    Parameters
    ----------
    plan : Plan
        Read through ``table`` and, where there is one, ``persona_stages``.
    min_cell : int
        A persona of fewer users shows no count, and no reason that names one.

    Returns
    -------
    tuple of PlanGroup
        Empty where there is nothing to plan from.
    """
    if plans_nothing(plan):
        return ()
    table = plan.table.sort_values(["persona_id", "rank"]).head(MAX_ROWS)
    colours = persona_colours(table["persona_id"].unique())
    return tuple(
        _group(plan, mine, colours[int(persona_id)], min_cell)
        for persona_id, mine in table.groupby("persona_id", sort=True)
    )


def plans_nothing(plan) -> bool:
    """Say whether no row names a topic or a channel: without events and sends there is nothing to plan from."""
    named = [plan.table[name].dropna() for name in ("topic", "channel") if name in plan.table]
    return bool(len(plan.table)) and all(values.isin(["any", ""]).all() for values in named)


def _group(plan, mine: pd.DataFrame, colour: str, min_cell: int) -> PlanGroup:
    n = int(mine["n_users"].iloc[0])
    same = [column for column in WHOLE if mine[column[0]].nunique(dropna=False) == 1]
    varying = [column for column in WHOLE if column not in same]
    verdicts = mine["verdict"].astype(str)
    one_verdict = verdicts.nunique() == 1
    cells = {
        "#": [f"{rank:.0f}" for rank in mine["rank"]],
        "Topic": [words(topic) for topic in mine["topic"]],
        "Item": [_title(title) for title in mine["title"]] if "title" in mine else [""] * len(mine),
        "Estimate (interval)": [_interval(row.estimate, row.lo, row.hi) for row in mine.itertuples()],
        "Than everyone": [_compare(row.lo, row.hi) for row in mine.itertuples()],
        **{heading: [_say(name, value) for value in mine[name]] for name, heading, _ in varying},
    }
    if not one_verdict:
        cells["Verdict"] = list(verdicts)
    if not any(cells["Item"]):
        del cells["Item"]
    if not any(cells["Than everyone"]):
        del cells["Than everyone"], cells["Estimate (interval)"]
    return PlanGroup(
        persona=str(mine["persona"].iloc[0]),
        colour=colour,
        users=f"estimated from {n:,} users" if n >= min_cell else f"fewer than {min_cell} users",
        verdict=VERDICTS.get(verdicts.iloc[0], verdicts.iloc[0]) if one_verdict else "",
        whole=_whole(plan, mine.iloc[0], same, n >= min_cell, min_cell),
        headings=tuple(cells),
        rows=tuple(zip(*cells.values(), strict=True)),
    )


def _whole(plan, first: pd.Series, columns, may_count: bool, min_cell: int) -> tuple[Planned, ...]:
    said = []
    for name, heading, why in columns:
        text = _say(name, first.get(name))
        reason = first.get(why) if why and may_count else ""
        reason = plain_words(mask_counts(reason, min_cell)) if isinstance(reason, str) else ""
        reason = reason.removeprefix(f"{text}: ")
        if name == "daypart":
            reason = with_hours(reason, plan)
        if name == "stage":
            heading, text = describe_stage(plan, int(first["persona_id"]), text, min_cell)
        if text:
            said.append(Planned(heading, text, reason))
    return tuple(said)


def _title(title) -> str:
    return elide(title, 44) if isinstance(title, str) else ""


def _say(name: str, value) -> str:
    if name == "weekly_cap":
        return f"at most {said}" if (said := say_cap(value)) else ""
    return words(value)


def say_cap(weekly: float | None) -> str:
    """Return a weekly cap as people say it; nothing where there is none.

    Examples
    --------
    >>> say_cap(2.0), say_cap(0.25), say_cap(None)
    ('2 a week', '1 in 4 weeks', '')
    """
    if weekly is None or pd.isna(weekly):
        return ""
    return f"1 in {1 / weekly:.2g} weeks" if 0 < weekly < 1 else f"{weekly:g} a week"


def _interval(estimate: float, lo: float, hi: float) -> str:
    if pd.isna(estimate):
        return ""
    return f"{estimate:.2f}×" if pd.isna(lo) or pd.isna(hi) else f"{estimate:.2f}× ({lo:.2f} to {hi:.2f})"


def _compare(lo: float, hi: float) -> str:
    if pd.isna(lo) or pd.isna(hi):
        return ""
    return "clearly more" if lo > 1 else "clearly less" if hi < 1 else "not clearly more"


def sending_hours(plan) -> str:
    """Return the hours left by the quiet ones; nothing where the plan has no settings."""
    settings = getattr(plan, "settings", None)
    quiet = [getattr(settings, name, None) for name in ("quiet_from_hour", "quiet_to_hour")]
    return "" if None in quiet or quiet[0] == quiet[1] else f"sending hours {quiet[1]} to {quiet[0]}"


def with_hours(reason: str, plan) -> str:
    """Return the reason of a time of day with the sending hours, unless it speaks of them itself."""
    hours = sending_hours(plan) if "quiet hours" not in reason else ""
    return "; ".join(part for part in (reason, hours) if part)


def describe_stage(plan, persona_id: int, stage: str, min_cell: int) -> tuple[str, str]:
    """Return a heading for the stage and its text, with the share of those who have lapsed.

    The typical stage is that of the people who are here: read without the lapsed it promises more
    than there is.
    """
    table = getattr(plan, "persona_stages", None)
    if not stage or stage == "unknown":
        return "Stage", ""
    if table is None or table.empty:
        return "Stage of the active ones", stage
    mine = table[table["persona_id"] == persona_id]
    # Of the persona's users with any event: the base of the figure and of the plan's reasons.
    n_users = int(mine["n_users"].sum())
    share = float(mine.loc[mine["stage"] == LAPSED, "share"].sum())
    gone = say_share(share, n_users, min_cell)
    if stage == LAPSED:
        return "Stage", f"most have lapsed ({gone})"
    return "Stage of the active ones", f"{stage} ({gone} have lapsed)" if share > 0 else stage


def surely_asked(plan, persona_id: int) -> tuple[str, ...]:
    """Return the topics whose whole interval lies above everyone's, in the order of the plan."""
    mine = plan.table[plan.table["persona_id"] == persona_id].sort_values("rank")
    return tuple(words(topic) for topic in mine.loc[mine["lo"] > 1, "topic"].head(TOPICS_PER_PERSONA))
