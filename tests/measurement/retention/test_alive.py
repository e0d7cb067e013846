"""The BG/NBD model finds what was planted, and its arithmetic is that of the paper."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.errors import InputError
from segtool.measurement.retention.alive import BgNbd, estimate_alive, fit_bg_nbd
from tests.measurement.retention.visit_logs import bare_visits


def draw_customers(n=6000, seed=0, until=52.0):
    """Purchases of customers with r 0.5, alpha 4, a 1, b 2.5, and who is still one."""
    rng = np.random.default_rng(seed)
    rate, chance = rng.gamma(0.5, 1 / 4, n), rng.beta(1, 2.5, n)
    times = rng.exponential(1 / np.maximum(rate, 1e-9)[:, None], (n, 150)).cumsum(axis=1)
    last = rng.geometric(np.maximum(chance, 1e-9))
    bought = (times < until) & (np.arange(150) < last[:, None])
    x = bought.sum(axis=1)
    return x, (times * bought).max(axis=1), np.full(n, until), x < last


@pytest.fixture(scope="module")
def fitted():
    x, recency, age, _ = draw_customers()
    return fit_bg_nbd(x, recency, age)


def test_planted_parameters_are_found(fitted):
    assert [fitted.r, fitted.alpha, fitted.a, fitted.b] == pytest.approx([0.5, 4, 1, 2.5], rel=0.3)
    assert fitted.n_users == 6000


def test_chances_of_being_alive_are_frequencies(fitted):
    x, recency, age, alive = draw_customers(seed=1)
    repeat = x > 0
    said = fitted.alive(x, recency, age)[repeat]
    assert said.mean() == pytest.approx(alive[repeat].mean(), abs=0.03)
    sure = said > 0.8
    assert alive[repeat][sure].mean() == pytest.approx(said[sure].mean(), abs=0.05)


def test_expected_purchases_are_those_of_the_next_year(fitted):
    rng_x, rng_recency, age, _ = draw_customers(seed=2)
    later, _, _, _ = draw_customers(seed=2, until=78.0)
    made = (later - rng_x).sum()
    assert fitted.expected(26, rng_x, rng_recency, age).sum() == pytest.approx(made, rel=0.1)


def test_weeks_or_days_are_the_same_customers(fitted):
    x, recency, age, _ = draw_customers()
    in_days = fit_bg_nbd(x, recency * 7, age * 7)
    assert in_days.alpha == pytest.approx(fitted.alpha * 7, rel=1e-3)
    assert in_days.r == pytest.approx(fitted.r, rel=1e-3)


def test_weights_are_so_many_customers():
    x, recency, age, _ = draw_customers(n=300)
    twice = fit_bg_nbd(np.tile(x, 2), np.tile(recency, 2), np.tile(age, 2))
    weighed = fit_bg_nbd(x, recency, age, weights=np.full(300, 2))
    assert weighed.r == pytest.approx(twice.r, rel=1e-6)
    assert weighed.log_likelihood == pytest.approx(twice.log_likelihood)


def test_who_never_bought_again_counts_as_alive():
    assert BgNbd(0.2, 4, 0.8, 2.4, 0, 100).alive([0], [0], [50])[0] == 1


def test_customers_are_read_from_events():
    visits = [(f"u{k:02d}", day, "app") for k in range(60) for day in range(0, 60, 3 + k % 5) if day < 20 + k]
    sources = bare_visits(sorted(visits, key=lambda one: one[1]), 60)
    sources.engine.create(
        "events", "SELECT *, date_diff('day', local_date, DATE '2026-03-02') AS age_days FROM events"
    )
    table, model = estimate_alive(sources, event="visit")
    first = table.set_index("user_id").loc["u00"]
    assert (first["frequency"], first["recency"], first["age"]) == (6, 18, 60)
    assert table["alive"].between(0, 1).all()
    assert model.n_users == 60
    with pytest.raises(InputError, match="0 users bought"):
        estimate_alive(sources, event="purchase")


@pytest.mark.parametrize(
    ("x", "recency", "age", "word"),
    [
        ([1] * 10, [1] * 10, [2] * 10, "at least 50"),
        ([0] * 60, [0] * 60, [2] * 60, "bought again"),
        ([1] * 60, [3] * 60, [2] * 60, "contradict"),
        ([1] * 60, [1] * 59, [2] * 60, "differ in length"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x, recency, age, word):
    with pytest.raises(InputError, match=word):
        fit_bg_nbd(x, recency, age)
