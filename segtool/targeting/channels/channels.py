"""Where: the channel on which a persona answers most for the opt-outs it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.display import join_words
from segtool.notes import known, unknown
from segtool.targeting.channels.opens import opens_note, without_machine_opens
from segtool.targeting.channels.presets import CHANNEL_PRESETS
from segtool.targeting.channels.user_channels import UserChannels, build_user_channels
from segtool.targeting.counts import sql_counts
from segtool.targeting.members import Members
from segtool.targeting.sending import SendLog, rates_by_persona, slot_totals
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.shares import estimate_shares
from segtool.targeting.verdicts import ADVICE

TABLE = [
    "persona_id", "persona", "channel", "rank", "basis", "estimate", "lo", "hi", "response", "response_lo",
    "response_hi", "optout", "optout_lo", "optout_hi", "cost", "n_users", "n_sends", "verdict", "reason",
]  # fmt: skip
ANY = "any"
UNKNOWN = "not known"
VISITED = ("store", "web")  # people come there; nothing can be sent to them there
MOST = 0.5  # of a persona's users have to be seen on channels one can send on


@dataclass(frozen=True)
class ChannelPlan:
    """Where, as a table and as one channel per persona.

    Parameters
    ----------
    table : DataFrame
        One row per persona and channel, best first. ``basis`` says what ``estimate`` is: "value per
        send" (answers x their value - opt-outs x their cost - the cost of the send), "share of activity", or
        "none".
    advice : DataFrame
        Aspect "channel", in the same order.
    notes : tuple of str
    users : UserChannels or None
        What a send to each user is worth; None where there is no send with an answer.
    """

    table: pd.DataFrame
    advice: pd.DataFrame
    notes: tuple[str, ...]
    users: UserChannels | None = None

    def chosen(self) -> pd.DataFrame:
        """Return each persona's first channel, indexed by persona_id."""
        return self.table[self.table["rank"] == 1].set_index("persona_id")


def plan_channels(
    sources, members: Members, user_ids: np.ndarray, log: SendLog, settings: TargetingSettings
) -> ChannelPlan:
    """Rank the channels for each persona, by what sends brought or, without sends, by activity."""
    log, opens = without_machine_opens(sources, log, settings)
    users = None
    if log.n_sends and log.has_channel and log.outcome and len(members.names):
        table, notes, users = _by_sends(sources, members, user_ids, log, settings)
        notes += opens
    else:
        table, notes = _by_activity(sources, members, user_ids, log, settings)
    if table.empty:
        table = _unknown(members, "no channel was recorded: use what you have", ANY)
        notes.append(unknown("Where: no channel is named in events or sends; the channel is left open."))
    table = _ranked(table, settings)
    return ChannelPlan(table, _advice(table, settings), tuple(notes), users)


