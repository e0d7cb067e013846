"""The latent class engine: the arithmetic of a mixture, its starts, and how sure memberships may be."""
