"""From results to facts: reads each result once, applies the privacy rules, draws the figures."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from segtool.outputs.choice_masks import mask_choice, mask_verdict
from segtool.outputs.manifest import read_versions
from segtool.outputs.report.community_facts import describe_community
from segtool.outputs.report.draw import draw_figures
from segtool.outputs.report.facts import (
    ReportFacts,
    describe_cards,
    describe_unsure_users,
)
from segtool.outputs.report.plan_facts import describe_plan, plain_words, words
from segtool.outputs.report.proof_facts import describe_advice, describe_proof
from segtool.outputs.report.text_table import MAX_ROWS, NOTHING, Table, describe_table
from segtool.outputs.small_shares import mask_people, say_share
from segtool.outputs.tables import list_pixels
from segtool.outputs.words import list_notes
from segtool.personas.estimator import PersonaEstimator
from segtool.personas.methods import LATENT_CLASS, METHODS
from segtool.plots import (
    elide,
)

CHOICE_COLUMNS = {
    "k": "Personas",
    "icl": "ICL",
    "bic": "BIC",
    "stability": "Stability",
    "min_share": "Smallest %",
    "chosen": "Chosen",
    "reason": "Why, or why not",
}
COVERAGE_COLUMNS = {
    "facet": "Facet",
    "title": "Label",
    "share_known": "Known of %",
    "mean_confidence": "Mean confidence",
    "n_values": "Values",
    "note": "Note",
}
CONFLICT_COLUMNS = {
    "label": "Label",
    "kept_source": "Kept source",
    "kept_value": "Kept value",
    "against_source": "Against",
    "against_value": "Its value",
    "n_users": "Users",
    "share": "Of those both know %",
}
PIXEL_COLUMNS = {
    "pixel": "Who",
    "n_users": "Users",
    "n_known": "Of those known",
    "lift": "Times chance",
    "halves": "In any half",
}
INFERRED_COLUMNS = {
    "label": "Label",
    "value": "Value",
    "verdict": "Verdict",
    "n_respondents": "Answers",
    "precision_asked": "Asked %",
    "precision_low": "Surely %",
    "precision": "Held out %",
    "n_published": "Users told",
    "reason": "Why",
}
DATA_COLUMNS = {
    "table": "Table",
    "read": "Read",
    "kept": "Kept",
    "rejected": "Rejected",
    "duplicates": "Duplicates",
    "after_as_of": "After the date",
}
LIMITS = (
    "A persona is a summary of labels at one date: people change, and a person is never only their persona.",
    "Unknown is not no: shares are among users of whom the label is known.",
    "The plan says what a persona asks for more than others do. Whether following it works is shown only by "
    "the users held out of it.",
    "An index over 120 in a small persona can be chance; intervals and effect sizes say how sure it is.",
)


def describe_study(
    *,
    sources,
    labels,
    personas,
    plan,
    title: str = "User segmentation",
    about: str = "",
    simulated: bool = False,
    seed: int = 0,
    min_cell: int = 5,
    sensitive: Sequence[str] = (),
    draw_map: bool = True,
    pixels=None,
    proof=None,
    community=None,
) -> ReportFacts:
    """Gather what the report says.

    Parameters
    ----------
    sources : Sources
    labels : Labels
    personas : Personas
    plan : Plan
    title, about : str
        The study's name, and what it says of itself.
    simulated : bool
        Whether a banner says that the people do not exist.
    seed : int
        For the map.
    min_cell : int
        Counts of fewer people are not shown.
    sensitive : sequence of str
        Labels that are not to appear.
    draw_map : bool
        The map takes the longest; a quick look can do without.
    pixels : Pixels, optional
        The conjunctions of labels worth a sentence.
    proof : Proof, optional
        The schedule, the test's design and retention.
    community : Community, optional
        The reading of the groups.

    Returns
    -------
    ReportFacts
    """
    more = len(plan.table) - MAX_ROWS
    return ReportFacts(
        title=title,
        as_of=_local_date(sources),
        timezone=sources.timezone,
        about=about,
        simulated=simulated,
        verdict=mask_verdict(personas, min_cell),
        notes=tuple(plain_words(mask_people(note, min_cell)) for note in getattr(personas, "notes", ())),
        tiles=_tiles(sources, labels, personas, min_cell),
        cards=describe_cards(labels, personas, plan, min_cell=min_cell, sensitive=sensitive),
        plan=describe_plan(plan, min_cell=min_cell),
        advice=_advice(plan, min_cell),
        proof=describe_proof(proof, min_cell, plan),
        community=describe_community(community, plan, min_cell, sensitive),
        plan_left_out=f"{more:,} more rows: targeting.csv has them all" if more > 0 else "",
        plan_notes=tuple(plain_words(note) for note in list_notes(plan.notes, min_cell)),
        choice=describe_table(mask_choice(personas, min_cell), CHOICE_COLUMNS),
        coverage=_coverage_table(labels, sensitive),
        conflicts=_conflict_table(labels, min_cell, sensitive),
        pixels=_pixel_table(pixels, min_cell, sensitive),
        inferred=_inferred_table(labels, min_cell, sensitive),
        unsure=describe_unsure_users(personas, min_cell),
        left_out=_left_out_table(labels),
        not_in_data=_not_in_data(labels, sensitive),
        data=describe_table(sources.summary().to_pandas(), DATA_COLUMNS),
        made=_made(sources, getattr(personas, "model", None), seed, min_cell, sensitive),
        # Without the names of labels, which are code, and some not to appear.
        limits=(*(note.partition(" They are in:")[0] for note in getattr(labels, "notes", ())), *LIMITS),
        figures=draw_figures(
            labels, personas, plan, seed=seed, min_cell=min_cell, sensitive=sensitive, draw_map=draw_map,
            proof=proof, community=community,
        ),
    )  # fmt: skip


def _advice(plan, min_cell: int) -> dict[str, Table]:
    advice = getattr(plan, "advice", None)
    if advice is None or advice.empty:
        return {}
    named = advice.drop_duplicates("persona_id").set_index("persona_id")["persona"]
    return {name: describe_advice(plan, persona_id, min_cell) for persona_id, name in named.items()}


def _local_date(sources) -> str:
    return f"{pd.Timestamp(sources.as_of).tz_convert(sources.timezone):%Y-%m-%d %H:%M}"


def _tiles(sources, labels, personas, min_cell: int) -> tuple[tuple[str, str, str], ...]:
    kept = int(sources.summary().to_pandas()["kept"].sum())
    tiles = [("Users", f"{labels.n_users:,}", "")]
    if personas.n_personas > 1:
        unsure = personas.assigned["unsure"].astype(bool).mean() if len(personas.assigned) else 0.0
        tiles += [
            ("Personas", f"{personas.n_personas}", ""),
            ("Unsure", say_share(unsure, len(personas.assigned), min_cell),
             "of the users fit a second persona nearly as well, or too little is known of them"),
        ]  # fmt: skip
    else:
        tiles.append(("Personas", "none", "no stable groups: one plan for everyone"))
    return (*tiles, ("Labels", f"{len(labels.label_kinds())}", ""), ("Rows used", f"{kept:,}", ""))


def _whole_coverage(labels, sensitive: Sequence[str]) -> pd.DataFrame:
    coverage = labels.coverage()
    return coverage[(coverage["claim"] == "all") & ~coverage["label"].isin(list(sensitive))]


def _coverage_table(labels, sensitive: Sequence[str]):
    coverage = _whole_coverage(labels, sensitive)
    return describe_table(coverage[coverage["share_known"] > 0], COVERAGE_COLUMNS)


def _not_in_data(labels, sensitive: Sequence[str]) -> tuple[str, ...]:
    """Return the labels known of nobody: a bar of 0% each would hide those known of few."""
    coverage = _whole_coverage(labels, sensitive)
    return tuple(str(title) for title in coverage.loc[coverage["share_known"] == 0, "title"])


def _left_out_table(labels):
    table = labels.left_out()
    # The whole reason lists every column there is: what is missing stands at its beginning.
    return describe_table(
        table.assign(why=[elide(why, 170) for why in table["why"]]), {"label": "Label", "why": "Why"}
    )


def _conflict_table(labels, min_cell: int, sensitive: Sequence[str]):
    found = labels.conflicts()
    found = found[(found["n_users"] >= min_cell) & ~found["label"].isin(list(sensitive))]
    found = found.assign(label=found["label"].map(labels.titles()).fillna(found["label"]))
    for name in ("kept_value", "against_value"):
        found[name] = [words(value) for value in found[name]]
    return describe_table(found, CONFLICT_COLUMNS, max_rows=25, where_all="labels.conflicts() has them all")


def _pixel_table(pixels, min_cell: int, sensitive: Sequence[str]) -> Table:
    if pixels is None:
        return NOTHING
    found = list_pixels(pixels.without(sensitive), min_cell)
    found = found[found["n_users"].notna() & found["status"].isin(["found", "pinned"])]
    halves = zip(found["lift_low"], found["lift_high"], strict=True)
    found = found.assign(halves=[f"{low:.1f} to {high:.1f}" for low, high in halves])
    return describe_table(found, PIXEL_COLUMNS, max_rows=12, where_all="pixels.csv has them all")


def _inferred_table(labels, min_cell: int, sensitive: Sequence[str]) -> Table:
    """Return what answers were carried to those who gave none; of labels answered by few, nothing."""
    found = labels.inference().to_pandas()
    if found.empty:
        return NOTHING
    is_shown = (found["n_respondents"] >= min_cell) & ~found["label"].isin(list(sensitive))
    few = found["n_published"].between(1, min_cell - 1) | found["n_positive"].between(1, min_cell - 1)
    few |= (found["n_respondents"] - found["n_positive"]).between(1, min_cell - 1)  # all but few
    found = found[is_shown & ~few].sort_values("verdict", ascending=False, kind="stable")
    found = found.assign(label=found["label"].map(labels.titles()).fillna(found["label"]))
    found["value"] = [words(value) for value in found["value"]]
    return describe_table(found, INFERRED_COLUMNS, max_rows=25, where_all="labels.inference() has them all")


def describe_method(model: PersonaEstimator | None) -> str:
    """Return how the personas were found, and what became of what is unknown.

    Examples
    --------
    >>> describe_method(None)
    'Groups of users as they were given; none were sought.'
    """
    if model is None:
        return "Groups of users as they were given; none were sought."
    method = next((name for name, kind in METHODS.items() if type(model) is kind), type(model).__name__)
    if method == LATENT_CLASS:
        return (
            "A latent class model over the labels; what is unknown of a user takes no part, and nothing is "
            "filled in."
        )
    return (
        f"Grouped by {'HDBSCAN' if method == 'hdbscan' else method} over the labels as points; what is "
        "unknown of a user is put in the middle, so users of whom little is known flock to the persona "
        "nearest to it."
    )


def _made(
    sources, model: PersonaEstimator | None, seed: int, min_cell: int, sensitive: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    versions = read_versions(("segtool", "duckdb", "scikit-learn", "pandas"))
    said = [
        ("Labels", "Each is a claim with its source, evidence, confidence and date; people outrank "
                   "surveys, surveys outrank behaviour."),
        ("Personas", describe_method(model)),
        ("Plan", "Shares of attention by persona, pulled towards everyone's where there is little data."),
        ("Nothing read after", f"{_local_date(sources)}, {sources.timezone}"),
        ("Seed", str(seed)),
        ("Small groups", f"Counts of fewer than {min_cell} people are not shown."),
        ("Versions", ", ".join(f"{name} {number}" for name, number in versions.items())),
        ("To check it", "manifest.json lists every input and output with its SHA-256."),
    ]  # fmt: skip
    if sensitive:
        which = "1 sensitive label" if len(sensitive) == 1 else f"{len(sensitive)} sensitive labels"
        said.append(("Kept inside", f"{which}: in no table and no figure."))
    return tuple(said)
