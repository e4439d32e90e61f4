"""A captured stream played as we would have played it: our RTP session, jitter buffer, decoder and concealment, in virtual time.

Time is that of the capture: a packet arrives when it was captured, and the listener's tick comes once per packet interval, half
an interval after the first packet came, which is what a poll costs on average. No clock is read, so the same capture always
gives the same sound.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dsp.codecs import timestamp_ticks
from dsp.errors import BitstreamError
from dsp.level import LevelReport, SpeechMeter
from dsp.types import Samples
from softphone.app.capture_codecs import PayloadFormat, Plan
from softphone.app.capture_packets import Packets
from softphone.capture import RtpStream
from softphone.media.paths import ReceivePath
from softphone.rtp.events import DtmfDigit
from softphone.rtp.jitter import Conceal, Play, Playout
from softphone.rtp.session import RtpSession

LONGEST_GAP_S = 120.0
"""A pause between packets that is longer is cut to `CUT_TO_S`: a call on hold, or a clock that was set."""
CUT_TO_S = 1.0
PTIMES_MS = (5.0, 160.0)
"""Shortest and longest tick."""
DEFAULT_PTIME_MS = 20.0
TAIL_S = 0.7
"""After the last packet the jitter buffer is given so long to play what it holds."""
_SAMPLED_S = 1.0
_SENDER = ("192.0.2.1", 4000)

Sink = Callable[[Samples], None]


@dataclass(frozen=True, slots=True)
class Played:
    """What came of playing a stream."""

    discarded: int
    """Packets that came too late for our jitter buffer, or did not fit."""
    undecodable: int
    concealed_ms: float
    played_ms: float
    playout_delay_ms: float | None
    """Mean time that packets waited."""
    burst_r: float
    """BurstR of what was lost or discarded."""
    digits: str
    heard: LevelReport | None
    """Of the sound; None where nothing was decoded."""
    cut_s: float
    """Time left out of long pauses."""


class _Listening(RtpSession):
    """A session that counts what it gives out."""

    plays = 0
    filled_ticks = concealed_ticks = 0

    def pop(self, *, now: float) -> Playout:
        """See `RtpSession.pop`."""
        step = super().pop(now=now)
        self.filled_ticks += step.ticks
        if isinstance(step, Play):
            self.plays += 1
        elif isinstance(step, Conceal):
            self.concealed_ticks += step.ticks
        return step


def play(
    stream: RtpStream,
    packets: Packets,
    plan: Plan,
    *,
    ptime_ms: float | None,
    sink: Sink | None,
    rate_hz: int | None,
) -> Played:
    """Play all of *stream*.

    Args:
        ptime_ms: its packet interval; None: 20 ms.
        sink: given each block of sound at *rate_hz*; None: nothing is decoded, only the jitter buffer is asked.
    """
    tick_ms = min(max(round(ptime_ms or DEFAULT_PTIME_MS), PTIMES_MS[0]), PTIMES_MS[1])
    decoding = sink is not None and rate_hz is not None
    session = _session(stream, plan, tick_ms, decoding=decoding)
    out = _Out(session, plan, rate_hz, sink, tick_ms) if sink is not None and rate_hz is not None else None
    interval_s = tick_ms / 1000
    digits: list[str] = []
    margins: list[float] = []
    cut_s, origin = 0.0, stream.at[0]
    now, row, count, latest = interval_s / 2, 0, len(stream), 0.0
    sampled_at, ends_at = _SAMPLED_S, None
    while True:
        while row < count:
            at = stream.at[row] - origin - cut_s
            if at - latest > LONGEST_GAP_S:
                cut_s += at - latest - CUT_TO_S
                at = latest + CUT_TO_S
            arrival = max(at, latest)
            if arrival > now:
                break
            latest = arrival
            session.receive_datagram(packets.read(row), _SENDER, now=arrival)
            row += 1
        session.handle_timeout(now=now)
        digits += _digits_of(session)
        before = session.plays
        if out is not None:
            out.tick(now, last=row >= count)
        else:
            wanted = session.filled_ticks + _ticks_of(session, tick_ms)
            while session.filled_ticks < wanted:
                session.pop(now=now)
        if now >= sampled_at:
            delay = session.stats(now).received.playout_delay_ms
            margins += [] if delay is None else [delay]
            sampled_at = now + _SAMPLED_S
        if row >= count:
            ends_at = now + TAIL_S if ends_at is None or session.plays > before else ends_at
            if now >= ends_at:
                break
        now += interval_s
    session.handle_timeout(now=now + TAIL_S)  # a digit whose end is missing
    digits += _digits_of(session)
    received = session.stats(now).received
    if received.playout_delay_ms is not None and not margins:
        margins.append(received.playout_delay_ms)
    undecodable = received.undecodable - _comfort_noise_packets(stream, plan)
    concealed_ms = 1000 * session.concealed_ticks / session.playout_clock_rate_hz
    return Played(
        discarded=received.discarded,
        undecodable=max(0, undecodable) + (0 if out is None else out.undecodable),
        concealed_ms=concealed_ms if out is None else out.concealed_ms,
        played_ms=(now - interval_s / 2) * 1000,
        playout_delay_ms=float(np.mean(margins)) if margins else None,
        burst_r=received.burst_r,
        digits="".join(digits),
        heard=None if out is None else out.meter.result(),
        cut_s=cut_s,
    )


class _Out:
    """The decoded sound; what is made up behind the last packet is not part of it."""

    def __init__(self, session: _Listening, plan: Plan, rate_hz: int, sink: Sink, tick_ms: float) -> None:
        formats = {n: (f.spec, f.settings) for n, f in plan.formats.items() if f.spec is not None}
        repeats = {n: f.repeat_ms for n, f in plan.formats.items() if f.repeat_ms and f.spec is not None}
        self._session = session
        self._path = ReceivePath(
            session, formats, sample_rate_hz=rate_hz, first=plan.main, repeats_ms=repeats
        )
        self._block: Samples = np.zeros(round(rate_hz * tick_ms / 1000), dtype=np.float32)
        self._sink = sink
        self._rate_hz = rate_hz
        self._waiting: list[Samples] = []
        self._concealed = 0
        self.meter = SpeechMeter(rate_hz)

    def tick(self, now: float, *, last: bool) -> None:
        """Take one interval of sound; *last*: no packet comes any more."""
        plays = self._session.plays
        self._path.play(self._block, now=now)
        if last and self._session.plays == plays:
            self._waiting.append(self._block.copy())
            return
        for block in (*self._waiting, self._block):
            self.meter.process(block)
            self._sink(block)
        self._waiting.clear()
        self._concealed = self._path.stats.concealed

    @property
    def concealed_ms(self) -> float:
        """Made up until the last packet was played."""
        return 1000 * self._concealed / self._rate_hz

    @property
    def undecodable(self) -> int:
        """Packets that the decoder refused."""
        return self._path.stats.undecodable_packets


def _session(stream: RtpStream, plan: Plan, tick_ms: float, *, decoding: bool) -> _Listening:
    clock = plan.clock_rate_hz or 8000
    # What has no decoder among what has one leaves gaps; where nothing is decoded all of it counts.
    known = {n: f for n, f in plan.formats.items() if f.spec is not None or not decoding}
    rates = {number: each.clock_rate_hz for number, each in known.items()}
    if plan.main not in rates:
        rates[plan.main] = clock

    def ticks(payload_type: int, payload: bytes) -> int:
        found = plan.formats.get(payload_type)
        if not decoding or found is None:
            return round(clock * tick_ms / 1000)
        return _payload_ticks(found, payload)

    return _Listening(
        remote=_SENDER,
        remote_rtcp=(_SENDER[0], _SENDER[1] + 1),
        clock_rate_hz=clock,
        receive=rates,
        dtmf_send=None,
        dtmf_receive=plan.events,
        payload_ticks=ticks,
        packet_ticks=round(clock * tick_ms / 1000),
        ssrc=(stream.ssrc + 1) & 0xFFFFFFFF,
        sequence_number=0,
        timestamp=0,
        cname="capture",
        rng=random.Random(0),
        ntp_offset_s=0.0,
        now=0.0,
        rtcp_bandwidth_bps=(0, 0),
    )


def _payload_ticks(found: PayloadFormat, payload: bytes) -> int:
    if found.spec is None or found.sample_rate_hz is None:
        raise BitstreamError(f"nothing decodes {found.name}")
    samples = found.spec.payload_samples(payload, found.sample_rate_hz)
    return timestamp_ticks(samples, found.spec, found.sample_rate_hz)


def _digits_of(session: RtpSession) -> list[str]:
    """Keys that were pressed since the last time."""
    digits = []
    while (event := session.next_event()) is not None:
        if isinstance(event, DtmfDigit):
            digits.append(event.digit)
    return digits


def _ticks_of(session: RtpSession, tick_ms: float) -> int:
    return round(session.playout_clock_rate_hz * tick_ms / 1000)


def _comfort_noise_packets(stream: RtpStream, plan: Plan) -> int:
    return sum(kind & 0x7F in plan.comfort_noise for kind in stream.payload_type) if plan.comfort_noise else 0
