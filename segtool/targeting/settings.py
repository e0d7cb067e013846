"""What a targeting plan takes for granted, each with its reason, all of it open to change."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from segtool.engines.zones import check_zone

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

# What an answer to content says for (first) and against (second) what it was about, a like being one.
# Priors: only their proportions matter, and where 2,000 of a kind are on record they are estimated.
# A hide speaks against the item, not against its whole topic: punishing topics gained nothing.
FEEDBACK_WEIGHTS = MappingProxyType(
    {
        "like": (1.0, 0.0),
        "save": (1.0, 0.0),
        "share": (2.0, 0.0),
        "reply_positive": (2.0, 0.0),
        "click": (0.5, 0.0),
        "answered": (0.5, 0.0),  # a send that was answered, without what the answer said
        "ignored": (0.0, 0.1),  # delivered, neither opened nor answered
        "hide": (0.0, 1.0),
        "reply_negative": (0.0, 2.0),
        "mute": (0.0, 5.0),
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
    window_hours: int = Field(2, ge=1, le=6)  # how long a send may wait for its hour
    min_user_hours: int = Field(3, ge=1)  # active hours seen; below, a user's window is the persona's
    # column of users that says the zone; none: "timezone", "time_zone" or "zone", if there
    zone_column: str | None = None
    zones: dict[str, str] = Field(default_factory=dict)  # words of that column that are no zone names

    # -- where
    response_value: float = Field(1, gt=0)  # what one answer is worth, the unit of value
    # in answers; None: what half a year of sends at the present rhythm would have brought, since that
    # is what an opt-out ends
    optout_cost: float | None = Field(None, ge=0)
    optout_weeks: float = Field(26, gt=0)  # how long people who stay would have stayed
    min_sends_for_channel: int = Field(50, ge=1)  # below, a persona's answer rate is everyone's
    # channels to plan for; empty: those seen in the sends, else those where people are active
    channels: tuple[str, ...] = ()

    channel_costs: dict[str, float] = Field(default_factory=dict)  # of one send, in the unit of value
    # an open so soon after sending is a mail program's, not a reader's
    machine_open_seconds: float = Field(2, ge=0)

    # -- how often; None lifts the cap. Conventions of the trade, not evidence.
    weekly_caps: dict[str, float | None] = Field(default_factory=dict)  # by channel, over the presets
    weekly_cap_all: float | None = Field(5, gt=0)  # all channels together
    daily_caps: dict[str, float | None] = Field(default_factory=dict)  # by channel, beside the weekly ones
    monthly_caps: dict[str, float | None] = Field(default_factory=dict)
    max_weekly: int = Field(14, ge=1)  # two a day: beyond, no team sends
    # how long a send goes on pressing, by channel over the presets: a mail waits longer than a push
    pressure_days: dict[str, float] = Field(default_factory=dict)
    # in a row; None: never. Conventions: first twice the gap, in the end silence
    backoff_after: int | None = Field(3, ge=1)
    stop_after: int | None = Field(8, ge=1)
    cooloff_hours: float = Field(72, ge=0)  # after a complaint

    # -- items
    # may an item be recommended to who has taken it up before? None: read from the log, where groceries
    # come back and films do not
    item_repeat: bool | None = None
    item_window_days: float = Field(60, gt=0)  # weights are chosen on at most so many latest days
    # "als" (package implicit) where a catalogue is too large for EASE, whose work grows with its cube
    item_engine: Literal["ease", "als"] = "ease"
    max_items: int = Field(5000, ge=2)  # EASE of 5,000 items takes seconds, of 10,000 a minute
    item_min_support: int = Field(10, ge=1)  # users; of a larger catalogue, rarer items are judged as new
    item_explore: int = Field(1, ge=0)  # new items to be tried in each persona's list

    # -- stage
    stage_model: str = "AIDMA"
    stage_events: dict[str, tuple[str, ...]] | None = None  # own names and events, shallow to deep
    # older steps say where a user was, not is; the window of the label "funnel_stage"
    stage_window_days: float = Field(60, gt=0)

    # -- stages
    # "hmm" reads the stage from everything a user does, week by week; "rule" is the deepest step
    stage_method: Literal["hmm", "rule"] = "hmm"
    stage_weeks: int = Field(26, ge=4, le=104)  # how far back the weeks are read; half a year sees a cycle
    stage_min_users: int = Field(100, ge=20)  # fewer users with steps cannot carry a model: the rule then
    stage_min_conversions: int = Field(50, ge=1)  # fewer acts, and only three stages are told apart
    conversion_events: tuple[str, ...] = ()  # what acting is; empty: a purchase, else the deepest stage's

    # -- touches
    touch_window_days: float = Field(7, gt=0)  # what follows a send so soon may have to do with it
    # what a touch is to bring about: the conversion event, an answer, or whichever the log can tell
    touch_outcome: Literal["auto", "action", "answer"] = "auto"
    max_touches: int = Field(20, ge=2, le=60)  # beyond, too few people are still sent to
    touch_cost: float = Field(0, ge=0)  # of one send, in actions; the price of opt-outs comes on top

    # -- what the topics are checked against
    # the last days before the study's date judge what the days before them foretold
    validation_days: float = Field(28, gt=0)
    # of 30, 60, 120 days and none, where one foretells surely better: it never foretold worse
    choose_half_life: bool = True
    learn_stated_users: int = Field(500, ge=50)  # with so many, what a stated interest weighs is learned

    # -- feedback
    feedback_weights: dict[str, tuple[float, float]] = Field(default_factory=lambda: dict(FEEDBACK_WEIGHTS))
    refit_feedback_events: int = Field(2000, ge=100)  # fewer of a kind say less than the prior does
    round_days: float = Field(28, gt=0)  # the last round of feedback, whose effect is shown
    ignored_after_days: float = Field(3, ge=0)  # before, a send may still be answered
    optin_events: tuple[str, ...] = ("subscribe", "opt_in")  # open a closed channel again
    release_events: tuple[str, ...] = ("resolve",)  # a person looked at the complaint

    # -- format and heat
    heat_weeks: int = Field(12, ge=4, le=104)  # a season; a trend needs four points
    heat_false_share: float = Field(0.05, gt=0, lt=1)  # of the topics called rising or falling, at most

    # -- lists and schedule
    diversify: Literal["mmr", "mmr_closest", "calibrate", "none"] = "mmr"
    # of 0 (what is wanted most) to 1: cost 1 to 3 % of the ranking's quality where it was measured
    mmr_weight: float = Field(0.2, ge=0, le=1)
    calibration_weight: float = Field(0.05, ge=0, le=1)  # .5, often seen, cost 34 % of it on films
    max_topic_share: float = Field(0.4, gt=0, le=1)  # of one list: no list is about one thing alone
    repeat_days: int = Field(30, ge=0)  # an item rests so long before the same user gets it again
    # a post there reaches everybody in the group, the held-out too, so nobody is addressed there
    group_channels: tuple[str, ...] = ("wecom_group",)
    # Of a group's messages that may be posts: a brand that writes more of a group is its loudspeaker.
    group_post_share: float = Field(0.1, gt=0, le=1)
    # A quarter of a year of talk says when a group is awake; longer ago it may have been another group.
    group_days: int = Field(91, ge=7)
    # a user who did one of these with an item needs no message about it
    acted_events: tuple[str, ...] = (
        *("click", "like", "comment", "share", "cart", "purchase", "review", "hide", "complain"),
    )

    # -- herd
    herd_events: tuple[str, ...] = ()  # what counts as taking up an item; none: purchases, if there are any
    herd_lag_days: float = Field(14, gt=0)  # who comes so soon after somebody may have followed
    herd_wait_for: int = Field(2, ge=1)  # one who came before may be chance; two are a recommendation
    herd_min_items: int = Field(5, ge=2)  # taken up beside others of the circle; below, a user is not judged
    herd_false_share: float = Field(0.1, gt=0, lt=1)  # of the users named, those who may be named by chance
    herd_max_adoptions: int = Field(1_000_000, ge=1)  # a bounded sample: whole circles, in the order of names

    # -- exploring
    explore_share: float = Field(0.10, ge=0, le=1)  # of sends; a tenth of them keeps the log able to answer
    explore_new_share: float = Field(0.20, ge=0, le=1)  # while there is new content, which nothing speaks for
    explore_until: int = Field(200, ge=0)  # sends after which content is no longer new: some 10 answers
    explore_stop: float = Field(0.01, ge=0, le=0.5)  # chance of being the best below which an arm is dropped
    explore_floor: float = Field(0.01, ge=0, le=0.5)  # a smaller chance gives sends weights nobody can use
    explore_draws: int = Field(1000, ge=1000)  # chances are then known to within 0.03

    @field_validator("event_weights")
    @classmethod
    def _weights_are_positive(cls, weights: dict[str, float]) -> dict[str, float]:
        if not weights or any(not 0 < weight < float("inf") for weight in weights.values()):
            raise ValueError("event_weights needs at least one event, each with a weight above 0")
        return weights

    @field_validator("zones")
    @classmethod
    def _zones_exist(cls, zones: dict[str, str]) -> dict[str, str]:
        return {word: check_zone(zone) for word, zone in zones.items()}

    @field_validator("weekly_caps", "daily_caps", "monthly_caps", "pressure_days", "channel_costs")
    @classmethod
    def _amounts_are_positive(cls, amounts: dict[str, float | None], info) -> dict[str, float | None]:
        least = -1e-12 if info.field_name == "channel_costs" else 0
        odd = [name for name, amount in amounts.items() if amount is not None and not amount > least]
        if odd:
            raise ValueError(
                f"{info.field_name} of {odd[0]} is not above 0; leave out what is not to be used"
            )
        return amounts

    @field_validator("weekly_caps", "daily_caps", "monthly_caps", "weekly_cap_all")
    @classmethod
    def _caps_are_at_least_one_a_year(cls, caps, info):
        # Such a cap would be a closed channel that looks like an open one, and no log is read so far back.
        days = {"daily_caps": 1, "monthly_caps": 31}.get(info.field_name, 7)
        each = caps if isinstance(caps, dict) else {"all channels": caps}
        odd = [name for name, cap in each.items() if cap is not None and 0 < cap * 366 < days]
        if odd:
            raise ValueError(
                f"{info.field_name} of {odd[0]} is below one send a year; leave a channel not to be used out of "
                "channels"
            )
        return caps

    @field_validator("feedback_weights")
    @classmethod
    def _feedback_is_known(cls, weights: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        strange = sorted(set(weights) - set(FEEDBACK_WEIGHTS))
        if strange:
            raise ValueError(
                f"feedback_weights knows {', '.join(FEEDBACK_WEIGHTS)}, not {', '.join(strange)}"
            )
        if any(not 0 <= part < float("inf") for pair in weights.values() for part in pair):
            raise ValueError("feedback_weights are pairs of numbers from 0 up")
        return {**FEEDBACK_WEIGHTS, **weights}

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
