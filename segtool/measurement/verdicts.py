"""What a test says of one persona or of everyone, in words, and the numbers that decide it."""

from __future__ import annotations

from segtool.verdicts import PROVED as PROVED

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

# Shares of users who were sent to. Without half of them between an arm and control, most of what sending
# does is missing from the difference, and what is left is as likely whom the sends happened to go to. A
# clean control (sends of one in twenty are slips) may stand beside an arm that few were reached in, but an
# arm in which fewer than one in ten were tested nothing.
MIN_REACH_GAP, MAX_CONTROL_REACHED, MIN_REACHED = 0.5, 0.05, 0.1
MIN_KNOWN_SENDS = 0.5  # of an arm's users; of fewer, who was sent to is not known
