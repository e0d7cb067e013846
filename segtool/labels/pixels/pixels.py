"""Pixel labels as a result: a table to read, sentences to tell, and who is in which."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from segtool.display import MAX_ROWS_SHOWN, Shown, render_html_table
from segtool.errors import InputError, did_you_mean
from segtool.labels.pixels.bitmaps import unpack
from segtool.labels.pixels.judge import Judged, cover
from segtool.labels.pixels.parts import Bits, Part
from segtool.labels.pixels.search import Frequent
from segtool.labels.pixels.settings import PixelSettings
from segtool.labels.pixels.wording import say_count, say_parts


@dataclass(frozen=True)
class Pixel:
    """One conjunction and what the data say of it.

    Parameters
    ----------
    parts : tuple of Part
    judged : Judged or None
        None where nobody has one of the parts.
    q_value : float
    name : str
        An analyst's own; empty where there is none.
    pinned : bool
    failed : tuple of str
        The tests that a pinned one fails.
    """

    parts: tuple[Part, ...]
    judged: Judged | None
    q_value: float
    name: str = ""
    pinned: bool = False
    failed: tuple[str, ...] = ()

    @property
    def pixel_id(self) -> str:
        """An id that only the definition decides: the same in the next run."""
        return "px_" + hashlib.blake2b(self.definition.encode(), digest_size=5).hexdigest()

    @property
    def definition(self) -> str:
        """Label = value of each part, in a fixed order."""
        return define_parts(self.parts)

    @property
    def who(self) -> str:
        """The users it speaks of, by their name or from the phrases of the labels."""
        return self.name or say_parts(self.parts)

    @property
    def subject(self) -> str:
        """The users as a sentence names them: a name of an analyst's own does not say who they are."""
        said = say_parts(self.parts)
        return f"{self.name}: {said[:1].lower()}{said[1:]}" if self.name else said

    @property
    def bits(self) -> float:
        """How much it says of a user to be one of them: -log2 of the share of those known."""
        return 0.0 if not self.n_users else float(-np.log2(self.n_users / self.judged.n_known))

    @property
    def n_users(self) -> int:
        """Users who satisfy all parts."""
        return 0 if self.judged is None else self.judged.n_users


def define_parts(parts: Sequence[Part]) -> str:
    """Return the definition of a conjunction as text, the same for any order of its parts."""
    return " & ".join(sorted(f"{part.info.name} = {part.value}" for part in parts))


def define(bits: Bits, items: Sequence[int]) -> str:
    """Return the definition of a conjunction of numbered parts."""
    return define_parts([bits.parts[item] for item in items])


def why_not(one: Judged, q_value: float, settings: PixelSettings) -> list[str]:
    """Return each test that a conjunction fails, with what was found and what it takes."""
    if min(one.n_users, one.n_known - one.n_users) < settings.min_users:
        # No other number of so few is said.
        return [f"fewer than {settings.min_users} users have it, or have it not"]
    failed = []
    if one.lift < settings.min_lift:
        failed.append(f"lift {one.lift:.2f}, it takes {settings.min_lift:g}")
    if one.implied is not None:
        failed.append("one of its parts follows from another")
    if q_value > settings.max_q:
        failed.append(f"q-value {q_value:.2g}, it takes at most {settings.max_q:g}")
    if one.stability < settings.min_stability:
        failed.append(f"holds in {one.stability:.0%} of the halves, it takes {settings.min_stability:.0%}")
    return failed


