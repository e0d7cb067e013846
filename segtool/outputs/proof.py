"""What belongs to the proof of a plan: the sends, the test, and who stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Proof:
    """The parts of a study that come before and after sending; each may be missing.

    Parameters
    ----------
    schedule : Schedule, optional
        The calendar and the list of sends.
    design : Design, optional
        What the holdout will be able to show.
    retention : Retention, optional
        Who came, came back and left.
    feedback : Feedback, optional
        What users answered of late, and what each answer changed.
    experiment : FrequencyExperiment, optional
        Who would get how many sends a week, where how often is best cannot be known otherwise.
    notes : tuple of str
        What could not be made and why, and what a reader must know of several parts.
    """

    schedule: Any = None
    design: Any = None
    retention: Any = None
    feedback: Any = None
    experiment: Any = None
    notes: tuple[str, ...] = ()
