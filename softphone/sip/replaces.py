"""Replaces: an INVITE that takes the place of a dialog (RFC 3891)."""

from dataclasses import dataclass
from typing import Self

from softphone.sip.dialog import Dialog
from softphone.sip.errors import SipParseError
from softphone.sip.grammar import parse_params
from softphone.sip.leg import STANDING, Leg, LegState
from softphone.sip.legs import LegBook
from softphone.sip.message import Request

EARLY = frozenset({LegState.CALLING, LegState.PROCEEDING})
"""States of a leg of ours that is not answered yet."""


@dataclass(frozen=True, slots=True)
class Replaces:
    """Which dialog, as its receiver knows it (section 6.1)."""

    call_id: str
    to_tag: str
    """The receiver's."""
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the value of the header.

        Raises:
            SipParseError: if the grammar does not allow it.
        """
        call_id, _, rest = text.partition(";")
        params = parse_params(rest, "Replaces") if rest else {}
        to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
        if not call_id.strip() or to_tag is None or from_tag is None:
            raise SipParseError("Replaces must be a Call-ID with to-tag and from-tag")
        return cls(call_id.strip(), to_tag, from_tag, "early-only" in params)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def naming(dialog: Dialog) -> Replaces:
    """Return what names *dialog* of ours to its other end (section 3)."""
    return Replaces(dialog.call_id, dialog.remote.tag or "0", dialog.local.tag or "0")


def replaced(request: Request, book: LegBook) -> tuple[Leg | None, int]:
    """Return the leg that INVITE *request* is to replace, and 0; or None and what it is refused with (section 3)."""
    values = request.headers.get_all("Replaces")
    if len(values) != 1:
        return None, 400 if values else 0
    try:
        wanted = Replaces.parse(values[0])
    except SipParseError:
        return None, 400
    leg = book.of_dialog(wanted.call_id, wanted.to_tag, wanted.from_tag)
    if leg is None:
        return None, 481
    if leg.state in STANDING or leg.state is LegState.ANSWERED:
        return (None, 486) if wanted.early_only else (leg, 0)
    if leg.state in EARLY:
        return leg, 0
    # One that we have not made and not answered cannot be replaced; one that ends is declined.
    incoming = leg.state in (LegState.INCOMING, LegState.ANSWER_WAITING)
    return None, 481 if incoming else 603
