"""The result of labelling: a small object over big tables that stay in the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from segtool.display import Shown
from segtool.engines import DuckDBEngine, Engine, literal, quote
from segtool.errors import InputError, did_you_mean
from segtool.labels import frames, quality
from segtool.labels.corrections import list_corrections
from segtool.labels.frames import LabelInfo
from segtool.labels.fusion import Fusion, estimate_fusion, list_reliabilities
from segtool.labels.inference.report import Inference, no_inference, read_inference
from segtool.labels.latest import RunTables
from segtool.labels.sentences import LEAST_CONFIDENCE, count_values, write_sentences
from segtool.labels.why import Why, explain_user

if TYPE_CHECKING:
    from segtool.labels.pixels import Pixels, PixelSettings
    from segtool.sources import Sources

DEFAULT_TABLES = {
    "claims": "claims",
    "labels": "labels",
    "measures": "measures",
    "values": "label_values",
    "users": "user_index",
}


@dataclass(frozen=True, repr=False, eq=False)
class Labels(Shown):
    """What is known of each user, with its evidence, at one date.

    Made by `label_users`, or from a wide table by `Labels.from_frame`. The claims, the resolved
    labels and the measures are tables of the engine; every method asks for what it needs and
    returns a new DataFrame.

    Parameters
    ----------
    catalog : Catalog or None
        The definitions that were computed.
    compiled : Compiled or None
        The statement, the lineage, and what had to be left out.
    sources : Sources or None
        What they were made from.
    as_of : pd.Timestamp or None
        The date the labels stand for.
    engine : Engine
        Where the tables are; that of the sources unless given.
    infos : tuple of LabelInfo
        What a reader needs to know of each label; from the definitions unless given.
    tables : Mapping
        Names of the tables in the engine.

    Examples
    --------
    >>> wide = pd.DataFrame({"user_id": ["a", "b"], "life_stage": ["student", None]})
    >>> labels = Labels.from_frame(wide)
    >>> labels.n_users
    2
    >>> labels.to_pandas()[["user_id", "label", "value"]]
      user_id       label    value
    0       a  life_stage  student
    """

    catalog: Any = None
    compiled: Any = None
    sources: Sources | None = None
    as_of: pd.Timestamp | None = None
    engine: Engine | None = None
    infos: tuple[LabelInfo, ...] = ()
    tables: Mapping[str, str] = field(default_factory=lambda: DEFAULT_TABLES)

    def __post_init__(self):
        # Frozen: what follows from the arguments is filled in once, here.
        if self.engine is None:
            object.__setattr__(self, "engine", self.sources.engine)
        if self.compiled is not None and not self.infos:
            infos = tuple(describe_label(label, self.compiled.lineage) for label in self.compiled.labels)
            object.__setattr__(self, "infos", infos)
        if self.compiled is not None and self.tables is DEFAULT_TABLES:
            object.__setattr__(self, "tables", RunTables(DEFAULT_TABLES, self.engine, self.compiled))

    @classmethod
    def from_frame(
        cls,
        wide: pd.DataFrame,
        *,
        facets: Mapping[str, str] | None = None,
        families: Mapping[str, Sequence[str]] | None = None,
        as_of=None,
        confidence: float = 1.0,
    ) -> Labels:
        """Make Labels from a wide table, without any raw events.

        Parameters
        ----------
        wide : pd.DataFrame of shape (n_users, n_columns)
            One row per user; ids in the index or in a column ``user_id``. A categorical column
            is an ordered or nominal label, text is nominal, a boolean column a flag, boolean
            columns ``"L: value"`` together the many-valued label L, numbers are measures.
        facets, families : Mapping, optional
            Label to facet, and label to the source families it rests on.
        as_of : Timestamp, optional
        confidence : float
            Given to every value.

        Returns
        -------
        Labels

        Raises
        ------
        InputError
            If ids are missing or come twice.

        Examples
        --------
        >>> frame = pd.DataFrame({"vip": [True, False], "likes: tea": [True, False]}, index=["u1", "u2"])
        >>> Labels.from_frame(frame, facets={"likes": "taste"}).label_kinds()
        {'vip': 'flag', 'likes': 'many'}
        """
        frame = frames.prepare_frame(wide)
        infos = frames.infer_info(frame, facets, families)
        engine = DuckDBEngine()
        engine.register("user_index", frame.index.to_frame(index=False))
        engine.register("measures", frames.pick_measures(frame))
        long = frames.melt_labels(frame, infos).assign(confidence=float(confidence))
        engine.register("resolved_frame", long)
        engine.register("label_values", frames.pick_values(frame, infos))
        engine.register("ruled_out", frames.melt_ruled_out(frame, infos))
        engine.create("claims", _CLAIMS_OF_FRAME)
        engine.create("labels", _LABELS_OF_FRAME)
        stamp = None if as_of is None else pd.Timestamp(as_of)
        tables = {**DEFAULT_TABLES, "ruled_out": "ruled_out"}
        return cls(engine=engine, infos=tuple(infos), as_of=stamp, tables=tables)

    # --- who and what -------------------------------------------------------------------------

    @property
    def user_ids(self) -> pd.Index:
        """Every user, labelled or not, sorted."""
        return frames.read_users(self.engine, self.tables["users"])

    @property
    def n_users(self) -> int:
        """How many users there are, labelled or not."""
        return int(self.engine.query(f"SELECT count(*) AS n FROM {self._table('users')}")["n"].iloc[0])

    @cached_property
    def value_counts(self) -> pd.DataFrame:
        """Users per label and value: label, value, n, n_known, confidence; counted once."""
        return count_values(self.engine, self.tables["labels"])

    @property
    def sql(self) -> str:
        """The statement the labels were compiled to; empty for labels from a table."""
        return "" if self.compiled is None else self.compiled.sql

    def label_kinds(self) -> dict[str, str]:
        """Return label -> "ordered", "nominal", "flag" or "many"."""
        return {info.name: info.kind for info in self.infos}

    def facets(self) -> dict[str, str]:
        """Return label -> facet."""
        return {info.name: info.facet for info in self.infos}

    def titles(self) -> dict[str, str]:
        """Return label -> its name for people."""
        return {info.name: info.title for info in self.infos}

    def families(self) -> dict[str, frozenset[str]]:
        """Return label -> the source families it rests on: labels that share one are not independent."""
        return {info.name: info.families for info in self.infos}

    # --- the tables ---------------------------------------------------------------------------

    def to_pandas(self) -> pd.DataFrame:
        """Return the resolved labels, one row per user and label (and value, where many)."""
        return self.engine.query(f"SELECT * FROM {self._table('labels')} ORDER BY user_id, label, value")

    def claims(
        self, *, labels: Iterable[str] | None = None, sources: Iterable[str] | None = None
    ) -> pd.DataFrame:
        """Return every claim, those that lost included, or those of some labels or sources alone."""
        wanted = {"label": labels, "source": sources}
        kept = [f"{name} IN ({_listed(words)})" for name, words in wanted.items() if words is not None]
        condition = f" WHERE {' AND '.join(kept)}" if kept else ""
        return self.engine.query(
            f"SELECT * FROM {self._table('claims')}{condition} ORDER BY user_id, label, value, claim, evidence"
        )

    def unsure(self) -> pd.DataFrame:
        """Return the resolved values that are less likely than not: user_id, label, value, confidence.

        They are the best that is known, and no facts: sentences leave them out, ``labels.csv`` marks
        them.
        """
        return self.engine.query(
            f"SELECT user_id, label, value, confidence FROM {self._table('labels')} "
            f"WHERE confidence < {LEAST_CONFIDENCE} ORDER BY user_id, label, value"
        )

    def measures(self) -> pd.DataFrame:
        """Return the measures: one row per user (index), one number column per measure."""
        columns = [name for name in self.engine.columns(self.tables["measures"]) if name != "user_id"]
        picked = "".join(f", m.{quote(name)}" for name in columns)
        return self.engine.query(
            f"SELECT u.user_id{picked} FROM {self._table('users')} AS u "
            f"LEFT JOIN {self._table('measures')} AS m ON m.user_id = u.user_id ORDER BY u.user_id"
        ).set_index("user_id")

    def wide(self) -> pd.DataFrame:
        """Return one row per user and one column per label.

        Returns
        -------
        pd.DataFrame of shape (n_users, n_columns)
            Index ``user_id``: all users, sorted. A single-valued label is one categorical
            column (ordered where the label is), missing where unknown. A many-valued label L is
            one nullable boolean column ``"L: value"`` per value; ``<NA>`` where it is unknown
            whether the value holds.
        """
        return frames.read_wide(self.engine, self.infos, self.tables)

    def confidences(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return how sure each value of `wide` is, 0 to 1, for all or some of its columns."""
        picked = self.wide().columns if columns is None else columns
        return frames.read_confidences(self.engine, self.infos, self.tables, list(picked))

    # --- what to make of them -----------------------------------------------------------------

    def why(self, user_id: str) -> Why:
        """Say why a user has the labels they have, and which claims lost.

        Raises
        ------
        InputError
            If the user is not among the labelled.
        """
        return explain_user(self, user_id)

    def sentences(self, *, max_clauses: int = 5, pixels: Pixels | None = None) -> pd.DataFrame:
        """Return one sentence per user: user_id, sentence, n_labels (see `write_sentences`).

        With ``pixels`` it holds the conjunction that says most about the user, then what is left.
        """
        return write_sentences(
            self.engine,
            self.infos,
            self.tables,
            max_clauses=max_clauses,
            counts=self.value_counts,
            told=None if pixels is None else pixels.spoken_parts(),
        )

    def pixels(self, settings: PixelSettings | None = None, **options) -> Pixels:
        """Return the conjunctions of labels that are worth a sentence (see `find_pixels`)."""
        from segtool.labels.pixels import find_pixels

        return find_pixels(self, settings, **options)

    def coverage(self) -> pd.DataFrame:
        """Return, per label and claim, how many users it knows (see `quality.coverage`)."""
        return quality.coverage(self)

    def overlap(self) -> pd.DataFrame:
        """Return, per pair of claims of a label, where both speak and how often they agree."""
        return quality.overlap(self)

    def conflicts(self, *, by: str = "source") -> pd.DataFrame:
        """Return where sources disagree: by "source" who wins and how often, or by "label", "author", "user"."""
        return quality.conflicts(self, by=by)

    def reliabilities(self) -> pd.DataFrame:
        """Return what each claim is worth: declared, and estimated where people or surveys can judge it.

        See `list_reliabilities` for the columns. Without ``reliabilities="estimate"`` the estimates
        are shown and not used.
        """
        if self.compiled is None:
            return list_reliabilities(Fusion(), in_use=False)
        fusion = self.compiled.fusion
        return list_reliabilities(
            estimate_fusion(self.compiled, self.engine) if fusion is None else fusion, in_use=fusion is not None
        )

    def inference(self) -> Inference:
        """Return what was inferred for users who did not answer, what was not, and why."""
        if self.compiled is None or not any(step.tasks for step in self.compiled.steps):
            return no_inference()
        self._table("claims")  # refuses when a later run has replaced these tables
        return read_inference(self.engine)

    def corrections(self) -> pd.DataFrame:
        """Return every correction and whether it holds (see `list_corrections`)."""
        return list_corrections(
            self.catalog, self.engine, *(self.tables[name] for name in ("labels", "claims", "users"))
        )

    def left_out(self) -> pd.DataFrame:
        """Return the labels of the catalogue that could not be computed, and why."""
        return self._left_out("label").rename(columns={"name": "label"})[["label", "why"]]

    def left_out_measures(self) -> pd.DataFrame:
        """Return the measures that could not be computed, and why."""
        return self._left_out("measure").rename(columns={"name": "measure"})[["measure", "why"]]

    def _left_out(self, kind: str) -> pd.DataFrame:
        missing = () if self.compiled is None else self.compiled.left_out
        rows = [(item.name, item.reason) for item in missing if item.kind == kind]
        return pd.DataFrame(rows, columns=["name", "why"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of all labels: that the log is shorter than what it is asked about."""
        return () if self.compiled is None else self.compiled.notes

    def headline(self) -> str:
        """Return how much is known of how many."""
        n_users = self.n_users
        n_known = self.value_counts.groupby("label")["n_known"].first().sum() / max(n_users, 1)
        date = "" if self.as_of is None else f" as of {self.local_as_of():%Y-%m-%d}"
        n_left_out = len(self.left_out())
        left = f" ({n_left_out} left out)" if n_left_out else ""
        n_labels = f"{len(self.infos)} label{'' if len(self.infos) == 1 else 's'}"
        users = "1 user" if n_users == 1 else f"{n_users:,} users"
        return f"{n_labels}{left} of {users}{date}; {n_known:.1f} known per user"

    def __repr__(self) -> str:
        table = quality.overview(self).to_string(index=False, max_colwidth=48)
        return "\n".join(filter(None, [self.headline(), table, quality.silent_text(self), *self.notes]))

    def _repr_html_(self) -> str:
        return quality.render_overview(self)

    def info(self, label: str) -> LabelInfo:
        """Return the description of one label.

        Raises
        ------
        InputError
            If there is no such label; names the nearest.
        """
        for info in self.infos:
            if info.name == label:
                return info
        raise InputError(f"There is no label {label!r}.", did_you_mean(label, self.label_kinds()))

    def local_as_of(self) -> pd.Timestamp:
        """Return the date as people of the study would write it, in its own zone."""
        if self.sources is None or self.as_of.tzinfo is None:
            return self.as_of
        return self.as_of.tz_convert(self.sources.timezone)

    def _table(self, name: str) -> str:
        return quote(self.tables[name])


def _listed(words: Iterable[str]) -> str:
    return ", ".join(literal(str(word)) for word in sorted(words)) or "NULL"


# A table written by hand has one claim per cell and nothing to resolve.
_CLAIMS_OF_FRAME = """
SELECT user_id, label, value, 'profile' AS source, label || '.1 column' AS claim, confidence,
       1 AS n_evidence, 'from a table' AS evidence,
       CAST(NULL AS TIMESTAMP) AS observed_at, CAST(NULL AS TIMESTAMP) AS expires_at
FROM resolved_frame
"""
_LABELS_OF_FRAME = """
SELECT user_id, label, value, confidence, 'profile' AS source, 1 AS n_claims, FALSE AS conflict
FROM resolved_frame
"""


def describe_label(label, lineage: Mapping | None = None) -> LabelInfo:
    """Return what a reader needs to know of a definition."""
    known = (lineage or {}).get(label.name)
    return LabelInfo(
        name=label.name,
        title=label.title or label.name.replace("_", " "),
        facet=label.facet,
        kind=label.kind,
        values=tuple(label.values or ()) or (frames.YES_NO if label.kind == "flag" else ()),
        phrase="" if label.phrase is None else label.phrase,
        families=frozenset(known.families) if known is not None else frozenset({label.name}),
        sensitive=label.sensitive,
    )
