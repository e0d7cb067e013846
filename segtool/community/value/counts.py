"""Who used which term in which group, counted once a day and person: nobody makes a topic by repeating it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from segtool.community.speech.tokens import Words
from segtool.community.value.terms import Terms


@dataclass(frozen=True, eq=False)
class TermCounts:
    """Uses of terms by people of groups. One use is a person, a day and a group, however often.

    Parameters
    ----------
    terms : ndarray of str, shape (n_terms,)
        Sorted.
    by_person : csr_matrix of float, shape (n_persons, n_terms)
        Uses; a person is one of a group, so that who writes in two groups is there twice.
    group_of : ndarray of int, shape (n_persons,)
        Ascending.
    messages : csr_matrix of float, shape (n_groups, n_terms)
        Messages that hold the term.
    n_messages : ndarray of int, shape (n_groups,)
        Messages with a text that were read.
    """

    terms: np.ndarray
    by_person: sparse.csr_matrix
    group_of: np.ndarray
    messages: sparse.csr_matrix
    n_messages: np.ndarray

    @property
    def n_groups(self) -> int:
        """Number of groups, those without a text included."""
        return len(self.n_messages)

    @property
    def to_group(self) -> sparse.csr_matrix:
        """Sums over the people of each group when multiplied from the left, shape (n_groups, n_persons)."""
        n = len(self.group_of)
        return sparse.csr_matrix((np.ones(n), (self.group_of, np.arange(n))), shape=(self.n_groups, n))


def count_terms(talk, words: Words, terms: Terms, rows: np.ndarray) -> TermCounts:
    """Count who used which term.

    Parameters
    ----------
    talk : Talk
    words : Words
        Of all messages, as from `read_words`.
    terms : Terms
        Of the same, as from `find_terms`.
    rows : ndarray of bool, shape (n_messages,)
        Messages to count.

    Returns
    -------
    TermCounts
    """
    counted = rows[terms.row]
    row, term, terms = terms.row[counted], terms.term[counted], terms.names
    messages = talk.messages
    group = messages["group"].to_numpy(np.int64)
    n_groups, n_users = len(talk.group_ids), max(len(talk.user_ids), 1)
    read = np.flatnonzero(rows & words.has_text)
    person, cell, group_of = _number_people(messages, read, n_users)
    in_message = _ones(row, term, (len(messages), len(terms)))
    by_row = in_message.tocoo()
    by_day = _ones(cell[by_row.row], by_row.col, (int(cell.max(initial=-1)) + 1, len(terms))).tocoo()
    person_of_cell = np.zeros(by_day.shape[0], dtype=np.int64)
    person_of_cell[cell[read]] = person[read]
    shape = (len(group_of), len(terms))
    by_person = sparse.coo_matrix(
        (np.ones(by_day.nnz), (person_of_cell[by_day.row], by_day.col)), shape=shape
    )
    by_group = sparse.coo_matrix(
        (np.ones(by_row.nnz), (group[by_row.row], by_row.col)), shape=(n_groups, len(terms))
    )
    return TermCounts(
        terms=terms,
        by_person=by_person.tocsr(),
        group_of=group_of,
        messages=by_group.tocsr(),
        n_messages=np.bincount(group[read], minlength=n_groups),
    )


def draw_rows(talk, words: Words, most: int, random_state: int = 0) -> tuple[np.ndarray, int]:
    """Choose the messages of people to read: all of a group, or ``most`` of them by chance.

    Returns
    -------
    rows : ndarray of bool, shape (n_messages,)
    n_cut : int
        Messages that are not read.
    """
    rows = words.has_text & talk.by_people
    group = talk.messages["group"].to_numpy()
    large = np.flatnonzero(np.bincount(group[rows], minlength=len(talk.group_ids)) > most)
    n_before = int(rows.sum())
    for number in large:
        own = np.flatnonzero(rows & (group == number))
        # The rows stand in the order of time and id, whatever order they came in; so does the draw.
        rng = np.random.default_rng([random_state, int(number)])
        rows[own] = False
        rows[rng.choice(own, most, replace=False)] = True
    return rows, n_before - int(rows.sum())


def _number_people(messages, read: np.ndarray, n_users: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the number of the person and of the person's day of each message, and the group of each person."""
    group, user, day = (messages[name].to_numpy(np.int64)[read] for name in ("group", "user", "day"))
    pair, number = np.unique(group * n_users + user, return_inverse=True)
    first = int(day.min(initial=0))
    days = int(day.max(initial=0)) - first + 1
    person, cell = (np.full(len(messages), -1, dtype=np.int64) for _ in range(2))
    person[read] = number
    cell[read] = np.unique(number * days + day - first, return_inverse=True)[1]
    return person, cell, pair // n_users


def _ones(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return a matrix of ones where a row and a column meet, however often they do."""
    found = sparse.coo_matrix((np.ones(len(row), dtype=np.float32), (row, column)), shape=shape).tocsr()
    found.data[:] = 1
    return found


def used(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return ones where a matrix has an entry."""
    return sparse.csr_matrix((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def rows_of(matrix: sparse.csr_matrix) -> np.ndarray:
    """Return the row of each entry of a matrix."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def entries_at(like: sparse.csr_matrix, other) -> np.ndarray:
    """Return the entries of another matrix at the places of one, in the order of its data."""
    other = sparse.csr_matrix(other)
    other.sort_indices()
    like.sort_indices()
    if other.nnz == like.nnz and np.array_equal(other.indices, like.indices):
        return other.data
    return entries_of(other, rows_of(like), like.indices)


def entries_of(matrix: sparse.csr_matrix, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return the entries of a matrix with sorted indices at rows and columns, 0 where there is none."""
    width = np.int64(matrix.shape[1])
    there = rows_of(matrix) * width + matrix.indices
    wanted = row * width + column
    place = np.minimum(np.searchsorted(there, wanted), max(len(there) - 1, 0))
    return np.where(there[place] == wanted, matrix.data[place], 0.0) if len(there) else np.zeros(len(wanted))
