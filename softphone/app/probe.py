"""A caller that calls again and again: what it keeps, and what it writes as it goes."""

import contextlib
import json
import logging
import os
import time
from collections import deque
from typing import TextIO

from softphone.app.prometheus import Metrics
from softphone.app.result import Result, exit_status, make_result, utc_text
from softphone.call.outcome import Ending, Outcome
from softphone.call.record import CallInfo
from softphone.config import CallOptions
from softphone.errors import EnvironmentProblem, SoftphoneError, UnreachableError
from softphone.io.part_file import write_whole

log = logging.getLogger(__name__)

MAX_RESULTS = 100
"""Of a probe without end; of the older ones only the worst is kept."""


def not_placed(error: SoftphoneError, *, local_uri: str, peer_uri: str) -> Result:
    """The RESULT of a call for which there was no way, or no means here: it ends no probe."""
    outcome = Outcome.UNREACHABLE if isinstance(error, UnreachableError) else Outcome.FAILED
    info = CallInfo(
        call_id="",
        local_uri=local_uri,
        peer_uri=peer_uri,
        invited_at=0.0,
        ringing_at=None,
        answered_at=None,
        ended_at=None,
        srd_s=None,
        setup_s=None,
        sip_bytes_sent=0,
        sip_bytes_received=0,
    )
    ending = Ending(outcome, "local", None, str(error))
    result = make_result(info, ending, started_at=utc_text(time.time()), media=None, peer_result=None)
    result["error"] = str(error)
    return result


class Probe:
    """Takes each RESULT as it comes, for the list at the end and for the files that were asked for.

    Raises:
        EnvironmentProblem: a file cannot be written.
    """

    def __init__(self, options: CallOptions) -> None:
        self._kept: deque[Result] = deque(maxlen=options.repeat if options.repeat else MAX_RESULTS)
        self._worst_of_older: Result | None = None
        self._metrics = None if options.prometheus is None else Metrics(options.uri)
        self._prometheus = options.prometheus
        self._lines: TextIO | None = None
        self._out = options.out
        self._told = False
        if options.out is not None:
            try:
                # A probe that is started again goes on in the same file.
                is_torn = _is_torn(options.out)
                self._lines = open(options.out, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the probe
                if is_torn:
                    self._lines.write("\n")
            except OSError as error:
                raise EnvironmentProblem(f"--out {options.out} cannot be written: {error.strerror}") from None
        try:
            self._write_metrics()
        except BaseException:
            self.close()
            raise

    @property
    def results(self) -> list[Result]:
        """The newest, after the worst of those that are kept no longer."""
        older = [] if self._worst_of_older is None else [self._worst_of_older]
        return [*older, *self._kept]

    def add(self, result: Result) -> None:
        """Take the RESULT of a call that has ended."""
        if len(self._kept) == self._kept.maxlen:
            older = [each for each in (self._worst_of_older, self._kept[0]) if each is not None]
            worst = exit_status(older)
            self._worst_of_older = next(each for each in older if exit_status([each]) == worst)
        self._kept.append(result)
        problems = []
        for write in (self._write_line, self._write_metrics):  # each may be on a disk of its own
            try:
                write(result)
            except SoftphoneError as error:
                problems.append(str(error))
        for problem in () if self._told else problems:  # a full disk ends no probe, and is said once
            log.warning("%s", problem)
        self._told = bool(problems)

    def close(self) -> None:
        """Close the file of RESULTs."""
        if self._lines is not None:
            with contextlib.suppress(OSError):  # of a full disk, which has been told
                self._lines.close()
            self._lines = None

    def _write_line(self, result: Result) -> None:
        if self._lines is None:
            return
        try:
            self._lines.write(json.dumps(result, ensure_ascii=False) + "\n")
            self._lines.flush()
        except OSError as error:
            raise EnvironmentProblem(f"--out {self._out} cannot be written: {error.strerror}") from None

    def _write_metrics(self, newest: Result | None = None) -> None:
        if self._metrics is not None and self._prometheus is not None:
            if newest is not None:
                self._metrics.add(newest)
            write_whole(self._prometheus, self._metrics.render().encode(), force=True)


def _is_torn(path: str) -> bool:
    """Whether the last line of the file, where there is one, was not written to its end."""
    try:
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return os.path.isfile(path) and file.read(1) != b"\n"
    except OSError:  # none there yet, or empty, or no file to go back in
        return False
