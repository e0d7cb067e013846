"""How many personas, or none: is there structure, what comes back, and which number describes users best."""
