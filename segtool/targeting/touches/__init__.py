"""What a touch brings: the next best one, and the chance to act at each."""
