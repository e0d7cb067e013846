"""Users as bits: sixty-four to a word, in an order that only their ids decide.

A set of users is one row of words; who is in two sets is one AND, how many is one population
count. Users are laid out by a hash of their id in `N_BLOCKS` blocks of equal size, so that any
half of the blocks is a half of the users that is drawn by chance and is the same in every run,
whatever the order of the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

N_BLOCKS = 8  # of which any four are a half: 70 halves from one pass over the words
WORD_BITS = 64
# For numpy before 2.0, which cannot count bits: how many are set in each byte.
_BITS_OF_BYTE = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def lay_out_users(user_ids: Iterable[str]) -> tuple[np.ndarray, int]:
    """Give each user a bit, by a hash of the id.

    Parameters
    ----------
    user_ids : iterable of str
        Each once, sorted.

    Returns
    -------
    positions : np.ndarray of int, shape (n_users,)
        The bit of each user.
    n_words : int
        Words that a row of bits needs: a multiple of `N_BLOCKS`.

    Examples
    --------
    >>> positions, n_words = lay_out_users(["a", "b", "c"])
    >>> n_words, len(set(positions // WORD_BITS))
    (8, 3)
    """
    digests = [_hash(str(user)) for user in user_ids]
    hashes = np.frombuffer(b"".join(digests), dtype=">u8")
    rank = np.empty(len(hashes), dtype=np.int64)
    rank[np.argsort(hashes, kind="stable")] = np.arange(len(hashes))
    words_per_block = max(1, -(-len(hashes) // (N_BLOCKS * WORD_BITS)))
    positions = (rank % N_BLOCKS) * words_per_block * WORD_BITS + rank // N_BLOCKS
    return positions, words_per_block * N_BLOCKS


def _hash(user: str) -> bytes:
    # Eight bytes: of a million users hardly two meet, and if they do their order is that of their ids.
    return hashlib.blake2b(user.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def pack(flags: np.ndarray, positions: np.ndarray, n_words: int) -> np.ndarray:
    """Return flags, one per user, as a row of words.

    Returns
    -------
    np.ndarray of uint64, shape (n_words,)

    Examples
    --------
    >>> positions, n_words = lay_out_users(["a", "b", "c"])
    >>> int(count(pack(np.array([True, False, True]), positions, n_words)))
    2
    """
    bits = np.zeros(n_words * WORD_BITS, dtype=bool)
    bits[positions] = flags
    return np.packbits(bits).view(np.uint64)


def unpack(row: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return a row of words as flags, one per user: what `pack` was given."""
    return np.unpackbits(row.view(np.uint8))[positions].astype(bool)


def count(rows: np.ndarray) -> np.ndarray:
    """Return how many users are in each row, shape of ``rows`` without its last axis."""
    # Summed in 32 bits: a fifth quicker, and four thousand million users are not to be expected.
    return _bits_of_words(rows).sum(axis=-1, dtype=np.uint32).astype(np.int64)


def count_blocks(rows: np.ndarray) -> np.ndarray:
    """Return how many users of each block are in each row.

    Parameters
    ----------
    rows : np.ndarray of uint64, shape (n_rows, n_words)

    Returns
    -------
    np.ndarray of int, shape (n_rows, N_BLOCKS)
    """
    bits = _bits_of_words(rows)
    return bits.reshape(*rows.shape[:-1], N_BLOCKS, -1).sum(axis=-1, dtype=np.int64)


def _bits_of_words(rows: np.ndarray) -> np.ndarray:
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(rows)
    return _BITS_OF_BYTE[np.ascontiguousarray(rows).view(np.uint8)]
