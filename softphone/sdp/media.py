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


Srtp = Literal["off", "prefer", "require"]
"""Whether media is encrypted: never; where the peer can (RFC 8643); always, or there is no call."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line (RFC 4568): a key for what its sender sends."""

    tag: int
    suite: str
    """As ``AES_CM_128_HMAC_SHA1_80``."""
    key: bytes = field(repr=False)
    """Master key and master salt."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of a certificate (RFC 8122 section 5)."""

    algorithm: str
    """As ``sha-256``, lower case."""
    digest: bytes


@dataclass(frozen=True, slots=True)
class Sdes:
    """Keys that both sides exchanged in SDP (RFC 4568)."""

    send: Crypto
    receive: Crypto


@dataclass(frozen=True, slots=True)
class Dtls:
    """A DTLS handshake on the media path will make the keys (RFC 5763)."""

    fingerprints: tuple[Fingerprint, ...]
    """The peer's certificate has one of these, the strongest algorithm counts."""
    is_client: bool
    """Whether we begin the handshake (a=setup:active)."""


@dataclass(frozen=True, slots=True)
class Ice:
    """What one side says of ICE (RFC 8839)."""

    ufrag: str
    password: str = field(repr=False)
    candidates: tuple[str, ...]
    """Values of a=candidate."""
    lite: bool = False


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
    srtp: Srtp = "off"
    sdes: tuple[Crypto, ...] = ()
    """Keys for what we send, the best suite first; empty: no SDES."""
    fingerprint: Fingerprint | None = None
    """Of our certificate; None: no DTLS-SRTP."""
    rtcp_mux: bool = False
    """Whether RTCP may share the port of RTP, if the peer agrees (RFC 5761)."""
    ice: Ice | None = None
    """What we say of ICE; None: nothing."""
    comfort_noise: bool = False
    """Whether comfort noise may be sent and taken, if the peer agrees (RFC 3389)."""
    rtcp_xr: bool = False
    """Whether VoIP metrics are asked for and told (RFC 3611)."""


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
    security: Sdes | Dtls | None = None
    """How media is encrypted; None: it is not."""
    rtcp_mux: bool = False
    """Whether RTCP shares the port of RTP."""
    ice: Ice | None = None
    """What the peer said of ICE, where we do it, too."""
    receive_comfort_noise: Mapping[int, int] = field(default_factory=dict)
    """Payload type -> clock rate of comfort noise that may come in."""
    send_comfort_noise_payload_type: int | None = None
    """At the clock rate of the codec that we send; None: the peer takes none there."""
    rtcp_xr: bool = False
    """Whether the peer wants, or can read, VoIP metrics."""

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
