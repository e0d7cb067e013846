"""The model as a file: it must still place users, and must not list what very few of them said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segtool.errors import NotFittedError
from segtool.outputs.choice_masks import count_users, mask_choice_table, mask_shares, mask_verdict
from segtool.outputs.privacy import hide_small_sizes
from segtool.outputs.small_shares import find_side, mask_sentence, read_contrast, read_profile
from segtool.personas.encode import OTHER
from segtool.personas.methods import KINDS, METHODS
from segtool.personas.model_json import FORMAT as LATENT_CLASS_FORMAT

NOTE = (
    "persona_model.json holds how likely each persona is and, for each label that forms personas, the "
    "probability of each value in each of them. Values that fewer than min_cell users have are "
    "folded or made to say nothing, and small sizes are left out; the probability of a persona, which "
    "scoring needs, is about its share. So keep the file inside: whoever scores users needs it and "
    "nobody else."
)
POINTS_NOTE = (
    "persona_model.json holds where each persona lies among the labels that form personas; no value in it "
    "is one that fewer than min_cell users have. Keep the file inside: whoever scores users needs it and "
    "nobody else."
)
SIZES_NOTE = "Sizes of fewer than {min_cell} users are not in the file that these personas were read from."


def write_model(personas, path: Path, min_cell: int = 1, inside: Iterable[str] = ()) -> dict[str, Any]:
    """Write the model; personas given as a list of users have none, and then there is no file.

    Parameters
    ----------
    personas : Personas
    path : Path
    min_cell : int
        A value of a label that fewer users have is folded into "other values", and a label that is
        left with one value stops deciding: the users concerned are placed by their other labels. Only
        a latent class model can be folded: one of another method that has such values is not written.
    inside : iterable of str
        Labels that stay inside; a model formed by them all the same is named.

    Returns
    -------
    dict
        For the manifest: ``model`` (what the file tells, or why there is none), ``model_folded``
        (label -> number of values folded), ``model_silenced`` (columns that no longer decide) and
        ``model_formed_by_kept_inside``.
    """
    try:
        personas.save(path)
    except NotFittedError:
        path.unlink(missing_ok=True)
        return {}
    record = json.loads(path.read_text(encoding="utf-8"))
    if "model" not in record or "encoding" not in record:
        return {}
    counts, can_fold = count_values(personas), record["model"]["format"] == LATENT_CLASS_FORMAT
    if not can_fold and (why := say_why_not(record, personas, counts, min_cell)):
        path.unlink()
        return {"model": why}
    folded, silenced = fold_rare_values(record, counts, min_cell) if can_fold else ({}, [])
    mask_record(record, personas, min_cell)
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
    return {
        "model": NOTE if can_fold else POINTS_NOTE,
        "model_folded": folded,
        "model_silenced": silenced,
        "model_formed_by_kept_inside": sorted(set(record["encoding"]["basis"]) & set(inside)),
    }


def count_values(personas) -> dict[str, dict[str, int]]:
    """Return column -> value -> users, of the labels that the personas were formed on."""
    labels = personas.labels
    wide = labels if isinstance(labels, pd.DataFrame) else labels.wide() if labels is not None else None
    if wide is None:
        return {}
    counts = {}
    for column in personas.encoding.columns:
        if column in wide:
            found = wide[column].value_counts()
            counts[column] = {_plain(value): int(n) for value, n in found.items() if n > 0}
    return counts


def _plain(value: object) -> str:
    """Return a value as it is compared with a level: flags are the numbers 0 and 1 in a model."""
    words = {"True": "1.0", "yes": "1.0", "False": "0.0", "no": "0.0"}
    return words.get(str(value), str(value))


def say_why_not(
    record: Mapping[str, Any], personas, counts: Mapping[str, Mapping[str, int]], min_cell: int
) -> str:
    """Return why a model that cannot be folded is not written; "" when it holds nothing of few users.

    Centres are plain averages: that of a small persona is its users' own labels, and from the averages
    of a rare value the users who have it could be counted.
    """
    method = next(name for name, kind in METHODS.items() if kind is KINDS[record["model"]["format"]])
    listed = dict(record["encoding"]["categories"])
    listed |= {str(plan["name"]): [*plan["levels"], *plan["tail"]] for plan in record["model"]["columns"]}
    rare = [
        column
        for column, levels in listed.items()
        if any(0 < counts.get(column, {}).get(str(level), 0) < min_cell for level in levels)
    ]
    n_small = int(personas.portraits()["n_users"].between(1, min_cell - 1).sum())
    said = [f"values that fewer than {min_cell} users have, in {len(rare)} of its columns"] if rare else []
    said += [f"personas of fewer than {min_cell} users"] if n_small else []
    if not said:
        return ""
    return (
        f"There is no persona_model.json: the model ({method}) holds {' and '.join(said)}. Only a model of "
        "the method 'latent class' can be written without them."
    )


def fold_rare_values(
    record: dict[str, Any], counts: Mapping[str, Mapping[str, int]], min_cell: int
) -> tuple[dict[str, int], list[str]]:
    """Fold the values few users have, in place: in the encoding, and in the model's own levels.

    Parameters
    ----------
    record : dict
        As `Personas.save` writes it.
    counts : Mapping
        As `count_values` returns it.
    min_cell : int

    Returns
    -------
    dict of str to int
        Column -> how many of its values are now "other values".
    list of str
        Columns that no fold can help, since they have two values: they keep their place and say the
        same of every persona.
    """
    personas, plans = record["model"]["personas"], record["model"]["columns"]
    probability, relevant = np.array(personas["probability"], dtype=float), list(personas["relevant"])
    folded: dict[str, int] = {}
    silenced: list[str] = []
    parts = []
    start, place = 0, sum(plan["kind"] in ("number", "scale") for plan in plans)
    for plan in plans:
        width = _n_levels(plan)
        if not width:
            continue
        own, start = probability[:, start : start + width], start + width
        column = str(plan["name"])
        pool, is_enough = _pick_pool(plan, counts.get(column, {}), min_cell)
        if pool and plan["kind"] in ("text", "ordered"):
            own = _fold(plan, own, pool)
            record["encoding"]["categories"][column] = list(plan["levels"])
            folded[column] = len(pool)
        if pool and not is_enough:
            own, relevant[place] = np.full_like(own, 1 / own.shape[1]), False
            silenced.append(column)
        parts.append(own)
        place += 1
    if parts:
        personas["probability"], personas["relevant"] = np.hstack(parts).tolist(), relevant
    _fold_unused(record, counts, min_cell)
    return folded, silenced


def _fold_unused(record: dict[str, Any], counts: Mapping[str, Mapping[str, int]], min_cell: int) -> None:
    """Fold the values of columns that the model does not use, in place: they are listed all the same."""
    used = {str(plan["name"]) for plan in record["model"]["columns"]}
    categories = record["encoding"]["categories"]
    for column in set(categories) - used:
        sizes = counts.get(column, {})
        kept = [level for level in categories[column] if not 0 < sizes.get(str(level), 0) < min_cell]
        if len(kept) < len(categories[column]):
            categories[column] = [*(level for level in kept if level != OTHER), OTHER]


def _n_levels(plan: Mapping[str, Any]) -> int:
    """Return how many probabilities a column has in each persona."""
    if plan["kind"] in ("number", "scale"):
        return 2 if plan["hurdle"] else 0
    return len(plan["levels"]) + bool(plan["tail"])


def _pick_pool(plan: Mapping[str, Any], counts: Mapping[str, int], min_cell: int) -> tuple[list, bool]:
    """Return the levels to fold together, and whether the fold then stands for enough users.

    One rare level by itself would keep its count under another name, so the next smallest joins it.
    """
    if plan["kind"] in ("number", "scale"):
        return [], True
    sizes = {level: counts.get(str(level), 0) for level in plan["levels"]}
    rare = [level for level, n in sizes.items() if 0 < n < min_cell]
    if not rare:
        return [], True
    pool = list(rare)
    for level in sorted(sizes, key=lambda level: sizes[level]):
        if sum(sizes[each] for each in pool) >= min_cell:
            break
        if level not in pool:
            pool.append(level)
    if len(pool) < len(sizes) and plan["kind"] in ("text", "ordered"):
        return pool, True
    return rare, False


def _fold(plan: dict[str, Any], own: np.ndarray, pool: list) -> np.ndarray:
    """Make one level, "other values", of some, in place; return the probabilities that go with it."""
    levels = plan["levels"]
    kept = [place for place, level in enumerate(levels) if level not in pool and level != OTHER]
    gone = [place for place, level in enumerate(levels) if level in pool or level == OTHER]
    rest = range(len(levels), own.shape[1])  # the model's own rest of a long list
    plan["levels"] = [*(levels[place] for place in kept), OTHER]
    return np.column_stack([own[:, kept], own[:, gone].sum(axis=1), own[:, list(rest)]])


def mask_record(record: dict[str, Any], personas, min_cell: int) -> None:
    """Take every size that counts few people out of a model file, in place."""
    n_users, model = count_users(personas), record["model"]
    record["verdict"] = mask_verdict(personas, min_cell)
    model["verdict"] = mask_shares(model["verdict"], n_users, min_cell)
    record["notes"] = [mask_shares(note, n_users, min_cell) for note in record["notes"]]
    for rows in (record["choice"], model.get("choice")):
        mask_choice_rows(rows or [], n_users, min_cell)
    if mask_summary(record["summary"], personas, min_cell):
        record["notes"].append(SIZES_NOTE.format(min_cell=min_cell))


def mask_choice_rows(rows: list[dict[str, Any]], n_users: int, min_cell: int) -> None:
    """Mask the sizes in rows of a comparison of numbers of personas, in place."""
    masked = mask_choice_table(pd.DataFrame(rows), n_users, min_cell).to_dict("records")
    for row, shown in zip(rows, masked, strict=True):
        for name in {"min_share", "reason", "change"} & set(row):
            row[name] = None if pd.isna(shown[name]) else shown[name]


def mask_summary(rows: list[dict[str, Any]], personas, min_cell: int) -> bool:
    """Take shares and sizes that count few people out of the portraits of a model file, in place.

    Returns
    -------
    bool
        Whether sizes were taken out: those of small personas, and one more where it would tell.
    """
    profile, contrast = read_profile(personas), read_contrast(personas)
    sizes = hide_small_sizes(pd.Series([row["n_users"] for row in rows]), min_cell=min_cell)
    for row, size in zip(rows, sizes, strict=True):
        hidden, few = bool(pd.isna(size)), 0 < row["n_users"] < min_cell
        for name in ("defining", "rule", "typical", "contrast"):
            mine = [table[table["persona_id"] == row["persona_id"]] for table in (profile, contrast)]
            row[name] = "" if hidden else mask_sentence(str(row[name] or ""), *mine, min_cell)
        for share, count in (("rule_precision", "rule_caught"), ("rule_recall", "rule_members")):
            n_right = (row[share] or 0) * row[count]
            if hidden or 0 < row[count] < min_cell or find_side(n_right, row[count], min_cell):
                row[count] = 0  # not kept
        for name in ("n_users", "share", "weighted_share", "n_unsure") if hidden else ():
            row[name] = None
        for name in ("rule_precision", "rule_recall", "mean_membership") if few else ():
            row[name] = None
        if 0 < (row["n_unsure"] or 0) < min_cell:
            row["n_unsure"] = None
    return bool(sizes.isna().any())
