"""Which labels may stand together: never two readings of one fact, by lineage and not by correlation."""

import numpy as np
import pandas as pd
import pytest

from segtool.labels.frames import LabelInfo
from segtool.labels.pixels import PixelSettings, find_pixels
from segtool.labels.pixels.parts import Part, pair_up


def part(name, facet, *facts, kind="nominal", value="v", sensitive=False):
    info = LabelInfo(name, name, facet, kind, families=frozenset({"events"}), sensitive=sensitive)
    return Part(info, value, frozenset(facts))


LIKES_TEA = part("likes", "taste", "events.topic", kind="many", value="tea")
PAIRS = [
    (LIKES_TEA, part("buys", "taste", "events.topic"), False),  # the same topics
    (LIKES_TEA, part("hours", "rhythm", "events.local_hour"), True),
    (part("often", "consumption"), part("new", "lifecycle"), False),  # both count and date rows
    (part("often", "consumption"), part("spends", "consumption", "events.amount"), False),  # one facet
    (part("parent", "life stage", "survey.q1"), part("job", "life stage", "survey.q4"), True),
    (LIKES_TEA, part("talks", "taste", "messages.topic", kind="many", value="tea"), False),  # said twice
    (LIKES_TEA, part("talks", "taste", "messages.topic", kind="many", value="tea_pots"), False),
    (LIKES_TEA, part("talks", "taste", "messages.topic", kind="many", value="travel"), True),
    (LIKES_TEA, part("gender", "life stage", "users.gender", sensitive=True), False),
]


@pytest.mark.parametrize(("one", "other", "may"), PAIRS)
def test_who_stands_together(one, other, may):
    assert pair_up([one, other], PixelSettings()).tolist() == [[False, may], [may, False]]


def test_any_allows_all_but_two_values_of_one_label():
    settings = PixelSettings(facets="any", sensitive="any")
    assert all(pair_up([one, other], settings)[0, 1] for one, other, _ in PAIRS)
    assert not pair_up([LIKES_TEA, part("likes", "taste", kind="many", value="art")], settings).any()


def test_what_follows_from_another_part_is_not_said():
    rng = np.random.default_rng(2)
    student, trendy = rng.random(4000) < 0.2, rng.random(4000) < 0.15
    trendy |= student & (rng.random(4000) < 0.3)
    young = student | (rng.random(4000) < 0.1)
    frame = pd.DataFrame(
        {"student": student, "young": young, "trendy": trendy}, [f"u{i}" for i in range(4000)]
    )
    found = find_pixels(frame, pin=[{"student": "yes", "young": "yes", "trendy": "yes"}])
    row = found.to_pandas().iloc[0]
    assert row["status"] == "pinned, fails" and "follows from another" in row["why"]
    assert all(len(pixel.parts) == 2 for pixel in found.pixels[1:])
