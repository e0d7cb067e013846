"""Who the simulated users are: what no data set shows, and the profile table that it does."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from segtool.sources.simulate import personas as planted
from segtool.sources.simulate.personas import PERSONAS, SHARES, STAGES, TASTES

MIXED_SHARE = 0.08  # users between two personas
LAPSED_SHARE = 0.13  # of those who have been here for more than two months
EVENTS_PER_30_DAYS = 6.7  # mean while a user is here; gamma over users, the same for every persona
ACTIVITY_SHAPE = 1.6
TASTE_CONCENTRATION = 22.0  # lower: tastes differ more within a persona
HOBBY_SHARE = 0.15  # of a user's taste that has nothing to do with the persona
WEEKEND_VARIANTS = np.array([0.65, 1.0, 1.5])  # people of one persona keep different weekends


@dataclass(frozen=True)
class People:
    """The hidden quantities of users, one array row per user, in order of user id."""

    user: np.ndarray  # (n,) position among all users, which numbers the id
    persona: np.ndarray  # (n,) index into PERSONAS
    second: np.ndarray  # (n,) index of the other persona of a mixed user, else the same
    blend: np.ndarray  # (n,) share of the second persona, 0 for most
    tenure_days: np.ndarray  # (n,) from joining to as_of
    start_day: np.ndarray  # (n,) first day of the window with sessions
    end_day: np.ndarray  # (n,) day after the last with sessions; the window's length when not lapsed
    events_30d: np.ndarray  # (n,) expected events per 30 days while here
    session_length: np.ndarray  # (n,) expected events per session
    taste: np.ndarray  # (n, n_topics)
    disliked: np.ndarray  # (n,) index of a topic the user would rather not see
    annoyed: np.ndarray  # (n,) multiplier on hide and mute
    channel_use: np.ndarray  # (n, n_channels)
    tier_use: np.ndarray  # (n, n_tiers)
    daypart_use: np.ndarray  # (n, 3) weights of the persona's dayparts
    hour_shift: np.ndarray  # (n,) hours
    weekend: np.ndarray  # (n,) index into WEEKEND_VARIANTS
    order_value: np.ndarray  # (n,) CNY, mean of a purchase
    budget: np.ndarray  # (n,) CNY a month to live on
    life_stage: np.ndarray  # (n,) index into LIFE_STAGES
    employer: np.ndarray  # (n,) index into EMPLOYERS
    flights: np.ndarray  # (n,) a year
    sharing: np.ndarray  # (n,) multiplier on share and invite
    buying: np.ndarray  # (n,) multiplier on purchase
    stage_before: np.ndarray  # (n,) index into STAGES
    stage: np.ndarray  # (n,) the stage at as_of
    stage_day: np.ndarray  # (n,) day of the window on which the stage changed, 0 if it did not

    def __len__(self) -> int:
        return len(self.persona)

    def rows(self, part: slice) -> People:
        """Return some of the users."""
        return People(**{field.name: getattr(self, field.name)[part] for field in fields(self)})

    def blended(self, table: np.ndarray) -> np.ndarray:
        """Return per user the row of a persona table, mixed for those between two personas."""
        shape = (-1,) + (1,) * (table.ndim - 1)
        blend = self.blend.reshape(shape)
        return (1 - blend) * table[self.persona] + blend * table[self.second]

    def event_mix(self, stage: np.ndarray) -> np.ndarray:
        """Return how likely each of SESSION_EVENTS is at a stage, (n_users, n_events), rows sum to one."""
        mix = planted.STAGE_MIX[stage] * self.blended(planted.FACTORS)
        words = planted.SESSION_EVENTS
        mix[:, [words.index("share"), words.index("invite")]] *= self.sharing[:, None]
        mix[:, words.index("purchase")] *= self.buying
        mix[:, [words.index("hide"), words.index("mute")]] *= self.annoyed[:, None]
        return mix / mix.sum(axis=1, keepdims=True)


def user_ids(n_users: int) -> np.ndarray:
    """Return text ids of one width, with leading zeros.

    Examples
    --------
    >>> [str(name) for name in user_ids(2)]
    ['u0001', 'u0002']
    """
    width = max(4, len(str(n_users)))
    return np.char.add("u", np.char.zfill(np.arange(1, n_users + 1).astype(str), width))


def draw_people(n_users: int, days: int, rng: np.random.Generator) -> People:
    """Draw the hidden quantities of all users.

    Activity is drawn apart from the persona, so that personas are not tiers of activity.
    """
    persona, second, blend = _draw_personas(n_users, rng)
    taste = _draw_tastes(persona, second, blend, rng)
    tenure, start, end = _draw_presence(n_users, days, rng)
    before, stage, stage_day = _draw_stages(persona, days, rng)
    return People(
        user=np.arange(n_users),
        persona=persona,
        second=second,
        blend=blend,
        tenure_days=tenure,
        start_day=start,
        end_day=end,
        events_30d=rng.gamma(ACTIVITY_SHAPE, EVENTS_PER_30_DAYS / ACTIVITY_SHAPE, n_users),
        session_length=1 + rng.gamma(4.0, 0.5, n_users),
        taste=taste,
        disliked=_pick(np.cumsum(_least(taste), axis=1), rng.random(n_users)),
        annoyed=np.where(rng.random(n_users) < 0.15, 6.0, 0.6),
        channel_use=_dirichlet(9.0 * _blend(planted.CHANNEL_USE, persona, second, blend), rng),
        tier_use=_dirichlet(10.0 * _blend(planted.TIER_USE, persona, second, blend), rng),
        daypart_use=_dirichlet(7.0 * planted.DAYPARTS[persona, :, 2], rng),
        hour_shift=rng.normal(0, 0.7, n_users),
        weekend=rng.choice(3, n_users, p=[0.25, 0.5, 0.25]).astype(np.int8),
        order_value=_draw_money("order_value", persona, second, blend, 0.42, rng),
        budget=_draw_money("budget", persona, second, blend, 0.30, rng),
        life_stage=_draw_fact("life_stages", persona, second, blend, rng),
        employer=_draw_fact("employers", persona, second, blend, rng),
        flights=rng.poisson(rng.gamma(3.0, _blend(_of("flights"), persona, second, blend) / 3.0)),
        sharing=rng.gamma(2.0, 0.5, n_users),
        buying=np.exp(rng.normal(-0.06, 0.35, n_users)),
        stage_before=before,
        stage=stage,
        stage_day=stage_day,
    )


def _draw_personas(n: int, rng: np.random.Generator):
    persona = rng.choice(len(PERSONAS), n, p=SHARES)
    second = (persona + rng.integers(1, len(PERSONAS), n)) % len(PERSONAS)
    mixed = rng.random(n) < MIXED_SHARE
    blend = np.where(mixed, rng.uniform(0.3, 0.5, n), 0.0)
    return persona, np.where(mixed, second, persona), blend


def _draw_presence(n: int, days: int, rng: np.random.Generator):
    """Draw tenure, and the days of the window between joining and lapsing, earliest members first."""
    kind = rng.choice(3, n, p=[0.62, 0.28, 0.10])
    tenure = np.choose(
        kind,
        [
            days + 900 * rng.beta(1.0, 2.0, n),
            rng.uniform(0.25 * days, days, n),
            rng.uniform(2, 0.25 * days, n),
        ],
    )
    tenure = np.sort(tenure)[::-1]
    start = np.clip(np.ceil(days - tenure), 0, days - 1).astype(np.int32)
    can_lapse = tenure > 60
    gone = can_lapse & (rng.random(n) < LAPSED_SHARE / can_lapse.mean().clip(0.1))
    last = start + 5 + rng.random(n) * np.maximum(days - 35 - start - 5, 0)
    return tenure, start, np.where(gone, last, days).astype(np.int32)


def _draw_stages(persona: np.ndarray, days: int, rng: np.random.Generator):
    """Draw the stage now, and for half of the users an earlier one: mostly a step up since."""
    n = len(persona)
    table = np.cumsum(_of("stages"), axis=1)
    stage = _pick(table[persona], rng.random(n))
    moved = rng.random(n) < 0.55
    step = np.where(rng.random(n) < 0.8, -1, 1)
    before = np.clip(stage + np.where(moved, step, 0), 0, len(STAGES) - 1)
    ago = 30 + rng.random(n) * max(days - 50, 0)
    day = np.where(before != stage, np.maximum(days - ago, 0), 0).astype(np.int32)
    return before, stage, day


def _draw_tastes(persona, second, blend, rng: np.random.Generator) -> np.ndarray:
    n, n_topics = len(persona), TASTES.shape[1]
    taste = _dirichlet(TASTE_CONCENTRATION * _blend(TASTES, persona, second, blend), rng)
    hobbies = np.zeros((n, n_topics))
    for _ in range(2):  # two draws: sometimes the same hobby twice, a strong one
        hobbies[np.arange(n), rng.integers(0, n_topics, n)] += 0.5
    return (1 - HOBBY_SHARE) * taste + HOBBY_SHARE * hobbies


def _least(taste: np.ndarray) -> np.ndarray:
    """Return shares over topics that are higher the less a topic is liked."""
    away = np.exp(-20.0 * taste)
    return away / away.sum(axis=1, keepdims=True)


def _of(name: str) -> np.ndarray:
    return np.array([getattr(one, name) for one in PERSONAS])


def _draw_fact(name, persona, second, blend, rng: np.random.Generator) -> np.ndarray:
    shares = _blend(_of(name), persona, second, blend)
    return _pick(np.cumsum(shares, axis=1), rng.random(len(persona)))


def _draw_money(name, persona, second, blend, spread, rng: np.random.Generator) -> np.ndarray:
    return np.exp(_blend(np.log(_of(name)), persona, second, blend) + rng.normal(0, spread, len(persona)))


def _blend(table, persona, second, blend):
    blend = blend.reshape((-1,) + (1,) * (table.ndim - 1))
    return (1 - blend) * table[persona] + blend * table[second]


def _dirichlet(alpha: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one distribution per row; NumPy's own takes a single alpha."""
    draws = rng.standard_gamma(alpha) + 1e-9
    return draws / draws.sum(axis=1, keepdims=True)


