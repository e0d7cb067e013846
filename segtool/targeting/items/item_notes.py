"""What the ranking of items rests on, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.notes import known, unknown
from segtool.targeting.items.catalogue import Catalogue
from segtool.targeting.items.choose import NOBODY
from segtool.targeting.items.weights import Weights


def repeat_note(repeat: bool, share: float, setting: bool | None, window_days: float | None) -> str:
    """Say whether items may be recommended again, and why."""
    verdict = "may be recommended again" if repeat else "are not recommended again to who has seen them"
    if setting is not None:
        return f"Items: {verdict}, as the setting item_repeat says."
    if window_days is None:
        return f"Items: {verdict}; times are not known, so whether people come back to an item is not either."
    return (
        f"Items: {verdict}: {share:.0%} of what known users took up in the last {window_days:.0f} days they "
        "had taken up before."
    )


def weight_notes(weights: Weights, window_days: float | None) -> list[str]:
    """Say how the weights of the ranking were chosen, and where they could not be."""
    table = weights.table
    chosen = table[table["gain"].notna()]
    alone = table.loc[table["gain"].isna() & (table["source"] != NOBODY), "bucket"]
    notes = []
    held = (
        "a random fifth of what people did, as times are not known"
        if window_days is None
        else f"what people did in the last {window_days:.0f} days, from what they did before"
    )
    if len(chosen):
        gains = ", ".join(
            f"{row.ndcg:.3f} for {row.bucket} items (popularity {row.ndcg_popularity:.3f}, {row.n_users} users)"
            for row in chosen.itertuples()
        )
        notes.append(
            known(
                f"Items: how much each signal counts was chosen on {held}; NDCG@10 by length of history, of users "
                f"who had no part in that choice: {gains}. A signal counts only where it clearly helps."
            )
        )
        if "persona" in weights.names:
            notes.append(
                known(
                    "Items: who belongs to which persona, and what is known of profiles, is as of today and may "
                    "have been found from those days too; there each user's persona was guessed from the profile "
                    "and from earlier items, but the gain may still look somewhat too good."
                )
            )
    if len(alone):
        notes.append(
            unknown(
                f"Items: what beats popularity for users with {', '.join(alone)} items; too few to learn from, "
                "so popularity ranks for them."
            )
        )
    return notes


def content_notes(catalogue: Catalogue, content: pd.DataFrame | None) -> list[str]:
    """Say what is missing of the items."""
    notes = []
    has_topic = np.array([value is not None for value in catalogue.topic])
    if not has_topic.any():
        notes.append(unknown("Items: no item has a topic, so topics say nothing about items."))
    elif not has_topic.all():
        notes.append(known(f"Items: {has_topic.sum():,} of {len(has_topic):,} items have a topic."))
    n_later = int((catalogue.age_days < 0).sum())
    if n_later:
        notes.append(known(f"Items: {n_later:,} come out after the study's date and are not recommended."))
    return notes
