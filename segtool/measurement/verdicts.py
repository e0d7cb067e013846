"""What a test says of one persona or of everyone, in words, and the numbers that decide it."""

from __future__ import annotations

PROVED = "proved by test"  # the word of a plan's verdicts, so that the two can be joined
HARM = "harm"
NOTHING = "no effect found"
NOT_TESTED = "not tested"

# How the chance of any false claim (alpha, 5 % in all) is spent. The first question a test answers is
# whether the campaign works at all; personas come second, and that they differ needs most evidence.
OVERALL_SHARE, PERSONA_SHARE, DIFFER_SHARE = 0.5, 0.4, 0.1
# Below this the personas may differ, and what holds for everyone is not carried over to each of them.
MAY_DIFFER = 0.1
MAX_RATIO_P = 0.001  # sample-ratio mismatch: stricter than 5 %, since it stops the reading of a test
MAX_ATTRITION_P = 0.001
