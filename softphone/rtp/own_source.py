"""Our synchronisation source, where others have it, too: an echo of ours, or a collision (RFC 3550 section 8.2)."""

from collections import deque

from softphone.rtp.control import Control
from softphone.rtp.events import CollisionResolved, RtpEvent
from softphone.rtp.packet import RtpPacket
from softphone.rtp.sender import Sender

MIRROR_PACKETS = 1024
"""What comes back within so many packets is an echo."""


class OwnSource:
    """Tells what comes with our SSRC from what is the peer's; gives us another one after a collision.

    Args:
        sender: whose SSRC it is.
        control: says RTCP BYE for the one that is given up.
        events: where a collision is told.
    """

    def __init__(self, sender: Sender, control: Control, events: deque[RtpEvent]) -> None:
        self._sender, self._control, self._events = sender, control, events

    def admits(self, packet: RtpPacket) -> bool:
        """Whether *packet*, of another source than the one before, is to be played."""
        sender = self._sender
        if packet.ssrc != sender.ssrc:
            return True
        behind = (sender.sequence_number - 1 - packet.sequence_number) & 0xFFFF
        if behind < min(MIRROR_PACKETS, sender.packets):
            return True  # an echo service sends back what we sent
        old = sender.ssrc
        used = sender.renew_ssrc()
        self._events.append(CollisionResolved(old, sender.ssrc))
        if used:
            self._control.farewell(old)
        return False
