"""One test call in virtual time: real packets of a codec through RTP, a simulated line and the jitter buffer, no socket.

Both ends tick once per packet interval, the listener half an interval after the speaker: what a poll costs on average. No
clock is read and all chance is seeded, so that the same call always gives the same sound.
"""

import random
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dsp.alignment import align
from dsp.call_rating import call_rating
from dsp.errors import MetricRefused
from dsp.level import measure_level
from dsp.track import ArrayTrack
from dsp.types import Samples
from softphone.app.codec_measure import (
    NARROW_HZ,
    PATTERNS,
    WIDE_HZ,
    read_sound,
    read_speech,
    recorded_hz,
    resampled,
)
from softphone.app.codec_named import NamedCodec, named_codec
from softphone.app.wire_limit import HEADER_BYTES
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.line import Line
from softphone.io.measuring import shared_measuring
from softphone.media.paths import ReceivePath, TransmitPath
from softphone.rtp.jitter import Play, Playout
from softphone.rtp.session import RtpSession

MEASURES = ("pesq_nb", "pesq_wb", "stoi")
_SPEAKER, _LISTENER = ("127.0.0.1", 4000), ("127.0.0.1", 5000)
_PAYLOAD_TYPE = 96
_TAIL_S = 0.7
"""The listener hears on for so long, beyond the delay of the line."""
IP_UDP_BYTES = 28


@dataclass(frozen=True, slots=True)
class SweepJob:
    """One call of a sweep."""

    file: str
    codec: str
    loss_pct: float
    burst: float
    delay_ms: float
    jitter_ms: float
    seed: int
    complexity: int = 5
    measures: tuple[str, ...] = MEASURES
    opus: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch ``sound[start:stop]`` and by how many samples later it is heard."""

    start: int
    stop: int
    offset: int


@dataclass(slots=True)
class Heard:
    """What a call came to."""

    samples: Samples
    pieces: list[Piece]
    """Where what was said is heard, the codec's delay not counted; the offset changes where the jitter buffer grew."""
    packets: int
    lost: int
    late: int
    datagrams: dict[str, int]
    payload_bytes: int
    wire_bytes: int
    sent_s: float
    concealed: int
    shortened: int


class _Listening(RtpSession):
    """A session that notes when each packet is played."""

    ticks = 0
    played: tuple[tuple[int, int, int], ...] = ()
    """(timestamp, ticks, when), in units of the clock since the first pop."""

    def pop(self, *, now: float) -> Playout:
        """See `RtpSession.pop`."""
        step = super().pop(now=now)
        if isinstance(step, Play):
            self.played += ((step.packet.timestamp, step.ticks, self.ticks),)
        self.ticks += step.ticks
        return step


def sweep_row(job: SweepJob) -> dict[str, Any]:
    """Make the call and measure it; see the columns in docs/codec-comparison.md.

    Raises:
        UsageError: the file is unreadable, silent or without speech; or no such codec.
    """
    read_speech(job.file)
    codec = named_codec(job.codec, complexity=job.complexity, opus=job.opus, measuring=True)
    rate = codec.sample_rate_hz
    sound = read_sound(job.file, rate)
    with told_to_the_user(codec.name):
        heard = call(codec, sound, job)
    row: dict[str, Any] = {
        "codec": job.codec, "file": job.file, "loss_pct": job.loss_pct, "burst": job.burst,
        "delay_ms": job.delay_ms, "jitter_ms": job.jitter_ms, "seconds": round(sound.size / rate, 3),
        "bit_rate_bps": codec.settings.bit_rate_bps, "ptime_ms": codec.settings.ptime_ms, "sample_rate_hz": rate,
        "algorithmic_delay_ms": round(codec.delay_ms, 2),
        "packets": heard.packets,
        "packets_per_s": round(heard.packets / heard.sent_s, 2),
        "payload_bps": round(8 * heard.payload_bytes / heard.sent_s, 1),
        "wire_bps": round(8 * heard.wire_bytes / heard.sent_s, 1),
        "carried_s": round(heard.sent_s, 3), "datagrams": heard.datagrams,
        "lost_pct": round(100 * heard.lost / max(1, heard.packets), 2),
        "discard_pct": round(100 * heard.late / max(1, heard.packets), 2),
        "concealed_pct": round(100 * heard.concealed / max(1, sound.size), 2),
    }  # fmt: skip
    codec_delay = codec.spec.delay_samples(codec.settings)
    late_ms = _late_ms(heard.pieces, codec_delay, rate, codec.settings.ptime_ms)
    row["mouth_to_ear_ms"] = None if late_ms is None else round(late_ms, 1)
    row |= _rated(codec, job, row, late_ms)
    return row | _judged(job, sound, heard, codec_delay, rate)


