"""What may be done to a call while it stands: mode, codec, hold, digits, announcements, transfers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from softphone.app.audio import CallAudio
from softphone.app.call_plan import CallPlan
from softphone.app.leg import MediaLeg
from softphone.app.station import Station, now
from softphone.app.transfers import CallTransfer
from softphone.call.errors import CallError
from softphone.errors import UsageError
from softphone.rtp.errors import LocalRtpError
from softphone.sdp.errors import LocalSdpError
from softphone.sdp.media import LocalMedia, Negotiated
from softphone.sip.errors import LocalSipError
from softphone.sip.uri import SipUri


class SteeredCall:
    """A call of *station* as those see it who steer it; `softphone.app.one_call.OneCall` is its life."""

    def __init__(self, station: Station, plan: CallPlan, audio: CallAudio) -> None:
        self._station = station
        self._plan = plan
        self._audio = audio
        self._call: int | None = None
        self._running_leg: MediaLeg | None = None
        self._negotiated: Negotiated | None = None
        self._local_media: LocalMedia | None = None
        self._hold_refused: str | None = None
        self._change_refused: str | None = None
        self._dtmf_refused: str | None = None
        self.transfer = CallTransfer()
        """What became of a wish that it be somebody else's call."""

    @property
    def number(self) -> int | None:
        """By which its station knows it; None before it was placed or has come in."""
        return self._call

    @property
    def leg(self) -> MediaLeg | None:
        """Its audio while that runs."""
        return self._running_leg

    @property
    def modes(self) -> tuple[str, ...]:
        """Modes that the running call can be sent in; none before its audio runs and after its end."""
        leg = self.leg
        return () if leg is None else leg.modes

    def set_mode(self, mode: str, *, direction: str = "both") -> None:
        """Change the mode of the running call, without a re-INVITE: see `softphone.app.leg.MediaLeg.set_mode`.

        Raises:
            UsageError: the call has no audio, or not this mode.
        """
        self._running(f"mode {mode}").set_mode(mode, direction=direction)

    def set_codec(self, name: str) -> None:
        """Have the call go on in the codec *name*, one of those it was begun with, by a re-INVITE.

        Raises:
            UsageError: the call has no audio, this codec is none of its own, or a change is under way.
        """
        self._running(f"codec {name}")
        media = self._local_media
        assert self._call is not None
        assert media is not None
        of_name = [one.capability for one in self._plan.chosen if one.spec.name == name.lower()]
        if not of_name:
            known = ", ".join(one.spec.name for one in self._plan.chosen)
            raise UsageError(
                f"codec {name!r} is none of this call's: give it with --codec, too; it has {known}"
            )
        self._change_refused = None
        with told_to_the_user():
            self._station.manager.change(self._call, replace(media, capabilities=tuple(of_name)), now=now())
        self._station.pump()

    @property
    def change_refused(self) -> str | None:
        """What the peer said to the newest change of codec that it did not agree to."""
        return self._change_refused

    @property
    def hold_refused(self) -> str | None:
        """What the peer said to the newest change of hold that it did not agree to."""
        return self._hold_refused

    @property
    def dtmf_refused(self) -> str | None:
        """Digits by INFO that the peer did not take, and what it said."""
        return self._dtmf_refused

    def mute(self, on: bool) -> None:
        """Send silence, or what is captured again; see `softphone.media.paths.TransmitPath.mute`.

        Raises:
            UsageError: the call has no audio.
        """
        self._running("mute").transmit.mute(on)
        self._tell_changed()

    def hold(self, on: bool) -> None:
        """Put the peer on hold, or take it back; `status` tells when the peer has agreed, or why it did not.

        Raises:
            UsageError: the call has no audio, or a change of it is under way.
        """
        self._running("hold")
        assert self._call is not None
        self._hold_refused = None
        with told_to_the_user():
            self._station.manager.hold(self._call, on, now=now())
        self._station.pump()

    def send_dtmf(self, digits: str) -> None:
        """Send *digits*, of 0-9 * # A-D, behind those that still wait: in place of the audio (RFC 4733), or by INFO.

        Raises:
            UsageError: the call has no audio or is on hold, the peer takes none, or one of them is no key.
        """
        leg = self._running("DTMF")
        if not digits:
            raise UsageError("DTMF wants digits of 0-9 * # A-D, got none")
        if self._sends_digits_by_info:
            assert self._call is not None
            with told_to_the_user():
                self._station.manager.send_digits(self._call, digits, now=now())
            self._station.pump()
            return
        if not leg.transmit.enabled:
            raise UsageError(f"DTMF {digits} cannot be sent while the call is on hold: nothing is")
        with told_to_the_user():
            leg.session.send_dtmf(digits.upper())

    @property
    def _sends_digits_by_info(self) -> bool:
        by = self._plan.media.dtmf_by
        no_events = self._negotiated is None or self._negotiated.send_dtmf_payload_type is None
        return by == "info" or (by == "auto" and no_events)

    @property
    def dtmf_pending(self) -> bool:
        """Whether digits still wait to be sent."""
        leg = self.leg
        if leg is None or self._call is None:
            return False
        return leg.session.dtmf_pending or bool(self._station.manager.info(self._call).digits_waiting)

    def announce(self, what: str) -> None:
        """Send *what*, a file or `builtin:NAME`, once, in place of what is sent else; the plan says that it may be.

        Raises:
            UsageError: the call has no audio, or there is no such sound.
        """
        leg = self._running(f"play {what}")
        self._audio.announce(what, leg.sample_rate_hz)

    @property
    def is_announcing(self) -> bool:
        """Whether an announcement has not come to its end."""
        return self._audio.is_announcing

    def transfer_to(self, target: "SipUri | SteeredCall") -> None:
        """Ask the peer to call *target*, or to take our place in a call of ours (RFC 3515, RFC 3891); `transfer` tells what becomes
        of it.

        Raises:
            UsageError: one of the calls does not stand.
        """
        self._running("a transfer")
        assert self._call is not None
        manager = self._station.manager
        with told_to_the_user():
            if isinstance(target, SipUri):
                manager.transfer(self._call, target, now=now())
                self.transfer.begin(str(target))
            else:
                target._running("a transfer")
                assert target._call is not None
                manager.transfer_to(self._call, target._call, now=now())
                self.transfer.begin(manager.info(target._call).peer_uri)
        self._station.pump()

    def _running(self, what: str) -> MediaLeg:
        leg = self.leg
        if leg is None:
            raise UsageError(f"{what} is for a call whose audio runs, this one is not there yet or over")
        return leg

    def _tell_changed(self) -> None:
        """Something of the status has changed."""


@contextmanager
def told_to_the_user() -> Iterator[None]:
    """Turn what a core refuses into a `UsageError`."""
    try:
        yield
    except (CallError, LocalRtpError, LocalSdpError, LocalSipError) as error:
        raise UsageError(str(error)) from None
