"""Facts of a call that the SIP endpoint knows; the last known ones stay where it has forgotten the leg."""

import contextlib

from softphone.call.record import CallRecord
from softphone.call.state import PHASES, Phase
from softphone.sip.endpoint import SipEndpoint
from softphone.sip.errors import LocalSipError


def note_bytes(endpoint: SipEndpoint, call: CallRecord) -> tuple[int, int]:
    """Note, and return, the bytes of SIP sent and received."""
    with contextlib.suppress(LocalSipError):
        call.sip_bytes = endpoint.leg_bytes(call.number)
    return call.sip_bytes


def note_dialog(endpoint: SipEndpoint, call: CallRecord) -> None:
    """Note what names the dialog of a call that stands, and within how long it is refreshed."""
    if PHASES[call.state] is Phase.ESTABLISHED:
        with contextlib.suppress(LocalSipError):
            call.dialog_id = endpoint.dialog_id(call.number)
            call.session_expires_s = endpoint.session_interval(call.number)
