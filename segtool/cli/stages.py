"""What each stage's command shows: its table, and the words above it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from segtool.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from segtool.study import Study


def label_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import find_sensitive, list_coverage

    labels, settings = study.label(), study.file.export
    examples = labels.sentences().nlargest(5, "n_labels")["sentence"]
    table = list_coverage(labels, settings.min_cell, find_sensitive(labels, settings))
    return table, "\n".join([labels.headline(), *labels.notes, *(f"  {text}" for text in examples if text)])


def change_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import find_sensitive, list_drift, list_moves

    change, settings = study.compare_with(options["since"]), study.file.export
    table = (list_moves if options["moves"] else list_drift)(
        change, settings.min_cell, find_sensitive(change.after, settings)
    )
    return table, change.headline()


def persona_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    return list_personas(study, study.find_personas(n_personas=options["n_personas"]))


def list_personas(study: Study, personas: Any) -> tuple[pd.DataFrame, str]:
    """Return the portraits as portraits.csv has them: what a command prints has left the house, too."""
    from segtool.outputs import find_sensitive, list_notes, list_portraits, mask_verdict

    min_cell, labels = study.file.export.min_cell, personas.labels or study.label()
    table = list_portraits(labels, personas, min_cell, find_sensitive(labels, study.file.export))
    notes = list_notes(personas.notes, min_cell)
    return table, "\n".join([mask_verdict(personas, min_cell), *(f"  {note}" for note in notes)])


def persona_change_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import list_notes, list_persona_changes, list_persona_moves, say_persona_changes

    change = study.follow_personas(options["since"], n_personas=options["n_personas"])
    min_cell = study.file.export.min_cell
    notes = list_notes(change.notes, min_cell)
    table = (list_persona_moves if options["moves"] else list_persona_changes)(change, min_cell)
    kept = "Personas that are the same keep the names they had then."
    return table, "\n".join(
        [say_persona_changes(change, min_cell), *(f"  {note}" for note in (kept, *notes))]
    )


# What `segtool community` shows, and the file an export writes it to.
COMMUNITY_TABLES = {
    "groups": "groups.csv",
    "leaders": "leaders.csv",
    "split": "split.csv",
    **{
        name: f"community/{name}.csv"
        for name in (
            *(
                "circles",
                "circle_topics",
                "circle_personas",
                "warnings",
                "newcomers",
                "terms",
                "group_topics",
            ),
            *("new_terms", "neighbours", "bands", "merges", "core_groups", "filters", "growth", "invited"),
            *("seeds", "formats", "activities", "returned", "users", "weeks", "notes"),
        )
    },
}


def community_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import find_sensitive, hide_ids, list_community, mask_words, read_id_key

    name, settings = options["table"], study.file.export
    if name == "circle_personas":
        study.find_personas()
    community = study.read_community()
    tables = list_community(community, settings.min_cell, find_sensitive(study.label_known(), settings))
    if COMMUNITY_TABLES[name] not in tables:
        raise InputError(
            f"The table {name} rests on a label that [export] keeps inside.",
            "another table of the community.",
        )
    key_file = study.base / settings.id_key_file if settings.id_key_file else None
    table = hide_ids(tables[COMMUNITY_TABLES[name]], read_id_key(key_file) if settings.hash_ids else None)
    said = [mask_words(community.headline(), settings.min_cell)]
    if name != "notes":
        said.append(f"{len(community.notes)} notes on what this rests on: --table notes")
    if table.empty:
        said.append("None found.")
    return table, "\n".join(said)


def target_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import list_targeting

    plan, min_cell = study.plan_targeting(), study.file.export.min_cell
    return list_targeting(plan, min_cell), _say(plan.headline(), plan.notes, min_cell)


def _say(headline: str, notes: Iterable[str], min_cell: int) -> str:
    """Return the words above a table; what a command prints has left the house, too."""
    from segtool.outputs import list_notes, mask_words

    return "\n".join([mask_words(headline, min_cell), *(f"  {note}" for note in list_notes(notes, min_cell))])


def calendar_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import list_calendar

    schedule = study.schedule(**options)
    min_cell = study.file.export.min_cell
    table = list_calendar(schedule, min_cell)
    days = {"week_start": table["week_start"].dt.strftime("%Y-%m-%d")} if len(table) else {}
    return table.assign(**days), _say(schedule.headline(), schedule.notes, min_cell)


def design_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import list_design

    design, min_cell = study.design_test(**options), study.file.export.min_cell
    return list_design(design, min_cell), _say(design.headline(), design.notes, min_cell)


def lift_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import list_lift, write_proof

    options = dict(options)
    proof, min_cell = options.pop("proof"), study.file.export.min_cell
    lift = study.measure_lift(**options)
    words = _say(lift.headline(), lift.notes, min_cell)
    if proof:
        write_proof(lift, proof, min_cell)
        words += f"\n  wrote {proof}; name it as proof in [measurement] of the study, and the plan says what was proved"
    return list_lift(lift, min_cell), words


def retention_stage(study: Study, options: dict) -> tuple[pd.DataFrame, str]:
    from segtool.outputs import list_cohorts, list_flow, list_survival, say_retention

    retention, min_cell = study.retention(options["since"]), study.file.export.min_cell
    tables = {"flow": list_flow, "cohorts": list_cohorts, "survival": list_survival}
    words = _say(say_retention(retention, min_cell), retention.notes, min_cell)
    return tables[options["table"]](retention, min_cell), words


def say_proof(run: Any, min_cell: int) -> list[str]:
    """Return the plan, the sends and the test of a run, a line each: what the files and the report hold."""
    from segtool.outputs import list_notes

    parts = (run.plan, run.proof.schedule, run.proof.design)
    said = list_notes([part.headline() for part in parts if part is not None], min_cell)
    return [f"{line.rstrip('.')}." for line in said]


STAGES: dict[str, Callable[[Any, dict], tuple[pd.DataFrame, str]]] = {
    "label": label_stage,
    "changes": change_stage,
    "personas": persona_stage,
    "persona changes": persona_change_stage,
    "community": community_stage,
    "target": target_stage,
    "calendar": calendar_stage,
    "design": design_stage,
    "lift": lift_stage,
    "retention": retention_stage,
}


# Of the wide tables of a community, what a terminal has room for.
SHOWN = {
    "groups": ("group_id", "title", "verdict", "n_members", "reasons", "do"),
    "leaders": ("group_id", "user_id", "role", "confidence", "influence", "n_answerers", "answered_rate", "evidence"),
    "activities": ("activity_id", "group_id", "lift", "lo", "hi", "n_controls", "verdict", "reason"),
    "growth": ("group_id", "n_watched", "k", "lo", "hi", "cycle_days", "verdict", "sentence"),
    "invited": ("by", "value", "measure", "n_invited", "n_alone", "invited", "alone", "difference", "lo", "hi", "verdict"),
    "seeds": ("user_id", "circle", "rank", "expected", "lo", "hi", "reason"),
    "users": ("user_id", "group_id", "role", "circle", "answered_rate", "group_verdict"),
    "weeks": ("group_id", "week_start", "n_messages", "n_speakers", "active_share", "on_topic_share", "reply_share"),
}  # fmt: skip


# What a terminal has no room for; the CSV and the JSON have it.
HIDDEN = {
    "changes": ("label", "share_known_before", "share_known_after", "chance", "divergence", "source_shift", "low", "high"),
    "personas": ("mean_membership", "rule", "rule_precision", "rule_recall", "sentence"),
    "persona changes": (
        "before_id", "after_id", "share_before", "share_placed", "share_after", "profile_distance",
        "automatic_name", "from_id", "to_id", "q_value",
    ),
    "target": (
        "persona_id", "item", "touch", "lo", "hi", "n_events", "level", "reason", "why_item", "why_daypart",
        "why_channel", "why_cap", "why_stage", "why_touch",
    ),
    "calendar": ("persona_id", "week", "item_id", "n_explore", "share"),
    "design": ("persona_id", "n_treated", "sd", "detectable_strict", "power", "merge_with"),
    "lift": ("persona_id", "arm", "rate_treated", "rate_control", "raw_lo", "raw_hi", "p", "smallest", "n_control"),
    "retention": ("persona_id", "level", "complete", "days", "mean_lo", "mean_hi", "rest_days", "p_value"),
}  # fmt: skip
