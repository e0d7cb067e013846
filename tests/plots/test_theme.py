"""The look: colours that stay apart, texts that fit, figures that carry their theme with them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context

from segtool.plots import theme

HARD = [
    "cost $5 and $6",
    r"bad $\frac{ $",
    "宝妈 👶 育儿",
    "مرحبا بالعالم",
    "x" * 300,
    "a\x00b\nc",
    "<b>&amp;",
]
# Viénot, Brettel and Mollon (1999): what red-blind and green-blind eyes see of linear RGB.
BLINDNESS = {
    "protan": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deutan": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def lab(colour, matrix=None):
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(matrix) @ linear, 0, 1) if matrix is not None else linear
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("matrix", [None, *BLINDNESS.values()], ids=["all", *BLINDNESS])
def test_six_personas_stay_apart_for_every_eye(matrix):
    seen = [lab(colour, matrix) for colour in theme.PALETTE[:6]]
    gaps = [np.linalg.norm(one - other) for place, one in enumerate(seen) for other in seen[:place]]
    assert min(gaps) > 12  # about five times the difference an eye just notices


def test_a_persona_keeps_its_colour():
    assert theme.persona_colours([2])[2] == theme.persona_colours([5, 2, 1])[2]


@pytest.mark.parametrize("colour", [*theme.PALETTE, theme.UNSURE])
def test_text_on_a_colour_can_be_read(colour):
    assert theme.contrast(theme.ink_on(colour), colour) >= 4.5


def test_muted_text_can_be_read():
    assert theme.contrast(theme.MUTED, theme.GROUND) >= 4.5


@given(st.text(max_size=80), st.integers(2, 40), st.integers(1, 4))
def test_wrapped_text_fits(text, width, lines):
    shown = theme.wrap(text, width, lines).split("\n")
    assert len(shown) <= lines
    assert all(theme.text_width(line) <= width for line in shown)


@pytest.mark.parametrize("text", HARD)
def test_hard_texts_are_drawn_without_a_word(text):
    @theme.themed
    def plot():
        figure, (axes,) = theme.new_figure(5, 2, text, text)
        axes.set_title(theme.elide(text, 40))
        theme.set_ticks(axes, "y", [theme.wrap(text, 20)])
        return figure

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plot()
        svg = theme.to_svg(figure)
        assert len(theme.to_png(figure, dpi=40)) > 1000
    assert svg.startswith("<?xml")


def test_dollars_stay_dollars():
    figure, _ = theme.themed(theme.new_figure)(6, 1, "cost $5 and $6")
    assert "cost $5 and $6" in theme.to_svg(figure)


def test_the_same_figure_is_the_same_bytes():
    @theme.themed
    def plot():
        figure, (axes,) = theme.new_figure(4, 2, "a", "b")
        axes.plot([1, 2, 3])
        return figure

    assert theme.to_svg(plot()) == theme.to_svg(plot())


def test_the_callers_settings_do_not_leak_in():
    @theme.themed
    def plot():
        figure, (axes,) = theme.new_figure(4, 2, "a", "b")
        axes.plot([1, 2, 3])
        return figure

    plain = theme.to_svg(plot())
    with rc_context({"svg.fonttype": "path", "ytick.labelsize": 30, "svg.hashsalt": None}):
        assert theme.to_svg(plot()) == plain


def test_a_notebook_shows_it_without_pyplot():
    assert theme.new_figure(3, 1, "a")[0]._repr_png_().startswith(b"\x89PNG")
