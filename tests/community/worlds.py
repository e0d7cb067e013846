"""Small talks for the tests of the community."""

from __future__ import annotations

import pandas as pd

from segtool.community.settings import CommunitySettings
from segtool.community.talk import Talk, read_talk
from segtool.sources import Sources

AS_OF = "2026-07-01"


def make_sources(**tables) -> Sources:
    """Read tables as of 2026-07-01; messages may lack message_id, rows may be dicts."""
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items() if rows is not None and len(rows)}
    if "messages" in frames and "message_id" not in frames["messages"]:
        n = len(frames["messages"])
        frames["messages"].insert(0, "message_id", [f"m{number:05d}" for number in range(n)])
    if not {"messages", "members"} & set(frames):
        frames["users"] = pd.DataFrame({"user_id": ["nobody"]})
    return Sources.read(frames, as_of=AS_OF, max_rejected_share=1.0)


def make_talk(*, settings: CommunitySettings | None = None, **tables) -> Talk:
    """Read a talk from rows: messages, members, groups, activities, users, events, ...

    Examples
    --------
    >>> make_talk(messages=[{"group_id": "g", "user_id": "a", "sent_at": "2026-06-01"}]).group_ids.tolist()
    ['g']
    """
    return read_talk(make_sources(**tables), settings)
