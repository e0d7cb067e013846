"""What the groups of a study say: read between two passes of labelling, and beside the personas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from segtool.community.community import Community, has_community, read_community
from segtool.errors import InputError
from segtool.labels import Labels, label_users
from segtool.measurement import assign_holdout
from segtool.outputs import find_sensitive, mark_sensitive

if TYPE_CHECKING:
    from segtool.labels import Catalog
    from segtool.personas import Personas
    from segtool.sources import Sources
    from segtool.study.settings import StudyFile
    from segtool.targeting import Plan

MANY = "many"


class Gathering:
    """The stage of a study that reads its groups; `Study` has it."""

    file: StudyFile
    sources: Sources
    catalog: Catalog
    seed: int
    _labels: Labels | None
    _personas: Personas | None
    _community: Community | None

    def read_community(self, personas: Personas | None = None) -> Community:
        """Read what the chat groups and ties of the users say.

        Parameters
        ----------
        personas : Personas, optional
            To read circles and sharing beside them; the latest ones when there are any.

        Returns
        -------
        Community

        Raises
        ------
        InputError
            If the study has neither messages nor members of groups.
        """
        if not has_community(self.sources):
            raise InputError(
                "This study has no groups.",
                "a table of messages, of members of groups, or both.",
                "Add [sources.messages] with its path; docs/study.md says which columns it has.",
            )
        if self._community is None:
            labels = self._labels or self.label()
            if self._community is None:  # labelling reads it, unless [community] says otherwise
                self._community = self._gather(self.sources, labels)
        personas = personas or self._personas
        if personas is not None:
            self._community = self._community.with_personas(_assigned(personas))
        return self._community

    def label_known(self) -> Labels:
        """Return the latest labels, making them when there are none."""
        return self._labels or self.label()

    def list_group_posts(self, plan: Plan) -> pd.DataFrame:
        """Return where to post among groups, and which of those groups get no post, so that posts can be proved.

        Whole groups are held out: a post reaches everybody in its group. They are drawn by the study's name,
        like users, and only among groups that may get posts.
        """
        posts = plan.group_posts
        open_groups = posts.loc[posts["posts_per_week"] > 0, "group_id"].astype(str)
        if open_groups.empty:
            return posts.assign(holdout=pd.array([pd.NA] * len(posts), dtype="boolean"))
        drawn = assign_holdout(
            pd.Index(open_groups), share=self.file.export.holdout_share, salt=f"{self.file.study.name}/groups"
        )
        return posts.assign(holdout=posts["group_id"].map(drawn).astype("boolean"))

    def _read_beside(self, personas: Personas) -> Community | None:
        """Return the reading of the groups beside personas, None where there are none."""
        return self.read_community(personas) if has_community(self.sources) else None

    def _label_all(self, sources: Sources) -> tuple[Labels, Community | None]:
        """Label, read the groups, and label again with what they say of each user."""
        labels = label_users(sources, self.catalog, reliabilities=self.file.labels.reliabilities or None)
        labels, community = self._label_community(sources, mark_sensitive(labels, self.file.export))
        # Before personas are formed: a name or a rule built on such a label would carry it outside.
        return mark_sensitive(labels, self.file.export), community

    def _label_community(self, sources: Sources, labels: Labels) -> tuple[Labels, Community | None]:
        """Return the labels with what the groups say of each user, and the reading, where there is one."""
        if not has_community(sources) or not self.file.community.as_labels:
            return labels, None
        community = self._gather(sources, labels)
        if sources is not self.sources and self._community is not None:  # an earlier moment, to compare with
            community = community.with_circle_names(self._community)
        if community.measures.empty:
            return labels, community
        community.register(sources.engine)
        reliabilities = self.file.labels.reliabilities or None
        return label_users(sources, self.catalog, reliabilities=reliabilities, after=labels), community

    def _gather(self, sources: Sources, labels: Labels) -> Community:
        settings = self.file.community
        inside = find_sensitive(labels, self.file.export)
        interests = list_interests(labels, settings.interest_labels, inside)
        least = self.file.export.min_cell  # the stricter of the two floors, as for pixels
        settings = settings.model_copy(
            update={
                "circle_min_members": max(settings.circle_min_members, least),
                "min_people_per_term": max(settings.min_people_per_term, least),
            }
        )
        return read_community(sources, settings, interests=interests, random_state=self.seed)


def list_interests(labels: Labels, names: tuple[str, ...], inside: Iterable[str] = ()) -> pd.DataFrame | None:
    """Return what users are interested in by their labels: user_id, topic, weight.

    Without such labels None, so that interests are read from topics; without a row where one is kept
    ``inside``: a circle formed by it or named after it would carry it outside.
    """
    kinds, kept = labels.label_kinds(), set(inside)
    many = [name for name in names if kinds.get(name) == MANY and name not in kept]
    table = labels.to_pandas()
    table = table[table["label"].isin(many)]
    if kept & set(names):  # not even the others: the same topics stand behind all of them
        return pd.DataFrame({"user_id": [], "topic": [], "weight": []}).astype(
            {"user_id": object, "topic": object}
        )
    if table.empty:
        return None
    told = table.groupby(["user_id", "value"], as_index=False, sort=True)["confidence"].max()
    return told.rename(columns={"value": "topic", "confidence": "weight"})


def _assigned(personas: Personas) -> pd.DataFrame:
    return personas.assigned.dropna(subset=["persona_id"])[["user_id", "persona_id", "persona"]]
