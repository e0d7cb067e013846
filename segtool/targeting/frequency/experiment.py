"""The experiment that tells how often: users drawn to 1, 2 or 4 sends a week, for as long as it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from segtool.checks import check_number
from segtool.display import Shown
from segtool.errors import InputError, ParameterError
from segtool.notes import known, unknown
from segtool.targeting.counts import sql_users
from segtool.targeting.feedback.blocks import EVERYWHERE, read_blocks
from segtool.targeting.frequency.caps import pressure_days, weekly_cap
from segtool.targeting.members import Members, align_personas, align_table
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings

ARMS = (1, 2, 4)
MEASURED_WEEKS = 4  # after the pressure of the new rhythm has settled
SMALLEST = 0.2  # a fifth fewer answers per send: less would hardly change how often to send
SIMILARITY = 0.1  # correlation of two answers of one user, where nothing is known; as `shares.rho` starts
USUAL_RATE = 0.1
ALPHA, POWER = 0.05, 0.8
LOG = (
    "user_id",
    "arm",
    "send_id",
    "sent_at",
    "channel",
    "item_id",
    "responded_at",
    "muted_at",
    "unsubscribed_at",
)
SIZES = ["persona", "arm", "n_users", "n_sends", "power", "smallest_effect"]


@dataclass(frozen=True, repr=False, eq=False)
class FrequencyExperiment(Shown):
    """Who gets how many sends a week, and what that will tell.

    Parameters
    ----------
    table : DataFrame
        user_id, persona ("" for none), arm (sends a week).
    sizes : DataFrame
        persona ("everyone" last), arm, n_users, n_sends (in the weeks that are counted), power to see
        ``smallest`` between the rarest and the most frequent arm, smallest_effect (seen with 80 % power, as a
        share of the answers per send; NaN where no experiment of this size sees any).
    arms : tuple of float
    channel : str or None
    weeks, settle_weeks : int
        How long to send; the first so many weeks are not counted.
    smallest : float
    log : tuple of str
        Columns to keep of every send.
    analysis : str
        How to read it, in words and as one line of Python.
    notes : tuple of str
    """

    table: pd.DataFrame
    sizes: pd.DataFrame
    arms: tuple[float, ...]
    channel: str | None
    weeks: int
    settle_weeks: int
    smallest: float
    log: tuple[str, ...]
    analysis: str
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return who is in which arm."""
        return self.table.copy()

    def headline(self) -> str:
        """Return the experiment in a sentence."""
        whole = self.sizes[self.sizes["persona"] == "everyone"].iloc[0]
        arms = ", ".join(f"{arm:g}" for arm in self.arms)
        return (
            f"Frequency experiment: {len(self.table):,} users drawn to {arms} sends a week for {self.weeks} weeks; "
            f"{whole['power']:.0%} power to see {self.smallest:.0%} fewer answers per send"
        )


