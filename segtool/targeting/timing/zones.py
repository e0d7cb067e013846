"""Whose clock: the hours of users who live in a time zone of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.engines import literal, quote
from segtool.engines.zones import UTC_NAMES
from segtool.notes import known, unknown
from segtool.targeting.settings import TargetingSettings

USUAL_COLUMNS = ("timezone", "time_zone", "zone")


@dataclass(frozen=True)
class UserZones:
    """The zone of each word that ``users`` holds for it; nothing known is everybody on the study's clock.

    Parameters
    ----------
    study : str
        The study's zone, for users whose own is not known.
    column : str
        Of ``users``; "" for none. What it says that is no zone name leaves a user's night unknown: their
        hours are told on the study's clock, and nothing may be sent to them.
    zones : Mapping of str to str
        Word of that column to IANA name.
    notes : tuple of str
    """

    study: str = "UTC"
    column: str = ""
    zones: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def table(self, sources, table: str, time: str) -> str:
        """Return SQL to put after FROM: the table with local_date, local_weekday and local_hour of its users.

        Its other columns are user_id and the time.
        """
        if not self.zones:
            return table
        cases = self._cases(sources, table, time, f"t.{quote(time)}", f"u.{quote(self.column)}")
        return f"""(
            SELECT user_id, {quote(time)}, CAST(own_time AS DATE) AS local_date,
                   CAST(isodow(own_time) AS INTEGER) AS local_weekday, CAST(hour(own_time) AS INTEGER) AS local_hour
            FROM (SELECT t.user_id, t.{quote(time)}, CASE {cases} ELSE t.local_time END AS own_time
                  FROM {table} AS t LEFT JOIN users AS u ON u.user_id = t.user_id) AS placed
        ) AS {table}"""

    def hour(self, sources, table: str, time: str) -> str:
        """Return SQL of the local hour of a row of the table, on its user's clock."""
        if not self.zones:
            return "local_hour"
        between = _between(sources, table, time)
        cases = " ".join(
            f"WHEN user_id IN (SELECT user_id FROM users WHERE {quote(self.column)} IN ({words})) "
            f"THEN hour({sources.engine.local_time(quote(time), zone, between)})"
            for zone, words in self._words().items()
        )
        return f"CAST(CASE {cases} ELSE local_hour END AS INTEGER)"

    def of(self, sources, user_ids: np.ndarray) -> np.ndarray:
        """Return the zone of each user, shape (n_users,)."""
        if not self.zones:
            return np.full(len(user_ids), self.study, dtype=object)
        table = sources.engine.query(
            f"SELECT user_id, {quote(self.column)} AS word FROM users ORDER BY user_id"
        )
        zone = pd.Series(table["word"].map(dict(self.zones)).to_numpy(dtype=object), index=table["user_id"])
        return zone.reindex(user_ids).fillna(self.study).to_numpy(dtype=object)

    def unread(self, sources, user_ids: np.ndarray) -> np.ndarray:
        """Say whose zone word cannot be read, shape (n_users,); a missing word is not one of them."""
        if not self.column:
            return np.zeros(len(user_ids), dtype=bool)
        table = sources.engine.query(
            f"SELECT user_id, {quote(self.column)} AS word FROM users WHERE {quote(self.column)} IS NOT NULL "
            "ORDER BY user_id"
        )
        odd = table.loc[~table["word"].isin(list(self.zones)), "user_id"]
        return pd.Index(user_ids).isin(odd)

    def _words(self) -> dict[str, str]:
        """Return zone -> its words as SQL literals; those of the study's own zone need no case."""
        by_zone: dict[str, list[str]] = {}
        for word, zone in sorted(self.zones.items()):
            if zone != self.study:
                by_zone.setdefault(zone, []).append(literal(word))
        return {zone: ", ".join(words) for zone, words in by_zone.items()} or {self.study: "NULL"}

    def _cases(self, sources, table: str, time: str, moment: str, word: str) -> str:
        between = _between(sources, table, time)
        return " ".join(
            f"WHEN {word} IN ({words}) THEN {sources.engine.local_time(moment, zone, between)}"
            for zone, words in self._words().items()
        )


def _between(sources, table: str, time: str) -> tuple:
    row = sources.engine.query(f"SELECT min({quote(time)}) AS first, max({quote(time)}) AS last FROM {table}")
    first, last = row.iloc[0]
    return (None, None) if pd.isna(first) else (first.to_pydatetime(), last.to_pydatetime())


def read_zones(sources, settings: TargetingSettings) -> UserZones:
    """Find out in which zone users live.

    Returns
    -------
    UserZones

    Raises
    ------
    InputError
        If the column that the settings name is not there.
    """
    study = getattr(sources, "timezone", "UTC")
    present = list(sources.engine.columns("users")) if "users" in sources.tables else []
    if settings.zone_column is not None:
        check_columns(present, [settings.zone_column], "users")
    column = settings.zone_column or next((name for name in USUAL_COLUMNS if name in present), "")
    if not column or sources.engine.columns("users")[column] != "text":
        return UserZones(study)
    words = sources.engine.query(
        f"SELECT {quote(column)} AS word, count(*) AS n FROM users GROUP BY word ORDER BY word"
    )
    zones = {word: zone for word in words["word"].dropna() if (zone := _zone_of(word, settings))}
    read = words["word"].isin(list(zones))
    n_read, n_odd = int(words.loc[read, "n"].sum()), int(words.loc[~read & words["word"].notna(), "n"].sum())
    notes = (
        [known(f"When: {n_read:,} users on their own clock, by the column {column} of users.")]
        if n_read
        else []
    )
    n_missing = int(words["n"].sum()) - n_read - n_odd
    if n_odd and not zones and column == "zone" and settings.zone_column is None:
        told = f"the zone of users: no word of the column {column} is a zone name, so it is taken for something else"
        return UserZones(
            study, notes=(unknown(f"When: {told}, and everybody is on the study's clock ({study})."),)
        )
    if n_odd:
        told = f"the zone of {n_odd:,} users: what {column} says is no zone name"
        then = f"Their hours are told on the study's clock ({study}), and nothing is scheduled for them"
        notes.append(
            unknown(
                f"When: {told}. {then}, their night not being known. Say under zones what the words mean."
            )
        )
    if n_missing:
        notes.append(
            unknown(f"When: the zone of {n_missing:,} users is missing; the study's is taken ({study}).")
        )
    return UserZones(study, column, zones, tuple(notes))


def _zone_of(word: str, settings: TargetingSettings) -> str:
    """Return the zone a word means, "" for none."""
    if word in settings.zones:
        return settings.zones[word]
    if word in UTC_NAMES:
        return "UTC"
    return word if word in available_timezones() else ""
