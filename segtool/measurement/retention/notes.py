"""What a reader of retention must know: how loss is defined, whom the clock leaves out, what biases it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.measurement.retention.activity import FEW_RETURNS, Activity, to_date
from segtool.measurement.retention.groups import Groups

KNOWN, UNKNOWN = "Known - ", "Not known - "


def say_notes(
    activity: Activity, groups: Groups, known_until, start: int | None, settled: bool, *,
    n_left_out: int, n_followed: int, horizons, overall,
) -> tuple[str, ...]:  # fmt: skip
    """Return what the study of retention rests on, then what could not be known."""
    known = [
        f"Lost: silent for more than {activity.churn} days ({activity.how}).",
        "Channel: that of a user's latest activity; changes are shown as moved in and moved out.",
        *_say_clock(activity, start, n_followed, n_left_out),
    ]
    unknown = [
        *_say_returns(activity),
        *_say_opening(activity, settled),
        *_say_follow_up(activity, start, horizons),
    ]
    if groups.names:
        found = _say_personas(known_until, activity, start)
        (known if found[0] else unknown).append(found[1])
        unknown.append(
            "Personas were not drawn by lot: that one stays longer is an association, no effect of what"
            " it was shown."
        )
        if overall is not None and np.isfinite(overall.p_value):
            known.append(
                f"All personas at once: log-rank chi-square {overall.statistic:.1f} with {overall.degrees}"
                f" degrees of freedom, p = {overall.p_value:.3g}."
            )
        elif overall is None:
            unknown.append("Whether personas differ: fewer than two have enough users to compare.")
    return (*(KNOWN + note for note in known), *(UNKNOWN + note for note in unknown))


def _say_clock(activity: Activity, start, n_followed: int, n_left_out: int) -> list[str]:
    if start is not None:
        return [f"Followed: the {n_followed:,} users who were here on {to_date(start)}, from that day on."]
    notes = [f"Followed: the {n_followed:,} users whose coming was seen, from the day they came."]
    if not activity.knows_joining:
        notes.append(
            f"No table says when users joined: one first seen after {to_date(activity.settled - 1)} counts as"
            " new from that day."
        )
    if n_left_out:
        since = "joined before it" if activity.knows_joining else "may have been here before it"
        notes.append(
            f"Left out of cohorts and curves: {n_left_out:,} users seen in the log who {since}. Those who"
            " had left by then cannot be seen, so the ones that are would make all of them look loyal;"
            " entering them late would need to know that they were never lost before."
        )
    return notes


def _say_returns(activity: Activity) -> list[str]:
    share = activity.came_back
    if not np.isfinite(share) or share < FEW_RETURNS:
        return []
    return [
        f"Whether the lost are gone: {share:.0%} of such silences ended in a return later; see 'returned',"
        " or set a larger churn_days ([measurement])."
    ]


def _say_opening(activity: Activity, settled: bool) -> list[str]:
    if settled:
        return []
    return [
        f"Who was here when the flow begins: that takes {activity.churn} days of log before it, so users"
        " who were here already count as new."
    ]


def _say_follow_up(activity: Activity, start, horizons) -> list[str]:
    longest = activity.end - (activity.first if start is None else start)
    short = [str(days) for days in horizons if days > longest]
    if not short:
        return []
    return [f"The mean stay within {' and '.join(short)} days: the log follows users for {longest} at most."]


def _say_personas(known_until, activity: Activity, start) -> tuple[bool, str]:
    """Say whether the personas were known when the clock started; first whether all is well."""
    if start is None:
        return False, (
            "How long personas stay, compared fairly: these personas rest on what users did up to the end."
            " Who left early had less time to earn a label, so personas of the busy look more loyal and"
            " those of the quiet less than they are. Say since= (or --since) for the personas of that day."
        )
    if known_until is None:
        return False, (
            f"Whether the personas rest on nothing after {to_date(start)}: they do not say of when they are."
        )
    moment = pd.Timestamp(known_until)
    day = moment.tz_localize(None) if moment.tzinfo is not None else moment
    late = (day.normalize() - pd.Timestamp(to_date(start))).days
    if late > 0:
        return False, (
            f"How long personas stay, compared fairly: they rest on {late} days after {to_date(start)}."
            " Who was lost in these days had less time to earn a label, so personas of the busy look more"
            " loyal and those of the quiet less than they are."
        )
    return True, f"Personas: each user's as known by {to_date(start)}, and kept from then on."
