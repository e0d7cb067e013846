"""Scoring anywhere: a fitted model as one SQL statement, so that users are placed where their data is."""

from segtool.personas.scoring.compile import compile_persona_scoring, compile_scoring

__all__ = ["compile_persona_scoring", "compile_scoring"]
