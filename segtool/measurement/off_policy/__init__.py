"""What another plan would have brought, estimated before sending from a log with propensities, or refused."""

from segtool.measurement.off_policy.compare import compare_arms, logged_evidence
from segtool.measurement.off_policy.evaluate import OffPolicy, evaluate_policy
from segtool.measurement.off_policy.propensities import PropensityCheck, check_propensities
from segtool.measurement.off_policy.read import read_logged_sends

__all__ = [
    "OffPolicy",
    "PropensityCheck",
    "check_propensities",
    "compare_arms",
    "evaluate_policy",
    "logged_evidence",
    "read_logged_sends",
]
