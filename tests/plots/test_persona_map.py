"""The map: the same each time, alike users close, and never more than it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from segtool.errors import InputError
from segtool.plots import lay_out_users, plot_persona_map, to_svg
from segtool.plots.persona_map import _spread_labels, encode_features, find_centres
from segtool.plots.theme import persona_colours


def test_the_same_seed_gives_the_same_map(study):
    personas = study[2]
    one, other = (lay_out_users(personas, max_users=150, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_alike_users_lie_close(study):
    from sklearn.neighbors import NearestNeighbors

    points = lay_out_users(study[2], random_state=0)
    near = NearestNeighbors(n_neighbors=6).fit(points[["x", "y"]]).kneighbors(return_distance=False)
    persona = points["persona_id"].to_numpy()
    assert (persona[near] == persona[:, None]).mean() > 2 * (
        pd.Series(persona).value_counts(normalize=True) ** 2
    ).sum()


def test_a_sample_is_said_to_be_one(study):
    svg = to_svg(plot_persona_map(study[2], method="pca", max_users=100))
    assert "100 of 400 users" in svg
    assert "distances between groups mean little" in svg


def test_every_persona_is_named_beside_the_map_and_numbered_on_it(study):
    figure = plot_persona_map(study[2], method="pca")
    svg = to_svg(figure)
    assert all(word in svg for word in ("Evening", "宝妈", "Quiet readers", "Bargain", "New, not yet"))
    (axes,) = figure.axes
    colours = persona_colours(study[2].names)
    numbers = {text.get_text(): text.get_bbox_patch().get_facecolor() for text in axes.texts}
    assert sorted(numbers) == [str(number) for number in study[2].names]
    assert all(to_hex(numbers[str(number)]).upper() == colour.upper() for number, colour in colours.items())
    keys = [to_hex(key.get_color()).upper() for key in axes.get_legend().legend_handles]
    assert keys[: len(colours)] == [colour.upper() for colour in colours.values()]


def test_a_number_stands_among_its_own():
    """Two halves of persona 1 with persona 2 between: the median of 1 would lie in the midst of 2."""
    x = np.r_[np.linspace(0, 1, 40), np.linspace(9, 10, 30), np.linspace(4, 5, 40)]
    points = pd.DataFrame({"x": x, "y": 0.0, "persona_id": [1] * 70 + [2] * 40})
    centres = find_centres(points, np.array([10.0, 1.0]))["x"]
    assert 0 <= centres[1] <= 1 and 4 <= centres[2] <= 5


def test_unknown_pulls_nowhere():
    wide = pd.DataFrame({"a": pd.Categorical(["x", "y", None]), "n": [1.0, 2.0, np.nan]})
    assert (encode_features(wide)[2] == 0).all()


def test_names_are_pushed_apart():
    places = _spread_labels(np.array([[0.0, 0.0], [0.01, 0.0], [0.0, 0.01]]), np.array([1.0, 1.0]))
    gaps = [np.abs(places[i] - places[j]) for i in range(3) for j in range(i)]
    assert all((gap >= [0.039, 0.049]).any() for gap in gaps)


def test_without_labels_it_asks_for_features(study):
    from dataclasses import replace

    with pytest.raises(InputError, match="features"):
        lay_out_users(replace(study[2], labels=None))


def test_constant_features_are_refused(study):
    same = pd.DataFrame({"a": pd.Categorical(["x"] * 400)}, index=study[2].persona.index)
    with pytest.raises(InputError, match="varies"):
        lay_out_users(study[2], features=same)


@pytest.mark.parametrize("n_users", [2, 3, 30])
def test_very_few_users_are_projected(study, n_users):
    points = lay_out_users(study[2], max_users=n_users)
    assert len(points) == n_users
    assert np.isfinite(points[["x", "y"]].to_numpy()).all()
