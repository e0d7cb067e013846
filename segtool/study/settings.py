"""What a study.toml may say, checked when it is read."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from segtool.community.settings import CommunitySettings
from segtool.errors import DefinitionError, InputError, did_you_mean
from segtool.labels.pixels import PixelSettings
from segtool.measurement import METRICS
from segtool.outputs import ExportSettings
from segtool.personas.methods import LATENT_CLASS, METHODS
from segtool.sources import SCHEMAS, TableSettings
from segtool.targeting import TargetingSettings


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StudySettings(_Settings):
    """The ``[study]`` table: what every stage shares."""

    name: str
    as_of: datetime | date | str
    timezone: str = "UTC"
    currency: str = ""
    seed: int = Field(default=0, ge=0)
    # Above this share of unusable rows the data, not the rows, is the problem.
    max_rejected_share: float = Field(default=0.05, ge=0, le=1)
    about: str = ""
    simulated: bool = False


class LabelSettings(_Settings):
    """The ``[labels]`` table: which catalogues, and what to leave out of them."""

    catalogs: tuple[str, ...] = ("builtin",)
    leave_out: tuple[str, ...] = ()
    # Source -> P(right when it speaks), or "estimate" (for one source, or for all): learned from where sources meet.
    reliabilities: dict[str, float | Literal["estimate"]] | Literal["estimate"] = {}


class PersonaSettings(_Settings):
    """The ``[personas]`` table: how many (0 = choose), from which labels, and an analyst's own names."""

    n_personas: int = Field(default=0, ge=0)
    max_personas: int = Field(default=12, ge=1)  # as find_personas
    min_share: float = Field(default=0.03, gt=0, lt=1)
    basis: tuple[str, ...] = ()
    descriptors: tuple[str, ...] = ()
    weights: dict[str, float] = {}  # facet or label -> what it counts for
    use_confidence: bool = True
    sample_weight: str = ""  # "table.column": how many people each user stands for
    method: Literal[tuple(METHODS)] = LATENT_CLASS
    follow: str = ""  # persona_model.json of an earlier run: personas that are the same keep their names
    names: dict[int, str] = {}


class MeasurementSettings(_Settings):
    """The ``[measurement]`` table: what a test of the plan is about, and what an earlier one found."""

    metrics: tuple[str, ...] = ()  # the first is the one the test is about; empty: purchases, else activity
    # Of the schedule and of the test: a month is a usual campaign; no schedule is longer than half a year.
    weeks: int = Field(default=4, ge=1, le=26)
    churn_days: int | None = Field(
        default=None, ge=1
    )  # silent for longer is lost; None: read from the pauses
    cohort_weeks: int = Field(
        default=13, ge=1
    )  # who stays is followed over so long: 91 days hold the 90 reported
    proof: str = ""  # proof.csv of an earlier test, which lifts the verdicts of the plan

    @field_validator("metrics")
    @classmethod
    def _metrics_are_known(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        for place, name in enumerate(metrics):
            if name not in METRICS:
                raise ValueError(f"{name!r} is no metric, {did_you_mean(name, METRICS).rstrip('.')}")
            if name in metrics[:place]:
                raise ValueError(f"{name!r} is named twice")
        return metrics


class StudyFile(_Settings):
    """A whole study.toml.

    Examples
    --------
    >>> file = StudyFile.from_dict({"study": {"name": "Circle", "as_of": "2026-07-01"},
    ...                             "sources": {"events": {"path": "events.csv"}}})
    >>> file.study.timezone, file.sources["events"].path
    ('UTC', 'events.csv')
    >>> StudyFile.from_dict({"study": {"name": "Circle", "as_off": "2026-07-01"}, "sources": {}})
    Traceback (most recent call last):
    segtool.errors.DefinitionError: study.toml: [study] has an unknown key 'as_off'. ...'as_of'? ...
    """

    study: StudySettings
    sources: dict[str, TableSettings]
    labels: LabelSettings = LabelSettings()
    pixels: PixelSettings = PixelSettings()
    personas: PersonaSettings = PersonaSettings()
    community: CommunitySettings = CommunitySettings()
    targeting: TargetingSettings = TargetingSettings()
    measurement: MeasurementSettings = MeasurementSettings()
    export: ExportSettings = ExportSettings()

    @classmethod
    def read(cls, path: str | Path) -> StudyFile:
        """Read and check a study.toml.

        Raises
        ------
        InputError
            When the file does not exist.
        DefinitionError
            When it is not TOML, or says something that is not known.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(
                f"there is no study file {path}.",
                "a study.toml.",
                "segtool init YOUR_FILES writes one, or name the folder it lies in.",
            )
        try:
            said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DefinitionError(
                f"{path.name} is not TOML: {error}.", fix="Mend the line it names."
            ) from error
        return cls.from_dict(said, where=path.name)

    @classmethod
    def from_dict(cls, said: dict[str, Any], where: str = "study.toml") -> StudyFile:
        """Check what a study says.

        Raises
        ------
        DefinitionError
            Names the first key that is wrong and what is accepted there.
        """
        for table in said.get("sources", {}):
            if table not in SCHEMAS:
                raise DefinitionError(
                    f"{where}: [sources.{table}] is not a table of segtool.", did_you_mean(table, SCHEMAS)
                )
        try:
            return cls.model_validate(said)
        except ValidationError as error:
            raise _explain(error, where) from error


def _explain(error: ValidationError, where: str) -> DefinitionError:
    """Turn pydantic's first complaint into a sentence that names the place and the choices."""
    complaints = error.errors(include_url=False, include_input=False)
    # A misspelt key shows as one too many and one missing: the first of the two says more.
    first = min(complaints, key=lambda complaint: complaint["type"] != "extra_forbidden")
    *places, key = [str(part) for part in first["loc"]] or ["study"]
    table = f"[{'.'.join(places)}]" if places else "the file"
    if first["type"] == "extra_forbidden":
        return DefinitionError(
            f"{where}: {table} has an unknown key {key!r}.", did_you_mean(key, _keys_at(places))
        )
    if first["type"] == "missing":
        return DefinitionError(f"{where}: {table} does not say {key!r}.", "it is required.")
    return DefinitionError(
        f"{where}: {key!r} in {table} is not accepted: {first['msg'].removeprefix('Value error, ')}."
    )


def _keys_at(places: list[str]) -> list[str]:
    model: Any = StudyFile
    for place in places:
        if model is StudyFile and place == "sources":
            return list(TableSettings.model_fields)
        if place.isdigit():  # an entry of a list: its table is the list's own argument
            model = next(kind for kind in get_args(model) if hasattr(kind, "model_fields"))
        else:
            model = model.model_fields[place].annotation
    return list(model.model_fields)
