"""The picture of pixel labels: each is written, failing ones are marked, and nothing is drawn of nothing."""

import pandas as pd
import pytest
from labels.pixels.planted_pixels import planted_table

from segtool.errors import InputError
from segtool.labels.pixels import find_pixels
from segtool.plots import to_svg
from segtool.plots.pixel_chart import plot_pixels


def texts(figure):
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts + axes.get_yticklabels())


def test_every_pixel_is_written_with_its_people():
    pixels = find_pixels(planted_table(), pin=[{"h": "yes", "i": "yes"}])
    figure = plot_pixels(pixels)
    for row in pixels.to_pandas().itertuples():
        assert f"{row.n_users:,} ({row.share:.1%})" in texts(figure)
    assert "pinned, fails" in texts(figure)
    assert to_svg(figure) == to_svg(plot_pixels(pixels))


def test_too_few_people_are_not_counted():
    frame = pd.DataFrame(
        {"a": [True] * 7 + [False] * 93, "b": [True] * 50 + [False] * 50}, [f"u{i}" for i in range(100)]
    )
    figure = plot_pixels(find_pixels(frame, pin=[{"a": "yes", "b": "yes"}]))
    assert "too few to show" in texts(figure) and "7" not in texts(figure)


def test_nothing_is_no_picture():
    with pytest.raises(InputError, match="no pixel labels"):
        plot_pixels(find_pixels(pd.DataFrame({"a": [True, False]}, index=["x", "y"])))