def design_frequency_experiment(
    users,
    personas=None,
    settings: TargetingSettings | None = None,
    *,
    channel: str | None = None,
    arms: Sequence[float] = ARMS,
    measured_weeks: int = MEASURED_WEEKS,
    answer_rate: float | None = None,
    smallest: float = SMALLEST,
    leave_out: Sequence[str] = (),
    salt: str = "frequency",
) -> FrequencyExperiment:
    """Draw users to numbers of sends a week, within every cap, and say what that can tell.

    Parameters
    ----------
    users : Sources, or sequence of str
        Of sources, users who closed the channel or complained are left out, and the answer rate is read.
    personas : Personas, Series by user_id, or DataFrame with user_id and persona, optional
        For the power per persona; the draw itself does not look at it.
    settings : TargetingSettings, optional
    channel : str, optional
        Whose caps hold; without it those over all channels.
    arms : sequence of float
        Sends a week. Those above the caps are left out; fewer than two left: a quarter, a half and the whole of
        the cap.
    measured_weeks : int
        Weeks that count, after those in which the pressure settles.
    answer_rate : float, optional
        Answers per send to expect; without sends 0.1.
    smallest : float
        The drop in answers per send, from the rarest arm to the most frequent, that is worth seeing.
    leave_out : sequence of str
        Users not to be touched, such as a holdout.
    salt : str
        Another salt, another draw; the same one draws a user to the same arm every time.

    Returns
    -------
    FrequencyExperiment

    Raises
    ------
    InputError
        If there is nobody to draw.
    ParameterError
        If fewer than two different arms above 0 are asked for, or a number is out of range.

    Notes
    -----
    A user's answers resemble each other: with similarity rho, m sends tell ``m / (1 + (m - 1) rho)`` users'
    worth. The power is that of a two-sided test at 5 % of the mean rates of two arms.

    Examples
    --------
    >>> users = [f"u{i:04d}" for i in range(3000)]
    >>> experiment = design_frequency_experiment(users, channel="app_push")
    >>> experiment.headline()  # doctest: +ELLIPSIS
    'Frequency experiment: 3,000 users drawn to 1, 2, 4 sends a week for 5 weeks; 85% power to see ...'
    >>> experiment.table["arm"].value_counts().sort_index().tolist()
    [958, 1033, 1009]
    """
    settings = settings or TargetingSettings()
    check_number("measured_weeks", measured_weeks, low=1, high=52, integer=True)
    check_number("smallest", smallest, low=0, high=1, low_open=True, high_open=True)
    user_ids, rate, notes = _who(users, channel, settings, leave_out)
    if answer_rate is not None:
        rate = check_number("answer_rate", answer_rate, low=0, high=1, low_open=True, high_open=True)
    allowed, why = _allowed_arms(arms, channel, settings)
    members = _persona_names(personas, user_ids)
    arm = np.array(allowed)[_draw(user_ids, salt, len(allowed))]
    table = pd.DataFrame({"user_id": user_ids, "persona": members, "arm": arm})
    settle = int(np.ceil(pressure_days(channel, settings) / 7))
    sizes = _sizes(table, allowed, measured_weeks, rate, smallest)
    notes += why
    weak = sizes[(sizes["power"] < POWER) & (sizes["persona"] != "everyone")]["persona"].unique()
    if len(weak):
        told = f"How often, in {', '.join(weak)}: too few users for an answer of their own; everyone's holds there."
        notes.append(unknown(told))
    analysis = _analysis(settle, settle + measured_weeks)
    return FrequencyExperiment(
        table, sizes, allowed, channel, settle + measured_weeks, settle, smallest, LOG, analysis, tuple(notes)
    )  # fmt: skip


def users_per_arm(rate: float, arms: Sequence[float] = ARMS, smallest: float = SMALLEST) -> int:
    """Return the users per arm it takes to see a drop in answers per send with 80 % power.

    Examples
    --------
    >>> users_per_arm(0.1), users_per_arm(0.02)
    (850, 4630)
    """
    rate = float(np.clip(rate, 0.005, 0.5))
    z = stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER)
    noise = sum(_noise(rate, arm * MEASURED_WEEKS) for arm in (min(arms), max(arms)))
    return int(np.ceil(z**2 * noise / (smallest * rate) ** 2 / 10) * 10)


def _noise(rate: float, n_sends: float) -> float:
    """Return the variance of one user's answers per send."""
    return rate * (1 - rate) * (1 + (max(n_sends, 1) - 1) * SIMILARITY) / max(n_sends, 1)


def _who(users, channel, settings, leave_out) -> tuple[np.ndarray, float, list[str]]:
    """Return the users to draw, the answer rate to expect, and notes."""
    notes: list[str] = []
    rate, closed = USUAL_RATE, set()
    if hasattr(users, "engine"):
        user_ids = sql_users(users.engine)
        log = SendLog.look(users, settings)
        closed = _closed(users, log, channel, settings)
        if log.outcome:
            rate = float(np.clip(log.answer_rate, 0.001, 0.9))
            notes.append(known(f"How often: {rate:.1%} of the sends so far were {log.word}."))
    else:
        user_ids = np.array(sorted(set(map(str, users))), dtype=object)
    if not notes:
        notes.append(unknown(f"How often: the answer rate; {rate:.0%} is taken to find the power."))
    gone = closed | set(map(str, leave_out))
    kept = np.array([user_id not in gone for user_id in user_ids], dtype=bool)
    if not kept.any():
        raise InputError("There is nobody to draw.", "at least one user who closed nothing.")
    if closed:
        notes.append(
            known(
                f"How often: {len(closed & set(user_ids)):,} users closed the channel or complained: left out."
            )
        )
    return user_ids[kept], rate, notes


