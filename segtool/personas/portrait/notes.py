"""What was found in one sentence, and what a reader should know before trusting it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.display import join_words
from segtool.labels.frames import LabelInfo
from segtool.personas.encode import Encoding, LabelTable, plain_facet
from segtool.personas.number.choice_words import note_one_scale
from segtool.personas.number.choose import adjusted_rand, users_table
from segtool.personas.portrait.portray import describe_cells
from segtool.personas.weigh import find_near_copies

ACTIVITY_FACETS = frozenset({"activity", "lifecycle"})
ONE_FACET = 0.8  # of the defining values: above it one facet is all that tells personas apart
# Adjusted Rand index between the personas and one label, where it is known, and for how many it must be.
ONE_LABEL, ONE_LABEL_KNOWN = 0.8, 0.5
TOO_MUCH_ACTIVITY = 0.5  # of an activity label's variance: above it the personas are activity tiers


def write_verdict(model, profile: pd.DataFrame, table: LabelTable, weighted: bool = False) -> str:
    """Return what was found in one sentence; where nothing was, the single axes that do vary."""
    if model.n_personas_ > 1:
        said = model.verdict_.rstrip(".")
        # with sample weights the estimator's shares are of the people, not of the rows
        return said.replace("of all users", "of the people users stand for") if weighted else said
    axes = [f"{table.infos[label].title} ({text})" for label, text in list_axes(profile, table)]
    why = model.verdict_.removeprefix("No structure: ").rstrip(".")
    varies = f". Single labels that do vary: {join_words(axes)}" if axes else ""
    return f"No stable personas: {why}{varies}"


def list_axes(profile: pd.DataFrame, table: LabelTable, n: int = 3) -> list[tuple[str, str]]:
    """Return the labels in which users differ most, with their shares in words.

    Ranked by entropy times the share of users for whom the label is known. Labels marked sensitive
    may form personas, but are not recited.
    """
    rows = profile[(profile["persona_id"] == 1) & profile["forms"]]
    scores = {}
    for label, group in rows.groupby("label", sort=False):
        if table.infos[label].sensitive:
            continue
        share = group["share_in"].to_numpy().clip(1e-9, 1 - 1e-9)
        if table.infos[label].kind == "many":  # each value is a yes or no of its own
            spread = float(-(share * np.log2(share) + (1 - share) * np.log2(1 - share)).mean())
        else:
            spread = float(-(share * np.log(share)).sum() / np.log(max(len(share), 2)))
        scores[label] = spread * float(group["n_known"].max())
    labels = sorted(scores, key=lambda label: -scores[label])[:n]
    found = []
    for label in labels:
        group = rows[rows["label"] == label].nlargest(3, "share_in")
        found.append((label, ", ".join(f"{row.value} {row.share_in:.0%}" for row in group.itertuples())))
    return found


def write_notes(
    table: LabelTable,
    encoding: Encoding,
    codes: np.ndarray,
    summary: pd.DataFrame,
    profile: pd.DataFrame,
    choice: pd.DataFrame | None = None,
) -> list[str]:
    """Return what a reader should know before trusting the personas."""
    notes = [
        *_note_activity(table, encoding, codes, len(summary)),
        *(_note_one_label(table, encoding, codes) or _note_one_facet(encoding, table, profile)),
        *filter(None, [note_one_scale(choice)]),
        *_note_near_copies(table, encoding),
    ]
    shaky = summary[summary["stability"] < 0.6]
    if len(shaky):
        which = join_words([f"{number}" for number in shaky["persona_id"]])
        notes.append(
            f"Persona {which}: not found again in halves of the users (stability below 0.6); explore only."
        )
    if encoding.left_out:
        told = [
            f"{label} ({why})" for label, why in encoding.left_out.items() if not table.infos[label].sensitive
        ]
        parts = [*told[:5], *say_inside(len(encoding.left_out) - len(told))]
        more = f" and {len(told) - 5} more" if len(told) > 5 else ""
        notes.append(f"{len(encoding.left_out)} labels left out: {join_words(parts)}{more}.")
    return notes


def say_inside(n_labels: int) -> list[str]:
    """Return what is said of labels that are marked sensitive: that there are some.

    Examples
    --------
    >>> say_inside(0), say_inside(1), say_inside(2)
    ([], ['a label that stays inside'], ['2 labels that stay inside'])
    """
    if not n_labels:
        return []
    return ["a label that stays inside" if n_labels == 1 else f"{n_labels} labels that stay inside"]


def _name_label(info: LabelInfo) -> str:
    return say_inside(1)[0] if info.sensitive else info.title


def _note_one_label(table: LabelTable, encoding: Encoding, codes: np.ndarray) -> list[str]:
    """Say so when one label alone gives the same groups: then a filter does, and nothing was found."""
    agreements = {label: agree_with_label(table, label, codes) for label in encoding.basis}
    label = max(agreements, key=agreements.get, default=None)
    if label is None or agreements[label] < ONE_LABEL:
        return []
    info = table.infos[label]
    which = _name_label(info) if info.sensitive else f"one label, {info.title}"
    return [
        f"The personas split on {which}, alone: a filter on it gives nearly "
        "the same groups. To see what else tells users apart, leave it out of the basis: basis=[...]."
    ]


def agree_with_label(table: LabelTable, label: str, codes: np.ndarray) -> float:
    """Return how far one label alone gives the personas: adjusted Rand index, 1 when it does exactly.

    Taken over the users for whom the label is known; 0 where that is less than half of them. Of a
    many-valued label each value is a yes or no of its own, and the best one counts.
    """
    if table.infos[label].kind == "many":
        columns = [table.frame[column].astype("Int8") for column in table.columns_of(label)]
        values = [column.fillna(-1).to_numpy(int) for column in columns]
    else:
        values = [np.asarray(describe_cells(table, label).codes, dtype=int)]
    return max((_agreement(each, codes) for each in values), default=0.0)


def _agreement(values: np.ndarray, codes: np.ndarray) -> float:
    known = values >= 0
    if known.mean() < ONE_LABEL_KNOWN or len(np.unique(codes[known])) < 2:
        return 0.0
    shape = (int(values.max()) + 1, int(codes.max()) + 1)
    return adjusted_rand(users_table(values[known], codes[known], np.ones(known.sum()), shape))


def _note_one_facet(encoding: Encoding, table: LabelTable, profile: pd.DataFrame) -> list[str]:
    """Say so when personas that could rest on several facets differ in one alone."""
    rows = profile[profile["defining"] & profile["forms"]]
    offered = {plain_facet(table.infos[label].facet) for label in encoding.basis}
    shares = rows["facet"].map(plain_facet).value_counts(normalize=True)
    if len(offered) < 2 or shares.empty or shares.iloc[0] < ONE_FACET:
        return []
    facet = shares.index[0]
    if facet == "other":  # what nobody gave a facet has nothing in common
        return []
    infos = [table.infos[label] for label in encoding.basis]
    is_told = any(plain_facet(info.facet) == facet and not info.sensitive for info in infos)
    which = facet if is_told else "labels that stay inside"
    return [
        f"The personas differ almost only in {which}. To group users by the rest, leave those labels out: "
        "basis=[...]."
    ]


def _note_near_copies(table: LabelTable, encoding: Encoding) -> list[str]:
    """Name labels that say the same without a common source: only whoever made them knows if they are copies."""
    notes = []
    for group in find_near_copies(encoding.encode(table), encoding.columns, encoding.weights):
        told = [table.infos[label].title for label in group if not table.infos[label].sensitive]
        which = join_words([*told, *say_inside(len(group) - len(told))])
        notes.append(
            f"{len(group)} labels say nearly the same and together outvote others: {which}. If they come "
            "from one source, leave some of them out of the basis."
        )
    return notes


def _note_activity(table: LabelTable, encoding: Encoding, codes: np.ndarray, n_personas: int) -> list[str]:
    found = []
    for label in [*encoding.basis, *encoding.descriptors]:
        info = table.infos[label]
        if plain_facet(info.facet) not in ACTIVITY_FACETS or info.kind not in ("ordered", "flag"):
            continue
        share = explained_share(describe_cells(table, label), codes, n_personas)
        if share > TOO_MUCH_ACTIVITY:
            found.append(
                f"The personas explain {share:.0%} of the variance of {_name_label(info)}: they are activity "
                "tiers more than tastes. Leave labels of volume out of the basis, or use shares for counts."
            )
    return found


def explained_share(cells: pd.Categorical, codes: np.ndarray, n_personas: int) -> float:
    """Return eta squared: the share of an ordered label's variance that personas explain.

    Examples
    --------
    >>> tiers = pd.Categorical(["low", "low", "high", "high"], ["low", "high"], ordered=True)
    >>> explained_share(tiers, np.array([0, 0, 1, 1]), 2)
    1.0
    """
    known = cells.codes >= 0
    scores, groups = cells.codes[known].astype(float), codes[known]
    if len(scores) < 2 or scores.var() == 0:
        return 0.0
    sizes = np.bincount(groups, minlength=n_personas)
    sums = np.bincount(groups, weights=scores, minlength=n_personas)
    means = np.divide(sums, sizes, out=np.zeros(n_personas), where=sizes > 0)
    between = (sizes * (means - scores.mean()) ** 2).sum()
    return float(between / ((scores - scores.mean()) ** 2).sum())
