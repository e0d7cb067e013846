"""Labels that stay inside: found, marked, and kept out of sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from segtool.outputs.settings import ExportSettings

AMONG = "; among "  # begins the peer group in the evidence of bands


def mark_sensitive(labels, settings: ExportSettings):
    """Return labels in which those that the study keeps inside are marked sensitive.

    Marked labels form no personas unless named, give no names and no rules, and are not exported.

    Parameters
    ----------
    labels : Labels
    settings : ExportSettings

    Returns
    -------
    Labels
    """
    named, allowed = set(settings.sensitive), set(settings.allow_sensitive)
    if not named:
        return labels
    infos = [replace(info, sensitive=True) if info.name in named - allowed else info for info in labels.infos]
    return replace(labels, infos=tuple(infos))


def find_sensitive(labels, settings: ExportSettings) -> tuple[str, ...]:
    """Return the labels that stay inside: marked so, or named by the study, and not let out by name."""
    marked = {info.name for info in getattr(labels, "infos", ()) if info.sensitive}
    known = set(labels.label_kinds())
    return tuple(sorted((marked | (set(settings.sensitive) & known)) - set(settings.allow_sensitive)))


def without_labels(labels, inside: Iterable[str]):
    """Return labels in whose sentences some labels do not speak."""
    inside = set(inside)
    infos = getattr(labels, "infos", ())
    if not any(info.name in inside or info.sensitive for info in infos):
        return labels
    # A label let out by name may speak although its definition marks it.
    return replace(labels, infos=tuple(replace(info, sensitive=info.name in inside) for info in infos))


def cut_within(labels, inside: Iterable[str]) -> set[str]:
    """Return the labels with bands cut among peers that a label of those tells apart.

    Their evidence ends with the peer group, "; among 90 users with gender female": what stays inside.
    """
    inside, compiled = set(inside), getattr(labels, "compiled", None)
    if compiled is None or not inside:
        return set()
    read = {
        column.lower() for name in inside & set(compiled.lineage) for column in compiled.lineage[name].columns
    }

    def tells(peers: str | None) -> bool:
        return peers is not None and (peers in inside or f"users.{peers}".lower() in read)

    return {label.name for label in compiled.labels if any(tells(claim.peers()) for claim in label.claims)}


def words_of(labels, inside: Iterable[str]) -> set[str]:
    """Return every way in which a text may name labels: name, title, name with spaces."""
    titles = labels.titles()
    return {name for label in inside for name in (label, titles.get(label, label), label.replace("_", " "))}


def mentions(text: object, words: Iterable[str]) -> bool:
    """Say whether a text names one of some words, letter case aside."""
    return isinstance(text, str) and any(word.casefold() in text.casefold() for word in words)
