"""What reading a community takes for granted, each with its reason, all of it open to change."""

from __future__ import annotations

from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field


class CommunitySettings(BaseModel):
    """Every default of reading a community; the ``[community]`` table of a study.

    Examples
    --------
    >>> CommunitySettings(window_days=14).window_days
    14
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # -- talk: what is read
    # What a group is for, by group: its topic. Wins over the table of groups; where neither says, it is assumed.
    charters: dict[str, str] = Field(default_factory=dict)
    # Accounts that are no people. Others are found by their pace, see below.
    bots: tuple[str, ...] = ()
    # Messages per active day, at least a hundred in all, hardly ever answered: nobody chats like that.
    bot_messages_day: float = Field(40.0, gt=0)
    # An answer stamped before what it answers: phones' clocks differ by minutes, not by more.
    clock_skew_minutes: float = Field(10.0, ge=0)
    # Four whole weeks: every weekday counts four times.
    window_days: int = Field(28, ge=7, le=364)
    # Fewer messages of a group in a window say nothing of it (CHAOSS practice).
    min_messages: int = Field(30, ge=1)

    # -- replies: what answers what, where an export does not say
    # Below this probability a message is not linked. Even odds: as many right as wrong at the margin.
    link_min_probability: float = Field(0.5, ge=0, le=1)
    # In 98 of 100 annotated chat messages what they answer is among the 15 before them.
    link_messages_back: int = Field(15, ge=1, le=60)

    # -- ties
    # Attention fades: half of it counts after a month, an eighth after three.
    tie_half_life_days: float = Field(30.0, gt=0)
    # Whoever writes soon after somebody has perhaps read them; an answer says so.
    near_weight: float = Field(0.2, ge=0)
    near_minutes: float = Field(10.0, gt=0)
    # An invitation tells of one acquaintance outside the chat, however much is said later.
    invite_weight: float = Field(0.5, ge=0)
    # People meet in small groups; a group of two counts as this much, one of 50 as a 49th of it.
    shared_weight: float = Field(0.2, ge=0)
    # Beyond it nobody knows everybody, and its pairs would outnumber all talk.
    max_shared_group: int = Field(500, ge=2)

    # -- people
    # New people need about a month to learn who is who.
    novice_days: float = Field(28.0, gt=0)
    # Eight weeks without a word: longer than holidays, examinations or an illness mostly last.
    dormant_days: float = Field(56.0, gt=0)
    # Who leads is read from half a year: leaders of last year may have stopped, and a month is too little.
    people_days: float = Field(182.0, ge=7)
    # An answer later than that is a new talk; messages younger than that are not yet judged.
    answer_hours: float = Field(48.0, gt=0)
    # Of intervals: a role is given only where the interval says so.
    people_confidence: float = Field(0.9, gt=0, lt=1)
    # Answered by fewer different people, nobody leads: a pair of friends answers each other always.
    leader_answerers: int = Field(5, ge=1)


DUNBAR = MappingProxyType({"small": 50, "community": 150})
"""Upper bounds of the bands of group size, in people (Dunbar 1992, as community managers use it)."""
