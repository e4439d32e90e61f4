"""What a leg of a call tells its owner, while it runs and when it has stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dsp.level import LevelReport
from softphone.app.codec_choice import CodecInUse
from softphone.app.modes import ModeChange
from softphone.app.secure_socket import Protection
from softphone.io.process_cost import ProcessCost
from softphone.media.paths import ReceiveStats
from softphone.radio import CallTrace
from softphone.rtp.stats import RtpStats, SentStats
from softphone.rtp.xr import VoipMetrics


@dataclass(slots=True)
class LegEvents:
    """What a leg tells its owner; each is called from the event loop."""

    source_ended: Callable[[], None]
    timed_out: Callable[[], None]
    """Nothing was received from the peer for ``rtp_timeout_s``."""


@dataclass(frozen=True, slots=True)
class LegReading:
    """What is known of a leg that runs; its names are those of `LegFacts`."""

    codec: CodecInUse
    rtp: RtpStats
    heard: LevelReport
    heard_rate_hz: int
    waiting_samples: int
    dtmf: str
    air: CallTrace | None
    mode: str
    received_mode: str | None
    """What the peer sends, as far as can be told; None: nothing yet."""
    modes: tuple[str, ...]
    muted: bool
    filters: Mapping[str, str | None]
    """Names of the presets that what is sent and what is heard goes through."""


@dataclass(slots=True)
class LegFacts:
    """What a leg knows when it has stopped; `softphone.app.report` makes JSON of it."""

    codec: CodecInUse
    started: ProcessCost
    ended: ProcessCost
    rss_mib: float | None
    rtp: RtpStats
    receive: ReceiveStats
    heard: LevelReport
    heard_rate_hz: int
    waiting_samples: int
    """Decoded and not yet played: delay that the jitter buffer does not see."""
    first_rtp_at: float | None
    dtmf: str
    sends: bool
    receives: bool
    air: CallTrace | None = None
    """What went over the air, without SIP."""
    mode: str = "normal"
    """What was sent last."""
    mode_changes: tuple[ModeChange, ...] = ()
    withheld: dict[str, int] | None = None
    """See `softphone.media.paths.TransmitPath.withheld`."""
    heard_codecs: tuple[str, ...] = ()
    """Names of what was received, in the order in which they first came."""
    filters: Mapping[str, str | None] = field(default_factory=lambda: {"sent": None, "heard": None})
    """Names of the presets that what was sent and what was heard went through last."""
    protection: Protection = Protection()
    """How media was protected at the end."""
    ssrc: int = 0
    """Of what was sent last."""
    metrics: VoipMetrics | None = None
    """What was heard, as extended reports tell it (RFC 3611); None where nothing was."""
    held_s: float = 0.0
    """How long nothing was to be sent, or nothing to be heard: one side held the call."""


class HeldTime:
    """How long one side or the other held the call; what is made up for a peer that has stopped sending then is no loss."""

    def __init__(self) -> None:
        self._total_s = 0.0
        self._since: float | None = None
        self._concealed = 0

    def note(self, *, held: bool, now: float, stats: ReceiveStats) -> None:
        """From *now* on the call is held, or not; *stats* are of what is heard."""
        self.end(now=now, stats=stats)
        if held:
            self._since, self._concealed = now, stats.concealed

    def end(self, *, now: float, stats: ReceiveStats) -> float:
        """The call is not held any more; the seconds so far."""
        if self._since is not None:
            self._total_s += now - self._since
            self._since, stats.concealed = None, self._concealed
        return self._total_s


def wire_bytes_of(stats: SentStats) -> int:
    """All that went one way, from IP upwards."""
    return stats.payload_bytes + stats.rtp_bytes + stats.rtcp_bytes


def air_trace_of(
    rtp: RtpStats, sent: Mapping[int, int], received: Mapping[int, int], ip_udp_bytes: int, *, seconds: float
) -> CallTrace:
    """What went over the air in *seconds*, without SIP.

    Args:
        sent: bytes of a datagram of RTP or RTCP, without IP and UDP -> how many went out.
        received: the same of what came in.
        ip_udp_bytes: headers around each of them.
    """
    return CallTrace(
        seconds=seconds,
        sent=dict(sent),
        received=dict(received),
        ip_udp_bytes=ip_udp_bytes,
        rtcp=(
            (rtp.sent.rtcp_packets, rtp.sent.rtcp_bytes),
            (rtp.received.rtcp_packets, rtp.received.rtcp_bytes),
        ),
    )
