"""Pictures of labels: all are there, counts are right, unknown is not hidden."""

from __future__ import annotations

import pytest
from outputs.fake_study import LABELS, TOPICS

from segtool.errors import InputError
from segtool.plots import plot_coverage, plot_label_distribution, to_svg
from segtool.plots.label_charts import count_values


def test_every_label_has_a_bar(study):
    _, labels, _, _ = study
    axes = plot_coverage(labels).axes[0]
    assert len(axes.get_yticklabels()) == len(LABELS) + 1
    assert f"{labels.n_users:,} users" in to_svg(plot_coverage(labels))


def test_ordered_values_keep_their_order(study):
    _, labels, _, _ = study
    axes = plot_label_distribution(labels, "spending_power").axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["low", "average", "high"]


@pytest.mark.parametrize("label", ["life_stage", "interest", "shares_content"])
def test_counts_are_the_tables(study, label):
    _, labels, _, _ = study
    counts, n_known = count_values(labels.wide(), label, labels.label_kinds()[label])
    frame = labels.wide()
    if label == "interest":
        assert counts["parenting"] == frame["interest: parenting"].sum()
        assert set(counts.index) == set(TOPICS)
    else:
        assert counts.sum() == n_known == frame[label].notna().sum()


def test_an_unknown_label_is_named(study):
    with pytest.raises(InputError, match="did you mean 'life_stage'"):
        plot_label_distribution(study[1], "life_stag")
