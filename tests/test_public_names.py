"""The public names exist, and importing them costs nothing until they are used."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

import segtool

HEAVY = ["pandas", "numpy", "duckdb", "sklearn", "seaborn", "matplotlib", "umap", "pyarrow", "pydantic"]


@pytest.mark.parametrize("name", segtool.__all__)
def test_every_public_name_exists(name):
    assert getattr(segtool, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Studdy'"):
        _ = segtool.Studdy


def test_import_loads_nothing_heavy():
    code = f"import sys, segtool, segtool.cli; print([m for m in {HEAVY} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_help_answers_at_once():
    def seconds() -> float:
        # of the processor: on a busy machine the clock says nothing of the program
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "segtool", "--help"], capture_output=True, check=True)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5
