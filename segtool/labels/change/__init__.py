"""What changed between two dates or two catalogues, and what labels cost."""

from segtool.labels.change.compare import LabelChange, compare_labels
from segtool.labels.change.cost import label_costs
from segtool.labels.change.diff import diff_catalogs

__all__ = ["LabelChange", "compare_labels", "diff_catalogs", "label_costs"]
