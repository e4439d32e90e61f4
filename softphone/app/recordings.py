"""Recorded calls over remote control: what there is, how good it was, the page about it, and the sound itself.

What is told of a recording is `softphone.app.recording_folder.RecordingFolder.described`, and ``state``: ``recording`` while
its call runs, ``scoring``, then ``ready``. Scores and pages are made in a child process, one at a time.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from dsp.wording import shown
from softphone.app.call_ending import SCORE_TIMEOUT_S
from softphone.app.recording_folder import (
    ASKED,
    NONE,
    SENT,
    RecordedFiles,
    RecordingFolder,
    read_json,
    reference_of,
    shown_reference,
    sound_files,
)
from softphone.app.result import Result
from softphone.app.score_trust import PARAMETRIC
from softphone.app.scored_call import add_score, add_words
from softphone.app.stop import unless_stopped
from softphone.control.errors import ControlError
from softphone.control.op import CONTROL, VIEW, Argument, Client, Op, closest
from softphone.errors import SoftphoneError
from softphone.io.scoring import score_file_in_child
from softphone.io.speech import PREFIX, builtin_names, speech_path
from softphone.scorer.score import call_score

log = logging.getLogger(__name__)

TOPIC = "recordings"
MOST = 50
"""Recordings that are listed."""
MAX_WAITING = 2
"""Scores and pages that clients wait for at once, each in a thread, of which the server has but four; those of calls that ended
always wait their turn."""
RECORDED_S = 1.5
"""After so long the first second of a call is on the disk."""

Scorer = Callable[..., Awaitable[dict[str, Any]]]


class TicketOffice(Protocol):
    """Gives files an address for a while: `softphone.io.control.tickets.Tickets`."""

    def issue(self, content: str | PathLike[str] | bytes, content_type: str, *, name: str) -> str:
        """The path under which *content* can be fetched."""


class Recordings:
    """A `softphone.control.Domain`; to be made in the event loop.

    Args:
        folder: where they lie.
        tickets: gives them addresses.
        expect: what peers send, the reference of new recordings; None: their signal is checked.
        score: `softphone.io.scoring.score_file_in_child`.
    """

    def __init__(
        self,
        folder: RecordingFolder,
        tickets: TicketOffice,
        *,
        expect: str | None = None,
        score: Scorer = score_file_in_child,
    ) -> None:
        self.folder = folder
        self.publish: Callable[[str, Mapping[str, Any]], None] = lambda topic, body: None
        self._tickets = tickets
        self._expect = NONE if expect is None else expect
        self._score = score
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._states: dict[str, str] = {}
        self._faults: dict[str, str] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listed: list[dict[str, Any]] = []
        """As the folder was read last."""
        self._telling = False
        self._closed = False

    async def open(self) -> None:
        """Look through the folder once, so that the first who asks need not wait."""
        self._listed = await asyncio.to_thread(self._list, MOST)

    def begin(self) -> RecordedFiles:
        """Names for the recording of a call that begins; raises EnvironmentProblem."""
        files = self.folder.begin(datetime.now(UTC))
        self._states[files.name] = "recording"
        return files

    def drop(self, files: RecordedFiles) -> None:
        """The call never came about: leave nothing of it."""
        self._states.pop(files.name, None)
        self.folder.drop(files)

    def running(self) -> None:
        """A call's recording has begun: it is in the list as soon as there is sound in it."""
        self._loop.call_later(RECORDED_S, self._tell)

    async def keep(
        self,
        files: RecordedFiles,
        result: Result,
        *,
        direction: str,
        heard_codecs: Iterable[str],
        stop: asyncio.Event,
    ) -> None:
        """Keep the recording of a call that has ended, and score it unless *stop* is requested (once more).

        Score, verdicts and the name of the recording are put into *result*. A call that was never heard leaves nothing.
        """
        if result["duration_s"] is None:
            self.drop(files)
            return
        result["recording"] = str(files.heard)
        codecs = sorted(heard_codecs)
        own = {"direction": direction, "reference": self._expect, "heard_codecs": codecs}
        self._states[files.name] = "scoring"
        try:
            await asyncio.to_thread(self.folder.write, files.result, {**result, **own})
            self._tell()
            work = self._scored(files, self._expect, _trusted(codecs))
            found = await unless_stopped(work, stop)
            if self._expect == NONE:
                if found is not None and "error" not in found:
                    add_words(result, found["verdict"], trusted=_trusted(codecs) is not False)
            else:
                add_score(result, _for_call(found))
            await asyncio.to_thread(self.folder.write, files.result, {**result, **own})
        except SoftphoneError as error:  # the disk is full: the RESULT is printed all the same
            log.warning("%s", error)
        finally:
            self._states.pop(files.name, None)
            self._tell()

    async def close(self) -> None:
        """Stop what is being made for those who asked."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def ops(self) -> Sequence[Op]:
        """Operations of this domain."""
        which = Argument("recording", "text", "name of a recording, as `recordings` lists it", low=1, high=40)
        return (
            Op(
                "recordings",
                "the newest recordings of calls, with what their scores say",
                VIEW,
                "aside",
                (Argument("most", "integer", "how many", required=False, default=MOST, low=1, high=MOST),),
                lambda client, given: {"recordings": self._list(given["most"])},
                "`recordings`: a list, the newest first",
            ),
            Op(
                "report",
                "the page about a recording; made when it is first asked for, which takes some seconds",
                VIEW,
                "aside",
                (which,),
                self._report,
                "`url`: where it can be fetched during the next ten minutes",
                {"recording": "20260101-120000"},
            ),
            Op(
                "listen",
                "the sound of a recording",
                CONTROL,
                "aside",
                (which,),
                self._listen,
                "`url` of what was heard and `sent_url` of what was sent, during the next ten minutes; null where there is none",
                {"recording": "20260101-120000"},
            ),
            Op(
                "score",
                "score a recording again",
                CONTROL,
                "aside",
                (
                    which,
                    Argument(
                        "reference",
                        "text",
                        "`builtin:NAME`, `sent` (for a peer that sends back what it hears), `none` (only the signal is checked), "
                        "or `recorded`, what the call was to be scored against; as it was scored last, where it is left out",
                        required=False,
                        high=100,
                    ),
                ),
                self._score_again,
                "`recording`: as `recordings` lists it",
                {"recording": "20260101-120000", "reference": "builtin:man"},
            ),
        )

    def topics(self) -> Mapping[str, str]:
        """What is published."""
        return {TOPIC: f"the newest {MOST} recordings, whenever one begins, ends or is scored"}

    def snapshot(self, topic: str) -> Mapping[str, Any] | None:
        """What a new subscriber is told: the list as it was read last; it is read anew beside the loop, and told."""
        if topic != TOPIC:
            return None
        self._tell()
        return {"recordings": self._listed}

    def _list(self, most: int) -> list[dict[str, Any]]:
        entries = [self._with_state(entry) for entry in self.folder.newest(most)]
        return [
            each for each in entries if each["heard"] or each["state"] != "recording"
        ]  # else it only rings

    def _with_state(self, entry: dict[str, Any]) -> dict[str, Any]:
        name = entry["recording"]
        state = entry["state"] = self._states.get(name, "ready")
        if state == "recording":
            entry["problem"] = None
        if entry["score"] is None and name in self._faults:
            entry["why"] = self._faults[name]
        return entry

    def _report(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        files = self._ready(given["recording"])
        if not _is_newer(files.page, files.heard):
            result, score = read_json(files.result) or {}, read_json(files.score) or {}
            self._in_loop(self._scored(files, reference_of(result, score), _trusted_of(result), page=True))
        name = f"{files.name}.html"
        return {"url": self._tickets.issue(files.page, "text/html; charset=utf-8", name=name)}

    def _listen(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        files = self._found(given["recording"])
        urls = {
            what: self._tickets.issue(path, "audio/wav", name=path.name) for what, path in sound_files(files)
        }
        if not urls:
            raise ControlError("not-possible", f"there is no sound in recording {files.name}")
        return {"url": urls.get("heard"), "sent_url": urls.get("sent")}

    def _score_again(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        files = self._ready(given["recording"])
        result = read_json(files.result) or {}
        reference = self._reference(given["reference"], result, read_json(files.score) or {})
        if reference == SENT and SENT not in dict(sound_files(files)):
            raise ControlError(
                "not-possible", f"nothing was sent in recording {files.name}: name another reference"
            )
        self._in_loop(self._scored(files, reference, _trusted_of(result)))
        self._loop.call_soon_threadsafe(self._tell)
        return {"recording": self._with_state(self.folder.described(files))}

    def _reference(self, asked: str | None, result: Mapping[str, Any], score: Mapping[str, Any]) -> str:
        if asked is None:
            return reference_of(result, score)
        if asked == "recorded":
            return reference_of(result, {})
        known = [NONE, SENT, *(PREFIX + name for name in builtin_names())]
        if asked not in known:
            words, close = closest(asked, [*known, "recorded"])
            raise ControlError("bad-value", f"no reference {shown(asked)}; {words}", **close)
        return asked

    def _found(self, name: str) -> RecordedFiles:
        files = self.folder.find(name)
        if files is None:
            raise ControlError("unknown-recording", f"no recording {shown(name)}: see `recordings`")
        return files

    def _ready(self, name: str) -> RecordedFiles:
        files = self._found(name)
        if (state := self._states.get(files.name)) is not None:
            raise ControlError(
                "not-possible", f"recording {files.name} is not ready, but {state}: ask again later"
            )
        if "heard" not in dict(sound_files(files)):
            raise ControlError("not-possible", f"nothing was heard in recording {files.name}")
        return files

    def _in_loop(self, work: Coroutine[Any, Any, dict[str, Any]]) -> Mapping[str, Any]:
        """The result of *work*, done in the event loop, for a thread that waits; raises ControlError."""
        try:
            found = asyncio.run_coroutine_threadsafe(self._in_turn(work), self._loop).result()
        except concurrent.futures.CancelledError:
            raise ControlError("not-possible", "the program is about to end") from None
        if "error" in found:
            raise ControlError("not-possible", str(found["error"]))
        return found

    async def _in_turn(self, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        if self._closed or self._waiting >= MAX_WAITING:
            work.close()
            if self._closed:
                raise ControlError("not-possible", "the program is about to end")
            raise ControlError("too-many", f"{MAX_WAITING} scores are being made already: ask again later")
        task = asyncio.current_task()
        assert task is not None
        self._waiting += 1
        self._tasks.add(task)
        try:
            return await work
        finally:
            self._tasks.discard(task)
            self._waiting -= 1

    async def _scored(
        self, files: RecordedFiles, reference: str, trusted: bool | None, *, page: bool = False
    ) -> dict[str, Any]:
        """Score *files*, keep what was found, and return it; ``{"error": why}`` where there is nothing."""
        sent = files.sent.name if SENT in dict(sound_files(files)) else None
        said = {NONE: None, SENT: sent}.get(reference, reference)
        path = None if said in (None, sent) else _whole_path(str(said))
        async with self._turn:
            found = await self._score(
                files.heard.name,
                folder=self.folder.path,
                reference=said if path is None else path,
                far=None if reference == SENT else sent,
                trusted=trusted,
                report=files.page.name if page else None,
                names=(files.name, None if said is None else shown_reference(reference)),
                timeout_s=SCORE_TIMEOUT_S,
            )
        if "error" in found:
            error = str(found["error"])
            if path is not None:
                error = error.replace(path, shown_reference(reference))
            self._faults[files.name] = error
            return {"error": error}
        self._faults.pop(files.name, None)
        if not page:  # it speaks of another reference, perhaps
            files.page.unlink(missing_ok=True)
        try:
            await asyncio.to_thread(self.folder.write, files.score, {**found, ASKED: reference})
        except SoftphoneError as error:
            log.warning("%s", error)
        if page:
            self._tell()
        return found

    def _tell(self) -> None:
        """Tell all who subscribed, soon: reading the folder is no work for the event loop."""
        if self._telling or self._closed:
            return
        self._telling = True
        task = self._loop.create_task(self._told())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _told(self) -> None:
        self._telling = False  # what changes while the folder is read is told once more
        with contextlib.suppress(asyncio.CancelledError):
            self._listed = await asyncio.to_thread(self._list, MOST)
            self.publish(TOPIC, {"recordings": self._listed})


def _for_call(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """What `softphone.app.scored_call.add_score` takes, from a whole score."""
    if found is None or "error" in found:
        return found
    return {"score": call_score(found), "verdict": found["verdict"], "refused": found["refused"]}


def _trusted(codecs: Sequence[str]) -> bool | None:
    return not PARAMETRIC.intersection(codecs) if codecs else None


def _trusted_of(result: Mapping[str, Any]) -> bool | None:
    codecs = result.get("heard_codecs")
    return _trusted([each for each in codecs if isinstance(each, str)]) if isinstance(codecs, list) else None


def _whole_path(reference: str) -> str:
    """*reference* as a process in another folder finds it."""
    return reference if reference.startswith(PREFIX) else str(speech_path(reference).absolute())


def _is_newer(path: Path, than: Path) -> bool:
    try:
        return path.stat().st_mtime_ns >= than.stat().st_mtime_ns
    except OSError:
        return False
