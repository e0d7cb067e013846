"""How well a piece of advice is known, in four words; the strongest first.

Plans and measurements say them alike, and neither may import the other.
"""

from __future__ import annotations

PROVED = "proved by test"  # people were held out at random, and those reached did better
LOGGED = "supported by logged propensities"  # what was sent was drawn with a known chance
ASSOCIATED = "associated only"  # seen in the data; something else may be behind it
ASSUMPTION = "assumption"  # too little data, so what usually holds
VERDICTS = (PROVED, LOGGED, ASSOCIATED, ASSUMPTION)
