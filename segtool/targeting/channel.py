"""Where: the channel on which a persona answers most for the opt-outs it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.display import join_words
from segtool.targeting.counts import sql_counts
from segtool.targeting.members import Members
from segtool.targeting.presets import CHANNEL_PRESETS
from segtool.targeting.sending import SendLog, rates_by_persona, slot_totals
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.shares import estimate_shares

TABLE = [
    "persona_id", "persona", "channel", "rank", "basis", "estimate", "lo", "hi", "response", "response_lo",
    "response_hi", "optout", "optout_lo", "optout_hi", "n_users", "n_sends", "verdict", "reason",
]  # fmt: skip
ANY = "any"


@dataclass(frozen=True)
class ChannelPlan:
    """Where, as a table and as one channel per persona.

    Parameters
    ----------
    table : DataFrame
        One row per persona and channel, best first. ``basis`` says what ``estimate`` is: "value per
        send" (answers x their value - opt-outs x their cost, in answers), "share of activity", or "none".
    notes : tuple of str
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    def chosen(self) -> pd.DataFrame:
        """Return each persona's first channel, indexed by persona_id."""
        return self.table[self.table["rank"] == 1].set_index("persona_id")


def plan_channels(
    sources, members: Members, user_ids: np.ndarray, log: SendLog, settings: TargetingSettings
) -> ChannelPlan:
    """Rank the channels for each persona, by what sends brought or, without sends, by activity."""
    if log.n_sends and log.has_channel and log.outcome:
        table, notes = _by_sends(sources, members, user_ids, log, settings)
    else:
        table, notes = _by_activity(sources, members, user_ids, log, settings)
    if table.empty:
        table = _unknown(members)
        notes.append("Where: no channel is named in events or sends; the channel is left open.")
    return ChannelPlan(_ranked(table, settings), tuple(notes))


def _by_sends(sources, members, user_ids, log: SendLog, settings) -> tuple[pd.DataFrame, list[str]]:
    totals = slot_totals(sources, log, "channel")
    if settings.channels:
        totals = totals[totals["slot"].isin(settings.channels)]
    sent = totals.groupby("slot")["trials"].sum()
    few = sorted(sent.index[sent < settings.min_sends_for_channel])
    totals = totals[~totals["slot"].isin(few)]
    notes = [
        f"Where: sends {log.word} and opt-outs, by channel. Channels were chosen, not drawn, so a "
        "difference between channels may be one between the users they were used for."
    ]
    if log.optouts:
        price = f"Where: an opt-out is priced at {log.optout_cost(settings):.2g} answers"
        why = f": what {settings.optout_weeks:g} weeks of sends at the present rhythm would have brought"
        notes.append(price + (why if settings.optout_cost is None else ", as the study says") + ".")
    if few:
        notes.append(
            f"Where: fewer than {settings.min_sends_for_channel} sends on {', '.join(few)}: left out."
        )
    if log.outcome == "opened":
        notes.append(
            "Where: opens stand in for answers; mail programs open by themselves, so e-mail looks better."
        )
    if not log.optouts:
        notes.append("Where: no opt-out is recorded, so their cost is not in the value of a channel.")
    if totals.empty:
        return pd.DataFrame(columns=TABLE), notes
    response = rates_by_persona(totals, "hits", members, len(user_ids), settings.confidence)
    optout = rates_by_persona(totals, "optouts", members, len(user_ids), settings.confidence)
    return _valued(response, optout, log, settings), notes


def _valued(response, optout, log: SendLog, settings) -> pd.DataFrame:
    table = response.rename(
        columns={"slot": "channel", "estimate": "response", "lo": "response_lo", "hi": "response_hi"}
    )
    for name in ("estimate", "lo", "hi"):
        table[{"estimate": "optout"}.get(name, f"optout_{name}")] = optout[name] if log.optouts else np.nan
    gain, cost = settings.response_value, log.optout_cost(settings)
    lost = table["optout"].fillna(0) * cost
    table["estimate"] = gain * table["response"] - lost
    # Both bounds at once would be too wide: answers and opt-outs err on their own.
    half = np.hypot(
        gain * (table["response_hi"] - table["response_lo"]) / 2,
        cost * (table["optout_hi"] - table["optout_lo"]).fillna(0) / 2,
    )
    table["lo"], table["hi"] = table["estimate"] - half, table["estimate"] + half
    table["basis"], table["verdict"] = "value per send", "associated only"
    table["n_sends"] = table["n_events"]
    table["reason"] = [_value_reason(row, log, settings) for row in table.itertuples()]
    return table[[c for c in TABLE if c != "rank"]]


