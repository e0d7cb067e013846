"""The parts conjunctions are made of: one value of one label, as two rows of bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import quote
from segtool.labels.frames import MANY_SEPARATOR, LabelInfo
from segtool.labels.pixels.bitmaps import lay_out_users, pack
from segtool.labels.pixels.settings import PixelSettings

# Columns that say when, of which kind and by whom, not what: every label of events rests on them.
TALK = frozenset({"community", "messages", "members"})
BOOKKEEPING = frozenset({"age_days", "local_date", "event", "author", "label", "value"})


@dataclass(frozen=True)
class Part:
    """One value of one label; ``facts`` are the columns that decide it, where that is known."""

    info: LabelInfo
    value: str
    facts: frozenset[str] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Label and value."""
        return self.info.name, self.value


@dataclass(frozen=True)
class Bits:
    """Who has each part and of whom that is known.

    Parameters
    ----------
    users : pd.Index
        User ids, sorted.
    positions : np.ndarray of int, shape (n_users,)
        The bit of each user.
    parts : tuple of Part
        In the order of the labels and of their values.
    has : np.ndarray of uint64, shape (n_parts, n_words)
    known : np.ndarray of uint64, shape (n_groups, n_words)
        Each different set of users of whom something is known, once.
    group : np.ndarray of int, shape (n_parts,)
        The row of ``known`` that belongs to each part.
    """

    users: pd.Index
    positions: np.ndarray
    parts: tuple[Part, ...]
    has: np.ndarray
    known: np.ndarray
    group: np.ndarray

    @property
    def n_users(self) -> int:
        """How many users there are."""
        return len(self.users)

    def find(self, key: tuple[str, str]) -> int | None:
        """Return the number of a part, or None where nobody has it."""
        return self._numbers.get(key)

    def __post_init__(self):
        object.__setattr__(self, "_numbers", {part.key: number for number, part in enumerate(self.parts)})


def read_bits(
    wide: pd.DataFrame,
    infos: Sequence[LabelInfo],
    settings: PixelSettings,
    facts=None,
    unsure: pd.DataFrame | None = None,
) -> Bits:
    """Read a wide table of labels as bits.

    Parameters
    ----------
    wide : pd.DataFrame
        As `Labels.wide` gives it.
    infos : sequence of LabelInfo
    settings : PixelSettings
    facts : Mapping of str to frozenset of str, optional
        Label to the columns it rests on.
    unsure : pd.DataFrame, optional
        user_id, label, value: what is to count as unknown.

    Returns
    -------
    Bits
    """
    positions, n_words = lay_out_users(wide.index)
    facts, doubts = facts or {}, _group_doubts(unsure, wide.index)
    parts, has, group, known, rows_of_known = [], [], [], [], {}
    for info in infos:
        if info.name in settings.leave_out:
            continue
        for value, holds, is_known in _read_label(wide, info, doubts):
            if not is_known.any():
                continue
            row = pack(is_known, positions, n_words)
            place = rows_of_known.setdefault(row.tobytes(), len(known))
            if place == len(known):
                known.append(row)
            parts.append(Part(info, value, facts.get(info.name)))
            has.append(pack(holds & is_known, positions, n_words))
            group.append(place)
    empty = np.zeros((0, n_words), dtype=np.uint64)
    return Bits(
        wide.index,
        positions,
        tuple(parts),
        np.array(has) if has else empty,
        np.array(known) if known else empty,
        np.array(group, dtype=np.int64),
    )


def read_unsure(labels, settings: PixelSettings) -> pd.DataFrame | None:
    """Return user_id, label, value of what counts as unknown: inferred, or not sure enough."""
    conditions = [f"confidence < {float(settings.min_confidence)!r}"]
    if not settings.inferred:
        conditions.append("source = 'inferred'")
    table = quote(labels.tables["labels"])
    return labels.engine.query(
        f"SELECT user_id, label, value FROM {table} WHERE {' OR '.join(conditions)} ORDER BY 1, 2, 3"
    )


def read_facts(labels) -> dict[str, frozenset[str]]:
    """Return label -> the columns that decide it, bookkeeping aside; empty for labels of a table."""
    lineage = getattr(labels.compiled, "lineage", None) or {}
    return {
        name: frozenset(map(_fact, filter(_is_fact, line.columns))) for name, line in lineage.items()
    }


def _fact(column: str) -> str:
    """Return the fact a column tells; roles, circles and talk are read from the same messages and rosters."""
    return "groups" if column.partition(".")[0] in TALK else column


