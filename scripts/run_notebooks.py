"""Execute the notebooks in place and keep only what a reader needs of them.

Run with ``make notebooks``. Times, machine paths and kernel details are left out, so that a
notebook changes only when what it shows changes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


def execute(path: Path, timeout_seconds: int = 600) -> nbformat.NotebookNode:
    """Run a notebook from the top in its own folder and return it, cleaned.

    Parameters
    ----------
    path : Path
        The notebook.
    timeout_seconds : int
        Longest a cell may take.

    Returns
    -------
    nbformat.NotebookNode
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout_seconds,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    )
    client.execute()
    return clean(notebook)


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what differs from machine to machine."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in cell.metadata.items() if key == "tags"}
        )
    return notebook


def main() -> None:
    """Execute every notebook, or those named on the command line."""
    names = sys.argv[1:] or sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    for name in names:
        print(f"running {name}", flush=True)
        path = NOTEBOOKS / Path(name).name
        nbformat.write(execute(path), path)


if __name__ == "__main__":
    main()
