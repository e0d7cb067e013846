"""The whole reading of a community: every part from the same messages, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import pandas as pd

from segtool.checks import check_columns
from segtool.community.activities.activities import Activities, study_activities
from segtool.community.circles.against_personas import CirclePersonas, compare_with_personas
from segtool.community.circles.circles import Circles, find_circles
from segtool.community.circles.interests import read_interests
from segtool.community.circles.names import carry_names
from segtool.community.group_tables import join_groups, list_leaders
from segtool.community.health.health import Health, judge_groups
from segtool.community.measures import COMMUNITY, read_measures
from segtool.community.people.filters import Filters, find_filters
from segtool.community.people.roles import Roles, find_roles
from segtool.community.replies.records import judge_records
from segtool.community.replies.replies import ReplyLinks, infer_replies
from segtool.community.scale.bands import dunbar_bands
from segtool.community.scale.core_groups import propose_core_groups
from segtool.community.scale.merges import propose_merges
from segtool.community.scale.splits import Splits, propose_splits
from segtool.community.settings import CommunitySettings
from segtool.community.sharing.sharing import Sharing, read_sharing
from segtool.community.speech.tokens import Words, read_words
from segtool.community.speech.tone import Tones, read_tones
from segtool.community.talk import Talk, read_talk
from segtool.community.ties.ties import Ties, find_ties
from segtool.community.value.core_value import CoreValue, read_core_value
from segtool.display import Shown
from segtool.engines import Engine
from segtool.notes import in_order

TABLES = ("messages", "members")  # either is enough to say something of a group


def has_community(sources) -> bool:
    """Say whether there is anything to read of groups."""
    return bool(set(TABLES) & set(sources.tables))


def read_community(
    sources,
    settings: CommunitySettings | None = None,
    *,
    interests: pd.DataFrame | None = None,
    personas: pd.DataFrame | None = None,
    random_state: int = 0,
) -> Community:
    """Read what the chat groups and ties of the users say.

    Parameters
    ----------
    sources : Sources
        With messages, members or both; groups, activities, events and content add what they can.
    settings : CommunitySettings, optional
    interests : DataFrame, optional
        user_id, topic, weight (0 to 1) and optionally n: such as the interest labels. Read from the
        topics of events and messages when not given.
    personas : DataFrame, optional
        user_id, persona_id, persona.
    random_state : int
        The same seed gives the same result.

    Returns
    -------
    Community
        Its parts are made when they are first asked for.

    Raises
    ------
    InputError
        If ``interests`` or ``personas`` lack a column.

    Examples
    --------
    >>> from segtool.sources import Sources
    >>> from segtool.sources.simulate import simulate_circle
    >>> tables = simulate_circle(600, random_state=1, tables=("messages", "members", "groups")).tables
    >>> community = read_community(Sources.read(tables, as_of="2026-07-01", timezone="Asia/Shanghai"))
    >>> community.health.table.set_index("group_id")["verdict"]["g07"]
    'dead'
    """
    settings = settings or CommunitySettings()
    for frame, names, what in (
        (interests, ["user_id", "topic", "weight"], "interests"),
        (personas, ["user_id", "persona_id", "persona"], "personas"),
    ):
        if frame is not None:
            check_columns(frame.columns, names, what)
    return Community(sources, read_talk(sources, settings), settings, interests, personas, random_state)


class Community(Shown):
    """What the groups and ties of a community say; see `read_community`.

    Attributes
    ----------
    talk : Talk
        Messages and rosters, with inferred reply links where none or only some are recorded.
    links : ReplyLinks or None
        The inferred links; None where messages say what they answer.
    ties, roles, circles, filters, health, value, splits, sharing, activities
        Each a result with tables of its own.
    bands, merges, core_groups : DataFrame
    groups : DataFrame
        One row per group, of all parts: groups.csv.
    leaders : DataFrame
        Who leads, with the evidence: leaders.csv.
    measures : DataFrame
        One row per user in a group, the table ``community`` of the labels.
    """

    def __init__(self, sources, talk: Talk, settings, interests, personas, random_state: int):
        self.sources, self.settings, self.random_state = sources, settings, random_state
        self.personas = personas
        self._read, self._interests = talk, interests

    @cached_property
    def links(self) -> ReplyLinks | None:
        """The reply links that were inferred, None where the record is taken to have all answers."""
        if judge_records(self._read, self.settings).whole:
            return None
        only_gaps = self._read.has_replies and self.settings.reply_links == "auto"
        return infer_replies(self._read, self.settings, only_gaps=only_gaps)

    @cached_property
    def talk(self) -> Talk:
        """Messages, rosters, groups and activities."""
        links = self.links
        if links is None:
            return self._read
        # Where only some answers are recorded, none on record does not mean that there was none.
        return replace(self._read.with_replies(links.reply, links.sure), has_replies=False)

    @cached_property
    def words(self) -> Words:
        """The words of all messages, coded once."""
        return read_words(self.talk, self.settings)

    @cached_property
    def tones(self) -> Tones:
        """The tone of each message."""
        return read_tones(self.talk, self.settings, words=self.words)

    @cached_property
    def ties(self) -> Ties:
        """Who gives attention to whom."""
        return find_ties(self.talk, self.settings)

    @cached_property
    def roles(self) -> Roles:
        """Leaders, core members, organisers, brokers, novices, veterans and lurkers."""
        return find_roles(self.talk, self.ties, self.settings)

    @cached_property
    def interests(self) -> pd.DataFrame:
        """What each user is interested in: user_id, topic, weight."""
        if self._interests is not None:
            return self._interests
        return read_interests(self.sources, self.talk, self.settings)

    @cached_property
    def circles(self) -> Circles:
        """Interest communities."""
        return find_circles(self.ties, self.interests, self.settings, self.random_state)

    @cached_property
    def filters(self) -> Filters:
        """Members whose judgement others of their circle follow."""
        circles = self.circles.members.dropna(subset=["circle"])
        where = circles[["user_id", "circle"]] if len(circles) else self.talk
        return find_filters(self.sources, where, self.settings, random_state=self.random_state)

    @cached_property
    def health(self) -> Health:
        """How each group fares, with reasons."""
        return judge_groups(self.talk, self.ties, self.settings, tones=self.tones, roles=self.roles)

    @cached_property
    def value(self) -> CoreValue:
        """What each group talks about, against what it is for."""
        return read_core_value(
            self.talk, self.settings, self.ties, words=self.words, random_state=self.random_state
        )

    @cached_property
    def bands(self) -> pd.DataFrame:
        """The size of each group, and what groups of that size need."""
        return dunbar_bands(self.talk, self.settings, self.roles)

    @cached_property
    def splits(self) -> Splits:
        """How to split groups that are too large."""
        return propose_splits(
            self.talk, self.ties, self.roles, self.interests, self.settings, random_state=self.random_state
        )

    @cached_property
    def merges(self) -> pd.DataFrame:
        """Which dead or tiny groups to merge, and into which."""
        return propose_merges(self.talk, self.settings, self.health.table[["group_id", "verdict"]])

    @cached_property
    def core_groups(self) -> pd.DataFrame:
        """Small groups for core users."""
        return propose_core_groups(
            self.talk, self.ties, self.roles, self.settings, random_state=self.random_state
        )

    @cached_property
    def sharing(self) -> Sharing:
        """Who brings whom, who stays, whom to ask, and which formats travel."""
        circles = self.circles.members.dropna(subset=["circle"])[["user_id", "circle"]]
        return read_sharing(
            self.sources, self.talk, self.ties, self.settings,
            circles=circles if len(circles) else None, personas=self.personas, random_state=self.random_state,
            roles=self.roles.users[["user_id", "role"]],
        )  # fmt: skip

    @cached_property
    def activities(self) -> Activities:
        """What each activity did."""
        return study_activities(self.talk, self.settings, random_state=self.random_state)

    @cached_property
    def circle_personas(self) -> CirclePersonas | None:
        """Circles against personas; None while no personas are known."""
        if self.personas is None:
            return None
        return compare_with_personas(self.circles, self.personas, random_state=self.random_state)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """One row per group, of all parts."""
        return join_groups(self)

    @cached_property
    def leaders(self) -> pd.DataFrame:
        """Who leads each group, the surest first, with the evidence."""
        return list_leaders(self.roles, self.talk)

    @cached_property
    def measures(self) -> pd.DataFrame:
        """One row per user in a group: role, circle, answered rate, verdict of the main group."""
        return read_measures(self.talk, self.roles, self.circles, self.health)

    def register(self, engine: Engine) -> None:
        """Make the measures the table ``community`` of an engine, where labels find them."""
        engine.register(COMMUNITY, self.measures)

    def with_personas(self, personas: pd.DataFrame) -> Community:
        """Return the same reading beside personas: what does not need them is not read again.

        Parameters
        ----------
        personas : DataFrame
            user_id, persona_id, persona.
        """
        check_columns(personas.columns, ["user_id", "persona_id", "persona"], "personas")
        other = Community(
            self.sources, self._read, self.settings, self._interests, personas, self.random_state
        )
        rests = {"personas", "sharing", "circle_personas", "groups"}
        other.__dict__.update({name: value for name, value in self.__dict__.items() if name not in rests})
        return other

    def with_circle_names(self, other: Community) -> Community:
        """Return the same reading with the names that another moment gives to the same circles.

        Names are made anew at each moment; without this a circle would seem to move whenever its second
        topic changes.
        """
        names = other.circles.table.set_index("circle")["name"]
        members = other.circles.members.dropna(subset=["circle"])[["user_id", "circle"]]
        named = members.assign(name=members["circle"].map(names))
        same = Community(
            self.sources, self._read, self.settings, self._interests, self.personas, self.random_state
        )
        rests = {"circles", "circle_personas", "measures", "filters", "sharing", "groups", "notes"}
        same.__dict__.update({name: value for name, value in self.__dict__.items() if name not in rests})
        same.__dict__["circles"] = carry_names(self.circles, named)
        return same

    @cached_property
    def notes(self) -> list[str]:
        """What the reading rests on, and what could not be known."""
        return in_order(list(dict.fromkeys(self._notes())))

    def _notes(self) -> Iterator[str]:
        yield from self.talk.notes
        if self.links is not None:
            yield from self.links.notes
        for part in (
            self.tones, self.ties, self.roles, self.circles, self.filters, self.health, self.value, self.splits,
            self.sharing, self.activities,
        ):  # fmt: skip
            yield from part.notes

    def to_pandas(self) -> pd.DataFrame:
        """Return the groups at a glance."""
        shown = ["group_id", "title", "verdict", "n_members", "n_messages", "band", "reasons", "would_change"]
        return self.groups[[name for name in shown if name in self.groups]].copy()

    def headline(self) -> str:
        """Return how many groups there are, and how they fare."""
        counts = self.health.table["verdict"].value_counts(sort=False)
        fates = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
        return f"{self.talk.headline()}: {fates}" if fates else self.talk.headline()
