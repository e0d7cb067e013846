"""The picture of what each arm would have brought."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.plots.off_policy_chart import plot_off_policy
from segtool.plots.theme import to_png


def values():
    table = pd.DataFrame(
        {
            "persona_id": [1, 1, 2, 2], "persona": ["traders", "traders", "笑话迷 & <fans>", "笑话迷 & <fans>"],
            "arm": ["matched", "popular", "matched", "popular"], "value": [0.05, 0.03, 0.07, np.nan],
            "lo": [0.04, 0.02, 0.05, np.nan], "hi": [0.06, 0.05, 0.09, np.nan], "logged": [0.035, 0.035, 0.04, 0.04],
            "gate": [True, True, True, False], "n_matched": [1200, 1500, 800, 12],
        }
    )  # fmt: skip
    return table


def test_one_panel_per_persona_with_its_arms_in_order():
    figure = plot_off_policy(values())
    panels = [axes for axes in figure.axes if axes.axison]
    assert len(panels) == 2
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["matched", "popular"]
    assert to_png(figure)[:4] == b"\x89PNG"


def test_what_the_log_cannot_answer_is_said_and_not_drawn():
    panel = plot_off_policy(values()).axes[1]
    assert "the log cannot answer" in [text.get_text() for text in panel.texts]
    assert sum(len(line.get_xdata()) == 1 for line in panel.lines) == 1


def test_the_best_arms_are_shown_and_nothing_to_draw_is_refused():
    panel = plot_off_policy(values(), max_arms=1).axes[0]
    assert [text.get_text() for text in panel.get_yticklabels()] == ["matched"]
    with pytest.raises(InputError, match="no arm"):
        plot_off_policy(values().head(0))
    refused = values().assign(gate=False, value=np.nan, lo=np.nan, hi=np.nan)
    assert to_png(plot_off_policy(refused))
