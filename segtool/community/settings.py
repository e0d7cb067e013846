"""What reading a community takes for granted, each with its reason, all of it open to change."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CommunitySettings(BaseModel):
    """Every default of reading a community; the ``[community]`` table of a study.

    Examples
    --------
    >>> CommunitySettings(window_days=14).window_days
    14
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Whether roles, circles and the health of groups become labels; it takes a second pass of labelling.
    as_labels: bool = True
    # Labels whose values are interests: they shape circles beside the ties, and name them.
    interest_labels: tuple[str, ...] = ("interest", "buys", "talks_about")

    # -- talk: what is read
    # What a group is for, by group: its topic. Wins over the table of groups; where neither says, it is assumed.
    charters: dict[str, str] = Field(default_factory=dict)
    # Accounts that are no people. Others are found by their pace, see below.
    bots: tuple[str, ...] = ()
    # Accounts that are people whatever their pace or role: a host, a shop assistant. Wins over all else.
    people: tuple[str, ...] = ()
    # Messages per active day, at least a hundred in all, hardly ever answered: nobody chats like that. Where too few
    # answers are recorded to tell, five times as many.
    bot_messages_day: float = Field(40.0, gt=0)
    # An answer stamped before what it answers: phones' clocks differ by minutes, not by more.
    clock_skew_minutes: float = Field(10.0, ge=0)
    # Four whole weeks: every weekday counts four times.
    window_days: int = Field(28, ge=7, le=364)
    # Fewer messages of a group in a window say nothing of it (CHAOSS practice).
    min_messages: int = Field(30, ge=1)

    # -- speech: how messages are read
    # A trade has words of its own; these win over the lexicon. Several English words may stand in a row.
    positive_words: tuple[str, ...] = ()
    negative_words: tuple[str, ...] = ()
    # Where a platform judged the tone already: a column of messages, -1 to 1 or positive, neutral, negative.
    tone_column: str = ""
    # Never shown as a term: names of people or of firms that the @ does not give away.
    hidden_words: tuple[str, ...] = ()
    # May be shown although they stand in somebody's id or look like a name ("hotpot", of "hotpot_lover").
    shown_words: tuple[str, ...] = ()

    # -- replies: what answers what, where an export does not say
    # "auto": answers are inferred where an export records none, or far fewer than such a talk has. "recorded": what is
    # recorded is all there is. "inferred": whatever says nothing of what it answers is asked.
    reply_links: Literal["auto", "recorded", "inferred"] = "auto"
    # Below this share of the answers that times and turns let expect, the record is taken to have only some of them
    # (quotes). Whole records of simulated slow communities have 1.6 times as many as expected.
    least_recorded: float = Field(0.67, ge=0, le=1)
    # Below this probability a message is not linked. On annotated chats F1 is flat from 0.25 to 0.4 and falls after.
    link_min_probability: float = Field(0.35, ge=0, le=1)
    # In 95 of 100 annotated chat messages what they answer is among the 12 before them.
    link_messages_back: int = Field(12, ge=1, le=60)

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
    # Of the intervals of who is answered, and of what a filter or an organiser needs.
    people_confidence: float = Field(0.9, gt=0, lt=1)
    # Answered by fewer different people, nobody leads: a pair of friends answers each other always.
    leader_answerers: int = Field(5, ge=1)
    # Of all who are named leaders, the share that is expected to be answered no more than typical members.
    leader_false_share: float = Field(0.02, gt=0, lt=1)
    # Others who follow a judgement mostly do so within two weeks, or not because of it.
    filter_lag_days: float = Field(14.0, gt=0)
    # Items judged before others of the circle took them up: fewer show no habit.
    filter_min_items: int = Field(6, ge=2)
    # Of those named as filters, the share that may be so by chance.
    filter_false_share: float = Field(0.1, gt=0, lt=1)

    # -- health: when a group is called what; a bad word needs the interval on its side
    # Thousands of groups are judged on several measures each: at 95 % a hundred healthy ones would be called ill.
    verdict_confidence: float = Field(0.99, gt=0.5, lt=1)
    # Six weeks: one window, and half of another to compare it with.
    new_group_days: float = Field(42.0, ge=0)
    # Three weeks without two people talking, and improbable at the group's own pace.
    dead_gap_days: float = Field(21.0, gt=0)
    # Of the messages by one voice: he speaks, the others listen.
    loudspeaker_share: float = Field(0.6, gt=0, le=1)
    # Beyond about 150 nobody knows everybody (Dunbar 1992); size alone is no verdict.
    crowded_members: int = Field(150, ge=2)
    # By so much a group's core topic must have fallen before its talk is called drift.
    drift_points: float = Field(0.15, gt=0, lt=1)
    # With less of its talk on topic a group is about something else, whatever it was before.
    off_topic_share: float = Field(0.4, gt=0, lt=1)
    # One complaint outweighs many praises: negative tones count this many times (a declared weight, no estimate).
    negative_weight: float = Field(5.0, ge=1)
    # False warnings of trouble that a year of one group may bring: missing trouble costs more than looking in vain.
    false_warnings_a_year: float = Field(0.2, gt=0, le=1)

    # -- scale: how large a group may be
    # Beyond about 150 people know of each other no more (Dunbar 1992): it is time to split.
    split_above: int = Field(150, ge=2)
    # Most people in a part: a part that is full on its first day is to be split again with the next newcomer.
    split_upper: int = Field(120, ge=2)
    # Fewest; half of an even share when not given: less is a rest and no group.
    split_lower: int | None = Field(None, ge=1)
    # A tie between people of the same interest counts 1.5 times: costs 1 % of the ties kept (0.006 of 0.42).
    split_interest_weight: float = Field(0.5, ge=0)
    # Under 50 a group talks by itself; core users are few, and all of them should speak.
    core_group_upper: int = Field(49, ge=3)
    # With fewer people a question mostly finds nobody who is there.
    tiny_members: int = Field(8, ge=0)

    # -- sharing
    # Most who bring anybody do within a quarter, and a quarter's joiners are enough to count.
    invite_window_days: float = Field(90.0, ge=7)
    # Whoever is still there after a month has seen what a group is; sooner they have not yet decided.
    stay_days: float = Field(30.0, gt=0)
    # Below it, two shares differ by chance more often than not.
    min_compared: int = Field(10, ge=2)
    # A whole circle asked at once is a campaign, and the same friends are asked twice.
    seeds_per_circle: int = Field(5, ge=1)
    # Whoever did nothing for a month is not to be asked a favour first.
    seed_active_days: float = Field(30.0, gt=0)
    # Acts (messages, shares, invitations) on which to rest what is expected of somebody.
    min_seed_acts: int = Field(5, ge=1)
    # Fewer views give no share rate to compare.
    min_views: int = Field(50, ge=1)
    # Of intervals of sharing.
    sharing_confidence: float = Field(0.9, gt=0, lt=1)

    # -- value: what a group talks about
    # A term that fewer people of a group used is theirs, not the group's, and may give them away.
    min_people_per_term: int = Field(5, ge=1)
    # Of the terms named as a group's own or as new, how many may be so by chance (Benjamini and Hochberg).
    term_false_share: float = Field(0.05, gt=0, lt=1)
    terms_per_group: int = Field(10, ge=1)
    # How many words of the whole community are mixed into each group's, so that rare ones do not come first.
    term_prior_words: float = Field(500.0, gt=0)
    # Beyond this many messages a group's terms no longer change; drawn by chance.
    texts_per_group: int = Field(20_000, ge=100)
    neighbours_per_group: int = Field(3, ge=0)

    # -- activities
    # Four whole weeks say what is usual: shorter is noisy, longer is another season.
    baseline_days: int = Field(28, ge=14, le=112)
    # Who wrote nothing for a month and writes again has come back: shorter silences are holidays.
    silent_days: int = Field(30, ge=7)
    # As many groups of like pace and size show what those days were like elsewhere; fewer than three do not.
    n_controls: int = Field(20, ge=1, le=100)
    min_controls: int = Field(3, ge=1)
    # Of the intervals of what an activity did.
    activity_confidence: float = Field(0.9, gt=0.5, lt=1)

    # -- circles
    # A tie between people of the same interests counts 1.5 times, as in split proposals.
    interest_weight: float = Field(0.5, ge=0)
    # Half a year: tastes last longer than a season's talk, and less would leave most people unknown.
    interest_days: float = Field(182.0, gt=0)
    # Fewer people are no circle; they are friends.
    circle_min_members: int = Field(5, ge=2)
    # Mean overlap over repeated runs below which a circle is dissolved (Hennig 2007).
    circle_min_stability: float = Field(0.5, ge=0, le=1)
    # Larger ones are looked at again on their own: what fits a whole community may be too coarse for a part. When not
    # given, 20 people, and 1000 where there are more than 40,000 ties.
    circle_resplit_above: int | None = Field(None, ge=5)
    # Runs with other seeds to agree on, and as many without a fifth of the ties to test what was agreed.
    circle_runs: int = Field(20, ge=1)


DUNBAR = MappingProxyType({"small": 50, "community": 150})
"""Upper bounds of the bands of group size, in people (Dunbar 1992, as community managers use it)."""
