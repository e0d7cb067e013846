"""The picture of what groups talk about: what it shows is what the table holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.value.core_value import CoreValue
from segtool.errors import InputError
from segtool.plots.core_value_chart import CORE, plot_core_value
from segtool.plots.theme import to_png


def make_value(n_groups: int = 8, charter: bool = True) -> CoreValue:
    ids = [f"g{number:02d}" for number in range(n_groups)]
    share = np.linspace(0.9, 0.1, n_groups)
    table = pd.DataFrame(
        {
            "group_id": ids,
            "title": ["妈妈成长圈 🌱 Growing Together with a long name"] * n_groups,
            "n_messages": range(1000, 1000 - n_groups, -1),
            "charter": "parenting" if charter else None,
            "charter_from": "stated" if charter else "",
            "core_share": share if charter else np.nan,
            "core_lo": share - 0.05,
            "core_hi": share + 0.05,
        }
    )
    topics = pd.DataFrame(
        [(g, topic, part) for g, s in zip(ids, share, strict=True)
         for topic, part in (("parenting", s), ("gossip", (1 - s) * 0.7), ("news", (1 - s) * 0.3))],
        columns=["group_id", "topic", "share"],
    )  # fmt: skip
    words = [
        "亲子陪伴",
        "bedtime stories",
        "辅食",
        "an endless term of sixty letters and more that nobody would say",
    ]
    terms = pd.DataFrame(
        [(g, word, rank, 40 - rank) for g in ids[:-1] for rank, word in enumerate(words * 3, 1)],
        columns=["group_id", "term", "rank", "n_people"],
    )
    nothing = pd.DataFrame()
    return CoreValue(table, terms, topics, nothing, nothing, ())


def texts(figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_a_row_per_group_with_its_core_share_and_terms():
    value = make_value()
    figure = plot_core_value(value)
    left, right = figure.axes
    core = [patch for patch in left.patches if patch.get_facecolor()[:3] == pytest.approx(_rgb(CORE))]
    assert [patch.get_width() for patch in core] == pytest.approx(value.table["core_share"])
    assert "parenting 90%" in texts(figure) and "亲子陪伴 39" in texts(figure)
    assert right.texts[-1].get_text() == "no words set it apart"
    assert all(text.get_text().count("\n") <= 1 for text in right.texts)
    assert "4 of 8 groups judged" in figure.texts[1].get_text()
    assert len(to_png(figure)) > 10_000


def test_only_the_largest_groups_are_shown_and_emoji_are_not():
    figure = plot_core_value(make_value(20), max_groups=3)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == 3 and "1,000 messages" in labels[0] and "🌱" not in labels[0]
    assert "3 of 20 groups shown" in figure.texts[1].get_text()


def test_groups_that_are_for_nothing_known_have_no_strong_part():
    figure = plot_core_value(make_value(charter=False))
    assert not any(patch.get_facecolor()[:3] == pytest.approx(_rgb(CORE)) for patch in figure.axes[0].patches)
    assert "are not known" in figure.texts[1].get_text()


def test_no_message_is_refused():
    value = make_value()
    with pytest.raises(InputError, match="Nobody wrote"):
        plot_core_value(CoreValue(value.table.assign(n_messages=0), *[pd.DataFrame()] * 4, ()))


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
