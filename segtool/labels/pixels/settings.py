"""What counts as a pixel label, and what an analyst says about single ones."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Parts = dict[str, str]


class PixelName(BaseModel):
    """A name for one conjunction; it belongs to the definition and so outlives the next run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    parts: Parts


class PixelSettings(BaseModel):
    """The ``[pixels]`` table of a study.

    Examples
    --------
    >>> PixelSettings(pin=[{"life_stage": "student", "spend_level": "low"}]).min_users
    20
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The least share of the users of whom all parts are known, and the least number of users; counts
    # below 20 are never shown.
    min_support: float = Field(default=0.005, gt=0, lt=1)
    min_users: int = Field(default=20, ge=20)
    max_length: int = Field(default=4, ge=2, le=4)
    # How many times as many as chance pairing of the parts gives, in whatever way they are split in two.
    min_lift: float = Field(default=1.3, gt=1)
    # Benjamini-Hochberg, over every conjunction that was looked at.
    max_q: float = Field(default=0.05, gt=0, le=1)
    # In how many of the 70 halves of the users the lift must be at least retest_lift.
    min_stability: float = Field(default=0.9, ge=0, le=1)
    # What must be left of a conjunction when the users of its longer forms are set aside.
    retest_lift: float = Field(default=1.15, ge=1)
    # Two pixels whose users overlap more (Jaccard) are one; the better one is shown.
    max_overlap: float = Field(default=0.5, gt=0, le=1)
    max_pixels: int = Field(default=50, ge=1)
    # "sensible": no two readings of the same facts; "distinct": each facet once; "any": all labels.
    facets: Literal["sensible", "distinct", "any"] = "sensible"
    # How many labels marked sensitive one pixel may hold.
    sensitive: Literal["none", "one", "any"] = "none"
    # Whether values that a model inferred count; if not they are unknown here.
    inferred: bool = False
    # A value that is less sure counts as unknown: it is rather wrong than right.
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    leave_out: tuple[str, ...] = ()
    pin: tuple[Parts, ...] = ()
    forbid: tuple[Parts, ...] = ()
    name: tuple[PixelName, ...] = ()

    @field_validator("pin")
    @classmethod
    def _are_conjunctions(cls, pinned):
        if any(not 2 <= len(parts) <= 6 for parts in pinned):
            raise ValueError("a pinned conjunction has 2 to 6 parts, each label = value")
        return pinned

    @field_validator("forbid")
    @classmethod
    def _say_something(cls, forbidden):
        if any(not parts for parts in forbidden):
            raise ValueError("an empty conjunction would forbid everything; name at least one label = value")
        return forbidden
