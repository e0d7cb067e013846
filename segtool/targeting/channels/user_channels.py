"""Each user's own channels: what they answered on, leaning on their persona; never one they closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize
from scipy.special import gammaln

from segtool.targeting.feedback.blocks import EVERYWHERE

KAPPA_RANGE = (1.0, 5000.0)
MAX_ROWS_FITTED = 50_000
MIN_USER_SENDS = 3  # on a channel; below, a user is as the persona is
COLUMNS = ["user_id", "rank", "channel", "estimate", "response", "optout", "n_sends", "level"]


@dataclass(frozen=True)
class UserChannels:
    """What is needed to say what a send to any user on any channel is worth.

    Parameters
    ----------
    user_ids : ndarray of str, shape (n_users,)
    home : ndarray of int, shape (n_users,)
        Position of the persona, -1 for none.
    channels : tuple of str
    totals : DataFrame
        Sorted by code: code (position of the user), place (of the channel), trials, hits, optout_trials,
        optouts.
    response, optout : ndarray, shape (n_personas + 1, n_channels)
        Rates of the personas; the last row is everyone's.
    response_kappa, optout_kappa : float
        Sends that a persona's rate is worth.
    gain, cost : float
        Of an answer and of an opt-out.
    send_cost : ndarray, shape (n_channels,)
    """

    user_ids: np.ndarray
    home: np.ndarray
    channels: tuple[str, ...]
    totals: pd.DataFrame
    response: np.ndarray
    optout: np.ndarray
    response_kappa: float
    optout_kappa: float
    gain: float
    cost: float
    send_cost: np.ndarray

    def batches(
        self, blocks: pd.DataFrame | None = None, *, top_k: int | None = None, batch_size: int = 100_000
    ) -> Iterator[pd.DataFrame]:
        """Yield each user's channels, best first, a batch of users at a time.

        Parameters
        ----------
        blocks : DataFrame, optional
            As from `read_blocks`: a channel a user closed is not among theirs, and one who closed
            everything has none.
        top_k : int, optional
            Channels per user; all by default.
        batch_size : int
            Users per batch.

        Yields
        ------
        DataFrame
            user_id, rank, channel, estimate (value per send), response and optout (rates per send),
            n_sends (to the user on it), level ("user", or "persona" or "everyone" where too few).
        """
        closed = self._closed(blocks)
        for start in range(0, len(self.user_ids), batch_size):
            rows = slice(start, min(start + batch_size, len(self.user_ids)))
            yield self._batch(rows, closed[rows], top_k or len(self.channels))

    def _batch(self, rows: slice, closed: np.ndarray, top_k: int) -> pd.DataFrame:
        first, last = np.searchsorted(self.totals["code"].to_numpy(), [rows.start, rows.stop])
        own = self.totals.iloc[first:last]
        shape = (rows.stop - rows.start, len(self.channels))
        trials, hits, left, lost = (np.zeros(shape) for _ in range(4))
        place = (own["code"].to_numpy() - rows.start, own["place"].to_numpy())
        for cells, name in ((trials, "trials"), (hits, "hits"), (left, "optout_trials"), (lost, "optouts")):
            cells[place] = own[name]
        home = self.home[rows]
        response = (hits + self.response_kappa * self.response[home]) / (trials + self.response_kappa)
        optout = (lost + self.optout_kappa * self.optout[home]) / (left + self.optout_kappa)
        value = self.gain * response - self.cost * optout - self.send_cost
        order = np.argsort(np.where(closed, np.inf, -value), axis=1, kind="stable")[:, :top_k]
        user = np.repeat(np.arange(shape[0]), order.shape[1])
        column = order.ravel()
        table = pd.DataFrame(
            {
                "user_id": self.user_ids[rows][user],
                "rank": np.tile(np.arange(1, order.shape[1] + 1), shape[0]),
                "channel": np.array(self.channels, dtype=object)[column],
                "estimate": value[user, column],
                "response": response[user, column],
                "optout": optout[user, column],
                "n_sends": trials[user, column].astype(int),
                "level": np.where(
                    trials[user, column] >= MIN_USER_SENDS,
                    "user",
                    np.where(home[user] >= 0, "persona", "everyone"),
                ),
            }
        )
        return table[~closed[user, column]].reset_index(drop=True)[COLUMNS]

    def _closed(self, blocks: pd.DataFrame | None) -> np.ndarray:
        closed = np.zeros((len(self.user_ids), len(self.channels)), dtype=bool)
        if blocks is None or not len(blocks):
            return closed
        shut = blocks[blocks["kind"] == "channel"]
        row = pd.Index(self.user_ids).get_indexer(shut["user_id"].astype(object))
        column = pd.Index(self.channels, dtype=object).get_indexer(shut["what"].astype(object))
        known = (row >= 0) & (column >= 0)
        closed[row[known], column[known]] = True
        closed[row[(row >= 0) & (shut["what"] == EVERYWHERE).to_numpy()]] = True
        return closed


def fit_rate_kappa(hits: np.ndarray, trials: np.ndarray, rate: np.ndarray) -> float:
    """Find how many sends a rate is worth to a user, by maximum likelihood of the Beta-Binomial.

    Parameters
    ----------
    hits, trials : ndarray, shape (n_rows,)
        Of one user on one channel.
    rate : ndarray, shape (n_rows,)
        Expected of them.

    Examples
    --------
    >>> fit_rate_kappa(np.array([0.0, 10.0] * 50), np.full(100, 10.0), np.full(100, 0.5))
    1.0
    >>> fit_rate_kappa(np.array([5.0] * 100), np.full(100, 10.0), np.full(100, 0.5)) > 1000
    True
    """
    step = max(1, -(-len(hits) // MAX_ROWS_FITTED))
    k, n, mean = hits[::step], trials[::step], np.clip(rate[::step], 1e-6, 1 - 1e-6)

    def loss(log_kappa: float) -> float:
        a, b = np.exp(log_kappa) * mean, np.exp(log_kappa) * (1 - mean)
        gained = gammaln(k + a) - gammaln(a) + gammaln(n - k + b) - gammaln(b)
        return -(gained + gammaln(a + b) - gammaln(a + b + n)).sum()

    found = optimize.minimize_scalar(loss, bounds=np.log(KAPPA_RANGE), method="bounded")
    return float(round(np.exp(found.x), 3))


def build_user_channels(
    totals: pd.DataFrame,
    response: pd.DataFrame,
    optout: pd.DataFrame,
    members,
    user_ids: np.ndarray,
    *,
    gain: float,
    cost: float,
    send_costs: dict[str, float],
) -> UserChannels:
    """Put together what `UserChannels` needs.

    Parameters
    ----------
    totals : DataFrame
        As from `slot_totals` by channel.
    response, optout : DataFrame
        As from `rates_by_persona`.
    members : Members
    user_ids : ndarray of str
    gain, cost : float
        Of an answer and of an opt-out.
    send_costs : dict
        By channel; 0 where not named.
    """
    channels = tuple(sorted(response["slot"].unique()))
    place = pd.Index(channels, dtype=object).get_indexer(totals["slot"].astype(object))
    totals = totals.assign(place=place)[place >= 0].sort_values(["code", "place"], ignore_index=True)
    rates, lost = (_rates(table, members, channels) for table in (response, optout))
    home = members.home[totals["code"].to_numpy(dtype=np.int64)]
    where = (home, totals["place"].to_numpy())
    of = {"hits": "trials", "optouts": "optout_trials"}

    def kappa(count: str, rate: np.ndarray) -> float:
        trials = totals[of[count]].to_numpy(dtype=float)
        known = trials > 0
        return fit_rate_kappa(totals[count].to_numpy(dtype=float)[known], trials[known], rate[where][known])

    return UserChannels(
        user_ids=user_ids,
        home=members.home,
        channels=channels,
        totals=totals,
        response=rates,
        optout=lost,
        response_kappa=kappa("hits", rates),
        optout_kappa=kappa("optouts", lost),
        gain=gain,
        cost=cost,
        send_cost=np.array([send_costs.get(name, 0.0) for name in channels]),
    )


def _rates(table: pd.DataFrame, members, channels: tuple[str, ...]) -> np.ndarray:
    """Return rates by persona and channel, everyone's in the last row; 0 where nothing is known."""
    if table.empty:
        return np.zeros((len(members.persona_ids) + 1, len(channels)))
    wide = table.pivot(index="persona_id", columns="slot", values="estimate")
    own = wide.reindex(index=list(members.persona_ids), columns=list(channels)).to_numpy(dtype=float)
    everyone = table.groupby("slot")["everyone"].first().reindex(list(channels)).to_numpy(dtype=float)
    return np.nan_to_num(np.vstack([np.where(np.isnan(own), everyone, own), everyone]))
