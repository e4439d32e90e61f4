"""A memo while it is recorded: one thread takes blocks from a port, another writes them into a journal."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from dsp.full_scale import amplitude_db, peak_of, power_db
from dsp.mending import mend
from dsp.types import Block
from softphone.errors import EnvironmentProblem, SoftphoneError, UsageError
from softphone.io.live.port import Port
from softphone.io.memos.journal import CutOff, JournalWriter
from softphone.io.memos.keeping import keep, unfit
from softphone.io.memos.memo import (
    Memo,
    NewMemo,
    checked_name,
    checked_note,
    checked_tags,
    printable,
    stamp_of,
)
from softphone.io.memos.store import MemoStore

WRITE_S = 0.25
"""From one piece of the journal to the next."""
MOST_WAITING_S = 30.0
"""Sound that waits for a slow disk; more is the end."""

Ended = Literal["stopped", "end", "seconds", "fault"]


@dataclass(frozen=True, slots=True)
class TakeStatus:
    """How a recording does; reading changes nothing."""

    running: bool
    """Whether sound is taken."""
    ended_by: Ended | None
    """``stopped``, ``end`` of the file, ``seconds`` as asked for, ``fault``; None: it is not over."""
    error: str | None
    """The fault that ended it, in one line."""
    name: str
    """Asked for; a name that is taken gets a number at the end."""
    device: str
    seconds: float
    """Taken so far."""
    saved_s: float
    """Of them on the disk."""
    total_s: float | None
    """Length there will be; None: until it is stopped."""
    sample_rate_hz: int
    channels: int
    level_dbfs: float | None
    """RMS of the newest quarter of a second; None: silence."""
    peak_dbfs: float | None
    """Greatest sample of all so far."""
    lost: int
    """Times that the system lost samples."""


class MemoTake:
    """Records from *port* into *store*, from `start` to `stop`; one object for one memo, for any thread.

    Args:
        port: where blocks come from; it belongs to the take from here on.
        store: where the memo goes.
        name: what it is to be called; None: the time it begins.
        on_block: told each block, float32 ``(channels, n)``, to keep but not to change, in the thread that records: it must
            return at once. What it raises ends its being told, and is in `listener_fault`.
        note: words of the person's own.
        tags: to find it by.
        seconds: end after so long; None: with the port, or by `stop`.
        on_end: called in the recording thread when it has ended by itself or was stopped; `stop` is then still to be called.
        now: the time of day, with its distance from UTC.

    Raises:
        UsageError: a name, note or tag that cannot be.
    """

    def __init__(
        self,
        port: Port,
        store: MemoStore,
        name: str | None = None,
        on_block: Callable[[Block], None] | None = None,
        *,
        note: str = "",
        tags: tuple[str, ...] = (),
        seconds: float | None = None,
        on_end: Callable[[], None] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone(),
    ) -> None:
        self._port, self._store = port, store
        self._device = printable(port.name).removesuffix(" -> null")
        self._on_block, self._on_end, self._now = on_block, on_end, now
        self.name = None if name is None else checked_name(name)
        self._note, self._tags = checked_note(note), checked_tags(tags)
        self._left = None if seconds is None else round(seconds * port.sample_rate_hz)
        self._seconds = seconds
        self._waiting: list[Block] = []
        self._waiting_frames = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._finishing = threading.Lock()
        self._stopped = False
        self._ended_by: Ended | None = None
        self._frames = 0
        self._level_dbfs: float | None = None
        self._peak = 0.0
        self._is_full = False
        """Whether the disk takes no more."""
        self._journal: JournalWriter | None = None
        self._memo: Memo | None = None
        self.fault: SoftphoneError | None = None
        """What ended it, where it was no end; what had come until then is kept all the same."""
        self.listener_fault: Exception | None = None
        """What *on_block* raised."""
        self._capturing = threading.Thread(target=self._capture, name="memo capture", daemon=True)
        self._writing = threading.Thread(target=self._write, name="memo journal", daemon=True)

    def start(self) -> None:
        """Begin.

        Raises:
            SoftphoneError: the port cannot be opened, or the journal not be written; nothing is left.
        """
        port, at = self._port, self._now()
        self.name = at.strftime("%Y-%m-%d-%H%M%S") if self.name is None else self.name
        new = NewMemo(
            id=at.astimezone(UTC).strftime("%Y%m%d-%H%M%S"),
            name=self.name,
            started_at=stamp_of(at),
            sample_rate_hz=port.sample_rate_hz,
            channels=port.channels_in,
            device=self._device,
            note=self._note,
            tags=self._tags,
        )
        try:
            if (problem := unfit(new)) is not None:
                raise problem
            self._journal = JournalWriter(self._store.journals, new)
            port.open(port.channels_in)
        except BaseException:
            if self._journal is not None:
                self._journal.discard()
            port.close()
            raise
        self._writing.start()
        self._capturing.start()

    def stop(self) -> Memo:
        """End it, wait until all is on the disk, and return the memo; from then on always the same one.

        Raises:
            UsageError: no sound came, so that there is no memo.
            SoftphoneError: there is no room for it; what was recorded is kept in its journal, and becomes a memo with the next
                command that finds room.
        """
        with self._finishing:
            if self._memo is None:
                self._stopped = True
                self._port.stop()
                for each in (self._capturing, self._writing):
                    if each.ident is not None:
                        each.join()
                self._memo = self._finished()
            return self._memo

    def wait(self, seconds: float) -> bool:
        """Wait until no more sound is taken, at most so long; whether it is over."""
        return self._over.wait(seconds)

    def status(self) -> TakeStatus:
        """How it does; from any thread."""
        port, rate = self._port, self._port.sample_rate_hz
        state, journal = port.status(), self._journal
        return TakeStatus(
            running=self._capturing.is_alive() and not self._over.is_set(),
            ended_by=self._ended_by,
            error=None if self.fault is None else str(self.fault),
            name=self.name or "",
            device=self._device,
            seconds=self._frames / rate,
            saved_s=0.0 if journal is None else journal.frames / rate,
            total_s=_least(self._seconds, state.total_s),
            sample_rate_hz=rate,
            channels=port.channels_in,
            level_dbfs=self._level_dbfs,
            peak_dbfs=amplitude_db(self._peak),
            lost=state.xruns_system,
        )

    def _capture(self) -> None:
        ended: Ended = "end"
        try:
            try:
                while self._left != 0 and (block := self._port.read()) is not None:
                    if self._left is not None:
                        block = block[:, : self._left]
                        self._left -= block.shape[1]
                    mend(block)
                    self._take(block.copy())
                    self._port.write(block)
            finally:
                self._port.close()
            ended = "seconds" if self._left == 0 else "stopped" if self._stopped else "end"
        except SoftphoneError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - the top of a thread: told in the status
            self._fail(
                SoftphoneError(f"the recording ended by a fault of ours: {type(error).__name__}: {error}")
            )
        finally:
            self._ended_by = ended if self.fault is None else "fault"
            self._over.set()
            if self._on_end is not None:
                self._on_end()

    def _take(self, block: Block) -> None:
        with self._lock:
            self._waiting.append(block)
            self._waiting_frames += block.shape[1]
            waiting_s = self._waiting_frames / self._port.sample_rate_hz
        self._frames += block.shape[1]
        if waiting_s > MOST_WAITING_S:
            raise EnvironmentProblem(
                f"the disk has taken nothing for {MOST_WAITING_S:g} s: the memo ends; name another folder with --folder"
            )
        if self._on_block is not None:
            try:
                self._on_block(block)
            except Exception as error:  # noqa: BLE001 - who listens must not end the recording
                self._on_block, self.listener_fault = None, error

    def _write(self) -> None:
        """In its own thread: what has come, into the journal."""
        is_over = False
        while not is_over:
            is_over = self._over.wait(WRITE_S)
            with self._lock:
                pieces, self._waiting, self._waiting_frames = self._waiting, [], 0
            if pieces:
                self._save(np.concatenate(pieces, axis=1))
            if not is_over and not self._port.status().connected:
                self._fail(
                    EnvironmentProblem(
                        f"the sound device {self._device} went away: what was recorded until then is kept"
                    )
                )
                self._port.stop()

    def _save(self, block: Block) -> None:
        self._peak = max(self._peak, peak_of(block))
        self._level_dbfs = power_db(float(np.mean(np.square(block))))
        assert self._journal is not None
        if self._is_full:
            return
        try:
            self._journal.append(block)
        except SoftphoneError as error:
            self._is_full = True
            self._fail(error)
            self._port.stop()

    def _fail(self, error: SoftphoneError) -> None:
        if self.fault is None:
            self.fault = error

    def _finished(self) -> Memo:
        journal = self._journal
        if journal is None:
            raise UsageError("the recording was not begun")
        if not journal.frames:
            journal.discard()
            raise self.fault or UsageError(
                f"no sound came from {self._device}: nothing was kept; `softphone devices` lists others"
            )
        try:
            memo = keep(self._store, journal.path, origin="recorded", lost=self._port.status().xruns_system)
            if memo is None:
                raise CutOff(f"{journal.path} cannot be read back")
        except (SoftphoneError, OSError, CutOff) as error:
            journal.close()
            raise EnvironmentProblem(
                f"{error}; the recording is safe in {journal.path} and becomes a memo with the next `softphone memo list` "
                "once that is mended"
            ) from None
        journal.discard()
        return memo


def _least(first: float | None, second: float | None) -> float | None:
    there = [each for each in (first, second) if each is not None]
    return min(there) if there else None
