"""What a group needs at its size: bands, splits that keep ties, merges, small groups for core users."""
