"""What the README shows runs as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.S | re.M)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("") for line in block.splitlines()]
    return [line for line in lines if line.startswith(".venv/bin/segtool")]


@pytest.mark.slow
def test_the_ten_lines_of_python_run(tmp_path, monkeypatch, capsys):
    (code,) = blocks("python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    script = tmp_path / "ten_lines.py"
    script.write_text(code.replace('"out/circle"', repr(str(tmp_path / "out"))), encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "asked for" in done.stdout
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.slow
def test_the_commands_run_on_a_table_of_ones_own(tmp_path):
    rows = [
        (f"c{n % 50}", f"2026-05-{1 + n % 28:02d}", 5.0 + n % 40, ["tea", "cake"][n % 2]) for n in range(600)
    ]
    orders = pd.DataFrame(rows, columns=["customer_id", "order_date", "total", "category"])
    orders.to_csv(tmp_path / "orders.csv", index=False)
    found = commands()
    assert len(found) == 3
    for line in found:
        words = [sys.executable, "-m", "segtool", *shlex.split(line)[1:]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "out" / "personas.csv").exists()


def test_every_dependency_has_a_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["notebook"], *extras["read"]]
    table = README[README.index("| package | why |") :]
    for text in wanted:
        name = re.match(r"[\w-]+", text).group()
        assert re.search(rf"\b{name}\b", table), f"{name} has no reason in the README"


def test_every_link_and_picture_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_map_lists_every_room():
    rooms = {
        path.name for path in (ROOT / "segtool").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    for room in rooms:
        assert f"  {room}/" in README, room
