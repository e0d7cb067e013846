"""Study: the stages of segtool, called in order, from one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from segtool.community.community import Community
from segtool.errors import ParameterError
from segtool.labels import Catalog, Labels
from segtool.labels.change import LabelChange, compare_labels
from segtool.labels.pixels import Pixels
from segtool.outputs import Manifest, Proof, export_study, write_report
from segtool.outputs.folder import check_replaceable
from segtool.personas import (
    PersonaChange,
    Personas,
    TypingTool,
    build_typing_tool,
    find_personas,
    follow_personas,
)
from segtool.sources import Sources
from segtool.study.catalogs import merge_catalogs, merge_own_catalogs
from segtool.study.evidence import read_evidence
from segtool.study.gathering import Gathering
from segtool.study.persona_options import read_followed, read_persona_options
from segtool.study.placing import check_within_log
from segtool.study.proving import Proving
from segtool.study.settings import StudyFile
from segtool.targeting import Plan, plan_targeting

Progress = Callable[[str], None]


@dataclass(frozen=True)
class StudyRun:
    """Everything one run found, and the manifest of what it wrote."""

    sources: Sources
    labels: Labels
    personas: Personas
    community: Community | None
    plan: Plan
    proof: Proof
    manifest: Manifest


class Study(Proving, Gathering):
    """A study: what to read, as of when, with which labels, and what to do with the result.

    The latest result of each stage is remembered, so that what a notebook shows is what
    ``export`` writes.

    Parameters
    ----------
    file : StudyFile
        What the study says.
    base : path
        The folder that relative paths start from.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": ["a", "a", "b"], "event_time": "2026-06-01",
    ...                        "event": ["view", "purchase", "view"], "amount": [None, 12.5, None]})
    >>> study = Study.from_tables({"events": events}, as_of="2026-07-01")
    >>> study.sources.n_users
    2
    """

    def __init__(self, file: StudyFile, base: str | Path = ".", tables: dict[str, object] | None = None):
        self.file = file
        self.base = Path(base)
        self._tables = tables
        self._labels: Labels | None = None
        self._pixels: Pixels | None = None
        self._personas: Personas | None = None
        self._persona_change: PersonaChange | None = None
        self._plan: Plan | None = None
        self._community: Community | None = None
        self._proof = Proof()

    def __repr__(self) -> str:
        said = self.file.study
        return f"Study {said.name!r} as of {said.as_of} ({said.timezone}), tables: {', '.join(self._given())}"

    def _given(self) -> dict[str, object]:
        return self._tables if self._tables is not None else dict(self.file.sources)

    @classmethod
    def read(cls, path: str | Path) -> Study:
        """Read a study.toml, or the one in a folder.

        Raises
        ------
        InputError, DefinitionError
            See `StudyFile.read`.
        """
        path = Path(path)
        path = path / "study.toml" if path.is_dir() else path
        return cls(StudyFile.read(path), path.parent)

    @classmethod
    def from_tables(cls, tables: dict[str, object], *, as_of, name: str = "study", **study) -> Study:
        """Make a study of DataFrames, Arrow tables or paths, without a file.

        Parameters
        ----------
        tables : dict of str to DataFrame, pyarrow.Table or path
            By segtool's table names.
        as_of : str or timestamp
            The moment the study looks from; nothing at or after it is read.
        name : str
            Shown in the report.
        **study
            Further keys of the ``[study]`` table, such as ``timezone`` or ``seed``.
        """
        if isinstance(as_of, pd.Timestamp):
            as_of = as_of.isoformat()
        said = {"study": {"name": name, "as_of": as_of, **study}, "sources": {}}
        return cls(StudyFile.from_dict(said), tables=tables)

    def at(self, as_of, **tables) -> Study:
        """Return the same study at another moment, such as after a campaign.

        Parameters
        ----------
        as_of : str or timestamp
        **tables
            By table name: newer data in place of the study's own.
        """
        said = self.file.study.model_copy(update={"as_of": pd.Timestamp(as_of).isoformat()})
        file = self.file.model_copy(update={"study": said})
        return Study(file, self.base, {**self._given(), **tables})

    @cached_property
    def sources(self) -> Sources:
        """The tables, read and checked."""
        return self._read(self.file.study.as_of)

    def _read(self, as_of) -> Sources:
        said = self.file.study
        return Sources.read(
            self._given(),
            as_of=as_of,
            timezone=said.timezone,
            max_rejected_share=said.max_rejected_share,
            base=self.base,
        )

    @cached_property
    def catalog(self) -> Catalog:
        """The label definitions, merged in the order the study names them: later ones win."""
        return merge_catalogs(self.file, self.base)

    @cached_property
    def own_catalog(self) -> Catalog:
        """The definitions of the study's own files alone: those that somebody wrote for these tables."""
        return merge_own_catalogs(self.file, self.base)

    @property
    def seed(self) -> int:
        """The seed every stage uses."""
        return self.file.study.seed

    def label(self) -> Labels:
        """Say what is true of each user."""
        self._labels, self._community = self._label_all(self.sources)
        # These rested on other labels.
        self._pixels = self._personas = self._persona_change = self._plan = None
        return self._labels

    def _label(self, sources: Sources) -> Labels:
        return self._label_all(sources)[0]

    def compare_with(self, as_of) -> LabelChange:
        """Compare the labels with those of an earlier moment, made from the same files.

        Parameters
        ----------
        as_of : str or timestamp
            Before the study's own ``as_of``; nothing at or after it is read.

        Returns
        -------
        LabelChange
            What drifted, who moved, and whether the older labels came true.

        Raises
        ------
        ParameterError
            If the moment is not an earlier one.
        """
        today = self._labels or self.label()  # first: circles of then get the names they have now
        return compare_labels(self._label(self._read_earlier(as_of)), today)

    def _read_earlier(self, as_of) -> Sources:
        check_within_log(self.sources, as_of)
        earlier = self._read(as_of)
        if earlier.as_of >= self.sources.as_of:  # before the work, not after it
            raise ParameterError(
                f"{as_of} is not before the study's own moment, {self.file.study.as_of}.",
                "an earlier moment to compare with.",
            )
        return earlier

    def find_pixels(self, labels: Labels | None = None) -> Pixels:
        """Find the conjunctions of labels worth a sentence, as the study's [pixels] says.

        Parameters
        ----------
        labels : Labels, optional
            The latest ones when not given.
        """
        self._labels = labels or self._labels or self.label()
        said = self.file.pixels
        least = max(said.min_users, self.file.export.min_cell)  # the stricter of the two floors
        self._pixels = self._labels.pixels(said, min_users=least)
        return self._pixels

    def find_personas(self, labels: Labels | None = None, *, n_personas: int | None = None) -> Personas:
        """Group alike users into named personas.

        Parameters
        ----------
        labels : Labels, optional
            The latest ones when not given.
        n_personas : int, optional
            Overrides the study; when neither says, the number is chosen.
        """
        said = self.file.personas
        self._labels = labels or self._labels or self.label()
        self._plan = self._persona_change = None  # they rested on other personas
        options = self._persona_options(self.sources, n_personas)
        if said.follow:
            # names are of the personas of that file: by alignment they reach today's, whatever their numbers
            last = read_followed(self.base, said.follow)
            last = last.rename(said.names) if said.names else last
            self._persona_change = follow_personas(last, self._labels, **options)
            personas = self._persona_change.after
            personas = replace(personas, notes=(*personas.notes, self._persona_change.say_model()))
        else:
            personas = find_personas(self._labels, **options, names=said.names or None)
        self._personas = personas
        return self._personas

    def _persona_options(self, sources: Sources, n_personas: int | None = None) -> dict[str, object]:
        return read_persona_options(self.file.personas, sources, self.seed, n_personas)

    def follow_personas(self, as_of, *, n_personas: int | None = None) -> PersonaChange:
        """Find the personas of an earlier moment too, from the same files, and say what changed since.

        Parameters
        ----------
        as_of : str or timestamp
            Before the study's own ``as_of``; nothing at or after it is read for the earlier personas.
        n_personas : int, optional
            At both moments; overrides the study.

        Returns
        -------
        PersonaChange
            Which personas are the same, split, merged, new or gone, and who moved. The study goes on
            with its ``after``: today's personas under the names they had.

        Raises
        ------
        ParameterError
            If the moment is not an earlier one.
        """
        earlier = self._read_earlier(as_of)
        before = find_personas(self._label(earlier), **self._persona_options(earlier, n_personas))
        self._labels = self._labels or self.label()
        options = self._persona_options(self.sources, n_personas)
        change, names = follow_personas(before, self._labels, **options), self.file.personas.names
        self._persona_change = replace(change, after=change.after.rename(names)) if names else change
        self._personas, self._plan = self._persona_change.after, None
        return self._persona_change

    def build_typing_tool(self, personas: Personas | None = None, **options) -> TypingTool:
        """Find the fewest questions that tell a new person's persona (see `personas.build_typing_tool`).

        Parameters
        ----------
        personas : Personas, optional
            The latest ones when not given.
        **options
            Such as ``n_questions``, ``askable`` and ``texts``.
        """
        given = {"random_state": self.seed, "min_users": self.file.export.min_cell, **options}
        return build_typing_tool(personas or self._personas or self.find_personas(), **given)

    def plan_targeting(self, personas: Personas | None = None) -> Plan:
        """Say what to show to whom, when, where and how often."""
        personas = personas or self._personas or self.find_personas()
        if isinstance(personas.labels, Labels):
            self._labels = personas.labels  # what is exported together was made from one another
        self._labels, self._personas = self._labels or self.label(), personas
        evidence, notes = read_evidence(self)
        plan = plan_targeting(
            self.sources,
            self._personas,
            self._labels,
            settings=self.file.targeting,
            evidence=evidence,
            community=self._read_beside(self._personas),
            random_state=self.seed,
        )
        self._plan = replace(plan, notes=[*plan.notes, *notes])
        return self._plan

    def export(self, out: str | Path, *, force: bool = False) -> Manifest:
        """Write the latest results, making those that are missing, in one step.

        Parameters
        ----------
        out : path
            A folder of its own; replaced as a whole.
        force : bool
            Replace an earlier export that lies there.

        Raises
        ------
        OutputError
            When the folder cannot be written, is locked, or exists and ``force`` is not given.
        """
        plan = self._plan or self.plan_targeting()
        self._proof = self.prove()
        return export_study(
            out,
            sources=self.sources,
            labels=self._labels,
            personas=self._personas,
            plan=plan,
            pixels=self._latest_pixels(),
            persona_change=self._persona_change,
            proof=self._proof,
            community=self._read_beside(self._personas),
            group_posts=self.list_group_posts(plan),
            holdout=self.assign_holdout(),
            study=self.file,
            base=self.base,
            force=force,
        )

    def _latest_pixels(self) -> Pixels:
        """Return the latest pixels if they were found in the latest labels, else find them."""
        known = self._pixels is not None and self._pixels.labels is self._labels
        return self._pixels if known else self.find_pixels()

    def write_report(self, path: str | Path) -> Path:
        """Write the report alone, as one self-contained HTML file.

        Parameters
        ----------
        path : path
            The file to write; an older one is replaced.

        Returns
        -------
        Path
        """
        plan = self._plan or self.plan_targeting()
        return write_report(
            path,
            sources=self.sources,
            labels=self._labels,
            personas=self._personas,
            plan=plan,
            pixels=self._latest_pixels(),
            proof=self.prove(),
            community=self._read_beside(self._personas),
            study=self.file,
        )

    def run(
        self, out: str | Path, *, force: bool = False, progress: Progress = lambda step: None
    ) -> StudyRun:
        """Run every stage and write the folder.

        Parameters
        ----------
        out : path
            Where the files go.
        force : bool
            Replace an earlier export that lies there.
        progress : callable
            Told the name of each stage as it starts.
        """
        check_replaceable(Path(out), force=force)  # before the work, not after it
        progress("reading the tables")
        sources = self.sources
        progress("labelling users")
        labels = self.label()
        progress("finding personas")
        personas = self.find_personas(labels)
        progress("planning targeting")
        plan = self.plan_targeting(personas)
        progress("writing files and the report")
        manifest = self.export(out, force=force)
        return StudyRun(sources, labels, personas, self._community, plan, self._proof, manifest)
