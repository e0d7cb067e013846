import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.labels.inference.report import Inference
from segtool.plots import plot_inference, to_png


def inference(chosen=True):
    steps = [0.05, 0.1, 0.2]
    curve = pd.DataFrame({
        "label": "stage", "claim": "stage.2 inferred", "value": "student", "threshold": [0.9, 0.8, 0.6],
        "n": [30, 60, 120], "n_right": [29, 54, 90], "coverage": steps, "precision": [0.97, 0.9, 0.75],
        "low": [0.9, 0.82, 0.7], "high": [0.99, 0.95, 0.8], "precision_asked": 0.8,
        "is_chosen": [False, chosen, False],
    })  # fmt: skip
    row = {
        "label": "stage",
        "n_respondents": 604,
        "auc": 0.81,
        "n_published": 321 * chosen,
        "reason": "too few",
    }
    table = pd.DataFrame([{**row, "value": "student"}, {**row, "value": "worker"}])
    return Inference(table, curve)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_threshold_and_what_is_asked_are_drawn_from_the_table():
    figure = plot_inference(inference(), "stage")
    (axes,) = figure.axes
    point = next(line for line in axes.lines if line.get_marker() == "o")
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (0.1, 0.9)
    assert texts(figure) == ["80% asked", "said of 321 people\nAUC 0.81"]
    assert to_png(figure).startswith(b"\x89PNG")


def test_a_value_that_abstains_has_its_curve_and_no_point():
    assert texts(plot_inference(inference(chosen=False), "stage"))[1].startswith("abstains")


def test_nothing_fitted_is_refused_with_the_reason():
    empty = inference()
    with pytest.raises(InputError, match="too few"):
        plot_inference(Inference(empty.table, empty.curve.head(0)), "stage")
    with pytest.raises(InputError, match="stage"):
        plot_inference(empty, "age")
