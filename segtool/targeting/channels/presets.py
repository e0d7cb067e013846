"""How often a channel may be used: what platforms allow, and what houses are used to."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class ChannelPreset:
    """The limits of one channel, per user.

    Parameters
    ----------
    channel : str
    per_week, per_day, per_month : float or None
        None is no limit of that kind.
    kind : {"platform", "convention"}
        A platform refuses more; a convention is what teams keep to, and no evidence.
    stated : str
        When and where the limit was stated.
    pushed : bool
        False where a person sees it only on coming by, so that no cap applies.
    pressure_days : float
        Days in which the pressure of a send fades by e: a mail waits in the box, a push is gone.
    """

    channel: str
    per_week: float | None = None
    per_day: float | None = None
    per_month: float | None = None
    kind: str = "convention"
    stated: str = ""
    pushed: bool = True
    pressure_days: float = 7

    @property
    def weekly(self) -> float | None:
        """The limit as sends a week: the strictest of the three, at least 1.

        Four a month is one a week: two in one week would be missing in another.

        Examples
        --------
        >>> CHANNEL_PRESETS["service_account"].weekly
        1
        """
        limits = [self.per_week, None if self.per_day is None else self.per_day * 7]
        if self.per_month is not None:
            limits.append(max(1, int(self.per_month * 12 / 52)))
        known = [limit for limit in limits if limit is not None]
        return min(known) if known else None

    def sentence(self) -> str:
        """Say the limit and how far to trust it.

        Examples
        --------
        >>> CHANNEL_PRESETS["subscription_account"].sentence()
        'at most 1 a day (platform rule: platform documentation, 2025-11)'
        """
        if not self.pushed:
            return "seen when they come by, no cap"
        parts = [("day", self.per_day), ("week", self.per_week), ("month", self.per_month)]
        limits = [f"{limit:g} a {unit}" for unit, limit in parts if limit is not None]
        word = "platform rule" if self.kind == "platform" else "house convention, not evidence"
        return f"at most {' and '.join(limits)} ({word}{': ' + self.stated if self.stated else ''})"


_PLATFORM = {"kind": "platform", "stated": "platform documentation, 2025-11"}

# WeCom mass messages: as many a month as the month has days, or 7 a week, or 1 a day, by the
# setting of the house. Seven a week is the middle one and never exceeds the first.
CHANNEL_PRESETS: MappingProxyType[str, ChannelPreset] = MappingProxyType(
    {
        preset.channel: preset
        for preset in (
            ChannelPreset("wecom_group", per_week=7, **_PLATFORM),
            ChannelPreset("wecom_direct", per_week=7, **_PLATFORM),
            ChannelPreset("service_account", per_month=4, **_PLATFORM),
            ChannelPreset("subscription_account", per_day=1, **_PLATFORM),
            ChannelPreset("app_push", per_day=1, per_week=4),
            ChannelPreset("email", per_week=2, pressure_days=14),
            ChannelPreset("sms", per_week=1),
            ChannelPreset("in_app", pushed=False),
        )
    }
)
