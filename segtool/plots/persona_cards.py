"""Persona cards as one figure: who they are, how sure that is, and how to recognise them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segtool.checks import check_number
from segtool.personas.portrait.card_html import say_rule
from segtool.personas.portrait.cards import PersonaCard, list_cards
from segtool.plots.theme import (
    DEEP,
    FAINT,
    GROUND,
    INK,
    MUTED,
    elide,
    ink_on,
    new_figure,
    persona_colours,
    text_width,
    themed,
    wrap,
)

CARD_WIDTH = 5.9  # inches; two beside each other are 1280 pixels at 108 dots an inch
LINE = 0.19  # inches from one line of text to the next
COLUMNS_PER_INCH = 14.2  # of 9.5 point type; Chinese takes two, and the margins of the figure their part


@themed
def plot_cards(
    personas,
    *,
    n_traits: int = 5,
    columns: int = 2,
    leave_out: Collection[str] = (),
    cards: Collection[PersonaCard] | None = None,
) -> Figure:
    """Draw one card per persona: size, stability, typical values, contrast, rule.

    Parameters
    ----------
    personas : Personas
    n_traits : int
        Values per card.
    columns : int
        Cards beside each other.
    leave_out : collection of str
        Labels that are not told; those marked sensitive never are.
    cards : collection of PersonaCard, optional
        Instead of what `list_cards` gives.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    A bar is the share with a value among those of whom it is known, the upright mark everyone's. The
    number is the index with its 95 % interval, which the thin line shows on the scale of shares.
    """
    check_number("columns", columns, low=1, high=4, integer=True)
    if cards is None:
        cards = list_cards(personas, n_traits=n_traits, leave_out=leave_out)
    cards = list(cards)
    colours = persona_colours([card.persona_id for card in cards])
    columns = min(columns, len(cards))
    rows = [cards[start : start + columns] for start in range(0, len(cards), columns)]
    heights = [max(_Writer(card, None).height for card in row) for row in rows]
    told = all(card.share == card.share for card in cards)  # a file may leave out small sizes
    people = f"{sum(card.n_users for card in cards):,} users. " if told else ""
    figure, axes = new_figure(
        CARD_WIDTH * columns,
        sum(heights) + 0.25 * len(rows),
        f"{len(cards)} personas" if len(cards) > 1 else "One persona",
        f"{people}Bar: share of those known; upright mark: everyone; number: index, 100 is average, "
        "with its 95% interval (thin line)",
        nrows=len(rows),
        ncols=columns,
        gridspec_kw={"height_ratios": heights},
    )
    for place, ax in enumerate(axes):
        ax.set_axis_off()
        if place < len(cards):
            ax.set(xlim=(0, CARD_WIDTH), ylim=(heights[place // columns], 0))
            _Writer(cards[place], ax).draw(colours[cards[place].persona_id])
    return figure


class _Writer:
    """Writes one card from the top down; without axes it only counts how high that gets, in inches."""

    def __init__(self, card: PersonaCard, axes: Axes | None):
        self.card, self.axes, self.y = card, axes, 0.0
        self.right = CARD_WIDTH - 0.25

    @property
    def height(self) -> float:
        counting = _Writer(self.card, None)
        counting.draw(INK)
        return counting.y

    def draw(self, colour: str) -> None:
        """Write the card in the colour of its persona."""
        card = self.card
        self._bar(0.0, self.right, 0.05, colour)
        self.y += 0.2
        self._name(colour)
        unsure = f", {card.n_unsure:,} unsure" if card.n_unsure else ""
        size = f"{card.share:.0%} of users (n = {card.n_users:,}{unsure})"
        self._text(size if card.share == card.share else "Size not told", size=10, weight="bold")
        if card.stability_words:
            self._text(f"Stability {card.stability:.2f}, {card.stability_words}", color=MUTED)
        self._traits(colour)
        self._contrast()
        if not card.traits and not card.contrast and card.sentence:
            self._wrapped(card.sentence, lines=4)
        if card.recognise:
            self._head("How to recognise them")
            self._wrapped(card.recognise, lines=3)
            if card.rule:
                self._wrapped(say_rule(card.rule), lines=2, color=MUTED)
        self.y += 0.1

    def _name(self, colour: str) -> None:
        lines = wrap(self.card.name, int(self.right * 8.2) - 5, lines=3).split("\n")
        if self.axes is not None:
            badge = {"boxstyle": "circle,pad=0.25", "fc": colour, "ec": "none"}
            self.axes.text(
                0.14, self.y + 0.1, str(self.card.persona_id), ha="center", va="center", size=10,
                weight="bold", color=ink_on(colour), bbox=badge,
            )  # fmt: skip
        for line in lines:
            self._text(line, x=0.38, size=13, weight="bold", step=0.25)
        self.y += 0.03

    def _traits(self, colour: str) -> None:
        if not self.card.traits:
            return
        self._head("Typical of them")
        for trait in self.card.traits:
            over = {"<": "under ", ">": "over "}.get(trait.hidden, "")
            index = f"{over}{trait.index:.0f}"
            if trait.index_low == trait.index_low:
                index += f" ({trait.index_low:.0f}–{trait.index_high:.0f})"
            said = f"{over}{trait.share:.0%} of {trait.n_known:,}, everyone {trait.base:.0%}"
            said += f"; {trait.natural}" if trait.natural else ""
            room = int(self.right * COLUMNS_PER_INCH) - text_width(index) - 3
            self._right(index)
            self._text(elide(trait.text, room))
            self._share(trait, colour)
            self._text(
                elide(said, int(self.right * COLUMNS_PER_INCH * 1.1)), size=8.5, color=MUTED, step=0.23
            )

    def _share(self, trait, colour: str) -> None:
        self._bar(0.0, self.right, 0.09, FAINT)
        self._bar(0.0, self.right * trait.share, 0.09, colour)
        if self.axes is not None:
            middle = self.y + 0.045
            low, high = trait.share_range
            for tint, width in ((GROUND, 2.4), (DEEP, 1.2)) if low == low else ():
                ends = np.array([low, high]) * self.right
                self.axes.plot(ends, [middle] * 2, color=tint, lw=width, solid_capstyle="butt")
            mark = self.right * trait.base
            self.axes.plot([mark, mark], [self.y - 0.025, self.y + 0.115], color=DEEP, lw=1.8)
        self.y += 0.155

    def _contrast(self) -> None:
        if not self.card.contrast:
            return
        self._head(f"Unlike {self.card.nearest}")
        for each in self.card.contrast:
            numbers = f"{each.share:.0%} instead of {each.share_nearest:.0%}"
            room = int(self.right * COLUMNS_PER_INCH) - text_width(numbers) - 4
            self._right(numbers)
            self._text(elide(each.text, room))

    def _head(self, text: str) -> None:
        self.y += 0.09
        self._text(elide(text, int(self.right * COLUMNS_PER_INCH * 0.92)), weight="bold", step=0.21)

    def _wrapped(self, text: str, lines: int, **style) -> None:
        for line in wrap(text, int(self.right * COLUMNS_PER_INCH), lines=lines).split("\n"):
            self._text(line, **style)

    def _right(self, text: str) -> None:
        if self.axes is not None:
            self.axes.text(self.right, self.y, text, ha="right", va="top", size=9.5, weight="bold")

    def _text(self, text: str, x: float = 0.0, size: float = 9.5, step: float = LINE, **style) -> None:
        if self.axes is not None:
            # What is wider than its letters were counted is cut at the card's edge, and moves nothing.
            said = self.axes.text(x, self.y, text, va="top", size=size, clip_on=True, **style)
            said.set_in_layout(False)
        self.y += step

    def _bar(self, left: float, right: float, height: float, colour: str) -> None:
        if self.axes is not None:
            self.axes.fill_between([left, right], self.y, self.y + height, color=colour, lw=0)
