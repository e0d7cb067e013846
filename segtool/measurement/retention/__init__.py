"""Who stays, who goes and who comes back: flows, cohorts, survival, life cycle."""