@dataclass(frozen=True, repr=False, eq=False)
class Pixels(Shown):
    """Conjunctions of labels worth a sentence, pinned ones first, then the best.

    Parameters
    ----------
    pixels : tuple of Pixel
    bits_of_users : Bits
    settings : PixelSettings
    frequent : Frequent
        What was looked through: the family of tests.
    labels : Labels or None
        What they were found in; None for a plain table.
    """

    pixels: tuple[Pixel, ...]
    bits_of_users: Bits
    settings: PixelSettings
    frequent: Frequent
    labels: Any = None

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def n_candidates(self) -> int:
        """How many conjunctions were counted, and so tested."""
        return self.frequent.n_candidates

    @property
    def n_users(self) -> int:
        """How many users there are."""
        return self.bits_of_users.n_users

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per pixel.

        Returns
        -------
        pd.DataFrame
            pixel_id, pixel (who they are), sentence, parts, n_parts, n_users, n_known (all parts
            known), share, lift (over the best split in two), lift_low and lift_high (in the worst
            and best half of the users), leave_one_out_lift, weakest_part, independence_lift,
            q_value, stability, bits, status ("found", "pinned" or "pinned, fails"), why (the tests
            it fails). Numbers of too few users are blank.
        """
        table = pd.DataFrame([self._row(pixel) for pixel in self.pixels], columns=list(COLUMNS))
        # Texts keep the type pandas gives them: a missing one cast to text is the word "None".
        return table.astype({name: kind for name, kind in COLUMNS.items() if kind != "str"})

    def _row(self, pixel: Pixel) -> dict:
        said = {
            "pixel_id": pixel.pixel_id, "pixel": pixel.who, "parts": _short(pixel.parts), "definition": pixel.definition,
            "n_parts": len(pixel.parts), "status": "found", "why": "; ".join(pixel.failed),
        }  # fmt: skip
        if pixel.pinned:
            said["status"] = "pinned, fails" if pixel.failed else "pinned"
        if not self._is_open(pixel):
            return {**said, "sentence": f"{pixel.subject} — fewer than {self.settings.min_users} people"}
        one = pixel.judged
        return said | {
            "sentence": f"{pixel.subject} — {say_count(one.n_users, one.n_known, one.lift)}",
            "n_users": one.n_users, "n_known": one.n_known, "share": one.n_users / one.n_known,
            "lift": one.lift, "lift_low": one.lift_low, "lift_high": one.lift_high,
            "leave_one_out_lift": one.leave_one_out_lift,
            "weakest_part": _short([self.bits_of_users.parts[one.weakest]]),
            "independence_lift": one.independence_lift, "q_value": pixel.q_value,
            "stability": one.stability, "bits": pixel.bits,
        }  # fmt: skip

    def _is_open(self, pixel: Pixel) -> bool:
        """Return whether the numbers of a pixel count enough people to be shown."""
        one = pixel.judged
        return one is not None and min(one.n_users, one.n_known - one.n_users) >= self.settings.min_users

    def members(self, pixel_id: str) -> pd.Index:
        """Return the users of one pixel, sorted.

        Raises
        ------
        InputError
            If there is no such pixel.
        """
        for pixel in self.pixels:
            if pixel.pixel_id == pixel_id:
                return self.bits_of_users.users[self._flags(pixel)]
        known = [pixel.pixel_id for pixel in self.pixels]
        raise InputError(f"There is no pixel {pixel_id!r}.", did_you_mean(pixel_id, known))

    def users(self) -> pd.DataFrame:
        """Return the pixel that says most about each user.

        Returns
        -------
        pd.DataFrame of shape (n_users, 4)
            user_id, pixel_id, pixel, bits; missing where no pixel holds. All users, sorted.

        Notes
        -----
        What a pixel says of a user is its surprise, -log2 of the share of those known who satisfy
        it; of equals the better ranked. Pinned pixels that fail their tests say nothing of anybody.
        """
        number = self._best
        ids = np.array([pixel.pixel_id for pixel in self.pixels] + [None], dtype=object)
        who = np.array([pixel.who for pixel in self.pixels] + [None], dtype=object)
        worth = np.array([pixel.bits for pixel in self.pixels] + [np.nan])
        return pd.DataFrame(
            {
                "user_id": self.bits_of_users.users,
                "pixel_id": ids[number].tolist(),
                "pixel": who[number].tolist(),
                "bits": worth[number],
            }
        )

    def spoken_parts(self) -> pd.DataFrame:
        """Return user_id, label, value of the parts of each user's own pixel: what a sentence begins with."""
        number, users = self._best, self.bits_of_users.users.to_numpy(dtype=object)
        rows = [
            pd.DataFrame({"user_id": users[number == place], "label": part.info.name, "value": part.value})
            for place, pixel in enumerate(self.pixels)
            for part in pixel.parts
        ]
        empty = pd.DataFrame({"user_id": [], "label": [], "value": []})
        return pd.concat([empty, *rows], ignore_index=True).astype(str)

    def without(self, labels) -> Pixels:
        """Return the pixels that hold none of some labels."""
        labels = set(labels)
        kept = [p for p in self.pixels if not any(part.info.name in labels for part in p.parts)]
        return replace(self, pixels=tuple(kept))

    @cached_property
    def _best(self) -> np.ndarray:
        """The number of each user's pixel, -1 where there is none."""
        best = np.full(self.n_users, -1)
        order = sorted(range(len(self.pixels)), key=lambda place: (self.pixels[place].bits, -place))
        for place in order:  # the most surprising last, so that it stays
            if self._is_open(self.pixels[place]) and not self.pixels[place].failed:
                best[self._flags(self.pixels[place])] = place
        return best

    def _flags(self, pixel: Pixel) -> np.ndarray:
        if pixel.judged is None:
            return np.zeros(self.n_users, dtype=bool)
        return unpack(cover(self.bits_of_users, pixel.judged.items), self.bits_of_users.positions)

    def headline(self) -> str:
        """Return how many were found, of how many users, out of how many looked at."""
        n_in = int((self._best >= 0).sum())
        share = n_in / max(self.n_users, 1)
        return (
            f"{len(self.pixels)} pixel labels, which hold for {n_in:,} of {self.n_users:,} users ({share:.0%}); "
            f"{self.n_candidates:,} conjunctions counted, {self.frequent.min_users:,} users or more "
            f"and {self.frequent.min_support:.1%} or more of those known"
        )

    def _shown(self) -> pd.DataFrame:
        table = self.to_pandas().head(MAX_ROWS_SHOWN)
        halves = [
            "" if pd.isna(low) else f"{low:.1f} to {high:.1f}"
            for low, high in zip(table["lift_low"], table["lift_high"], strict=True)
        ]
        return pd.DataFrame(
            {
                "pixel": table["pixel"],
                "users": [_number(n) for n in table["n_users"]],
                "of known": [_number(n) for n in table["n_known"]],
                "share": ["" if pd.isna(share) else f"{share:.1%}" for share in table["share"]],
                "lift": ["" if pd.isna(lift) else f"{lift:.2f}" for lift in table["lift"]],
                "in halves": halves,
                "status": [
                    f"{s}: {w}" if w else s for s, w in zip(table["status"], table["why"], strict=True)
                ],
            }
        )

    def __repr__(self) -> str:
        more = len(self.pixels) - MAX_ROWS_SHOWN
        tail = f"\n... {more} more: .to_pandas()" if more > 0 else ""
        return f"{self.headline()}\n{self._shown().to_string(index=False, max_colwidth=90)}{tail}"

    def _repr_html_(self) -> str:
        more = len(self.pixels) - MAX_ROWS_SHOWN
        tail = f"{more} more: <code>.to_pandas()</code>. " if more > 0 else ""
        return (
            f"<p><b>{html.escape(self.headline())}</b></p>{render_html_table(self._shown())}"
            f"<p>{tail}Lift: users over what chance pairing of the parts gives, on those of whom all parts "
            "are known. Next: <code>.users()</code>, <code>.members(pixel_id)</code></p>"
        )


def _short(parts: Sequence[Part]) -> str:
    """Return parts as a reader of tables wants them: a flag by its title, else title: value."""
    said = [
        part.info.title if part.info.kind == "flag" else f"{part.info.title}: {part.value}" for part in parts
    ]
    return " + ".join(said)


def _number(n) -> str:
    return "" if pd.isna(n) else f"{n:,}"


COLUMNS = {
    "pixel_id": "str", "pixel": "str", "sentence": "str", "parts": "str", "definition": "str", "n_parts": "int64",
    "n_users": "Int64", "n_known": "Int64", "share": "float64", "lift": "float64", "lift_low": "float64",
    "lift_high": "float64", "leave_one_out_lift": "float64", "weakest_part": "str",
    "independence_lift": "float64", "q_value": "float64", "stability": "float64", "bits": "float64",
    "status": "str", "why": "str",
}  # fmt: skip
