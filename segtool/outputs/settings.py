"""What leaves, and in which form."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ExportSettings(BaseModel):
    """What leaves, and in which form: the ``[export]`` table of a study.

    Examples
    --------
    >>> ExportSettings(min_cell=10).min_cell
    10
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Below this many people a count is not shown; 5 is the usual floor for open tables.
    min_cell: int = Field(default=5, ge=1)
    # A byte order mark, so that Excel reads UTF-8; formulas are guarded either way.
    excel: bool = True
    # Guards ids that Excel would rewrite (00123, 1e5), at the price that other programs must strip
    # the apostrophe before they join on them: segtool's read_csv does.
    excel_ids: bool = False
    # Ids as keyed hashes; the key comes from SEGTOOL_ID_KEY or a file.
    hash_ids: bool = False
    id_key_file: str | None = None
    # The users left untouched, so that the plan can be proved.
    holdout_share: float = Field(default=0.1, ge=0, lt=1)
    # Labels that stay inside, beside those their definition marks, and those let out by name.
    sensitive: tuple[str, ...] = ()
    allow_sensitive: tuple[str, ...] = ()
