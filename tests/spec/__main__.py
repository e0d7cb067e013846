"""Write the pages of the manual into docs/labels.md: ``python -m tests.spec`` (``--check`` only compares)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from spec_pages import MANUAL, drift, render


def main(arguments: list[str]) -> int:
    text = MANUAL.read_text(encoding="utf-8")
    if "--check" in arguments:
        differs = drift(text)
        print(
            f"{MANUAL.name} is not as the pages say: {differs}" if differs else f"{MANUAL.name} is up to date"
        )
        return 1 if differs else 0
    MANUAL.write_text(render(text), encoding="utf-8")
    print(f"wrote {MANUAL.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