def _value_reason(row, log: SendLog, settings) -> str:
    text = (
        f"{row.channel}: {row.response:.1%} of sends {log.word} "
        f"({row.response_lo:.1%} to {row.response_hi:.1%}, {row.n_users:,} users, {row.n_events:,} sends)"
    )
    if log.optouts:
        text += f", {row.optout:.2%} ended in an opt-out"
    if row.n_events < settings.min_sends_for_channel:
        text += "; mostly everyone's rate, this persona got few"
    return text + ("; at the stated prices a send here costs more than it brings" if row.estimate < 0 else "")


def _by_activity(sources, members, user_ids, log: SendLog, settings) -> tuple[pd.DataFrame, list[str]]:
    notes = [
        "Where: no sends with a channel and an answer, so where people answer is not known; "
        "channels say where they are active."
    ]
    if (
        "events" not in sources.tables
        or "channel" not in sources.engine.columns("events")
        or not len(members.names)
    ):
        return pd.DataFrame(columns=TABLE), notes
    counts = sql_counts(
        sources.engine,
        user_ids,
        "SELECT user_id, channel AS category, 1.0 AS weight, 1.0 AS decay "
        "FROM (SELECT DISTINCT user_id, channel, local_date FROM events WHERE channel IS NOT NULL)",
    )
    if not counts.categories:
        return pd.DataFrame(columns=TABLE), notes
    groups = estimate_shares(counts, members.weights)
    lo, hi = groups.interval(settings.confidence)
    n_personas, n_channels = groups.share.shape
    table = pd.DataFrame(
        {
            "persona_id": np.repeat(np.array(members.persona_ids, dtype=int), n_channels),
            "persona": np.repeat(np.array(members.names, dtype=object), n_channels),
            "channel": np.tile(np.array(counts.categories, dtype=object), n_personas),
            "basis": "share of activity",
            "estimate": groups.share.ravel(),
            "lo": lo.ravel(),
            "hi": hi.ravel(),
            "n_users": np.repeat(members.counted(counts.seen.astype(float)).astype(int), n_channels),
            "n_sends": 0,
            "verdict": "associated only",
        }
    ).reindex(columns=[c for c in TABLE if c != "rank"])
    return _sendable(table, settings, notes), notes


def _sendable(table: pd.DataFrame, settings: TargetingSettings, notes: list[str]) -> pd.DataFrame:
    """Keep the channels one can send on: nobody is reached in a shop because they shop there."""
    wanted = settings.channels or tuple(CHANNEL_PRESETS)
    if table["channel"].isin(wanted).any():
        table = table[table["channel"].isin(wanted)]
    else:
        notes.append("Where: none of the channels named in events is one that segtool knows can be sent on.")
    reasons = [
        f"{row.channel}: where {row.estimate:.0%} of their active days are ({row.lo:.0%} to {row.hi:.0%}, "
        f"{row.n_users:,} users); whether they answer there is not known"
        for row in table.itertuples()
    ]
    return table.assign(reason=reasons)


def _unknown(members: Members) -> pd.DataFrame:
    rows = [
        {
            "persona_id": persona_id, "persona": name, "channel": ANY, "basis": "none", "n_users": 0,
            "n_sends": 0, "verdict": "assumption", "reason": "no channel was recorded: use what you have",
        }
        for persona_id, name in zip(members.persona_ids, members.names, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[c for c in TABLE if c != "rank"])


def _ranked(table: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    table = table.assign(known=table["estimate"].astype(float).fillna(-np.inf))
    table = table.sort_values(
        ["persona_id", "known", "channel"], ascending=[True, False, True], ignore_index=True
    )
    table["rank"] = table.groupby("persona_id").cumcount() + 1
    return _with_rivals(table)[TABLE]


def _with_rivals(table: pd.DataFrame) -> pd.DataFrame:
    """Say of each persona's first channel which others may be as good."""
    reasons = table["reason"].tolist()
    for _, own in table.groupby("persona_id", sort=False):
        first = own.iloc[0]
        rivals = own.iloc[1:].loc[own["hi"].iloc[1:] >= first["estimate"], "channel"].tolist()
        if rivals:
            reasons[own.index[0]] += f"; {join_words(rivals)} may be as good"
    return table.assign(reason=reasons)
