"""What a call brings to an offer or answer, and what comes out of it (RFC 3264)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

FLOWS: dict[str, tuple[bool, bool]] = {  # direction -> (sends, receives)
    "sendrecv": (True, True),
    "sendonly": (True, False),
    "recvonly": (False, True),
    "inactive": (False, False),
}
DIRECTIONS: dict[tuple[bool, bool], Direction] = {
    (True, True): "sendrecv",
    (True, False): "sendonly",
    (False, True): "recvonly",
    (False, False): "inactive",
}


@dataclass(frozen=True, slots=True)
class Capability:
    """One codec that we can send and receive."""

    name: str
    """Encoding name of the rtpmap; case does not matter."""
    clock_rate_hz: int
    channels: int = 1
    payload_type: int | None = None
    """Static payload type; None: a dynamic one is assigned."""
    fmtp: str = ""
    """What we want to receive, "" for nothing to say."""
    max_ptime_ms: int = 120
    """Longest packet that we can send."""

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes two formats the same codec."""
        return self.name.lower(), self.clock_rate_hz, self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalMedia:
    """What we bring to a call."""

    host: str
    """Address that media for us is sent to."""
    port: int
    rtcp_port: int
    capabilities: tuple[Capability, ...]
    """In order of preference; an answer follows the offer's order all the same."""
    session_id: int
    """Number of o=, unlike that of any other session of this host."""
    ptime_ms: int
    """Packet interval that we would like to receive, and send unless the peer wishes another."""
    ptime_fixed: bool = False
    """Whether `ptime_ms` was asked for: then an answer states it in place of the offer's, and we send it."""
    max_ptime_ms: int = 120
    dtmf: bool = True
    direction: Direction = "sendrecv"
    bandwidth_as_kbps: int | None = None
    """Limit on what we receive, with all headers; None: none is stated."""
    compact: bool = False
    """Leave out what has the same meaning when absent: fewer bytes on the air."""
    short_rtp: bool = False
    """Whether RTP headers may be short, if the peer agrees (docs/rtp-short.md)."""
    reduced_rtcp: bool = False
    """Whether RTCP may be of reduced size, if the peer agrees (RFC 5506)."""
    rtcp_bandwidth_bps: tuple[int, int] | None = None
    """Of RTCP, for senders and for receivers (RFC 3556); None: nothing is said, which means 5 % of the session's."""


@dataclass(frozen=True, slots=True)
class NegotiatedCodec:
    """A codec both sides can do."""

    name: str
    """As our `Capability` writes it."""
    clock_rate_hz: int
    channels: int
    payload_type: int
    fmtp: Mapping[str, str] = field(default_factory=dict)
    """The peer's parameters (what it wants to receive), names in lower case; a flag has the value ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What offer and answer agreed on, seen from our side."""

    remote_host: str
    """An address as the system writes it; unspecified on hold the old way (RFC 3264 section 8.4)."""
    remote_port: int
    remote_rtcp_host: str
    remote_rtcp_port: int
    send: tuple[NegotiatedCodec, ...]
    """What we may send, under the peer's payload types, best first; a sender may move among them."""
    receive: tuple[NegotiatedCodec, ...]
    """What may come in, under our payload types; telephone events are apart."""
    receive_dtmf: Mapping[int, int]
    """Payload type -> clock rate of the telephone events that may come in."""
    send_dtmf_payload_type: int | None
    """None: the peer takes no telephone events."""
    send_dtmf_clock_rate_hz: int | None
    """That of the codec we send, unless the peer has only another (then 8000)."""
    ptime_ms: int
    """Packet interval to send: the peer's wish or ours, within its maxptime and our codec's longest."""
    max_ptime_ms: int | None
    """The peer's a=maxptime."""
    direction: Direction
    """Ours: sendonly means that we send."""
    bandwidth_as_kbps: int | None
    """The peer's limit on what we send, with all headers."""
    short_rtp: bool = False
    """Whether both agreed on short RTP headers."""
    reduced_rtcp: bool = False
    """Whether both agreed on reduced-size RTCP."""
    rtcp_bandwidth_bps: tuple[int, int] | None = None
    """What the peer says in b=RS and b=RR; None where it says not both."""
    peer_receives: bool = True
    """Whether the peer takes audio; one that does not holds the call, as a rule (RFC 3264 section 8.4)."""

    @property
    def codec(self) -> NegotiatedCodec:
        """What we send."""
        return self.send[0]

    @property
    def sends(self) -> bool:
        """Whether media goes out."""
        return FLOWS[self.direction][0]

    @property
    def receives(self) -> bool:
        """Whether media is to come in."""
        return FLOWS[self.direction][1]
