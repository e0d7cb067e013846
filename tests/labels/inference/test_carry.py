import numpy as np
import pytest
from planted import plant

from segtool.labels.inference.carry import Examples, carry
from segtool.labels.inference.crossfit import cross_fit
from segtool.labels.inference.tasks import Standards


def carry_one(design, holds, answered, n_users=None, weights=None, **standards):
    gave = holds[answered][:, None]
    weights = np.ones(len(gave)) if weights is None else weights
    examples = Examples(("yes",), gave, weights, is_many=True)
    return carry(design, answered, examples, Standards(**standards), n_users or len(holds))


def published(carried, design, answered):
    return carried.judge(design[~answered])[1][:, 0] == 2


def test_what_is_published_holds_the_precision_and_confidences_come_true():
    design, holds, random = plant(8000, strength=3.0)
    answered = random.random(len(holds)) < 0.15
    carried = carry_one(design, holds, answered, precision=0.8)
    said = published(carried, design, answered)
    report = carried.values[0].report
    assert report["verdict"] == "infers" and report["precision_low"] >= 0.8 and said.mean() > 0.1
    assert holds[~answered][said].mean() >= 0.78
    probabilities = carried.judge(design[~answered])[0][:, 0]
    assert probabilities[said].mean() == pytest.approx(holds[~answered][said].mean(), abs=0.04)


def test_too_few_positives_abstain_and_say_so():
    design, holds, _ = plant(3000, share=0.012, strength=3.0)
    answered = np.arange(3000) % 5 == 0
    report = carry_one(design, holds, answered).values[0].report
    assert report["verdict"] == "abstains"
    assert report["reason"] == f"{holds[answered].sum()} positives among 600 answers; 30 are needed"


def test_what_behaviour_does_not_tell_is_not_inferred():
    design, holds, random = plant(2000, strength=0.3)
    answered = random.random(2000) < 0.4
    carried = carry_one(design, holds, answered, precision=0.5)
    assert not carried.speaks
    assert carried.values[0].report["reason"].startswith("behaviour does not tell this: AUC 0.5")


def test_a_precision_out_of_reach_is_not_promised():
    design, holds, random = plant(3000, strength=1.2)
    answered = random.random(3000) < 0.2
    report = carry_one(design, holds, answered, precision=0.95).values[0].report
    assert "best provable precision" in report["reason"] and not published_any(report)


def published_any(report):
    return report["verdict"] == "infers"


@pytest.fixture(scope="module")
def holders_answer():
    """Holders are three times likelier to answer."""
    design, holds, random = plant(12_000, strength=2.5, share=0.25)
    answered = random.random(len(holds)) < np.where(holds, 0.15, 0.05)
    return design, holds, answered


def test_answering_that_depends_on_the_answer_is_flagged_with_a_band(holders_answer):
    design, holds, answered = holders_answer
    report = carry_one(design, holds, answered).values[0].report
    assert report["flag"] == "uneven answering, share not known"
    odds = report["precision"] / (1 - report["precision"])
    assert report["precision_if_3x"] == pytest.approx(odds / 3 / (1 + odds / 3))
    assert report["precision_if_3x"] < report["precision_if_2x"] < report["precision"]


def test_a_known_share_repairs_it(holders_answer):
    design, holds, answered = holders_answer
    truth = holds[~answered]
    blind = carry_one(design, holds, answered)
    known = carry_one(design, holds, answered, margin=(("yes", float(holds.mean())),))
    assert truth[published(blind, design, answered)].mean() < 0.75
    assert truth[published(known, design, answered)].mean() >= 0.78
    assert known.values[0].report["flag"] == ""
    implied = known.judge(design[~answered])[0].mean()
    assert implied == pytest.approx(truth.mean(), abs=0.03)


def test_a_margin_that_cannot_be_is_refused(holders_answer):
    design, holds, answered = holders_answer
    report = carry_one(design, holds, answered, margin=(("yes", 0.01),)).values[0].report
    assert report["verdict"] == "abstains" and "cannot be" in report["reason"]


def test_weights_for_uneven_answering_bring_prevalence_back():
    design, holds, random = plant(6000, strength=2.5)
    answered = random.random(6000) < np.where(design[:, 0] > 0, 0.3, 0.1)
    report = carry_one(design, holds, answered).values[0].report
    raw, weighted = abs(report["share_raw"] - holds.mean()), abs(report["share_weighted"] - holds.mean())
    assert weighted < raw / 2
    assert report["n_effective"] < answered.sum()


def test_survey_weights_count():
    design, holds, random = plant(4000)
    answered = random.random(4000) < 0.3
    weights = np.where(holds[answered], 1.0, 3.0)
    report = carry_one(design, holds, answered, weights=weights / weights.mean()).values[0].report
    assert report["share_weighted"] < report["share_raw"] - 0.1


def test_only_the_likeliest_of_several_values_is_said():
    design, holds, random = plant(4000, strength=4.0)
    answered = random.random(4000) < 0.3
    gave = np.column_stack([holds, ~holds])[answered]
    examples = Examples(("a", "b"), gave, np.ones(len(gave)), is_many=False)
    grades = carry(design, answered, examples, Standards(precision=0.6), 4000).judge(design)[1]
    assert (grades == 2).any(axis=0).all()
    assert ((grades > 0).sum(axis=1) <= 1).all()


def test_likely_is_marked_as_such():
    design, holds, random = plant(3000, strength=1.6)
    answered = random.random(3000) < 0.1
    carried = carry_one(design, holds, answered, precision=0.9, likely=True, min_positives=30)
    grades = carried.judge(design[~answered])[1]
    assert carried.values[0].threshold is None and set(np.unique(grades)) == {0, 1}


def test_trees_must_earn_their_place():
    random = np.random.default_rng(1)
    design = random.normal(size=(3000, 4))
    bent = (design[:, 0] * design[:, 1] > 0) ^ (random.random(3000) < 0.1)
    straight = design[:, 0] + random.normal(size=3000) > 0
    assert cross_fit(design, bent).kind == "trees"
    assert cross_fit(design, straight).kind == "logistic"
    assert cross_fit(design[:1000], bent[:1000]).kind == "logistic"


def test_the_same_data_gives_the_same_model():
    design, holds, _ = plant(1000)
    one, other = cross_fit(design, holds), cross_fit(design.copy(), holds.copy())
    assert np.array_equal(one.held_out, other.held_out)
