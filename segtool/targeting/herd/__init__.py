"""Who goes first in a circle and who follows: adoption in order, against times that were shuffled."""
