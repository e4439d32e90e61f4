"""A CSV file that grows row by row and can be gone on with: what is whole in it stays, a last line that is cut off goes."""

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.part_file import write_whole

Row = Mapping[str, Any]
Key = tuple[str, ...]


class CsvRows:
    """Rows of the columns *columns* in *path*.

    Args:
        path: of the file; if it is there already it must be one of these.
        columns: their names; a row lacks those it has no value for.
        force: begin anew, whatever is there.

    Raises:
        UsageError: the file is something else, or has other columns.
        EnvironmentProblem: it cannot be read or written.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, force: bool = False) -> None:
        self.path, self._columns = path, tuple(columns)
        self.rows: list[dict[str, str]] = []
        """What was in it, in order."""
        try:
            data = b"" if force or not path.exists() else path.read_bytes()
        except OSError as error:
            raise self._fault(error) from None
        head = self._line(self._columns)
        if len(data) < len(head) and head.startswith(data):  # cut off in its first line
            data = b""
        if data:
            self._load(data)
        if force or not data:
            write_whole(path, head, force=True)
        else:
            whole = self._lines(self.rows)
            if whole != data:
                write_whole(path, whole, force=True)
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise self._fault(error) from None

    def keep(self, wanted: Callable[[Row], bool]) -> None:
        """Drop the rows that are not *wanted*.

        Raises:
            EnvironmentProblem: it cannot be written.
        """
        kept = [row for row in self.rows if wanted(row)]
        if len(kept) == len(self.rows):
            return
        self._file.close()
        self.rows = kept
        write_whole(self.path, self._lines(kept), force=True)
        self._file = self.path.open("ab", buffering=0)

    def done(self, wanted: set[Key], key_of: Callable[[Row], Key]) -> dict[Key, Row]:
        """The rows of *wanted* that are there already; those that took their place in an earlier run are dropped.

        Args:
            wanted: the rows there are to be, by what they were made from and with.
            key_of: that of a row; its first two items say which row it is, the others whether it is still true.

        Raises:
            EnvironmentProblem: it cannot be written.
        """
        named = {key[:2] for key in wanted}
        seen: set[Key] = set()

        def is_kept(row: Row) -> bool:
            key = key_of(row)
            is_new = key not in seen  # two runs at once may have done it twice
            seen.add(key)
            return is_new and (key[:2] not in named or key in wanted)

        self.keep(is_kept)
        return {key: row for row in self.rows if (key := key_of(row)) in wanted}

    def add(self, row: Row) -> None:
        """Append one row, whole or not at all.

        Raises:
            EnvironmentProblem: the disk is full, or gone.
        """
        line = self._line([row.get(column) for column in self._columns])
        at = self._file.seek(0, os.SEEK_END)
        try:
            if self._file.write(line) != len(line):
                self._file.truncate(at)
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise self._fault(error) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _load(self, data: bytes) -> None:
        other = UsageError(
            f"{self.path} holds other columns than these rows have: name another file, or --force begins anew"
        )
        text = data.decode("utf-8", "surrogateescape")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        found: list[list[str]] = []
        is_whole = text.endswith("\n")
        try:
            for row in reader:
                found.append(row)  # noqa: PERF402 - those before a fault are to stay
        except csv.Error:  # a quoted cell without its end: the row is not there
            is_whole = True
        if not found or tuple(found[0]) != self._columns:
            raise other
        if not is_whole:
            found = found[:-1]
        self.rows = [
            dict(zip(self._columns, row, strict=True)) for row in found[1:] if len(row) == len(self._columns)
        ]

    def _lines(self, rows: Sequence[Row]) -> bytes:
        return self._line(self._columns) + b"".join(
            self._line([row.get(column) for column in self._columns]) for row in rows
        )

    def _line(self, cells: Sequence[Any]) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(["" if cell is None else cell for cell in cells])
        return text.getvalue().encode("utf-8", "surrogateescape")

    def _fault(self, error: OSError) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"{self.path} cannot be written ({error.strerror}): what is in it stays; wanted a folder that exists and has room"
        )
