"""Align two sets of personas on the users of one moment: which is which, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segtool.display import Shown
from segtool.errors import NotFittedError
from segtool.personas.encode import LabelTable
from segtool.personas.follow.events import Events, find_events
from segtool.personas.follow.overlap import Comparison, cross, profile_distances
from segtool.personas.follow.strange import strange_shares
from segtool.personas.membership import predict_memberships
from segtool.personas.personas import Personas

if TYPE_CHECKING:
    from segtool.labels.labels import Labels


@dataclass(frozen=True, repr=False, eq=False)
class Alignment(Shown):
    """Which older persona is which newer one; made by `align_personas`.

    Parameters
    ----------
    names_before, names_after : dict of int to str
        By persona_id.
    comparison : Comparison
        Users in common, profiles, and what the older model still describes.
    events : Events
        What became of each persona.
    placed_before, placed_after : pd.Series of int
        persona_id of each user by either model, indexed by user_id.
    """

    names_before: dict[int, str]
    names_after: dict[int, str]
    comparison: Comparison
    events: Events
    placed_before: pd.Series
    placed_after: pd.Series

    @property
    def n_users(self) -> int:
        """Users both models placed."""
        return len(self.placed_before)

    @property
    def matches(self) -> dict[int, int]:
        """Newer persona_id to the older one it is most like; those like none are not in it."""
        return {new + 1: old + 1 for new, old in sorted(self.events.matches.items())}

    def to_pandas(self) -> pd.DataFrame:
        """Return every pair that has users in common, with its figures.

        Returns
        -------
        pd.DataFrame
            before_id, before, after_id, after, n_users (in both), share_of_before, share_of_after
            (0 to 1), overlap (Jaccard), profile_distance (0 to 1), similarity, linked (one
            continues the other).
        """
        old, new = np.nonzero(self.comparison.counts)
        found = self.comparison
        links = set(self.events.links)
        return pd.DataFrame(
            {
                "before_id": old + 1,
                "before": [self.names_before[number + 1] for number in old.tolist()],
                "after_id": new + 1,
                "after": [self.names_after[number + 1] for number in new.tolist()],
                "n_users": found.counts[old, new],
                "share_of_before": found.share_of_before[old, new],
                "share_of_after": found.share_of_after[old, new],
                "overlap": found.overlap[old, new],
                "profile_distance": found.profile_distance[old, new],
                "similarity": found.similarity[old, new],
                "linked": [pair in links for pair in zip(old.tolist(), new.tolist(), strict=True)],
            }
        )

    def headline(self) -> str:
        """Return how many personas are the same."""
        n_same = self.events.after.count("same")
        return (
            f"{n_same} of {len(self.names_before)} personas are the same among {len(self.names_after)} "
            f"({self.n_users:,} users placed by both)."
        )


def align_personas(
    before: Personas, after: Personas, labels: Labels | LabelTable | pd.DataFrame
) -> Alignment:
    """Find which older persona is which newer one, on the users of one moment.

    Parameters
    ----------
    before : Personas
        Of the last time; loaded from its file it will do.
    after : Personas
    labels : Labels, LabelTable or wide DataFrame
        Of the users on whom they are compared, as a rule those of today.

    Returns
    -------
    Alignment

    Raises
    ------
    NotFittedError
        If either has several personas and no model (given as a list of users).
    InputError
        If most of the labels that formed them are not there.

    Examples
    --------
    >>> wide = pd.DataFrame({
    ...     "life_stage": ["student"] * 40 + ["parent"] * 50,
    ...     "taste": ["brands"] * 36 + ["toys"] * 54,
    ...     "hours": (["night"] * 3 + ["day"]) * 10 + ["day"] * 50,
    ... }, index=[f"u{number:02}" for number in range(90)])
    >>> from segtool.personas import find_personas
    >>> old, new = find_personas(wide, n_personas=2), find_personas(wide, n_personas=2, random_state=5)
    >>> align_personas(old, new, wide).matches
    {1: 1, 2: 2}
    """
    for personas in (before, after):
        need_model(personas)
    table = labels if isinstance(labels, LabelTable) else LabelTable.read(labels)
    codes = [place(personas, table).argmax(axis=1) for personas in (before, after)]
    shape = before.n_personas, after.n_personas
    counts = cross(*codes, shape)
    encoding = before.encoding or after.encoding  # everybody as one persona has none
    basis = [label for label in encoding.basis if table_holds(table, label)] if encoding else []
    distance = profile_distances(table, basis, *codes, shape)
    expected = expect_shares(before) * len(table.frame)
    retention = counts.sum(axis=1) / np.maximum(expected, 1e-12)
    strange = strange_shares(before.model, before.encoding, table, *codes, shape[1])
    comparison = Comparison(counts, distance, retention, strange)
    users = table.frame.index
    placed = [pd.Series(each + 1, index=users, name="persona_id") for each in codes]
    return Alignment(dict(before.names), dict(after.names), comparison, find_events(comparison), *placed)


def place(personas: Personas, table: LabelTable) -> np.ndarray:
    """Return the membership of each user in the personas of a model, shape (n_users, n_personas)."""
    if personas.model is None:  # everybody: see need_model
        return np.ones((len(table.frame), 1))
    return predict_memberships(personas.model, personas.encoding, table)


def expect_shares(personas: Personas) -> np.ndarray:
    """Return the share of users of each persona when they were found, shape (n_personas,).

    A file that left the house holds no share of a persona of few users; what the others leave is then
    shared out by the shares the model has, or evenly where it has none.
    """
    share = personas.summary["share"].to_numpy(float).copy()
    hidden = np.isnan(share)
    if hidden.any():
        known = getattr(personas.model, "shares_", np.ones(len(share)))[hidden]
        rest = max(1 - share[~hidden].sum(), 0.0)
        share[hidden] = rest * known / known.sum()
    return share


def table_holds(table: LabelTable, label: str) -> bool:
    """Return whether a label is there and known for somebody."""
    return label in table.infos and bool(table.known(label).any())


def need_model(personas: Personas) -> None:
    """Refuse personas that cannot place users; where there is only one, it has everybody."""
    if personas.n_personas > 1 and (personas.model is None or personas.encoding is None):
        raise NotFittedError(
            "Personas given as a list of users have no model, and cannot be followed.",
            "personas of find_personas, or loaded from the file they were saved in.",
            "Find personas in both periods with find_personas(labels).",
        )
