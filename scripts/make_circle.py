"""Make data/sample/circle: the simulated community, for one seed.

Run from the root of the repository: ``python -m scripts.make_circle``. Same seed, same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from segtool.sources.simulate import simulate_circle

FOLDER = Path(__file__).parent.parent / "data" / "sample" / "circle"
SEED = 7


def make_circle(folder: Path = FOLDER) -> Path:
    """Write the study, its tables and the truth beside the README, which people write."""
    return simulate_circle(2000, random_state=SEED).write_study(folder)


if __name__ == "__main__":
    print(make_circle(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
