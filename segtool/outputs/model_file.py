"""The model as a file: it must still place users, and must not list what very few of them said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segtool.errors import NotFittedError
from segtool.outputs.small_shares import mask_sentence, read_contrast, read_profile
from segtool.personas.encode import OTHER

NOTE = (
    "persona_model.json holds the size of each persona and, for each label that forms personas, the "
    "probability of each value in each of them. Values that fewer than min_cell users have are "
    "folded or made to say nothing; keep the file inside all the same, whoever scores users needs it "
    "and nobody else."
)


def write_model(personas, path: Path, min_cell: int = 1, inside: Iterable[str] = ()) -> dict[str, Any]:
    """Write the model; personas given as a list of users have none, and then there is no file.

    Parameters
    ----------
    personas : Personas
    path : Path
    min_cell : int
        A value of a label that fewer users have is folded into "other values", and a label that is
        left with one value stops deciding: the users concerned are placed by their other labels.
    inside : iterable of str
        Labels that stay inside; a model formed by them all the same is named.

    Returns
    -------
    dict
        For the manifest: ``model`` (what the file tells), ``model_folded`` (label -> number of values
        folded), ``model_silenced`` (columns that no longer decide) and ``model_formed_by_kept_inside``.
    """
    try:
        personas.save(path)
    except NotFittedError:
        path.unlink(missing_ok=True)
        return {}
    record = json.loads(path.read_text(encoding="utf-8"))
    if "model" not in record or "encoding" not in record:
        return {}
    folded, silenced = fold_rare_values(record, count_values(personas), min_cell)
    mask_summary(record["summary"], personas, min_cell)
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
    return {
        "model": NOTE,
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
    return folded, silenced


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


def mask_summary(rows: list[dict[str, Any]], personas, min_cell: int) -> None:
    """Say in the portraits of a model file, in place, no share or size that counts few people.

    Sizes from 1 to ``min_cell - 1`` are written as ``min_cell``: the file needs a number there.
    """
    profile, contrast = read_profile(personas), read_contrast(personas)
    for row in rows:
        few = 0 < row["n_users"] < min_cell
        for name in ("n_users", "n_unsure"):
            if 0 < row[name] < min_cell:
                row[name] = min_cell
        for name in ("defining", "rule", "typical", "contrast"):
            mine = [table[table["persona_id"] == row["persona_id"]] for table in (profile, contrast)]
            row[name] = "" if few else mask_sentence(str(row[name] or ""), *mine, min_cell)
        for name in ("share", "rule_precision", "rule_recall", "mean_membership") if few else ():
            row[name] = None
