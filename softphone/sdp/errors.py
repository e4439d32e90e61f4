"""Exception tree of the session descriptions, by whose fault it is.

* SdpError
    * SdpParseError   (remote: bytes that are not a session description, RFC 8866)
    * Incompatible    (remote: a description that leaves nothing to talk with)
    * LocalSdpError   (local: the caller asked for a description that cannot be written)
"""


class SdpError(Exception):
    """Base class of everything this package raises."""


class SdpParseError(SdpError, ValueError):
    """Bytes from the peer are not a session description."""


class Incompatible(SdpError):
    """Offer and answer have no stream in common."""

    def __init__(self, what: str, *, wanted: str, got: str) -> None:
        super().__init__(f"{what}: wanted {wanted}, got {got}")
        self.what = what
        self.wanted = wanted
        self.got = got


class LocalSdpError(SdpError, ValueError):
    """The caller asked for a description that cannot be written."""
