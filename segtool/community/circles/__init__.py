"""Circles: people tied to each other more than to others, and the interests they share."""
