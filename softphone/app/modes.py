"""How a call is sent in each of its modes: normal as any phone does, vlc with the least CPU, vlr with the least airtime.

What is possible is found once, from what SDP agreed on; a change of mode in mid-call only chooses among it.
"""

import logging
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from softphone.app.codec_choice import (
    CREDIT,
    PACKET,
    WISH,
    CodecInUse,
    agreed,
    expected,
    fixed_ptime_ms,
    is_very_low_rate,
    matching,
    number_in,
    under,
)
from softphone.app.wire_limit import cheapest
from softphone.config import MODES, MediaOptions
from softphone.errors import UsageError
from softphone.media.suppress import MOST_CREDIT, Level, Suppression
from softphone.rtp.packet import HEADER_BYTES
from softphone.rtp.short import SHORT_BYTES
from softphone.sdp.negotiate import Negotiated, NegotiatedCodec

log = logging.getLogger(__name__)

VLR_LEVEL: Level = "strong"
LOW_COMPLEXITY = 3
"""Up to here VLC has its low-consumption profile: frames every 16 ms, one pass of correction."""
REPORT_INTERVAL_S = 15.0
"""Mean time between our RTCP reports in mode vlr; RFC 3550 section 6.2 recommends 5 s at least."""
SILENT_S = 60.0
"""A peer that leaves pauses out is given up after this at the earliest: in a pause only its reports are heard."""
OWN_PAUSES = ("opus",)
"""Codecs that describe pauses themselves, beside those of the modes vlc and vlr."""
DIRECTIONS = ("sent", "received", "both")
KBPS = 1000
SHORT_IN = "vlr"
"""The mode that sends short RTP headers, where both agreed on them (docs/rtp-short.md)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What is sent in one mode."""

    mode: str
    codec: CodecInUse
    payload_type: int
    suppression: Suppression = Suppression()
    """What is left out."""
    report_interval_s: float | None = None
    """Mean time between our reports; None: by RFC 3550."""


@dataclass(frozen=True, slots=True)
class ModeChange:
    """One change of mode in mid-call."""

    at_s: float
    """Since the audio began."""
    direction: str
    """``sent`` or ``received``."""
    mode: str
    codec: str
    """By its name."""


def streams_of(
    negotiated: Negotiated, chosen: tuple[CodecInUse, ...], media: MediaOptions, *, header_bytes: int
) -> dict[str, Stream]:
    """Mode -> what is sent in it; normal is always there, the others where the peer takes a codec for them.

    Args:
        negotiated: what SDP agreed on.
        chosen: the codecs we brought.
        media: what was asked for.
        header_bytes: IP, UDP and RTP of a packet.
    """
    limit_bps = limit_of(negotiated, media)
    streams = {"normal": _normal(negotiated, chosen, media, limit_bps, header_bytes)}
    low = next((each for each in negotiated.send if is_very_low_rate(matching(chosen, each).spec)), None)
    if low is None:
        return streams
    credit = credit_with(matching(chosen, low), low)
    for mode in MODES[1:]:
        codec = _for_mode(matching(chosen, low), low, negotiated)
        if limit_bps is not None:
            fit = under(
                codec,
                limit_bps,
                header_bytes=header_bytes - (_saved_bytes(negotiated) if mode == SHORT_IN else 0),
                ptime_ms=codec.settings.ptime_ms,
                fixed_rate=codec.spec.symmetric,
            )
            codec = codec if fit is None else fit
        if mode == "vlc":
            settings = replace(codec.settings, complexity=min(LOW_COMPLEXITY, codec.settings.complexity))
            codec = replace(codec, settings=settings)
            streams[mode] = Stream(mode, codec, low.payload_type)
        else:
            suppression = Suppression(level=VLR_LEVEL, credit=credit, dtx=True)
            streams[mode] = Stream(mode, codec, low.payload_type, suppression, REPORT_INTERVAL_S)
    return streams


def first_mode(negotiated: Negotiated, streams: Mapping[str, Stream], media: MediaOptions) -> str:
    """The mode to begin with: ours, else the one the peer wishes for, where it is possible; else normal."""
    mode = wish_of(negotiated) if media.mode is None else media.mode
    return mode if mode in streams else "normal"


def wish_of(negotiated: Negotiated) -> str:
    """The mode that the peer's SDP names; normal where it names none."""
    return next((wish for each in negotiated.send if (wish := each.fmtp.get(WISH)) in MODES), "normal")


def is_sparing(media: MediaOptions) -> bool:
    """Whether SIP and SDP are to be short as well."""
    return media.mode == "vlr"


def agrees_to_short(media: MediaOptions) -> bool:
    """Whether short RTP headers and reduced-size RTCP suit us: in any call that may come to be one of least airtime."""
    return media.mode != "normal"


def limit_of(negotiated: Negotiated, media: MediaOptions) -> int | None:
    """The limit on what we send, all headers and RTCP included (b/s): ours or the peer's b=AS, the lower; None: no limit."""
    limits = [] if media.max_wire_bps is None else [media.max_wire_bps]
    if negotiated.bandwidth_as_kbps is not None:
        limits.append(negotiated.bandwidth_as_kbps * KBPS)
    return min(limits, default=None)


def check_mode(mode: str, modes: Container[str], *, direction: str = "both") -> None:
    """Raises UsageError: no such mode or direction, or nothing to send in it to this peer."""
    if direction not in DIRECTIONS:
        raise UsageError(f"a direction is sent, received or both, got {direction!r}")
    if mode not in MODES:
        raise UsageError(f"a mode is one of {', '.join(MODES)}, got {mode!r}")
    if mode not in modes:
        raise UsageError(
            f"mode {mode} needs VLC or Codec2 in common with the peer, who takes neither: normal is left"
        )


