import numpy as np
from planted import plant

from segtool.labels.inference.resemble import cut_for, find_likeness, share_found
from segtool.labels.inference.tasks import Resemblance

GOAL = Resemblance("list vip", "yes", share=0.1)


def test_hidden_members_are_found():
    """Half of those who belong are listed; the others must be in the top share more often than chance."""
    design, belongs, random = plant(4000, strength=3.0, share=0.15)
    is_seed = belongs & (random.random(4000) < 0.5)
    likeness = find_likeness(design, is_seed, GOAL)
    scores = likeness.score(design[~is_seed])
    top = scores >= cut_for(scores, GOAL.share)
    assert top.mean() <= GOAL.share
    assert belongs[~is_seed][top].mean() > 3 * belongs[~is_seed].mean()
    assert likeness.report["share_found_low"] > GOAL.share and likeness.report["auc_low"] > 0.5


def test_seeds_like_anybody_else_are_no_model():
    design, _, random = plant(3000)
    likeness = find_likeness(design, random.random(3000) < 0.05, GOAL)
    assert not likeness.speaks and "better than chance" in likeness.report["reason"]


def test_a_handful_of_seeds_is_too_few():
    design, _, _ = plant(500)
    likeness = find_likeness(design, np.arange(500) < 20, GOAL)
    assert likeness.report["reason"] == "20 seeds and 480 others; 30 of each are needed"


def test_the_top_share_never_parts_equals_and_is_never_exceeded():
    assert cut_for(np.array([3.0, 2.0, 2.0, 1.0]), 0.75) == 2.0
    assert cut_for(np.array([2.0, 2.0, 2.0, 1.0]), 0.5) == np.inf
    assert share_found(np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, False, True, False]), 0.5)[0] == 1.0
