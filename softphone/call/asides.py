"""What goes on beside the session of a call: digits by INFO (RFC 6086) and transfers (RFC 3515, RFC 5589)."""

import re
from collections import deque

from softphone.call.errors import LocalCallError
from softphone.call.events import (
    CallEvent,
    DigitsReceived,
    DigitsRefused,
    TransferAsked,
    TransferProgress,
)
from softphone.call.record import CallRecord
from softphone.call.signals import shown
from softphone.call.state import PHASES, Phase
from softphone.sip import events as sip
from softphone.sip.endpoint import SipEndpoint
from softphone.sip.errors import LocalSipError
from softphone.sip.uri import SipUri

KEYS = "0123456789*#ABCD"
"""By their numbers (RFC 4733 section 3.2, events 0 to 15)."""
MAX_DIGITS = 1000
"""That wait to be sent, as many as `softphone.rtp.dtmf` takes."""
DIGIT_MS = 160
"""Duration that is stated of each."""
RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"
_SIGNAL = re.compile(rb"\s*signal\s*=\s*([0-9]{1,2}|[*#a-d])\s*(?:\r?\n|$)", re.IGNORECASE)
_BODY_BYTES = 200
"""Of a body that is looked at."""


def digits_in(content_type: str, body: bytes) -> str:
    """Return the digits that an INFO brings, "" if it brings none.

    Neither form has an RFC: ``Signal=5`` and ``Duration=160`` on two lines, or the digit alone. 10 to 15 are * # A B C D.
    """
    if content_type == PLAIN:
        signal = body[:_BODY_BYTES].strip().decode("ascii", "replace").upper()
    elif content_type == RELAY and (found := _SIGNAL.match(body[:_BODY_BYTES])):
        signal = found[1].decode("ascii").upper()
    else:
        return ""
    if signal.isascii() and signal.isdigit() and len(signal) <= 2:
        number = int(signal)
        return KEYS[number] if number < len(KEYS) else ""
    return signal if len(signal) == 1 and signal in KEYS else ""


class Asides:
    """Carries these out for the calls of one *endpoint*; tells its *events*."""

    def __init__(self, endpoint: SipEndpoint, events: deque[CallEvent | sip.NO_CALLS]) -> None:
        self._endpoint = endpoint
        self._events = events

    def take(self, call: CallRecord, event: sip.SipEvent, now: float) -> bool:
        """Take *event* of the leg of *call*; False if it is of the session."""
        number = call.number
        match event:
            case sip.InfoReceived(content_type=content_type, body=body):
                if digits := digits_in(content_type, body):
                    self._events.append(DigitsReceived(number, digits))
            case sip.InfoAnswered(status=status):
                self._digit_over(call, status, now)
            case sip.ReferReceived(target=target, replaces=replaces, referred_by=referred_by):
                headers = (("Replaces", replaces), ("Referred-By", referred_by))
                said = tuple((name, value) for name, value in headers if value is not None)
                self._events.append(TransferAsked(number, target, said))
            case sip.ReferAnswered(status=status, reason=reason):
                over = status >= 300
                self._events.append(TransferProgress(number, status, shown(reason), over))
            case sip.ReferProgress(status=status, reason=reason, over=over):
                self._events.append(TransferProgress(number, status, shown(reason), over))
            case _:
                return False
        return True

    def send_digits(self, call: CallRecord, digits: str, now: float) -> None:
        """Send *digits* one after the other: each waits for the answer to the one before, so that none overtakes another."""
        digits = digits.upper()
        strangers = sorted(set(digits) - set(KEYS))
        if strangers or not digits:
            raise LocalCallError(f"digits must be of 0-9 * # A-D, got {''.join(strangers)!r}")
        if len(call.digits) + len(digits) > MAX_DIGITS:
            raise LocalCallError(f"at most {MAX_DIGITS} digits wait to be sent, got {len(digits)} more")
        self._must_stand(call, "a digit")
        waiting, call.digits = call.digits, call.digits + digits
        if waiting:
            return
        try:
            self._send_digit(call, now)
        except LocalSipError as error:  # our 200 waits for a PRACK, say
            call.digits = ""
            raise LocalCallError(f"{error}: try again later") from error

    def transfer(self, call: CallRecord, target: SipUri, now: float, *, replaces: str | None = None) -> None:
        """Ask the peer of *call* to call *target*."""
        self._must_stand(call, "a transfer")
        try:
            self._endpoint.refer(call.number, target, replaces=replaces, now=now)
        except LocalSipError as error:
            raise LocalCallError(f"{error}: try again later") from error

    def transfer_to(self, call: CallRecord, other: CallRecord, now: float) -> None:
        """Ask the peer of *call* to take our place in *other* (RFC 5589 section 7)."""
        self._must_stand(call, "a transfer")
        self._must_stand(other, "a transfer")
        if other.target is None or other is call:
            raise LocalCallError("an attended transfer joins the peers of two calls that stand")
        self.transfer(call, other.target, now, replaces=self._endpoint.dialog_id(other.number))

    @staticmethod
    def _must_stand(call: CallRecord, what: str) -> None:
        if PHASES[call.state] is not Phase.ESTABLISHED:
            raise LocalCallError(f"{what} is for a call that stands, this one is {call.state.value}")

    def _send_digit(self, call: CallRecord, now: float) -> None:
        body = f"Signal={call.digits[0]}\r\nDuration={DIGIT_MS}\r\n".encode()
        self._endpoint.info(call.number, body, RELAY, now=now)

    def _digit_over(self, call: CallRecord, status: int, now: float) -> None:
        if not call.digits:
            return
        if status >= 300:
            self._events.append(DigitsRefused(call.number, call.digits, status))
            call.digits = ""
            return
        call.digits = call.digits[1:]
        if call.digits and PHASES[call.state] is Phase.ESTABLISHED:
            self._send_digit(call, now)
