"""The devices and files of one call, made from its options; what is wrong with them is said before the call."""

import logging
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.types import Samples
from softphone.config import DEFAULT_SPEECH, AudioOptions
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.audio.null import SilenceSource
from softphone.io.audio.tone import ToneSource
from softphone.io.audio.wavfile import FileSource, open_source
from softphone.io.recorder import Recorder, check_writable
from softphone.io.speech import speech_path
from softphone.media.announcer import Announcer
from softphone.media.device import AudioDevice, AudioSource, EchoDevice, PacedDevice
from softphone.media.ring_device import RingDevice

if TYPE_CHECKING:
    from softphone.io.audio.portaudio import PortAudioDevice

log = logging.getLogger(__name__)

Tap = Callable[[Samples], None]

NULL_DEVICE = "null"
"""A device that hears silence and plays to nobody."""
LIKELY_RATE_HZ = 16_000
"""Files are opened at this rate before the call, to find out what is wrong with them; again where the call takes another."""


class CallAudio:
    """Sources, sinks and recordings of one call.

    Args:
        options: what was asked for.
        loop: start what is played again when it ends.
        writer: one thread, which writes the recordings.
        early: what is sent before the call is answered, in a loop: a file, or `builtin:NAME`; None: nothing.
        announces: whether `announce` may be called.

    Raises:
        UsageError: a sound file that is none, a reference that is none.
        EnvironmentProblem: a recording that cannot be written, a sound device that is not there.
    """

    def __init__(
        self,
        options: AudioOptions,
        *,
        loop: bool,
        writer: ThreadPoolExecutor,
        early: str | None = None,
        announces: bool = False,
    ) -> None:
        self.heard_tap: Tap | None = None
        self.sent_tap: Tap | None = None
        self.problem: EnvironmentProblem | None = None
        """Why a recording is not whole, known when it is closed."""
        self._options = options
        self._loop = loop
        self._writer = writer
        self._source: FileSource | None = None
        self._card: PortAudioDevice | None = None
        self._recorders: list[Recorder] = []
        self._temporary: Path | None = None
        self._early = early
        self._announces = announces
        self._announcer: Announcer | None = None
        self._announced: list[FileSource] = []
        self._heard_path = None if options.record is None else Path(options.record)
        if options.expect is not None:
            open_source(options.expect, LIKELY_RATE_HZ).close()
        if early is not None:
            open_source(early, LIKELY_RATE_HZ).close()
        self._check_recordings()
        if options.device not in (None, NULL_DEVICE):
            from softphone.io.audio.portaudio import choose_devices

            choose_devices(options.device)
        if options.device is None and not options.echo and options.tone_hz is None:
            self._source = self._open_source(LIKELY_RATE_HZ)
        if options.expect is not None and self._heard_path is None:
            try:
                self._temporary = self._heard_path = _temporary_wav()
            except EnvironmentProblem:
                self.close()
                raise

    @property
    def recording(self) -> Path | None:
        """Where what is heard is recorded."""
        return self._heard_path

    def open_device(
        self, sample_rate_hz: int, ptime_ms: int, start: float, *, waits: bool = False
    ) -> AudioDevice:
        """The device of the call, which captures and plays at *sample_rate_hz* from *start* on.

        Args:
            ptime_ms: how often it is served.
            waits: the call is not answered yet: until `begin` what is meant for that time is sent, else silence.
        """
        device = self._open_device(sample_rate_hz, ptime_ms, start)
        if not (waits or self._announces):
            return device
        before = self._waiting(sample_rate_hz) if waits else None
        self._announcer = Announcer(device, sample_rate_hz, before=before, now=start)
        return self._announcer

    def begin(self, now: float) -> None:
        """The call is answered: send what it is for from *now* on."""
        if self._announcer is not None:
            self._announcer.begin(now)

    def announce(self, what: str, sample_rate_hz: int) -> None:
        """Send *what*, a file or `builtin:NAME`, once, in place of what is sent else.

        Raises:
            UsageError: no such file, or no sound.
        """
        assert self._announcer is not None
        source = open_source(what, sample_rate_hz)
        self._announced.append(source)
        self._announcer.announce(source)

    @property
    def is_announcing(self) -> bool:
        """Whether an announcement has not come to its end."""
        return self._announcer is not None and self._announcer.is_announcing

    def _waiting(self, sample_rate_hz: int) -> AudioSource:
        if self._early is None:
            return SilenceSource(sample_rate_hz)
        source = open_source(self._early, sample_rate_hz, loop=True)
        self._announced.append(source)
        return source

    def _open_device(self, sample_rate_hz: int, ptime_ms: int, start: float) -> AudioDevice:
        options = self._options
        if options.echo:
            return EchoDevice(sample_rate_hz, now=start)
        if options.tone_hz is not None:
            return PacedDevice(ToneSource(options.tone_hz, sample_rate_hz), sample_rate_hz, now=start)
        if options.device == NULL_DEVICE:
            return PacedDevice(SilenceSource(sample_rate_hz), sample_rate_hz, now=start)
        if options.device is not None:
            from softphone.io.audio.portaudio import PortAudioDevice

            card = self._card = PortAudioDevice(options.device, sample_rate_hz, tick_ms=ptime_ms)
            packet_samples = sample_rate_hz * ptime_ms // 1000
            return RingDevice(
                card.capture, card.playback, target_samples=card.target_samples + packet_samples
            )
        if self._source is None or self._source.sample_rate_hz != sample_rate_hz:
            if self._source is not None:
                self._source.close()
            self._source = self._open_source(sample_rate_hz)
        return PacedDevice(self._source, sample_rate_hz, now=start)

    def open_recordings(self, sample_rate_hz: int) -> None:
        """Begin the recordings that were asked for."""
        if self._heard_path is not None:
            self.heard_tap = self._record(self._heard_path, sample_rate_hz)
        if self._options.record_sent is not None:
            self.sent_tap = self._record(Path(self._options.record_sent), sample_rate_hz)

    def close(self) -> Path | None:
        """Stop device and sources, finish the recordings; where what was heard lies, if it was recorded."""
        if self._card is not None:
            self._card.close()
            self._card = None
        if self._source is not None:
            self._source.close()
            self._source = None
        for source in self._announced:
            source.close()
        self._announced.clear()
        recorded = bool(self._recorders)
        for recorder in self._recorders:
            recorder.close()
            if recorder.error is not None:
                self.problem = EnvironmentProblem(f"{recorder.error}; what was written plays")
            elif recorder.dropped_samples:
                log.warning(
                    "%s lacks %d samples: the disk was too slow", recorder.path, recorder.dropped_samples
                )
        self._recorders.clear()
        return self._heard_path if recorded else None

    def discard(self) -> None:
        """Release everything; no call came of it."""
        self.close()
        self.discard_temporary()

    def discard_temporary(self) -> None:
        """Delete a recording that was made for the score only."""
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None

    def _open_source(self, sample_rate_hz: int) -> FileSource:
        return open_source(self._options.play or DEFAULT_SPEECH, sample_rate_hz, loop=self._loop)

    def _record(self, path: Path, sample_rate_hz: int) -> Tap:
        recorder = Recorder(path, sample_rate_hz, executor=self._writer)
        self._recorders.append(recorder)
        return recorder.tap

    def _check_recordings(self) -> None:
        """Find out before the call what cannot be written, or would overwrite what is played."""
        sources = [what for what in (self._options.play, self._options.expect) if what is not None]
        for path in (self._options.record, self._options.record_sent):
            if path is None:
                continue
            for source in sources:
                if speech_path(source).resolve() == Path(path).resolve():
                    raise UsageError(
                        f"{path} would be overwritten by a recording while it is read: choose another name"
                    )
            check_writable(path)


def _temporary_wav() -> Path:
    try:
        with tempfile.NamedTemporaryFile(prefix="softphone-", suffix=".wav", delete=False) as file:
            return Path(file.name)
    except OSError as error:
        raise EnvironmentProblem(
            f"a score needs room for a recording in {tempfile.gettempdir()} ({error.strerror}): "
            f"make some, or name a file with --record"
        ) from None


def numbered(options: AudioOptions, number: int) -> AudioOptions:
    """*options* for call *number*, from 1: from the second on, recordings get a number before their suffix."""
    return options if number == 1 else suffixed(options, f"-{number}")


def suffixed(options: AudioOptions, suffix: str) -> AudioOptions:
    """*options* with *suffix* behind the stems of recordings."""

    def name(path: str | None) -> str | None:
        return None if path is None else str(Path(path).with_stem(f"{Path(path).stem}{suffix}"))

    return replace(options, record=name(options.record), record_sent=name(options.record_sent))
