from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from segtool.errors import DefinitionError, InputError
from segtool.sources import TableSettings
from segtool.sources.settings import check_table_name, split_settings


def test_settings_come_from_a_path_a_mapping_or_beside_data():
    frame = pd.DataFrame()
    assert split_settings("events", Path("e.csv"))[0].path == "e.csv"
    assert split_settings("events", {"path": "e.csv"})[0] == TableSettings(path="e.csv")
    assert split_settings("events", frame)[1] is frame
    settings, data = split_settings("events", (frame, {"columns": {"user_id": "uid"}}))
    assert (settings.columns, data is frame) == ({"user_id": "uid"}, True)
    assert split_settings("events", ("e.csv", {"delimiter": "tab"}))[0].delimiter == "\t"


def test_numbers_and_booleans_of_toml_are_text_in_value_maps():
    settings = TableSettings(path="x", values={"paid": {"1": True, "0": False}, "q1": {"a": 3}})
    assert settings.values == {"paid": {"1": "true", "0": "false"}, "q1": {"a": "3"}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"paht": "e.csv"}, r"sources\.events\.paht .* did you mean 'path'"),
        ({"path": "e.csv", "columns": {"user_id": 3}}, r"sources\.events\.columns\.user_id"),
        ({"path": "e.csv", "delimiter": "::"}, "one character"),
        ({"columns": {}}, "names no file"),
    ],
)
def test_settings_that_are_not_well_formed_are_refused(given, words):
    with pytest.raises(DefinitionError, match=words):
        split_settings("events", given)


def test_an_unknown_table_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'events'"):
        check_table_name("event")
