"""Pieces of a SIP message as a body, of which NOTIFY of a transfer sends the status line (RFC 3420)."""

import re

from softphone.sip.local import REASONS

SIPFRAG_TYPE = "message/sipfrag"
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: ([^\r\n]*))?")
MAX_REASON = 128


def status_fragment(status: int, reason: str | None = None) -> bytes:
    """Return a status line as a body."""
    phrase = REASONS.get(status, "Unknown") if reason is None else _printable(reason)
    return f"SIP/2.0 {status} {phrase}\r\n".encode("utf-8", "replace")


def read_status(body: bytes) -> tuple[int, str] | None:
    """Return status and phrase of the status line that *body* begins with; None where it does not."""
    match = _STATUS_LINE.match(body[:1024].decode("utf-8", "replace"))
    if match is None:
        return None
    return int(match.group(1)), _printable(match.group(2) or "")[:MAX_REASON].strip()


def _printable(text: str) -> str:
    """*text* with a space for each character that a terminal must not get."""
    return "".join(char if char.isprintable() else " " for char in text)
