"""What the study of retention takes for granted, each with its reason, all of it open to change."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RetentionSettings(BaseModel):
    """Every default of `plan_retention`.

    Examples
    --------
    >>> RetentionSettings(churn_days=30).churn_days
    30
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Days of silence after which a user counts as lost; None: longer than nine in ten of the pauses
    # that users came back from, so that one in ten pauses is called a loss too early.
    churn_days: int | None = Field(None, ge=1)
    churn_quantile: float = Field(0.9, gt=0.5, lt=1)
    min_churn_days: int = Field(14, ge=1)  # a fortnight's holiday is not a loss
    risk_quantile: float = Field(0.75, gt=0, lt=1)  # silent for longer than three in four pauses: at risk
    min_risk_days: int = Field(7, ge=1)  # a week has its rhythm; below, weekend visitors are always at risk
    gone_factor: float = Field(3, gt=1)  # this many times churn_days: gone, where only lapsed before
    min_gaps: int = Field(50, ge=2)  # fewer pauses say nothing of the usual one: then 30 days
    # weeks below four months of log, months above: about a dozen rows to read
    period: Literal["week", "month"] | None = None
    # what happens to a user, or closes a door, is no visit
    not_activity: tuple[str, ...] = ("refund", "unsubscribe", "mute")
    horizons: tuple[int, ...] = (30, 90)  # days, for the mean time a user stays
    confidence: float = Field(0.9, gt=0.5, lt=1)
    false_share: float = Field(0.05, gt=0, lt=1)  # of the personas said to differ, those that may by chance
    min_users: int = Field(5, ge=2)  # below, a persona is counted but not compared
    lifecycle_step_days: int = Field(28, ge=1)  # four whole weeks: no weekday counts twice
    max_channels: int = Field(12, ge=1)  # the commonest; the others are one row
    # nobody was here before the first event: a product whose log starts with its launch
    whole_log: bool = False

    @model_validator(mode="after")
    def _horizons_are_days(self) -> RetentionSettings:
        if not self.horizons or min(self.horizons) < 1:
            raise ValueError("horizons are whole days, from 1")
        return self
