"""Draw the README's picture from the sample: ``python -m scripts.draw_readme_picture``."""

from __future__ import annotations

from pathlib import Path

from segtool import Study, plot_portraits

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write docs/portraits.png."""
    personas = Study.read(ROOT / "data" / "sample" / "circle").find_personas()
    plot_portraits(personas).savefig(ROOT / "docs" / "portraits.png", dpi=110)


if __name__ == "__main__":
    main()
