"""The one door out: what leaves goes through the privacy rules and into the manifest."""

from segtool.outputs.change_tables import list_drift, list_moves
from segtool.outputs.choice_masks import mask_choice, mask_verdict
from segtool.outputs.community_tables import list_tables as list_community
from segtool.outputs.csv_files import guard, read_csv, unguard, write_csv
from segtool.outputs.export import export_study, write_report
from segtool.outputs.folder import open_folder
from segtool.outputs.manifest import Manifest
from segtool.outputs.persona_change_tables import (
    list_persona_changes,
    list_persona_moves,
    say_persona_changes,
)
from segtool.outputs.plan_tables import (
    list_advice,
    list_calendar,
    list_cohorts,
    list_design,
    list_flow,
    list_lift,
    list_survival,
    write_proof,
)
from segtool.outputs.privacy import hash_ids, hide_small_sizes, read_id_key, suppress_small_cells
from segtool.outputs.proof import Proof
from segtool.outputs.report import ReportFacts, describe_study, render_report
from segtool.outputs.sensitive import find_sensitive, mark_sensitive
from segtool.outputs.settings import ExportSettings
from segtool.outputs.tables import hide_ids, list_coverage, list_portraits, list_targeting
from segtool.outputs.typing_files import write_typing_tool
from segtool.outputs.words import list_notes, mask_words, say_retention

__all__ = [
    "ExportSettings",
    "Manifest",
    "Proof",
    "ReportFacts",
    "describe_study",
    "export_study",
    "find_sensitive",
    "guard",
    "hash_ids",
    "hide_ids",
    "hide_small_sizes",
    "list_advice",
    "list_calendar",
    "list_cohorts",
    "list_community",
    "list_coverage",
    "list_design",
    "list_drift",
    "list_flow",
    "list_lift",
    "list_moves",
    "list_notes",
    "list_persona_changes",
    "list_persona_moves",
    "list_portraits",
    "list_survival",
    "list_targeting",
    "mark_sensitive",
    "mask_choice",
    "mask_verdict",
    "mask_words",
    "open_folder",
    "read_csv",
    "read_id_key",
    "render_report",
    "say_persona_changes",
    "say_retention",
    "suppress_small_cells",
    "unguard",
    "write_csv",
    "write_proof",
    "write_report",
    "write_typing_tool",
]
