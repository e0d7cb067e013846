"""What is true of each user: define, compile, run, resolve, judge."""

from segtool.labels.builtin import builtin_catalog
from segtool.labels.catalog import Catalog
from segtool.labels.claims import Answer, Bands, Cases, Claim, Column, Flag, Note, Preference
from segtool.labels.compile import Compiled, compile_labels
from segtool.labels.definitions import Example, Label
from segtool.labels.examples import check_catalog
from segtool.labels.labels import Labels
from segtool.labels.measures import Measure
from segtool.labels.plans import RELIABILITIES, SOURCE_ORDER
from segtool.labels.run import label_users, run_labels

__all__ = [
    "RELIABILITIES", "SOURCE_ORDER", "Answer", "Bands", "Cases", "Catalog", "Claim", "Column", "Compiled",
    "Example", "Flag", "Label", "Labels", "Measure", "Note", "Preference", "builtin_catalog",
    "check_catalog", "compile_labels", "label_users", "run_labels",
]  # fmt: skip