def _normal(
    negotiated: Negotiated,
    chosen: tuple[CodecInUse, ...],
    media: MediaOptions,
    limit_bps: int | None,
    header_bytes: int,
) -> Stream:
    stream = _normal_codec(negotiated, chosen, media, limit_bps, header_bytes)
    noise, spec = negotiated.send_comfort_noise_payload_type, stream.codec.spec
    is_first = stream.payload_type == negotiated.codec.payload_type  # of whose clock the noise is
    if noise is None or not is_first or spec.name in OWN_PAUSES or is_very_low_rate(spec):
        return stream
    return replace(stream, suppression=Suppression(dtx=True, comfort_noise=True, noise_payload_type=noise))


def _normal_codec(
    negotiated: Negotiated,
    chosen: tuple[CodecInUse, ...],
    media: MediaOptions,
    limit_bps: int | None,
    header_bytes: int,
) -> Stream:
    if limit_bps is None:
        new = negotiated.codec
        codec = agreed(matching(chosen, new), ptime_ms=negotiated.ptime_ms, fmtp=new.fmtp)
        return Stream("normal", codec, new.payload_type)
    pairs = [(each, matching(chosen, each)) for each in negotiated.send]
    for each, one in pairs:
        codec = _for_mode(one, each, negotiated)
        fit = under(
            codec,
            limit_bps,
            header_bytes=header_bytes,
            ptime_ms=fixed_ptime_ms(media, codec.spec),
            longest_ms=negotiated.max_ptime_ms,
            fixed_rate=codec.spec.symmetric,
        )
        if fit is not None:
            return Stream("normal", fit, each.payload_type)
    # A peer's limit below all of its own codecs: the one that comes nearest to it.
    longest = negotiated.max_ptime_ms
    offers = [(cheapest(one.spec, one.settings, header_bytes, None, longest), each) for each, one in pairs]
    least, new = min(offers, key=lambda offer: offer[0])
    log.warning("%s takes %d b/s at least, more than the limit of %d b/s", new.name, least, limit_bps)
    codec = matching(chosen, new)
    fit = under(codec, least, header_bytes=header_bytes, longest_ms=negotiated.max_ptime_ms)
    return Stream("normal", codec if fit is None else fit, new.payload_type)


def _for_mode(codec: CodecInUse, theirs: NegotiatedCodec, negotiated: Negotiated) -> CodecInUse:
    """*codec* in its longest packets that the peer takes, and within its fmtp."""
    longest = max(codec.spec.ptimes_ms) if codec.packet_ms is None else codec.packet_ms
    packet = number_in(theirs.fmtp, PACKET)
    limit = negotiated.max_ptime_ms if packet is None else packet
    found = agreed(codec, ptime_ms=longest if limit is None else min(longest, limit), fmtp=theirs.fmtp)
    # What the peer takes is a limit as well as what was asked for here.
    highest = found.spec.bit_rates_bps[2] if codec.asked_bps is None else codec.asked_bps
    most = found.spec.apply_fmtp(replace(found.settings, bit_rate_bps=highest), theirs.fmtp)
    return replace(found, asked_bps=most.bit_rate_bps)


def formats_in(mode: str, negotiated: Negotiated, chosen: tuple[CodecInUse, ...]) -> dict[int, CodecInUse]:
    """Payload type -> what may come in under it, and how it is decoded in *mode*: in vlc with the least CPU, whatever it was
    encoded with."""
    formats = {}
    for each in negotiated.receive:
        codec = expected(matching(chosen, each), each.fmtp)
        if mode == "vlc" and is_very_low_rate(codec.spec):
            codec = replace(codec, settings=replace(codec.settings, decoder_complexity=LOW_COMPLEXITY))
        formats[each.payload_type] = codec
    return formats


def header_bytes_in(stream: Stream, negotiated: Negotiated, header_bytes: int) -> int:
    """IP, UDP and RTP of a packet of *stream*, given those with a whole RTP header."""
    return header_bytes - (_saved_bytes(negotiated) if stream.mode == SHORT_IN else 0)


def _saved_bytes(negotiated: Negotiated) -> int:
    """What a short header is shorter by."""
    return HEADER_BYTES - SHORT_BYTES if negotiated.short_rtp else 0


def credit_with(ours: CodecInUse, theirs: NegotiatedCodec) -> int:
    """Packets in a row that both sides agree to leave to the receiver's concealment; 0 where one says nothing of it."""
    own = [int(each.partition("=")[2]) for each in ours.private_fmtp if each.startswith(f"{CREDIT}=")]
    return min(number_in(theirs.fmtp, CREDIT) or 0, MOST_CREDIT, *own) if own else 0


def repeats_ms_of(negotiated: Negotiated, chosen: tuple[CodecInUse, ...]) -> dict[int, int]:
    """Payload types that a peer may leave packets out of, and how long (ms) it may rely on our concealment."""
    found = {}
    for each in negotiated.receive:
        ours = matching(chosen, each)
        if is_very_low_rate(ours.spec) and ours.private_fmtp:
            longest = max(ours.spec.ptimes_ms) if ours.packet_ms is None else ours.packet_ms
            found[each.payload_type] = credit_with(ours, each) * longest
    return found
