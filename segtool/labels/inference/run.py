"""Fits the claims that need a model, and writes their rows into the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segtool.engines import Engine, quote
from segtool.labels.inference.carry import Carried, Examples, carry
from segtool.labels.inference.encode import Encoder, learn_encoder
from segtool.labels.inference.features import FEATURES, SHARES, shares_sql
from segtool.labels.inference.report import CURVE_TABLE, REPORT_TABLE, curve_table, report_table
from segtool.labels.inference.resemble import Likeness, cut_for, find_likeness
from segtool.labels.inference.tasks import FitTask, Standards

if TYPE_CHECKING:
    import pyarrow as pa

# Users a model may see; beyond, every so-many-th of those who did not answer stands for the rest.
MAX_SAMPLE = 60_000
MAX_TEACHERS = 50_000
BATCH_ROWS = 50_000
# Values that come from the data: the commonest so many are inferred.
MAX_VALUES = 30
MAX_SHARES = 30


@dataclass
class _Fit:
    """A task with its model, and what it says of the users scored so far."""

    task: FitTask
    places: np.ndarray
    model: Carried | Likeness
    said: pd.Index
    rows: list[pd.DataFrame] = field(default_factory=list)
    scores: list[tuple[pd.Index, np.ndarray]] = field(default_factory=list)
    n_judged: int = 0
    sums: np.ndarray | None = None
    grades: np.ndarray | None = None


def fit_claims(tasks: Sequence[FitTask], engine: Engine) -> None:
    """Fill the table of each fitted claim, and the tables of the report.

    Features are read once when all users fit into the sample, and otherwise once for the sample
    and once in batches; users come sorted, so the order of the data decides nothing.

    Parameters
    ----------
    tasks : sequence of FitTask
    engine : Engine
        Holds the views the tasks name, ``measures_wide`` and ``user_index``.
    """
    from threadpoolctl import threadpool_limits

    said = {task.claim: _read_said(engine, task) for task in tasks}
    n_users = int(engine.query("SELECT count(*) AS n FROM user_index")["n"].iloc[0])
    with threadpool_limits(1):
        fits = _fit_all(tasks, said, engine, n_users)
        for fit in fits:
            _finish(fit)
    for fit in fits:
        engine.register(fit.task.table, _claim_table(fit))
    engine.register(REPORT_TABLE, report_table([(fit.task, fit.model) for fit in fits]))
    engine.register(CURVE_TABLE, curve_table([(fit.task, fit.model) for fit in fits]))


def _read_said(engine: Engine, task: FitTask) -> pd.DataFrame:
    found = engine.query(
        f"SELECT user_id, value, teaches, weight FROM {quote(task.said)} ORDER BY user_id, value"
    )
    return found.astype({"user_id": str, "value": str, "weight": float})


def _fit_all(tasks, said, engine: Engine, n_users: int) -> list[_Fit]:
    if not any(_may_speak(task, said[task.claim]) for task in tasks):
        empty = np.zeros((0, 0))
        return [
            _fit(task, said[task.claim], pd.Index([], dtype=str), empty, Encoder(()), n_users)
            for task in tasks
        ]
    step = max(1, -(-n_users // MAX_SAMPLE))
    source = _add_shares(engine, tasks)
    sample = _read_sample(engine, source, tasks, step)
    encoder = learn_encoder(sample)
    users, design = _ids(sample), encoder.encode(sample)
    fits = [_fit(task, said[task.claim], users, design, encoder, n_users) for task in tasks]
    if step == 1:
        batches: Iterator = iter([(users, design)])
    elif any(fit.model.speaks for fit in fits):
        batches = ((_ids(batch), encoder.encode(batch)) for batch in _read_batches(engine, source))
    else:  # nobody will be told anything: the sample is enough to report shares
        batches = iter([(users, design)])
    for ids, rows in batches:
        for fit in fits:
            _score(fit, ids, rows)
    return fits


def _may_speak(task: FitTask, said: pd.DataFrame) -> bool:
    """Whether any value has the examples it needs; if none has, no feature is read at all."""
    least = task.goal.min_positives if isinstance(task.goal, Standards) else task.goal.min_seeds
    counts = said.loc[said["teaches"] == 1, "value"].value_counts()
    return bool(len(counts) and counts.iloc[0] >= least)


# --- reading -----------------------------------------------------------------------------------


def _add_shares(engine: Engine, tasks: Sequence[FitTask]) -> str:
    """Add shares of the commonest values of events to the features; return the view to read."""
    names = dict.fromkeys(name for task in tasks for name in task.features if name.startswith(SHARES))
    values = {name.removeprefix(SHARES): _common_values(engine, name.removeprefix(SHARES)) for name in names}
    values = {name: listed for name, listed in values.items() if listed}
    if not values:
        return FEATURES
    engine.create("feature_shares", shares_sql(values))
    picks = "".join(f", s.{quote(name)}" for name in engine.columns("feature_shares") if name != "user_id")
    joined = f"SELECT f.*{picks} FROM {FEATURES} AS f LEFT JOIN feature_shares AS s ON s.user_id = f.user_id"
    engine.create("features_and_shares", joined, lazy=True)
    return "features_and_shares"


def _common_values(engine: Engine, name: str) -> list[str]:
    found = engine.query(
        f"SELECT {quote(name)} AS value, count(*) AS n FROM events WHERE {quote(name)} IS NOT NULL "
        f"GROUP BY {quote(name)} ORDER BY n DESC, value LIMIT {MAX_SHARES}"
    )
    return found["value"].astype(str).tolist()


def _read_sample(engine: Engine, source: str, tasks: Sequence[FitTask], step: int) -> pa.Table:
    """Return the features of those who answered, and of every step-th user, sorted."""
    sql = f"SELECT * FROM {source}"
    if step > 1:
        answered = " UNION ".join(f"SELECT user_id FROM {quote(task.said)}" for task in tasks)
        numbered = "SELECT user_id, row_number() OVER (ORDER BY user_id) AS place FROM user_index"
        sql = (
            f"SELECT f.* FROM {source} AS f\nJOIN (\n"
            f"  SELECT user_id FROM ({numbered}) AS numbered WHERE place % {step} = 0\n"
            f"  UNION {answered}\n) AS picked ON picked.user_id = f.user_id"
        )
    return engine.arrow(f"SELECT * FROM ({sql}) AS users_read ORDER BY user_id")


def _read_batches(engine: Engine, source: str) -> Iterator[pa.RecordBatch]:
    return engine.batches(f"SELECT * FROM {source} ORDER BY user_id", BATCH_ROWS)


def _ids(table) -> pd.Index:
    return pd.Index(table.column("user_id").to_pandas(), dtype=str)


# --- fitting -----------------------------------------------------------------------------------


def _fit(
    task: FitTask, said: pd.DataFrame, users: pd.Index, design: np.ndarray, encoder: Encoder, n_users: int
) -> _Fit:
    places = encoder.places(task.features)
    teaching = said[said["teaches"] == 1]
    everyone = pd.Index(said["user_id"].unique())
    known = users.isin(everyone)
    if not isinstance(task.goal, Standards):
        model = find_likeness(design[:, places] if len(users) else np.zeros((0, 0)), known, task.goal)
        if not len(users):
            model.report["reason"] = f"{len(everyone)} seeds; {task.goal.min_seeds} are needed"
        return _Fit(task, places, model, everyone)
    teaching = _thin(teaching)
    answered = users.isin(teaching["user_id"])
    examples = _examples(
        task, teaching, users[answered] if len(users) else pd.Index(teaching["user_id"].unique())
    )
    # Whoever answered and does not teach (too old, too many) is neither an example nor a stranger.
    used = answered | ~known
    part = design[used][:, places] if len(users) else np.zeros((len(examples.gave), 0))
    flags = answered[used] if len(users) else np.ones(len(examples.gave), bool)
    return _Fit(task, places, carry(part, flags, examples, task.goal, n_users), everyone)


def _thin(teaching: pd.DataFrame) -> pd.DataFrame:
    users = teaching["user_id"].drop_duplicates()
    step = -(-len(users) // MAX_TEACHERS)
    return teaching[teaching["user_id"].isin(users.iloc[::step])] if step > 1 else teaching


def _examples(task: FitTask, teaching: pd.DataFrame, users: pd.Index) -> Examples:
    """Return answers as a table of users and values, in the order of the users of the design."""
    counts = teaching["value"].value_counts()
    seen = sorted(counts.index, key=lambda value: (-counts[value], value))[:MAX_VALUES]
    values = task.values or tuple(sorted(seen))
    rows = users.get_indexer(teaching["user_id"])
    columns = pd.Index(values).get_indexer(teaching["value"])
    gave = np.zeros((len(users), len(values)), bool)
    gave[rows[columns >= 0], columns[columns >= 0]] = True
    weights = np.ones(len(users))
    weights[rows] = teaching["weight"].to_numpy(float)
    return Examples(
        tuple(values), gave, weights / max(weights.mean(), 1e-300) if len(users) else weights, task.is_many
    )


# --- scoring -----------------------------------------------------------------------------------


def _score(fit: _Fit, users: pd.Index, design: np.ndarray) -> None:
    strangers = ~users.isin(fit.said)
    users, design = users[strangers], design[strangers][:, fit.places]
    fit.n_judged += len(users)
    if isinstance(fit.model, Likeness):
        if fit.model.speaks:
            fit.scores.append((users, fit.model.score(design)))
        return
    probabilities, grades = fit.model.judge(design)
    if fit.sums is None:
        fit.sums = np.zeros(probabilities.shape[1])
        fit.grades = np.zeros((2, probabilities.shape[1]), np.int64)
    fit.sums += probabilities.sum(axis=0)
    fit.grades += np.stack([(grades == 2).sum(axis=0), (grades == 1).sum(axis=0)])
    row, column = np.nonzero(grades)
    if len(row):
        fit.rows.append(
            pd.DataFrame(
                {
                    "user_id": users[row],
                    "value": column,
                    "confidence": probabilities[row, column],
                    "grade": grades[row, column],
                }
            )
        )


def _finish(fit: _Fit) -> None:
    """Complete the report with what was seen of those who did not answer."""
    if isinstance(fit.model, Likeness):
        _finish_likeness(fit)
        return
    n = max(fit.n_judged, 1)
    for place, each in enumerate(fit.model.values):
        certified, likely = fit.grades[:, place] if fit.grades is not None else (0, 0)
        n_respondents = each.report["n_respondents"]
        each.report |= {
            "n_published": int(certified + likely),
            "share_certified": certified / n, "share_likely": likely / n,
            "share_abstained": 1 - (certified + likely) / n,
            "precision_asked": fit.task.goal.precision,
        }  # fmt: skip
        if each.model is not None and fit.n_judged:
            implied = fit.sums[place] / n  # of those who did not answer; the others are known
            n_all = fit.n_judged + n_respondents
            each.report["share_implied"] = (implied * fit.n_judged + each.report["n_positive"]) / n_all


def _finish_likeness(fit: _Fit) -> None:
    report, goal = fit.model.report, fit.task.goal
    report |= {"n_published": 0, "share_certified": 0.0, "share_likely": 0.0, "share_abstained": 1.0}
    if not fit.model.speaks or not fit.scores:
        return
    users = fit.scores[0][0].append([users for users, _ in fit.scores[1:]])
    scores = np.concatenate([scores for _, scores in fit.scores])
    cut = cut_for(scores, goal.share)
    top = scores >= cut
    # "Nearer than 97 % of users": those strictly below.
    below = np.searchsorted(np.sort(scores), scores[top], side="left") / len(scores)
    sure = fit.model.calibration.probability(scores[top])
    fit.rows.append(
        pd.DataFrame({"user_id": users[top], "value": 0, "confidence": sure, "grade": 2, "rank": below})
    )
    report |= {
        "n_published": int(top.sum()), "share_certified": float(top.mean()), "share_abstained": 1 - float(top.mean()),
        "threshold": float(fit.model.calibration.probability(np.array([cut]))[0]) if top.any() else np.nan,
    }  # fmt: skip


# --- writing -----------------------------------------------------------------------------------


def _claim_table(fit: _Fit) -> pa.Table:
    """Return the rows of a claim, with the types a `RowsPlan` promises."""
    import pyarrow as pa

    rows = (
        pd.concat(fit.rows, ignore_index=True)
        if fit.rows
        else pd.DataFrame(columns=["user_id", "value", "confidence", "grade"])
    )
    rows = rows.sort_values(["user_id", "value"], kind="stable")
    places = rows["value"].to_numpy(int)
    if isinstance(fit.model, Likeness):
        values, n_evidence = [fit.task.goal.says], [fit.model.report["n_positive"]]
        texts = [_likeness_text(fit, rank) for rank in rows.get("rank", ())]
    else:
        values = [each.value for each in fit.model.values]
        n_evidence = [each.report["n_respondents"] for each in fit.model.values]
        shown = {
            (p, g): _text(fit, p, g)
            for p, g in set(zip(places.tolist(), rows["grade"].tolist(), strict=True))
        }
        texts = [shown[p, g] for p, g in zip(places.tolist(), rows["grade"].tolist(), strict=True)]
    confidence = np.round(np.clip(rows["confidence"].to_numpy(float), 0.01, 0.99), 4)
    return pa.table(
        {
            "user_id": pa.array(rows["user_id"].tolist(), pa.string()),
            "value": pa.array([values[place] for place in places], pa.string()),
            "confidence": pa.array(confidence, pa.float64()),
            "n_evidence": pa.array([int(n_evidence[place]) for place in places], pa.int64()),
            "detail_text": pa.array(texts, pa.string()),
            "observed_age": pa.array(np.zeros(len(rows)), pa.float64()),
        }
    )


def _text(fit: _Fit, place: int, grade: int) -> str:
    report = fit.model.values[place].report
    said = f"{fit.task.answers} of {report['n_respondents']:,} people like them"
    if grade == 1:
        return f"{said}; likely, not proven on held-out people"
    low, high = report["precision_low"], report["precision_high"]
    text = f"{said}; held-out precision {report['precision']:.2f} ({low:.2f} to {high:.2f})"
    if str(report["flag"]).startswith("uneven"):
        text += f", {report['precision_if_2x']:.2f} if holders were twice as likely to answer"
    return text


def _likeness_text(fit: _Fit, rank: float) -> str:
    report = fit.model.report
    return (
        f"resembles the {report['n_positive']:,} of {fit.task.goal.seeds}, nearer than {np.floor(rank * 100):.0f} % "
        f"of users; AUC {report['auc']:.2f} ({report['auc_low']:.2f} to {report['auc_high']:.2f}) on held-out ones"
    )
