"""The tables of memos (SQLite), and the steps from each version of them to the next.

The version is the file's ``user_version``: the number of steps taken. A step, once in a release, never changes: what is wanted
more is a further step. Each is taken in one transaction together with its number, so that a file is of one version or the
next, never between.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from softphone.errors import UsageError

APPLICATION_ID = 0x5650_4D31
"""Marks the file as one of memos ("VPM1"): https://www.sqlite.org/pragma.html#pragma_application_id."""

Step = Sequence[str]
"""Statements that lead from one version to the next."""

_MEMOS: Step = (
    """
    CREATE TABLE memo (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        started_at TEXT NOT NULL,
        at_s REAL NOT NULL,
        frames INTEGER NOT NULL CHECK (frames > 0),
        sample_rate_hz INTEGER NOT NULL CHECK (sample_rate_hz > 0),
        channels INTEGER NOT NULL CHECK (channels > 0),
        origin TEXT NOT NULL CHECK (origin IN ('recorded', 'recovered', 'imported')),
        device TEXT NOT NULL,
        lost INTEGER NOT NULL,
        note TEXT NOT NULL
    )""",
    "CREATE INDEX memo_at ON memo (at_s)",
    """
    CREATE TABLE memo_tag (
        memo_id TEXT NOT NULL REFERENCES memo (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (memo_id, tag)
    ) WITHOUT ROWID""",
    """
    CREATE TABLE memo_result (
        memo_id TEXT PRIMARY KEY REFERENCES memo (id) ON DELETE CASCADE,
        measured_at TEXT NOT NULL,
        version TEXT NOT NULL,
        settings TEXT NOT NULL,
        result TEXT NOT NULL
    )""",
)

STEPS: tuple[Step, ...] = (_MEMOS,)


def bring_up(database: sqlite3.Connection, path: Path, steps: Sequence[Step] = STEPS) -> None:
    """Bring *database* to the newest version, in as many steps as it lacks.

    Args:
        database: in autocommit mode (``isolation_level=None``).
        path: of its file, for what is told.
        steps: all there are.

    Raises:
        UsageError: it is of a version newer than this program, or another program's.
        sqlite3.Error: it cannot be read or written.
    """
    if _version(database) == len(steps):
        _check_owner(database, path)
        return
    database.execute("BEGIN IMMEDIATE")  # another process may be about the same
    try:
        version = _version(database)
        if version > len(steps):
            raise UsageError(
                f"{path} was written by a newer version of this program (memos {version}, this one knows {len(steps)}): "
                "update it"
            )
        if version:
            _check_owner(database, path)
        elif database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise _others(path)
        for step in steps[version:]:
            for statement in step:
                database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {len(steps)}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _check_owner(database: sqlite3.Connection, path: Path) -> None:
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise _others(path)


def _others(path: Path) -> UsageError:
    return UsageError(f"{path} is a database of another program: name another folder with --folder")
