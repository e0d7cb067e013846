"""The claim kinds, one small class per file."""

from segtool.labels.claims.answer import Answer
from segtool.labels.claims.bands import Bands
from segtool.labels.claims.base import Claim
from segtool.labels.claims.cases import Cases
from segtool.labels.claims.column import Column
from segtool.labels.claims.community import Community
from segtool.labels.claims.first_last import First, Last
from segtool.labels.claims.flag import Flag
from segtool.labels.claims.imported_list import ImportedList
from segtool.labels.claims.inferred import Inferred
from segtool.labels.claims.lookalike import Lookalike
from segtool.labels.claims.note import Note
from segtool.labels.claims.preference import Preference
from segtool.labels.claims.sequence import Sequence
from segtool.labels.claims.sql import Sql
from segtool.labels.claims.times import Times

CLAIM_KINDS: dict[str, type[Claim]] = {
    kind.kind: kind
    for kind in (
        *(Bands, Cases, Flag, Times, Sequence, First, Last, Preference),
        *(Column, Answer, Note, ImportedList, Community, Sql),
    )
}
# Fitted claims: a model writes their rows.
CLAIM_KINDS |= {kind.kind: kind for kind in (Inferred, Lookalike)}

__all__ = [
    "CLAIM_KINDS", "Answer", "Bands", "Cases", "Claim", "Column", "Community", "First", "Flag", "ImportedList",
    "Inferred", "Last", "Lookalike", "Note", "Preference", "Sequence", "Sql", "Times",
]  # fmt: skip
