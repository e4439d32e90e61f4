"""Session descriptions (RFC 8866) and what two of them agree on (RFC 3264); knows no socket and no codec."""

from softphone.sdp.description import Attribute, Connection, MediaDescription, Origin, SessionDescription
from softphone.sdp.errors import Incompatible, LocalSdpError, SdpError, SdpParseError
from softphone.sdp.media import Capability, Direction, LocalMedia, Negotiated, NegotiatedCodec
from softphone.sdp.negotiate import make_answer, make_offer, read_answer, revised

__all__ = [
    "Attribute",
    "Capability",
    "Connection",
    "Direction",
    "Incompatible",
    "LocalMedia",
    "LocalSdpError",
    "MediaDescription",
    "Negotiated",
    "NegotiatedCodec",
    "Origin",
    "SdpError",
    "SdpParseError",
    "SessionDescription",
    "make_answer",
    "make_offer",
    "read_answer",
    "revised",
]
