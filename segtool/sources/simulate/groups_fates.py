"""How groups fare in a simulated world of groups: sizes, talk, guidance and growth of each fate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.errors import ParameterError, did_you_mean
from segtool.sources.simulate.words import TOPIC_KEYS

GOSSIP = ("comedy", "celebrities", "news")
CHARTERS = tuple(topic for topic in TOPIC_KEYS if topic not in GOSSIP)
"""Topics a group can be for: gossip is what talk drifts to."""


@dataclass(frozen=True)
class Fate:
    """How groups of one kind fare; pairs are at the start and at the end of the window."""

    rate: tuple[float, float]  # messages per member and day
    replies: float  # share of messages that answer another
    on_topic: tuple[float, float]
    sizes: tuple[int, int] | None = None  # None: the range asked for
    founded: tuple[float, float] = (-0.8, -0.3)  # range; share of the window, negative: before it
    leaders: tuple[int, int] = (3, 6)
    leader_voice: float = 2.2  # times the mean of others
    tail: float = 3.0  # of how much members write (gamma shape x 1/3): higher means more equal voices
    chatterboxes: int = 1  # write much, and are answered little
    chatter: float = 4.0  # times the mean of others
    newcomer_pull: float = 1.2  # how much a newcomer's message is answered, beside a veteran's
    questions: float = 0.05  # share of openings that are beginners' questions
    silent_after: tuple[float, float] | None = None  # range; share of the window after which talk stops
    late_joins: float = 0.35  # share of members that join inside the window
    stays: float = 260.0  # days a member keeps writing, on average
    leaves: float = 0.06  # share of members that leave
    activities: int = 0
    waves: int = 0
    wave_share: float = 0.12  # of the group's size that comes in a wave
    wave_shift: float = 0.03  # share of talk on the topic lost at a wave
    wave_veterans: float = 0.0  # share of the veterans' voice lost at a wave
    troubles: float = 0.2  # chance of a burst of complaints


FATES: dict[str, Fate] = {
    "thriving": Fate((0.065, 0.08), 0.62, (0.80, 0.79), activities=4, waves=1),
    "quiet": Fate((0.035, 0.033), 0.58, (0.84, 0.84), sizes=(15, 45), leaders=(2, 3), chatterboxes=0,
                  activities=1, troubles=0.1),
    "dead": Fate((0.05, 0.012), 0.36, (0.75, 0.70), silent_after=(0.40, 0.65), leaves=0.35, leaders=(1, 3),
                 stays=90, troubles=0.0),
    "chat_room": Fate((0.03, 0.12), 0.42, (0.80, 0.22), tail=0.8, chatterboxes=3, chatter=18.0,
                      newcomer_pull=0.25, leaves=0.18, leaders=(1, 2), leader_voice=1.2, waves=1,
                      wave_shift=0.05, wave_veterans=0.2),
    "overgrown": Fate((0.024, 0.018), 0.20, (0.64, 0.42), sizes=(200, 340), newcomer_pull=0.15,
                      questions=0.45, late_joins=0.72, stays=60, leaves=0.15, leaders=(2, 5),
                      leader_voice=1.4, activities=2, waves=3, wave_share=0.16, wave_shift=0.12,
                      wave_veterans=0.35),
    "loudspeaker": Fate((0.018, 0.018), 0.03, (0.95, 0.95), leaders=(1, 1), leader_voice=0.0, chatterboxes=0,
                        troubles=0.0),
    "new": Fate((0.4, 0.3), 0.55, (0.86, 0.86), sizes=(14, 30), founded=(0.85, 0.93), leaders=(2, 2),
                late_joins=1.0, activities=1, troubles=0.0, chatterboxes=0),
}  # fmt: skip
"""The fates there are. `thriving` and `quiet` are healthy, `new` is too young to be told."""


def check_fates(fates) -> tuple[str, ...]:
    """Return the fates asked for, one per group.

    Raises
    ------
    ParameterError
        None is asked for, or one is not known.
    """
    fates = (fates,) if isinstance(fates, str) else tuple(fates)
    if not fates:
        raise ParameterError("fates is empty.", f"one of these per group: {', '.join(FATES)}.")
    for fate in fates:
        if fate not in FATES:
            raise ParameterError(f"fates has {fate!r}.", did_you_mean(str(fate), FATES))
    return fates


def draw_size(fate: Fate, n_members: tuple[int, int], rng: np.random.Generator) -> int:
    """Draw how many members a group ever had."""
    low, high = fate.sizes or n_members
    return int(rng.integers(low, high + 1))


def draw_calendar(days: int, rng: np.random.Generator) -> np.ndarray:
    """Draw what every group shares of each day: two holidays, and weeks that are livelier or duller."""
    weekly = np.repeat(0.12 * rng.standard_normal(days // 7 + 1), 7)[:days]
    for length, dip in ((7, 0.5), (5, 0.7)):
        start = int(rng.integers(0, max(1, days - length)))
        weekly[start : start + length] += np.log(dip)
    return np.exp(weekly)


def draw_noise(days: int, rng: np.random.Generator, spread: float = 0.22, memory: float = 0.6) -> np.ndarray:
    """Draw a group's own weather: weeks that resemble the week before, and days that scatter."""
    weeks = days // 7 + 2
    steps = rng.standard_normal(weeks) * spread * np.sqrt(1 - memory**2)
    steps[0] = spread * rng.standard_normal()
    weekly = np.empty(weeks)
    level = 0.0
    for week, step in enumerate(steps):
        level = memory * level + step if week else step
        weekly[week] = level
    daily = rng.gamma(6.0, 1 / 6.0, days)  # overdispersed against a Poisson, as real days are
    return np.exp(np.repeat(weekly, 7)[:days] - spread**2 / 2) * daily
