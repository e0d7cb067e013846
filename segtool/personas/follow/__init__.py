"""Personas from one period to the next: which is which, what became of each, and who moved.

`follow_personas` refits and compares; `align_personas` compares two sets of personas that are
there already.
"""

from segtool.personas.follow.align import Alignment, align_personas
from segtool.personas.follow.change import PersonaChange
from segtool.personas.follow.follow import follow_personas

__all__ = ["Alignment", "PersonaChange", "align_personas", "follow_personas"]
