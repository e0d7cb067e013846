"""One shallow tree over all personas, in words, never without how often it is right.

A tree asks one question after the other and ends at a persona: handy at a counter, and tempting to
take for the personas themselves. On planted tables of 40 labels trees of depth 3 to 5 gave only 51
to 79 % of users their persona, so the text begins with its own figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.checks import check_number
from segtool.errors import NotFittedError
from segtool.personas.found import FoundPersonas
from segtool.personas.portrait.intervals import bound_share
from segtool.personas.portrait.rules import MIN_FIDELITY, Condition, list_conditions, split_rows

MIN_LEAF = 10  # users a leaf was learned from, and one in a hundred


@dataclass(frozen=True)
class PersonaTree:
    """A tree in words, with its fidelity.

    Parameters
    ----------
    text : str
        One line per question or end, indented; without a word on fidelity: print the tree itself.
    fidelity : float
        Share of held-out users to whom the tree gives the persona they have.
    fidelity_low, fidelity_high : float
        Its 95 % interval.
    recalls : dict of int to float
        The same share by persona_id.
    baseline : float
        What giving everyone the largest persona would get.
    n_tested : int
        Held-out users it was measured on.
    depth : int
    """

    text: str
    fidelity: float
    fidelity_low: float
    fidelity_high: float
    recalls: dict[int, float]
    baseline: float
    n_tested: int
    depth: int

    @property
    def defines(self) -> bool:
        """Whether the tree may stand for the personas."""
        return self.fidelity_low >= MIN_FIDELITY

    def headline(self) -> str:
        """Return how far the tree may be trusted."""
        said = (
            f"{self.fidelity:.0%} of {self.n_tested:,} held-out users end at the persona they have "
            f"({self.fidelity_low:.0%} to {self.fidelity_high:.0%}; the largest persona for everyone: "
            f"{self.baseline:.0%})."
        )
        stands = (
            "The tree can stand for the personas."
            if self.defines
            else "The tree does not define the personas."
        )
        return f"{said} {stands}"

    def __str__(self) -> str:
        return f"{self.headline()}\n{self.text}"


def grow_tree(personas: FoundPersonas, max_depth: int | None = None) -> PersonaTree:
    """Grow one shallow tree that leads users to their persona by the labels that form the personas.

    Parameters
    ----------
    personas : Personas
        From `find_personas`: a loaded file holds no labels to grow it on.
    max_depth : int, optional
        Questions in a row; by default one more than telling the personas apart takes at least, from
        3 to 5.

    Returns
    -------
    PersonaTree

    Raises
    ------
    NotFittedError
        If the personas hold no labels.

    References
    ----------
    Breiman, Friedman, Olshen, Stone (1984), Classification and regression trees.
    """
    from sklearn.tree import DecisionTreeClassifier

    if personas.table is None or personas.encoding is None or personas.n_personas < 2:
        raise NotFittedError(
            "A tree needs at least two personas and the labels they were found in.",
            fix="Use what find_personas(labels) returns, before it is saved.",
        )
    depth = (
        max_depth if max_depth is not None else int(np.clip(np.ceil(np.log2(personas.n_personas)) + 1, 3, 5))
    )
    check_number("max_depth", depth, low=1, high=8, integer=True)
    codes = personas.probabilities.argmax(axis=1)
    seed = int(getattr(personas.model, "random_state", 0) or 0)
    learn, test = split_rows(len(codes), seed)
    rows = np.concatenate([learn, test])
    conditions, held = list_conditions(personas.table, personas.encoding, rows)
    held = held.astype(np.float32) if conditions else np.zeros((len(rows), 1), np.float32)
    tree = DecisionTreeClassifier(
        max_depth=depth, min_samples_leaf=max(MIN_LEAF, len(learn) // 100), random_state=seed
    ).fit(held[: len(learn)], codes[learn])
    right = tree.predict(held[len(learn) :]) == codes[test]
    low, high = bound_share(np.array(right.sum()), np.array(len(test)))
    sizes = np.bincount(codes[test], minlength=personas.n_personas)
    return PersonaTree(
        text="\n".join(_write(tree, conditions, personas.names)),
        fidelity=float(right.mean()),
        fidelity_low=float(low),
        fidelity_high=float(high),
        recalls={
            k + 1: float(right[codes[test] == k].mean()) if sizes[k] else np.nan
            for k in range(personas.n_personas)
        },
        baseline=float(sizes.max() / len(test)),
        n_tested=len(test),
        depth=int(tree.get_depth()),
    )


def _write(tree, conditions: list[Condition], names: dict[int, str]) -> list[str]:
    """Return the tree as lines, a question and then what follows "yes" and "no" (or unknown)."""
    inner, lines = tree.tree_, []

    def ends(node: int) -> frozenset[int]:
        if inner.children_left[node] < 0:
            return frozenset([int(inner.value[node, 0].argmax())])
        return ends(inner.children_left[node]) | ends(inner.children_right[node])

    def walk(node: int, indent: str, lead: str) -> None:
        found = ends(node)
        if len(found) == 1:  # a question whose answers end at one persona is not asked
            winner = next(iter(found))
            share = inner.value[node, 0] / inner.value[node, 0].sum()
            lines.append(f"{indent}{lead}{names[int(tree.classes_[winner]) + 1]} ({share[winner]:.0%})")
            return
        lines.append(f"{indent}{lead}{conditions[inner.feature[node]].text}?")
        deeper = indent + ("  " if lead else "")
        # A condition that does not hold, or of which nothing is known, goes to the left of 0.5.
        walk(inner.children_right[node], deeper, "yes: ")
        walk(inner.children_left[node], deeper, "no or unknown: ")

    walk(0, "", "")
    return lines
