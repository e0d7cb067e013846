"""A folder that is either the last export or the next one, never half of each.

Files are written into a hidden folder beside the target and swapped in by one call of the
operating system. A lock beside it keeps two runs apart; what a killed run left behind is removed
by the next one, which holds the lock and so knows that nobody is using it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segtool.errors import OutputError

MANIFEST = "manifest.json"
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
# DuckDB and Arrow raise classes of their own; the operating system's words are inside.
FULL_WORDS = ("no space left", "file too large", "disk quota")


@contextmanager
def open_folder(out: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give a folder to write into, and put it at ``out`` in one step when the block ends well.

    Parameters
    ----------
    out : path
        Must not exist, be empty, or (with ``force``) hold an earlier export.
    force : bool
        Replace an earlier export: a folder that carries a manifest of segtool.

    Yields
    ------
    pathlib.Path
        The temporary folder. When the block raises, it is removed and ``out`` is as before.

    Raises
    ------
    OutputError
        When ``out`` exists, is in use by another run, cannot be written, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "circle"
    >>> with open_folder(out) as folder:
    ...     _ = (folder / "note.txt").write_text("done")
    >>> [file.name for file in out.iterdir()]
    ['note.txt']
    """
    out = Path(os.path.abspath(out))
    with _explain_os_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with _lock(out):
            _remove_leftovers(out)
            check_replaceable(out, force=force)
            folder = _sibling(out, "tmp")
            folder.mkdir()
            try:
                yield folder
                _flush(folder)
                _swap_in(folder, out)
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def check_replaceable(out: Path, *, force: bool) -> None:
    """Refuse to write over what is not ours.

    Raises
    ------
    OutputError
    """
    if not os.path.lexists(out):
        return
    if out.is_symlink() or not out.is_dir():
        raise OutputError(f"{out} is not a folder.", "a folder of its own.", "Name another.")
    if not any(out.iterdir()):
        return
    if not is_export(out):
        raise OutputError(
            f"{out} holds files that segtool did not write.",
            "a new folder, or an earlier export.",
            "Name another.",
        )
    if not force:
        raise OutputError(
            f"{out} holds an earlier export.", fix="Name another, or replace it with force (--force)."
        )


def is_export(folder: Path) -> bool:
    """Say whether a folder carries a manifest of segtool."""
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get("tool") == "segtool"


def _sibling(out: Path, kind: str) -> Path:
    return out.with_name(f".{out.name}.{kind}-{secrets.token_hex(4)}")


def _remove_leftovers(out: Path) -> None:
    """Clear away what a killed run left; bring back the old export if it died between two renames."""
    for old in sorted(out.parent.glob(f".{_escape(out.name)}.old-*")):
        if os.path.lexists(out):
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(out)
    for folder in out.parent.glob(f".{_escape(out.name)}.tmp-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _escape(name: str) -> str:
    import glob

    return glob.escape(name)


def _flush(folder: Path) -> None:
    """Ask the disk to have it all before the swap: a rename may reach it sooner than the data."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())


def _swap_in(folder: Path, out: Path) -> None:
    if not os.path.lexists(out):
        os.rename(folder, out)
    elif _exchange(folder, out):
        pass  # what lay at out is now at the temporary name, and goes with it
    else:
        old = _sibling(out, "old")
        os.rename(out, old)
        os.rename(folder, out)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step where the system can (Linux), and say whether it did."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    """Hold ``.NAME.lock`` beside the folder; the system frees it when the process ends, however."""
    path = out.with_name(f".{out.name}.lock")
    while True:
        file = open(path, "a+", encoding="ascii")  # noqa: SIM115 (closed below, after the unlink)
        try:
            if not _try_lock(file):
                file.seek(0)
                raise OutputError(
                    f"another run (process {file.read().strip() or 'unknown'}) is writing {out}.",
                    fix="Wait for it, or write to another folder.",
                )
            if _is_same_file(file, path):
                break
        except BaseException:
            file.close()
            raise
        file.close()  # the last holder removed it between our open and our lock: take the new one
    try:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _try_lock(file) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same_file(file, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


@contextmanager
def _explain_os_errors(out: Path) -> Iterator[None]:
    """Turn a full disk or a missing permission into one sentence; let other errors pass as they are."""
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        number = getattr(error, "errno", None)
        words = str(error).lower()
        if number in FULL or any(word in words for word in FULL_WORDS):
            raise OutputError(
                f"the disk is full while writing {out}; what lay there before is unchanged.",
                fix="Free some space, or write to another disk.",
            ) from error
        if isinstance(error, (FileExistsError, NotADirectoryError)):
            raise OutputError(
                f"{out} cannot be made: a file is in the way.", "a folder of its own.", "Name another."
            ) from error
        if number in REFUSED and _is_beside(error, out):
            raise OutputError(
                f"{out} cannot be written: permission denied.", fix="Name another folder."
            ) from error
        raise


def _is_beside(error: Exception, out: Path) -> bool:
    name = getattr(error, "filename", None)
    return bool(name) and str(name).startswith(str(out.parent))
