"""All benchmarks in one run, each variant in a process of its own: ``make bench``."""

from __future__ import annotations

import subprocess
import sys

PARTS = ("demo", "label_step", "personas")


def main() -> None:
    """Run every benchmark, or those named on the command line."""
    for part in sys.argv[1:] or PARTS:
        print(f"\n== {part} ==", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{part}"], check=True)


if __name__ == "__main__":
    main()
