"""What is known of the effect of sending: a test's file, logged propensities, the test still to come."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from segtool.checks import check_columns
from segtool.errors import DefinitionError, SegtoolError
from segtool.measurement.off_policy import check_propensities, logged_evidence, read_logged_sends
from segtool.measurement.verdicts import HARM, NOT_TESTED, NOTHING
from segtool.outputs import read_csv
from segtool.targeting.verdicts import ASSUMPTION, PROVED

NUMBERS = ("estimate", "lo", "hi")
COUNTS = ("persona_id", "n_users")


def read_proof(base: Path, name: str) -> pd.DataFrame:
    """Read the evidence that an earlier `segtool measure` wrote.

    Raises
    ------
    DefinitionError
        If there is no such file beside the study.
    """
    path = base / name
    if not path.is_file():
        raise DefinitionError(
            f"proof in [measurement] names {name!r}, and there is no such file beside the study.",
            "the proof.csv that `segtool measure` wrote.",
            "Leave proof out until a test was measured.",
        )
    table = read_csv(path)
    for column in (*NUMBERS, *COUNTS):
        if column in table:
            table[column] = pd.to_numeric(table[column], errors="coerce")
    check_columns(table.columns, ["persona_id", "persona", "advice", "verdict", "reason"], name)
    return tell_test(table.assign(persona_id=table["persona_id"].astype(int)))


def tell_test(proof: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a test as advice with one of the plan's verdicts.

    Harm that was proved is advice, too: not to. Where no effect was found, sending stays an assumption,
    with the smallest effect the test would have seen in its reason. What was not tested says nothing.
    """
    table = proof[proof["verdict"] != NOT_TESTED].copy()
    harm, nothing = table["verdict"] == HARM, table["verdict"] == NOTHING
    table["advice"] = table["advice"].mask(harm, "do not " + table["advice"].astype(str))
    table["reason"] = table["reason"].mask(nothing, "tested, no effect found: " + table["reason"].astype(str))
    return table.assign(verdict=table["verdict"].mask(harm, PROVED).mask(nothing, ASSUMPTION))


def match_personas(proof: pd.DataFrame, names: dict[int, str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of a test under today's numbers, by name, and the names that no persona has now.

    Numbers go by size, run by run: a proof must not land on another persona.
    """
    number = {name: persona_id for persona_id, name in names.items()}
    known = proof["persona"].isin(number)
    found = proof[known].assign(persona_id=proof.loc[known, "persona"].map(number).astype(int))
    return found, sorted(set(proof.loc[~known, "persona"].astype(str)))


def read_evidence(study) -> tuple[pd.DataFrame | None, list[str]]:
    """Return what is known of the effect of sending, for the plan's verdicts, with notes.

    Parameters
    ----------
    study : Study
        Its sends, when they carry propensities, and the file that ``proof`` in [measurement] names.
    """
    logged, why = read_logged_evidence(study.sources, study._personas)
    proof = study.file.measurement.proof
    parts = [] if logged is None else [logged]
    if proof:
        tested, lost = match_personas(read_proof(study.base, proof), study._personas.names)
        parts.append(tested)
    notes = (
        [f"Not known - Effect: the chances logged with the sends prove nothing here; {why}"] if why else []
    )
    if proof and lost:
        told = ", ".join(lost)
        notes.append(f"Not known - Effect: what {proof} proved of {told}; no persona has that name today.")
    return (pd.concat(parts, ignore_index=True) if parts else None), notes


def read_logged_evidence(sources, personas) -> tuple[pd.DataFrame | None, str]:
    """Return what logged propensities say of each arm, and in words why they say nothing where they do not."""
    if "sends" not in sources.tables or "propensity" not in sources.engine.columns("sends"):
        return None, ""
    try:
        sends = read_logged_sends(sources, personas)
        check = check_propensities(sends)
        return (logged_evidence(sends), "") if check.usable else (None, check.reason)
    except SegtoolError as error:  # a log that cannot answer is no reason to have no plan
        return None, str(error)
