"""Cards as a figure: every persona has one, nothing runs over, and names of any kind fit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from segtool.personas import Personas
from segtool.personas.portrait.cards import CardContrast, CardRule, CardTrait, PersonaCard
from segtool.plots import plot_cards, to_svg

LONG = "宝妈: mothers at home who like parenting, 育儿 and comfort food late at night 👶 " * 3


CHINESE = "宝妈爱看育儿短视频的晚间活跃用户" * 4


def make_card(number, name="Quiet readers", **changes):
    traits = tuple(
        CardTrait(
            "a", str(place), f"{name}: value {place}", 0.6, 0.3, 120, 200.0, 150.0, 240.0, natural="median 3"
        )
        for place in range(5)
    )
    card = PersonaCard(
        number, name, 1200, 40, 0.2, 0.8, 0.9, traits, LONG, (CardContrast("a", "x", name, 0.6, 0.1, 90, 80),),
        CardRule(name * 3, 0.9, 0.6, 300, 400), "",
    )  # fmt: skip
    return replace(card, **changes)


def test_every_persona_has_a_card_with_its_name_and_n(study):
    _, _, personas, _ = study
    svg = to_svg(plot_cards(personas))
    assert svg.count("n = ") == personas.n_personas
    assert all(str(row.n_users) in svg for row in personas.portraits().itertuples())


def test_index_interval_and_bounds_are_written():
    hidden = CardTrait("a", "y", "Hidden", 0.95, 0.4, 100, 238.0, hidden=">")
    svg = to_svg(plot_cards(None, cards=[make_card(1, traits=(*make_card(1).traits[:1], hidden))]))
    assert "200 (150–240)" in svg and "median 3" in svg
    assert ">over 238<" in svg and "over 95% of 100" in svg


@pytest.mark.parametrize("columns", [1, 2])
def test_nothing_runs_over_its_card_or_into_the_next_line(columns):
    """Long and Chinese names wrap or are cut; measured on the drawn figure."""
    cards = [make_card(number, name) for number, name in enumerate((LONG, CHINESE), start=1)]
    figure = plot_cards(None, cards=cards, columns=columns)
    figure.canvas.draw()
    for axes in figure.axes:
        frame = axes.get_window_extent()
        boxes = [text.get_window_extent() for text in axes.texts]
        if not boxes:
            continue
        assert max(box.x1 for box in boxes) <= frame.x1 + 1 and min(box.x0 for box in boxes) >= frame.x0 - 6
        assert min(box.y0 for box in boxes) >= frame.y0 - 2
        left = sorted((box for box in boxes if box.x0 < frame.x0 + 2), key=lambda box: -box.y1)
        gaps = [upper.y0 - lower.y1 for upper, lower in pairwise(left)]
        assert min(gaps) > -4  # descenders may touch, lines may not cover each other
        right = [box for box in boxes if box.x1 > frame.x1 - 40 and box.x0 > frame.x0 + frame.width / 2]
        for box in right:
            beside = [other for other in left if abs(other.y1 - box.y1) < 2]
            assert all(other.x1 < box.x0 for other in beside)


def test_what_is_not_known_is_not_drawn():
    bare = make_card(
        1, traits=(), contrast=(), rule=None, stability=np.nan, sentence="1,200 users (20.0%).", n_unsure=0
    )
    svg = to_svg(plot_cards(None, cards=[bare]))
    assert "1,200 users (20.0%)." in svg
    assert not any(word in svg for word in ("Stability", "Typical", "Unlike", "recognise", "unsure", "nan"))


def test_personas_without_labels_have_cards_too():
    svg = to_svg(plot_cards(Personas.from_assignments(list("abcde"), ["x", "x", "x", "y", "y"])))
    assert "2 personas" in svg and "n = 3" in svg and "n = 2" in svg


def test_twelve_cards_are_legible_on_a_screen():
    figure = plot_cards(None, cards=[make_card(number) for number in range(1, 13)])
    width, _ = figure.get_size_inches()
    sizes = [text.get_fontsize() for axes in figure.axes for text in axes.texts]
    # Shown 1280 pixels wide a point is 1280 / width / 72 pixels: no text below 11 pixels.
    assert min(sizes) * 1280 / width / 72 >= 11
    assert len(figure.axes) == 12


def test_the_widest_letters_move_no_card():
    plain, wide = (plot_cards(None, cards=[make_card(1, name)] * 2) for name in ("a", "W" * 300))
    for figure in (plain, wide):
        figure.canvas.draw()
    for before, after in zip(plain.axes, wide.axes, strict=True):
        assert after.get_window_extent().width == pytest.approx(before.get_window_extent().width, rel=0.01)
        assert all(text.get_clip_on() for text in after.texts if text.get_text().startswith("W"))
