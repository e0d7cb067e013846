"""Exports of other tools, read as what they are: no header is a respondent, and what is left out is said."""

from __future__ import annotations

from segtool.sources.adaptors.base import Adapted, Adaptor, LeftOut, in_blocks
from segtool.sources.adaptors.head import Head, look_at_head
from segtool.sources.adaptors.registry import PLAIN, adaptors, choose_adaptor, recognise

__all__ = [
    "PLAIN",
    "Adapted",
    "Adaptor",
    "Head",
    "LeftOut",
    "adaptors",
    "choose_adaptor",
    "in_blocks",
    "look_at_head",
    "recognise",
]
