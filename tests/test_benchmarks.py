"""The benchmarks can be started, and a promise that is missed ends the run with exit code 1."""

from __future__ import annotations

import importlib

import pandas as pd
import pytest

from benchmarks import __main__ as bench
from benchmarks import demo, personas


@pytest.mark.parametrize("part", bench.PARTS)
def test_each_part_can_be_started(part):
    assert callable(importlib.import_module(f"benchmarks.{part}").main)


def test_one_missed_part_fails_the_run_after_the_others_ran(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(bench, "run_part", lambda part: ran.append(part) or int(part == "b"))
    monkeypatch.setattr("sys.argv", ["benchmarks", "a", "b", "c"])
    with pytest.raises(SystemExit, match="1"):
        bench.main()
    assert ran == ["a", "b", "c"] and "MISSED or broken: b" in capsys.readouterr().out


def test_when_all_is_met_the_run_ends_well(monkeypatch):
    monkeypatch.setattr(bench, "run_part", lambda part: 0)
    monkeypatch.setattr("sys.argv", ["benchmarks"])
    bench.main()


@pytest.mark.parametrize(("seconds", "code"), [(1.0, 0), (100.0, 1)])
def test_the_demo_says_by_its_exit_code_whether_it_was_in_time(monkeypatch, capsys, seconds, code):
    monkeypatch.setattr(demo, "run_once", lambda study: (seconds, seconds))
    with pytest.raises(SystemExit) as done:
        demo.main(repeats=1)
    assert done.value.code == code and ("MISSED" in capsys.readouterr().out) is bool(code)


@pytest.mark.parametrize(("ari", "code"), [(0.9, 0), (0.1, 1)])
def test_the_personas_say_by_their_exit_code_what_was_missed(monkeypatch, capsys, ari, code):
    table = pd.DataFrame({"name": list(personas.RUNS), "cpu_seconds": 1.0, "ari": 0.5})
    table.loc[table["name"].str.startswith("segtool"), ["ari", "cpu_seconds"]] = [ari, 0.1]
    monkeypatch.setattr(personas, "compare", lambda repeats, names: table)
    monkeypatch.setattr("sys.argv", ["personas"])
    with pytest.raises(SystemExit) as done:
        personas.main()
    assert done.value.code == code and ("MISSED" in capsys.readouterr().out) is bool(code)
