"""Groups of alike users: encode, fit, choose their number, portray, name, and place new users.

`find_personas` does all of it for `Labels` or a wide DataFrame; `LatentClassPersonas` is the
estimator alone, in scikit-learn's manner.
"""

from segtool.personas.encode import Encoding, LabelTable, fit_encoding
from segtool.personas.find import find_personas
from segtool.personas.latent_class import LatentClassPersonas
from segtool.personas.membership import UnsureRule
from segtool.personas.personas import Personas

__all__ = [
    "Encoding",
    "LabelTable",
    "LatentClassPersonas",
    "Personas",
    "UnsureRule",
    "find_personas",
    "fit_encoding",
]