def _pick(cumulative: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Pick a column per row of cumulative shares; the clip guards the last digit of a sum."""
    return np.minimum((u[:, None] > cumulative).sum(axis=1), cumulative.shape[1] - 1)


def users_table(
    people: People, names: np.ndarray, as_of: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the profile table: what a shop would know, with the gaps it would have."""
    n = len(people)
    joined = as_of - pd.to_timedelta((people.tenure_days * 86400).astype("int64"), unit="s")
    return pd.DataFrame(
        {
            "user_id": names,
            "joined_at": joined,
            "city_tier": _profile("cities", planted.CITY_TIERS, people, 0.12, rng),
            "gender": _gender(people, rng),
            "age_band": _profile("ages", planted.AGE_BANDS, people, 0.28, rng),
            "came_from": rng.choice(["advert", "friend", "store", "search"], n, p=[0.34, 0.31, 0.2, 0.15]),
        }
    ).astype({"user_id": "str", "came_from": "str"})


def _profile(name: str, values: tuple[str, ...], people: People, missing: float, rng) -> pd.Series:
    table = np.cumsum(_of(name), axis=1)
    code = _pick(people.blended(table), rng.random(len(people)))
    code = np.where(rng.random(len(people)) < missing, -1, code)
    return pd.Series(pd.Categorical.from_codes(code, categories=list(values))).astype("str").where(code >= 0)


def _gender(people: People, rng: np.random.Generator) -> pd.Series:
    female = people.blended(_of("female"))
    drawn = np.where(rng.random(len(people)) < female, "female", "male")
    return pd.Series(drawn).astype("str").where(rng.random(len(people)) >= 0.22)
