"""A first study.toml from a user's own files: which tables they are, and what their columns mean."""

from segtool.sources.guess.guess import guess_codebook, guess_labels, guess_study

__all__ = ["guess_codebook", "guess_labels", "guess_study"]
