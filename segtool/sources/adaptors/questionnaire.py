"""A survey in any table with one header line, read with a codebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segtool.errors import DefinitionError, InputError
from segtool.sources.adaptors.base import Adapted, Certainty, LeftOut
from segtool.sources.adaptors.head import Head
from segtool.sources.adaptors.records import read_records
from segtool.sources.adaptors.survey import Survey
from segtool.sources.raw import clean_names
from segtool.sources.settings import TableSettings


class Questionnaire:
    """Reads CSV or XLSX whose questions only the codebook tells."""

    name, title, table, also = "questionnaire", "a questionnaire", "survey", ("users",)

    def recognise(self, head: Head) -> Certainty:
        """Return None: nothing but a codebook tells."""
        return None

    def read(self, files: Sequence[Path], settings: TableSettings, engine=None) -> Adapted:
        """Read one table."""
        if not settings.codebook:
            raise DefinitionError(
                'format = "questionnaire" needs a codebook.', 'codebook = "codebook.csv".', "Name one."
            )
        if len(files) > 1:
            raise InputError("A questionnaire is one file.", "one CSV or XLSX.", "Name it in path.")
        records = read_records(files[0], settings, headers=1)
        names, changed = clean_names(records.headers[0])
        survey = Survey(
            dict(zip(names, records.columns, strict=True)),
            records.numbers,
            broken=records.broken,
            left_out=[LeftOut("header lines", 1, "column names")],
            notes=changed,
            origin=records.origin,
            delimiter=records.delimiter,
        )
        return survey.adapted(settings)


ADAPTORS = (Questionnaire(),)
