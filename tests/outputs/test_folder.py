"""The output folder: whole or untouched, whatever happens in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segtool.errors import OutputError
from segtool.outputs import folder as folder_module
from segtool.outputs.folder import open_folder

MARK = json.dumps({"tool": "segtool"})


def write_export(out: Path, text: str, **options) -> None:
    with open_folder(out, **options) as folder:
        (folder / "a.csv").write_text(text)
        (folder / "manifest.json").write_text(MARK)


def left_beside(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir() if path != out)


def test_a_new_folder_appears_whole(tmp_path):
    out = tmp_path / "deep" / "out"
    write_export(out, "one")
    assert (out / "a.csv").read_text() == "one"
    assert left_beside(out) == []


def test_an_earlier_export_is_replaced_only_when_forced(tmp_path):
    out = tmp_path / "out"
    write_export(out, "one")
    with pytest.raises(OutputError, match="--force"):
        write_export(out, "two")
    assert (out / "a.csv").read_text() == "one"
    write_export(out, "two", force=True)
    assert (out / "a.csv").read_text() == "two"
    assert left_beside(out) == []


@pytest.mark.parametrize("manifest", [None, "{}", "not json", '["segtool"]'])
def test_what_segtool_did_not_write_is_never_replaced(tmp_path, manifest):
    out = tmp_path / "home"
    out.mkdir()
    (out / "thesis.txt").write_text("three years")
    if manifest:
        (out / "manifest.json").write_text(manifest)
    with pytest.raises(OutputError, match="did not write"):
        write_export(out, "x", force=True)
    assert (out / "thesis.txt").read_text() == "three years"


def test_a_file_or_a_link_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("file", "link"):
        with pytest.raises(OutputError, match="not a folder"):
            write_export(tmp_path / name, "x", force=True)


def test_an_error_leaves_everything_as_it_was(tmp_path):
    out = tmp_path / "out"
    write_export(out, "one")
    with pytest.raises(ZeroDivisionError), open_folder(out, force=True) as folder:
        (folder / "a.csv").write_text("half")
        1 / 0  # noqa: B018
    assert (out / "a.csv").read_text() == "one"
    assert left_beside(out) == []


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RuntimeError("IO Error: File too large")]
)
def test_a_full_disk_is_one_sentence(tmp_path, error):
    with pytest.raises(OutputError, match="disk is full") as caught, open_folder(tmp_path / "out"):
        raise error
    assert caught.value.exit_code == 5
    assert left_beside(tmp_path / "out") == []


def test_two_runs_cannot_mix(tmp_path):
    out = tmp_path / "out"
    with open_folder(out) as folder:
        (folder / "a.csv").write_text("first")
        with pytest.raises(OutputError, match=rf"process {os.getpid()}"):
            write_export(out, "second")
    assert (out / "a.csv").read_text() == "first"


def test_systems_without_an_exchange_use_two_renames(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "_exchange", lambda one, other: False)
    out = tmp_path / "out"
    write_export(out, "one")
    write_export(out, "two", force=True)
    assert (out / "a.csv").read_text() == "two"
    assert left_beside(out) == []


def test_a_run_killed_between_two_renames_loses_nothing(tmp_path):
    out = tmp_path / "out"
    write_export(out, "one")
    out.rename(tmp_path / ".out.old-12345678")
    (tmp_path / ".out.tmp-12345678").mkdir()
    with pytest.raises(OutputError, match="earlier export"):
        write_export(out, "two")
    assert (out / "a.csv").read_text() == "one"
    assert left_beside(out) == []


# One process that imports once, then forks writers and kills them at odd moments.
KILLER = """
import os, pathlib, signal, sys, time
from segtool.outputs.folder import is_export, open_folder

def write_for_ever(out, ready):
    for turn in range(1_000_000):
        with open_folder(out, force=True) as folder:
            for name in "abc":
                (folder / name).write_text(str(turn))
            (folder / "manifest.json").write_text('{"tool": "segtool"}')
        os.write(ready, b".")

out = pathlib.Path(sys.argv[1])
for turn in range(60):
    done, ready = os.pipe()
    child = os.fork()
    if not child:
        write_for_ever(out, ready)
    os.read(done, 1)
    time.sleep(0.0007 * (turn % 20))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(done), os.close(ready)
    assert is_export(out), turn
    assert len({(out / name).read_text() for name in "abc"}) == 1, turn
print("whole every time")
"""


@pytest.mark.slow
def test_a_killed_run_leaves_a_whole_folder(tmp_path):
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(out)], capture_output=True, text=True, timeout=300
    )
    assert "whole every time" in done.stdout, done.stderr
    write_export(out, "last", force=True)
    assert left_beside(out) == []


def test_a_limit_on_file_size_keeps_the_old_export(tmp_path):
    out = tmp_path / "out"
    write_export(out, "one")
    code = (
        "import resource, sys\n"
        "from segtool.outputs.folder import open_folder\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "with open_folder(sys.argv[1], force=True) as folder:\n"
        "    (folder / 'a.csv').write_bytes(b'x' * 1_000_000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True)
    assert "OutputError" in done.stderr and "disk is full" in done.stderr
    assert (out / "a.csv").read_text() == "one"
    assert left_beside(out) == []
