"""Who is strange to a model: calibrated on its own kind, missing labels counting on neither side."""

import numpy as np
import pandas as pd
import pytest

from segtool.personas import LatentClassPersonas


def draw(shares, n, rng, unknown=0.0):
    cells = {f"l{place}": np.where(rng.random(n) < share, "a", "b") for place, share in enumerate(shares)}
    frame = pd.DataFrame(cells).assign(number=rng.normal(shares[0] * 3, 1, n))
    return frame.mask(rng.random(frame.shape) < unknown)


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(2)
    kinds = [draw([0.9] * 4 + [0.2] * 6, 600, rng, 0.1), draw([0.2] * 4 + [0.9] * 6, 600, rng, 0.1)]
    return LatentClassPersonas(2, n_init=4).fit(pd.concat(kinds))


def fit_of(model, frame):
    return model.person_fit(frame, model.predict(frame))


@pytest.mark.parametrize("unknown", [0.0, 0.4])
def test_users_of_the_kind_the_model_knows_are_strange_one_time_in_twenty(model, unknown):
    fit = fit_of(model, draw([0.9] * 4 + [0.2] * 6, 900, np.random.default_rng(5), unknown))
    assert abs(np.nanmean(fit)) < 0.2 and 0.8 < np.nanstd(fit) < 1.2
    assert 0.02 < (fit < -1.645).mean() < 0.1


def test_users_of_another_kind_are_strange(model):
    fit = fit_of(model, draw([0.9, 0.1] * 5, 900, np.random.default_rng(6)))
    assert (fit < -1.645).mean() > 0.6


def test_of_whom_nothing_is_known_nothing_is_said(model):
    frame = draw([0.5] * 10, 3, np.random.default_rng(7))
    frame.iloc[1] = None
    assert np.isnan(fit_of(model, frame)).tolist() == [False, True, False]
