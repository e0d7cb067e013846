"""How well a piece of advice is known, in four words; the strongest first."""

from __future__ import annotations

PROVED = "proved by test"  # people were held out at random, and those reached did better
LOGGED = "supported by logged propensities"  # what was sent was drawn with a known chance
ASSOCIATED = "associated only"  # seen in the data; something else may be behind it
ASSUMPTION = "assumption"  # too little data, so what usually holds
VERDICTS = (PROVED, LOGGED, ASSOCIATED, ASSUMPTION)

ADVICE = [
    "persona_id", "persona", "aspect", "rank", "advice", "estimate", "unit", "lo", "hi", "n_users", "n_events",
    "level", "verdict", "reason",
]  # fmt: skip
