"""Parts of the local day, and which of their hours may be used."""

from __future__ import annotations

from segtool.targeting.settings import DAYPARTS, TargetingSettings


def daypart_hours(name: str) -> tuple[int, ...]:
    """Return the local hours of a daypart.

    Examples
    --------
    >>> daypart_hours("night")
    (22, 23, 0, 1, 2, 3, 4)
    """
    start, end = DAYPARTS[name]
    return tuple(hour % 24 for hour in range(start, end if end > start else end + 24))


def allowed_hours(name: str, settings: TargetingSettings) -> tuple[int, ...]:
    """Return the hours of a daypart outside the quiet hours."""
    return tuple(hour for hour in daypart_hours(name) if not settings.is_quiet(hour))


def daypart_case(column: str) -> str:
    """Return the SQL that turns a local hour into its daypart.

    Examples
    --------
    >>> "WHEN local_hour IN (10, 11, 12, 13) THEN 'midday'" in daypart_case("local_hour")
    True
    """
    cases = [
        f"WHEN {column} IN ({', '.join(map(str, daypart_hours(name)))}) THEN '{name}'" for name in DAYPARTS
    ]
    return f"CASE {' '.join(cases)} END"


def daypart_phrase(name: str) -> str:
    """Say when, in words.

    Examples
    --------
    >>> daypart_phrase("midday"), daypart_phrase("evening")
    ('at midday', 'in the evening')
    """
    return f"at {name}" if name in ("midday", "night") else f"in the {name}"


def hours_text(hours: tuple[int, ...]) -> str:
    """Say a run of hours as a span, the end being the hour that is no longer in it.

    Examples
    --------
    >>> hours_text((19, 20)), hours_text((23, 0))
    ('19 to 21 h', '23 to 1 h')
    """
    return f"{hours[0]} to {(hours[-1] + 1) % 24 or 24} h"
