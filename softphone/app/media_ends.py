"""Where the media of one call comes and goes on this side: bound ports, as others see them, or a way that ICE finds."""

import asyncio
import ipaddress
import logging
from dataclasses import dataclass, replace
from typing import Any

from softphone.app.call_plan import CallPlan
from softphone.app.leg import NOWHERE
from softphone.app.line import PolledSocket, behind_line, open_socket
from softphone.app.station import Station, now
from softphone.call.events import CallEvent, Ended, IncomingCall
from softphone.config import AccountOptions
from softphone.errors import SoftphoneError
from softphone.io.ice_socket import IceSocket
from softphone.io.rtp_socket import RtpSocket
from softphone.nat_config import STUN_PORT, TurnServer, host_and_port
from softphone.rtp.session import RtpSession
from softphone.sdp.media import Ice, LocalMedia, Negotiated

log = logging.getLogger(__name__)

UNANSWERED_S = 5.0
"""So much audio goes to an address that is not the caller's and that nothing comes from: the time in which a peer's first RTCP
report is due (RFC 3550 section 6.2), and little enough for a third party that a caller points at."""
_BEHIND_NAT = tuple(
    map(
        ipaddress.ip_network,
        # RFC 1918, RFC 6598, RFC 3927; RFC 4193, RFC 4291 section 2.5.6.
        (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)


@dataclass(slots=True)
class MediaEnds:
    """Our ends of one call, before there is an offer and until the call is over."""

    socket: PolledSocket
    """What a leg reads and writes."""
    base: RtpSocket | IceSocket
    """What lies below the line and the trace."""
    host: str
    """What the description says, with `ports`."""
    ports: tuple[int, int]
    caller: str | None = None
    """Host that an incoming call's INVITE came from; None: we place the call."""

    def described(self, local: LocalMedia) -> LocalMedia:
        """*local* with our addresses in it."""
        local = replace(local, host=self.host, port=self.ports[0], rtcp_port=self.ports[1])
        base = self.base
        if isinstance(base, IceSocket):
            local = replace(local, ice=Ice(base.ufrag, base.password, base.candidates))
        return local

    def follow(self, negotiated: Negotiated) -> None:
        """Send to, and take from, what was agreed on; a peer that holds the call the old way is where it was."""
        if negotiated.remote_host in NOWHERE:
            return
        base = self.base
        base.shares_port = negotiated.rtcp_mux
        if isinstance(base, IceSocket):
            rtp = (negotiated.remote_host, negotiated.remote_port)
            rtcp = (negotiated.remote_rtcp_host, negotiated.remote_rtcp_port)
            base.begin(negotiated.ice, rtp=rtp, rtcp=rtcp)

    def guard(self, session: RtpSession, negotiated: Negotiated, *, ptime_ms: int) -> None:
        """Tell *session* whom to believe, and how much to send to who never answers; again after a change."""
        if negotiated.remote_host in NOWHERE:
            return
        checked = isinstance(self.base, IceSocket) and negotiated.ice is not None
        session.learn_source(not checked and is_behind_nat(negotiated.remote_host))
        # Where ICE has found the way, or the caller is where its audio is to go, somebody there has asked for it.
        bounded = not checked and self.caller is not None and self.caller != negotiated.remote_host
        allowed = 0 if is_of_many(negotiated.remote_host) else round(1000 * UNANSWERED_S / ptime_ms)
        session.limit_unanswered(allowed if bounded or not allowed else None)

    def path(self) -> dict[str, Any] | None:
        """How ICE stands, as a RESULT shows it; None where it was not asked for."""
        if not isinstance(self.base, IceSocket):
            return None
        path = self.base.path
        return {"state": path.state, "local": path.local, "remote": path.remote}

    def close(self) -> None:
        """Close the sockets."""
        self.socket.close()

    async def settle(self) -> None:
        """Wait, after `close`, until servers that helped know that it is over."""
        if isinstance(self.base, IceSocket):
            await self.base.settle()


def is_behind_nat(host: str) -> bool:
    """Whether others than its neighbours see *host* under another address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in _BEHIND_NAT if network.version == address.version)


def is_of_many(host: str) -> bool:
    """Whether more than one machine would get what is sent to *host*: a call's audio is for one."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_multicast or host == "255.255.255.255"
    except ValueError:
        return False


def needs_gathering(account: AccountOptions) -> bool:
    """Whether a server, or ICE, is to be asked before there can be an offer or an answer."""
    return account.stun is not None or account.uses_ice


def open_ends(station: Station, plan: CallPlan, *, caller: str | None = None) -> MediaEnds:
    """Bind ports, at once, without asking anybody.

    Raises:
        EnvironmentProblem: none are free.
    """
    base, socket = open_socket(station.host, plan.media.rtp_ports, plan.line, trace=station.trace)
    return MediaEnds(socket, base, station.media_host, base.ports, caller)


async def open_media(station: Station, plan: CallPlan, *, caller: str | None = None) -> MediaEnds:
    """Find out all that a description has to say of our addresses.

    Args:
        caller: host that an incoming call's INVITE came from.

    Raises:
        UsageError: ICE was asked for, and its library is not there.
        EnvironmentProblem: no ports are free, or there is no candidate.
        UnreachableError: the STUN server does not answer.
    """
    account = station.account
    if account.uses_ice:
        return await _with_ice(station, plan, account, caller)
    ends = open_ends(station, plan, caller=caller)
    if account.stun is not None and isinstance(ends.base, RtpSocket):
        try:
            rtp, rtcp = await ends.base.mapped_by(host_and_port(account.stun, "--stun", default=STUN_PORT))
        except BaseException:
            ends.close()
            raise
        ends.host, ends.ports = rtp[0], (rtp[1], rtcp[1])
        if account.public_address is not None:
            ends.host = account.public_address
    return ends


async def _with_ice(
    station: Station, plan: CallPlan, account: AccountOptions, caller: str | None
) -> MediaEnds:
    stun = None if account.stun is None else host_and_port(account.stun, "--stun", default=STUN_PORT)
    turn = None
    if account.turn is not None:
        turn = TurnServer.parse(account.turn, password=account.turn_password)
    # RFC 8445 section 6.1.1: who makes the offer controls.
    base = await IceSocket.gather(station.host, controlling=not plan.answers, stun=stun, turn=turn)
    return MediaEnds(
        behind_line(base, plan.line, station.trace, station.host), base, base.host, base.ports, caller
    )


class _Unowned:
    """Notes the end of an incoming call that nobody owns yet."""

    def __init__(self) -> None:
        self.ended = False

    def on_event(self, event: CallEvent) -> None:
        """Take an event of it."""
        self.ended = self.ended or isinstance(event, Ended)


async def ends_of_incoming(station: Station, plan: CallPlan, event: IncomingCall) -> MediaEnds | None:
    """Find out what an answer has to say of our addresses; None: the call is over meanwhile, or refused for want of them."""
    waiting = _Unowned()
    station.owners[event.call] = waiting
    try:
        ends = await open_media(station, plan, caller=event.source[0])
    except (SoftphoneError, asyncio.CancelledError) as error:
        ends_here = isinstance(error, asyncio.CancelledError)  # RFC 3261 section 21.4.18: not to be had now
        if not waiting.ended:
            station.manager.reject(event.call, 480 if ends_here else 500, now=now())
            station.pump()
        if ends_here:
            raise
        log.warning("a call is refused: %s", error)
        return None
    finally:
        del station.owners[event.call]
    if waiting.ended:
        ends.close()
        return None
    return ends


async def ends_of_placed(station: Station, plan: CallPlan) -> MediaEnds | None:
    """The same of a call that we place; None: nobody is to be asked, its ports can be bound when it is made.

    Raises:
        As `open_media`.
    """
    return await open_media(station, plan) if needs_gathering(station.account) else None
