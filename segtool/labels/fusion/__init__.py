"""What each source is worth: declared, or learned from where sources meet."""

from segtool.labels.fusion.label_fusion import LabelFusion, believe, fuse_label
from segtool.labels.fusion.paid import PaidFactor
from segtool.labels.fusion.study_fusion import Fusion, estimate_fusion, list_reliabilities
from segtool.labels.fusion.votes import Patterns, Witness
from segtool.labels.fusion.weights import TierWeights

__all__ = [
    "Fusion", "LabelFusion", "PaidFactor", "Patterns", "TierWeights", "Witness", "believe",
    "estimate_fusion", "fuse_label", "list_reliabilities",
]  # fmt: skip
