"""After the search: a leader in every part, nobody left alone, silent members by interest; bounds hold."""

from __future__ import annotations

import numpy as np

from segtool.community.scale.search import Parts

TRIES = 12  # partners of a swap that are looked at, the cheapest first
MOVED_LEADER = "so that each part has a leader"
MOVED_ANSWERS = "so that newcomers of each part have somebody who answers"
MOVED_ALONE = "so as to keep a tie"
MOVED_NEW = "to be with people who answer newcomers"


def place_silent(parts: Parts, silent: np.ndarray, interests: np.ndarray, inviter: np.ndarray) -> None:
    """Put members without ties where their inviter or their interests are; sizes of parts stay.

    Silent members keep the places that they hold together, and are dealt out to them anew by an
    assignment of least cost: 2 for the inviter's part, up to 1 for the cosine with a part's interests.

    Parameters
    ----------
    parts : Parts
        Changed in place.
    silent : ndarray of int, shape (n_silent,)
    interests : ndarray, shape (n, n_topics)
    inviter : ndarray of int, shape (n,)
        Node of the inviter, -1 where there is none in the group.
    """
    from scipy.optimize import linear_sum_assignment

    if not len(silent):
        return
    talks = np.ones(len(parts.part), dtype=bool)
    talks[silent] = False
    n_parts = len(parts.filled)
    mean = np.zeros((n_parts, interests.shape[1]))
    np.add.at(mean, parts.part[talks], interests[talks])
    pull = (_unit(interests[silent]) @ _unit(mean).T).round(9)  # alike for any number of threads
    invited = inviter[silent]
    told = (invited >= 0) & talks[invited]
    pull[np.flatnonzero(told), parts.part[invited[told]]] += 2.0
    places = parts.part[silent]
    who, where = linear_sum_assignment(-pull[:, places])
    for node, to in zip(silent[who], places[where], strict=True):
        if parts.part[node] != to:
            parts.move(node, to)


def give_each(parts: Parts, wanted: np.ndarray, held: np.ndarray, moved: dict[int, str], why: str) -> None:
    """Bring one of some people into every part that has none, by the move or swap that loses least.

    Where there are fewer of them than parts, some parts stay without.

    Parameters
    ----------
    parts : Parts
        Changed in place.
    wanted : ndarray of bool, shape (n,)
        Of whom each part should have one, such as leaders; parts with one keep it.
    held : ndarray of bool, shape (n,)
        Others of whom the last one in a part is not moved either.
    moved : dict of int to str
        Node and why it was moved; added to.
    why : str
    """
    n_parts = len(parts.filled)
    for to in range(n_parts):
        n_here = np.bincount(parts.part[wanted], minlength=n_parts)
        if n_here[to]:
            continue
        options = []
        for node in np.flatnonzero(wanted & (n_here[parts.part] > 1)):
            if _is_last(parts, held, node):
                continue
            gain = parts.into[to, node] - parts.into[parts.part[node], node]
            if parts.can_move(node, to):
                options.append((gain, node, -1))
            others, gains = parts.swap_gains(node, to)
            free = np.array([not _is_last(parts, held, other) for other in others], dtype=bool)
            if free.any():
                best = int(np.where(free, gains, -np.inf).argmax())
                options.append((gains[best], node, int(others[best])))
        if options:
            _, node, other = max(options)
            _step(parts, node, to, other)
            moved[int(node)] = why


def leave_nobody_alone(
    parts: Parts, leads: np.ndarray, novice: np.ndarray, answers: np.ndarray, moved: dict[int, str]
) -> None:
    """Move people who lost all their ties, and newcomers without anybody who answers, while bounds allow.

    Parameters
    ----------
    parts : Parts
        Changed in place.
    leads : ndarray of bool, shape (n,)
        The last leader of a part is not moved.
    novice, answers : ndarray of bool, shape (n,)
        Newcomers, and those who answer newcomers.
    moved : dict of int to str
        Node and why it was moved; added to.
    """
    for node in np.flatnonzero(count_alone(parts, novice, answers)):
        if not count_alone(parts, novice, answers)[node] or _is_last(parts, leads, node):
            continue
        has_ties = parts.into[:, node].max() > 0
        to_answers = np.bincount(parts.part[answers], minlength=len(parts.filled))
        wish = parts.into[:, node] if has_ties else to_answers * float(novice[node])
        for to in np.argsort(-wish, kind="stable"):
            if wish[to] <= 0:
                break
            if to != parts.part[node] and _try_step(parts, node, int(to), leads, novice, answers):
                moved[int(node)] = MOVED_ALONE if has_ties else MOVED_NEW
                break


def count_alone(parts: Parts, novice: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Say who is left alone, shape (n,): all ties lost, or new with neither a tie nor anybody who answers.

    A newcomer beside somebody who answers newcomers is not alone, whatever ties were lost.
    """
    kept = parts.into[parts.part, np.arange(len(parts.part))] > 1e-9
    has_ties = parts.has_ties
    answered = (np.bincount(parts.part[answers], minlength=len(parts.filled)) > 0)[parts.part]
    # Where nobody anywhere answers newcomers, no part can offer it.
    return ~kept & np.where(novice & answered, False, has_ties | (novice & answers.any()))


def _try_step(parts: Parts, node: int, to: int, leads, novice, answers) -> bool:
    """Move, or swap with whoever loses least, if fewer are alone then; undo it otherwise."""
    before, home = int(count_alone(parts, novice, answers).sum()), int(parts.part[node])
    partners = [-1] if parts.can_move(node, to) else []
    others, gains = parts.swap_gains(node, to)
    partners += [int(each) for each in others[np.argsort(-gains, kind="stable")[:TRIES]]]
    for other in partners:
        if other >= 0 and _is_last(parts, leads, other):
            continue
        _step(parts, node, to, other)
        if count_alone(parts, novice, answers).sum() < before:
            return True
        _step(parts, node, home, other)
    return False


def _step(parts: Parts, node: int, to: int, other: int) -> None:
    if other >= 0:
        parts.swap(node, other)
    else:
        parts.move(node, to)


def _is_last(parts: Parts, mask: np.ndarray, node: int) -> bool:
    """Say whether somebody is the last of some people in their part."""
    return bool(mask[node]) and int(mask[parts.part == parts.part[node]].sum()) == 1


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros(rows.shape), where=length > 0)
