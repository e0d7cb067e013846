"""The picture of activities shows each of them, all together, and the days around the start."""

from __future__ import annotations

import pytest

from segtool.community.activities.activities import study_activities
from segtool.community.talk import read_talk
from segtool.errors import InputError
from segtool.plots.activity_chart import plot_activities
from segtool.plots.theme import to_png, to_svg
from segtool.sources import Sources
from segtool.sources.simulate.groups import simulate_groups


def study(fates: list[str], **options):
    world = simulate_groups(fates, random_state=3, with_text=False, **options)
    return study_activities(read_talk(Sources.read(world.tables, as_of=world.as_of, timezone=world.timezone)))


@pytest.fixture(scope="module")
def activities():
    return study(["thriving"] * 5, lift=4.0)


def test_each_activity_and_all_together_are_drawn(activities):
    figure = plot_activities(activities)
    lifts, days = figure.axes
    labels = [label.get_text() for label in lifts.get_yticklabels()]
    told = activities.table["lift"].notna().sum()
    assert len(labels) == min(told, 16) + 1
    assert labels[-1].startswith("all together")
    assert len(days.lines[-1].get_xdata()) == activities.curve["lift"].notna().sum() > 30
    assert f"of {told} activities" in figure.texts[0].get_text()
    assert len(to_png(figure)) > 10_000


def test_only_the_latest_are_drawn_and_the_same_each_time(activities):
    labels = [label.get_text() for label in plot_activities(activities, top_k=3).axes[0].get_yticklabels()]
    latest = activities.table.dropna(subset=["lift"]).sort_values("starts_on")["starts_on"].tail(3)
    assert [label[:5] for label in labels[:3]] == [day[5:] for day in latest]
    assert to_svg(plot_activities(activities)) == to_svg(plot_activities(activities))


def test_without_a_known_effect_there_is_nothing_to_draw():
    with pytest.raises(InputError, match="nothing to draw"):
        plot_activities(study(["dead"], n_activities=0))
