"""The claim kinds, one small class per file."""

from segtool.labels.claims.answer import Answer
from segtool.labels.claims.bands import Bands
from segtool.labels.claims.base import Claim
from segtool.labels.claims.cases import Cases
from segtool.labels.claims.column import Column
from segtool.labels.claims.flag import Flag
from segtool.labels.claims.note import Note
from segtool.labels.claims.preference import Preference

CLAIM_KINDS: dict[str, type[Claim]] = {
    kind.kind: kind for kind in (Bands, Cases, Flag, Preference, Column, Answer, Note)
}

__all__ = ["CLAIM_KINDS", "Answer", "Bands", "Cases", "Claim", "Column", "Flag", "Note", "Preference"]
