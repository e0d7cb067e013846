"""What a persona is like, in figures, words, rules and cards."""
