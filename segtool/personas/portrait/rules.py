"""Short rules in words that pick out a persona, with the precision and recall they really have.

A rule is at most three conditions that must all hold; a persona gets one rule, or two joined by
"or" where the second earns its place. Rules are searched on one part of the users and measured on
another, because the best of thousands of rules always looks better than it is.

References
----------
Lavrac, Flach, Zupan (1999), Rule evaluation measures: a unifying view, ILP-99.
Clark, Niblett (1989), The CN2 induction algorithm, Machine Learning 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.labels.frames import LabelInfo
from segtool.personas.encode import Encoding, LabelTable
from segtool.personas.portrait.intervals import bound_share
from segtool.personas.portrait.naming import lower_title, spaced
from segtool.personas.portrait.portray import describe_cells

MAX_CONDITIONS, MAX_RULES, BEAM_WIDTH = 3, 2, 12
MAX_SEARCH_ROWS, MAX_TEST_ROWS = 20_000, 100_000
MIN_MEMBERS = 10  # fewer to learn from, and a rule is a list of names
MIN_GAIN = 0.01  # in F0.5: what a further condition must bring
MIN_ODDS = 1.5  # odds of being in the persona inside the rule, against the odds of anyone
MIN_RULE_GAIN = 0.03  # what a second rule must bring
MIN_FIDELITY = 0.8  # below it nobody says that rules define a persona


@dataclass(frozen=True)
class Condition:
    """One test of one label; false where the label is unknown."""

    label: str
    key: str  # conditions with one key exclude each other: values of a label, but not of a many-valued one
    text: str


def find_rules(
    table: LabelTable, encoding: Encoding, codes: np.ndarray, n_personas: int, *, random_state: int = 0
) -> pd.DataFrame:
    """Find for each persona the short rule that best picks out its users.

    Parameters
    ----------
    table : LabelTable
    encoding : Encoding
        Rules use the labels that form the personas.
    codes : np.ndarray of int, shape (n_users,)
        Persona of each user, from 0.
    n_personas : int
    random_state : int
        Seed of the split into users to search on and users to measure on.

    Returns
    -------
    pd.DataFrame of shape (n_personas, 8)
        persona_id, rule (in words; empty where there are too few users, or no labels that may be told,
        to find one), precision
        (share of the users a rule catches who are in the persona), recall (share of the persona
        it catches), n_tested (held-out users it was measured on), n_caught (of those, the ones the
        rule catches: what precision is a share of), n_members (those in the persona: what recall is
        a share of), defines (see `defines_persona`).

    Notes
    -----
    The search is a beam search over conditions that maximises F0.5 = 1.25 P R / (0.25 P + R),
    which counts precision twice as much as recall: a rule that catches strangers costs more.
    Unknown labels satisfy no condition, so that recall counts the users a rule cannot see.
    """
    search, test = split_rows(len(codes), random_state)
    conditions, held = list_conditions(table, encoding, np.concatenate([search, test]))
    searched, tested = held[: len(search)].astype(np.float32), held[len(search) :]
    rows = []
    for persona in range(n_personas):
        rules = _cover(searched, codes[search] == persona, conditions)
        caught = _catch(tested, rules)
        members = codes[test] == persona
        text = "; or ".join(" and ".join(conditions[c].text for c in rule) for rule in rules)
        rows.append({"persona_id": persona + 1, "rule": text, **_measure(caught, members)})
    return pd.DataFrame(rows)


def _measure(caught: np.ndarray, members: np.ndarray) -> dict[str, float | int | bool]:
    """Return what a rule is worth on held-out users; a rule that catches nobody is no rule."""
    hit, n_caught, n_members = int((caught & members).sum()), int(caught.sum()), int(members.sum())
    precision = hit / n_caught if n_caught else np.nan
    recall = hit / n_members if n_caught and n_members else np.nan
    return {
        "precision": precision,
        "recall": recall,
        "n_tested": len(members),
        "n_caught": n_caught,
        "n_members": n_members,
        "defines": defines_persona(precision, recall, n_caught, n_members),
    }


def defines_persona(precision: float, recall: float, n_caught: int, n_members: int) -> bool:
    """Say whether a rule may stand for a persona: precision and recall are surely 0.8 or more.

    Surely: the lower end of the 95 % interval of each. Below that a rule is a rule of thumb, however
    plausible it sounds.

    Examples
    --------
    >>> defines_persona(0.9, 0.9, 500, 500), defines_persona(0.9, 0.9, 20, 20), defines_persona(0.9, 0.7, 500, 500)
    (True, False, False)
    """
    if not (n_caught and n_members):
        return False
    shares, known = np.array([precision, recall]), np.array([n_caught, n_members])
    low, _ = bound_share(shares * known, known)
    return bool((low >= MIN_FIDELITY).all())


def split_rows(n_rows: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows to search on and rows to measure on, half each up to their limits."""
    shuffled = np.random.default_rng(random_state).permutation(n_rows)
    n_search = min(n_rows // 2, MAX_SEARCH_ROWS)
    return np.sort(shuffled[:n_search]), np.sort(shuffled[n_search : n_search + MAX_TEST_ROWS])


def list_conditions(
    table: LabelTable, encoding: Encoding, rows: np.ndarray
) -> tuple[list[Condition], np.ndarray]:
    """Return every condition and which users satisfy it.

    Parameters
    ----------
    table : LabelTable
    encoding : Encoding
    rows : np.ndarray of int, shape (n_rows,)
        Users to answer for. Which values there are, and where numbers are cut, everybody says.

    Returns
    -------
    conditions : list of Condition
        None where all labels that form the personas are sensitive.
    held : np.ndarray of bool, shape (n_rows, n_conditions)
    """
    conditions, columns = [], []
    for label in encoding.basis:
        if table.infos[label].sensitive:  # it may form personas if the analyst says so, but is not recited
            continue
        for condition, holds in _conditions_of(table, table.infos[label], rows):
            conditions.append(condition)
            columns.append(holds)
    return conditions, np.column_stack(columns) if columns else np.zeros((len(rows), 0), bool)


def _conditions_of(
    table: LabelTable, info: LabelInfo, rows: np.ndarray
) -> Iterator[tuple[Condition, np.ndarray]]:
    title = lower_title(info)
    if info.kind == "many":
        for column in table.columns_of(info.name):
            value = column[len(info.name) + 2 :]
            holds = table.frame[column].iloc[rows].to_numpy(bool, na_value=False)
            yield Condition(info.name, column, f"{title} includes {spaced(value)}"), holds
        return
    cells = describe_cells(table, info.name)
    values, codes = list(cells.categories), cells.codes[rows]
    for number, value in enumerate(values):
        verb = ":" if info.kind == "flag" else " is"
        yield Condition(info.name, info.name, f"{title}{verb} {spaced(value)}"), codes == number
    if info.kind != "ordered":
        return
    for number in range(1, len(values) - 1):  # the ends of the scale are the values themselves
        above, below = codes >= number, (codes >= 0) & (codes <= number)
        yield Condition(info.name, info.name, f"{title} is {spaced(values[number])} or above"), above
        yield Condition(info.name, info.name, f"{title} is {spaced(values[number])} or below"), below


def _cover(matrix: np.ndarray, members: np.ndarray, conditions: list[Condition]) -> list[tuple[int, ...]]:
    """Return up to MAX_RULES rules that together cover a persona, best first."""
    rules, covered, best = [], np.zeros(len(members), bool), 0.0
    if members.sum() < MIN_MEMBERS or not conditions:
        return rules
    for number in range(MAX_RULES):
        so_far = ((covered & members).sum(), covered.sum(), members.sum())
        rule, score = _search(matrix[~covered], members[~covered], conditions, so_far)
        caught = (matrix[:, np.array(rule, int)] > 0).all(axis=1)
        enough = score >= best + MIN_RULE_GAIN if number else True
        if not rule or not enough or _odds(members[caught]) < MIN_ODDS * _odds(members):
            break
        rules.append(rule)
        covered, best = covered | caught, score
    return rules


def _odds(members: np.ndarray) -> float:
    return (members.sum() + 0.5) / ((~members).sum() + 0.5)


def _search(
    matrix: np.ndarray, members: np.ndarray, conditions: list[Condition], so_far: tuple[int, int, int]
) -> tuple[tuple[int, ...], float]:
    """Return the conditions of the rule that adds most to those before, by beam search.

    Parameters
    ----------
    matrix : np.ndarray of shape (n_left, n_conditions)
        Users no rule has caught yet.
    members : np.ndarray of bool, shape (n_left,)
    conditions : list of Condition
    so_far : tuple of int
        Members caught by earlier rules, users caught by them, members in all.
    """
    keys = np.array([condition.key for condition in conditions])
    hits, caught, n_members = so_far
    best, best_score = (), float(f_half(hits, caught, n_members))
    beam, target = [()], members.astype(np.float32)
    for _ in range(MAX_CONDITIONS):
        held = np.column_stack([matrix[:, np.array(rule, int)].all(axis=1) for rule in beam])
        held = held.astype(np.float32)
        new_hits, new_caught = (held * target[:, None]).T @ matrix, held.T @ matrix
        scores = f_half(hits + new_hits, caught + new_caught, n_members)
        for row, rule in enumerate(beam):
            scores[row, np.isin(keys, keys[np.array(rule, int)])] = -1.0
        candidates = _best_candidates(scores, beam)
        if not candidates or candidates[0][1] < best_score + MIN_GAIN:
            break
        beam = [rule for rule, _ in candidates]
        best, best_score = candidates[0]
    return best, best_score


def _best_candidates(scores: np.ndarray, beam: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], float]]:
    """Return the best different rules one condition longer than those of the beam."""
    found: dict[tuple[int, ...], float] = {}
    for flat in np.argsort(-scores, axis=None, kind="stable")[: MAX_CONDITIONS * BEAM_WIDTH]:
        row, column = np.unravel_index(flat, scores.shape)
        if scores[row, column] > 0:
            found.setdefault(tuple(sorted((*beam[row], int(column)))), float(scores[row, column]))
    return list(found.items())[:BEAM_WIDTH]


def f_half(hits, caught, n_members):
    """Return F0.5 of a rule from counts; 0 where nothing is caught.

    Examples
    --------
    >>> float(f_half(np.array(5), np.array(10), 5).round(3))
    0.556
    """
    # 1.25 P R / (0.25 P + R) with P = hits / caught and R = hits / members
    denominator = np.asarray(0.25 * n_members + caught, dtype=float)
    return np.divide(1.25 * hits, denominator, out=np.zeros(np.shape(hits)), where=denominator > 0)


def _catch(held: np.ndarray, rules: list[tuple[int, ...]]) -> np.ndarray:
    caught = np.zeros(len(held), bool)
    for rule in rules:
        caught |= held[:, np.array(rule, int)].all(axis=1)
    return caught
