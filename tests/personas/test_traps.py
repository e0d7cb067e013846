"""Traps that a first version fell into, each held shut; others are held where their part is tested.

Missing as an answer: test_latent_class; copies and correlations: test_weigh; k: test_choose and
test_structure; rules without fidelity: test_rules; questions: typing_tool; movement that is noise: follow.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from benchmarks.planted import plant_users
from segtool.personas import LatentClassPersonas, find_personas
from segtool.personas.table import design as design_module
from segtool.personas.table.columns import read_frame
from segtool.personas.table.design import Layout, Rows
from segtool.personas.table.prepare import learn_plan, prepare


def plant_spikes(share, seed=3):
    """Two personas told apart by words, beside counts that most users have alike."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, 800)
    table = {}
    for place in range(6):
        says = np.where(rng.random(800) < 0.8, truth, 1 - truth)
        table[f"word {place}"] = np.array(["yes", "no"])[says]
    for place in range(8):
        table[f"count {place}"] = np.where(rng.random(800) < share, 1, rng.poisson(9, 800) + 2).astype(float)
    return pd.DataFrame(table), truth


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
def test_a_spike_of_equal_counts_is_no_persona(share):
    """A class would settle on the spike with a tiny variance, win the likelihood and be worthless.

    Without the floor under variances half of it was lost at 0.5, without the spike as a state all at 0.7.
    """
    table, truth = plant_spikes(share)
    assert adjusted_rand_score(truth, LatentClassPersonas(2, n_init=10).fit(table).labels_) > 0.7


def test_how_much_is_not_mistaken_for_what():
    """Users differ in how much they do by far more than in what they like; the likings are found."""
    rng = np.random.default_rng(8)
    truth, volume = rng.integers(0, 3, 900), np.exp(rng.normal(0, 1.0, 900))
    share = np.array([[6, 1, 1, 2], [1, 6, 1, 2], [1, 1, 6, 2]]) / 10
    visits = rng.poisson(volume[:, None] * 12 * share[truth])
    loves = pd.DataFrame(visits, columns=["tea", "toys", "travel", "news"]).div(visits.sum(axis=1), axis=0)
    wide = loves.assign(activity=pd.cut(visits.sum(axis=1), [-1, 6, 14, 1e9], labels=["low", "some", "high"]))
    wide.index = [f"u{n:03}" for n in range(900)]
    personas = find_personas(wide, n_personas=3, descriptors=["activity"], n_init=5)
    assert adjusted_rand_score(truth, personas.assigned["persona_id"]) > 0.6
    assert adjusted_rand_score(wide["activity"], personas.assigned["persona_id"]) < 0.2


def test_the_design_of_many_users_is_never_held_whole(monkeypatch):
    """Above a size rows are built chunk by chunk in single precision, with the same sums."""
    users = plant_users(5000, 3, 12, seed=1).users
    raw, weights = read_frame(users), np.ones(5000)
    plans = [learn_plan(column, weights) for column in raw]
    prepared, layout = prepare(raw, plans, 5000), Layout.from_plans(plans)
    whole = Rows(prepared, layout, weights)
    monkeypatch.setattr(design_module, "MAX_DESIGN_BYTES", 1000)
    streamed = Rows(prepared, layout, weights)
    assert streamed._design is None
    chunks = [rows for rows, _ in streamed.chunks()]
    assert max(map(len, chunks)) < 5000 and chunks[0].dtype == np.float32
    np.testing.assert_array_equal(np.concatenate(chunks), whole.design)
    np.testing.assert_allclose(streamed.sums(), whole.sums())
