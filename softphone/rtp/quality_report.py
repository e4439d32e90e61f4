"""A call's quality as text for a collector: the body application/vq-rtcpxr (RFC 6035 section 4.6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from softphone.rtp.events import Address
from softphone.rtp.voip_metrics import MOS_RANGE, R_RANGE
from softphone.rtp.xr import NOT_MEASURED, VoipMetrics

EVENT = "vq-rtcpxr"
CONTENT_TYPE = "application/vq-rtcpxr"
CRLF = "\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedStream:
    """The codec of one direction."""

    payload_type: int | None
    name: str
    clock_rate_hz: int
    packet_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSession:
    """Who talked to whom, and when."""

    call_id: str
    dialog_id: str
    """With its tags, as a Replaces header has it; empty: not known."""
    local: str
    """Our URI."""
    remote: str
    caller: str
    """URI of who placed the call."""
    local_address: Address
    remote_address: Address
    local_ssrc: int
    remote_ssrc: int
    started: str
    """UTC, as ``2026-01-01T12:00:00Z``."""
    ended: str
    stream: ReportedStream


def quality_report(
    session: ReportedSession, *, local: VoipMetrics, jitter_ms: float | None, remote: VoipMetrics | None
) -> bytes:
    """The report of a call that is over.

    A parameter that was not measured is left out.

    Args:
        local: what we heard.
        jitter_ms: of that, interarrival jitter.
        remote: what the peer told that it heard; None: nothing.
    """
    lines = [
        "VQSessionReport: CallTerm",
        f"CallID: {session.call_id}",
        f"LocalID: <{session.local}>",
        f"RemoteID: <{session.remote}>",
        f"OrigID: <{session.caller}>",
        f"LocalAddr: {_address(session.local_address, session.local_ssrc)}",
        f"RemoteAddr: {_address(session.remote_address, session.remote_ssrc)}",
        "LocalMetrics:",
        *_metrics(session, local, jitter_ms),
    ]
    if remote is not None:
        lines += ("RemoteMetrics:", *_metrics(session, remote, None))
    if session.dialog_id:
        lines.append(f"DialogID: {session.dialog_id}")
    return "".join(line + CRLF for line in lines).encode()


def _metrics(session: ReportedSession, block: VoipMetrics, jitter_ms: float | None) -> Iterator[str]:
    """Lines of one side, in the order of section 4.6.1."""
    stream = session.stream
    yield f"Timestamps: START={session.started} STOP={session.ended}"
    payload_type = "" if stream.payload_type is None else f"PT={stream.payload_type} "
    packets_per_s = round(1000 / stream.packet_ms) if stream.packet_ms else 0
    yield (
        f"SessionDesc: {payload_type}PD={stream.name} SR={stream.clock_rate_hz} FD={stream.packet_ms} FPP=1 "
        f"PPS={packets_per_s} PLC={block.receiver >> 6}"
    )
    yield (
        f"JitterBuffer: JBA={block.receiver >> 4 & 3} JBR={block.receiver & 15} JBN={block.jitter_buffer_nominal_ms} "
        f"JBM={block.jitter_buffer_maximum_ms} JBX={block.jitter_buffer_limit_ms}"
    )
    yield f"PacketLoss: NLR={_percent(block.loss_rate)} JDR={_percent(block.discard_rate)}"
    yield (
        f"BurstGapLoss: BLD={_percent(block.burst_density)} BD={block.burst_duration_ms} GLD={_percent(block.gap_density)} "
        f"GD={block.gap_duration_ms} GMIN={block.gmin}"
    )
    delays = {
        "RTD": block.round_trip_ms or None,
        "ESD": block.end_system_delay_ms or None,
        "IAJ": None if jitter_ms is None else round(jitter_ms),
    }
    yield from _line("Delay", delays)
    yield from _line(
        "Signal",
        {
            "SL": _known(block.signal_level_dbm),
            "NL": _known(block.noise_level_dbm),
            "RERL": _known(block.residual_echo_return_loss_db),
        },
    )
    yield from _line(
        "QualityEst",
        {
            "RCQ": _within(block.r_factor, R_RANGE),
            "EXTRI": _within(block.external_r_factor, R_RANGE),
            "MOSLQ": _mos(block.mos_lq),
            "MOSCQ": _mos(block.mos_cq),
        },
    )


def _line(name: str, values: Mapping[str, int | str | None]) -> Iterator[str]:
    known = [f"{key}={value}" for key, value in values.items() if value is not None]
    if known:
        yield f"{name}: {' '.join(known)}"


def _address(address: Address, ssrc: int) -> str:
    return f"IP={address[0]} PORT={address[1]} SSRC=0x{ssrc:08x}"


def _percent(of_256: int) -> str:
    return f"{of_256 * 100 / 256:.1f}"


def _known(level: int) -> int | None:
    return None if level == NOT_MEASURED else level


def _within(value: int, span: tuple[int, int]) -> int | None:
    return value if span[0] <= value <= span[1] else None


def _mos(tenths: int) -> str | None:
    value = _within(tenths, MOS_RANGE)
    return None if value is None else f"{value / 10:.1f}"
