"""What each user did with each item, before and inside the window that weights are chosen on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class History:
    """What is known of users and items at one moment.

    Parameters
    ----------
    seen : scipy.sparse.csr_array of float32, shape (n_users, n_items)
        1 where a user did something with an item that speaks for it.
    strength : ndarray of float32, length nnz
        ``log(1 + events)`` for each entry of ``seen``, what speaks for doing it again.
    first : ndarray of float32, length nnz
        Days since the first event for each entry of ``seen``: what a user began with.
    recent : ndarray, shape (n_items,)
        Users who did so in the last window.
    disliked : scipy.sparse.csr_array, shape (n_users, n_items)
        1 where a user hid or returned the item, or complained of it.
    days_ago : float
        How long before the study's date this moment is.
    """

    seen: sparse.csr_array
    strength: np.ndarray
    first: np.ndarray
    recent: np.ndarray
    disliked: sparse.csr_array
    days_ago: float = 0.0

    @property
    def support(self) -> np.ndarray:
        """Users per item, shape (n_items,)."""
        return np.bincount(self.seen.indices, minlength=self.seen.shape[1]).astype(float)

    @property
    def length(self) -> np.ndarray:
        """Items per user, shape (n_users,)."""
        return np.diff(self.seen.indptr)

    def again(self, rows: np.ndarray) -> sparse.csr_array:
        """Return how much each of some users did with the items they know."""
        return self._rows(self.strength, rows)

    def since(self, rows: np.ndarray) -> sparse.csr_array:
        """Return how long ago each of some users met the items they know, in days."""
        return self._rows(self.first, rows)

    def _rows(self, values: np.ndarray, rows: np.ndarray) -> sparse.csr_array:
        return sparse.csr_array((values, self.seen.indices, self.seen.indptr), shape=self.seen.shape)[rows]


@dataclass(frozen=True)
class ItemLog:
    """One row per user and item that met in an event that speaks for the item.

    Parameters
    ----------
    user_ids, item_ids : ndarray of str
        Sorted; items are those of the events and those of the content table.
    user, item : ndarray of int32, shape (n_pairs,)
        Positions, sorted by user, then item.
    early, late, middle : ndarray, shape (n_pairs,)
        Events before the validation window, inside it, and in a window of the same length just
        before it.
    first : ndarray, shape (n_pairs,)
        Days since the first event.
    disliked, disliked_early : scipy.sparse.csr_array, shape (n_users, n_items)
        All refusals, and those from before the window.
    window_days : float or None
        Length of the validation window, the last one before the study's date; None where times
        are not known, and nothing but chance says what is held back.
    """

    user_ids: np.ndarray
    item_ids: np.ndarray
    user: np.ndarray
    item: np.ndarray
    early: np.ndarray
    late: np.ndarray
    middle: np.ndarray
    first: np.ndarray
    disliked: sparse.csr_array
    disliked_early: sparse.csr_array
    window_days: float | None

    @property
    def shape(self) -> tuple[int, int]:
        """Users and items."""
        return len(self.user_ids), len(self.item_ids)

    def now(self) -> History:
        """Return what is known at the study's date."""
        return self._at(self.early + self.late, self.late, self.disliked, 0.0)

    def before_window(self) -> History:
        """Return what was known when the validation window began: nothing of it is in here."""
        return self._at(self.early, self.middle, self.disliked_early, self.window_days or 0.0)

    def in_window(self, repeat: bool) -> sparse.csr_array:
        """Return 1 where a user took up an item in the window; only new ones unless ``repeat``."""
        wanted = (self.late > 0) & (repeat | (self.early == 0))
        return self._matrix(wanted)

    def repeat_share(self) -> float:
        """Return the share of what was done in the window, by known users, with items done before.

        Users without a history cannot repeat anything and are left out.
        """
        known = np.bincount(self.user[self.early > 0], minlength=len(self.user_ids)) > 0
        late = (self.late > 0) & known[self.user]
        return float((self.early[late] > 0).mean()) if late.any() else 0.0

    def hold_back(self, share: float, random_state: int) -> ItemLog:
        """Return a log whose window is a random share of the pairs, for want of times."""
        generator = np.random.default_rng([random_state, 11])
        drawn = generator.random(len(self.user)) < share
        first = generator.random(len(self.user)).astype(np.float32)
        every = self.early + self.late
        nothing = np.zeros_like(every)
        late, early = np.where(drawn, every, nothing), np.where(drawn, nothing, every)
        return replace(self, early=early, late=late, middle=nothing, first=first, window_days=None)

    def keep(self, items: np.ndarray) -> ItemLog:
        """Return the log of some items alone (positions, ascending)."""
        if len(items) == len(self.item_ids):
            return self
        place = np.full(len(self.item_ids), -1, dtype=np.int32)
        place[items] = np.arange(len(items), dtype=np.int32)
        kept = place[self.item] >= 0
        return replace(
            self,
            item_ids=self.item_ids[items],
            user=self.user[kept],
            item=place[self.item[kept]],
            early=self.early[kept],
            late=self.late[kept],
            middle=self.middle[kept],
            first=self.first[kept],
            disliked=self.disliked[:, items],
            disliked_early=self.disliked_early[:, items],
        )

    def _at(self, events, recent, disliked, days_ago) -> History:
        kept = events > 0
        seen = self._matrix(kept)
        strength = np.log1p(events[kept]).astype(np.float32)
        timed = kept & (recent > 0) & (self.window_days is not None)
        new = np.bincount(self.item[timed], minlength=len(self.item_ids)).astype(float)
        return History(seen, strength, self.first[kept], new, disliked, days_ago)

    def _matrix(self, kept) -> sparse.csr_array:
        # Pairs are sorted by user and item, so the rows can be written down without sorting.
        ends = np.concatenate([[0], np.cumsum(np.bincount(self.user[kept], minlength=len(self.user_ids)))])
        values = np.ones(int(ends[-1]), dtype=np.float32)
        index = np.int32 if ends[-1] < 2**31 - 1 else np.int64
        return sparse.csr_array((values, self.item[kept].astype(index), ends.astype(index)), shape=self.shape)


def window_length(days: np.ndarray, events: np.ndarray, share: float, longest: float) -> float | None:
    """Return the length in days of the last window that holds a share of the events.

    Parameters
    ----------
    days : ndarray of int
        Whole days before the study's date.
    events : ndarray
        Events on each.
    share : float
    longest : float
        No longer than this, in days.

    Returns
    -------
    float or None
        None where everything happened within two days: then there is no earlier and later.

    Examples
    --------
    >>> window_length(np.arange(100), np.ones(100), 0.2, 60)
    20.0
    """
    if not len(days) or days.max() - days.min() < 2:
        return None
    order = np.argsort(days)
    so_far = np.cumsum(events[order]) / events.sum()
    place = min(int(np.searchsorted(so_far, share - 1e-9)), len(days) - 2)
    return float(min(days[order][place] + 1, days.min() + longest))