def _is_fact(column: str) -> bool:
    table, _, name = column.rpartition(".")
    return table != "notes" and name not in BOOKKEEPING and not name.endswith("_at")


def pair_up(parts: Sequence[Part], settings: PixelSettings) -> np.ndarray:
    """Return which two parts may stand in one conjunction, shape (n_parts, n_parts).

    Notes
    -----
    Never two values of one label. "sensible" also keeps apart labels that read the same facts (of
    "likes tea" and "buys tea" the topics), labels that only count or date rows ("buys often" and
    "new"), and labels of one facet unless each rests on facts of its own (a parent, and a
    public-sector job). Lineage decides that, never correlation: that two things which need not go
    together do so is what pixels are there to find.
    """
    n = len(parts)
    may = np.zeros((n, n), dtype=bool)
    by_labels: dict[tuple[str, str], bool] = {}
    for i, one in enumerate(parts):
        for j in range(i + 1, n):
            other = parts[j]
            names = one.info.name, other.info.name
            if names not in by_labels:
                by_labels[names] = _labels_pair(one, other, settings)
            if by_labels[names] and (settings.facets == "any" or not _says_twice(one, other)):
                may[i, j] = may[j, i] = True
    return may


def _says_twice(one: Part, other: Part) -> bool:
    """Return whether two labels say one thing: "likes trendy brands" and "likes trendy wear"."""
    if "many" not in (one.info.kind, other.info.kind):
        return False
    ours, theirs = (set(part.value.casefold().replace("_", " ").split()) for part in (one, other))
    return ours <= theirs or theirs <= ours


def _labels_pair(one: Part, other: Part, settings: PixelSettings) -> bool:
    if one.info.name == other.info.name:
        return False
    n_sensitive = one.info.sensitive + other.info.sensitive
    if n_sensitive > {"none": 0, "one": 1, "any": 2}[settings.sensitive]:
        return False
    if settings.facets == "any":
        return True
    one_facet = one.info.facet == other.info.facet != "other"
    if settings.facets == "distinct":
        return not one_facet
    shares_rows = bool(one.info.families & other.info.families)
    if one.facts is None or other.facts is None:
        return not (one_facet and shares_rows)
    if one.facts & other.facts:
        return False
    if one_facet:
        return bool(one.facts) and bool(other.facts)
    # Without facts of their own both only count or date rows: who is new cannot have bought often.
    return bool(one.facts) or bool(other.facts)


def _group_doubts(unsure: pd.DataFrame | None, users: pd.Index) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return label -> (places of users, values) that count as unknown."""
    if unsure is None or unsure.empty:
        return {}
    places = users.get_indexer(unsure["user_id"].astype(str))
    values = unsure["value"].astype(str).to_numpy(dtype=object)
    groups = unsure.groupby("label", sort=True).indices
    return {str(label): (places[rows], values[rows]) for label, rows in groups.items()}


def _read_label(wide: pd.DataFrame, info: LabelInfo, doubts) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield value, who has it, and of whom that is known, for each value that says something."""
    places, values = doubts.get(info.name, (np.array([], dtype=int), np.array([], dtype=object)))
    if info.kind == "many":
        prefix = info.name + MANY_SEPARATOR
        for column in (name for name in wide.columns if str(name).startswith(prefix)):
            value, cells = column.removeprefix(prefix), wide[column].astype("boolean")
            known = cells.notna().to_numpy(copy=True)
            known[places[values == value]] = False
            if info.clause(value).strip():
                yield value, cells.fillna(False).to_numpy(bool), known
        return
    codes, names = _read_codes(wide[info.name], info)
    known = codes >= 0
    known[places] = False
    for code, value in enumerate(names):
        if info.clause(value).strip():
            yield value, codes == code, known


def _read_codes(cells: pd.Series, info: LabelInfo) -> tuple[np.ndarray, list[str]]:
    """Return a code per user (-1 where unknown) and the value of each code."""
    words = {True: "yes", False: "no"} if info.kind == "flag" else {}
    if pd.api.types.is_bool_dtype(cells.dtype):
        flags = cells.astype("boolean")
        return flags.astype("Int8").fillna(-1).to_numpy(dtype=np.int8), ["no", "yes"]
    coded = cells.astype("category")
    names = [words.get(value, str(value)) for value in coded.cat.categories]
    return coded.cat.codes.to_numpy(copy=True), names
