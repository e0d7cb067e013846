"""What is really so of the simulated users, in the words of the built-in labels.

The labels claim something about a user's true level (a taste, a rate), not about the sample that
was seen; the simulator knows those levels.
"""

import numpy as np
import pandas as pd

from segtool.sources.simulate import personas as planted
from segtool.sources.simulate.behaviour import REVIEW_SHARE, day_weights
from segtool.sources.simulate.people import WEEKEND_VARIANTS
from segtool.sources.simulate.truth import hour_shares
from segtool.sources.simulate.words import TOPIC_KEYS

# As in the built-in label; the night is the rest.
DAYPARTS = {
    "morning": range(5, 10),
    "midday": range(10, 14),
    "afternoon": range(14, 18),
    "evening": range(18, 22),
}
WORDS = planted.SESSION_EVENTS


class CircleTruth:
    """True levels and true label values of a simulation."""

    def __init__(self, simulation, as_of="2026-07-01"):
        self.people, self.days = simulation._people, simulation.days
        self.users = simulation.truth["users"]
        self.ids = self.users["user_id"].astype(str).to_numpy()
        weights = day_weights(self.days, pd.Timestamp(as_of))
        self.profile = self.people.persona * len(WEEKEND_VARIANTS) + self.people.weekend
        self.weights = weights
        dates = pd.date_range(pd.Timestamp(as_of) - pd.Timedelta(days=self.days), periods=self.days)
        self.is_weekend = dates.day_of_week.to_numpy() >= 5

    def expected(self, words, last_days):
        """Return the expected number of events of some kinds within the last days."""
        people = self.people
        total = np.zeros(len(people))
        first = self.days - last_days
        cumulative = np.pad(np.cumsum(self.weights, axis=1), ((0, 0), (1, 0)))
        for stage, low, high in (
            (people.stage_before, people.start_day, np.minimum(people.stage_day, people.end_day)),
            (people.stage, np.maximum(people.start_day, people.stage_day), people.end_day),
        ):
            low, high = np.maximum(low, first), np.maximum(high, np.maximum(low, first))
            busy = cumulative[self.profile, high] - cumulative[self.profile, low]
            share = people.event_mix(stage)[:, [WORDS.index(word) for word in words]].sum(1) if words else 1.0
            total += people.events_30d / 30 * busy * share
        return total

    def sessions(self):
        """Return the expected sessions per user and day, (n_users, days)."""
        people, days = self.people, np.arange(self.days)
        rate = (people.events_30d / 30 / people.session_length)[:, None] * self.weights[self.profile]
        here = (days >= people.start_day[:, None]) & (days < people.end_day[:, None])
        return rate * here

    def active_days(self, last_days):
        """Return the expected number of days with an event."""
        return (1 - np.exp(-self.sessions()[:, self.days - last_days :])).sum(1)

    def weekend_share(self):
        """Return the true share of events on weekends while a user was there."""
        busy = self.sessions()
        return (busy * self.is_weekend).sum(1) / np.maximum(busy.sum(1), 1e-9)

    def reaction_share(self):
        """Return the true share of likes, comments, follows and reviews among looks and reactions."""
        words = ("view", "like", "comment", "follow", "purchase")
        counts = {word: self.expected([word], 180) for word in words}
        reactions = counts["like"] + counts["comment"] + counts["follow"] + REVIEW_SHARE * counts["purchase"]
        return reactions / np.maximum(reactions + counts["view"], 1e-9)

    def bands(self, level, values, *, edges=None, among=None, quantiles=(0.25, 0.75)):
        """Return user_id and the band of each true level; quantiles are those of the users judged."""
        judged = np.isin(self.ids, among) if among is not None else np.ones(len(self.ids), bool)
        cuts = edges if edges is not None else np.quantile(level[judged], quantiles)
        return pd.DataFrame({"user_id": self.ids, "value": np.array(values)[np.digitize(level, cuts)]})

    def preferences(self, shares, names, lift):
        """Return the values whose true share exceeds lift times everybody's, one row each.

        Everybody's share weighs users by their events, as the data does; a user without any true
        value has one row "none".
        """
        weight = self.expected([], 180)
        everyone = (shares * weight[:, None]).sum(0) / weight.sum()
        likes = shares > np.minimum(lift * everyone, (1 + everyone) / 2)
        user, value = np.nonzero(np.column_stack([likes, ~likes.any(1)]))
        return pd.DataFrame({"user_id": self.ids[user], "value": np.array([*names, "none"])[value]})

    def daypart_shares(self):
        """Return the true share of sessions in each part of the day, the night last."""
        hours = hour_shares(self.people)
        parts = [hours[:, list(part)].sum(1) for part in DAYPARTS.values()]
        return np.column_stack([*parts, 1 - sum(parts)]), [*DAYPARTS, "night"]

    def table(self, claims):
        """Return user_id, label, value: the truth for the labels it can speak about."""
        people = self.people
        users = self.users
        judged = {name: part["user_id"].astype(str).to_numpy() for name, part in claims.groupby("label")}
        spend = self.expected(["purchase"], 180) * people.order_value
        shares = self.expected(["share"], 180)
        three = ["low", "average", "high"]
        parts = {
            "interest": self.preferences(people.taste, TOPIC_KEYS, 1.5),
            "channel": self.preferences(people.channel_use, planted.CHANNELS, 1.2),
            "brand_taste": self.preferences(people.tier_use, planted.TIERS, 1.2),
            "daypart": self.preferences(*self.daypart_shares(), 1.2),
            "spending_power": self.bands(people.order_value, three, among=judged.get("spending_power")),
            "spend_level": self.bands(spend, three, among=judged.get("spend_level")),
            "activity_level": self.bands(
                self.expected([], 90), ["quiet", "regular", "busy"], among=judged.get("activity_level")
            ),
            "variety": self.bands(
                -(people.taste * np.log(people.taste + 1e-12)).sum(1),
                ["focused", "mixed", "wide"],
                among=judged.get("variety"),
                quantiles=(0.2, 0.8),
            ),
            "engagement": self.bands(
                self.reaction_share(),
                ["looks on", "reacts at times", "reacts a lot"],
                among=judged.get("engagement"),
            ),
            "week": self.bands(self.weekend_share(), ["weekdays", "all week", "weekends"], edges=[0.2, 0.4]),
            "regularity": self.bands(
                self.active_days(90), ["now and then", "weekly", "several days a week"], edges=[9, 26]
            ),
            "sharer": self.bands(shares, ["rarely", "at times", "often"], edges=[1, 4]),
            "life_stage": users[["user_id", "life_stage"]].set_axis(["user_id", "value"], axis=1),
        }
        return pd.concat([part.assign(label=name) for name, part in parts.items()], ignore_index=True)