def call(codec: NamedCodec, sound: Samples, job: SweepJob) -> Heard:
    """Say *sound*, at the codec's rate, over the line of *job*."""
    spec, settings, rate = codec.spec, codec.settings, codec.sample_rate_hz
    interval_s, size = settings.ptime_ms / 1000, codec.packet_samples
    rng = random.Random(job.seed)
    speaker = _session(RtpSession, codec, _LISTENER, rng)
    listener = _session(_Listening, codec, _SPEAKER, rng)
    transmit = TransmitPath(spec, settings, speaker, payload_type=_PAYLOAD_TYPE)
    receive = ReceivePath(listener, {_PAYLOAD_TYPE: (spec, settings)}, sample_rate_hz=rate)
    packets = -(-(sound.size + spec.delay_samples(settings)) // size)
    line = _line(job, packets)
    padded: Samples = np.zeros(packets * size, dtype=np.float32)
    padded[: sound.size] = sound
    hearing = packets + round((_TAIL_S + (job.delay_ms + 6 * job.jitter_ms) / 1000) / interval_s) + 1
    out: Samples = np.zeros(hearing * size, dtype=np.float32)
    datagrams: dict[str, int] = {}
    sent = payload_bytes = wire_bytes = first_timestamp = 0
    concealed: list[int] = []
    for tick in range(hearing):
        now = tick * interval_s
        if 0 < tick <= packets:  # a block is whole at the end of its interval
            transmit.send(padded[(tick - 1) * size : tick * size], now=now)
        speaker.handle_timeout(now=now)
        for data, addr in speaker.datagrams_to_send(now=now):
            if now <= packets * interval_s:
                wire_bytes += len(data) + IP_UDP_BYTES
                datagrams[str(len(data) + IP_UDP_BYTES)] = datagrams.get(str(len(data) + IP_UDP_BYTES), 0) + 1
                if addr == _LISTENER:
                    if sent == 0:
                        first_timestamp = int.from_bytes(data[4:8], "big")  # RFC 3550 section 5.1
                    sent += 1
                    payload_bytes += len(data) + IP_UDP_BYTES - HEADER_BYTES
            if addr == _LISTENER:
                line.put(data, _SPEAKER, now)
        now += interval_s / 2
        for data, addr, due in line.release(now):
            listener.receive_datagram(data, addr, now=due)
        listener.handle_timeout(now=now)
        listener.datagrams_to_send(now=now)
        while listener.next_event() is not None:
            pass
        receive.play(out[tick * size : (tick + 1) * size], now=now)
        concealed.append(receive.stats.concealed)
    stats = listener.stats(now=hearing * interval_s).received
    pieces = _pieces(listener.played, first_timestamp, rate / spec.clock_rate_hz, sound.size)
    end = pieces[-1].stop + pieces[-1].offset if pieces else out.size
    return Heard(
        samples=out,
        pieces=pieces,
        packets=sent,
        lost=line.stats.lost,
        late=stats.discarded,
        datagrams=datagrams,
        payload_bytes=payload_bytes,
        wire_bytes=wire_bytes,
        sent_s=packets * interval_s,
        concealed=concealed[min(len(concealed) - 1, (end - 1) // size)],
        shortened=receive.stats.shortened,
    )


def _line(job: SweepJob, packets: int) -> Line:
    """A line of *job* that loses, of that many packets, as nearly as chance allows what is asked for (`PATTERNS`)."""

    def seeded(number: int) -> Line:
        rng = random.Random(f"{job.seed} {Path(job.file).name} {number}")
        return Line(
            rng, loss_pct=job.loss_pct, burst=job.burst, delay_ms=job.delay_ms, jitter_ms=job.jitter_ms
        )

    def miss(number: int) -> float:
        tried = seeded(number)
        for _ in range(packets):
            tried.transfer(b"", _LISTENER, 0.0)
        return abs(tried.stats.lost - packets * job.loss_pct / 100)

    return seeded(min(range(PATTERNS), key=miss) if job.loss_pct > 0 else 0)


def _session(kind: type[RtpSession], codec: NamedCodec, remote: tuple[str, int], rng: random.Random) -> Any:
    spec, rate = codec.spec, codec.sample_rate_hz

    def ticks(_: int, payload: bytes) -> int:
        return spec.payload_samples(payload, rate) * spec.clock_rate_hz // rate

    return kind(
        remote=remote,
        remote_rtcp=(remote[0], remote[1] + 1),
        clock_rate_hz=spec.clock_rate_hz,
        receive={_PAYLOAD_TYPE: spec.clock_rate_hz},
        dtmf_send=None,
        dtmf_receive=(),
        payload_ticks=ticks,
        packet_ticks=spec.clock_rate_hz * codec.settings.ptime_ms // 1000,
        ssrc=rng.getrandbits(32),
        sequence_number=rng.getrandbits(16),
        timestamp=rng.getrandbits(32),
        cname=f"sweep@{remote[1]}",
        rng=rng,
        ntp_offset_s=0.0,
        now=0.0,
    )


def _rated(codec: NamedCodec, job: SweepJob, row: dict[str, Any], late_ms: float | None) -> dict[str, Any]:
    """The E-model of the direction that was heard."""
    playout_ms = 0.0 if late_ms is None else max(0.0, late_ms - job.delay_ms - codec.delay_ms)
    rating = call_rating(
        rtt_ms=2 * job.delay_ms,
        playout_delay_ms=playout_ms,
        packet_ms=codec.settings.ptime_ms,
        codec_delay_ms=codec.delay_ms - codec.settings.ptime_ms,
        loss_pct=row["lost_pct"],
        discard_pct=row["discard_pct"],
        burst_r=max(1.0, job.burst * (1 - job.loss_pct / 100)),
        codec=codec.spec.name,
        bit_rate_bps=codec.settings.bit_rate_bps,
        sample_rate_hz=codec.sample_rate_hz,
    )
    return {
        "emodel_r": rating["r"],
        "emodel_mos_cq": rating["mos_cq"],
        "emodel_grounded": rating["grounded"],
        "emodel_model": rating["model"],
        "emodel_equipment": rating["equipment"],
    }


def _judged(job: SweepJob, sound: Samples, heard: Heard, codec_delay: int, rate: int) -> dict[str, Any]:
    refused: dict[str, str] = {}
    said, got = _aligned(sound, heard, codec_delay, rate)
    child = shared_measuring()

    def value(what: str, at_hz: int) -> float | None:
        if what not in job.measures:
            return None
        answer = child.measure(what, at_hz, *(resampled(each, rate, at_hz) for each in (said, got)))
        if "refused" in answer:
            refused[what] = answer["refused"]
        found = answer.get("value")
        return None if found is None else round(float(found), 4)

    level = measure_level(np.ascontiguousarray(got), rate).level_dbov if got.size else None
    return {
        "pesq_nb": value("pesq_nb", NARROW_HZ),
        "pesq_wb": value("pesq_wb", WIDE_HZ) if recorded_hz(job.file) >= WIDE_HZ else None,
        "stoi": value("stoi", min(rate, WIDE_HZ)),
        "level_dbov": None if level is None else round(level, 2),
        "refused": refused,
    }


def _pieces(
    played: tuple[tuple[int, int, int], ...], first_timestamp: int, samples_per_tick: float, size: int
) -> list[Piece]:
    """Stretches of what was said that are heard with one delay; a stretch that was lost belongs to the one before it."""
    pieces: list[Piece] = []
    for timestamp, _, when in played:
        said = round(((timestamp - first_timestamp) % 2**32) * samples_per_tick)
        offset = round(when * samples_per_tick) - said
        if said >= size:
            break
        if pieces and pieces[-1].offset == offset:
            continue
        if pieces:
            pieces[-1] = replace(pieces[-1], stop=said)
        pieces.append(Piece(start=said if pieces else 0, stop=size, offset=offset))
    return pieces


def _late_ms(pieces: list[Piece], codec_delay: int, rate: int, ptime_ms: int) -> float | None:
    """Mean delay from mouth to ear; the listener's first sample is heard half an interval after the speaker began."""
    length = sum(piece.stop - piece.start for piece in pieces)
    if length == 0:
        return None
    offset = sum(piece.offset * (piece.stop - piece.start) for piece in pieces) / length
    return 1000 * (offset + codec_delay) / rate + ptime_ms / 2


def _aligned(sound: Samples, heard: Heard, codec_delay: int, rate: int) -> tuple[Samples, Samples]:
    """What was said, and what was heard of it, of one length."""
    pieces = [replace(piece, offset=piece.offset + codec_delay) for piece in heard.pieces]
    if heard.shortened and pieces:  # what was shortened is in no table: it is searched for
        with suppress(MetricRefused):
            found = align(ArrayTrack(sound, rate), ArrayTrack(heard.samples, rate))
            pieces = [Piece(s.start, s.stop, round(s.offset)) for s in found.stretches if s.copy == 0]
    nothing: Samples = np.zeros(0, dtype=np.float32)
    said, got = [nothing], [nothing]
    for piece in pieces:
        start = max(piece.start, -piece.offset)
        stop = min(piece.stop, heard.samples.size - piece.offset)
        if start < stop:
            said.append(sound[start:stop])
            got.append(heard.samples[start + piece.offset : stop + piece.offset])
    return np.concatenate(said), np.concatenate(got)
