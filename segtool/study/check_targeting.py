"""Whether the words that [targeting] uses occur in the data: a misspelt cap is a cap that does not hold."""

from __future__ import annotations

from collections.abc import Iterable

from segtool.errors import did_you_mean
from segtool.sources import Sources
from segtool.targeting import CHANNEL_PRESETS, TargetingSettings

BY_CHANNEL = ("weekly_caps", "daily_caps", "monthly_caps", "channel_costs", "pressure_days")
RETURN = "return"  # a stage's word for being back on another day: no event


def find_unknown_words(said: TargetingSettings, sources: Sources) -> list[tuple[str, str, str]]:
    """Return what to say of channels and events that are named in [targeting] and nowhere in the data.

    Parameters
    ----------
    said : TargetingSettings
    sources : Sources

    Returns
    -------
    list of (place, "problem" or "note", what)
        A channel is a problem, since what is said of it would not hold; an event that has not happened
        yet may still come.
    """
    findings = []
    channels = _words(sources, "channel", ("sends", "events"))
    for setting in (*BY_CHANNEL, "channels"):
        for word in sorted(set(getattr(said, setting)) - channels - set(CHANNEL_PRESETS)):
            hint = did_you_mean(word, sorted(channels | set(CHANNEL_PRESETS)))
            what = (
                f"{setting} names the channel {word!r}, which is neither in the data nor a known one. {hint}"
            )
            findings.append(("targeting", "problem", what.strip()))
    events = _words(sources, "event", ("events",))
    for word in sorted(set(_own_events(said)) - events - {RETURN}):
        if events:
            what = f"stage_events names the event {word!r}, which never happens. {did_you_mean(word, sorted(events))}"
            findings.append(("targeting", "note", what.strip()))
    return findings


def _own_events(said: TargetingSettings) -> Iterable[str]:
    for words in (said.stage_events or {}).values():
        yield from words


def _words(sources: Sources, column: str, tables: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    for table in tables:
        if table in sources.tables and column in sources.engine.columns(table):
            rows = sources.engine.query(
                f"SELECT DISTINCT {column} AS word FROM {table} WHERE {column} IS NOT NULL ORDER BY word"
            )
            found |= set(rows["word"].astype(str))
    return found
