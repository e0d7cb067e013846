"""Headlines and notes as they leave: the one place where sentences lose numbers of few people."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from segtool.outputs.flow_masks import mask_flow
from segtool.outputs.small_shares import mask_counts, mask_people

_OF_USERS = re.compile(r"\b(\d[\d,]*) of (?:the )?(\d[\d,]*) users\b")
# "(control 1, plan 2)": a count per arm, in brackets; none is told where one of them is small.
_PER_ARM = re.compile(r" ?\((?:[^(),;]+ \d[\d,]*(?:, (?=\D)|(?=\)))){2,}\)")
_LEFT_OUT = re.compile(r" to (\d[\d,]*) users( in [^;]*); (\d[\d,]*) users left out")


def mask_words(text: str, min_cell: int) -> str:
    """Return a sentence that counts no small group, nor all but one.

    Examples
    --------
    >>> mask_words("3 users have no answer (control 1, plan 2); they are left out.", 5)
    'fewer than 5 users have no answer; they are left out.'
    >>> mask_words("Calendar: 298 of 300 users are sent to; 60 users wait.", 5)
    'Calendar: all but fewer than 5 of 300 users are sent to; 60 users wait.'
    >>> mask_words("900 sends to 298 users in 4 weeks; 2 users left out", 5)
    '900 sends to all but fewer than 5 users in 4 weeks; fewer than 5 users left out'
    """

    def mask_rest(match: re.Match) -> str:
        rest = _number(match[2]) - _number(match[1])
        if not 0 < rest < min_cell:
            return match[0]
        return f"all but fewer than {min_cell} of {match[2]} users"

    def mask_arms(match: re.Match) -> str:
        counts = [_number(said) for said in re.findall(r" (\d[\d,]*)(?=[,)]| and )", match[0])]
        return "" if any(0 < n < min_cell for n in counts) else match[0]

    def mask_left_out(match: re.Match) -> str:
        if not 0 < _number(match[3]) < min_cell:
            return match[0]
        few = f"fewer than {min_cell} users"
        return f" to all but {few}{match[2]}; {few} left out"

    for pattern, mask in ((_LEFT_OUT, mask_left_out), (_PER_ARM, mask_arms), (_OF_USERS, mask_rest)):
        text = pattern.sub(mask, text)
    return mask_people(mask_counts(text, min_cell), min_cell)


def _number(said: str) -> int:
    return int(said.rstrip(",").replace(",", ""))


def list_notes(notes: Iterable[str], min_cell: int) -> list[str]:
    """Return notes on personas, on a plan or on a test that count no small group.

    Examples
    --------
    >>> list_notes(["Quiet readers: what it wants (any interest shown by 2 users)."], 5)
    ['Quiet readers: what it wants (any interest shown by fewer than 5 users).']
    """
    return [mask_words(note, min_cell) for note in notes]


def say_retention(retention, min_cell: int) -> str:
    """Return what became of the users in one sentence, made from the flow as it leaves.

    Where a period does not tell the new from those who came back, neither does the sentence: its sum would
    give the period away.
    """
    rows = mask_flow(retention.flow[retention.flow["level"] == "all"], min_cell)
    opening, closing = (_total(rows[name].iloc[[place]]) for name, place in (("opening", 0), ("closing", -1)))
    if opening is None or closing is None:
        return f"Fewer than {min_cell} users were here when it began, or are now."
    new, back, lost = (_total(rows[name]) for name in ("new", "returned", "lost"))
    said = f"{opening:,} users at the start"
    if lost is None:
        said += f", {closing:,} now"
    elif new is None or back is None:
        said += f" + {closing - opening + lost:,} came (new or back) - {lost:,} lost = {closing:,} now"
    else:
        said += f" + {new:,} new + {back:,} came back - {lost:,} lost = {closing:,} now"
    at_risk = _count_at_risk(retention)
    risk = f"; {at_risk:,} of them are at risk" if at_risk >= min_cell else ""
    if 0 < closing - at_risk < min_cell:
        risk = ""
    return f"{said} (lost: silent for more than {retention.churn_days} days){risk}"


def _total(counts: pd.Series) -> int | None:
    return None if counts.isna().any() else int(counts.sum())


def _count_at_risk(retention) -> int:
    states = retention.lifecycle
    return int(states.loc[(states["persona_id"] == 0) & (states["state"] == "at risk"), "n_users"].sum())
