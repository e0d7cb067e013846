"""What the report says of proof: the sends that are planned, the test that will tell, who stays."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from segtool.outputs.plan_tables import list_advice, list_design, list_flow, list_survival
from segtool.outputs.report.plan_facts import plain_words, words
from segtool.outputs.report.text_table import NOTHING, Table, describe_table
from segtool.outputs.words import list_notes, mask_words, say_retention
from segtool.targeting.verdicts import LOGGED, PROVED

ADVICE_COLUMNS = {
    "aspect": "What",
    "said": "Advice",
    "estimate": "Estimate",
    "lo": "From",
    "hi": "To",
    "unit": "Of what",
    "n_users": "Users",
    "level": "Rests on",
    "verdict": "Verdict",
    "reason": "Why",
}
DESIGN_COLUMNS = {
    "persona": "Persona",
    "n_users": "Users",
    "n_control": "Held out",
    "base": "Usual",
    "detectable": "Smallest change seen",
    "users_needed": "Users needed",
    "advice": "Advice",
}
FLOW_COLUMNS = {
    "period": "From",
    "opening": "Opening",
    "new": "+ New",
    "returned": "+ Returned",
    "lost": "− Lost",
    "closing": "= Closing",
}
STAY_COLUMNS = {
    "persona": "Persona",
    "n_users": "Users",
    "n_lost": "Lost",
    "horizon_days": "Within days",
    "mean_days": "Stay, days",
    "difference": "Than the rest",
    "lo": "From",
    "hi": "To",
    "q_value": "q",
    "reason": "In words",
}
PROVED_COLUMNS = {"verdict": "Verdict", "what": "Advice", "persona": "Persona", "reason": "Why"}
FLOW_ROWS = 12


@dataclass(frozen=True)
class ProofFacts:
    """Before and after sending, as the page says it."""

    proved: Table = NOTHING
    schedule: str = ""
    unsent: Table = NOTHING
    design: str = ""
    design_table: Table = NOTHING
    retention: str = ""
    flow: Table = NOTHING
    staying: Table = NOTHING
    notes: tuple[str, ...] = ()


def describe_advice(plan, persona_id: int, min_cell: int) -> Table:
    """Return every piece of advice for one persona, with its verdict."""
    advice = list_advice(plan, min_cell)
    mine = advice[advice["persona_id"] == persona_id]
    mine = mine.assign(
        said=[words(text) for text in mine["advice"]],
        reason=[plain_words(text) if isinstance(text, str) else text for text in mine["reason"]],
    )
    return describe_table(mine, ADVICE_COLUMNS, where_all="advice.csv has them all")


def describe_proof(proof, min_cell: int, plan=None) -> ProofFacts | None:
    """Return what is said of the schedule, the test and retention; None where nothing is.

    Parameters
    ----------
    proof : Proof or None
        With ``schedule``, ``design`` and ``retention``, each of which may be None.
    min_cell : int
    plan : Plan, optional
        Whose advice is shown, as far as a test or logged propensities speak for it.
    """
    if proof is None:
        return None
    said: dict[str, object] = {} if plan is None else {"proved": _proved_table(plan, min_cell)}
    notes: list[str] = []
    if proof.schedule is not None:
        said["schedule"] = plain_words(mask_words(proof.schedule.headline(), min_cell)) + "."
        notes += proof.schedule.notes
        said["unsent"] = _unsent_table(proof.schedule.left_out, min_cell)
    if proof.design is not None:
        said["design"] = plain_words(mask_words(proof.design.headline(), min_cell))
        said["design_table"] = describe_table(list_design(proof.design, min_cell), DESIGN_COLUMNS)
        notes += proof.design.notes
    if proof.retention is not None:
        said["retention"] = plain_words(say_retention(proof.retention, min_cell))
        said["flow"] = _flow_table(proof.retention, min_cell)
        said["staying"] = describe_table(list_survival(proof.retention, min_cell), STAY_COLUMNS)
        notes += proof.retention.notes
    notes += proof.notes
    return ProofFacts(**said, notes=_plain(notes, min_cell))


def _proved_table(plan, min_cell: int) -> Table:
    """Return what is more than an association, the surest first."""
    if getattr(plan, "advice", None) is None:
        return NOTHING
    advice = list_advice(plan, min_cell)
    rank = {verdict: place for place, verdict in enumerate((PROVED, LOGGED))}
    sure = advice[advice["verdict"].isin(rank)]
    sure = sure.assign(
        place=sure["verdict"].map(rank), what=sure["aspect"] + ": " + sure["advice"].map(words)
    )
    sure = sure.sort_values(["place", "aspect", "persona_id"], kind="stable")
    reasons = [plain_words(text) if isinstance(text, str) else text for text in sure["reason"]]
    return describe_table(
        sure.assign(reason=reasons), PROVED_COLUMNS, max_rows=24, where_all="advice.csv has them all"
    )


def _plain(notes, min_cell: int) -> tuple[str, ...]:
    return tuple(plain_words(note) for note in list_notes(notes, min_cell))


def _unsent_table(left_out: pd.DataFrame, min_cell: int) -> Table:
    """Return why people are not written to, and how many; rare reasons stand together."""
    counts = left_out["reason"].value_counts()
    rare = counts < min_cell
    rows = [(str(reason), f"{n:,}") for reason, n in counts[~rare].items()]
    if counts[rare].sum():
        n_rare = int(counts[rare].sum())
        rows.append(("other reasons", f"{n_rare:,}" if n_rare >= min_cell else f"fewer than {min_cell}"))
    return Table(("Not written to, because", "Users"), tuple(rows), (1,))


def _flow_table(retention, min_cell: int) -> Table:
    flow = list_flow(retention, min_cell)
    mine = flow[flow["level"] == "all"].tail(FLOW_ROWS)
    return describe_table(
        mine.assign(period=[f"{day:%Y-%m-%d}" for day in pd.to_datetime(mine["period"])]), FLOW_COLUMNS
    )
