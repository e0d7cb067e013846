"""Early warning: more people than usual complain in a group, since when, and whether others agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.health.bursts import adjust_chances, burst_chances, join_spans, onset
from segtool.community.health.said import NEGATIVE, Said, weeks_there
from segtool.display import join_words

LEAST_PEOPLE = 3  # one complains, two agree: from the third on it spreads
LOOK_BACK_WEEKS = 26
LOOKS_A_YEAR = 2 * 365.25 / 7  # weeks are laid twice
NOW = 1  # of the weeks of each layer: those that hold today, looked at apart from what is past
MOST_SCANNED = 200  # messages; a flood needs no finer onset
STILL_DAYS = 3.0  # a complaint younger than this: it goes on
WARNINGS = [
    "group_id", "since", "until", "is_going_on", "n_negative", "n_people", "n_agreeing", "n_messages",
    "n_positive", "expected_people", "p", "q", "severity", "said",
]  # fmt: skip


def find_trouble(talk, said: Said, settings) -> pd.DataFrame:
    """Find bursts of complaints by several people, each judged against its group's own past.

    Parameters
    ----------
    talk : Talk
    said : Said
        With tones.
    settings : CommunitySettings

    Returns
    -------
    DataFrame
        One row per burst, the latest first: group_id; since and until (local times of its first and last
        negative message); is_going_on; n_negative messages by n_people; n_agreeing (negative answers to
        negative messages); n_messages and n_positive of the same time; expected_people (in its weeks, by
        the group's past); p; q (Benjamini and Hochberg over all groups: of this week, or of all weeks past;
        for information); severity (negative tones times ``negative_weight`` less positive ones, per
        message: above 0 complaints outweigh praise); said.

    Notes
    -----
    What is counted is people, not messages: one angry member is not a burst. Weeks are laid twice, half a
    week apart, so that no burst is cut in two. The count is compared with the people who wrote.

    A week is told if its chance is below ``false_warnings_a_year`` over the 104 looks of a year: so many false
    warnings a group's year may bring at most, whether there are twenty groups or two thousand. A bound for all
    groups together would ask the more of a group the more others there are.
    """
    judged = ~np.isnan(said.tone)
    if not judged.any():
        return pd.DataFrame(columns=WARNINGS)
    negative = judged & (np.nan_to_num(said.tone) <= NEGATIVE)
    weeks = [_weeks(said, negative, judged, shift) for shift in (0.0, 3.5)]
    p = np.stack([week["p"] for week in weeks])
    q = np.concatenate([_adjust(p[:, :, :NOW]), _adjust(p[:, :, NOW:])], axis=2)
    found = []
    for group in np.flatnonzero((p <= settings.false_warnings_a_year / LOOKS_A_YEAR).any(axis=(0, 2))):
        found += _tell_group(said, group, negative, weeks, q[:, group], settings)
    table = pd.DataFrame(found, columns=["group", *WARNINGS[1:]])
    table.insert(0, "group_id", talk.group_ids[table.pop("group").to_numpy(dtype=np.int64)])
    end = pd.Timestamp(talk.as_of).tz_convert(talk.timezone).tz_localize(None)
    for name in ("since", "until"):
        table[name] = (end - pd.to_timedelta(table[name].astype(float), unit="D")).dt.round("s")
    return table.sort_values(["since", "group_id"], ascending=[False, True], ignore_index=True)[WARNINGS]


def _adjust(p: np.ndarray) -> np.ndarray:
    return adjust_chances(p.ravel()).reshape(p.shape)


def _weeks(said: Said, negative: np.ndarray, judged: np.ndarray, shift: float) -> dict[str, np.ndarray]:
    """Count people who wrote and people who complained, by weeks that end ``shift`` days before as_of."""
    week = np.floor((said.age - shift) / 7).astype(np.int64)
    n_users = int(said.user.max(initial=0)) + 1
    tables = {}
    for name, which in (("people", judged), ("complaining", negative)):
        chosen = which & (week >= 0) & (week < LOOK_BACK_WEEKS)
        key = (said.group[chosen] * LOOK_BACK_WEEKS + week[chosen]) * n_users + said.user[chosen]
        once = np.unique(key) // n_users
        count = np.bincount(once, minlength=said.n_groups * LOOK_BACK_WEEKS)
        tables[name] = count.reshape(said.n_groups, LOOK_BACK_WEEKS).astype(float)
    there = weeks_there(said, LOOK_BACK_WEEKS, shift)
    p, expected = burst_chances(tables["complaining"], tables["people"], there)
    # Fewer people are no spread, however improbable; they still count as weeks that were looked at.
    p = np.where((tables["complaining"] < LEAST_PEOPLE) & ~np.isnan(p), 1.0, p)
    p = np.where(tables["people"] > 0, p, np.nan)  # a week without talk is not looked at
    return {"p": p, "expected": expected, "shift": np.float64(shift)}


def _tell_group(said: Said, group: int, negative, weeks, q: np.ndarray, settings) -> list[list]:
    """Return the bursts of one group: flagged weeks joined, then narrowed to where they stand out."""
    rows = slice(*np.searchsorted(said.group, [group, group + 1]))
    p = np.stack([week["p"][group] for week in weeks])
    layer, week = np.nonzero(p <= settings.false_warnings_a_year / LOOKS_A_YEAR)
    shift = np.where(layer == 1, 3.5, 0.0)
    spans = join_spans(week * 7 + shift, week * 7 + shift + 7)
    age, bad = said.age[rows], negative[rows]
    told = []
    for near, far in spans:
        inside = (week * 7 + shift >= near) & (week * 7 + shift < far)
        chances = p[layer[inside], week[inside]]
        best = int(chances.argmin())
        expected = float(weeks[layer[inside][best]]["expected"][group, week[inside][best]])
        complaints = np.flatnonzero(bad & (age > near) & (age <= far))[-MOST_SCANNED:]
        first, last = onset(-age[complaints], expected / 7)
        own = np.arange(len(age))[(age <= age[complaints[first]]) & (age >= age[complaints[last]])]
        row = _measure(said, rows.start + own, negative, settings)
        if row["people"] < LEAST_PEOPLE or row["severity"] <= 0:
            continue
        since, until = float(age[complaints[first]]), float(age[complaints[last]])
        chance, false = float(chances[best]), float(q[layer[inside][best], week[inside][best]])
        told.append([
            group, since, until, until <= STILL_DAYS, row["negative"], row["people"], row["agreeing"], len(own),
            row["positive"], expected, chance, false, row["severity"], _say(row, len(own), expected, since),
        ])  # fmt: skip
    return told


def _measure(said: Said, rows: np.ndarray, negative: np.ndarray, settings) -> dict:
    tone = np.nan_to_num(said.tone[rows])
    bad = negative[rows]
    to = said.threads.to[said.row[rows[bad]]]
    complaints = np.isin(to, said.row[rows[bad]]) & (to >= 0)
    weighed = -tone[tone < 0].sum() * settings.negative_weight - tone[tone > 0].sum()
    return {
        "negative": int(bad.sum()),
        "positive": int((tone >= -NEGATIVE).sum()),
        "people": len(np.unique(said.user[rows[bad]])),
        "agreeing": int(complaints.sum()),
        "severity": float(weighed / max(len(rows), 1)),
    }


def _say(row: dict, n: int, expected: float, since: float) -> str:
    parts = [f"{row['negative']} of {n} messages complain, by {row['people']} people"]
    parts.append(
        f"{row['agreeing']} of them answer another complaint"
        if row["agreeing"]
        else "nobody answers them in kind"
    )
    parts.append(f"some {expected:.1f} people a week used to")
    return join_words(parts) + f"; it began {since:.0f} days ago"
