"""Which formats and lengths hold attention, and which topics are warming up."""
