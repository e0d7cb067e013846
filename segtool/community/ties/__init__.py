"""Ties between people: who gives attention to whom, how much of it and how long ago."""
