"""Which formats and lengths hold whose attention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.notes import known, unknown
from segtool.targeting.content.attention import Measure, find_measures, means_by_persona, measure_slots
from segtool.targeting.members import Members
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, ASSUMPTION

# Where people and platforms put the borders: a clip, a short video, a post's read, an article, an episode.
EDGES = (15.0, 30.0, 60.0, 180.0, 600.0, 1800.0)
EDGE_TEXT = ("15 s", "30 s", "1 min", "3 min", "10 min", "30 min")
MIN_ITEMS = 5  # a band or format of fewer items tells of those items
MIN_SEEN = 100  # observations of a slot, all personas together
TABLE = [
    "persona_id", "persona", "kind", "value", "measure", "estimate", "lo", "hi", "everyone", "lift", "lift_lo",
    "lift_hi", "n_users", "n_events", "n_items", "level",
]  # fmt: skip


@dataclass(frozen=True)
class FormatPlan:
    """What holds attention.

    Parameters
    ----------
    advice : DataFrame in the columns of `ADVICE`
        Aspects "format" and "length", each persona's in order of the lower bound.
    table : DataFrame
        persona_id, persona, kind ("format" or "length"), value, measure, estimate (in units of the
        measure), lo, hi, everyone, lift (over everyone in the same slot), lift_lo, lift_hi, n_users,
        n_events, n_items, level. One block per measure; the advice rests on the first.
    notes : tuple of str
    """

    advice: pd.DataFrame
    table: pd.DataFrame
    notes: tuple[str, ...]


def plan_formats(
    sources, members: Members, user_ids: np.ndarray, log: SendLog, settings: TargetingSettings
) -> FormatPlan:
    """Estimate attention by format and by length for each persona.

    Parameters
    ----------
    sources : Sources
        ``content.format`` and ``content.duration_seconds`` say what an item is. Attention is, in this
        order: completion or seconds that events carry, answers per send, the share of items met that
        something was done with.
    members : Members, shape (n_users, n_personas)
    user_ids : ndarray of str
    log : SendLog
    settings : TargetingSettings
    """
    slots, why = _slots(sources)
    if not slots:
        return _nothing(f"Formats: what holds attention ({why}).")
    measures = find_measures(sources, log, settings)
    if not measures:
        return _nothing("Formats: what holds attention (too little was seen, sent or done with known items).")
    blocks = [
        block
        for measure in measures
        for kind, items in slots.items()
        if not (block := _estimate(sources, measure, kind, items, members, user_ids, settings)).empty
    ]
    if not blocks:
        return _nothing(
            f"Formats: what holds attention (no two formats of {MIN_ITEMS} items were met enough)."
        )
    table = pd.concat(blocks, ignore_index=True)[TABLE]
    first = table.drop_duplicates("kind").set_index("kind")["measure"]
    best = table[table["measure"] == table["kind"].map(first)]
    by_name = {measure.name: measure for measure in measures}
    notes = [_measured(kind, by_name[name]) for kind, name in first.items()]
    notes.append(
        unknown(
            "Formats: whether format or topic holds attention; formats differ in what they are about and in "
            "who is shown them."
        )
    )
    return FormatPlan(_advice(best, len(members.names) == 1), table, tuple(notes))


def _nothing(why: str) -> FormatPlan:
    return FormatPlan(pd.DataFrame(columns=ADVICE), pd.DataFrame(columns=TABLE), (unknown(why),))


def _measured(kind: str, measure: Measure) -> str:
    seen = "sends" if measure.is_sent else "observations"
    return known(f"Formats: {kind} is judged by {measure.name} ({measure.n_events:,} {seen}).")


def _slots(sources) -> tuple[dict[str, pd.DataFrame], str]:
    """Return the items of each format and each band of lengths, with why there are none."""
    if "content" not in sources.tables:
        return {}, "there is no content table"
    columns = sources.engine.columns("content")
    slots = {}
    if "format" in columns:
        items = _content(sources, "format")
        slots["format"] = items.rename(columns={"format": "slot"})
    if columns.get("duration_seconds") == "number":
        items = _content(sources, "duration_seconds")
        items = items[items["duration_seconds"] > 0]
        if len(items):
            slots["length"] = items.assign(slot=length_bands(items["duration_seconds"]))
    slots = {kind: items for kind, items in slots.items() if items["slot"].nunique() > 1}
    return slots, "the content table has no two formats and no lengths"


def _content(sources, name: str) -> pd.DataFrame:
    rows = sources.engine.query(
        f"SELECT item_id, {name} FROM content WHERE {name} IS NOT NULL ORDER BY item_id, {name}"
    )
    return rows.drop_duplicates("item_id")


def length_bands(seconds: pd.Series, *, min_items: int = MIN_ITEMS) -> pd.Series:
    """Put lengths in bands that people use, neighbours joined until each has enough items.

    Examples
    --------
    >>> length_bands(pd.Series([10, 12, 20, 40, 50, 2000.0]), min_items=2).tolist()
    ['under 30 s', 'under 30 s', 'under 30 s', 'over 30 s', 'over 30 s', 'over 30 s']
    """
    place = np.searchsorted(EDGES, seconds.to_numpy(dtype=float), side="right")
    counts = np.bincount(place, minlength=len(EDGES) + 1)
    bands = [[i] for i in range(len(counts))]
    while len(bands) > 1:
        sizes = [counts[band].sum() for band in bands]
        least = int(np.argmin(sizes))
        if sizes[least] >= min_items:
            break
        sides = [i for i in (least - 1, least + 1) if 0 <= i < len(bands)]
        other = min(sides, key=lambda i: sizes[i])
        first = min(least, other)
        bands[first : first + 2] = [bands[first] + bands[first + 1]]
    names = {i: _band_name(band) for band in bands for i in band}
    return pd.Series([names[i] for i in place], index=seconds.index, dtype=object)


def _band_name(band: list[int]) -> str:
    low = EDGE_TEXT[band[0] - 1] if band[0] else ""
    high = EDGE_TEXT[band[-1]] if band[-1] < len(EDGE_TEXT) else ""
    if low and high:
        return f"{low} to {high}"
    return f"over {low}" if low else f"under {high}" if high else "any length"


def _estimate(sources, measure: Measure, kind, items, members, user_ids, settings) -> pd.DataFrame:
    sums = measure_slots(sources, measure, items)
    seen = sums.groupby("slot")["n"].sum()
    n_items = items["slot"].value_counts()
    kept = [slot for slot in seen.index if seen[slot] >= MIN_SEEN and n_items[slot] >= MIN_ITEMS]
    if len(kept) < 2:
        return pd.DataFrame(columns=TABLE)
    sums = sums[sums["slot"].isin(kept)]
    table = means_by_persona(sums, members, len(user_ids), settings.confidence, measure.top)
    several = len(members.names) > 1
    own = (table["n_users"] >= settings.min_persona_users) & several
    table = table.assign(
        kind=kind,
        measure=measure.name,
        n_items=table["value"].map(n_items),
        level=np.where(own, "persona", "everyone"),
    )
    if several:
        return table
    return table.assign(lift=np.nan, lift_lo=np.nan, lift_hi=np.nan)  # over everyone, who is itself


def _advice(best: pd.DataFrame, alone: bool) -> pd.DataFrame:
    """Return every slot of a persona in order; the last ones are what to use least."""
    keys, ranked = ["persona_id", "kind"], best.assign(own=best["level"] == "persona")
    ranked["score"] = ranked["lo"].where(ranked["own"], ranked["everyone"])
    ranked = ranked.sort_values([*keys, "score", "value"], ascending=[True, True, False, True])
    ranked["rank"] = ranked.groupby(keys).cumcount() + 1
    next_best = ranked.groupby(keys)["hi"].shift(-1)
    surely = (ranked["lo"] > next_best) & ranked["own"]
    ranked["reason"] = [
        _reason(row, sure, alone) for row, sure in zip(ranked.itertuples(), surely, strict=True)
    ]
    ranked["verdict"] = np.where(ranked["own"] | alone, ASSOCIATED, ASSUMPTION)
    ranked = ranked.rename(columns={"kind": "aspect", "value": "advice", "measure": "unit"})
    return ranked[ADVICE].reset_index(drop=True)


def _reason(row, surely: bool, alone: bool) -> str:
    say = _say(row.measure)
    text = f"{say(row.estimate)} {row.measure} ({say(row.lo)} to {say(row.hi)}, {row.n_users:,} users)"
    if row.level == "everyone" and not alone:
        return f"too few users of its own, so what everyone does: {say(row.everyone)} {row.measure}"
    if surely:
        text += "; surely more than the next"
    if not alone and (row.lift_lo > 1 or row.lift_hi < 1):
        text += f"; {row.lift:.2f}× everyone's ({row.lift_lo:.2f} to {row.lift_hi:.2f})"
    return text


def _say(measure: str):
    return (lambda x: f"{x:.0f}") if measure == "seconds per view" else (lambda x: f"{x:.1%}")
