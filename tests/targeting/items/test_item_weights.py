import numpy as np
import pytest
from scipy import sparse

from segtool.targeting.items.choose import show_first
from segtool.targeting.items.weights import (
    FAINT_POPULARITY,
    Trial,
    climb,
    gain_interval,
    held_out_ndcg,
    ideal_dcg,
)


def trial_of(seed=0, n_users=300, n_items=60, help_of=2.0):
    """Relevance from popularity and one signal; the other signal is noise."""
    rng = np.random.default_rng(seed)
    popularity = np.broadcast_to(rng.normal(size=n_items), (n_users, n_items))
    signal, noise = rng.normal(size=(2, n_users, n_items))
    utility = popularity + help_of * signal + rng.gumbel(size=(n_users, n_items))
    relevant = np.zeros((n_users, n_items), dtype=bool)
    np.put_along_axis(relevant, np.argsort(-utility, axis=1)[:, :5], True, axis=1)
    x = np.stack([popularity, signal, noise]).astype(np.float32)
    return Trial(x, np.ones_like(relevant), relevant, ideal_dcg(relevant.sum(axis=1)))


NAMES = ("popularity", "helpful", "noise")


def test_a_signal_that_helps_is_used_and_noise_is_not():
    weights, best, start = climb(trial_of(), NAMES)
    assert weights[1] > weights[0] > 0
    assert abs(weights[2]) < 0.2 * weights[1]
    assert best.mean() > start.mean() + 0.2


@pytest.mark.parametrize("seed", range(4))
def test_noise_gets_next_to_no_weight(seed):
    weights = climb(trial_of(seed, help_of=0.0), NAMES)[0]
    assert weights[1:].max() <= 0.15 * weights[0]
    fresh = trial_of(seed + 50, help_of=0.0)
    assert fresh.ndcg(weights).mean() > fresh.ndcg(np.array([1.0, 0, 0])).mean() - 0.01


def test_gains_are_measured_on_users_who_had_no_part_in_the_choice():
    """Twenty signals of noise: chosen and judged on the same users they surely help, on others they do not."""
    same, others = [], []
    for seed in range(8):
        trial = trial_of(seed, n_users=60, n_items=20, help_of=0.0)
        noise = np.random.default_rng(seed + 100).normal(size=(21, 60, 20)).astype(np.float32)
        trial = Trial(noise, trial.allowed, trial.relevant, trial.ideal)
        names = tuple(f"s{place}" for place in range(21))
        _, best, start = climb(trial, names)
        held = held_out_ndcg(trial, names, np.random.default_rng(seed))
        same.append(gain_interval(best, start, 0.9)[0])
        others.append(gain_interval(held, start, 0.9)[0])
    assert np.mean(same) > 0.01 > np.mean(others)


def test_what_helps_is_worth_as_much_on_other_users():
    trial = trial_of()
    _, best, start = climb(trial, NAMES)
    held = held_out_ndcg(trial, NAMES, np.random.default_rng(0))
    assert held.mean() > start.mean() + 0.2
    assert abs(held.mean() - best.mean()) < 0.05


def test_weights_are_never_negative_and_popularity_breaks_ties():
    weights, _, _ = climb(trial_of(help_of=-3.0), NAMES)
    assert (weights >= 0).all()
    assert weights[0] >= FAINT_POPULARITY * 0.5


def test_what_hurts_one_kind_of_user_is_not_used():
    trial = trial_of()
    x = trial.x.copy()
    x[1, :80] *= -1  # for these, the signal says the opposite
    kinds = (np.arange(80), np.arange(80, 300))
    both = climb(Trial(x, trial.allowed, trial.relevant, trial.ideal, kinds), NAMES)[0]
    careless = climb(Trial(x, trial.allowed, trial.relevant, trial.ideal), NAMES)[0]
    assert careless[1] > 0
    assert both[1] == 0


def test_ndcg_of_a_perfect_and_of_a_hopeless_order():
    trial = trial_of()
    assert trial.ndcg_of(trial.relevant.astype(np.float32)) == pytest.approx(1)
    assert trial.ndcg_of(-trial.relevant.astype(np.float32)) == pytest.approx(0)


def test_forbidden_items_are_never_ranked():
    trial = trial_of()
    nothing = Trial(trial.x, ~trial.relevant, trial.relevant, trial.ideal)
    assert nothing.ndcg_of(trial.relevant.astype(np.float32)).max() == 0


def test_a_user_is_shown_with_what_came_first():
    seen = sparse.csr_array(np.array([[1, 1, 1, 0], [0, 1, 1, 1]], dtype=np.float32))
    since = np.array([1.0, 9.0, 5.0, 2.0, 1.0, 3.0])
    shown = show_first(seen, since, np.array([2, 1]), np.random.default_rng(0)).toarray()
    assert shown.tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]
