"""What a targeting plan takes for granted, each with its reason, all of it open to change."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

# How strongly one event speaks for the topic it belongs to, a like being one. Seeing is weaker
# than doing; passing on is stronger, since it is seen by others. Priors from practice, not
# estimates: only their proportions matter.
EVENT_WEIGHTS = MappingProxyType(
    {
        "view": 0.25,
        "search": 0.5,
        "click": 0.5,
        "like": 1.0,
        "comment": 1.0,
        "follow": 1.0,
        "review": 1.0,
        "cart": 1.0,
        "purchase": 1.0,
        "share": 2.0,
        "invite": 2.0,
    }
)

# Local hours, start included, end not: the words and hours of the label "daypart" in the built-in
# catalogue, so that midday people are written to at midday. With the default quiet hours (22 to 8)
# night is closed as a whole, and of the morning only 8 to 10 is open.
DAYPARTS = MappingProxyType(
    {
        "morning": (5, 10),
        "midday": (10, 14),
        "afternoon": (14, 18),
        "evening": (18, 22),
        "night": (22, 5),
    }
)

# Stages from shallow to deep, with the events that show them. AIDMA is word for word the label
# "funnel_stage" of the built-in catalogue, so that label and plan never disagree on a user:
# a search or a click is looked for, a full cart is put aside to be remembered, while mere
# activity on another day is remembered of nothing in particular. In the other models "return"
# stands for any activity on a later day than the first event of the stage before.
STAGE_MODELS = MappingProxyType(
    {
        "AIDMA": {
            "attention": ("visit", "view"),
            "interest": ("like", "comment", "follow", "share"),
            "desire": ("search", "click"),
            "memory": ("cart",),
            "action": ("purchase",),
        },
        "AISAS": {
            "attention": ("visit", "view", "signup"),
            "interest": ("click", "like", "follow", "comment"),
            "search": ("search", "cart"),
            "action": ("purchase",),
            "share": ("share", "invite", "review"),
        },
        "AARRR": {
            "acquisition": ("visit", "signup"),
            "activation": ("view", "click", "search", "like", "follow", "comment", "cart"),
            "retention": ("return",),
            "revenue": ("purchase",),
            "referral": ("share", "invite", "review"),
        },
    }
)


class TargetingSettings(BaseModel):
    """Every default of a targeting plan; the ``[targeting]`` table of a study.

    Examples
    --------
    >>> TargetingSettings(top_k=3).top_k
    3
    >>> TargetingSettings().event_weights["share"]
    2.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # -- topics
    top_k: int = Field(5, ge=1, le=50)  # what a person can plan a week with
    # "safe" ranks by the lower bound of the lift: a promise kept rather than a record claimed
    ranking: Literal["safe", "best", "explore"] = "safe"
    confidence: float = Field(0.9, gt=0.5, lt=1)  # the share of intervals that hold the truth
    half_life_days: float | None = Field(60, gt=0)  # tastes drift; None: they do not
    event_weights: dict[str, float] = Field(default_factory=lambda: dict(EVENT_WEIGHTS))
    min_persona_users: int = Field(5, ge=1)  # below, a persona speaks for everyone's taste
    min_user_events: int = Field(3, ge=1)  # below, a user is advised as the persona is
    max_topics: int = Field(200, ge=2)  # the commonest; a rarer topic has no estimate worth reading
    block_days: float = Field(90, gt=0)  # a muted or hidden topic rests this long
    # a stated interest counts as so many events, times its confidence: an answer is deliberate,
    # an inference is our own guess
    stated_events: dict[str, float] = Field(
        default_factory=lambda: {"survey": 3.0, "person": 2.0, "profile": 2.0, "inferred": 1.0}
    )

    # -- when
    quiet_from_hour: int = Field(22, ge=0, le=23)  # local; a hard rule, no estimate overrides it
    quiet_to_hour: int = Field(8, ge=0, le=23)
    smoothing_hours: float = Field(1.5, ge=0)  # neighbouring hours inform each other; 1.5 fitted best
    # answers per daypart are read only from this many sends: below, they order the dayparts by chance
    min_sends_for_timing: int = Field(2000, ge=1)
    after_send_hours: float = Field(2, ge=0)  # activity so soon after a send shows our habit, not theirs

    # -- where
    response_value: float = Field(1, gt=0)  # what one answer is worth, the unit of value
    # in answers; None: what half a year of sends at the present rhythm would have brought, since that
    # is what an opt-out ends
    optout_cost: float | None = Field(None, ge=0)
    optout_weeks: float = Field(26, gt=0)  # how long people who stay would have stayed
    min_sends_for_channel: int = Field(50, ge=1)  # below, a persona's answer rate is everyone's
    # channels to plan for; empty: those seen in the sends, else those where people are active
    channels: tuple[str, ...] = ()

    # -- how often; None lifts the cap. Conventions of the trade, not evidence.
    weekly_caps: dict[str, float | None] = Field(default_factory=dict)  # by channel, over the presets
    weekly_cap_all: float | None = Field(5, gt=0)  # all channels together
    max_weekly: int = Field(14, ge=1)  # two a day: beyond, no team sends

    # -- stage
    stage_model: str = "AIDMA"
    stage_events: dict[str, tuple[str, ...]] | None = None  # own names and events, shallow to deep
    # older steps say where a user was, not is; the window of the label "funnel_stage"
    stage_window_days: float = Field(60, gt=0)

    @field_validator("event_weights")
    @classmethod
    def _weights_are_positive(cls, weights: dict[str, float]) -> dict[str, float]:
        if not weights or any(not 0 < weight < float("inf") for weight in weights.values()):
            raise ValueError("event_weights needs at least one event, each with a weight above 0")
        return weights

    @model_validator(mode="after")
    def _stage_model_is_known(self) -> TargetingSettings:
        if self.stage_events is None and self.stage_model not in STAGE_MODELS:
            raise ValueError(f"stage_model is one of {', '.join(STAGE_MODELS)}, or give stage_events")
        if self.stage_events is not None and len(self.stage_events) < 2:
            raise ValueError("stage_events needs at least two stages, from shallow to deep")
        if not any(event != "return" for event in next(iter(self.stages().values()))):
            raise ValueError("the first stage of stage_events needs an event of its own")
        return self

    def stages(self) -> dict[str, tuple[str, ...]]:
        """Return the stages, shallow to deep, with their events."""
        return dict(self.stage_events or STAGE_MODELS[self.stage_model])

    @property
    def quiet_hours(self) -> tuple[int, ...]:
        """The local hours in which nobody is written to, in the order of the clock.

        Examples
        --------
        >>> TargetingSettings(quiet_from_hour=22, quiet_to_hour=6).quiet_hours
        (22, 23, 0, 1, 2, 3, 4, 5)
        """
        start = self.quiet_from_hour
        return tuple((start + step) % 24 for step in range((self.quiet_to_hour - start) % 24))

    def is_quiet(self, hour: int) -> bool:
        """Say whether a local hour lies in the quiet hours.

        Examples
        --------
        >>> settings = TargetingSettings()
        >>> [settings.is_quiet(hour) for hour in (7, 8, 21, 22)]
        [True, False, False, True]
        """
        start, end = self.quiet_from_hour, self.quiet_to_hour
        if start == end:
            return False
        return start <= hour < end if start < end else hour >= start or hour < end
