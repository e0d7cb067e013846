"""Who brings whom, who is worth asking to share, and which formats travel."""
