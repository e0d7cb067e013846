"""What a claim that needs a fitted model hands to the compiler, and the compiler to the run."""

from __future__ import annotations

from dataclasses import dataclass, field

from segtool.labels.plans import RowsPlan

# Tables of what people said: a measure of them would be the answer itself under another name.
SAID_TABLES = ("survey", "notes", "lists", "corrections")


@dataclass(frozen=True)
class Standards:
    """What an inferred value must hold.

    Parameters
    ----------
    precision : float
        Share of those it is said of who must really have it, on people the model never saw.
    min_positives : int
        Fewer answers with a value, and nothing is inferred.
    margin : tuple of (str, float)
        Value -> its share of all users, known from elsewhere.
    only : tuple of str
        The values that may be inferred; empty for all.
    likely : bool
        Whether values that are probable but not proven are said too.
    """

    precision: float = 0.8
    min_positives: int = 30
    margin: tuple[tuple[str, float], ...] = ()
    only: tuple[str, ...] = ()
    likely: bool = False


@dataclass(frozen=True)
class Resemblance:
    """Whom to look for.

    Parameters
    ----------
    seeds : str
        What the seeds are called in evidence, such as "list vip".
    says : str
        The value that is published.
    share : float
        At most so large a share of the users who are no seeds.
    min_seeds : int
    """

    seeds: str
    says: str
    share: float = 0.05
    min_seeds: int = 30


@dataclass(frozen=True)
class FitTask:
    """One claim to fit: where its examples stand, what it may look at, and where its rows go.

    Parameters
    ----------
    claim, label : str
    table : str
        The engine table that Python fills, with the columns of a `RowsPlan` but the date.
    said : str
        The view of examples: user_id, value, teaches, weight.
    features : tuple of str
        Columns of the view of features.
    values : tuple of str
        The label's values; empty when they come from the data.
    is_many : bool
    goal : Standards or Resemblance
    answers : str
        What the examples are, for the evidence: "answers", "notes".
    """

    claim: str
    label: str
    table: str
    said: str
    features: tuple[str, ...]
    values: tuple[str, ...]
    is_many: bool
    goal: Standards | Resemblance
    answers: str = "answers"


@dataclass(frozen=True)
class FittedPlan(RowsPlan):
    """A claim whose rows Python writes once the measures are there.

    Parameters
    ----------
    goal : Standards or Resemblance
    teachers : tuple of str
        The sources of the label's own claims that are learned from.
    seed_label, seed_value, seed_list : str
        Whom a `Resemblance` is to.
    only_measures : tuple of str or None
        Instead of every measure that is allowed.
    use_profile : bool
        Whether columns of ``users`` are looked at.
    named_profile : tuple of str
        Those that are looked at although a label marked sensitive reads them.
    shares : tuple of str
        Columns of ``events`` whose values are looked at, as shares of a user's events.
    """

    goal: Standards | Resemblance = field(default_factory=Standards)
    teachers: tuple[str, ...] = ()
    seed_label: str = ""
    seed_value: str = ""
    seed_list: str = ""
    only_measures: tuple[str, ...] | None = None
    use_profile: bool = True
    named_profile: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
