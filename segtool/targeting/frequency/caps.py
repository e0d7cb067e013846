"""The limits that always hold: what platforms allow, what houses keep to, what a study sets.

One function says them, for whoever plans sends and for whoever schedules them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from segtool.targeting.channels.presets import CHANNEL_PRESETS, ChannelPreset
from segtool.targeting.settings import TargetingSettings

DAY, WEEK, MONTH = 1, 7, 31  # no calendar month is longer, so 31 days in a row hold a month's limit
PRESSURE_DAYS = 7.0  # a send presses less with every day: by e in a week


class Cap(NamedTuple):
    """At most ``limit`` sends within any ``days`` days in a row, to one user.

    Attributes
    ----------
    limit : int
    days : int
    basis : str
        "platform" (the platform refuses more), "convention" (what teams keep to; no evidence), "study"
        (this study's own) or "house" (over all channels together).
    stated : str
        The limit in words, with where and when it was stated.
    """

    limit: int
    days: int
    basis: str
    stated: str

    @property
    def weekly(self) -> float:
        """The limit as sends a week; several a month are at least one a week.

        Examples
        --------
        >>> Cap(1, 1, "platform", "").weekly, Cap(4, 31, "platform", "").weekly, Cap(1, 28, "study", "").weekly
        (7.0, 1.0, 0.25)
        """
        if self.days == MONTH and self.limit > 1:
            return float(max(1, int(self.limit * 12 / 52)))
        return self.limit * WEEK / self.days


def caps_for(channel: str | None, settings: TargetingSettings | None = None) -> tuple[Cap, ...]:
    """Return every limit on the sends to one user.

    Parameters
    ----------
    channel : str or None
        None: the limits over all channels together.
    settings : TargetingSettings, optional

    Returns
    -------
    tuple of Cap
        All of them hold; empty where there is no limit.

    Notes
    -----
    A number the study sets for a channel takes the place of the convention; a platform's own rule holds
    beside it, for the platform refuses what is above it. ``None`` in the settings lifts both: whoever
    writes it says that the preset is wrong for them. A limit below one becomes one in so many days,
    and 1.5 a week become 2 in a week and 3 in two.

    Examples
    --------
    >>> [cap[:3] for cap in caps_for("app_push")]
    [(1, 1, 'convention'), (4, 7, 'convention')]
    >>> [cap[:3] for cap in caps_for("service_account", TargetingSettings(weekly_caps={"service_account": 3}))]
    [(4, 31, 'platform'), (3, 7, 'study')]
    >>> caps_for(None)[0].stated
    'at most 5 a week over all channels (house convention, not evidence)'
    """
    settings = settings or TargetingSettings()
    if channel is None:
        return _house_caps(settings)
    preset = CHANNEL_PRESETS.get(channel)
    if preset is not None and not preset.pushed and not _said(channel, settings):
        return ()
    caps = [*_preset_caps(preset, channel, settings), *_study_caps(channel, settings)]
    return tuple(dict.fromkeys(caps))


def weekly_cap(channel: str, settings: TargetingSettings | None = None) -> float:
    """Return the strictest limit of a channel as sends a week, that over all channels included.

    NaN where there is none.

    Examples
    --------
    >>> weekly_cap("email"), weekly_cap("wecom_group"), weekly_cap("in_app")
    (2.0, 5.0, nan)
    """
    own = CHANNEL_PRESETS.get(channel)
    if own is not None and not own.pushed and not _said(channel, settings or TargetingSettings()):
        return float("nan")
    caps = (*caps_for(channel, settings), *caps_for(None, settings))
    return min((cap.weekly for cap in caps), default=float("nan"))


def pressure_days(channel: str | None, settings: TargetingSettings | None = None) -> float:
    """Return the days in which the pressure of a send on a channel fades by e.

    Examples
    --------
    >>> pressure_days("app_push"), pressure_days("email")
    (7.0, 14.0)
    """
    said = {} if settings is None else settings.pressure_days
    preset = CHANNEL_PRESETS.get(channel or "")
    return float(said.get(channel, PRESSURE_DAYS if preset is None else preset.pressure_days))


def _said(channel: str, settings: TargetingSettings) -> dict[int, float | None]:
    """Return what the study says of a channel, by span in days."""
    tables = {DAY: settings.daily_caps, WEEK: settings.weekly_caps, MONTH: settings.monthly_caps}
    return {days: table[channel] for days, table in tables.items() if channel in table}


def _preset_caps(preset: ChannelPreset | None, channel: str, settings: TargetingSettings) -> list[Cap]:
    if preset is None or not preset.pushed:
        return []
    said = _said(channel, settings)
    # One number of the study's own replaces the whole habit of the trade: 3 a day is not also 4 a week.
    habit = preset.kind == "convention"
    if None in said.values() or (habit and said):
        return []
    limits = {DAY: preset.per_day, WEEK: preset.per_week, MONTH: preset.per_month}
    return [
        Cap(int(limit), days, preset.kind, preset.sentence())
        for days, limit in limits.items()
        if limit is not None
    ]


def _study_caps(channel: str, settings: TargetingSettings) -> list[Cap]:
    return [
        cap
        for days, limit in sorted(_said(channel, settings).items())
        if limit is not None
        for cap in _whole(limit, days, "study", "the cap this study sets")
    ]


def _house_caps(settings: TargetingSettings) -> tuple[Cap, ...]:
    weekly = settings.weekly_cap_all
    if weekly is None:
        return ()
    stated = f"at most {weekly:g} a week over all channels (house convention, not evidence)"
    return tuple(_whole(weekly, WEEK, "house", stated))


def _whole(limit: float, days: int, basis: str, stated: str) -> list[Cap]:
    """Turn a limit that may be a fraction into whole sends within whole days."""
    if limit >= 1:
        whole = [Cap(int(np.ceil(limit - 1e-9)), days, basis, stated)]
        if limit % 1 > 1e-9:
            spans = next(n for n in range(2, 13) if (limit * n) % 1 < 1e-6 or n == 12)
            whole.append(Cap(int(limit * spans + 1e-6), days * spans, basis, stated))
        return whole
    return [Cap(1, int(np.ceil(days / limit - 1e-9)), basis, stated)]
