"""Rows of results in a file of JSON Lines, one written as soon as it is there: what is done is not done again.

Each line is ``{"key": {...}, "row": {...}}``. A last line that is cut off, as a power failure leaves it, is dropped.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from softphone.errors import EnvironmentProblem, UsageError

Key = Mapping[str, Any]


def key_text(key: Key) -> str:
    """One text for equal keys."""
    return json.dumps(key, sort_keys=True, default=str)


class RowFile:
    """Rows by their keys, kept in *path*.

    Args:
        path: of the file, whose folder is made; None: in memory only.

    Raises:
        UsageError: the file holds something else.
        EnvironmentProblem: it cannot be read or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Any]] = {}
        self._file: Any = None
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            data = path.read_bytes() if path.exists() else b""
            whole = self._load(data)
            self._file = path.open("r+b" if data else "ab")
            self._file.truncate(whole)
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise EnvironmentProblem(
                f"{path} cannot be used for results ({error.strerror}): wanted a folder that is writable"
            ) from None

    def _load(self, data: bytes) -> int:
        """Take the rows of *data*; return how much of it is whole lines."""
        whole = 0
        for number, line in enumerate(data.splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                entry = json.loads(line)
                self._rows[key_text(entry["key"])] = dict(entry["row"])
            except (ValueError, TypeError, KeyError):
                raise UsageError(
                    f"{self._path} line {number} is no row of results: move the file away, or name another folder"
                ) from None
            whole += len(line)
        return whole

    def get(self, key: Key) -> dict[str, Any] | None:
        """The row of *key*, if it was done."""
        return self._rows.get(key_text(key))

    def add(self, key: Key, row: Mapping[str, Any]) -> None:
        """Keep *row*.

        Raises:
            EnvironmentProblem: the disk is full, or gone.
        """
        self._rows[key_text(key)] = dict(row)
        if self._file is None:
            return
        line = json.dumps({"key": dict(key), "row": dict(row)}, allow_nan=False, default=str) + "\n"
        try:
            self._file.write(line.encode())
            self._file.flush()
        except OSError as error:
            raise EnvironmentProblem(
                f"{self._path} cannot be written ({error.strerror}): what is in it stays; make room and start again"
            ) from None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
