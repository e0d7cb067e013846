"""The content of the simulated community: articles, short videos, live shows and products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.sources.simulate.personas import TIERS
from segtool.sources.simulate.words import PRODUCT_PATTERNS, TITLE_PATTERNS, TOPICS, Topic

CONTENT_PER_TOPIC = 10
PRODUCTS_PER_TIER = 3
KINDS = ("content", *TIERS)  # a shelf is a topic and one of these
FORMATS = ("short_video", "article", "post", "live")
SECONDS = {"short_video": (12, 60), "article": (60, 300), "post": (15, 45), "live": (1200, 3600)}


@dataclass(frozen=True)
class Catalogue:
    """Items on shelves (topic x kind), each shelf in order of publishing."""

    item_ids: np.ndarray  # (n_items,) text
    first: np.ndarray  # (n_shelves,) position of a shelf's first item
    available: np.ndarray  # (n_shelves, days) how many of the shelf are out on a day
    table: pd.DataFrame

    def pick(self, topic: np.ndarray, kind: np.ndarray, day: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Pick an item that is out on the day, newer ones more often; returns positions in item_ids."""
        shelf = topic * len(KINDS) + kind
        count = self.available[shelf, day]
        return self.first[shelf] + count - 1 - (count * u * u).astype(np.int64)


def make_catalogue(days: int, as_of: pd.Timestamp, rng: np.random.Generator) -> Catalogue:
    """Make the items; the first of every shelf is out before the window starts."""
    rows, first, available = [], [], []
    for topic in TOPICS:
        for kind in KINDS:
            n_items = CONTENT_PER_TOPIC if kind == "content" else PRODUCTS_PER_TIER
            out_day = np.sort(rng.uniform(-150, days - 1, n_items))
            out_day[0] = -rng.uniform(150, 400)
            first.append(len(rows))
            available.append(np.searchsorted(out_day, np.arange(days), side="right"))
            rows += [_item(topic, kind, number, day, rng) for number, day in enumerate(out_day)]
    table = pd.DataFrame(rows)
    # Ids run in order of publishing, as a shop's would.
    rank = table["day"].rank(method="first").astype(int)
    table.insert(0, "item_id", ("c" + rank.astype(str).str.zfill(4)).astype("str"))
    start = as_of - pd.Timedelta(days=days)
    table["published_at"] = (start + pd.to_timedelta(table.pop("day"), unit="D")).dt.floor("min")
    table["duration_seconds"] = table["duration_seconds"].astype("Int64")
    return Catalogue(
        item_ids=table["item_id"].to_numpy(),
        first=np.array(first),
        available=np.array(available),
        table=table.sort_values("item_id", ignore_index=True),
    )


def _item(topic: Topic, kind: str, number: int, day: float, rng: np.random.Generator) -> dict:
    zh, en = topic.subjects[number % len(topic.subjects)]
    if kind == "content":
        pattern = TITLE_PATTERNS[rng.integers(len(TITLE_PATTERNS))]
        form = str(rng.choice(FORMATS, p=[0.45, 0.28, 0.20, 0.07]))
        seconds = int(rng.integers(*SECONDS[form]))
    else:
        pattern, form, seconds = PRODUCT_PATTERNS[kind], "product", None
    title = f"{pattern[0]} {topic.sign} {pattern[1]}".format(zh=zh, en=en)
    return {
        "topic": topic.key,
        "title": title,
        "format": form,
        "duration_seconds": seconds,
        "day": day,
        "brand_tier": None if kind == "content" else kind,
    }
