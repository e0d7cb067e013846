"""What is true of each user: define, compile, run, resolve, judge."""

from segtool.labels.builtin import builtin_catalog
from segtool.labels.catalog import Catalog
from segtool.labels.change import LabelChange, compare_labels, diff_catalogs, label_costs
from segtool.labels.claims import (
    Answer,
    Bands,
    Cases,
    Claim,
    Column,
    Community,
    First,
    Flag,
    ImportedList,
    Inferred,
    Last,
    Lookalike,
    Note,
    Preference,
    Sequence,
    Sql,
    Times,
)
from segtool.labels.compile import Compiled, compile_labels
from segtool.labels.definitions import Example, Label
from segtool.labels.examples import check_catalog
from segtool.labels.labels import Labels
from segtool.labels.measures import Measure
from segtool.labels.plans import RELIABILITIES, SOURCE_ORDER
from segtool.labels.reliability_table import reliability_diagram
from segtool.labels.run import label_users, run_labels

__all__ = [
    "RELIABILITIES", "SOURCE_ORDER", "Answer", "Bands", "Cases", "Catalog", "Claim", "Column", "Community",
    "Compiled", "Example", "First", "Flag", "ImportedList", "Inferred", "Label", "LabelChange", "Labels", "Last",
    "Lookalike", "Measure", "Note", "Preference", "Sequence", "Sql", "Times", "builtin_catalog", "check_catalog",
    "compare_labels", "compile_labels", "diff_catalogs", "label_costs", "label_users", "reliability_diagram",
    "run_labels",
]  # fmt: skip
