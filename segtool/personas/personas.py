"""Personas: groups of alike users with names, portraits and a way to place the next user."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.display import Shown
from segtool.errors import NotFittedError, ParameterError, did_you_mean
from segtool.personas import saving
from segtool.personas.encode import Encoding, LabelTable
from segtool.personas.estimator import PersonaEstimator
from segtool.personas.membership import UnsureRule, list_assigned, predict_memberships
from segtool.personas.portrait.card_html import render_cards
from segtool.personas.portrait.cards import PersonaCard, list_cards
from segtool.personas.portrait.exemplars import describe_unsure, find_exemplars
from segtool.personas.portrait.natural_units import profile_numbers
from segtool.personas.portrait.portray import contrast_nearest
from segtool.personas.portrait.tree import PersonaTree, grow_tree

if TYPE_CHECKING:
    from segtool.labels.labels import Labels
    from segtool.personas.typing_tool import TypingTool

CHOICE_COLUMNS = ["k", "icl", "bic", "stability", "min_share", "chosen", "passes", "recommended", "reason"]
PORTRAIT_COLUMNS = [
    "persona_id", "persona", "n_users", "share", "n_unsure", "mean_membership", "stability",
    "defining", "rule", "rule_precision", "rule_recall", "sentence",
]  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Personas(Shown):
    """Groups of alike users: who is in, what is typical, how sure that is.

    Made by `find_personas`, loaded by `Personas.load`, or from a grouping of one's own by
    `Personas.from_assignments`. Nothing in it changes: `rename` returns a new one.

    Parameters
    ----------
    names : dict of int to str
        By persona_id: 1 is the largest persona.
    verdict : str
        What was found, in one sentence; also that there is no structure.
    summary : pd.DataFrame
        One row per persona; what `portraits` is made of.
    model : PersonaEstimator or None
    encoding : Encoding or None
        How labels become the columns of the model.
    unsure_rule : UnsureRule
    labels : Labels, pd.DataFrame or None
        What the personas were found in; None once loaded from a file.
    notes : tuple of str
        What a reader should know before trusting the table.
    renamed : frozenset of int
        Personas the analyst named: these names win for good.

    Examples
    --------
    >>> personas = Personas.from_assignments(["a", "b", "c"], [1, 1, 2], names={1: "Regulars", 2: "Guests"})
    >>> personas.portraits()[["persona", "n_users", "share"]].round(2)
        persona  n_users  share
    0  Regulars        2   0.67
    1    Guests        1   0.33
    """

    names: dict[int, str]
    verdict: str
    summary: pd.DataFrame
    model: PersonaEstimator | None = None
    encoding: Encoding | None = None
    unsure_rule: UnsureRule = field(default_factory=UnsureRule)
    labels: Labels | pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    renamed: frozenset[int] = frozenset()
    choice_table: pd.DataFrame | None = None
    profile_table: pd.DataFrame | None = None
    table: LabelTable | None = None
    user_ids: pd.Index | None = None
    probabilities: np.ndarray | None = None
    unsure: np.ndarray | None = None

    @classmethod
    def from_assignments(
        cls, user_ids: Iterable, persona_ids: Iterable, names: Mapping[int, str] | None = None
    ) -> Personas:
        """Make personas from a grouping that exists already, one group per user.

        Parameters
        ----------
        user_ids : iterable of str, unique
        persona_ids : iterable of int, or of text
            1, 2, ... K, each used; groups named in text are numbered by size.
        names : Mapping of int to str, optional

        Returns
        -------
        Personas
            Without model or labels: sizes and members only.

        Raises
        ------
        InputError
            If ids are doubled or missing, or the numbers are not 1 to K.
        """
        frame, found = saving.read_assignments(user_ids, persona_ids)
        given = {**found, **{int(number): str(name) for number, name in (names or {}).items()}}
        saving.check_names(given, len(found))
        codes = frame["persona_id"].to_numpy() - 1
        sizes = np.bincount(codes, minlength=len(found))
        return cls(
            names={number: given[number] for number in sorted(given)},
            verdict=f"{len(found)} personas, as given",
            summary=saving.summarize_sizes(sizes),
            user_ids=pd.Index(frame["user_id"], name="user_id"),
            probabilities=np.eye(len(found))[codes],
            unsure=np.zeros(len(frame), bool),
        )

    # --- who ----------------------------------------------------------------------------------

    @property
    def n_personas(self) -> int:
        """How many personas there are; 1 means that there is no structure."""
        return len(self.names)

    @property
    def n_users(self) -> int:
        """How many users the personas were formed on; of those whose size a file tells."""
        return int(self.summary["n_users"].sum())

    @property
    def memberships(self) -> pd.DataFrame:
        """Probability of each persona for each user: index user_id, columns persona_id 1..K."""
        self._need_users()
        columns = pd.RangeIndex(1, self.n_personas + 1, name="persona_id")
        return pd.DataFrame(self.probabilities, index=self.user_ids, columns=columns, copy=True)

    @property
    def assigned(self) -> pd.DataFrame:
        """One row per user: user_id, persona_id, persona, membership, runner_up, unsure.

        Every user has a likeliest persona; ``unsure`` says that it should not be relied on.
        """
        self._need_users()
        return list_assigned(self.user_ids, self.probabilities, self.unsure, self._words())

    def assign(self, labels: Labels | pd.DataFrame) -> pd.DataFrame:
        """Place users in these personas, from whatever is known of them; nothing is refitted.

        The same code path gave the first users their personas.

        Parameters
        ----------
        labels : Labels, or wide DataFrame

        Returns
        -------
        pd.DataFrame
            As `assigned`, in the order of user_id.

        Raises
        ------
        NotFittedError
            If the personas have no model (`from_assignments`).
        InputError
            If most of the labels that form the personas are not there.
        """
        if self.model is None or self.encoding is None:
            raise NotFittedError(
                "These personas were given as a list of users and have no model.",
                fix="find_personas(labels) makes personas that new users can be placed in.",
            )
        table = LabelTable.read(labels)
        probabilities = predict_memberships(self.model, self.encoding, table)
        unsure = self.unsure_rule.find_unsure(probabilities, table)
        return list_assigned(table.frame.index, probabilities, unsure, self._words())

    def exemplars(self, n: int = 5, n_borderline: int = 2) -> pd.DataFrame:
        """Return the most typical users of each persona, and some who nearly belong elsewhere.

        See `segtool.personas.portrait.exemplars.find_exemplars` for the columns.
        """
        return find_exemplars(self, n, n_borderline)

    def describe_unsure(self) -> pd.DataFrame:
        """Return who is unsure: between which personas, or because too little is known, with n and share."""
        return describe_unsure(self)

    # --- what ---------------------------------------------------------------------------------

    def portraits(self) -> pd.DataFrame:
        """Return one row per persona.

        Returns
        -------
        pd.DataFrame of shape (n_personas, 12)
            persona_id, persona, n_users, share (0 to 1), n_unsure (of them), mean_membership,
            stability (mean Jaccard overlap with its match in halves of the users: 0.75 valid, below
            0.6 do not rely on it), defining (text), rule (text), rule_precision, rule_recall (both
            on users the rule was not searched on), sentence. With sample weights also weighted_share,
            of the people that the users stand for.
        """
        table = self._with_names(self.summary)
        table["sentence"] = [self._sentence(row) for row in table.itertuples(index=False)]
        columns = list(PORTRAIT_COLUMNS)
        if not np.allclose(table["weighted_share"], table["share"], equal_nan=True):
            columns.insert(columns.index("share") + 1, "weighted_share")
        return table[columns]

    def _sentence(self, row) -> str:
        size = "Size not told" if pd.isna(row.n_users) else f"{row.n_users:,} users ({row.share:.1%})"
        first = size + (f", typically: {row.typical}." if row.typical else ".")
        if not row.contrast:
            return first
        return f"{first} Unlike the nearest persona ({self.names[int(row.nearest_id)]}): {row.contrast}."

    def profile(self) -> pd.DataFrame:
        """Return each label value in each persona: shares, index (TGI), effect, q-value.

        Returns
        -------
        pd.DataFrame
            persona_id, persona, label, value, n_known, share_in, share_base, index, effect
            (Cohen's h against all others), q_value; then facet, forms (False for labels that only
            describe), n_in, z, defining. See `profile_personas` for the formulas.
        """
        self._need_profile()
        table = self._with_names(self.profile_table)
        first = ["persona_id", "persona", "label", "value", "n_known", "share_in", "share_base", "index"]
        first += ["effect", "q_value"]
        return table[[*first, *[name for name in table if name not in first]]]

    def contrast(self, top: int = 10) -> pd.DataFrame:
        """Return what sets each persona apart from the one most like it.

        Parameters
        ----------
        top : int
            Rows per persona, clearest differences first.

        Returns
        -------
        pd.DataFrame
            persona_id, persona, nearest, facet, label, value, share_in, share_nearest, difference
            (share points, -1 to 1), effect (Cohen's h), n_known, n_known_nearest.
        """
        check_number("top", top, low=1, integer=True)
        self._need_profile()
        nearest = self.summary["nearest_id"].to_numpy(int)
        table = contrast_nearest(self.profile_table, nearest).groupby("persona_id").head(top)
        table = self._with_names(table.reset_index(drop=True))
        table.insert(2, "nearest", table["nearest_id"].map(self.names))
        return table.drop(columns="nearest_id")

    def choice(self) -> pd.DataFrame:
        """Return the numbers of personas that were compared, and which was chosen.

        Returns
        -------
        pd.DataFrame
            k, icl, bic (lower is better), stability (agreement of halves, 0 to 1), min_share,
            chosen, passes, recommended, reason (why it was taken or not, in words), then runner_up,
            change (what splits or merges), prediction_strength, jaccard (of each persona, largest
            first) and what else the gate looks at. Empty if the number was given, unless compared.
        """
        if self.choice_table is None:
            return pd.DataFrame(columns=CHOICE_COLUMNS)
        return self.choice_table.copy()

    def numbers(self) -> pd.DataFrame:
        """Return medians and quartiles of number labels per persona (see `natural_units.profile_numbers`)."""
        return profile_numbers(self)

    def tree(self, max_depth: int | None = None) -> PersonaTree:
        """Grow one shallow tree that leads to the personas, with its fidelity (see `tree.grow_tree`)."""
        return grow_tree(self, max_depth)

    def cards(self, **options: Any) -> tuple[PersonaCard, ...]:
        """Return the facts of one card per persona (see `segtool.personas.portrait.cards.list_cards`)."""
        return list_cards(self, **options)

    # --- what to do with them -------------------------------------------------------------------

    def typing_tool(self, labels: Labels | pd.DataFrame | None = None, **options: Any) -> TypingTool:
        """Find the shortest set of questions that tells a new person's persona.

        See `segtool.personas.typing_tool.build_typing_tool` for the options.
        """
        from segtool.personas.typing_tool import build_typing_tool

        return build_typing_tool(self, labels, **options)

    def scoring_sql(self, **options: Any) -> str:
        """Return one SQL statement that places users as `assign` does, for DuckDB or a warehouse.

        See `segtool.personas.scoring.compile_persona_scoring` for the options: table, layout, dialect.
        """
        from segtool.personas.scoring import compile_persona_scoring

        return compile_persona_scoring(self, **options)

    # --- names --------------------------------------------------------------------------------

    def rename(self, names: Mapping[int, str]) -> Personas:
        """Return the same personas under names of your own; they are saved, and win for good.

        Raises
        ------
        ParameterError
            If there is no such persona, or a name is empty or taken.

        Examples
        --------
        >>> personas = Personas.from_assignments(["a", "b"], [1, 2])
        >>> personas.rename({2: "Night owls"}).names[2]
        'Night owls'
        """
        for number in names:
            if isinstance(number, bool) or number not in self.names:
                raise ParameterError(
                    f"There is no persona {number!r}.", did_you_mean(str(number), map(str, self.names))
                )
        merged = {**self.names, **{int(number): str(name).strip() for number, name in names.items()}}
        saving.check_names(merged, self.n_personas)
        return replace(self, names=merged, renamed=self.renamed | {int(number) for number in names})

    # --- keeping ------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the personas as one JSON file: model, encoding, names, portraits; no users.

        Raises
        ------
        NotFittedError
            If there is no model to keep.
        OutputError
            If the file cannot be written.
        """
        return saving.save_personas(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Personas:
        """Read what `save` wrote, checking all of it. Use `assign` to place users.

        Raises
        ------
        InputError
            If the file is missing, is not such a file, or its parts do not fit together.
        """
        return cls(**saving.load_personas(Path(path)))

    # --- showing ------------------------------------------------------------------------------

    def to_pandas(self) -> pd.DataFrame:
        """Return the portraits."""
        return self.portraits()

    def headline(self) -> str:
        """Return what was found, among how many."""
        n_unsure = int(self.summary["n_unsure"].sum())
        unsure = f", {n_unsure:,} of them unsure" if n_unsure else ""
        told = self.summary["n_users"].notna().all()  # a file may leave out what counts few users
        users = f"{self.n_users:,} users{unsure}" if told else "Not all sizes are told"
        return f"{self.verdict.rstrip('.')}. {users}."

    def __repr__(self) -> str:
        shown = self.portraits()[["persona_id", "persona", "n_users", "share", "stability", "defining"]]
        body = shown.to_string(index=False, max_colwidth=60, float_format="{:.2f}".format)
        return "\n".join([self.headline(), body, *(f"Note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>&#9888; {html.escape(note)}</p>" for note in self.notes)
        return f"<p><b>{html.escape(self.headline())}</b></p>{notes}{render_cards(self)}"

    # --- small parts --------------------------------------------------------------------------

    def _words(self) -> list[str]:
        return [self.names[number] for number in range(1, self.n_personas + 1)]

    def _with_names(self, table: pd.DataFrame) -> pd.DataFrame:
        table = table.copy()
        table.insert(1, "persona", table["persona_id"].map(self.names).astype("str"))
        return table

    def _need_users(self) -> None:
        if self.probabilities is None:
            raise NotFittedError(
                "These personas were loaded from a file, which keeps no users.",
                fix="personas.assign(labels) places users in them.",
            )

    def _need_profile(self) -> None:
        if self.profile_table is None:
            raise NotFittedError(
                "These personas hold no counts of labels: they were loaded from a file or given as a list.",
                "portraits() works on any personas.",
                "find_personas(labels) counts labels.",
            )

