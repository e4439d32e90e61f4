"""Voices over remote control: record a memo and see the voice meanwhile; the memos there are, how they are, and their sound.

What the voice does is told only while somebody listens (`LIVE_HZ` times a second), and nothing is computed otherwise. Memos
go by their names. Who may only look sees everything, and neither records nor hears.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from softphone.app.live_take import LiveTake, live_settings
from softphone.app.memo_shelf import MOST, MemoShelf
from softphone.app.recordings import TicketOffice
from softphone.control.errors import ControlError
from softphone.control.op import CONTROL, VIEW, Argument, Client, Op
from softphone.errors import SoftphoneError
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.memos.keeping import recover
from softphone.io.memos.memo import MOST_NAME, Memo
from softphone.io.voice_job import VoiceJob

log = logging.getLogger(__name__)

VOICE, MEMOS = "voice", "memos"
"""Topics."""
LIVE_HZ = 22.0
"""A little more than the 20 a second that are promised."""
MAX_WAITING = 2
"""Pages and measurements that clients wait for at once, each in a thread, of which the server has but four."""

Begin = Callable[[str | None], LiveTake]
"""Makes a take of a memo of that name; raises SoftphoneError."""


class VoiceDesk:
    """A `softphone.control.Domain`; for any thread.

    Args:
        shelf: the memos.
        tickets: gives files addresses.
        begin: see `Begin`.
        job: what the figures are made with, for whoever asks.
        measures: whether a memo is measured without being asked for it.
    """

    def __init__(
        self,
        shelf: MemoShelf,
        tickets: TicketOffice,
        begin: Begin,
        *,
        job: VoiceJob | None = None,
        measures: bool = True,
    ) -> None:
        self.publish: Callable[..., None] = lambda topic, body, **how: None
        self.is_wanted: Callable[[str], bool] = lambda topic: True
        self.on_memo: Callable[[Memo], None] = lambda memo: None
        """Told of each memo that was recorded, once it is measured."""
        self.take: LiveTake | None = None
        """What is being recorded."""
        self._shelf, self._tickets, self._begin = shelf, tickets, begin
        self._settings = (VoiceJob("") if job is None else job).settings()
        self._measures = measures
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MAX_WAITING)
        self._behind = ThreadPoolExecutor(1, "memos")
        self._listed: list[dict[str, Any]] = []
        self.problem: str | None = None
        """Why the last memo ended too early, or came to nothing."""
        self._last: dict[str, Any] = {}
        self._live: threading.Thread | None = None
        self._closed = False

    def open(self) -> None:
        """Make memos of what was cut off and measure them, and look what there is; for a thread."""
        found = recover(self._shelf.store)
        for problem in found.problems:
            log.warning("%s", problem)
        self._refresh()
        for memo in found.memos:
            self._measure_soon(memo)

    def close(self) -> None:
        """Keep what is being recorded, and give up what is being made; for a thread."""
        if self.take is not None:
            self._end(self.take)
        self._closed = True
        self._shelf.close()
        self._behind.shutdown(cancel_futures=True)

    def finish(self) -> None:
        """End what is being recorded, and wait until all is measured; for a thread."""
        if self.take is not None:
            self._end(self.take)
        self._behind.shutdown()

    def record(self, name: str | None) -> LiveTake:
        """Begin a memo; raises SoftphoneError."""
        with self._lock:
            if self.take is not None or self._closed:
                raise ControlError("not-possible", "a memo is being recorded already: stop it first")
            take = self._begin(name)
            take.take.start()
            self.take, self.problem, self._last = take, None, {}
            self._live = threading.Thread(target=self._listen, args=(take,), name="voice", daemon=True)
            self._live.start()
        self.publish(VOICE, {"recording": take.take.name})
        return take

    def ops(self) -> Sequence[Op]:
        """Operations of this domain."""
        which = Argument("memo", "text", "name of a memo, as `memos` lists it", low=1, high=MOST_NAME)
        example = {"memo": "morning"}
        return (
            Op(
                "voice", "what is being recorded, and what the figures of a voice are made with", VIEW, "aside", (),
                lambda client, given: self._about(),
                "`recording`: name of the memo, or null; `settings` by measure; `low_hz` and `high_hz` of the pitch",
            ),
            Op(
                "voice.record", "record a memo from the sound device of the program", CONTROL, "aside",
                (Argument("name", "text", "its name; the time where left out", required=False, low=1, high=MOST_NAME),),
                self._record, "`recording`: its name", {"name": "evening"},
            ),
            Op(
                "voice.stop", "end the memo that is being recorded; it is measured then", CONTROL, "aside", (),
                self._stop, "`recording`: null; `memo`: as `memos` lists it",
            ),
            Op(
                "memos", "the newest memos, with what was measured", VIEW, "aside",
                (Argument("most", "integer", "how many", required=False, default=MOST, low=1, high=MOST),),
                lambda client, given: {"memos": self._shelf.newest(given["most"])}, "`memos`: a list, the newest first",
            ),
            Op(
                "memo.measure", "measure a memo again", CONTROL, "aside", (which,), self._measure,
                "`memo`: as `memos` lists it", example,
            ),
            Op(
                "memo.report", "the page about a memo; made when it is first asked for, which takes some seconds", VIEW,
                "aside", (which,), self._report, "`url`: where it can be fetched during the next ten minutes", example,
            ),
            Op(
                "memo.listen", "the sound of a memo", CONTROL, "aside", (which,), self._listen_to,
                "`url`: where it can be fetched during the next ten minutes", example,
            ),
            Op(
                "memo.delete", "delete a memo for good: its sound and its figures", CONTROL, "aside", (which,),
                self._delete, "`deleted`: its name", example,
            ),
        )  # fmt: skip

    def topics(self) -> Mapping[str, str]:
        """What is published."""
        return {
            VOICE: f"the voice while a memo is recorded, {LIVE_HZ:g} times a second: level, pitch, spectrum, and the figures of a "
            "vowel that is held",
            MEMOS: f"the newest {MOST} memos, whenever one comes, goes or is measured",
        }

    def snapshot(self, topic: str) -> Mapping[str, Any] | None:
        """What a new subscriber is told."""
        return {"memos": self._listed} if topic == MEMOS else self._now() if topic == VOICE else None

    def _now(self) -> dict[str, Any]:
        take = self.take
        if take is not None:
            return {**self._last, "recording": take.take.name}
        return {**self._last, "recording": None, "problem": self.problem}

    def _about(self) -> Mapping[str, Any]:
        settings = self._settings
        span = {"low_hz": settings.pitch_floor_hz, "high_hz": settings.pitch_ceiling_hz}
        return {**self._now(), **span, "settings": live_settings(settings)}

    def _listen(self, take: LiveTake) -> None:
        """In a thread of its own: tell what the voice does, as long as it is recorded."""
        due = time.monotonic()
        while not take.take.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / LIVE_HZ, time.monotonic())
            if self.is_wanted(VOICE):
                self._last = take.told()
                self.publish(VOICE, self._last, fleeting=True)
        self._end(take)

    def _end(self, take: LiveTake) -> Memo | None:
        """Keep what was recorded; the memo, or None where there is none, which is told."""
        memo: Memo | None = None
        problem: str | None = None
        try:
            memo = take.take.stop()
            if take.take.fault is not None:
                problem = str(take.take.fault)
        except SoftphoneError as error:
            problem = str(error)
        with self._lock:
            if self.take is not take:  # the other thread was here first
                return memo
            self.take = None
            self.problem = None if problem is None else self._shelf.without_folder(problem)
        self.publish(VOICE, {"recording": None, "problem": self.problem})
        if memo is not None:
            self._measure_soon(memo)
        return memo

    def _measure_soon(self, memo: Memo) -> None:
        if self._measures:
            self._shelf.states[memo.id] = "measuring"
        with _too_late():
            self._behind.submit(self._kept, memo)

    def _kept(self, memo: Memo) -> None:
        """Tell of *memo*, and measure it where that is wanted."""
        self._refresh()
        if self._measures:
            try:
                memo = self._shelf.measure(memo)
            except SoftphoneError as error:
                log.warning("%s", error)
            self._refresh()
        self.on_memo(memo)

    def _refresh(self) -> None:
        """Read the list anew and tell it."""
        if self._closed:
            return
        try:
            self._listed = self._shelf.newest()
        except SoftphoneError as error:
            log.warning("%s", error)
        self.publish(MEMOS, {"memos": self._listed})

    def _record(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._refusals(), told_to_the_user():
            return {"recording": self.record(given["name"]).take.name}

    def _stop(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        take = self.take
        if take is None:
            raise ControlError("not-possible", "nothing is being recorded")
        memo = self._end(take)
        if memo is None:
            raise ControlError("not-possible", self.problem or "nothing was recorded")
        return {
            "recording": None,
            "memo": self._shelf.told(memo, state="measuring" if self._measures else "ready"),
        }

    def _measure(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._work(given["memo"]) as memo:
            self._shelf.states[memo.id] = "measuring"
            self._refresh()
            try:
                memo = self._shelf.measure(memo)
            finally:
                self._refresh()
        return {"memo": self._shelf.told(memo)}

    def _report(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._work(given["memo"]) as memo:
            page = self._shelf.page(memo)
        return {"url": self._tickets.issue(page, "text/html; charset=utf-8", name=f"{memo.name}.html")}

    def _listen_to(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._refusals():
            memo = self._shelf.store.find(given["memo"])
            sound = self._shelf.store.sound_of(memo)
        return {"url": self._tickets.issue(sound, "audio/flac", name=f"{memo.name}.flac")}

    def _delete(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._refusals():
            memo = self._shelf.store.find(given["memo"])
            self._shelf.delete(memo)
        self._refresh()
        return {"deleted": memo.name}

    @contextmanager
    def _work(self, name: str) -> Iterator[Memo]:
        """The memo *name*, for something that takes a while."""
        with self._refusals():
            memo = self._shelf.store.find(name)
            if memo.id in self._shelf.states:
                raise ControlError("not-possible", f"memo {memo.name} is being measured: ask again later")
            if not self._waiting.acquire(blocking=False):
                raise ControlError(
                    "too-many", f"{MAX_WAITING} memos are being worked on already: ask again later"
                )
            try:
                yield memo
            finally:
                self._waiting.release()

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except SoftphoneError as error:
            raise ControlError("not-possible", self._shelf.without_folder(str(error))) from None


@contextmanager
def _too_late() -> Iterator[None]:
    """The program ends: it stays unmeasured, and `softphone memo measure` measures it."""
    try:
        yield
    except RuntimeError:
        log.info("= too late to measure")
