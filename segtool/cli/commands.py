"""The command line: one thin command per stage. Only the standard library and typer load at start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segtool.cli.running import run_all, run_stage
from segtool.cli.show import show, show_progress
from segtool.cli.stages import COMMUNITY_TABLES
from segtool.errors import InputError, OutputError, SegtoolError

if TYPE_CHECKING:
    pass

INTERRUPTED = 130
app = typer.Typer(
    name="segtool",
    help="Turn behaviour logs, survey answers and notes into labels, personas and a content plan.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

StudyPath = Annotated[Path, typer.Argument(help="A study.toml, or the folder it lies in.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Also write the whole table to this CSV file.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the files; replaced as a whole.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier export in --out.")]


def main() -> None:
    """Run the command line; errors become one message and a stable exit code.

    0 done, 1 unexpected, 2 usage, 3 input or definition refused, 4 privacy, 5 output, 130 interrupted.
    """
    try:
        code = app(standalone_mode=False)
    except SegtoolError as error:
        code = _say(str(error), error.exit_code)
    except typer.Exit as asked:
        code = asked.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = _say("stopped; nothing half-written was left.", INTERRUPTED)
    except Exception as error:
        code = _explain(error)
    sys.exit(code or 0)


def _say(text: str, code: int) -> int:
    print(f"segtool: {text}", file=sys.stderr)
    return code


def _explain(error: Exception) -> int:
    """Give errors that are not ours their message and code, or let them be seen whole."""
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # a usage error of the command line
        error.show()
        return error.exit_code
    if "Query interrupted" in str(error):  # the engine's word for Ctrl-C
        return _say("stopped; nothing half-written was left.", INTERRUPTED)
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return _say(f"{error.strerror or error}:{where}", OutputError.exit_code)
    raise error


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"segtool {version('segtool')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn behaviour logs, survey answers and notes into labels, personas and a content plan."""


