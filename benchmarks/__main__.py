"""All benchmarks in one run, each variant in a process of its own: ``make bench``."""

from __future__ import annotations

import subprocess
import sys

PARTS = (
    "aa", "circles", "demo", "diversity", "exploration", "frequency", "fusion", "golden_questions",
    "group_verdicts", "herd", "inference",
    "item_ranking", "item_scale", "label_step", "leaders", "ledger", "off_policy", "community_scale", "core_value",
    "lift", "persona_estimators", "persona_following", "persona_membership", "persona_number", "persona_real",
    "persona_scale", "persona_scenarios", "persona_scoring", "persona_stability", "personas", "pixels",
    "reply_links", "retention", "send_list", "sharing", "stages", "timing", "touches", "topic_affinity", "activities",
)  # fmt: skip


def main() -> None:
    """Run every benchmark, or those named on the command line; exit 1 if any misses a promise.

    A part that misses one does not keep the others from running.
    """
    failed = [part for part in sys.argv[1:] or PARTS if run_part(part)]
    if failed:
        print(f"\nMISSED or broken: {', '.join(failed)}", flush=True)
        sys.exit(1)


def run_part(part: str) -> int:
    """Run one benchmark in a process of its own and return its exit code."""
    print(f"\n== {part} ==", flush=True)
    return subprocess.run([sys.executable, "-m", f"benchmarks.{part}"], check=False).returncode


if __name__ == "__main__":
    main()
