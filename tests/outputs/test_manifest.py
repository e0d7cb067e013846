"""The manifest says what went in and what came out, and notices a change."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.outputs.manifest import (
    Manifest,
    describe_files,
    describe_inputs,
    read_versions,
)


def test_it_comes_back_from_the_folder(tmp_path):
    manifest = Manifest(
        study="圈子", as_of="2026-07-01", timezone="Asia/Shanghai", seed=7, counts={"users": 3}
    )
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest


def test_a_changed_or_missing_file_is_noticed(tmp_path):
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / name).write_text(name)
    manifest = Manifest("s", "2026-07-01", "UTC", files=describe_files(tmp_path, {"a.csv": 1}))
    assert manifest.verify(tmp_path) == []
    (tmp_path / "a.csv").write_text("A.csv")
    (tmp_path / "b.csv").unlink()
    assert manifest.verify(tmp_path) == ["a.csv", "b.csv"]


def test_json_is_strict_and_knows_numpy():
    manifest = Manifest("s", "d", "UTC", settings={"x": np.float64("nan"), "n": np.int64(3), "t": {"b", "a"}})
    said = json.loads(manifest.to_json(), parse_constant=lambda word: pytest.fail(word))
    assert said["settings"] == {"x": None, "n": 3, "t": ["a", "b"]}


def test_inputs_are_hashed_and_do_not_name_the_machine(tmp_path):
    (tmp_path / "events.csv").write_text("user_id\n")
    (tmp_path / "parts").mkdir()
    for name in ("a.parquet", "b.parquet"):
        (tmp_path / "parts" / name).write_bytes(b"x")
    files = {
        "events": [tmp_path / "events.csv"],
        "survey": [tmp_path / "parts" / name for name in ("a.parquet", "b.parquet")],
    }
    summary = pd.DataFrame({"table": [*files, "notes"], "origin": "somewhere", "kept": [3, 4, 6]})
    inputs = describe_inputs(summary, files)
    assert [[said["file"] for said in table["files"]] for table in inputs] == [
        ["events.csv"],
        ["a.parquet", "b.parquet"],
        [],
    ]
    assert len(inputs[0]["files"][0]["sha256"]) == 64
    assert str(tmp_path) not in json.dumps(inputs)


def test_versions_are_named():
    assert {"python", "segtool", "duckdb"} <= read_versions().keys()


def test_a_folder_without_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="manifest"):
        Manifest.read(tmp_path)
