"""Which feedback closes what, for how long, and what opens it again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.settings import TargetingSettings

EVERYWHERE = "everywhere"
COMPLAINT = "complaint"
# Where only the time of sending is known, a refusal is taken to have come within so many days of it: a
# message is read for days, but it can lie in a box for weeks.
LATE_DAYS = 30.0
BLOCKS = ["user_id", "kind", "what", "why", "days_ago", "days_left"]
_KEY = ["user_id", "kind", "what", "why"]


def settle_blocks(feedback: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    """Return what is closed now, out of all refusals and what took them back.

    Parameters
    ----------
    feedback : DataFrame
        As from `read_feedback`: user_id, age_days, kind, topic, item_id, channel, via, and dated where known
        (else refusals on sends are not).
    settings : TargetingSettings

    Returns
    -------
    DataFrame
        user_id; kind: "topic", "item", "channel" or "user"; what; why; days_ago (of the latest time);
        days_left (missing: until they opt in again, or a person has looked at the complaint).

    Notes
    -----
    A muted topic rests for ``block_days``, and so does one that was hidden without naming an item. A
    hidden item stays hidden, and so does one that was muted without naming topic or channel. A channel that
    was muted or left is closed until a later event of ``optin_events`` on it, or one that names no channel;
    where no channel was named, all are. A complaint closes everything until a later event of
    ``release_events``; the topic it was about stays closed.

    A refusal on a send of which only the time of sending is known may have come after an opt-in that is
    younger than the send. It is taken back only by an opt-in more than `LATE_DAYS` days after the send.
    """
    if "dated" not in feedback:
        feedback = feedback.assign(dated=feedback["via"] != "sends")
    unsure = ~feedback["dated"].astype("boolean").fillna(feedback["via"] != "sends").astype(bool)
    feedback = feedback.assign(latest=feedback["age_days"] - LATE_DAYS * unsure)
    refused = pd.concat(_refusals(feedback), ignore_index=True)
    refused = refused[refused["what"].notna()]
    if refused.empty:
        return pd.DataFrame(columns=BLOCKS)
    latest = refused.groupby(_KEY, as_index=False)[["age_days", "latest"]].min()
    latest["days_left"] = np.where(
        (latest["kind"] == "topic") & latest["why"].isin(["mute", "hide"]),
        settings.block_days - latest["age_days"],
        np.nan,
    )
    closed = latest[~(latest["days_left"] < 0) & ~_taken_back(latest, feedback)]
    return closed.rename(columns={"age_days": "days_ago"}).sort_values(_KEY, ignore_index=True)[BLOCKS]


def _refusals(feedback: pd.DataFrame) -> list[pd.DataFrame]:
    kind = feedback["kind"]
    has_topic, has_item = feedback["topic"].notna(), feedback["item_id"].notna()
    parts = [
        ("user", COMPLAINT, kind == "complain"),
        ("topic", feedback["topic"], kind.eq("complain") & has_topic),
        ("topic", feedback["topic"], kind.eq("mute") & has_topic),
        ("item", feedback["item_id"], kind.eq("hide") & has_item),
        ("topic", feedback["topic"], kind.eq("hide") & has_topic & ~has_item),
        ("item", feedback["item_id"], item_alone(feedback)),
        (
            "channel",
            feedback["channel"].fillna(EVERYWHERE),
            kind.eq("mute") & ~has_topic & ~item_alone(feedback),
        ),
        ("channel", feedback["channel"].fillna(EVERYWHERE), kind == "unsubscribe"),
    ]
    return [
        feedback.loc[rows, ["user_id", "age_days", "latest"]].assign(
            kind=about,
            what=what[rows] if isinstance(what, pd.Series) else what,
            why=np.where(feedback.loc[rows, "via"] == "sends", kind[rows].map(_send_word), kind[rows]),
        )
        for about, what, rows in parts
    ]


def item_alone(feedback: pd.DataFrame) -> pd.Series:
    """Say which mutes name an item and neither topic nor channel: they are about that item."""
    named = feedback["item_id"].notna() & feedback["topic"].isna() & feedback["channel"].isna()
    return feedback["kind"].eq("mute") & named & (feedback["via"] != "sends")


def _send_word(kind: str) -> str:
    """Keep apart what was refused by an event and what by answering a send."""
    return {"mute": "muted", "unsubscribe": "unsubscribed"}.get(kind, kind)


def _taken_back(refused: pd.DataFrame, feedback: pd.DataFrame) -> np.ndarray:
    """Say which refusals a later opt-in or release took back."""
    back = np.zeros(len(refused), dtype=bool)
    opened = feedback[feedback["kind"] == "opt_in"]
    if len(opened):
        all_channels = opened[opened["channel"].isna()].groupby("user_id")["age_days"].min()
        one = opened[opened["channel"].notna()].groupby(["user_id", "channel"])["age_days"].min()
        key = pd.MultiIndex.from_frame(refused[["user_id", "what"]])
        newest = np.fmin(
            refused["user_id"].map(all_channels).to_numpy(dtype=float), one.reindex(key).to_numpy(dtype=float)
        )
        back |= (refused["kind"] == "channel").to_numpy() & (newest < refused["latest"].to_numpy())
    released = feedback[feedback["kind"] == "release"].groupby("user_id")["age_days"].min()
    if len(released):
        newest = refused["user_id"].map(released).to_numpy(dtype=float)
        back |= (refused["kind"] == "user").to_numpy() & (newest < refused["age_days"].to_numpy())
    return back
