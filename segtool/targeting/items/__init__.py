"""Which items to show to a persona or a user, each with the reasons that add up to its score."""
