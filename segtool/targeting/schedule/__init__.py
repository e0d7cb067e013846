"""The plan as a calendar: who is sent what, when and where, with every cap and block kept."""
