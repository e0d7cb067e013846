"""The labels of the built-in catalogue in pandas, as an analyst would: groupby, then merge."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

REACTIONS = ["like", "comment", "follow", "review"]
LOOKS = ["view", *REACTIONS]
FUNNEL = {
    "visit": 1, "view": 1, "like": 2, "comment": 2, "follow": 2, "share": 2, "search": 3, "click": 3, "cart": 4,
    "purchase": 5,
}  # fmt: skip
DAYPARTS = {"morning": (5, 9), "midday": (10, 13), "afternoon": (14, 17), "evening": (18, 21)}
N_SAMPLED = 2000


def label(paths: dict[str, Path], as_of: str, zone: str) -> pd.DataFrame:
    """Return one row per user: measures, single-valued labels, many-valued labels as joined texts."""
    events = read_events(paths["events"], as_of, zone)
    users = pd.read_parquet(paths["users"])
    users["joined_days"] = (pd.Timestamp(as_of) - users["joined_at"]) / pd.Timedelta(days=1)
    index = pd.Index(
        np.unique(np.r_[users["user_id"].to_numpy(), events["user_id"].unique()]), name="user_id"
    )
    table = measure(events, index).join(users.set_index("user_id").drop(columns="joined_at"))
    return add_preferences(add_labels(table), events, index).reset_index()


def read_events(path: Path, as_of: str, zone: str) -> pd.DataFrame:
    """Read the events with ages and local times."""
    events = pd.read_parquet(path)
    events["amount"] = events["amount"].astype(float)
    local = events["event_time"].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    events["age"] = (pd.Timestamp(as_of) - events["event_time"]) / pd.Timedelta(days=1)
    events["date"] = local.dt.normalize()
    events["hour"] = local.dt.hour
    events["weekday"] = local.dt.day_of_week + 1
    return events.drop(columns="event_time")


def measure(events: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Return the measures of every user."""
    table = pd.DataFrame(index=index)
    age, event = events["age"], events["event"]

    def count(rows) -> pd.Series:
        return events.loc[rows, "user_id"].value_counts().reindex(index).fillna(0.0)

    def share(part, whole) -> pd.Series:
        total = count(whole)
        return count(part & whole) / total.where(total > 0)

    def days(rows, column="date") -> pd.Series:
        return events.loc[rows].groupby("user_id")[column].nunique().reindex(index)

    bought, half_year, year = event == "purchase", age < 180, age < 365
    purchases = events[bought & half_year].groupby("user_id")["amount"]
    table["purchase_recency_days"] = events[bought].groupby("user_id")["age"].min()
    table["purchase_days_180d"] = days(bought & half_year).fillna(0)
    table["spend_180d"] = purchases.sum()
    table["spend_180d"] = table["spend_180d"].fillna(0)
    table["purchases_180d"] = count(bought & half_year)
    table["mean_purchase"] = purchases.mean()
    table["weekend_purchase_share"] = share(events["weekday"] >= 6, bought & year)
    table["refund_share"] = share(event == "refund", event.isin(["purchase", "refund"]) & year)
    table["refunds_365d"] = count((event == "refund") & year)
    table["orders_and_refunds"] = count(event.isin(["purchase", "refund"]) & year)
    with_topic = events["topic"].notna() & (age < 90)
    table["looks_90d"] = count(with_topic)
    table["topics_90d"] = days(with_topic, "topic")
    table["topics_per_look"] = table["topics_90d"] / np.sqrt(table["looks_90d"].where(table["looks_90d"] > 0))
    table["events_180d"] = count(half_year)
    table["weekend_share"] = share(events["weekday"] >= 6, half_year)
    table["work_hours_share"] = share(events["hour"].between(9, 17), (events["weekday"] <= 5) & half_year)
    ages = events.groupby("user_id")["age"]
    table["first_seen_days"], table["recency_days"] = ages.max(), ages.min()
    table["active_days_90d"] = days(age < 90).fillna(0)
    table["events_30d"], table["events_90d"] = count(age < 30), count(age < 90)
    table["events_30_to_90d"] = count((age >= 30) & (age < 90))
    table["active_days_30d"] = days(age < 30).fillna(0)
    table["active_days_30_to_60d"] = days((age >= 30) & (age < 60)).fillna(0)
    now, before = table["active_days_30d"], table["active_days_30_to_60d"]
    table["trend"] = (now - before) / np.sqrt(now + before + 1)
    table["reaction_share"] = share(event.isin(REACTIONS), event.isin(LOOKS) & half_year)
    table["looks_and_reactions"] = count(event.isin(LOOKS) & half_year)
    table["views_180d"] = count((event == "view") & half_year)
    table["reactions_180d"] = count(event.isin(REACTIONS) & half_year)
    for name, word, window in (("shares_180d", "share", half_year), ("invites_180d", "invite", half_year),
                               ("reviews_365d", "review", year), ("carts_180d", "cart", half_year),
                               ("searches_180d", "search", half_year)):  # fmt: skip
        table[name] = count((event == word) & window)
    recent = events[(age < 60) & event.isin(list(FUNNEL))]
    table["deepest_stage_60d"] = recent["event"].map(FUNNEL).groupby(recent["user_id"]).max()
    table["looks_60d"] = count(event.isin(["visit", "view"]) & (age < 60))
    table["cart_share"] = share(event == "cart", event.isin(["cart", "purchase"]) & half_year)
    table["carts_and_purchases"] = count(event.isin(["cart", "purchase"]) & half_year)
    table["search_share"] = share(event == "search", event.isin(["search", "view"]) & half_year)
    table["searches_and_views"] = count(event.isin(["search", "view"]) & half_year)
    return table


