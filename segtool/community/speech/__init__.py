"""What was written, as words: cut, masked, counted, and read for its tone (Chinese and English)."""
