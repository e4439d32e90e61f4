"""One captured stream as an object of the result: network figures, what playing it came to, its rating."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from dsp.call_rating import call_rating
from softphone.app.capture_calls import MediaEnd
from softphone.app.capture_codecs import Plan
from softphone.app.capture_play import Played
from softphone.app.capture_rtcp import Reported
from softphone.capture import NetworkFigures, RtpStream
from softphone.capture.flows import shown
from softphone.capture.timeline import Interval, timeline

LIKELY_VIDEO_HZ = 90_000
BEHIND_PCT = 1.0
"""A receiver that has lost so many points more than the capture is told of."""
_PLACES = {"loss_pct": 3, "skew_ppm": 1, "ptime_ms": 2, "loss_burst_r": 3, "first_at": 6}
_RENAMED = {"loss_burst_r", "first_at", "loss_runs", "longest_loss", "silence_gaps", "silence_ms"}


@dataclass(slots=True)
class Direction:
    """A stream with all that is known of it."""

    stream: RtpStream
    plan: Plan
    figures: NetworkFigures
    receiver: list[MediaEnd]
    sender: list[MediaEnd]
    played: Played | None = None
    recording: str | None = None
    """WAV of what a listener heard."""
    reported: Reported | None = None
    rtt_ms: float | None = None
    """Of the whole way, where RTCP of both directions tells."""
    first_at: float = field(init=False)
    last_at: float = field(init=False)
    """When its first packet came, and its last."""

    def __post_init__(self) -> None:
        self.first_at, self.last_at = self.stream.at[0], max(self.stream.at)

    @property
    def call_id(self) -> str | None:
        """Of the SIP call it belongs to."""
        ends = self.receiver or self.sender
        return ends[-1].call_id if ends else None

    @property
    def is_sound(self) -> bool:
        """Whether it carries speech, or may."""
        return self.plan.kind in ("audio", "unknown") and self.plan.clock_rate_hz != LIKELY_VIDEO_HZ


def bit_rate_of(direction: Direction) -> int | None:
    """Of the payloads while they come: by the usual size where most have it, else by the mean of all."""
    stream, ptime_ms = direction.stream, direction.figures.ptime_ms
    if not ptime_ms:
        return None
    sizes: Counter[int] = Counter()
    for kind, count in Counter(zip(stream.payload_type, stream.payload_bytes, strict=True)).items():
        if kind[0] & 0x7F == direction.plan.main:
            sizes[kind[1]] += count
    usual, count = sizes.most_common(1)[0]
    total = sum(sizes.values())
    size = usual if 2 * count >= total else sum(each * n for each, n in sizes.items()) / total
    return round(8000 * size / ptime_ms)


def stream_object(direction: Direction, *, began_at: float) -> dict[str, Any]:
    """The keys of a stream but for what is said of its sound (docs/captures.md).

    Args:
        began_at: time of the capture's first frame.
    """
    stream, plan, figures, played = direction.stream, direction.plan, direction.figures, direction.played
    types = Counter(each & 0x7F for each in stream.payload_type)
    discarded = None if played is None else played.discarded
    discard_pct = None if played is None else round(100 * played.discarded / figures.expected, 3)
    decoded = played is not None and played.heard is not None
    remote, bit_rate_bps = _remote(direction), bit_rate_of(direction)
    return {
        "ssrc": f"0x{stream.ssrc:08x}",
        "from": shown(stream.flow.source),
        "to": shown(stream.flow.destination),
        "call_id": direction.call_id,
        "started_s": round(figures.first_at - began_at, 6),
        "payload_type": plan.main,
        "payload_types": {str(number): types[number] for number in sorted(types)},
        "kind": plan.kind,
        "codec": _codec(direction, bit_rate_bps),
        "encryption": plan.encryption,
        **{
            each.name: _rounded(getattr(figures, each.name), _PLACES.get(each.name, 3))
            for each in fields(figures)
            if each.name not in _RENAMED
        },
        "loss_runs": figures.loss_runs,
        "timeline": [_window(each) for each in timeline(stream, plan.clock_rate_hz, untimed=plan.untimed)],
        "longest_loss": figures.longest_loss,
        "discarded": discarded,
        "discard_pct": discard_pct,
        "burst_r": None if played is None else round(played.burst_r, 3),
        "network_burst_r": round(figures.loss_burst_r, 3),
        "concealed_ms": round(played.concealed_ms) if played is not None and decoded else None,
        "undecodable": played.undecodable if played is not None and decoded else None,
        "playout_delay_ms": None if played is None else _rounded(played.playout_delay_ms, 1),
        "silence": {"gaps": figures.silence_gaps, "ms": round(figures.silence_ms)},
        "comfort_noise": sum(types[number] for number in plan.comfort_noise),
        "dtmf": "" if played is None else played.digits,
        "remote": remote,
        "rtt_ms": _rounded(direction.rtt_ms, 2),
        "emodel": _emodel(direction, discard_pct, bit_rate_bps),
        "level_dbov": None
        if played is None or played.heard is None
        else _rounded(played.heard.level_dbov, 2),
        "recording": direction.recording,
        "undecoded": plan.undecoded,
        "notes": [*plan.notes, *_notes(played, figures.loss_pct, remote)],
    }


def _notes(played: Played | None, loss_pct: float, remote: dict[str, Any] | None) -> list[str]:
    notes = []
    if played is not None and played.cut_s:
        notes.append(f"{played.cut_s:.0f} s of long pauses between packets were left out of the sound")
    if remote is not None and remote["loss_pct"] > loss_pct + BEHIND_PCT:
        notes.append(
            f"its receiver reports {remote['loss_pct']:.1f} % lost, {loss_pct:.1f} % are missing here: the rest was "
            "lost behind the place of capture, of which sound and ratings here know nothing"
        )
    return notes


def _window(interval: Interval) -> list[float | int | None]:
    jitter_ms = interval.jitter_ms
    return [
        interval.from_s,
        interval.packets,
        interval.lost,
        None if jitter_ms is None else round(jitter_ms, 3),
    ]


def _codec(direction: Direction, bit_rate_bps: int | None) -> dict[str, Any] | None:
    found = direction.plan.format
    if found is None:
        return None
    return {
        "name": found.name,
        "sample_rate_hz": found.sample_rate_hz,
        "clock_rate_hz": found.clock_rate_hz,
        "bit_rate_bps": bit_rate_bps,
        "ptime_ms": _rounded(direction.figures.ptime_ms, 2),
        "by": found.by,
    }


def _remote(direction: Direction) -> dict[str, Any] | None:
    """What the receiver's reports say; None without one."""
    reported, clock = direction.reported, direction.plan.clock_rate_hz
    if reported is None or reported.newest is None:
        return None
    newest = reported.newest
    # Section 6.4.1: cumulative from the beginning of reception, of all that was expected until the highest number.
    first = direction.stream.sequence_number[0]
    expected = ((newest.highest_sequence_number - first) & 0xFFFFFFFF) + 1
    if expected > 1 << 31:  # its count of cycles is its own
        expected = ((newest.highest_sequence_number - first) & 0xFFFF) + 1
    lost = newest.cumulative_lost
    return {
        "reports": reported.reports,
        "lost": lost,
        "loss_pct": round(max(0.0, min(100.0, 100 * lost / expected)), 3),
        "worst_loss_pct": round(100 * reported.worst_fraction / 256, 2),
        "jitter_ms": None if clock is None else round(1000 * newest.jitter / clock, 3),
        "max_jitter_ms": None if clock is None else round(1000 * reported.most_jitter / clock, 3),
    }


def _emodel(
    direction: Direction, discard_pct: float | None, bit_rate_bps: int | None
) -> dict[str, Any] | None:
    played, found = direction.played, direction.plan.format
    if played is None or not direction.is_sound:
        return None
    codec_delay_ms = 0.0
    if found is not None and found.spec is not None and found.sample_rate_hz:
        codec_delay_ms = 1000 * found.spec.delay_samples(found.settings) / found.sample_rate_hz
    return dict(
        call_rating(
            rtt_ms=direction.rtt_ms,
            playout_delay_ms=played.playout_delay_ms,
            packet_ms=direction.figures.ptime_ms or 0.0,
            codec_delay_ms=codec_delay_ms,
            loss_pct=direction.figures.loss_pct,
            discard_pct=discard_pct,
            burst_r=played.burst_r,
            codec=None if found is None else found.name,
            bit_rate_bps=bit_rate_bps,
            sample_rate_hz=None if found is None else found.sample_rate_hz,
        )
    )


def _rounded(value: Any, places: int) -> Any:
    return round(value, places) if isinstance(value, float) else value
