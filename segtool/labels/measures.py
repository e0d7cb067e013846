"""Measures: one number per user."""

from __future__ import annotations

from dataclasses import dataclass

from segtool.errors import DefinitionError
from segtool.labels.expressions import Expression, check_expression

# `from = "measures"`: arithmetic on other measures of the same user.
OVER_MEASURES = "measures"


@dataclass(frozen=True)
class Measure:
    """One number per user: an aggregate over one table, or arithmetic on other measures.

    Parameters
    ----------
    name : str
        A plain name; ``__`` is kept for columns segtool makes.
    table : str
        A table with a user_id, or "measures" (``from`` in a TOML file).
    sql : str
        An aggregate expression; over "measures", an expression without aggregates.
    where : str, optional
        Which rows count.
    unit : str, optional
        Shown in evidence.
    no_rows : float, optional
        The value of a user without a row that counts. None: it is not known.
    title : str, optional
        Name for people.

    Raises
    ------
    DefinitionError
        If a part is not in the label language; the message names the place and the character.

    Examples
    --------
    >>> Measure("spend_30d", "events", "sum(amount)", "event = 'purchase' and age_days < 30", "CNY", 0).columns()
    ('amount', 'event', 'age_days')
    >>> Measure("basket", "measures", "spend_90d / purchases_90d").needs()
    ('spend_90d', 'purchases_90d')
    """

    name: str
    table: str
    sql: str
    where: str | None = None
    unit: str | None = None
    no_rows: float | None = None
    title: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "measure")
        if not isinstance(self.table, str) or not self.table:
            raise DefinitionError(
                f"measures.{self.name}.from is not a table.", "a table's name, or 'measures'."
            )
        if self.is_derived and self.where is not None:
            raise DefinitionError(
                f"measures.{self.name} is made of measures and has a where.",
                "where on the measures it is made of.",
            )
        is_number = isinstance(self.no_rows, (int, float)) and not isinstance(self.no_rows, bool)
        if self.no_rows is not None and not is_number:
            raise DefinitionError(
                f"measures.{self.name}.no_rows is {self.no_rows!r}.", "a number, usually 0."
            )
        self.expression  # noqa: B018 -- written wrong, it should fail here and not at compile time
        self.condition  # noqa: B018

    @property
    def is_derived(self) -> bool:
        """Whether it is made of other measures."""
        return self.table == OVER_MEASURES

    @property
    def expression(self) -> Expression:
        """The checked expression."""
        return check_expression(
            self.sql, f"measures.{self.name}.sql", "row" if self.is_derived else "aggregate"
        )

    @property
    def condition(self) -> Expression | None:
        """The checked filter, or None."""
        return None if self.where is None else check_expression(self.where, f"measures.{self.name}.where")

    def columns(self) -> tuple[str, ...]:
        """Return the columns of its table that it rests on."""
        if self.is_derived:
            return ()
        names = self.expression.columns + (self.condition.columns if self.condition else ())
        return tuple(dict.fromkeys(names))

    def needs(self) -> tuple[str, ...]:
        """Return the measures it is made of."""
        return self.expression.columns if self.is_derived else ()


def check_name(name: str, what: str) -> str:
    """Check the name of a measure or a label.

    Examples
    --------
    >>> check_name("2nd", "label")
    Traceback (most recent call last):
    segtool.errors.DefinitionError: '2nd' is no name for a label. Accepted: a word of letters, digits and ...
    """
    is_word = isinstance(name, str) and name.isidentifier() and "__" not in name and len(name) <= 60
    if not is_word or name.lower() == "user_id":
        raise DefinitionError(
            f"{name!r} is no name for a {what}.",
            "a word of letters, digits and single underscores, at most 60 long, and not user_id.",
        )
    return name