def _closed(sources, log: SendLog, channel, settings) -> set[str]:
    blocks = read_blocks(sources, log, settings)
    shut = blocks["what"].isin([EVERYWHERE, channel]) if channel else pd.Series(True, blocks.index)
    return set(blocks.loc[(blocks["kind"] == "user") | ((blocks["kind"] == "channel") & shut), "user_id"])


def _allowed_arms(arms, channel, settings) -> tuple[tuple[float, ...], list[str]]:
    asked = sorted({int(arm) if float(arm).is_integer() else float(arm) for arm in arms})
    if len(asked) < 2 or asked[0] <= 0:
        raise ParameterError(f"arms is {tuple(arms)}.", "at least two different numbers above 0.")
    cap = weekly_cap(channel or "", settings)
    kept = [arm for arm in asked if not arm > cap]
    if len(kept) == len(asked):
        return tuple(kept), []
    if len(kept) < 2:
        kept = [cap / 4, cap / 2, cap]
    told = ", ".join(f"{arm:g}" for arm in kept)
    return tuple(kept), [known(f"How often: the cap is {cap:g} a week, so the arms are {told}.")]


def _persona_names(personas, user_ids: np.ndarray) -> np.ndarray:
    if personas is None:
        return np.full(len(user_ids), "", dtype=object)
    aligned: Members = (
        align_personas(personas, user_ids)
        if hasattr(personas, "memberships")
        else align_table(personas, user_ids)
    )
    return np.array([*aligned.names, ""], dtype=object)[aligned.home]


def _draw(user_ids: np.ndarray, salt: str, n_arms: int) -> np.ndarray:
    """Return each user's arm: the same whoever else is drawn, and whenever."""
    digests = (hashlib.sha256(f"{salt}:{user_id}".encode()).digest()[:8] for user_id in user_ids)
    return np.array([int.from_bytes(digest, "big") * n_arms >> 64 for digest in digests], dtype=int)


def _sizes(table: pd.DataFrame, arms, weeks: int, rate: float, smallest: float) -> pd.DataFrame:
    names = [*sorted(set(table["persona"]) - {""}), "everyone"]
    return pd.concat([_size(table, name, arms, weeks, rate, smallest) for name in names], ignore_index=True)[
        SIZES
    ]


def _size(table, name: str, arms, weeks: int, rate: float, smallest: float) -> pd.DataFrame:
    own = table if name == "everyone" else table[table["persona"] == name]
    n = own["arm"].value_counts().reindex(list(arms), fill_value=0)
    ends = [n[arm] for arm in (arms[0], arms[-1])]
    power, least = 0.0, np.nan
    if min(ends) > 1:
        noise = [_noise(rate, arm * weeks) for arm in (arms[0], arms[-1])]
        error = np.sqrt(noise[0] / ends[0] + noise[1] / ends[1])
        z = stats.norm.ppf(1 - ALPHA / 2)
        power = float(stats.norm.cdf(smallest * rate / error - z))
        least = (z + stats.norm.ppf(POWER)) * error / rate
        least = least if least < 1 else np.nan
    return pd.DataFrame(
        {
            "persona": name,
            "arm": list(arms),
            "n_users": n.to_numpy(dtype=int),
            "n_sends": np.round(n.to_numpy() * np.array(arms) * weeks).astype(int),
            "power": power,
            "smallest_effect": least,
        }
    )


def _analysis(settle: int, weeks: int) -> str:
    return (
        f"Compare the arms as drawn, not as sent, in weeks {settle + 1} to {weeks}: answers per user and week, and "
        'users lost. Fatigue: smf.glm("responded ~ arm", sends, family=sm.families.Binomial())'
        '.fit(cov_type="cluster", cov_kwds={"groups": sends["user_id"]}). Stop a user\'s sends at an opt-out; '
        "keep the user in the arm."
    )
