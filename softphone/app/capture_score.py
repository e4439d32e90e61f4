"""`softphone score CALL.pcap`: every RTP stream of a capture is measured, played as a phone would, and scored."""

import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsp.types import Samples
from softphone.app.capture_codecs import plan_of
from softphone.app.capture_packets import Packets
from softphone.app.capture_pairs import call_object, paired, set_round_trips
from softphone.app.capture_play import play
from softphone.app.capture_read import CaptureContent, Progress, ends_of, read_capture
from softphone.app.capture_sound import WAV, Scorer, judged
from softphone.app.capture_stream import Direction, stream_object
from softphone.app.capture_warnings import warnings_of
from softphone.capture import network_figures
from softphone.io.capture_file import CaptureFile
from softphone.io.score_file import score_file
from softphone.io.sound_file import SoundWriter
from softphone.io.target import made_folder
from softphone.scorer.score import OK, ordered

SCHEMA = 1
KIND = "capture"
LONGEST_OUT_NAME = 120
_READ_SHARE, _PLAY_SHARE = 0.3, 0.6
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """What is asked of a capture."""

    file: str
    reference: str | None = None
    """A sound file, a folder of them, or ``builtin:NAME``: the streams that hold it are scored against it, too."""
    out: str | None = None
    """Folder for a WAV of each stream; None: they are made and deleted."""
    codecs: Mapping[int, str] = field(default_factory=dict)
    """Payload type -> codec (``opus``, ``codec2:1300``), which counts before what the capture says."""
    metrics: tuple[str, ...] | None = None
    """As for `softphone.io.score_file.ScoreJob`."""
    force: bool = False
    """Whether recordings of these names may be replaced."""


def score_capture(
    options: CaptureOptions, progress: Progress | None = None, *, scorer: Scorer = score_file
) -> dict[str, Any]:
    """Everything that is known of the streams of a capture, as printed.

    Args:
        progress: told the share that is done.
        scorer: judges the recordings.

    Raises:
        UsageError: no capture, no such codec or metric, or a reference that cannot be read.
        EnvironmentProblem: a folder that cannot be written, or no room.
    """
    began = time.perf_counter()
    tell: Progress = progress if progress is not None else lambda share: None
    with ExitStack() as stack:
        capture = stack.enter_context(CaptureFile(options.file))
        if options.out is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="softphone-")))
        else:
            folder = made_folder(options.out)
        spare = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="softphone-")))
        content = read_capture(capture, lambda share: tell(share * _READ_SHARE))
        directions = _directions(capture, content, options)
        pairs = paired(directions, content.book.calls)
        for pair in pairs:
            set_round_trips(pair, directions, content.rtcp)
        for number, direction in enumerate(directions):
            _play(capture, number, direction, folder, options)
            tell(_READ_SHARE + (_PLAY_SHARE - _READ_SHARE) * (number + 1) / len(directions))
        began_at = content.stats.first_at or 0.0
        pair_of = {number: pair for pair in pairs for number in pair.members}
        streams = []
        for number, direction in enumerate(directions):
            pair = pair_of[number]
            streams.append(
                {
                    **stream_object(direction, began_at=began_at),
                    **judged(
                        number,
                        pair,
                        directions,
                        spare=spare,
                        reference=options.reference,
                        metrics=options.metrics,
                        scorer=scorer,
                    ),
                }
            )
            tell(_PLAY_SHARE + (1 - _PLAY_SHARE) * (number + 1) / len(directions))
        if options.out is None:
            for stream in streams:
                stream["recording"] = None
        calls = [call_object(pair, directions, began_at=began_at) for pair in pairs]
        result = _whole(options, capture, content, streams, calls)
    result["took_s"] = round(time.perf_counter() - began, 3)
    return result


def _directions(capture: CaptureFile, content: CaptureContent, options: CaptureOptions) -> list[Direction]:
    found = []
    for stream in content.streams:
        receiver, sender = ends_of(stream, content.book)
        plan = plan_of(
            stream, Packets(capture, stream), receiver=receiver, sender=sender, asked=options.codecs
        )
        figures = network_figures(stream, plan.clock_rate_hz, untimed=plan.untimed)
        found.append(Direction(stream, plan, figures, receiver, sender))
    return found


def _play(
    capture: CaptureFile, number: int, direction: Direction, folder: Path, options: CaptureOptions
) -> None:
    """Play one stream, and keep what is heard in a file of *folder*."""
    if not direction.is_sound:
        return
    plan, packets = direction.plan, Packets(capture, direction.stream)
    chosen = plan.format
    rate = None if chosen is None else chosen.sample_rate_hz
    ptime_ms = direction.figures.ptime_ms
    if plan.undecoded is not None or rate is None:
        direction.played = play(direction.stream, packets, plan, ptime_ms=ptime_ms, sink=None, rate_hz=None)
        return
    path = folder / _name(number, direction)
    with SoundWriter(path, WAV, sample_rate_hz=rate, channels=1, force=options.force) as writer:
        batch = _Batch(writer)
        direction.played = play(
            direction.stream, packets, plan, ptime_ms=ptime_ms, sink=batch.add, rate_hz=rate
        )
        batch.flush()
        if writer.frames == 0:
            return
        writer.commit()
    direction.recording = str(path)


class _Batch:
    """Blocks of a packet each, written many at once: a call of libsndfile costs more than the decoding of one."""

    def __init__(self, writer: SoundWriter) -> None:
        self._writer = writer
        self._samples: Samples = np.zeros(_BLOCK, dtype=np.float32)
        self._filled = 0

    def add(self, block: Samples) -> None:
        """Take a copy of *block*."""
        if self._filled + block.size > _BLOCK:
            self.flush()
        self._samples[self._filled : self._filled + block.size] = block
        self._filled += block.size

    def flush(self) -> None:
        """Write what waits."""
        self._writer.write(self._samples[np.newaxis, : self._filled])
        self._filled = 0


def _whole(
    options: CaptureOptions,
    capture: CaptureFile,
    content: CaptureContent,
    streams: list[dict[str, Any]],
    calls: list[dict[str, Any]],
) -> dict[str, Any]:
    stats = content.stats
    words = {word for each in (*streams, *calls) for word in each["verdict"]} - {OK}
    judged = any(each["verdict"] for each in streams)
    scores = [each["mos_lqo"] for each in streams if each["mos_lqo"] is not None]
    first, last = stats.first_at, stats.last_at
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "file": options.file,
        "format": stats.format,
        "frames": stats.frames,
        "seconds": None if first is None or last is None else round(last - first, 6),
        "began_at": first,
        "streams": streams,
        "calls": calls,
        "rtcp_packets": content.rtcp.packets,
        "sip_messages": content.sip.messages,
        "verdict": ordered(words) if words else ([OK] if judged else []),
        "mos_lqo": min(scores, default=None),
        "warnings": [*capture.warnings, *warnings_of(content)],
    }


def _name(number: int, direction: Direction) -> str:
    flow, codec = direction.stream.flow, direction.plan.format
    parts = (
        str(number),
        *(f"{host}_{port}" for host, port in (flow.source, flow.destination)),
        codec.name if codec else "",
    )
    text = "-".join(parts).replace(":", ".")
    return (
        "".join(each if each.isalnum() or each in "._-" else "_" for each in text)[:LONGEST_OUT_NAME] + ".wav"
    )
