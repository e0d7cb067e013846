"""Which feedback closes what, for how long, and what opens it again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.settings import TargetingSettings

EVERYWHERE = "everywhere"
COMPLAINT = "complaint"
BLOCKS = ["user_id", "kind", "what", "why", "days_ago", "days_left"]
_KEY = ["user_id", "kind", "what", "why"]


def settle_blocks(feedback: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    """Return what is closed now, out of all refusals and what took them back.

    Parameters
    ----------
    feedback : DataFrame
        As from `read_feedback`: user_id, age_days, kind, topic, item_id, channel.
    settings : TargetingSettings

    Returns
    -------
    DataFrame
        user_id; kind: "topic", "item", "channel" or "user"; what; why; days_ago (of the latest time);
        days_left (missing: until they opt in again, or a person has looked at the complaint).

    Notes
    -----
    A muted topic rests for ``block_days``, and so does one that was hidden without naming an item. A
    hidden item stays hidden. A channel that was muted or left is closed until a later event of
    ``optin_events`` on it, or one that names no channel. A complaint closes everything until a later
    event of ``release_events``; the topic it was about stays closed.
    """
    refused = pd.concat(_refusals(feedback), ignore_index=True)
    refused = refused[refused["what"].notna()]
    if refused.empty:
        return pd.DataFrame(columns=BLOCKS)
    latest = refused.groupby(_KEY, as_index=False)["age_days"].min()
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
        ("channel", feedback["channel"], kind.eq("mute") & ~has_topic),
        ("channel", feedback["channel"].fillna(EVERYWHERE), kind == "unsubscribe"),
    ]
    return [
        feedback.loc[rows, ["user_id", "age_days"]].assign(
            kind=about,
            what=what[rows] if isinstance(what, pd.Series) else what,
            why=np.where(feedback.loc[rows, "via"] == "sends", kind[rows].map(_send_word), kind[rows]),
        )
        for about, what, rows in parts
    ]


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
        back |= (refused["kind"] == "channel").to_numpy() & (newest < refused["age_days"].to_numpy())
    released = feedback[feedback["kind"] == "release"].groupby("user_id")["age_days"].min()
    if len(released):
        newest = refused["user_id"].map(released).to_numpy(dtype=float)
        back |= (refused["kind"] == "user").to_numpy() & (newest < refused["age_days"].to_numpy())
    return back
