"""Did it work: who was left alone, and what differed."""

from segtool.measurement.arms import assign_arms
from segtool.measurement.design import Design, design_test
from segtool.measurement.holdout import assign_holdout
from segtool.measurement.lift import Lift, measure_lift
from segtool.measurement.off_policy import (
    OffPolicy,
    PropensityCheck,
    check_propensities,
    compare_arms,
    evaluate_policy,
    logged_evidence,
    read_logged_sends,
)
from segtool.measurement.outcomes import METRICS, Metric, read_outcomes, read_past
from segtool.measurement.policy import PolicyComparison
from segtool.measurement.proof import proof_table
from segtool.measurement.retention.alive import BgNbd, estimate_alive, fit_bg_nbd
from segtool.measurement.retention.retention import Retention, plan_retention
from segtool.measurement.retention.settings import RetentionSettings
from segtool.measurement.retention.survival import kaplan_meier, log_rank, restricted_mean
from segtool.measurement.sequential import price_peeking
from segtool.measurement.srm import RatioCheck, check_ratio

__all__ = [
    "METRICS",
    "BgNbd",
    "Design",
    "Lift",
    "Metric",
    "OffPolicy",
    "PolicyComparison",
    "PropensityCheck",
    "RatioCheck",
    "Retention",
    "RetentionSettings",
    "assign_arms",
    "assign_holdout",
    "check_propensities",
    "check_ratio",
    "compare_arms",
    "design_test",
    "estimate_alive",
    "evaluate_policy",
    "fit_bg_nbd",
    "kaplan_meier",
    "log_rank",
    "logged_evidence",
    "measure_lift",
    "plan_retention",
    "price_peeking",
    "proof_table",
    "read_logged_sends",
    "read_outcomes",
    "read_past",
    "restricted_mean",
]
