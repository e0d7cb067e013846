"""Groups of alike users: encode, fit, choose their number, portray, name, type, follow and score.

`find_personas` does all of it for `Labels` or a wide DataFrame; `LatentClassPersonas` is the
estimator alone, in scikit-learn's manner, and `segtool.personas.clusterers` has scikit-learn's own
behind the same face. `follow_personas` compares two periods, `build_typing_tool` finds the questions
that place a new person, `compile_persona_scoring` writes the model as one SQL statement.
"""

from segtool.personas.encode import Encoding, LabelTable, fit_encoding
from segtool.personas.find import find_personas
from segtool.personas.follow import PersonaChange, follow_personas
from segtool.personas.latent_class import LatentClassPersonas
from segtool.personas.membership import UnsureRule
from segtool.personas.personas import Personas
from segtool.personas.scoring import compile_persona_scoring, compile_scoring
from segtool.personas.typing_tool import TypingTool, build_typing_tool

__all__ = [
    "Encoding",
    "LabelTable",
    "LatentClassPersonas",
    "PersonaChange",
    "Personas",
    "TypingTool",
    "UnsureRule",
    "build_typing_tool",
    "compile_persona_scoring",
    "compile_scoring",
    "find_personas",
    "fit_encoding",
    "follow_personas",
]
