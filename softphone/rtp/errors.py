"""Exception tree of the RTP package.

* RtpError                        (base class)
    * PacketError    (remote)     bytes that are no RTP packet (also a ValueError)
    * RtcpError      (remote)     bytes that are no RTCP compound packet (also a ValueError)
    * LocalRtpError  (local)      our own caller asked for what cannot be sent (also a ValueError)
"""


class RtpError(Exception):
    """Base class of everything this package raises."""


class PacketError(RtpError, ValueError):
    """A datagram from the peer is not an RTP packet."""


class RtcpError(RtpError, ValueError):
    """A datagram from the peer is not an RTCP compound packet."""


class LocalRtpError(RtpError, ValueError):
    """The caller asked for something that RTP cannot carry."""
