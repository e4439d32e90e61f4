"""What is to become of a call, decided before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softphone.app.call_filters import ChainMaker
from softphone.app.call_keys import local_keys, srtp_of
from softphone.app.codec_choice import CodecInUse, fixed_ptime_ms, longest_of, stated_ptime_ms
from softphone.app.modes import agrees_to_short, is_sparing
from softphone.call.events import TransferAsked
from softphone.config import AudioOptions, LineOptions, MediaOptions
from softphone.sdp.media import LocalMedia

if TYPE_CHECKING:
    from softphone.app.one_call import OneCall


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What both roles need to know of a call."""

    audio: AudioOptions
    media: MediaOptions
    line: LineOptions
    chosen: tuple[CodecInUse, ...]
    seconds: float | None
    """Hang up so long after the answer."""
    until_played: bool
    """Hang up when what is played has ended."""
    dtmf: str = ""
    answers: bool = False
    """Whether these are calls that come in."""
    private: bool = False
    """Whether SIP is encrypted, so that SRTP keys may stand in it."""
    early_media: str | None = None
    """What is sent before the answer to a call that comes in, a file or `builtin:NAME`; None: nothing."""
    announces: bool = False
    """Whether `OneCall.announce` may be called."""
    on_running: Callable[[OneCall], None] | None = None
    """Told the call when its audio runs."""
    on_changed: Callable[[OneCall], None] | None = None
    """Told the call when something of `OneCall.status` other than its figures may have changed, its end included."""
    on_transfer: Callable[[OneCall, TransferAsked], None] | None = None
    """Told the call when its peer asks us to call somebody else; None: that is refused."""
    chains: ChainMaker | None = None
    """Makes the filters of a call when its audio is about to start; None: it has none."""


def local_media_of(
    plan: CallPlan, *, host: str, ports: tuple[int, int], session_id: int, compact: bool
) -> LocalMedia:
    """What SDP is told of a call.

    Args:
        host: our address.
        ports: of RTP and RTCP.
        session_id: unlike that of any other session of this host.
        compact: leave out what has the same meaning when absent.
    """
    media = plan.media
    keys = local_keys(media, private=plan.private, answers=plan.answers)
    return LocalMedia(
        host=host,
        port=ports[0],
        rtcp_port=ports[1],
        capabilities=tuple(one.capability for one in plan.chosen),
        ptime_ms=stated_ptime_ms(media, plan.chosen),
        max_ptime_ms=longest_of(plan.chosen),
        bandwidth_as_kbps=None if media.max_wire_bps is None else media.max_wire_bps // 1000,
        ptime_fixed=fixed_ptime_ms(media) is not None or media.max_wire_bps is not None,
        session_id=session_id,
        compact=compact,
        short_rtp=agrees_to_short(media),
        reduced_rtcp=agrees_to_short(media) if plan.answers else is_sparing(media),
        # RFC 5764 section 4.1: a port of its own for RTCP would need a handshake of its own.
        rtcp_mux=media.rtcp_mux or plan.answers or keys.fingerprint is not None,
        rtcp_xr=not is_sparing(media) and media.max_wire_bps is None,
        comfort_noise=media.comfort_noise,
        srtp=srtp_of(media),
        sdes=keys.sdes,
        fingerprint=keys.fingerprint,
    )
