"""The six personas planted in the simulated community, as tables of numbers.

Three are those of the marketing brief: the public-sector mother at home with her children, the
student who lives on under 2000 a month and likes trendy brands, the employee of a foreign company
who flies often and buys luxury at duty-free. The others are their ordinary neighbours, and share
topics, hours and channels with them, so that no single column tells the personas apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.sources.simulate.words import TOPIC_KEYS

STAGES = ("attention", "interest", "desire", "memory", "action")
CHANNELS = (
    "in_app",
    "app_push",
    "web",
    "wecom_group",
    "wecom_direct",
    "service_account",
    "subscription_account",
    "email",
    "sms",
    "store",
)
TIERS = ("basic", "trendy", "premium", "luxury")
TIER_PRICE = np.array([0.8, 1.0, 1.3, 2.2])  # price of a tier against the user's usual order
LIFE_STAGES = ("student", "single", "couple", "parent", "retired")
EMPLOYERS = ("public sector", "foreign company", "private company", "self-employed", "none")
CITY_TIERS = ("tier 1", "new tier 1", "tier 2", "tier 3", "tier 4")
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55+")

# What a user does in one step of a session, by stage (rows sum to one after scaling). Reviews,
# refunds and sign-ups are not here: they follow a purchase or a joining.
SESSION_EVENTS = (
    "visit",
    "search",
    "view",
    "like",
    "comment",
    "follow",
    "share",
    "invite",
    "click",
    "cart",
    "purchase",
    "hide",
    "mute",
    "complain",
)
STAGE_MIX = np.array(
    [
        # visit search view like comment follow share invite click cart purchase hide mute complain
        [
            0.20,
            0.03,
            0.56,
            0.040,
            0.010,
            0.010,
            0.010,
            0.002,
            0.060,
            0.015,
            0.010,
            0.010,
            0.004,
            0.002,
        ],  # attention
        [
            0.10,
            0.08,
            0.38,
            0.150,
            0.060,
            0.040,
            0.030,
            0.006,
            0.080,
            0.025,
            0.035,
            0.006,
            0.002,
            0.001,
        ],  # interest
        [
            0.08,
            0.13,
            0.26,
            0.070,
            0.035,
            0.015,
            0.025,
            0.006,
            0.190,
            0.110,
            0.080,
            0.005,
            0.002,
            0.001,
        ],  # desire
        [
            0.12,
            0.12,
            0.22,
            0.050,
            0.035,
            0.050,
            0.025,
            0.008,
            0.100,
            0.160,
            0.110,
            0.004,
            0.002,
            0.002,
        ],  # memory
        [
            0.07,
            0.06,
            0.20,
            0.070,
            0.060,
            0.020,
            0.060,
            0.020,
            0.090,
            0.080,
            0.260,
            0.003,
            0.001,
            0.002,
        ],  # action
    ]
)


@dataclass(frozen=True)
class PlantedPersona:
    """What one planted persona tends to: every number is a mean around which its users vary."""

    key: str
    title: str
    share: float  # of all users
    topics: dict[str, float]  # taste over topics; what is missing to one is spread over all topics
    dayparts: tuple[tuple[float, float, float], ...]  # (centre hour, spread in hours, weight)
    weekend: float  # sessions on a weekend day against a weekday
    channels: dict[str, float]
    factors: dict[str, float]  # event word -> multiplier on STAGE_MIX
    order_value: float  # CNY per purchase, basic to trendy tier
    tiers: tuple[float, float, float, float]
    budget: float  # CNY a month to live on
    stages: tuple[float, float, float, float, float]
    life_stages: tuple[float, float, float, float, float]
    employers: tuple[float, float, float, float, float]
    cities: tuple[float, float, float, float, float]
    ages: tuple[float, float, float, float, float]
    female: float
    flights: float  # a year


PERSONAS: tuple[PlantedPersona, ...] = (
    PlantedPersona(
        key="bargain_office_worker",
        title="bargain-hunting office worker",
        share=0.26,
        topics={"deals": 0.24, "recipes": 0.12, "comedy": 0.12, "home": 0.09, "skincare": 0.09, "news": 0.06},
        dayparts=((12.5, 0.8, 0.45), (18.6, 1.0, 0.30), (21.8, 1.2, 0.25)),
        weekend=0.65,
        channels={
            "in_app": 0.30,
            "wecom_group": 0.22,
            "app_push": 0.20,
            "service_account": 0.14,
            "sms": 0.06,
        },
        factors={"cart": 1.6, "search": 1.3, "purchase": 1.15, "follow": 0.8},
        order_value=75,
        tiers=(0.66, 0.14, 0.17, 0.03),
        budget=6000,
        stages=(0.20, 0.25, 0.25, 0.12, 0.18),
        life_stages=(0.01, 0.47, 0.32, 0.20, 0.00),
        employers=(0.08, 0.06, 0.74, 0.10, 0.02),
        cities=(0.28, 0.30, 0.24, 0.13, 0.05),
        ages=(0.12, 0.55, 0.25, 0.07, 0.01),
        female=0.58,
        flights=2.0,
    ),
    PlantedPersona(
        key="public_sector_mother",
        title="public-sector middle-class mother at home with children",
        share=0.22,
        topics={
            "parenting": 0.26,
            "schooling": 0.17,
            "home": 0.10,
            "recipes": 0.10,
            "wellness": 0.05,
            "skincare": 0.05,
        },
        dayparts=((10.0, 0.9, 0.38), (14.8, 1.1, 0.27), (21.2, 0.9, 0.35)),
        weekend=0.75,
        channels={"wecom_group": 0.38, "in_app": 0.20, "service_account": 0.18, "wecom_direct": 0.10},
        factors={"share": 1.8, "comment": 1.5, "invite": 1.4, "like": 0.9},
        order_value=190,
        tiers=(0.34, 0.10, 0.49, 0.07),
        budget=11000,
        stages=(0.15, 0.27, 0.23, 0.14, 0.21),
        life_stages=(0.00, 0.01, 0.04, 0.95, 0.00),
        employers=(0.80, 0.04, 0.07, 0.03, 0.06),
        cities=(0.15, 0.28, 0.32, 0.19, 0.06),
        ages=(0.01, 0.42, 0.50, 0.06, 0.01),
        female=0.96,
        flights=2.5,
    ),
    PlantedPersona(
        key="trendy_student",
        title="student on under 2000 a month who likes trendy brands",
        share=0.18,
        topics={"trendy_wear": 0.22, "campus": 0.15, "celebrities": 0.13, "gaming": 0.11, "comedy": 0.10},
        dayparts=((12.3, 1.0, 0.22), (19.5, 1.3, 0.28), (23.2, 1.0, 0.50)),
        weekend=1.15,
        channels={"in_app": 0.40, "app_push": 0.24, "subscription_account": 0.16, "wecom_group": 0.10},
        factors={"like": 1.6, "comment": 1.2, "share": 1.2, "purchase": 0.85},
        order_value=105,
        tiers=(0.26, 0.65, 0.07, 0.02),
        budget=1600,
        stages=(0.19, 0.31, 0.24, 0.11, 0.15),
        life_stages=(0.96, 0.03, 0.01, 0.00, 0.00),
        employers=(0.00, 0.01, 0.05, 0.02, 0.92),
        cities=(0.22, 0.30, 0.27, 0.15, 0.06),
        ages=(0.93, 0.07, 0.00, 0.00, 0.00),
        female=0.55,
        flights=1.5,
    ),
    PlantedPersona(
        key="small_town_gadget_fan",
        title="young small-town gadget fan",
        share=0.14,
        topics={"gadgets": 0.27, "gaming": 0.16, "comedy": 0.12, "news": 0.08, "fitness": 0.06},
        dayparts=((8.2, 0.8, 0.12), (20.0, 1.3, 0.48), (22.8, 1.2, 0.40)),
        weekend=1.5,
        channels={"app_push": 0.34, "in_app": 0.28, "web": 0.18, "subscription_account": 0.12},
        factors={"search": 1.6, "comment": 1.4, "purchase": 0.75, "cart": 0.9},
        order_value=260,
        tiers=(0.44, 0.38, 0.16, 0.02),
        budget=4300,
        stages=(0.22, 0.30, 0.24, 0.12, 0.12),
        life_stages=(0.10, 0.66, 0.18, 0.06, 0.00),
        employers=(0.07, 0.02, 0.52, 0.35, 0.04),
        cities=(0.02, 0.05, 0.13, 0.38, 0.42),
        ages=(0.45, 0.48, 0.06, 0.01, 0.00),
        female=0.14,
        flights=0.6,
    ),
    PlantedPersona(
        key="healthy_retiree",
        title="health-minded retiree",
        share=0.12,
        topics={"wellness": 0.28, "recipes": 0.14, "news": 0.13, "travel": 0.08, "finance": 0.08},
        dayparts=((6.3, 0.8, 0.52), (9.3, 1.2, 0.26), (15.6, 1.3, 0.22)),
        weekend=0.95,
        channels={
            "wecom_group": 0.30,
            "store": 0.20,
            "service_account": 0.18,
            "wecom_direct": 0.14,
            "sms": 0.08,
        },
        factors={"share": 1.7, "visit": 1.3, "like": 0.8, "comment": 0.8, "search": 0.6},
        order_value=130,
        tiers=(0.58, 0.02, 0.37, 0.03),
        budget=5200,
        stages=(0.20, 0.30, 0.20, 0.12, 0.18),
        life_stages=(0.00, 0.01, 0.05, 0.03, 0.91),
        employers=(0.10, 0.01, 0.03, 0.05, 0.81),
        cities=(0.17, 0.23, 0.28, 0.21, 0.11),
        ages=(0.00, 0.00, 0.01, 0.10, 0.89),
        female=0.62,
        flights=1.6,
    ),
    PlantedPersona(
        key="luxury_frequent_flyer",
        title="foreign-company employee who flies often and buys luxury at duty-free",
        share=0.08,
        topics={"luxury": 0.24, "travel": 0.22, "finance": 0.12, "skincare": 0.08, "fitness": 0.08},
        dayparts=((7.6, 0.8, 0.34), (12.6, 0.9, 0.18), (22.6, 1.2, 0.48)),
        weekend=1.1,
        channels={"email": 0.27, "service_account": 0.22, "in_app": 0.22, "wecom_direct": 0.12, "web": 0.08},
        factors={"purchase": 1.25, "like": 0.6, "comment": 0.5, "share": 0.45, "invite": 0.5},
        order_value=620,
        tiers=(0.07, 0.12, 0.26, 0.55),
        budget=26000,
        stages=(0.19, 0.24, 0.21, 0.13, 0.23),
        life_stages=(0.00, 0.48, 0.35, 0.16, 0.01),
        employers=(0.03, 0.86, 0.09, 0.02, 0.00),
        cities=(0.66, 0.22, 0.10, 0.02, 0.00),
        ages=(0.02, 0.50, 0.38, 0.09, 0.01),
        female=0.54,
        flights=22.0,
    ),
)


def _spread(weights: dict[str, float], keys: tuple[str, ...]) -> np.ndarray:
    """Return a distribution over keys: the named weights, and what is missing to one spread over all."""
    row = np.array([weights.get(key, 0.0) for key in keys])
    return row + (1.0 - row.sum()) / len(keys)


SHARES = np.array([persona.share for persona in PERSONAS])
TASTES = np.array([_spread(persona.topics, TOPIC_KEYS) for persona in PERSONAS])  # (n_personas, n_topics)
CHANNEL_USE = np.array([_spread(persona.channels, CHANNELS) for persona in PERSONAS])
TIER_USE = np.array([persona.tiers for persona in PERSONAS])
FACTORS = np.array([[p.factors.get(word, 1.0) for word in SESSION_EVENTS] for p in PERSONAS])
DAYPARTS = np.array([persona.dayparts for persona in PERSONAS])  # (n_personas, 3, centre/spread/weight)
