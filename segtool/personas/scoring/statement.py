"""The statement as a whole: named steps that can be pasted, run one by one and looked at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlglot
from sqlglot import exp

from segtool.checks import check_in
from segtool.engines import literal
from segtool.personas.membership import UnsureRule
from segtool.personas.scoring.cells import Reading, describe, name_of
from segtool.personas.scoring.expressions import (
    add_up,
    code_sql,
    comment,
    counts_of,
    double,
    first_of,
    greatest,
    standard_sql,
    terms_of,
)
from segtool.personas.scoring.score_columns import ScoreColumn

DIALECTS = ("duckdb", "spark", "postgres", "bigquery", "snowflake")
MOST_BEHIND = "-700e0"  # exp of less is an error in PostgreSQL and nothing anywhere


def write_statement(
    reading: Reading,
    columns: Sequence[ScoreColumn],
    log_share: Sequence[float],
    *,
    names: Mapping[int, str] | None = None,
    rule: UnsureRule | None = None,
    keep: str = "all",
    softening: float = 0.0,
) -> str:
    """Return the statement in DuckDB's dialect, without its header.

    Parameters
    ----------
    reading : Reading
    columns : sequence of ScoreColumn
    log_share : sequence of float
        Log of the share of each persona.
    names : Mapping of int to str, optional
        By persona_id; without names the statement gives numbers only.
    rule : UnsureRule, optional
    keep : {"all", "best"}
        Whether the membership in every persona is given, or the best only.
    softening : float
        Of the model; see `segtool.personas.latent.softening`.
    """
    k = len(log_share)
    softened = softening > 0 and any(column.counts for column in columns)
    counted = needed_known(rule, k)
    steps = [
        *reading.steps,
        ("prepared", _prepare(reading, columns, counted)),
        *([("effects", _effect(reading, columns, softening))] if softened else []),
        ("scores", _score(reading, columns, log_share, names, softened)),
        *share_out(k),
    ]
    told = tell(k, names, rule, counted, keep)
    body = ",\n".join(f"{name} AS (\n  {sql}\n)" for name, sql in steps)
    return f"WITH {body}\n{told}\nORDER BY user_id\n"


def needed_known(rule: UnsureRule | None, n_personas: int) -> int:
    """Return how many informative labels must be known for a user not to be unsure."""
    return 0 if rule is None or n_personas < 2 else min(rule.min_known, len(rule.informative))


def _prepare(reading: Reading, columns: Sequence[ScoreColumn], counted: int) -> str:
    picks = ["user_id"]
    for column in columns:
        cell, n, about = name_of(column), column.number, describe(column)
        if column.levels is not None:
            picks.append(f"{code_sql(column, cell)} AS c{n} /* {about} */")
        if column.curve is not None:
            picks.append(f"{standard_sql(column.plan, cell)} AS z{n} /* {about} */")
        if column.counts and n in reading.weighted:
            usual = double(column.plan.confidence)
            picks.append(f"CASE WHEN f{n} BETWEEN 0e0 AND 1e0 THEN f{n} / {usual} ELSE 1e0 END AS w{n}")
    if counted:
        tests = [" OR ".join(f"{cell} IS NOT NULL" for cell in cells) for cells in reading.known.values()]
        known = "\n      + ".join(f"CASE WHEN {test} THEN 1 ELSE 0 END" for test in tests) or "0"
        picks.append(f"{known} AS n_known /* labels known that tell these personas apart */")
    return "SELECT\n    " + ",\n    ".join(picks) + "\n  FROM cells"


def _score(
    reading: Reading,
    columns: Sequence[ScoreColumn],
    log_share: Sequence[float],
    names: Mapping[int, str] | None,
    softened: bool,
) -> str:
    source = "effects" if softened else "prepared"
    picks = [f"{source}.*"]
    for persona, share in enumerate(log_share):
        terms = [
            term
            for column in columns
            for term in terms_of(column, persona, column.number in reading.weighted)
        ]
        about = f" /* {comment(names[persona + 1])} */" if names else ""
        if softened:
            score = f"{double(share)} + ({add_up('0e0', terms, '    ')}) / effect"
        else:
            score = add_up(double(share), terms, "    ")
        picks.append(f"{score} AS s_{persona + 1}{about}")
    return "SELECT\n    " + ",\n    ".join(picks) + f"\n  FROM {source}"


def _effect(reading: Reading, columns: Sequence[ScoreColumn], softening: float) -> str:
    """Return the step that says by how much the labels of a user repeat each other."""
    counts = [term for column in columns for term in counts_of(column, column.number in reading.weighted)]
    known = add_up("0e0", counts, "    ")
    return (
        f"SELECT\n    prepared.*,\n    1e0 + {double(softening)} * greatest({known}\n    - 1e0, 0e0) AS effect"
        " /* labels known repeat each other */\n  FROM prepared"
    )


def share_out(k: int) -> list[tuple[str, str]]:
    """Return the steps from scores to memberships: exp(score) over the sum of all, the best one taken off first."""
    each = range(1, k + 1)
    exps = ", ".join(f"exp(greatest(s_{i} - top, {MOST_BEHIND})) AS e_{i}" for i in each)
    total = " + ".join(f"e_{i}" for i in each)
    shares = ", ".join(f"e_{i} / total AS p_{i}" for i in each)
    first = first_of([f"p_{i}" for i in each], "membership", [str(i) for i in each])
    steps = [
        ("tops", f"SELECT scores.*, {greatest([f's_{i}' for i in each])} AS top\n  FROM scores"),
        ("odds", f"SELECT tops.*, {exps}\n  FROM tops"),
        ("totals", f"SELECT odds.*, {total} AS total\n  FROM odds"),
        ("memberships", f"SELECT totals.*, {shares}\n  FROM totals"),
        (
            "best",
            f"SELECT memberships.*, {greatest([f'p_{i}' for i in each])} AS membership\n  FROM memberships",
        ),
        ("placed", f"SELECT best.*, {first} AS persona_id\n  FROM best"),
    ]
    if k > 1:
        others = [f"CASE WHEN persona_id = {i} THEN -1e0 ELSE p_{i} END" for i in each]
        steps.append(("seconds", f"SELECT placed.*, {greatest(others)} AS second\n  FROM placed"))
    return steps


def tell(k: int, names: Mapping[int, str] | None, rule: UnsureRule | None, counted: int, keep: str) -> str:
    each = range(1, k + 1)
    picks = ["user_id", "persona_id"]
    if names is not None:
        cases = " ".join(f"WHEN {i} THEN {literal(names[i])}" for i in each)
        picks.append(f"CASE persona_id {cases} END AS persona")
    picks.append("membership")
    if k > 1:
        said = [literal(names[i]) for i in each] if names is not None else [str(i) for i in each]
        runner_up = first_of([f"p_{i}" for i in each], "second", said, but="persona_id <> {} AND ")
    else:
        runner_up = f"CAST(NULL AS {'INTEGER' if names is None else 'VARCHAR'})"
    picks.append(f"{runner_up} AS runner_up{'' if names is not None else '_id'}")
    if rule is not None:
        picks.append(f"{_unsure_sql(rule, k, counted)} AS unsure")
    if keep == "all":
        picks += [f"p_{i}" for i in each]
    return "SELECT\n  " + ",\n  ".join(picks) + f"\nFROM {'seconds' if k > 1 else 'placed'}"


def _unsure_sql(rule: UnsureRule, k: int, counted: int) -> str:
    if k < 2:
        return "FALSE"
    tests = [
        f"membership < {double(rule.min_membership)}",
        f"membership - second < {double(rule.min_margin)}",
    ]
    if counted:
        tests.append(f"n_known < {counted}")
    return f"CASE WHEN {' OR '.join(tests)} THEN TRUE ELSE FALSE END"


# --- dialects ----------------------------------------------------------------------------------


def translate(sql: str, dialect: str) -> str:
    """Return a scoring statement in another dialect.

    Raises
    ------
    ParameterError
        For a dialect that is not offered.
    """
    check_in("dialect", dialect, DIALECTS)
    if dialect == "duckdb":
        return sql
    tree = sqlglot.parse_one(sql, read="duckdb")
    for node in tree.find_all(exp.Greatest):
        node.set("ignore_nulls", False)  # none of ours is ever NULL, and the plain name is known everywhere
    if dialect == "postgres":
        # Else each step is written into the next one, and its terms are worked out again at every mention.
        for step in tree.find_all(exp.CTE):
            step.set("materialized", True)
    return tree.sql(dialect=dialect, pretty=True) + "\n"


def write_header(lines: Collection[str]) -> str:
    """Return a header of comment lines."""
    return "".join(f"-- {comment(line, 160)}\n" for line in lines)
