"""What was heard of one source, from our own figures to the block of an extended report and back (RFC 3611 section 4.7)."""

from dataclasses import dataclass
from typing import Any

from softphone.rtp.bursts import BurstGaps
from softphone.rtp.xr import NOT_MEASURED, VoipMetrics

_LONGEST_MS = 0xFFFF
_ENHANCED_CONCEALMENT = 0b11 << 6
_ADAPTIVE_JITTER_BUFFER = 0b11 << 4
RECEIVER = _ENHANCED_CONCEALMENT | _ADAPTIVE_JITTER_BUFFER
"""Ours, at a rate that is not known (section 4.7.6)."""
MOS_RANGE = (10, 50)
R_RANGE = (0, 100)
CONCEALMENTS = {0b11: "enhanced", 0b10: "standard", 0b01: "disabled"}
JITTER_BUFFERS = {0b11: "adaptive", 0b10: "fixed"}


@dataclass(frozen=True, slots=True)
class VoiceQuality:
    """What the audio itself adds to the figures of its packets; None is what nobody measured, and is told as that."""

    signal_level_dbm: float | None = None
    """Active speech, against 0 dBm0."""
    noise_level_dbm: float | None = None
    """Of the pauses."""
    r_factor: float | None = None
    """Of G.107; other scales reach beyond 100 and are not told."""
    mos_lq: float | None = None
    """1 to 5, of listening alone."""
    mos_cq: float | None = None
    """1 to 5, with the delay."""
    end_system_delay_ms: float | None = None
    """From our loudspeaker and microphone to the network, both ways."""


def voip_metrics(
    *,
    ssrc: int,
    loss_pct: float,
    discard_pct: float,
    bursts: BurstGaps,
    packet_ms: float,
    rtt_ms: float | None,
    playout_delay_ms: float | None,
    max_delay_ms: float,
    quality: VoiceQuality,
) -> VoipMetrics:
    """The block that tells of *ssrc*.

    Args:
        loss_pct: lost in the network, of all packets.
        discard_pct: came and were not played, of all packets.
        packet_ms: audio in one.
        playout_delay_ms: time that packets wait to be played.
        max_delay_ms: what is slower by this than the fastest is discarded.
    """
    return VoipMetrics(
        ssrc=ssrc,
        loss_rate=_of_256(loss_pct / 100),
        discard_rate=_of_256(discard_pct / 100),
        burst_density=_of_256(bursts.burst_density),
        gap_density=_of_256(bursts.gap_density),
        burst_duration_ms=_ms(bursts.burst_packets * packet_ms),
        gap_duration_ms=_ms(bursts.gap_packets * packet_ms),
        round_trip_ms=_ms(rtt_ms),
        end_system_delay_ms=_ms(quality.end_system_delay_ms),
        signal_level_dbm=_level(quality.signal_level_dbm),
        noise_level_dbm=_level(quality.noise_level_dbm),
        r_factor=_within(quality.r_factor, R_RANGE),
        mos_lq=_within(_tenths(quality.mos_lq), MOS_RANGE),
        mos_cq=_within(_tenths(quality.mos_cq), MOS_RANGE),
        receiver=RECEIVER,
        jitter_buffer_nominal_ms=_ms(playout_delay_ms),
        jitter_buffer_maximum_ms=_ms(max_delay_ms),
        jitter_buffer_limit_ms=_ms(max_delay_ms),
    )


def readable(metrics: VoipMetrics) -> dict[str, Any]:
    """A block as a RESULT shows it; None is what its sender has not measured.

    A value out of its range is ignored (section 4.7.5).
    """
    return {
        "loss_pct": round(metrics.loss_rate * 100 / 256, 2),
        "discard_pct": round(metrics.discard_rate * 100 / 256, 2),
        "burst_density_pct": round(metrics.burst_density * 100 / 256, 2),
        "gap_density_pct": round(metrics.gap_density * 100 / 256, 2),
        "burst_ms": metrics.burst_duration_ms,
        "gap_ms": metrics.gap_duration_ms,
        "gmin": metrics.gmin,
        "rtt_ms": metrics.round_trip_ms or None,
        "end_system_delay_ms": metrics.end_system_delay_ms or None,
        "signal_level_dbm": _read_level(metrics.signal_level_dbm),
        "noise_level_dbm": _read_level(metrics.noise_level_dbm),
        "residual_echo_return_loss_db": _read_level(metrics.residual_echo_return_loss_db),
        "r": _read(metrics.r_factor, R_RANGE),
        "external_r": _read(metrics.external_r_factor, R_RANGE),
        "mos_lq": _read_mos(metrics.mos_lq),
        "mos_cq": _read_mos(metrics.mos_cq),
        "concealment": CONCEALMENTS.get(metrics.receiver >> 6),
        "jitter_buffer": JITTER_BUFFERS.get(metrics.receiver >> 4 & 3),
        "jitter_buffer_ms": metrics.jitter_buffer_nominal_ms,
        "jitter_buffer_max_ms": metrics.jitter_buffer_maximum_ms,
    }


def _of_256(share: float) -> int:
    # Section 4.7.1: the integer part of the fraction times 256, at most 255.
    return min(255, max(0, int(share * 256)))


def _ms(value: float | None) -> int:
    return 0 if value is None else min(_LONGEST_MS, max(0, round(value)))


def _level(value: float | None) -> int:
    return NOT_MEASURED if value is None else min(NOT_MEASURED - 1, max(-128, round(value)))


def _tenths(mos: float | None) -> float | None:
    return None if mos is None else 10 * mos


def _within(value: float | None, span: tuple[int, int]) -> int:
    # Section 4.7.5: nothing but the range and 127 may be sent.
    if value is None or not span[0] <= round(value) <= span[1]:
        return NOT_MEASURED
    return round(value)


def _read(value: int, span: tuple[int, int]) -> int | None:
    return value if span[0] <= value <= span[1] else None


def _read_mos(value: int) -> float | None:
    tenths = _read(value, MOS_RANGE)
    return None if tenths is None else tenths / 10


def _read_level(value: int) -> int | None:
    return None if value == NOT_MEASURED else value
