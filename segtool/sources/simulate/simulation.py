"""The simulated community as one object: its tables, the truth behind them, and its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from segtool.checks import check_in, check_number
from segtool.display import Shown
from segtool.errors import ParameterError
from segtool.sources.simulate import outreach, said, truth
from segtool.sources.simulate.behaviour import simulate_logs
from segtool.sources.simulate.catalogue import make_catalogue
from segtool.sources.simulate.community import simulate_community
from segtool.sources.simulate.files import event_frame, with_plain_text, write_events, write_table
from segtool.sources.simulate.people import draw_people, user_ids, users_table

TABLES = (
    *("users", "events", "survey", "notes", "content", "sends"),
    *("messages", "members", "groups", "activities"),
)
FORMATS = ("csv", "parquet", "mixed")
BIG_TABLES = ("events", "sends")  # Parquet in a mixed folder; the rest opens in any spreadsheet
ZONE = "Asia/Shanghai"
STUDY = Path(__file__).parent / "study"  # the study that reads a mixed folder


class Simulation(Shown):
    """A simulated fan community: made by :func:`simulate_circle`, not by hand.

    Times are local (Asia/Shanghai) and carry no zone, as most exports do; money is CNY.

    Attributes
    ----------
    as_of : str
        The day the data ends; nothing in it happened on this day or later.
    timezone : str
        The zone of all times.
    tables : dict of str to DataFrame
        The tables asked for, by their schema names, plus ``survey_codebook``.
    truth : dict of str to DataFrame
        ``users``, ``topics``, ``hours``, ``channels``, ``personas`` and, when the tables were asked
        for, ``groups``, ``leaders``, ``send_rates`` and ``send_parameters``.
    """

    def __init__(self, n_users: int, days: int, as_of: pd.Timestamp, seed: int, names: tuple[str, ...]):
        self.n_users, self.days, self.seed = n_users, days, seed
        self.as_of, self.timezone = as_of.date().isoformat(), ZONE
        self._end, self._names = as_of, names

    @cached_property
    def _people(self):
        return draw_people(self.n_users, self.days, self._rng(0))

    @cached_property
    def _catalogue(self):
        return make_catalogue(self.days, self._end, self._rng(1))

    @cached_property
    def _ids(self) -> np.ndarray:
        return user_ids(self.n_users)

    @cached_property
    def _community(self):
        return simulate_community(self._people, self._ids, self.days, self._end, self._rng(3))

    @cached_property
    def _outreach(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return outreach.sends_table(
            self._people, self._ids, self._catalogue, self.days, self._end, self._rng(4)
        )

    def inside(self) -> tuple:
        """Return the hidden people, the catalogue, the ids and the sends: what a campaign goes on from."""
        return self._people, self._catalogue, self._ids, self._outreach[0]

    def _rng(self, part: int) -> np.random.Generator:
        # Each part has its own stream, so asking for fewer tables changes none of the others.
        return np.random.default_rng([self.seed, part])

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        made = {name: self._table(name) for name in self._names}
        if "survey" in made:
            made["survey_codebook"] = said.codebook_table()
        return made

    def _table(self, name: str) -> pd.DataFrame:
        window = (self.days, self._end)
        if name == "events":
            return with_plain_text(pd.concat(list(self._event_frames()), ignore_index=True))
        if name == "users":
            return users_table(self._people, self._ids, self._end, self._rng(5))
        if name == "survey":
            return said.survey_table(self._people, self._ids, *window, self._rng(6))
        if name == "notes":
            return said.notes_table(self._people, self._ids, *window, self._rng(7))
        if name == "content":
            return self._catalogue.table.copy()
        if name == "sends":
            return self._outreach[0].copy()
        if name == "groups":
            return self._community.groups_table()
        return getattr(self._community, name).copy()

    def _event_frames(self) -> Iterator[pd.DataFrame]:
        items, ids = pd.Index(self._catalogue.item_ids), pd.Index(self._ids)
        start = self._end - pd.Timedelta(days=self.days)
        for log in simulate_logs(self._people, self._catalogue, self.days, self._end, self.seed):
            yield event_frame(log, ids, items, start)

    @cached_property
    def truth(self) -> dict[str, pd.DataFrame]:
        people, ids = self._people, self._ids
        made = {
            "personas": truth.truth_personas(),
            "users": truth.truth_users(people, ids),
            "topics": truth.truth_topics(people, ids),
            "channels": truth.truth_channels(people, ids),
            "hours": truth.truth_hours(people, ids),
        }
        if {"messages", "members", "groups", "activities"} & set(self._names):
            made["groups"], made["leaders"] = self._community.groups, self._community.leaders
        if "sends" in self._names:
            made["send_rates"], made["send_parameters"] = self._outreach[1], outreach.parameters()
        return made

    def to_pandas(self) -> pd.DataFrame:
        """Return the size of each table."""
        return pd.DataFrame(
            {"table": list(self.tables), "n_rows": [len(table) for table in self.tables.values()]}
        )

    def headline(self) -> str:
        span = f"{self.days} days to {self.as_of}"
        return f"Simulated community: {self.n_users:,} users, {span} (seed {self.seed})"

    def write(self, folder: str | Path, format: str = "mixed", *, with_truth: bool = True) -> dict[str, Path]:
        """Write the tables, and the truth into a folder beside them.

        Events are written part by part, so a community of a million fits in memory.

        Parameters
        ----------
        folder : path
            Made when missing; files of the same names are replaced.
        format : {"mixed", "csv", "parquet"}
            ``mixed``: Parquet for events and sends, CSV for the rest.
        with_truth : bool
            Whether to write ``truth/``.

        Returns
        -------
        dict of str to Path
            The file of each table.
        """
        check_in("format", format, FORMATS)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {}
        names = [*self._names, *(["survey_codebook"] if "survey" in self._names else [])]
        for name in names:
            suffix = format if format != "mixed" else "parquet" if name in BIG_TABLES else "csv"
            paths[name] = folder / f"{name}.{suffix}"
            if name == "events":
                write_events(self._event_frames(), paths[name])
            else:
                write_table(
                    said.codebook_table() if name == "survey_codebook" else self._table(name), paths[name]
                )
        if with_truth:
            self._write_truth(folder / "truth")
        return paths

    def write_study(self, folder: str | Path) -> Path:
        """Write the tables with the study.toml and labels.toml that read them.

        Returns
        -------
        Path
            The study.toml.
        """
        self.write(folder)
        head = {"as_of": f'"{self.as_of}"', "seed": str(self.seed)}
        for path in sorted(STUDY.glob("*.toml")):
            text = path.read_text(encoding="utf-8")
            for key, value in head.items():
                text = re.sub(rf"^{key} = \S+", f"{key} = {value}", text, flags=re.M)
            (Path(folder) / path.name).write_text(text, encoding="utf-8", newline="\n")
        return Path(folder) / "study.toml"

    def _write_truth(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        for name, table in self.truth.items():
            wide = name in ("topics", "channels", "hours")
            write_table(table, folder / f"{name}.{'parquet' if wide else 'csv'}")


def simulate_circle(
    n_users: int = 2000,
    *,
    days: int = 180,
    as_of: str = "2026-07-01",
    random_state: int = 7,
    tables: tuple[str, ...] = TABLES,
) -> Simulation:
    """Simulate the community of a brand's fans, with six personas planted in it.

    Users of one persona differ in taste, activity, spending and hours; 8 % stand between two personas;
    some lapsed, some are new. Activity is independent of the persona.

    Parameters
    ----------
    n_users : int
        About 30 events each.
    days : int
        Length of the window that ends with ``as_of``.
    as_of : str
        Date; nothing in the data happens on it or after.
    random_state : int
        Same seed, same bytes, in any process on the same machine.
    tables : tuple of str
        Which tables to make; ``("events", "users")`` is enough for a benchmark.

    Returns
    -------
    Simulation
        With ``tables``, ``truth`` and ``write(folder)``. Nothing is computed before it is asked for.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> circle = simulate_circle(50, days=60, tables=("events", "users"))
    >>> sorted(circle.tables)
    ['events', 'users']
    >>> bool((circle.tables["events"]["event_time"] < circle.as_of).all())
    True
    """
    check_number("n_users", n_users, low=20, integer=True)
    check_number("days", days, low=30, high=1000, integer=True)
    check_number("random_state", random_state, low=0, integer=True)
    for name in tables:
        check_in("tables", name, TABLES)
    try:
        end = pd.Timestamp(as_of).normalize()
    except ValueError as error:
        raise ParameterError("as_of is not a date.", 'a date such as "2026-07-01".') from error
    if end is pd.NaT or end.tzinfo is not None:
        raise ParameterError("as_of is not a date without a zone.", 'a date such as "2026-07-01".')
    return Simulation(int(n_users), int(days), end, int(random_state), tuple(tables))
