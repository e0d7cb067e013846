"""Running a study for a command: progress, the result as a table or JSON, and where it was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segtool.cli.show import list_records, print_json, print_table, show, show_progress
from segtool.cli.stages import HIDDEN, SHOWN, STAGES, list_personas, say_proof
from segtool.errors import InputError

if TYPE_CHECKING:
    from segtool.study import Study


def run_all(study: Study, out: Path, force: bool, as_json: bool, quiet: bool) -> None:
    """Run every stage, write the folder, and say what was found."""
    with show_progress(quiet) as progress:
        result = study.run(out, force=force, progress=progress)
    portraits, text = list_personas(study, result.personas)
    if as_json:
        from segtool.outputs import mask_verdict

        verdict = mask_verdict(result.personas, study.file.export.min_cell)
        print_json({"verdict": verdict, "personas": list_records(portraits), "out": str(out)})
        return
    print_table(portraits[["persona", "n_users", "share", "stability", "defining"]], text)
    print("\n".join(say_proof(result, study.file.export.min_cell)))
    print(f"files in {out}/, report: {out / 'report.html'}")


def run_stage(path: Path, stage: str, csv: Path | None, as_json: bool, quiet: bool, **options: Any) -> None:
    """Run a study as far as a stage and show its table."""
    from segtool.study import Study

    with show_progress(quiet) as progress:
        progress(f"running the study as far as {stage}")
        table, text = STAGES[stage](Study.read(path), options)
        if stage == "label" and table.empty:
            raise InputError(
                "No label can be made from these tables.",
                fix=f"See segtool check {path}; name a catalogue with labels for your columns under [labels] catalogs.",
            )
        if csv:
            from segtool.outputs import write_csv

            write_csv(table, csv)
    hidden = () if as_json or (stage == "changes" and "title" not in table) else HIDDEN.get(stage, ())
    shown = table.drop(columns=list(hidden), errors="ignore")
    if stage == "community" and not as_json:
        kept = SHOWN.get(options["table"], tuple(table))
        shown = shown[[name for name in kept if name in shown]]
    show(shown, text, as_json, csv)
