"""How far along people are."""
