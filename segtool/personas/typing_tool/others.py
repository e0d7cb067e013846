"""The tool on people who took no part in forming the personas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segtool.display import Shown
from segtool.errors import InputError
from segtool.personas.portrait.intervals import bound_share
from segtool.personas.typing_tool.measure import cohens_kappa, make_hits

if TYPE_CHECKING:
    from segtool.labels.labels import Labels
    from segtool.personas.typing_tool.tool import TypingTool


@dataclass(frozen=True, eq=False, repr=False)
class OnOthers(Shown):
    """How often a typing tool hits people it was not made on.

    Parameters
    ----------
    accuracy, low, high : float
        Share of hits and its 95 % Wilson interval.
    kappa : float
    baseline : float
        Share of hits if everyone were taken for their largest persona.
    n_people : int
    hits : pd.DataFrame
        Hit rate and precision of each persona, as in `TypingTool.hits`.
    checked : bool
        Whether it is known that none of these people formed the personas.
    """

    accuracy: float
    low: float
    high: float
    kappa: float
    baseline: float
    n_people: int
    hits: pd.DataFrame
    checked: bool = True

    def to_pandas(self) -> pd.DataFrame:
        """Return the hits of each persona."""
        return self.hits.copy()

    def headline(self) -> str:
        """Return the share of hits with its interval."""
        said = (
            f"The questions tell the persona of {self.accuracy:.0%} of other people ({self.low:.0%} to "
            f"{self.high:.0%}, n = {self.n_people:,}; the largest persona alone: {self.baseline:.0%})."
        )
        if self.checked:
            return said
        return (
            f"{said} That none of them formed the personas could not be checked: personas loaded from a file "
            "hold no users. If some did, this flatters."
        )


def measure_on_others(tool: TypingTool, personas: Any, labels: Labels | pd.DataFrame) -> OnOthers:
    """Compare what the tool says of other people with what all their labels say.

    Parameters
    ----------
    tool : TypingTool
    personas : Personas
        With the model the tool was made for.
    labels : Labels or wide DataFrame
        People who were not among those the personas were formed on: a later period, another half.

    Returns
    -------
    OnOthers

    Raises
    ------
    InputError
        If tool and personas are not of the same number, or some of these people formed the personas
        (personas loaded from a file do not know who did: the headline says that it was not checked).
    """
    if len(tool.names) != personas.n_personas:
        raise InputError(
            f"The tool tells {len(tool.names)} personas apart, and there are {personas.n_personas}.",
            "the personas the tool was made for.",
        )
    truth, said = personas.assign(labels), tool.assign(labels)
    if personas.user_ids is not None:
        n_known = int(truth["user_id"].isin(personas.user_ids).sum())
        if n_known:
            raise InputError(
                f"{n_known:,} of these {len(truth):,} people are among those who formed the personas.",
                "other people: figures on the same ones flatter.",
                "Leave them out of labels.",
            )
    right, guess = truth["persona_id"].to_numpy() - 1, said["persona_id"].to_numpy() - 1
    n, hits = len(right), int((right == guess).sum())
    low, high = bound_share(hits, n)
    return OnOthers(
        accuracy=hits / n,
        low=float(low),
        high=float(high),
        kappa=cohens_kappa(right, guess, personas.n_personas),
        baseline=float(np.bincount(right).max() / n),
        n_people=n,
        hits=make_hits(right, guess, tool.names, tool.min_users),
        checked=personas.user_ids is not None,
    )
