"""The calendar of personas and the audience of each, read off the sends."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.settings import DAYPARTS
from segtool.targeting.timing.dayparts import daypart_hours

CALENDAR = [
    "persona_id", "persona", "week", "week_start", "daypart", "channel", "topic", "item_id", "title", "stage",
    "n_sends", "n_users", "n_explore", "share",
]  # fmt: skip
AUDIENCE = ["user_id", "membership", "channel", "topics", "next_send", "n_sends", "left_out"]
TOPICS_NAMED = 5
WEEK = 7


def build_calendar(schedule) -> pd.DataFrame:
    """Add the sends up by persona, week, daypart, channel, topic and item.

    Returns
    -------
    DataFrame
        persona_id, persona, week, week_start, daypart, channel, topic, item_id, title, stage (the commonest
        of those who get it), n_sends, n_users, n_explore, share (of the persona's sends of the week);
        within persona and week in the order of the day, the most sent first.
    """
    sends, people = schedule.sends, schedule.people.table
    if not len(sends):
        return pd.DataFrame(columns=CALENDAR)
    coded = {name: pd.factorize(people[name], sort=True) for name in ("persona_id", "channel", "stage")}
    table = pd.DataFrame({name: code[sends.row] for name, (code, _) in coded.items()})
    parts = np.array([_part(hour) for hour in range(24)])
    table["week"], table["daypart"] = sends.day // WEEK + 1, parts[people["hour"].to_numpy()[sends.row]]
    table["topic"], table["item"] = sends.topic, sends.item
    table["row"], table["explored"] = sends.row, sends.explored
    key = ["persona_id", "week", "daypart", "channel", "topic", "item"]
    by_stage = table.groupby([*key, "stage"], sort=True).size().rename("n").reset_index()
    stage = by_stage.sort_values([*key, "n", "stage"], ascending=[*[True] * 6, False, True]).drop_duplicates(
        key
    )
    cells = table.groupby(key, sort=True).agg(
        n_sends=("row", "size"), n_users=("row", "nunique"), n_explore=("explored", "sum")
    )
    cells = cells.reset_index().merge(stage[[*key, "stage"]], on=key, validate="one_to_one")
    weekly = cells.groupby(["persona_id", "week"])["n_sends"].transform("sum")
    cells["share"] = cells["n_sends"] / weekly
    cells = cells.sort_values(
        ["persona_id", "week", "daypart", "n_sends", "channel", "topic", "item"],
        ascending=[True, True, True, False, True, True, True],
        ignore_index=True,
    )
    return _named(cells, schedule, coded)


def _part(hour: int) -> int:
    return next(place for place, name in enumerate(DAYPARTS) if hour in daypart_hours(name))


def _named(cells: pd.DataFrame, schedule, coded) -> pd.DataFrame:
    people, catalogue = schedule.people.table, schedule.catalogue
    names = (
        people.dropna(subset=["persona_id"]).drop_duplicates("persona_id").set_index("persona_id")["persona"]
    )
    for name, (_, words) in coded.items():
        cells[name] = np.asarray(words)[cells[name]]
    cells["persona"] = cells["persona_id"].map(names)
    cells["week_start"] = schedule.start + pd.to_timedelta((cells["week"].astype(int) - 1) * WEEK, unit="D")
    cells["daypart"] = np.array(list(DAYPARTS), dtype=object)[cells["daypart"]]
    item = cells["item"].to_numpy()
    cells["topic"] = np.array(catalogue.topics, dtype=object)[cells["topic"]]
    cells["item_id"], cells["title"] = (
        np.append(each, "")[item] for each in (catalogue.item_ids, catalogue.titles)
    )
    return cells[CALENDAR]


def build_audiences(schedule, memberships: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
    """Return each persona's people, those who are left out too.

    Parameters
    ----------
    memberships : DataFrame, optional
        user_id, membership: how surely each belongs to the persona.

    Returns
    -------
    dict of str to DataFrame
        By persona: user_id (text), membership, channel, topics (in the order of the sends, " | " between),
        next_send (date; missing for none), n_sends, left_out (the reason, "" for none).
    """
    sends, people = schedule.sends, schedule.people.table
    n_users = len(people)
    table = people[["user_id", "persona_id", "persona", "channel"]].copy()
    table["n_sends"] = np.bincount(sends.row, minlength=n_users)
    first = np.searchsorted(sends.row, np.arange(n_users))
    day = np.append(sends.day, 0)[np.minimum(first, len(sends))].astype(int)
    dates = pd.Series(schedule.start + pd.to_timedelta(day, unit="D"))
    table["next_send"] = dates.where(table["n_sends"].to_numpy() > 0).to_numpy()
    table["topics"] = _topics(sends, schedule.catalogue, n_users)
    table["left_out"] = schedule.why
    table["membership"] = np.nan
    if memberships is not None:
        known = memberships.drop_duplicates("user_id").set_index("user_id")["membership"]
        table["membership"] = table["user_id"].map(known)
    grouped = table.dropna(subset=["persona_id"]).groupby("persona_id", sort=True)
    return {str(own["persona"].iloc[0]): own[AUDIENCE].reset_index(drop=True) for _, own in grouped}


def _topics(sends, catalogue, n_users: int) -> np.ndarray:
    pairs = pd.DataFrame({"row": sends.row, "topic": sends.topic}).drop_duplicates()
    pairs = pairs[pairs.groupby("row").cumcount() < TOPICS_NAMED]
    words = np.array(catalogue.topics, dtype=object)[pairs["topic"]] if len(pairs) else []
    said = pd.Series(words, dtype=object).groupby(pairs["row"].to_numpy()).agg(" | ".join)
    return said.reindex(range(n_users)).fillna("").to_numpy(dtype=object)
