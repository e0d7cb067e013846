"""The answers behind the simulated data, kept beside it so that labels and personas can be judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.sources.simulate import personas as planted
from segtool.sources.simulate.people import People
from segtool.sources.simulate.personas import PERSONAS
from segtool.sources.simulate.words import TOPIC_KEYS

SPENDING_QUANTILES = (0.25, 0.75)


def truth_users(people: People, names: np.ndarray) -> pd.DataFrame:
    """Return one row per user with the quantities the data was drawn from.

    Rates are per 30 days of an ordinary season, at the stage the user has now. A lapsed user's rates
    are those from before; ``lapsed`` says that the present ones are zero.
    """
    events = people.event_mix(people.stage)
    words = planted.SESSION_EVENTS
    purchases = people.events_30d * events[:, words.index("purchase")]
    spend = purchases * people.order_value
    table = {
        "user_id": names,
        "persona": _names([one.key for one in PERSONAS], people.persona),
        "is_mixed": people.blend > 0,
        "second_persona": np.where(
            people.blend > 0, _names([one.key for one in PERSONAS], people.second), ""
        ),
        "blend": people.blend,
        "life_stage": _names(planted.LIFE_STAGES, people.life_stage),
        "employer": _names(planted.EMPLOYERS, people.employer),
        "flights_per_year": people.flights,
        "budget_month": people.budget,
        "likes_trendy": people.tier_use[:, 1],
        "likes_luxury": people.tier_use[:, 3],
        "events_30d": people.events_30d,
        "purchases_30d": purchases,
        "order_value": people.order_value,
        "spend_rate_30d": spend,
        "spend_level": spending_bands(spend),
        "spending_power": spending_bands(people.order_value),
        "share_rate": events[:, words.index("share")],
        "disliked_topic": _names(TOPIC_KEYS, people.disliked),
        "often_annoyed": people.annoyed > 1,
        "stage": _names(planted.STAGES, people.stage),
        "stage_before": _names(planted.STAGES, people.stage_before),
        "main_channel": _names(planted.CHANNELS, people.channel_use.argmax(axis=1)),
        "main_channel_share": people.channel_use.max(axis=1),
        "main_hour": hour_shares(people).argmax(axis=1),
        "tenure_days": people.tenure_days,
        "lapsed": people.end_day < people.end_day.max(),
    }
    return pd.DataFrame({**table, **_favourites(people)}).round(4)


def _favourites(people: People) -> dict[str, np.ndarray]:
    order = np.argsort(-people.taste, axis=1, kind="stable")
    rows = np.arange(len(people))
    columns = {}
    for rank in range(3):
        columns[f"topic_{rank + 1}"] = _names(TOPIC_KEYS, order[:, rank])
        columns[f"topic_{rank + 1}_share"] = people.taste[rows, order[:, rank]]
    return columns


def spending_bands(spend: np.ndarray) -> np.ndarray:
    """Return low, average or high: the lowest and highest quarter of users against the rest."""
    low, high = np.quantile(spend, SPENDING_QUANTILES)
    return np.select([spend < low, spend >= high], ["low", "high"], "average")


def truth_topics(people: People, names: np.ndarray) -> pd.DataFrame:
    """Return each user's latent share of interest per topic, (n_users, 1 + n_topics), rows sum to one."""
    return _shares(people.taste, names, TOPIC_KEYS)


def truth_channels(people: People, names: np.ndarray) -> pd.DataFrame:
    """Return each user's latent share of sessions per channel."""
    return _shares(people.channel_use, names, planted.CHANNELS)


def truth_hours(people: People, names: np.ndarray) -> pd.DataFrame:
    """Return each user's latent share of sessions per local hour, columns h00 to h23."""
    return _shares(hour_shares(people), names, [f"h{hour:02d}" for hour in range(24)])


def _shares(table: np.ndarray, names: np.ndarray, columns) -> pd.DataFrame:
    frame = pd.DataFrame(table.astype(np.float32).round(4), columns=list(columns))
    frame.insert(0, "user_id", names)
    return frame


def hour_shares(people: People) -> np.ndarray:
    """Return the chance of a session in each hour: wrapped normals, mixed as sessions are drawn."""
    own = _hours_of(planted.DAYPARTS[people.persona], people.daypart_use, people.hour_shift)
    default = planted.DAYPARTS[people.second]
    other = _hours_of(default, default[:, :, 2], people.hour_shift)
    blend = people.blend[:, None]
    return (1 - blend) * own + blend * other


def _hours_of(dayparts: np.ndarray, weights: np.ndarray, shift: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    centre = (dayparts[:, :, 0] + shift[:, None])[:, :, None]
    spread = dayparts[:, :, 1][:, :, None]
    edges = np.arange(-24, 49)[None, None, :]
    mass = np.diff(ndtr((edges - centre) / spread), axis=2)  # hours of the day before, this, the next
    mass = mass.reshape(*mass.shape[:2], 3, 24).sum(axis=2)
    return np.einsum("upk,up->uk", mass, weights)


def truth_personas() -> pd.DataFrame:
    """Return the planted personas and their shares of the population."""
    return pd.DataFrame(
        {
            "persona": [one.key for one in PERSONAS],
            "title": [one.title for one in PERSONAS],
            "share": [one.share for one in PERSONAS],
        }
    )


def _names(words, codes: np.ndarray) -> np.ndarray:
    return np.array(words, dtype=str)[codes]
