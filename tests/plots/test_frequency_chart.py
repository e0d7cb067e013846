"""What sending more often brings, drawn."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.plots.frequency_chart import plot_frequency
from segtool.plots.theme import to_png


def frequencies(names=("Night readers", "早起きの人"), cap=4.0, top=6):
    x = np.arange(top + 1)
    parts, rows = [], []
    for place, name in enumerate(names, start=1):
        value = 0.1 * x - 0.01 * place * x**2
        best = int(x[1:][value[1:].argmax()])
        about = {"persona_id": place, "persona": name, "channel": "app_push"}
        near = (value >= 0.95 * value.max()) & (x > 0)
        curve = {"per_week": x, "value": value, "lo": value - 0.02 * x, "hi": value + 0.02 * x, "flat": near}
        parts.append(pd.DataFrame(curve).assign(**about, capped=x > cap))
        rows.append(about | {"weekly_cap": cap, "best": best, "best_lo": best - 1, "best_hi": best + 1})
    return SimpleNamespace(curve=pd.concat(parts, ignore_index=True), table=pd.DataFrame(rows))


def texts(axes):
    return " | ".join([text.get_text() for text in axes.texts])


def test_each_persona_has_its_curve_its_best_and_its_cap():
    found = frequencies(cap=3.0)
    first, second = plot_frequency(found).axes[:2]
    assert "5 a week (4 to 6)" in texts(first) and "cap 3" in texts(first)
    assert "2 a week (1 to 3)" in texts(second) or "3 a week (2 to 4)" in texts(second)
    drawn = first.lines[1].get_xydata()
    own = found.curve[found.curve["persona_id"] == 1]
    assert drawn == pytest.approx(own[["per_week", "value"]].to_numpy(dtype=float))
    assert first.get_xlabel() == "sends a week on app push" and first.get_title(loc="left") == "Night readers"


@pytest.mark.parametrize("cap", [float("nan"), 50.0])
def test_a_cap_that_cuts_nothing_is_not_drawn(cap):
    axes = plot_frequency(frequencies(cap=cap)).axes[0]
    assert "cap" not in texts(axes)


def test_a_plan_is_read_through_its_parts():
    found = frequencies()
    figure = plot_frequency(SimpleNamespace(parts=SimpleNamespace(frequency=found)))
    assert len(figure.axes) >= 2 and to_png(figure).startswith(b"\x89PNG")


def test_many_personas_and_one():
    many = plot_frequency(frequencies([f"Persona {n}" for n in range(15)]))
    assert many.axes[11].get_title(loc="left") == "Persona 11"
    assert sum(axes.get_visible() for axes in plot_frequency(frequencies(["only one"])).axes) == 1


def test_where_nothing_is_known_it_says_what_to_do():
    found = frequencies()
    found.curve = found.curve.head(0)
    with pytest.raises(InputError, match="design_frequency_experiment"):
        plot_frequency(found)
