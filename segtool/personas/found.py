"""What portraits read of `Personas`: they stand below it, so that it can offer them as methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from segtool.personas.encode import Encoding, LabelTable
    from segtool.personas.membership import UnsureRule


class FoundPersonas(Protocol):
    """Personas, as far as portraits need them."""

    names: dict[int, str]
    summary: pd.DataFrame
    model: Any
    encoding: Encoding | None
    unsure_rule: UnsureRule
    labels: Any
    profile_table: pd.DataFrame | None
    table: LabelTable | None
    user_ids: pd.Index | None
    probabilities: np.ndarray | None
    unsure: np.ndarray | None

    @property
    def n_personas(self) -> int: ...
    def portraits(self) -> pd.DataFrame: ...
    def profile(self) -> pd.DataFrame: ...
    def contrast(self, top: int = 10) -> pd.DataFrame: ...
