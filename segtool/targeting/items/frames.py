"""Items for users and personas from plain tables, for scripts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.checks import check_columns, check_in, check_number
from segtool.errors import InputError
from segtool.notes import in_order
from segtool.targeting.items.catalogue import build_catalogue, first_of_each
from segtool.targeting.items.item_notes import content_notes
from segtool.targeting.items.plan_items import ItemPlan, make_plan
from segtool.targeting.items.profile import frame_profile
from segtool.targeting.items.read_log import AGAINST, frame_log
from segtool.targeting.members import align_table
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.times import read_times

DAY = 86_400


def rank_items(
    events: pd.DataFrame,
    content: pd.DataFrame | None = None,
    personas: pd.Series | pd.DataFrame | None = None,
    *,
    profile: pd.DataFrame | None = None,
    top_k: int = 10,
    by: str = "user",
    as_of=None,
    settings: TargetingSettings | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Rank items for users or personas from a plain table.

    Parameters
    ----------
    events : DataFrame, shape (n_events, ...)
        ``user_id`` and ``item_id``; optional ``event_time`` (without it nothing tells which signals
        help, and popularity ranks), ``event`` (hide, mute, complain and refund speak against an item;
        without the column every row speaks for one) and ``topic``.
    content : DataFrame, optional
        ``item_id``; optional ``topic``, ``title``, ``format``, ``published_at``, any attribute.
    personas : Series or DataFrame, optional
        Persona by user: a Series indexed by user_id, or a table with user_id and persona.
    profile : DataFrame, optional
        Indexed by user_id: what is known of users but not from what they did.
    top_k : int
    by : {"user", "persona"}
    as_of : timestamp, optional
        The date to rank for; events from then on are left out. Without it just after the last event.
    settings : TargetingSettings, optional
    random_state : int

    Returns
    -------
    DataFrame
        For users: user_id, rank, item_id, score, one column per signal (they sum to the score), main
        (the signal that sets the item apart), because (the user's own item that speaks for it most).
        For personas: see `ItemPlan.table`.

    Raises
    ------
    InputError
        If a column is missing, or no event speaks for an item.

    Examples
    --------
    >>> events = pd.DataFrame({"user_id": ["a", "a", "b", "b", "c"], "item_id": ["x", "y", "x", "z", "x"]})
    >>> rank_items(events, top_k=1)[["user_id", "rank", "item_id"]]
      user_id  rank item_id
    0       a     1       z
    1       b     1       y
    2       c     1       y
    """
    check_in("by", by, ["persona", "user"])
    check_number("top_k", top_k, low=1, integer=True)
    settings = (settings or TargetingSettings()).model_copy(update={"top_k": top_k})
    plan = plan_frame(
        events, content, personas, profile=profile, as_of=as_of, settings=settings, random_state=random_state
    )
    if by == "persona":
        if personas is None:
            raise InputError(
                "by='persona' was asked for without personas.",
                "personas as a Series by user_id, or a table with user_id and persona.",
            )
        return plan.table
    return pd.concat(plan.batches(top_k), ignore_index=True)


def plan_frame(
    events: pd.DataFrame,
    content: pd.DataFrame | None = None,
    personas: pd.Series | pd.DataFrame | None = None,
    *,
    profile: pd.DataFrame | None = None,
    as_of=None,
    settings: TargetingSettings | None = None,
    random_state: int = 0,
) -> ItemPlan:
    """Return everything `rank_items` knows; see there for the tables."""
    settings = settings or TargetingSettings()
    events, age = _read_events(events, as_of)
    end = age.attrs.get("end") if age is not None else None
    against = events["event"].isin(AGAINST) if "event" in events else pd.Series(False, index=events.index)
    positive = events[_counts(events, settings) & ~against]
    if positive.empty:
        raise InputError(
            f"none of {len(events):,} events speaks for an item.",
            "rows with user_id, item_id and, if there is a column event, a word that has a weight.",
            "Fill item_id, map your event words, or leave the column event out.",
        )
    notes: list[str] = []
    if content is not None:
        check_columns(content.columns, ["item_id"], "content")
        content, notes = first_of_each(content)
    user_ids, item_ids = _ids(events, content, personas, profile)
    refused = events.loc[against, ["user_id", "item_id"]]
    refused = refused.assign(age_days=1.0 if age is None else age[against])
    log = frame_log(
        positive,
        None if age is None else age[positive.index],
        user_ids,
        item_ids,
        refused,
        settings.item_window_days,
    )
    catalogue = build_catalogue(item_ids, content, _topics(events), _ages(content, end))
    members = align_table(personas, user_ids)
    plan = make_plan(log, catalogue, members, frame_profile(profile, user_ids), settings, random_state)
    said = [*notes, *content_notes(catalogue, content), *plan.notes]
    return ItemPlan(**{**vars(plan), "notes": tuple(in_order(said))})


def _read_events(events: pd.DataFrame, as_of) -> tuple[pd.DataFrame, pd.Series | None]:
    check_columns(events.columns, ["user_id", "item_id"], "events")
    events = events[events["user_id"].notna() & events["item_id"].notna()]
    events = events.assign(user_id=events["user_id"].astype(str), item_id=events["item_id"].astype(str))
    events = events.reset_index(drop=True)
    if "event_time" not in events or events.empty:
        return events, None
    times = read_times(events["event_time"], "event_time")
    end = (
        times.max() + pd.Timedelta(seconds=1)
        if as_of is None
        else read_times(pd.Series([as_of]), "as_of").iloc[0]
    )
    age = (end - times).dt.total_seconds() / DAY
    kept = age > 0
    age = age[kept]
    age.attrs["end"] = end
    return events[kept], age


def _counts(events: pd.DataFrame, settings: TargetingSettings) -> pd.Series:
    if "event" not in events:
        return pd.Series(True, index=events.index)
    weighed = events["event"].map(settings.event_weights).astype(float).gt(0)
    return weighed if weighed.any() else pd.Series(True, index=events.index)


def _ids(events, content, personas, profile) -> tuple[np.ndarray, np.ndarray]:
    users, items = set(events["user_id"]), set(events["item_id"])
    if profile is not None:
        users |= set(profile.index.astype(str))
    if isinstance(personas, pd.Series):
        users |= set(personas.index.astype(str))
    elif personas is not None and "user_id" in personas:
        users |= set(personas["user_id"].astype(str))
    if content is not None:
        items |= set(content["item_id"])
    return np.array(sorted(users), dtype=object), np.array(sorted(items), dtype=object)


def _topics(events: pd.DataFrame) -> pd.Series:
    if "topic" not in events or events["topic"].isna().all():
        return pd.Series(dtype=object)
    counts = events.groupby(["item_id", "topic"]).size().reset_index(name="n_events")
    counts = counts.sort_values(["item_id", "n_events", "topic"], ascending=[True, False, True])
    return counts.drop_duplicates("item_id").set_index("item_id")["topic"]


def _ages(content: pd.DataFrame | None, end) -> pd.Series | None:
    if content is None or "published_at" not in content or end is None:
        return None
    return (end - read_times(content["published_at"], "published_at")).dt.total_seconds() / DAY
