"""The picture of how the number of personas was chosen, narrow and wide, whatever the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.plots import plot_k_choice, to_svg


class Given:
    """Personas of whom only the choice is known."""

    def __init__(self, table: pd.DataFrame):
        self.table = table

    def choice(self) -> pd.DataFrame:
        return self.table.copy()


def make_choice(chosen: int = 3, recommended: int = 3, n: int = 6) -> pd.DataFrame:
    k = np.arange(1, n + 1)
    table = pd.DataFrame(
        {"k": k, "icl": 9000.0 + 90 * (k - recommended) ** 2, "bic": 8800.0 + 40 * (k - 4) ** 2}
    )
    table["stability"] = np.where(k < 6, 1.02 - 0.06 * k, 0)
    table["jaccard"] = [" ".join([f"{1 - 0.08 * i:.3f}" for i in range(number)]) for number in k]
    table["prediction_strength"] = table["stability"]
    table["min_share"] = np.where(k < 6, 0.6 / k, 0)
    table["n_filled"] = np.minimum(k, 5)
    table["passes"] = k < 5
    for column, number in (("chosen", chosen), ("recommended", recommended), ("runner_up", 4)):
        table[column] = k == number
    table["change"] = [
        f"from {number - 1} to {number}: persona 1 splits" if number > 2 else "" for number in k
    ]
    table["reason"] = [
        "one group: labels go together, 1.7 times as strong", "describes less well: ICL is higher",
        "recommended: it describes the users best", "describes less well: ICL is 90 higher than with 3",
        "not found again: the weakest shares 41%", "cannot be filled: only 5 of 6 groups have members",
    ]  # fmt: skip
    if recommended == 1:
        table.loc[0, "reason"] = "recommended: the labels do not go together"
    return table


def texts_of(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [
        text.get_text() for text in figure.texts
    ]


def test_the_chosen_number_stands_in_the_title_and_its_reason_below():
    figure = plot_k_choice(Given(make_choice()))
    said = " ".join(texts_of(figure))
    assert "Why 3 personas" in said
    assert "3: it describes the users best." in said
    assert "Next best, 4: describes less well: ICL is 90 higher than with 3." in said
    assert "From 3 to 4: persona 1 splits." in said
    assert "Not found again: 5." in said and "Cannot be filled: 6." in said
    assert "Labels go together, 1.7 times as strong." in said


def test_each_persona_of_each_number_is_a_dot_and_what_cannot_be_filled_a_cross():
    figure = plot_k_choice(Given(make_choice()))
    dots = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [2, 3, 4, 5]
    crosses = [line.get_xdata()[0] for line in figure.axes[1].lines if line.get_marker() == "x"]
    assert crosses == [6]
    filled = [line.get_markerfacecolor() for line in dots]
    assert filled[-1] == "#FFFFFF" and "#FFFFFF" not in filled[:-1]  # five do not pass


def test_no_personas_is_an_answer_of_its_own():
    said = " ".join(texts_of(plot_k_choice(Given(make_choice(1, 1)))))
    assert "Why no personas" in said and "No personas: the labels do not go together." in said


def test_a_number_that_was_asked_for_is_drawn_beside_the_one_recommended():
    said = " ".join(texts_of(plot_k_choice(Given(make_choice(chosen=2)))))
    assert "2 personas, as asked" in said and "the comparison speaks for 3" in said
    assert "3: it describes the users best." in said


@pytest.mark.parametrize("width", [3.6, 7.2, 12])
def test_nothing_is_cut_off_at_any_width(width):
    figure = plot_k_choice(Given(make_choice()), width=width)
    figure.canvas.draw()
    box, inside = figure.axes[-1].texts[0].get_window_extent(), figure.bbox
    assert box.x1 <= inside.x1 and box.y0 >= inside.y0
    for axes in figure.axes[:-1]:
        assert axes.title.get_window_extent().x1 <= inside.x1
        assert axes.get_window_extent().width > 0.7 * inside.width
    with pytest.raises(ParameterError, match="width"):
        plot_k_choice(Given(make_choice()), width=2)


def test_a_table_of_four_columns_is_enough(study):
    table = study[2].choice()[["k", "icl", "stability", "chosen"]]
    figure = plot_k_choice(Given(table))
    assert "Why 6 personas" in to_svg(figure)
    assert len(figure.axes) == 3


def test_no_choice_was_kept():
    with pytest.raises(InputError, match="No choice"):
        plot_k_choice(Given(make_choice().head(0)))
