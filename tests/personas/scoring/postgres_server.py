"""A PostgreSQL of one's own for a few seconds: on a socket in a folder, no network, gone afterwards."""

from __future__ import annotations

import io
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pandas as pd


def find_programs() -> Path | None:
    """Return the folder of initdb and pg_ctl; Debian keeps them off the path."""
    found = shutil.which("initdb")
    folders = (
        [Path(found).resolve().parent]
        if found
        else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    )
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


class PostgresServer:
    """Start with ``with``; the server refuses to run as root, who becomes somebody else for it."""

    def __init__(self, programs: Path):
        self.programs = programs
        self.user = _plain_user() if os.geteuid() == 0 else None

    def __enter__(self) -> PostgresServer:
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        if self.user:
            shutil.chown(self.folder, self.user)
        self._run("initdb", "-D", f"{self.folder}/data", "-U", "test", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync", "-A", "trust")  # fmt: skip
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self._run(
            "pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start"
        )
        return self

    def __exit__(self, *reason) -> None:
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def load(self, name: str, table: pd.DataFrame, types: dict[str, str]) -> None:
        """Make a table; columns without a type are text."""
        columns = ", ".join(f"{_quoted(column)} {types.get(column, 'text')}" for column in table)
        self.run(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({columns})")
        copy = f"\\copy {name} FROM PSTDIN WITH (FORMAT csv, HEADER true, NULL '\\N')"
        self._psql(["-c", copy], table.to_csv(index=False, na_rep="\\N"))

    def query(self, sql: str) -> pd.DataFrame:
        """Return the rows of a SELECT."""
        said = self._psql(["--csv", "-f", "-"], sql)
        return pd.read_csv(io.StringIO(said), dtype={"user_id": str, "persona": str, "runner_up": str})

    def run(self, sql: str) -> None:
        """Run a statement."""
        self._psql(["-q", "-f", "-"], sql)

    def _psql(self, options: list[str], text: str) -> str:
        return self._run("psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "test",
                         "-d", "postgres", *options, text=text)  # fmt: skip

    def _run(self, program: str, *arguments: str, text: str = "") -> str:
        done = subprocess.run(
            [str(self.programs / program), *arguments], input=text, text=True, encoding="utf-8", user=self.user,
            cwd=self.folder, stdout=None if program == "pg_ctl" else subprocess.PIPE, check=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8"},
        )  # fmt: skip
        return done.stdout or ""


def _plain_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
