"""How often: pressure, fatigue, caps."""
