"""Which topics a persona or a user asks for more often than everyone."""
