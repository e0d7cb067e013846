"""Posts in chat groups: which groups reach whom, how much a group bears, when and about what."""
