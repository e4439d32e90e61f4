"""What can go wrong in SIP, and whose fault it is.

* SipError                          (base class)
    * SipParseError, a ValueError   (remote: bytes or a text that RFC 3261 does not allow)
        * DictionaryError           (remote: a packed datagram that cannot be read)
    * LocalSipError, a ValueError   (local: the caller asked for something that cannot be sent)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softphone.sip.message import Request

_MAX_REASON_CHARS = 80


class SipError(Exception):
    """Base class of everything this package raises."""


class SipParseError(SipError, ValueError):
    """A peer's bytes, or a text given as SIP, break the grammar.

    Args:
        message: What was wanted and what was got.
        status: Status code a server answers with (RFC 3261 section 21.4.1 and following).
        partial: See the attribute.

    Attributes:
        status: 400, or the more precise code that fits.
        reason: Reason phrase for the answer; it names the fault (RFC 3261 section 21.4.1).
        partial: The request as far as it was understood, to answer it. Its top Via can be read
            (`partial.via`); any other header may be missing or broken and is to be copied as it stands.
            None: drop the message silently, because it is a response, an ACK, or has no Via to answer to.
    """

    def __init__(self, message: str, *, status: int = 400, partial: Request | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.partial = partial

    @property
    def reason(self) -> str:
        """The message as a reason phrase: one line of printable ASCII, at most 80 characters."""
        text = str(self).encode("ascii", "replace").decode("ascii")
        return "".join(c if c.isprintable() else "?" for c in text)[:_MAX_REASON_CHARS]


class DictionaryError(SipParseError):
    """A packed datagram that cannot be read; it is dropped, never answered."""


class LocalSipError(SipError, ValueError):
    """The caller asked for something that cannot be sent or is not allowed in this state."""
