"""The past cut in two: what was known before the last days, and what people did in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.engines import literal
from segtool.targeting.counts import HALF_LIVES_READ, weight_case
from segtool.targeting.settings import TargetingSettings

# Not evidence for a topic, whatever the weights say: these speak against it, or of something else.
AGAINST = ("mute", "hide", "complain", "unsubscribe", "refund")
MAX_USERS = 20_000  # enough to tell half-lives apart; a million would cost minutes and change nothing


@dataclass(frozen=True)
class SomeUsers:
    """A bounded, evenly spaced sample of the users: their places, and the SQL that names them."""

    places: np.ndarray
    sql: str


def some_users(n_users: int) -> SomeUsers:
    """Take every so many-th user, at most `MAX_USERS`."""
    step = max(1, -(-n_users // MAX_USERS))
    numbered = "SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS place FROM user_index"
    sql = f"SELECT user_id FROM ({numbered}) AS numbered WHERE place % {step} = 0"
    return SomeUsers(np.arange(0, n_users, step), sql)


def usable_weights(sources, settings: TargetingSettings) -> dict[str, float]:
    """Return the weights of the event words that count for a topic."""
    return {event: weight for event, weight in settings.event_weights.items() if event not in AGAINST}


def window_evidence_sql(
    sources,
    settings: TargetingSettings,
    half_life_days: float | None,
    users_sql: str,
    *,
    later: bool = False,
    without: tuple[str, ...] | list[str] = (),
) -> str | None:
    """Return the SELECT of evidence before the last ``validation_days``, or (``later``) in them.

    The decay is counted from the beginning of those days; nothing of them is in the part before.
    ``without`` names event words that are left out. None where no event has a topic.
    """
    if "events" not in sources.tables or "topic" not in sources.engine.columns("events"):
        return None
    weights = {e: w for e, w in usable_weights(sources, settings).items() if e not in without}
    if not weights:
        return None
    days = literal(float(settings.validation_days))
    words = ", ".join(literal(word) for word in sorted(weights))
    window, decay = f"age_days <= {days}", "1.0"
    if not later:
        window = f"age_days > {days}"
        if half_life_days is not None:
            decay = f"power(0.5, (age_days - {days}) / {literal(float(half_life_days))})"
            last = literal(float(settings.validation_days + half_life_days * HALF_LIVES_READ))
            window += f" AND age_days <= {last}"
    return (
        f"SELECT user_id, topic AS category, {weight_case(weights)} AS weight, {decay} AS decay FROM events "
        f"WHERE topic IS NOT NULL AND event IN ({words}) AND {window} AND user_id IN ({users_sql})"
    )
