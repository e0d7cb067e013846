"""The price of variety as a picture."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.plots.theme import to_svg
from segtool.plots.tradeoff_chart import plot_tradeoff


def tradeoff(**changes):
    table = pd.DataFrame(
        {
            "method": "mmr", "weight": [0, 0.2, 0.5], "change": [0, -0.01, -0.06], "change_lo": [0, -0.02, -0.08],
            "change_hi": [0, 0, -0.04], "intra_list_diversity": [0.6, 0.7, 0.9], "kl_profile": [1.0, 0.8, 0.5],
            "n_users": 300,
        }
    )  # fmt: skip
    return SimpleNamespace(table=table.assign(**changes), weight=0.2)


def test_every_weight_is_named_and_the_safe_one_is_filled():
    figure = plot_tradeoff(tradeoff())
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == ["0", "0.2", "0.5"]
        filled = axes.lines[-1]
        assert filled.get_ydata().tolist() == [-0.01]
    assert "300 users" in to_svg(figure)


def test_without_a_profile_there_is_one_panel():
    assert len(plot_tradeoff(tradeoff(kl_profile=np.nan)).axes) == 1


def test_nothing_judged_is_refused():
    with pytest.raises(InputError, match="No weight"):
        plot_tradeoff(tradeoff(change=np.nan))
