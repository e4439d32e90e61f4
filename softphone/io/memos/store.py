"""The store of memos: a folder with one SQLite file, a sound for each memo, and journals of those that are being recorded.

    memos.sqlite3     names, times, notes, tags, results
    sound/ID.flac     the sounds, 24 bits
    taking/ID.take    journals (`softphone.io.memos.journal`)

Several processes may use it at once, each for a moment at a time: every method opens the database, does one thing and closes
it, and waits for others up to `BUSY_S`. A rollback journal, not a write-ahead log: writes are rare and small, and so at rest
all is in the one file, which may be copied or synchronised as it is. ``synchronous=EXTRA``: what was told to be stored has
reached the disk.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.memos.memo import Memo, NewMemo, checked_name, name_key, numbered, seconds_of
from softphone.io.memos.schema import bring_up

DATABASE = "memos.sqlite3"
BUSY_S = 10.0
_COLUMNS = "id, name, started_at, at_s, frames, sample_rate_hz, channels, origin, device, lost, note, result, measured_at, version"
_SELECT = f"SELECT {_COLUMNS} FROM memo LEFT JOIN memo_result ON memo_id = id"
_MOST_OF_A_NAME = 100_000


class MemoStore:
    """Reads and writes *folder*, which is made, for its owner only, where it is not there; for any thread.

    Raises:
        UsageError: what lies there is newer than this program, or no store.
        EnvironmentProblem: it cannot be made, read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.sounds = self.folder / "sound"
        self.journals = self.folder / "taking"
        self.database = self.folder / DATABASE
        try:
            for each in (self.folder, self.sounds, self.journals):
                each.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.database.touch(mode=0o600)  # which SQLite leaves as it is
        except OSError as error:
            raise EnvironmentProblem(
                f"memos want a folder that can be written, got {folder} ({error.strerror}): name another with --folder"
            ) from None
        with self._open():
            pass

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The database, of the newest version, in autocommit mode."""
        try:
            database = sqlite3.connect(self.database, timeout=BUSY_S, isolation_level=None)
            try:
                database.execute("PRAGMA foreign_keys = ON")
                database.execute("PRAGMA synchronous = EXTRA")
                database.execute(
                    "PRAGMA secure_delete = ON"
                )  # what was deleted is not to be read in the file
                bring_up(database, self.database)
                yield database
            finally:
                database.close()
        except sqlite3.DatabaseError as error:
            raise self._fault(error) from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    with suppress(sqlite3.Error):
                        database.execute("ROLLBACK")
                raise

    def _fault(self, error: sqlite3.DatabaseError) -> UsageError:
        if isinstance(error, sqlite3.OperationalError):
            return EnvironmentProblem(
                f"{self.database} cannot be used ({error}): it must be readable and writable, the disk have room, and no "
                f"program hold it for longer than {BUSY_S:g} s"
            )
        return UsageError(
            f"{self.database} is damaged or no store of memos ({error}): move it away; the sounds beside it, in "
            f"{self.sounds}, can be taken in again with `memo import`"
        )

    def path_of(self, memo_id: str) -> Path:
        """Where the sound of a memo lies."""
        return self.sounds / f"{memo_id}.flac"

    def sound_of(self, memo: Memo) -> Path:
        """The sound of *memo*.

        Raises:
            UsageError: it is not there.
        """
        if not memo.path.is_file():
            raise UsageError(
                f"the sound of memo {memo.name} is missing ({memo.path}): put it back, or delete the memo"
            )
        return memo.path

    def add(self, new: NewMemo, frames: int, *, origin: str, lost: int = 0) -> Memo:
        """Take *new* in, whose sound is there already; a name that is taken gets a number behind it.

        Args:
            new: what is known of it.
            frames: samples of each channel.
            origin: see `Memo.origin`.
            lost: see `Memo.lost`.

        Raises:
            EnvironmentProblem: the database cannot be written.
        """
        name = checked_name(new.name)
        with self._writing() as database:
            for number in range(1, _MOST_OF_A_NAME):
                free = numbered(name, number)
                row = database.execute("SELECT 1 FROM memo WHERE name_key = ?", (name_key(free),)).fetchone()
                if row is None:
                    break
            else:
                raise UsageError(f"{_MOST_OF_A_NAME} memos are called {name} already: take another name")
            database.execute(
                "INSERT INTO memo VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    new.id, free, name_key(free), new.started_at, seconds_of(new.started_at), frames,
                    new.sample_rate_hz, new.channels, origin, new.device, lost, new.note,
                ),
            )  # fmt: skip
            database.executemany("INSERT INTO memo_tag VALUES (?, ?)", [(new.id, tag) for tag in new.tags])
            return self._one(database, "id = ?", new.id)

    def all(self, *, tag: str | None = None) -> list[Memo]:
        """All memos, the oldest first.

        Args:
            tag: only those that have it.
        """
        with self._open() as database:
            return self._found(database, f"{_SELECT} ORDER BY at_s, id", (), tag)

    def find(self, word: str) -> Memo:
        """The memo that *word* means: its name, without regard to capitals, or its id.

        Raises:
            UsageError: there is none; names the nearest.
        """
        with self._open() as database:
            for column, value in (("name_key", name_key(word)), ("id", word)):
                found = self._found(database, f"{_SELECT} WHERE {column} = ?", (value,))
                if found:
                    return found[0]
            names = [row[0] for row in database.execute("SELECT name FROM memo ORDER BY at_s DESC")]
        raise UsageError(_no_such(word, names))

    def newest(self) -> Memo:
        """The memo that was recorded last.

        Raises:
            UsageError: there is none.
        """
        with self._open() as database:
            found = self._found(database, f"{_SELECT} ORDER BY at_s DESC, id DESC LIMIT 1", ())
        if not found:
            raise UsageError(f"there are no memos in {self.folder}: record one with `softphone memo record`")
        return found[0]

    def has(self, memo_id: str) -> bool:
        """Whether there is a memo of that id."""
        with self._open() as database:
            return database.execute("SELECT 1 FROM memo WHERE id = ?", (memo_id,)).fetchone() is not None

    def set_result(self, memo: Memo, result: dict[str, Any], *, measured_at: str, version: str) -> Memo:
        """Store what was measured of *memo*, in place of what was before.

        Raises:
            UsageError: it was deleted meanwhile.
        """
        settings = json.dumps(result.get("settings"), sort_keys=True, allow_nan=False)
        with self._writing() as database:
            if not database.execute("SELECT 1 FROM memo WHERE id = ?", (memo.id,)).fetchone():
                raise UsageError(f"memo {memo.name} was deleted while it was measured")
            database.execute(
                "INSERT OR REPLACE INTO memo_result VALUES (?, ?, ?, ?, ?)",
                (memo.id, measured_at, version, settings, json.dumps(result, allow_nan=False)),
            )
            return self._one(database, "id = ?", memo.id)

    def delete(self, memo: Memo) -> None:
        """Remove *memo*, its results and its sound.

        Raises:
            EnvironmentProblem: its sound cannot be removed; all is as it was.
        """
        with self._writing() as database:
            database.execute("DELETE FROM memo WHERE id = ?", (memo.id,))
            try:
                # Within the transaction: whatever happens, no sound is left that is not listed.
                memo.path.unlink(missing_ok=True)
            except OSError as error:
                raise EnvironmentProblem(
                    f"the sound of memo {memo.name} cannot be removed ({error.strerror}): {memo.path}; nothing was deleted"
                ) from None

    def _one(self, database: sqlite3.Connection, where: str, value: str) -> Memo:
        return self._found(database, f"{_SELECT} WHERE {where}", (value,))[0]

    def _found(
        self, database: sqlite3.Connection, query: str, values: Iterable[str], tag: str | None = None
    ) -> list[Memo]:
        rows = database.execute(query, tuple(values)).fetchall()
        tags: dict[str, list[str]] = {}
        for memo_id, each in database.execute("SELECT memo_id, tag FROM memo_tag ORDER BY tag"):
            tags.setdefault(memo_id, []).append(each)
        memos = [self._memo(row, tuple(tags.get(row[0], ()))) for row in rows]
        if tag is None:
            return memos
        return [memo for memo in memos if name_key(tag) in map(name_key, memo.tags)]

    def _memo(self, row: tuple[Any, ...], tags: tuple[str, ...]) -> Memo:
        (
            memo_id,
            name,
            started_at,
            at_s,
            frames,
            rate_hz,
            channels,
            origin,
            device,
            lost,
            note,
            result,
            at,
            version,
        ) = row
        return Memo(
            id=memo_id, name=name, path=self.path_of(memo_id), started_at=started_at, at_s=at_s, frames=frames,
            sample_rate_hz=rate_hz, channels=channels, origin=origin, device=device, lost=lost, note=note, tags=tags,
            result=None if result is None else json.loads(result), measured_at=at, version=version,
        )  # fmt: skip


def _no_such(word: str, names: list[str]) -> str:
    import difflib

    if not names:
        return f"no memo {word!r}: there are none yet, record one with `softphone memo record`"
    nearest = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"the nearest is {nearest[0]}" if nearest else "`softphone memo list` shows them"
    return f"no memo {word!r}: {hint}"
