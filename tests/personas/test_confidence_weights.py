"""How sure a cell is decides what it counts for, in the fit and when users are placed."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from benchmarks.planted import plant_users
from segtool.errors import InputError, ParameterError
from segtool.labels import Labels
from segtool.personas import LatentClassPersonas, find_personas
from tests.personas.planted_frame import make_planted


def spoil(planted, seed=0):
    """Replace cells by those of other users, the likelier the less sure; return table and confidences."""
    rng = np.random.default_rng(seed)
    table = planted.users.copy()
    sure = rng.beta(2, 1, table.shape) * 0.8 + 0.19
    for place, name in enumerate(table):
        other = table[name].sample(frac=1, random_state=place).set_axis(table.index)
        table[name] = table[name].where(rng.random(len(table)) < sure[:, place], other)
    return table, sure


def test_known_confidences_make_better_personas():
    """Noise at known places hurts less when the places are known (three planted tables)."""
    gains = []
    for seed in (11, 12, 13):
        planted = plant_users(1500, 4, 20, seed=seed, noise=0.2, strength=1.2)
        table, sure = spoil(planted, seed)
        plain = LatentClassPersonas(4, n_init=10).fit(table).labels_
        weighed = LatentClassPersonas(4, n_init=10).fit(table, confidence=sure).labels_
        gains.append(
            adjusted_rand_score(planted.persona, weighed) - adjusted_rand_score(planted.persona, plain)
        )
    assert np.mean(gains) > 0.02


def test_one_confidence_for_all_changes_nothing():
    table = plant_users(300, 3, 8, seed=2).users
    plain = LatentClassPersonas(3, n_init=3).fit(table)
    weighed = LatentClassPersonas(3, n_init=3).fit(table, confidence=np.full(table.shape, 0.6))
    np.testing.assert_allclose(
        plain.predict_proba(table), weighed.predict_proba(table, np.full(table.shape, 0.6)), atol=1e-9
    )


def test_a_cell_nobody_believes_is_as_good_as_unknown():
    table = plant_users(300, 3, 8, seed=2).users
    model = LatentClassPersonas(3, n_init=3).fit(table)
    sure = pd.DataFrame(np.nan, table.index, table.columns)
    sure.iloc[:, 2] = 0.0
    hidden = table.assign(**{table.columns[2]: table.iloc[:, 2].mask(np.ones(300, bool))})
    np.testing.assert_allclose(model.predict_proba(table, sure), model.predict_proba(hidden), atol=1e-12)


def test_confidences_that_do_not_fit_are_refused():
    table = plant_users(60, 2, 4).users
    for wrong in (np.full(table.shape, 1.5), np.full((60, 3), 0.5)):
        with pytest.raises(InputError, match=r"outside 0 to 1|has the shape"):
            LatentClassPersonas(2, n_init=1).fit(table, confidence=wrong)


def test_labels_bring_their_confidence_and_saved_personas_use_it(tmp_path):
    frame, _ = make_planted(300)
    sure, vague = Labels.from_frame(frame), Labels.from_frame(frame)
    vague.engine.create(
        "labels",
        "SELECT * REPLACE (0.3 + 0.7 * (hash(user_id || label) % 100) / 100 AS confidence) FROM labels",
    )
    plain, weighed = (find_personas(labels, n_personas=3, n_init=3) for labels in (sure, vague))
    assert not np.allclose(plain.probabilities, weighed.probabilities)
    off = find_personas(vague, n_personas=3, n_init=3, use_confidence=False)
    np.testing.assert_allclose(off.probabilities, plain.probabilities)
    loaded = type(weighed).load(weighed.save(tmp_path / "model.json"))
    pd.testing.assert_frame_equal(loaded.assign(vague), weighed.assigned)


def test_facets_and_labels_are_weighed():
    frame, _ = make_planted(400)
    heavy = find_personas(frame, n_personas=3, n_init=3, weights={"life_stage": 3, "daypart": 0})
    assert heavy.encoding.weights["life_stage"] == 3.0
    assert "daypart" in heavy.encoding.descriptors and "daypart" not in heavy.encoding.columns
    by_facet = find_personas(
        Labels.from_frame(frame, facets={"interest": "taste"}), n_personas=3, n_init=3, weights={"Taste": 0.5}
    )
    assert {by_facet.encoding.weights[f"interest: {v}"] for v in ("travel", "parenting")} == {0.5}
    with pytest.raises(ParameterError, match="neither a label nor a facet"):
        find_personas(frame, weights={"tast": 2})


def test_survey_weights_form_the_personas():
    """A user of weight 3 is three users to the fit; counts stay those of the users there are."""
    frame, _ = make_planted(300)
    weight = pd.Series(np.where(np.arange(300) < 100, 3.0, 1.0), index=frame.index)
    weighed = find_personas(frame, n_personas=3, n_init=3, sample_weight=weight)
    portraits = weighed.summary
    assert portraits["n_users"].sum() == 300
    assert portraits["weighted_share"].sum() == pytest.approx(1.0)
    assert (portraits["weighted_share"] - portraits["share"]).abs().max() > 0.05
    with pytest.raises(InputError, match="have no sample weight"):
        find_personas(frame, n_personas=3, sample_weight=weight.iloc[:10])
    with pytest.raises(InputError, match="negative"):
        find_personas(frame, n_personas=3, sample_weight=-weight)
