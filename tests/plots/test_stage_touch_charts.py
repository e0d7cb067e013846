"""Pictures of stages and touches."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.plots import to_svg
from segtool.plots.stage_charts import plot_stage_rates, plot_stage_shares
from segtool.plots.touch_chart import plot_touches

STAGES = ["lapsed", "attention", "action"]


def shares(names=("Readers", "宝妈")):
    rows = [
        (number, name, stage, 10, 1 / 3, 0.2, 0.5, stage == "action")
        for number, name in enumerate(names, start=1)
        for stage in STAGES
    ]
    columns = ["persona_id", "persona", "stage", "n_users", "share", "lo", "hi", "typical"]
    return pd.DataFrame(rows, columns=columns)


def touches(n=8, best=5, base=0.02):
    table = pd.DataFrame(
        {"touch": np.arange(1, n + 1), "at_risk": 100, "hazard": 0.03, "lo": 0.01, "hi": 0.06}
    )
    caps = pd.DataFrame({"cap": [4, 7], "converters_mean": [2.4, 3.8]})
    return SimpleNamespace(hazard=table.assign(base=base), caps=caps, outcome="action", best_touches=best)


def test_every_persona_has_a_panel_and_its_typical_stage_stands_out():
    figure = plot_stage_shares(shares())
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left").split("\n")[0] for axes in shown] == ["Readers", "宝妈"]
    weights = {label.get_text(): label.get_fontweight() for label in shown[0].get_yticklabels()}
    assert weights == {"lapsed": "normal", "attention": "normal", "action": "bold"}


def test_a_blanked_share_is_not_drawn_and_none_is_refused():
    table = shares()
    table.loc[0, ["share", "lo", "hi"]] = np.nan
    assert "lapsed" in to_svg(plot_stage_shares(table))
    with pytest.raises(InputError, match="Nobody's stage"):
        plot_stage_shares(table.assign(share=np.nan))


def test_rates_are_written_where_they_are():
    rates = pd.DataFrame(
        {"view": [0.0, 1.2], "cart": [0.0, 0.4], "visits": [0.1, 0.6]}, index=["lapsed", "action"]
    )
    drawn = to_svg(plot_stage_rates(rates))
    assert "1.20" in drawn and "0.40" in drawn and "visits" not in drawn
    with pytest.raises(InputError, match="no rates"):
        plot_stage_rates(pd.DataFrame())


def test_the_curve_the_caps_and_what_is_expected_are_drawn():
    drawn = to_svg(plot_touches(touches()))
    assert (
        "last worth its price: 5" in drawn and "expected from own history" in drawn and "at most 7" in drawn
    )


def test_what_is_not_known_is_not_drawn():
    drawn = to_svg(plot_touches(touches(best=None, base=np.nan)))
    assert "last worth" not in drawn and "own history" not in drawn
    with pytest.raises(InputError, match="at least 20"):
        plot_touches(touches(0))
