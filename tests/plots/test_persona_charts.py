"""Pictures of personas: every row and column is named, numbers come from the tables."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from outputs.fake_study import NAMES

from segtool.errors import InputError
from segtool.plots import plot_portraits, to_svg
from segtool.plots.persona_charts import telling_values


def test_every_label_and_every_persona_is_written(study):
    _, _, personas, _ = study
    figure = plot_portraits(personas, per_persona=4)
    axes = figure.axes[0]
    rows = telling_values(personas.profile(), 4)
    assert len(axes.get_yticklabels()) == len(rows) > 10
    assert len(axes.get_xticklabels()) == len(NAMES)
    svg = to_svg(figure)
    assert svg.count("n = ") == len(NAMES)
    assert "宝妈" in svg


def test_the_written_index_is_the_profiles(study):
    _, _, personas, _ = study
    rows = telling_values(personas.profile(), 2)
    (label, value), persona_id = rows.index[0], rows.columns[0]
    profile = personas.profile().set_index(["label", "value", "persona_id"])["index"]
    written = [text.get_text() for text in plot_portraits(personas, per_persona=2).axes[0].texts]
    assert written[0] == f"{profile[label, value, persona_id]:.0f}"


def test_a_masked_profile_writes_bounds(study):
    _, _, personas, _ = study
    profile = personas.profile()
    first = profile.index[profile["index"] > 100][0]
    sides = pd.Series("", profile.index)
    for side, shown in (("<", "<"), (">", f">{profile.loc[first, 'index']:.0f}")):
        masked = profile.assign(hidden=sides.where(sides.index != first, side))
        axes = plot_portraits(personas, per_persona=9, profile=masked).axes[0]
        assert [text.get_text() for text in axes.texts].count(shown) == 1


def test_labels_can_be_left_out(study):
    _, _, personas, _ = study
    assert "Life stage" in to_svg(plot_portraits(personas))
    assert "Life stage" not in to_svg(plot_portraits(personas, leave_out=["life_stage"]))


def test_nothing_telling_is_said_so(study):
    _, _, personas, _ = study
    with pytest.raises(InputError, match="empty"):
        plot_portraits(personas, leave_out=list(personas.profile()["label"]))


def test_twelve_personas_fit(study):
    _, _, personas, _ = study
    many = {number: f"A persona with quite a long name, number {number}" for number in range(1, 13)}
    wide = replace(personas, persona=personas.persona.copy(), names=many)
    wide.persona.iloc[:] = [1 + place % 12 for place in range(len(wide.persona))]
    assert len(plot_portraits(wide).axes[0].get_xticklabels()) == 12


def test_labels_marked_sensitive_are_not_drawn(study):
    _, _, personas, _ = study
    infos = {name: SimpleNamespace(sensitive=name == "life_stage") for name in personas.profile()["label"]}
    marked = SimpleNamespace(
        portraits=personas.portraits,
        profile=personas.profile,
        labels=personas.labels,
        table=SimpleNamespace(infos=infos),
    )
    assert "Life stage" not in to_svg(plot_portraits(marked))
    with pytest.raises(InputError, match="empty"):
        plot_portraits(marked, leave_out=set(infos) - {"life_stage"})
