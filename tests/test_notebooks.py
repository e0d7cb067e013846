"""The notebooks run from the top, show pictures, and are committed as they ran."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from scripts.run_notebooks import execute

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
STORY = [
    "01_labeling",
    "02_clustering",
    "03_content_targeting",
    "04_your_own_data",
    "05_did_it_work",
    "06_community",
    "07_labels_in_depth",
]


def outputs(notebook, kind: str) -> list:
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == kind
    ]


def pictures(notebook) -> int:
    shown = outputs(notebook, "display_data") + outputs(notebook, "execute_result")
    return sum(any(mime.startswith("image/") for mime in output.data) for output in shown)


def test_the_story_is_complete():
    assert [path.stem for path in NOTEBOOKS] == STORY


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_as_it_ran(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert pictures(notebook) >= 1
    assert not outputs(notebook, "error")
    text = path.read_text(encoding="utf-8")
    assert str(Path.home()) not in text
    assert "%pip" not in text


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_the_top(path):
    notebook = execute(path)
    assert not outputs(notebook, "error")
    stderr = [output.text for output in outputs(notebook, "stream") if output.name == "stderr"]
    assert not stderr
    assert pictures(notebook) >= 1
