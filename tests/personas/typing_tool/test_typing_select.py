import numpy as np
import pytest

from segtool.personas.typing_tool.measure import (
    choose_length,
    cohens_kappa,
    fit_sharpness,
    make_curve,
    score_nested,
)
from segtool.personas.typing_tool.points import round_points
from segtool.personas.typing_tool.select import select_questions
from segtool.personas.typing_tool.tables import FoldCounts, deal_folds, share_out


def make_counts(columns, truth, n_folds=4, seed=0):
    codes = np.column_stack(columns)
    folds = deal_folds(truth, n_folds, np.random.default_rng(seed))
    return FoldCounts(codes, codes.max(axis=0) + 1, truth, folds, int(truth.max()) + 1)


@pytest.fixture(scope="module")
def blurred():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 400)
    return truth, lambda share: np.where(rng.random(400) < share, truth, rng.integers(0, 3, 400))


def how(n, known=None, facets=None):
    return {"known_share": np.ones(n) if known is None else np.array(known), "facets": facets or ["a"] * n}


def test_the_best_question_comes_first_and_its_copy_not_second(blurred):
    truth, blur = blurred
    best, fair, noise = blur(0.7), blur(0.5), blur(0.0)
    counts = make_counts([noise, fair, best, best], truth)
    assert select_questions(counts, range(4), 2, **how(4)) == [2, 1]


def test_equally_good_questions_go_by_what_is_known_then_by_facet(blurred):
    truth, blur = blurred
    best, fair = blur(0.8), blur(0.5)
    counts = make_counts([best, fair, fair], truth)
    assert select_questions(counts, range(4), 2, **how(3, [0.9, 0.5, 0.9])) == [0, 2]
    assert select_questions(counts, range(4), 2, **how(3, facets=["x", "x", "y"])) == [0, 2]
    assert select_questions(counts, range(4), 2, **how(3)) == [0, 1]


def test_only_the_people_of_the_named_folds_matter(blurred):
    truth, blur = blurred
    good, bad = blur(0.8), blur(0.1)
    counts = make_counts([good, bad], truth)
    left_out = counts.folds == 3
    codes = counts.codes.copy()
    codes[left_out, 0], codes[left_out, 1] = 0, truth[left_out]
    changed = FoldCounts(codes, counts.sizes, truth, counts.folds, 3)
    assert select_questions(changed, [0, 1, 2], 1, **how(2)) == [0]
    assert np.array_equal(changed.table([0, 1]).answers, counts.table([0, 1]).answers)


def test_a_table_is_the_smoothed_share_of_each_answer():
    truth = np.array([0] * 30 + [1] * 10)
    answers = np.array([0] * 27 + [1] * 3 + [1] * 9 + [-1])
    counts = FoldCounts(answers[:, None], np.array([2]), truth, np.zeros(40, int), 2)
    table = counts.table([0])
    base = (12 + 0.5) / (39 + 1)
    assert np.exp(table.answers[:, 1]) == pytest.approx([(3 + 5 * base) / 35, (9 + 5 * base) / 14])
    assert np.exp(table.answers).sum(axis=1) == pytest.approx([1, 1])
    assert np.exp(table.prior) == pytest.approx([31 / 42, 11 / 42])


def test_missing_answers_add_nothing(blurred):
    truth, blur = blurred
    counts = make_counts([blur(0.7), blur(0.6)], truth)
    table = counts.table(range(4))
    both = table.add_up(np.array([[1, -1], [-1, -1]]), [0, 1])
    assert both[:, 0] == pytest.approx(table.add_up(np.array([[1, 0]]), [0])[:, 0])
    assert both[:, 1] == pytest.approx(table.prior)


def test_scores_by_length_are_what_adding_up_gives(blurred):
    truth, blur = blurred
    counts = make_counts([blur(0.7), blur(0.6), blur(0.2)], truth)
    nested = score_nested(counts, 9, **how(3))
    assert nested.by_length.shape == (3, 3, 400)
    rows, table = counts.rows(2), counts.table([0, 1, 3])
    expected = table.add_up(counts.codes[rows], nested.chosen[2][:2])
    assert nested.by_length[1][:, rows] == pytest.approx(expected)
    assert nested.by_length[2] == pytest.approx(nested.full)
    assert make_curve(nested)["accuracy"].iloc[2] == nested.full_accuracy


def test_kappa_of_chance_is_none_and_of_agreement_is_one():
    truth = np.repeat([0, 1, 2], 20)
    assert cohens_kappa(truth, truth, 3) == 1
    assert cohens_kappa(truth, np.tile([0, 1, 2], 20), 3) == pytest.approx(0)


def test_doubled_answers_are_sharpened_away():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 4000)
    seen = np.where(rng.random(4000) < 0.8, truth, 1 - truth)
    score = np.log(np.where(np.arange(2)[:, None] == seen, 0.8, 0.2))
    assert fit_sharpness(score, truth) == pytest.approx(1, abs=0.1)
    assert fit_sharpness(2 * score, truth) == pytest.approx(0.5, abs=0.05)


def test_shares_of_hopeless_scores_are_numbers():
    assert share_out(np.array([[-2000.0], [-2001.0]]))[0] == pytest.approx([0.731, 0.269], abs=1e-3)


def test_points_keep_the_order_of_differences():
    prior, (block,) = round_points(np.log([0.6, 0.3, 0.1]), [np.log([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])])
    assert prior.tolist() == [16, 10, 0] and block.T.tolist() == [[20, 15, 0], [0, 15, 20]]
    assert round_points(np.log([0.5, 0.5]), [np.log([[0.5, 0.5]] * 2)])[1][0].max() == 0


def test_a_long_flat_curve_is_cut_where_it_flattens(blurred):
    truth, blur = blurred
    curve = make_curve(score_nested(make_counts([blur(0.8), blur(0.0), blur(0.0)], truth), 3, **how(3)))
    length, reason = choose_length(curve, 0.95)
    assert length == 1 and reason.startswith("1 questions")
