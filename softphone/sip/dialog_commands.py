"""What the owner of a leg may want within its dialog (RFC 3261 section 12.2)."""

from softphone.sip.errors import LocalSipError
from softphone.sip.leg import Cause, LegInput
from softphone.sip.legs import LegBook
from softphone.sip.reinvite import MakeBody
from softphone.sip.replaces import naming
from softphone.sip.uac import Uac
from softphone.sip.uas import Uas
from softphone.sip.uri import SipUri

HeaderList = tuple[tuple[str, str], ...]


def told(status: int, reason: str | None, body: bytes, content_type: str, headers: HeaderList) -> Cause:
    """Return an answer as the owner words it."""
    return Cause(status=status, reason=reason, body=body, content_type=content_type, headers=headers)


def check_refusal(status: int) -> None:
    """Raise LocalSipError unless *status* refuses."""
    if not 300 <= status <= 699:
        raise LocalSipError(f"refusal must have a status of 300 to 699, got {status}")


class DialogCommands:
    """The part of a `SipEndpoint` for legs that stand; the rules for all its commands are there."""

    def __init__(self, book: LegBook, uac: Uac, uas: Uas) -> None:
        self._book = book
        self._uac = uac
        self._uas = uas

    def dialog_id(self, leg: int) -> str:
        """Return the value of a Replaces header that names *leg* to its peer (RFC 3891 section 3).

        Raises:
            LocalSipError: if the leg has no dialog, or has none any more.
        """
        found = self._book.of_owner(leg)
        if found is None or found.dialog is None:
            raise LocalSipError(f"leg {leg} has no dialog")
        return str(naming(found.dialog))

    def session_interval(self, leg: int) -> int | None:
        """Return the seconds within which the session of *leg* is refreshed (RFC 4028); None: it stands without that.

        Raises:
            LocalSipError: if there is no such leg.
        """
        found = self._book.of_owner(leg)
        return None if found is None or found.session is None else found.session.interval_s

    def peer_allows(self, leg: int, method: str) -> bool:
        """Whether the peer of *leg* has said that it takes *method* (section 20.5)."""
        found = self._book.of_owner(leg)
        return found is not None and method in found.peer_allow

    def peer_supports(self, leg: int, tag: str) -> bool:
        """Whether the peer of *leg* has said that it supports the option *tag* (section 20.37)."""
        found = self._book.of_owner(leg)
        return found is not None and tag.lower() in found.peer_supported

    def bye(
        self,
        leg: int,
        *,
        body: bytes = b"",
        content_type: str | None = None,
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Hang up; `ByeAnswered` will tell. Before the ACK of our 2xx the BYE waits for it (section 15).

        On a leg that still calls this is `cancel`; a leg that waits for our own answer wants `reject`.
        """
        self._book.command(
            leg, LegInput.HANG_UP, Cause(body=body, content_type=content_type, headers=headers), now=now
        )

    def answer_bye(
        self,
        leg: int,
        *,
        body: bytes = b"",
        content_type: str | None = None,
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Answer the peer's BYE 200 after `ByeReceived`; the leg is over."""
        self._book.command(
            leg, LegInput.ANSWER_BYE, Cause(body=body, content_type=content_type, headers=headers), now=now
        )

    def reinvite(
        self,
        leg: int,
        make_body: MakeBody,
        *,
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Change the session; `ReinviteAnswered` or `ReinviteRefused` will tell (section 14.1).

        While a re-INVITE of the peer is under way ours waits; two that cross are tried again after a random time. The one
        refusal that is told and ends the leg, too, is 408 or 481: `ByeAnswered` follows.

        Args:
            leg: A leg that stands.
            make_body: Makes the offer, each time it is about to be sent: while it waited the session may have changed.
            content_type: Of what it makes.
            headers: Added as they are.
            now: Monotonic seconds.

        Raises:
            LocalSipError: if the leg does not stand, or a re-INVITE of ours is under way.
        """
        self._uac.reinviter.reinvite(leg, make_body, content_type=content_type, headers=headers, now=now)

    def answer_reinvite(
        self,
        leg: int,
        *,
        body: bytes,
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Accept the peer's re-INVITE: 200 until the ACK comes."""
        cause = told(200, None, body, content_type, headers)
        self._uas.answer_reinvite(leg, cause, now=now)

    def reject_reinvite(
        self, leg: int, status: int, reason: str | None = None, *, headers: HeaderList = (), now: float
    ) -> None:
        """Refuse the peer's re-INVITE; the call goes on as it was.

        Raises:
            LocalSipError: for a status outside 300 to 699.
        """
        check_refusal(status)
        cause = Cause(status=status, reason=reason, headers=headers)
        self._uas.reject_reinvite(leg, cause, now=now)

    def update(
        self,
        leg: int,
        make_body: MakeBody,
        *,
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Change the session without a three-way handshake; `UpdateAnswered` or `UpdateRefused` will tell (RFC 3311).

        It waits, and is tried again, as `reinvite` is.

        Args:
            leg: A leg that stands.
            make_body: Makes the offer, each time it is about to be sent.
            content_type: Of what it makes.
            headers: Added as they are.
            now: Monotonic seconds.

        Raises:
            LocalSipError: if the leg does not stand, or a change of ours is under way.
        """
        self._uac.reinviter.reinvite(
            leg, make_body, content_type=content_type, headers=headers, method="UPDATE", now=now
        )

    def answer_update(
        self,
        leg: int,
        *,
        body: bytes,
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Accept what `UpdateReceived` told of; once there is nothing to answer any more, nothing happens."""
        self._uas.updates.answer(leg, told(200, None, body, content_type, headers), now=now)

    def reject_update(
        self, leg: int, status: int, reason: str | None = None, *, headers: HeaderList = (), now: float
    ) -> None:
        """Refuse what `UpdateReceived` told of; the session stays as it was.

        Raises:
            LocalSipError: for a status outside 300 to 699.
        """
        check_refusal(status)
        self._uas.updates.answer(leg, Cause(status=status, reason=reason, headers=headers), now=now)

    def info(self, leg: int, body: bytes, content_type: str, *, now: float) -> None:
        """Send an INFO; `InfoAnswered` will tell (RFC 6086).

        Raises:
            LocalSipError: if the leg does not stand.
        """
        self._uas.infos.info(leg, body, content_type, now=now)

    def refer(self, leg: int, target: SipUri, *, replaces: str | None = None, now: float) -> None:
        """Ask the peer to call *target*; `ReferAnswered` will tell, then `ReferProgress` until it is over (RFC 3515).

        Args:
            leg: A leg that stands.
            target: Whom the peer is to call.
            replaces: The dialog of *target* whose place the peer's call is to take, from `dialog_id`: an attended transfer.
            now: Monotonic seconds.

        Raises:
            LocalSipError: if the leg does not stand, or is being transferred already.
        """
        self._uas.referrals.refer(leg, target, replaces=replaces, now=now)

    def accept_refer(self, leg: int, *, now: float) -> None:
        """Say 202 after `ReferReceived`; the owner places the call, and tells by `notify_refer` what becomes of it."""
        self._uas.referrals.accept(leg, now=now)

    def reject_refer(self, leg: int, status: int, *, now: float) -> None:
        """Refuse after `ReferReceived`.

        Raises:
            LocalSipError: for a status outside 300 to 699.
        """
        check_refusal(status)
        self._uas.referrals.reject(leg, status, now=now)

    def notify_refer(self, leg: int, status: int, reason: str, *, over: bool, now: float) -> None:
        """Tell the peer how the call stands that it asked for; *over*: this is the last word."""
        self._uas.referrals.notify(leg, status, reason, over=over, now=now)
