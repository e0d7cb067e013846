"""What [personas] says, as arguments of `find_personas` and `follow_personas`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segtool.errors import DefinitionError, InputError
from segtool.personas import Personas
from segtool.sources import Sources
from segtool.study.sample_weight import read_sample_weight
from segtool.study.settings import PersonaSettings


def read_persona_options(
    said: PersonaSettings, sources: Sources, seed: int, n_personas: int | None = None
) -> dict[str, Any]:
    """Return the arguments; what the study leaves open is left out.

    Parameters
    ----------
    said : PersonaSettings
    sources : Sources
        Where the sample weights are.
    seed : int
    n_personas : int, optional
        Overrides the study.
    """
    weight = read_sample_weight(sources, said.sample_weight) if said.sample_weight else None
    asked = {
        "n_personas": n_personas or said.n_personas or None,
        "max_personas": said.max_personas,
        "min_share": said.min_share,
        "basis": said.basis or None,
        "descriptors": said.descriptors or None,
        "weights": said.weights or None,
        "use_confidence": said.use_confidence,
        "sample_weight": weight,
        "method": said.method,
        "random_state": seed,
    }
    return {name: value for name, value in asked.items() if value is not None}


def read_followed(base: Path, follow: str) -> Personas:
    """Return the personas of an earlier run that a study names.

    Raises
    ------
    DefinitionError
        If there is no such file, or it is no file of personas.
    """
    path = base / follow
    if not path.is_file():
        raise DefinitionError(
            f"follow in [personas] names {follow!r}, and there is no such file beside the study.",
            "the persona_model.json of an earlier run, from the folder of study.toml.",
            "Leave follow out for the first run.",
        )
    try:
        return Personas.load(path)
    except InputError as error:
        raise DefinitionError(
            f"follow in [personas] names {follow!r}, which cannot be followed: {error.found}",
            "the persona_model.json of an earlier run.",
        ) from error