@app.command()
def init(
    files: Annotated[
        list[Path], typer.Argument(help="Your tables, or exports of tools: CSV, Excel, Parquet, SPSS, ...")
    ],
    out: Annotated[Path, typer.Option("--out", help="The study file to write.")] = Path("study.toml"),
    as_of: Annotated[
        str | None, typer.Option(help="The moment to look from; the day after the newest event if not given.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times without one, such as Asia/Shanghai.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Look at your files, guess the roles of their columns, and write a commented study.toml that runs."""
    from segtool.sources.guess.guess import guess_files

    guessed = guess_files(files, out, as_of=as_of, timezone=timezone)
    beside = {guessed.labels_name: guessed.labels, **guessed.codebooks}
    texts = {out: guessed.study, **{out.parent / name: text for name, text in beside.items() if text}}
    for path in texts:
        if path.exists() and not force:
            fix = "Name another study with --out (what lies beside it is called after it), or replace with --force."
            raise OutputError(f"{path} exists.", fix=fix)
    out.parent.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    print(f"wrote {' and '.join(map(str, texts))}; {_after_init(out, guessed.tables)}")


def _after_init(out: Path, tables: tuple[str, ...]) -> str:
    """Return what to do with a new study; `run` is named where it has something to run on."""
    runs = f"read it, then: segtool check {out} && segtool run {out} --out out"
    if {"events", "survey", "users"} & set(tables):
        return runs
    from segtool.study import Study, check_study

    more = "Name a log, a survey or a table of users beside it for more."
    try:
        problems = check_study(Study.read(out)).problems
    except SegtoolError as error:
        problems = [str(error)]
    if problems:
        return f"read it, but it cannot be run as it is: {'; '.join(map(str, problems))} {more}"
    if not {"messages", "members", "groups", "activities"} >= set(tables):
        return runs
    little = "a chat alone tells of groups and roles in them: too little for personas"
    return f"read it, then: segtool check {out} && segtool community {out} ({little}). {more}"


@app.command()
def check(study: StudyPath, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Say what would be read, what is missing and what is wrong, before anything runs."""
    from segtool.study import Study, check_study

    with show_progress(quiet) as progress:
        progress("reading the tables")
        result = check_study(Study.read(study))
    show(result.to_pandas(), str(result), as_json)
    if result.problems:
        raise typer.Exit(InputError.exit_code)


@app.command()
def label(study: StudyPath, csv: Csv = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Say what is true of each user: coverage of every label, and example sentences."""
    run_stage(study, "label", csv, as_json, quiet)


@app.command()
def changes(
    study: StudyPath,
    since: Annotated[str, typer.Option(help="The earlier moment, such as 2026-06-01.")],
    moves: Annotated[
        bool, typer.Option("--moves", help="Who moved from which value to which, not what drifted.")
    ] = False,
    csv: Csv = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare the labels with those of an earlier moment, from the same files."""
    run_stage(study, "changes", csv, as_json, quiet, since=since, moves=moves)


@app.command()
def personas(
    study: StudyPath,
    n_personas: Annotated[
        int | None, typer.Option("-k", "--n-personas", help="How many; chosen if not given.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Say what became of the personas of an earlier moment, such as 2026-04-01."),
    ] = None,
    moves: Annotated[
        bool, typer.Option("--moves", help="With --since: who moved from which persona to which.")
    ] = False,
    csv: Csv = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Group alike users into named personas; with --since, what became of those of an earlier moment."""
    if since is None:
        if moves:
            raise typer.BadParameter(
                "--moves needs --since: the moment to compare with.", param_hint="--moves"
            )
        run_stage(study, "personas", csv, as_json, quiet, n_personas=n_personas)
    else:
        asked = {"since": since, "moves": moves, "n_personas": n_personas}
        run_stage(study, "persona changes", csv, as_json, quiet, **asked)


@app.command()
def questions(
    study: StudyPath,
    out: Annotated[Path, typer.Option("--out", help="Folder for the questionnaire and the tool.")] = Path(
        "questions"
    ),
    n_questions: Annotated[
        int | None,
        typer.Option("-n", "--n-questions", help="How many; the fewest that will do if not given."),
    ] = None,
    asked_only: Annotated[
        bool, typer.Option("--asked-only", help="Leave out what only a log can tell.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace such files in --out.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the few questions that tell a new person's persona: a questionnaire, Python, SQL and JSON."""
    from segtool.outputs import write_typing_tool
    from segtool.study import Study

    with show_progress(quiet) as progress:
        progress("running the study as far as personas")
        read = Study.read(study)
        ways = {"ways": ("question",)} if asked_only else {}
        tool = read.build_typing_tool(n_questions=n_questions, **ways)
        files = write_typing_tool(tool, out, force=force, min_cell=read.file.export.min_cell)
    show(tool.questions, tool.headline(), as_json)
    if not as_json:
        print(f"wrote {', '.join(map(str, files))}")


@app.command()
def community(
    study: StudyPath,
    table: Annotated[str, typer.Option(help=f"One of {', '.join(COMMUNITY_TABLES)}.")] = "groups",
    csv: Csv = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read the chat groups: how they fare, who leads, circles, splits, sharing, activities."""
    if table not in COMMUNITY_TABLES:
        raise typer.BadParameter(f"{table!r} is none of {', '.join(COMMUNITY_TABLES)}.", param_hint="--table")
    run_stage(study, "community", csv, as_json, quiet, table=table)


@app.command()
def target(study: StudyPath, csv: Csv = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Say what to show to whom, when, where and how often."""
    run_stage(study, "target", csv, as_json, quiet)


@app.command()
def calendar(
    study: StudyPath,
    weeks: Annotated[int | None, typer.Option(help="How many weeks; as the study says if not given.")] = None,
    start: Annotated[str | None, typer.Option(help="The first day, such as 2026-07-06.")] = None,
    budget: Annotated[int | None, typer.Option(help="Sends in all.")] = None,
    csv: Csv = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Lay the plan out over weeks: who is sent what, when and where, within every cap."""
    run_stage(study, "calendar", csv, as_json, quiet, weeks=weeks, start=start, budget=budget)


@app.command()
def design(
    study: StudyPath,
    metric: Annotated[
        str | None, typer.Option(help="What the test is about, such as purchased or active_days.")
    ] = None,
    weeks: Annotated[
        int | None, typer.Option(help="How long it runs; as the study says if not given.")
    ] = None,
    csv: Csv = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what the holdout will be able to show of each persona, before anything is sent."""
    run_stage(study, "design", csv, as_json, quiet, metric=metric, weeks=weeks)


@app.command()
def measure(
    study: StudyPath,
    since: Annotated[str, typer.Option(help="When the plan went out, such as 2026-06-01.")],
    roster: Annotated[
        Path | None, typer.Option(help="personas.csv as exported before the sends; placed anew if not given.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="What it is about; may be given more than once.")
    ] = None,
    any_day: Annotated[
        bool, typer.Option("--any-day", help="Intervals that hold however often you look, at their price.")
    ] = False,
    proof: Annotated[Path | None, typer.Option(help="Also write what was proved, for the next plan.")] = None,
    csv: Csv = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Did it work: compare those who were sent the plan with those held out."""
    asked = {
        "since": since,
        "roster": roster,
        "metric": metric or None,
        "always_valid": any_day,
        "proof": proof,
    }
    run_stage(study, "lift", csv, as_json, quiet, **asked)


@app.command()
def retention(
    study: StudyPath,
    since: Annotated[
        str | None, typer.Option(help="Persona as known at this moment, so that staying is not what made it.")
    ] = None,
    table: Annotated[str, typer.Option(help="flow, cohorts or survival.")] = "flow",
    csv: Csv = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say who came, who came back and who left, by persona and channel."""
    if table not in ("flow", "cohorts", "survival"):
        raise typer.BadParameter(f"{table!r} is none of flow, cohorts, survival.", param_hint="--table")
    run_stage(study, "retention", csv, as_json, quiet, since=since, table=table)


@app.command()
def report(
    study: StudyPath,
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")] = Path("report.html"),
    quiet: Quiet = False,
) -> None:
    """Write the report alone: one self-contained HTML file."""
    from segtool.study import Study

    with show_progress(quiet) as progress:
        progress("running the study")
        Study.read(study).write_report(out)
    print(out)


@app.command()
def run(
    study: StudyPath,
    out: Out = Path("out"),
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run every stage: labels, personas, content plan, files and report."""
    from segtool.study import Study

    run_all(Study.read(study), out, force, as_json, quiet)


@app.command()
def demo(
    out: Out = Path("out/demo"),
    n_users: Annotated[int, typer.Option(help="Size of the simulated community.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same community.")] = 7,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a community, run the whole flow on it, and say where the report is."""
    import tempfile

    from segtool.sources import simulate_circle
    from segtool.study import Study

    with tempfile.TemporaryDirectory() as folder:
        study = simulate_circle(n_users, random_state=seed).write_study(folder)
        run_all(Study.read(study), out, True, as_json, quiet)
