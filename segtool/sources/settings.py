"""How one table is to be read: the part of a study file under ``[sources.NAME]``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from segtool.errors import DefinitionError, InputError, did_you_mean
from segtool.sources.schemas import SCHEMAS


class TableSettings(BaseModel):
    """Where a table is and how its names and values translate.

    Attributes
    ----------
    path : str or None
        A CSV (``.gz`` too), Parquet or Excel file; for Parquet also a folder or a pattern with ``*``.
    columns : dict of str to str
        segtool's name -> the name in the file. It renames properties too.
    values : dict of str to dict
        Column (segtool's name) -> {value in the file: segtool's value}. Mapping to "" means unknown.
    constants : dict of str to str
        Column (segtool's name) -> the value every row has, as when a file holds purchases only:
        {"event": "purchase"}.
    timezone : str or None
        Zone of times that do not say theirs; the study's by default.
    time_format : str or None
        "epoch_s", "epoch_ms", "epoch_us", or a strptime pattern such as "%d.%m.%Y %H:%M".
        ISO-like times need none.
    decimal : {".", ","}
        The mark before the fraction of amounts and numbers written as text. The other mark, a space or
        an apostrophe may group thousands, a currency may stand before or after.
    encoding, delimiter : str or None
        Of a CSV file; found by default.
    sheet : str or None
        Of an Excel file; the first by default.
    drop : list of str
        Columns (as named in the file) not to read.
    keep_duplicates : bool
        Keep events that are equal in every column, as when times are mere dates.
    format : str or None
        The tool whose export the file is ("qualtrics", "ga4", ...; docs/imports.md has all), found by
        default where a file cannot be anything else; "plain" reads it as it stands.
    codebook : str or None
        A CSV file that says what the questions of a survey are, and what their codes mean.

    Examples
    --------
    >>> TableSettings(path="log.csv", columns={"user_id": "uid"}).columns
    {'user_id': 'uid'}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    timezone: str | None = None
    time_format: str | None = None
    decimal: Literal[".", ","] = "."
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    drop: list[str] = Field(default_factory=list)
    keep_duplicates: bool = False
    format: str | None = None
    codebook: str | None = None

    @field_validator("path", "codebook", mode="before")
    @classmethod
    def _path_to_text(cls, path: Any) -> Any:
        return os.fspath(path) if isinstance(path, os.PathLike) else path

    @field_validator("values", mode="before")
    @classmethod
    def _values_to_text(cls, values: Any) -> Any:
        """TOML gives 1 and true where a file holds the text "1" and "true"."""
        if not isinstance(values, dict):
            return values
        return {
            column: {_as_text(old): _as_text(new) for old, new in mapping.items()}
            if isinstance(mapping, dict)
            else mapping
            for column, mapping in values.items()
        }

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter) if delimiter else delimiter
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
            raise ValueError('a delimiter is one character: , ; | or "\\t" for a tab')
        return delimiter

    def over(self, defaults: Mapping[str, Any]) -> TableSettings:
        """Return these settings with an adaptor's defaults where they say nothing.

        Examples
        --------
        >>> said = TableSettings(path="a.csv", columns={"user_id": "uid"})
        >>> said.over({"columns": {"answered_at": "EndDate"}, "timezone": "UTC"}).columns
        {'answered_at': 'EndDate', 'user_id': 'uid'}
        """
        changed: dict[str, Any] = {}
        for name, default in defaults.items():
            own = getattr(self, name)
            if isinstance(own, dict):
                # What a study says of a column stands above a constant or a map that is only supposed.
                taken = set(self.columns) | set(self.constants) if name in ("columns", "constants") else set()
                changed[name] = {k: v for k, v in default.items() if k not in taken} | own
                if name == "values":  # a study that maps one word keeps the other suggestions
                    changed[name] = {k: {**default.get(k, {}), **v} for k, v in changed[name].items()}
            elif isinstance(own, list):
                named = set(self.columns.values())  # a column that a study maps is wanted
                changed[name] = [*own, *(item for item in default if item not in named and item not in own)]
            elif own is None or own is False:
                changed[name] = default
        return self.model_copy(update=changed)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def check_table_name(name: str) -> str:
    """Return the name of a table segtool knows, or refuse it with the nearest.

    Raises
    ------
    InputError
        If it is none of them.
    """
    if name not in SCHEMAS:
        raise InputError(f"There is no table {name!r} in segtool.", did_you_mean(str(name), SCHEMAS))
    return name


def split_settings(name: str, given: Any) -> tuple[TableSettings, Any]:
    """Return settings and data (None if they lie in a file) from what a caller gave for a table.

    Parameters
    ----------
    name : str
        Table.
    given : TableSettings, mapping, path, pandas.DataFrame, pyarrow.Table, or (data, TableSettings)

    Raises
    ------
    DefinitionError
        If settings are not well formed or name no file.
    """
    data = None
    if given is None:
        raise InputError(f"{name} is None.", "a path, a DataFrame, an Arrow table or TableSettings.")
    if isinstance(given, tuple) and len(given) == 2:
        data, given = given
        if isinstance(data, (str, os.PathLike)):
            given, data = _settings(name, given).model_copy(update={"path": os.fspath(data)}), None
    elif isinstance(given, (str, Path)):
        given = TableSettings(path=os.fspath(given))
    elif not isinstance(given, (TableSettings, dict)):
        data, given = given, TableSettings()
    settings = _settings(name, given)
    if data is None and not settings.path:
        raise DefinitionError(
            f"[sources.{name}] names no file.", 'path = "..."', f'Add path = "{name}.csv" to it.'
        )
    return settings, data


def _settings(name: str, given: Any) -> TableSettings:
    if isinstance(given, TableSettings):
        return given
    try:
        return TableSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in (f"sources.{name}", *first["loc"]))
        raise DefinitionError(
            f"{place} is not well formed: {first['msg']}.",
            did_you_mean(str((first["loc"] or ("",))[0]), TableSettings.model_fields),
        ) from error
