"""The reliability diagram: one panel per source, a dot per bin, and the numbers beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.labels.reliability_table import reliability_diagram
from segtool.plots import plot_reliability, to_svg


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 3000
    claims = pd.DataFrame(
        {
            "user_id": [f"u{number}" for number in range(n)],
            "label": "x",
            "value": "yes",
            "source": rng.choice(["person", "survey", "behaviour", "profile"], n),
            "confidence": rng.uniform(0.5, 1, n).round(3),
        }
    )
    right = rng.random(n) < np.where(claims["source"] == "profile", 0.55, claims["confidence"])
    truth = claims[["user_id", "label"]].assign(value=np.where(right, "yes", "no"))
    return reliability_diagram(claims, truth)


def test_who_boasts_has_the_larger_error(table):
    errors = table.groupby("group")["error"].first()
    assert errors["profile"] > 0.15
    assert errors.drop("profile").max() < 0.06
    assert (table["lo"] <= table["share_right"]).all()
    assert (table["share_right"] <= table["hi"]).all()
    assert (table.groupby("group")["n"].sum() == table.groupby("group")["n_group"].first()).all()


def test_each_source_has_a_panel_and_each_bin_a_dot(table):
    figure = plot_reliability(table)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["behaviour", "person", "profile", "survey"]
    dots = shown[0].collections[-1].get_offsets()
    mine = table[table["group"] == "behaviour"]
    assert np.asarray(dots) == pytest.approx(mine[["mean_confidence", "share_right"]].to_numpy())
    assert "3,000 claims" in to_svg(figure)


def test_nothing_to_judge_is_said():
    with pytest.raises(InputError, match="No claim was judged"):
        plot_reliability(
            reliability_diagram(
                pd.DataFrame(columns=["user_id", "label", "value", "source", "confidence"]),
                pd.DataFrame(columns=["user_id", "label", "value"]),
            )
        )
