"""A second pair of eyes: a finished send list against every rule, by other means than it was made with.

The schedule counts sends on a grid of days going forward; here the finished list is sorted, and each
send is held against the one so many places before it. Of the schedule's modules only the table of caps
is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.targeting.channels.presets import CHANNEL_PRESETS
from segtool.targeting.schedule.limits import ALL, read_limits, weekly_windows
from segtool.targeting.settings import DAYPARTS, TargetingSettings

NEEDED = ("user_id", "send_date", "send_hour_local", "channel", "topic", "send_id")
VIOLATIONS = ["rule", "send_id", "user_id", "found", "allowed"]
DAY = pd.Timedelta(days=1)
FIRST_DAY = pd.Timestamp("1970-01-01")


def check_send_list(
    send_list: pd.DataFrame,
    users: pd.DataFrame | None = None,
    *,
    settings: TargetingSettings | None = None,
    history: pd.DataFrame | None = None,
    blocks: pd.DataFrame | None = None,
    holdout: pd.Series | None = None,
    acted: pd.DataFrame | None = None,
    content: pd.DataFrame | None = None,
    probes: pd.DataFrame | None = None,
    start=None,
    weeks: int | None = None,
    as_of=None,
    zone: str = "UTC",
    budget: float | None = None,
) -> pd.DataFrame:
    """Return every send that breaks a rule, with the rule's name.

    Parameters
    ----------
    send_list : DataFrame
        user_id, send_date, send_hour_local, channel, topic, send_id; item_id, daypart, propensity, zone.
    users, history, blocks, holdout, acted, content, probes, start, weeks, as_of, zone, budget
        As given to `make_schedule`; a rule without its table is not checked.

    Returns
    -------
    DataFrame
        rule, send_id, user_id, found, allowed: empty where every cap and block holds.

    Examples
    --------
    >>> late = pd.DataFrame({"user_id": ["a"], "send_date": ["2026-07-01"], "send_hour_local": [23],
    ...                      "channel": ["email"], "topic": ["books"], "send_id": ["1"]})
    >>> check_send_list(late)[["rule", "found", "allowed"]].values.tolist()
    [['quiet hours', '23 h', 'outside 22 to 8 h']]
    """
    check_columns(send_list.columns, NEEDED, "send_list")
    if send_list.empty:
        return pd.DataFrame(columns=VIOLATIONS)
    rules = _Rules(_prepared(send_list, zone), settings or TargetingSettings())
    rules.hours()
    rules.list_itself(budget)
    if start is not None:
        rules.span(pd.Timestamp(start), weeks)
    if as_of is not None:
        rules.not_before(as_of, zone)
    rules.holdout(holdout)
    rules.blocks(blocks, content, as_of, zone)
    rules.probes(probes)
    rules.caps(_day_table(history), users)
    rules.items(_day_table(history), acted, content)
    if users is not None:
        rules.people(users)
    return pd.concat(rules.found, ignore_index=True) if rules.found else pd.DataFrame(columns=VIOLATIONS)


def _prepared(send_list: pd.DataFrame, zone: str) -> pd.DataFrame:
    table = send_list.reset_index(drop=True)
    own_zone = table["zone"] if "zone" in table else pd.Series(zone, index=table.index)
    item = table["item_id"] if "item_id" in table else pd.Series("", index=table.index)
    day = (pd.to_datetime(table["send_date"]) - FIRST_DAY) // DAY
    return table.assign(
        user_id=table["user_id"].astype(str),
        own_zone=own_zone.fillna(zone),
        item=item.fillna("").astype(str),
        day=day,
    )


def _day_table(history: pd.DataFrame | None) -> pd.DataFrame:
    """Return past sends one a row: user_id, day, channel, item."""
    if history is None or history.empty:
        return pd.DataFrame({"user_id": [], "day": [], "channel": [], "item": []})
    n = history["n"].to_numpy() if "n" in history else np.ones(len(history), dtype=int)
    table = pd.DataFrame(
        {
            "user_id": history["user_id"].astype(str),
            "day": (pd.to_datetime(history["send_date"]) - FIRST_DAY) // DAY,
            "channel": history["channel"].fillna("") if "channel" in history else "",
            "item": history.get("item_id", ""),
        }
    )
    return table.loc[table.index.repeat(n)].dropna(subset=["day"])


def _with_silence(users: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    """Return users by id, with what follows from the sends they ignored, where it was not said."""
    table = users.assign(user_id=users["user_id"].astype(str)).set_index("user_id")
    ignored = table["ignored_in_a_row"].fillna(0) if "ignored_in_a_row" in table else 0
    table = table.assign(ignored_in_a_row=ignored)
    if "gap_factor" not in table:
        slow = settings.backoff_after is not None and table["ignored_in_a_row"] >= settings.backoff_after
        table["gap_factor"] = np.where(slow, 2.0, 1.0)
    if "stop_at" not in table:
        table["stop_at"] = np.inf if settings.stop_after is None else float(settings.stop_after)
    return table


@dataclass
class _Rules:
    """The list, and what was found so far."""

    sends: pd.DataFrame
    settings: TargetingSettings

    def __post_init__(self):
        self.found: list[pd.DataFrame] = []

    def broken(self, bad, rule: str, found, allowed: str) -> None:
        """Write down the sends at which a rule is broken."""
        bad = np.asarray(bad, dtype=bool)
        if not bad.any():
            return
        rows = self.sends.loc[bad, ["send_id", "user_id"]]
        found = np.asarray(found, dtype=object)[bad] if np.ndim(found) else found
        self.found.append(rows.assign(rule=rule, found=found, allowed=allowed)[VIOLATIONS])

    def hours(self) -> None:
        quiet = [hour for hour in range(24) if self.settings.is_quiet(hour)]
        hour = self.sends["send_hour_local"]
        said = hour.astype(str) + " h"
        start, end = self.settings.quiet_from_hour, self.settings.quiet_to_hour
        self.broken(hour.isin(quiet), "quiet hours", said, f"outside {start} to {end} h")
        self.broken(~hour.between(0, 23), "hour of the day", said, "0 to 23")
        if "daypart" in self.sends:
            inside = np.zeros(len(self.sends), dtype=bool)
            for name, (first, last) in DAYPARTS.items():
                within = hour.between(first, last - 1) if first < last else (hour >= first) | (hour < last)
                inside |= (within & (self.sends["daypart"] == name)).to_numpy()
            self.broken(
                ~inside, "daypart", self.sends["daypart"].astype(object), "the part of the day of the hour"
            )

    def list_itself(self, budget: float | None) -> None:
        twice = self.sends["send_id"].duplicated(keep="first")
        self.broken(twice, "send_id", "named twice", "once")
        twice = self.sends.duplicated(["user_id", "day"], keep="first")
        self.broken(twice, "one a day", "two on one day", "one planned send a day")
        if "propensity" in self.sends:
            chance = self.sends["propensity"]
            self.broken(
                ~((chance > 0) & (chance <= 1)), "propensity", chance.astype(object), "above 0, at most 1"
            )
        if budget is not None:
            self.broken(np.arange(len(self.sends)) >= budget, "budget", "one too many", f"{budget:g} sends")

    def span(self, start: pd.Timestamp, weeks: int | None) -> None:
        first = (start.tz_localize(None).normalize() - FIRST_DAY) // DAY
        day = self.sends["day"]
        self.broken(day < first, "start", self.sends["send_date"].astype(str), f"from {start:%Y-%m-%d} on")
        if weeks is not None:
            self.broken(
                day >= first + 7 * weeks, "end", self.sends["send_date"].astype(str), f"{weeks} weeks"
            )

    def not_before(self, as_of, zone: str) -> None:
        moment = pd.Timestamp(as_of)
        moment = moment.tz_localize(zone) if moment.tzinfo is None else moment
        at = self.moments()
        self.broken(at.isna(), "time zone", "not known", "a zone of the IANA database")
        self.broken(at < moment, "as_of", "before the study's moment", f"from {moment} on")

    def moments(self) -> pd.Series:
        """Return when each send goes out, in UTC."""
        local = FIRST_DAY + pd.to_timedelta(self.sends["day"], unit="D")
        local = local + pd.to_timedelta(self.sends["send_hour_local"], unit="h")
        moments = pd.Series(pd.NaT, index=local.index, dtype="datetime64[ns, UTC]")
        for name in self.sends["own_zone"].unique():
            try:
                there = ZoneInfo(str(name))
            except (ValueError, OSError, KeyError):
                continue
            own = (self.sends["own_zone"] == name).to_numpy()
            clock = local[own].dt.tz_localize(
                there, ambiguous=np.ones(own.sum(), bool), nonexistent="shift_forward"
            )
            moments[own] = clock.dt.tz_convert("UTC").astype("datetime64[ns, UTC]")
        return moments

    def holdout(self, holdout: pd.Series | None) -> None:
        if holdout is not None:
            held = holdout.index[holdout.to_numpy(dtype=bool)].astype(str)
            self.broken(self.sends["user_id"].isin(held), "holdout", "held out", "nothing")

    def blocks(self, blocks: pd.DataFrame | None, content, as_of, zone: str) -> None:
        if blocks is None or blocks.empty:
            return
        table = blocks.assign(user_id=blocks["user_id"].astype(str), what=blocks["what"].astype(str))
        for kind, column in (("topic", "topic"), ("channel", "channel"), ("item", "item")):
            refused = pd.MultiIndex.from_frame(table.loc[table["kind"] == kind, ["user_id", "what"]])
            own = pd.MultiIndex.from_arrays([self.sends["user_id"], self.sends[column].astype(str)])
            self.broken(
                own.isin(refused), f"blocked {kind}", self.sends[column].astype(object), "not this one"
            )
        if content is not None and len(content):
            self.further_topics(table[table["kind"] == "topic"], content)
        everywhere = table.loc[(table["kind"] == "channel") & (table["what"] == "everywhere"), "user_id"]
        self.broken(self.sends["user_id"].isin(everywhere), "unsubscribed", "a send", "nothing")
        self.cooloff(table[table["kind"] == "user"], as_of, zone)

    def further_topics(self, refused: pd.DataFrame, content: pd.DataFrame) -> None:
        """Hold items of several topics against refusals of any of them."""
        topics = content[["item_id", "topic"]].dropna().astype(str)
        several = topics[topics["item_id"].duplicated(keep=False)].rename(columns={"item_id": "item"})
        bears = self.sends.loc[:, ["user_id", "item"]].reset_index(names="at").merge(several, on="item")
        refused = refused.rename(columns={"what": "topic"})[["user_id", "topic"]]
        wrong = bears.merge(refused, on=["user_id", "topic"])
        found = "an item that bears it too"
        self.broken(self.sends.index.isin(wrong["at"]), "blocked topic", found, "none of its topics refused")

    def probes(self, probes: pd.DataFrame | None) -> None:
        """Check that a topic whose rest is over is asked about once, and not while an answer is awaited."""
        if probes is None or probes.empty:
            return
        named = probes[["user_id", "topic"]].astype(str).assign(state=probes.get("state", "due"))
        named = named.drop_duplicates(["user_id", "topic"], keep="last")
        own = self.sends[["user_id", "topic"]].astype(str).merge(named, on=["user_id", "topic"], how="left")
        state = own["state"].to_numpy(dtype=object)
        again = own.duplicated(["user_id", "topic"], keep="first").to_numpy()
        self.broken((state == "due") & again, "probe", "a second send of it", "one send of the topic")
        waiting = own["state"].notna().to_numpy() & (state != "due")
        self.broken(waiting, "probe", "a send of it", "none before its answer")

    def cooloff(self, users: pd.DataFrame, as_of, zone: str) -> None:
        if users.empty:
            return
        if "days_left" in users:
            left = users["days_left"].astype(float)
        else:
            ago = users["days_ago"].astype(float) if "days_ago" in users else 0.0
            left = self.settings.cooloff_hours / 24 - ago + pd.Series(0.0, index=users.index)
        longest = left.fillna(np.inf).groupby(users["user_id"]).max()
        left = self.sends["user_id"].map(longest).fillna(-np.inf)
        self.broken(left == np.inf, "complaint", "a send", "nothing until a person decided")
        if as_of is None:
            return
        moment = pd.Timestamp(as_of)
        moment = moment.tz_localize(zone) if moment.tzinfo is None else moment
        passed = (self.moments() - moment) / DAY
        self.broken(np.isfinite(left) & (passed < left), "cool-off", "a send", "nothing yet")

    def caps(self, past: pd.DataFrame, users: pd.DataFrame | None) -> None:
        """Hold each send against the one ``most`` places before it."""
        columns = ["user_id", "day", "channel"]
        ours = self.sends[columns].assign(place=np.arange(len(self.sends)))
        both = pd.concat([past[past["user_id"].isin(set(ours["user_id"]))][columns].assign(place=-1), ours])
        user = pd.factorize(both["user_id"])[0]
        channel, names = pd.factorize(both["channel"].astype(str))
        day, place = both["day"].to_numpy(dtype=np.int64), both["place"].to_numpy(dtype=np.int64)
        limits = read_limits(self.sends["channel"].astype(str), self.settings)
        counted = np.array([n not in CHANNEL_PRESETS or CHANNEL_PRESETS[n].pushed for n in names], dtype=bool)
        for rule in limits.itertuples():
            # A past send whose channel is not known may have been on this one.
            own = (names[channel] == rule.channel) | (names[channel] == "")
            rows = counted[channel] if rule.channel == ALL else own
            where = f" on {rule.channel}" if rule.channel else ""
            self.window(user[rows], day[rows], place[rows], rule.most, rule.days, f"{rule.rule}{where}")
        if users is not None:
            self.own_caps(users, user, day, place, channel, names)

    def window(self, user, day, place, most: int, days: int, rule: str) -> None:
        order = np.lexsort((place, day, user))
        user, day, place = user[order], day[order], place[order]
        before = np.arange(len(user)) - most
        same = (before >= 0) & (user[np.maximum(before, 0)] == user)
        close = same & (day - day[np.maximum(before, 0)] < days) & (place >= 0)
        bad = np.zeros(len(self.sends), dtype=bool)
        bad[place[close]] = True
        self.broken(bad, rule, f"{most + 1} in {days} days", f"{most} in {days} days")

    def own_caps(self, users: pd.DataFrame, user, day, place, channel, names) -> None:
        """Check the weekly cap of each user on the channel that is planned, and what follows silence."""
        table = _with_silence(users, self.settings)
        own = self.sends["user_id"].map(table["weekly_cap"]) / self.sends["user_id"].map(table["gap_factor"])
        cap = own.to_numpy(dtype=float)
        of_user = np.full(user.max(initial=-1) + 1, np.nan)
        of_user[user[place >= 0]] = cap[place[place >= 0]]
        planned = np.full(len(of_user), -1)
        planned[user[place >= 0]] = channel[place >= 0]
        same = (channel == planned[user]) | (names[channel] == "")
        for weekly in np.unique(of_user[~np.isnan(of_user)]):
            rows = same & (of_user[user] == weekly)
            for most, days in weekly_windows(float(weekly)):
                self.window(user[rows], day[rows], place[rows], most, days, f"own cap of {weekly:g} a week")
        ignored, stop, gap = (
            self.sends["user_id"].map(table[name]).to_numpy(dtype=float)
            for name in ("ignored_in_a_row", "stop_at", "gap_factor")
        )
        number = self.sends.groupby("user_id").cumcount().to_numpy() + 1
        silent = (ignored >= stop) | ((gap > 1) & (ignored + number > stop))
        self.broken(silent, "silence", "a send", "none after so many ignored in a row")

    def items(self, past: pd.DataFrame, acted: pd.DataFrame | None, content: pd.DataFrame | None) -> None:
        named = (self.sends["item"] != "").to_numpy()
        rest = self.settings.repeat_days
        ours = self.sends.loc[named, ["user_id", "day", "item"]].assign(place=np.flatnonzero(named))
        earlier = past[past["user_id"].isin(set(ours["user_id"])) & past["item"].notna()]
        both = pd.concat([earlier[["user_id", "day", "item"]].assign(place=-1), ours])
        both = both.sort_values(["user_id", "item", "day", "place"], kind="stable")
        again = (both["day"] - both.groupby(["user_id", "item"])["day"].shift()) < rest
        bad = np.zeros(len(self.sends), dtype=bool)
        bad[both.loc[again & (both["place"] >= 0), "place"].to_numpy(dtype=np.int64)] = True
        self.broken(bad, "repeated item", "sent lately", f"once in {rest} days")
        own = pd.MultiIndex.from_frame(self.sends[["user_id", "item"]])
        if acted is not None and len(acted):
            done = pd.MultiIndex.from_arrays([acted["user_id"].astype(str), acted["item_id"].astype(str)])
            self.broken(own.isin(done) & named, "acted on", "an item they acted on", "a new one")
        if content is not None and len(content):
            self.published(content, named)

    def published(self, content: pd.DataFrame, named: np.ndarray) -> None:
        table = content.dropna(subset=["item_id"]).drop_duplicates("item_id")
        table = table.assign(item_id=table["item_id"].astype(str)).set_index("item_id")
        self.broken(
            named & ~self.sends["item"].isin(table.index), "unknown item", "not in content", "an item of it"
        )
        theirs = pd.MultiIndex.from_frame(content[["item_id", "topic"]].dropna().astype(str))
        own = pd.MultiIndex.from_arrays([self.sends["item"], self.sends["topic"].astype(str)])
        self.broken(named & ~own.isin(theirs), "topic of the item", "another", "its own")
        if "published_at" in table:
            out = self.sends["item"].map(pd.to_datetime(table["published_at"], utc=True))
            self.broken(
                named & (out > self.moments()), "not out yet", "an item of the future", "one that is out"
            )

    def people(self, users: pd.DataFrame) -> None:
        table = users.assign(user_id=users["user_id"].astype(str)).set_index("user_id")
        self.broken(~self.sends["user_id"].isin(table.index), "stranger", "not among the users", "a user")
        groups = self.sends["channel"].isin(self.settings.group_channels)
        self.broken(groups, "group channel", self.sends["channel"].astype(object), "a channel to one person")
        if "flag" in table:
            flagged = table.index[(table["flag"].fillna("") != "").to_numpy()]
            self.broken(self.sends["user_id"].isin(flagged), "flagged user", "a send", "nothing")
