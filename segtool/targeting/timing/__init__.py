"""When people are around, and when sending works."""
