"""How long the sample takes after set-up: ``python -m benchmarks.demo``; the promise is under 60 seconds."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
STUDIES = ("circle", "grocery")
LIMIT_SECONDS = 60


def run_once(study: str) -> tuple[float, float]:
    """Run one sample study in a process of its own; return wall and CPU seconds."""
    with tempfile.TemporaryDirectory() as out:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "segtool",
                "run",
                f"data/sample/{study}",
                "--out",
                f"{out}/out",
                "--quiet",
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return time.perf_counter() - start, cpu


def main(repeats: int = 3) -> None:
    """Print the medians and whether the promise holds; exit 1 where it does not."""
    total = 0.0
    for study in STUDIES:
        runs = [run_once(study) for _ in range(repeats)]
        wall, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
        total += wall
        print(f"{study:10} wall {wall:6.1f} s   CPU {cpu:6.1f} s   (median of {repeats})")
    is_met = total < LIMIT_SECONDS
    print(f"{'MET' if is_met else 'MISSED'}: both under {LIMIT_SECONDS} s together ({total:.1f} s)")
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