def add_labels(t: pd.DataFrame) -> pd.DataFrame:
    """Add the labels that follow from the measures."""

    def cases(rules, otherwise=None, needs=None) -> np.ndarray:
        found = np.select([rule for rule, _ in rules], [value for _, value in rules], otherwise or "")
        found = pd.Series(found, index=t.index).replace("", None)
        return found.where(needs) if needs is not None else found

    def bands(name, cuts, values, needs) -> pd.Series:
        judged = t[name].where(needs).dropna()
        edges = np.sort(judged.to_numpy())[
            np.maximum(np.ceil(np.array(cuts) * len(judged)).astype(int), 1) - 1
        ]
        return cases(
            [(t[name] <= edges[0], values[0]), (t[name] <= edges[1], values[1])],
            values[2],
            needs & t[name].notna(),
        )

    def flag(test, needs) -> pd.Series:
        return cases([(test, "yes")], "no", needs)

    quarter, low_high = (0.25, 0.75), ("low", "average", "high")
    bought, days = t["purchases_180d"], t["purchase_days_180d"]
    since, seen = t["purchase_recency_days"], t["first_seen_days"]
    t["buyer"] = cases([(days == 0, "none"), (days == 1, "once"), (days < 6, "repeat")], "frequent")
    t["purchase_recency"] = cases(
        [(since < 30, "within 30 days"), (since < 90, "30 to 90 days ago")], "over 90 days ago", since >= 0
    )
    t["purchase_frequency"] = bands("purchase_days_180d", quarter, low_high, days >= 1)
    t["spend_level"] = bands("spend_180d", quarter, low_high, bought >= 2)
    t["spending_power"] = bands("mean_purchase", quarter, low_high, bought >= 2)
    t["rfm_segment"] = cases(
        [((since < 30) & (days >= 6), "champion"), ((since < 60) & (days >= 3), "loyal"), (since < 30, "promising"),
         ((since >= 60) & (days >= 3), "at risk"), (since < 90, "needs attention")], "hibernating", days >= 1,
    )  # fmt: skip
    t["weekend_shopper"] = flag(t["weekend_purchase_share"] > 0.45, bought >= 4)
    t["returns_things"] = flag(t["refund_share"] > 0.15, t["orders_and_refunds"] >= 5)
    t["variety"] = bands("topics_per_look", (0.2, 0.8), ("focused", "mixed", "wide"), t["looks_90d"] >= 20)
    weekend = t["weekend_share"]
    t["week"] = cases(
        [(weekend < 0.2, "weekdays"), (weekend < 0.4, "all week")], "weekends", t["events_180d"] >= 30
    )
    at_work = t["work_hours_share"]
    t["work_hours"] = flag(at_work > 0.6, (t["events_180d"] >= 10) & at_work.notna())
    active = t["active_days_90d"]
    t["regularity"] = cases(
        [(active < 9, "now and then"), (active < 26, "weekly")],
        "several days a week",
        (seen >= 30) & (active >= 1),
    )
    t["activity_level"] = bands(
        "events_90d", quarter, ("quiet", "regular", "busy"), (seen >= 30) & (t["events_90d"] >= 1)
    )
    enough = (seen >= 60) & (t["active_days_30d"] + t["active_days_30_to_60d"] >= 5)
    t["trend_label"] = cases(
        [(t["trend"] <= -1.65, "falling"), (t["trend"] >= 1.65, "rising")], "steady", enough
    )
    t["engagement"] = bands(
        "reaction_share",
        quarter,
        ("looks on", "reacts at times", "reacts a lot"),
        t["looks_and_reactions"] >= 8,
    )
    gone = t["recency_days"]
    is_back = (t["events_30d"] > 0) & (t["events_30_to_90d"] == 0) & (seen >= 90)
    t["lifecycle"] = cases(
        [
            (seen < 30, "new"),
            (is_back, "returning"),
            (gone < 30, "active"),
            (gone < 90, "cooling"),
            (gone >= 90, "lapsed"),
        ]
    )
    joined = t["joined_days"]
    t["tenure"] = cases(
        [(joined < 30, "under 30 days"), (joined < 182, "1 to 6 months"), (joined < 365, "6 to 12 months")],
        "over a year", joined >= 0,
    )  # fmt: skip
    shares = t["shares_180d"]
    t["sharer"] = cases([(shares < 1, "rarely"), (shares < 4, "at times")], "often", t["events_180d"] >= 10)
    t["inviter"] = flag(t["invites_180d"] >= 1, t["events_180d"] >= 1)
    t["reviewer"] = flag(t["reviews_365d"] >= 1, bought >= 1)
    stages = ["attention", "interest", "desire", "memory", "action"]
    t["funnel_stage"] = t["deepest_stage_60d"].map(dict(enumerate(stages, start=1)))
    t["cart_leaver"] = flag(t["cart_share"] > 0.6, t["carts_and_purchases"] >= 4)
    t["searcher"] = bands(
        "search_share", quarter, ("browses", "both", "searches"), t["searches_and_views"] >= 8
    )
    return t


