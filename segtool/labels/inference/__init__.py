"""From those who said it to those who did not: calibrated models that abstain where they cannot promise."""