def _advice(table: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    units = {"value per send": "value per send, in answers", "share of activity": "share of active days"}
    few = (table["basis"] == "value per send") & (table["n_sends"] < settings.min_sends_for_channel)
    blind = np.where(table["lo"].notna(), "", "; no interval: nothing was counted")
    return table.assign(
        aspect="channel",
        advice=table["channel"],
        unit=table["basis"].map(units).fillna(""),
        n_events=table["n_sends"],
        level=np.where(few | (table["basis"] == "none"), "everyone", "persona"),
        reason=table["reason"] + blind,
    )[ADVICE]


def _by_sends(sources, members, user_ids, log: SendLog, settings):
    """Return the table, notes, and what gives users' own values."""
    totals = slot_totals(sources, log, "channel")
    if settings.channels:
        totals = totals[totals["slot"].isin(settings.channels)]
    sent = totals.groupby("slot")["trials"].sum()
    few = sorted(sent.index[sent < settings.min_sends_for_channel])
    totals = totals[~totals["slot"].isin(few)]
    notes = [
        known(f"Where: sends {log.word}{' and opt-outs' if log.optouts else ''}, by channel."),
        unknown(
            "Where: channels were chosen, not drawn, so a difference between channels may be one between "
            "the users they were used for."
        ),
    ]
    if log.optouts:
        price = f"Where: an opt-out is priced at {log.optout_cost(settings):.2g} answers"
        why = f": what {settings.optout_weeks:g} weeks of sends at the present rhythm would have brought"
        notes.append(known(price + (why if settings.optout_cost is None else ", as the study says") + "."))
    if few:
        least = settings.min_sends_for_channel
        short = f"fewer than {least} sends with a known outcome on {', '.join(few)}"
        notes.append(unknown(f"Where: {short}: left out."))
    if log.outcome == "opened":
        notes.append(opens_note(log))
    if not log.optouts:
        why = "so their cost is not in the value of a channel"
        notes.append(unknown(f"Where: no opt-out is recorded, {why}."))
    if totals.empty:
        return pd.DataFrame(columns=TABLE), notes, None
    response = rates_by_persona(totals, "hits", members, len(user_ids), settings.confidence)
    optout = rates_by_persona(totals, "optouts", members, len(user_ids), settings.confidence)
    users = build_user_channels(
        totals, response, optout, members, user_ids, gain=settings.response_value,
        cost=log.optout_cost(settings) if log.optouts else 0.0, send_costs=settings.channel_costs,
    )  # fmt: skip
    return _valued(response, optout, log, settings), notes, users


def _valued(response, optout, log: SendLog, settings) -> pd.DataFrame:
    table = response.rename(
        columns={"slot": "channel", "estimate": "response", "lo": "response_lo", "hi": "response_hi"}
    )
    lost = ["optout", "optout_lo", "optout_hi"]
    if log.optouts and len(optout):
        names = dict(zip(["slot", "estimate", "lo", "hi"], ["channel", *lost], strict=True))
        own = optout.rename(columns=names)[["persona_id", "channel", *lost]]
        table = table.merge(own, on=["persona_id", "channel"], how="left", validate="one_to_one")
    else:
        table[lost] = np.nan
    gain, cost = settings.response_value, log.optout_cost(settings)
    lost = table["optout"].fillna(0) * cost
    table["cost"] = table["channel"].map(settings.channel_costs).fillna(0.0)
    table["estimate"] = gain * table["response"] - lost - table["cost"]
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
        told = f"{row.optout:.2%} ended in an opt-out" if pd.notna(row.optout) else "opt-outs are not known"
        text += f", {told}"
    if row.cost:
        text += f", {row.cost:g} a send"
    if row.n_events < settings.min_sends_for_channel:
        text += "; mostly everyone's rate, this persona got few"
    return text + ("; at the stated prices a send here costs more than it brings" if row.estimate < 0 else "")


def _by_activity(sources, members, user_ids, log: SendLog, settings) -> tuple[pd.DataFrame, list[str]]:
    notes = [
        unknown(
            "Where: no sends with a channel and an answer, so where people answer is not known; "
            "channels say where they are active."
        )
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
    return _sendable(table, counts, members, settings, notes), notes


def _sendable(table: pd.DataFrame, counts, members: Members, settings, notes: list[str]) -> pd.DataFrame:
    """Keep the channels one can send on: nobody is reached in a shop because they shop there.

    A persona of which most users were never seen on such a channel has none that is known: the
    channel of the others would be a default in disguise.
    """
    wanted = settings.channels or tuple(CHANNEL_PRESETS)
    if not table["channel"].isin(wanted).any():
        # Words of one's own: only the places that are surely no channel to send on are left out.
        wanted = tuple(name for name in counts.categories if name not in VISITED)
        if wanted:
            names = ", ".join(wanted)
            notes.append(unknown(f"Where: whether one can send on {names}; no word segtool knows is used."))
    reached = counts.events[:, [name in wanted for name in counts.categories]].sum(axis=1) > 0
    n_reached = members.counted(np.asarray(reached).ravel().astype(float)).astype(int)
    rows = []
    for place, (_, own) in enumerate(table.groupby("persona_id", sort=True)):
        sent_on = own["channel"].isin(wanted)
        aside = _aside(own[~sent_on])
        reasons = [_activity_reason(row, aside) for row in own[sent_on].itertuples()]
        rows.append(own[sent_on].assign(reason=reasons))
        if n_reached[place] <= MOST * members.n_users[place]:
            seen = f"only {n_reached[place]:,} of {members.n_users[place]:,} users were seen on a channel"
            rows.append(_unknown(members, f"not known: {seen} one can send on{aside}").iloc[[place]])
    kept = pd.concat([part for part in rows if len(part)], ignore_index=True)
    unclear = kept.loc[kept["channel"] == UNKNOWN, "persona"].tolist()
    if unclear:
        notes.append(unknown(f"Where: {join_words(unclear)}: most users were never seen where one can send."))
    return kept


def _aside(elsewhere: pd.DataFrame) -> str:
    """Say how much of a persona's activity is where nothing can be sent."""
    share = elsewhere["estimate"].sum()
    if share < 0.005:
        return ""
    names = elsewhere.sort_values(["estimate", "channel"], ascending=[False, True])["channel"].tolist()
    return f"; {share:.0%} of their active days are in or on {join_words(names)}, where nothing can be sent"


def _activity_reason(row, aside: str) -> str:
    preset = CHANNEL_PRESETS.get(row.channel)
    passing = "" if preset is None or preset.pushed else ", seen only by those who come by"
    return (
        f"{row.channel}: where {row.estimate:.0%} of their active days are ({row.lo:.0%} to {row.hi:.0%}, "
        f"{row.n_users:,} users){passing}; whether they answer there is not known{aside}"
    )


def _unknown(members: Members, reason: str, channel: str = UNKNOWN) -> pd.DataFrame:
    rows = [
        {
            "persona_id": persona_id, "persona": name, "channel": channel, "basis": "none", "n_users": 0,
            "n_sends": 0, "verdict": "assumption", "reason": reason,
        }
        for persona_id, name in zip(members.persona_ids, members.names, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[c for c in TABLE if c != "rank"])


def _ranked(table: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    # Where it is not known, that comes first: the others are what a few users were seen on.
    first = table["estimate"].astype(float).where(table["channel"] != UNKNOWN, np.inf)
    table = table.assign(known=first.fillna(-np.inf))
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
        if rivals and first["channel"] != UNKNOWN:
            reasons[own.index[0]] += f"; {join_words(rivals)} may be as good"
    return table.assign(reason=reasons)