def add_preferences(table: pd.DataFrame, events: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Add the labels of what users turn to more than others."""
    order = sorted(index, key=lambda user: (hashlib.md5(user.encode()).hexdigest(), user))
    sampled = events[events["user_id"].isin(order[:N_SAMPLED])]
    watching = ["view", "like", "comment", "share", "search", "click", "follow", "review"]
    shopping = ["view", "like", "share", "click", "cart", "purchase"]
    plans = {
        "interest": ("topic", watching, 3, 3, 1.5, 0.7, 90), "buys": ("topic", ["purchase", "cart"], 3, 3, 1.3, 0.7, 180),
        "tired_of": ("topic", ["hide", "mute"], 2, 2, 1.5, 0.7, 90),
        "brand_taste": ("brand_tier", shopping, 1, 2, 1.2, 0.6, 180),
        "daypart": ("daypart", None, 1, 4, 1.2, 0.6, None), "channel": ("channel", None, 1, 4, 1.2, 0.6, None),
    }  # fmt: skip
    for name, (by, words, top, least, lift, at_least, half_life) in plans.items():
        rows, some = (pick(part, by, words) for part in (events, sampled))
        said = prefer(rows, design_effect(some), top, least, lift, at_least, half_life)
        joined = said.sort_values(["user_id", "value"]).groupby("user_id")["value"].agg(",".join)
        table[name] = joined.reindex(index)
    return table


def pick(events: pd.DataFrame, by: str, words: list[str] | None) -> pd.DataFrame:
    """Return user, value and age of the rows that count for a preference."""
    rows = events[events["event"].isin(words)] if words else events[events["age"] < 180]
    if by == "daypart":
        value = np.select(
            [rows["hour"].between(*hours) for hours in DAYPARTS.values()], list(DAYPARTS), "night"
        )
    else:
        value = rows[by]
    rows = rows[["user_id", "age"]].assign(value=value)
    return rows[rows["value"].notna()]


def design_effect(rows: pd.DataFrame) -> float:
    """Return how many rows of a visit are worth one independent row."""
    per_value = rows.assign(day=np.floor(rows["age"])).groupby(["user_id", "day", "value"]).size()
    squares = (per_value**2).groupby(["user_id", "day"]).sum()
    m = per_value.groupby(["user_id", "day"]).sum()
    per_user = (
        pd.DataFrame({"n": m, "squares": m**2, "pairs": m**2 - m, "same": squares - m})
        .groupby("user_id")
        .sum()
    )
    p_day = per_user["same"].sum() / per_user["pairs"].sum() if per_user["pairs"].sum() else np.nan
    size = (per_user["squares"] / (per_user["n"] + 10)).sum() / (per_user["n"] / (per_user["n"] + 10)).sum()
    of_user = rows.groupby(["user_id", "value"]).size()
    n, same = of_user.groupby("user_id").sum(), (of_user**2).groupby("user_id").sum()
    p_user = (same - n).sum() / (n**2 - n).sum()
    rho = min(max((p_day - p_user) / (1 - p_user), 0), 1) if np.isfinite(p_day) else 0
    return max(1 + max(size - 1, 0) * rho, 1)


def prefer(rows, deff, top, least, lift, at_least, half_life) -> pd.DataFrame:
    """Return user and value of what is preferred: by shrunken lift, where it is probable enough."""
    weight = 0.5 ** (rows["age"] / half_life) if half_life else pd.Series(1.0, index=rows.index)
    rows = rows.assign(n=1, w=weight, w2=weight**2).drop(columns="age")
    counts = rows.groupby(["user_id", "value"], sort=False)[["n", "w", "w2"]].sum().reset_index()
    counts["same"] = counts["w"] ** 2
    users = counts.groupby("user_id")[["n", "w", "w2", "same"]].sum()
    users["w2"] = np.minimum(users["w2"] * deff, users["w"] ** 2)
    everyone = counts.groupby("value")["w"].sum() / counts["w"].sum()
    many, squares = users[users["n"] >= 2], (everyone**2).sum()
    kish = many["w2"] / many["w"] ** 2
    rho = (many["same"] / many["w"] ** 2 - squares - (1 - squares) * kish).sum() / (
        (1 - squares) * (1 - kish)
    ).sum()
    doubt = np.sqrt(2 / max(len(many), 1)) * kish.mean()
    strength = min(max(1 / min(max(rho, doubt, 0.001), 0.95) - 1, 0.05), 1000)
    c = (
        counts[counts["n"] >= least]
        .join(users, on="user_id", rsuffix="_user")
        .join(everyone.rename("share"), on="value")
    )
    c = c[c["share"] < 0.999]
    a = np.maximum(strength * c["share"] + c["w"] * c["w_user"] / c["w2_user"], 0.3)
    b = np.maximum(strength * (1 - c["share"]) + (c["w_user"] - c["w"]) * c["w_user"] / c["w2_user"], 0.3)
    cut = np.minimum(lift * c["share"], (1 + c["share"]) / 2)
    root = (b * cut / (a * (1 - cut))) ** (1 / 3)
    z = ((1 - 1 / (9 * b)) * root - (1 - 1 / (9 * a))) / np.sqrt(root**2 / (9 * b) + 1 / (9 * a))
    z = z.clip(-8, 8)
    c["lift"] = (a / (a + b) / c["share"]).round(4)
    c = c[(1 - 1 / (1 + np.exp(-z * (1.5976 + 0.070566 * z**2)))).round(4) >= at_least]
    c = c.sort_values(["user_id", "lift", "n", "value"], ascending=[True, False, False, True])
    return c.groupby("user_id").head(top)[["user_id", "value"]]
