"""Small group chats whose fate is plain to see, for the tests of health."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.community.worlds import AS_OF, make_talk

END = pd.Timestamp(AS_OF)


def chat(
    group: str, *, days=range(1, 180), daily=3, voices=12, replies=0.6, topic="yoga", off=0.1, seed=0
) -> list[dict]:
    """Return the messages of a chat: so many a day, by so many voices, answering each other.

    ``voices`` may also be the chances of each voice; ``off`` the share that is off topic, or two of them, at the
    oldest and at the latest day.
    """
    rng = np.random.default_rng(seed)
    chance = np.full(voices, 1 / voices) if np.isscalar(voices) else np.asarray(voices)
    first_off, last_off = (off, off) if np.isscalar(off) else off
    day = np.repeat(sorted(days, reverse=True), daily)
    n, span = len(day), max(days)
    voice = rng.choice(len(chance), n, p=chance)
    away = rng.random(n) < last_off + (first_off - last_off) * day / span
    gossip = rng.choice(["news", "films", "jokes"], n)
    answers = rng.random(n) < replies
    at = (
        END
        - pd.to_timedelta(day, unit="D")
        + pd.Timedelta(hours=9)
        + pd.to_timedelta(np.arange(n) % 600, unit="min")
    )
    rows = []
    for row in range(n):
        others = [back for back in range(max(0, row - 6), row) if voice[back] != voice[row]]
        rows.append({"message_id": f"{group}_{row:05d}", "group_id": group, "user_id": f"{group}_u{voice[row]:02d}",
                     "sent_at": str(at[row]), "topic": gossip[row] if away[row] else topic, "text": "ok",
                     "reply_to": f"{group}_{others[-1]:05d}" if others and answers[row] else None})  # fmt: skip
    return rows


def roster(group: str, n: int, joined_days_ago=200, **more) -> list[dict]:
    """Return the rows of members: those who write first, then silent ones."""
    ago = np.broadcast_to(joined_days_ago, n)
    return [
        {"group_id": group, "user_id": f"{group}_u{number:02d}",
         "joined_at": str(END - pd.Timedelta(days=float(ago[number]))), **more}
        for number in range(n)
    ]  # fmt: skip


def read(messages=None, members=None, **tables):
    """Read a talk."""
    return make_talk(messages=messages, members=members, **tables)
