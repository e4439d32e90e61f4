"""Offer and answer for one audio stream (RFC 3264), over RTP/AVP with telephone events (RFC 4733).

A codec is named by its encoding name, clock rate and channels; payload types are only numbers of one side:
what we receive carries the numbers of our description, what we send the numbers of the peer's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice

from softphone.sdp.description import Attribute, Connection, MediaDescription, SessionDescription
from softphone.sdp.errors import Incompatible, LocalSdpError
from softphone.sdp.formats import (
    COMFORT_NOISE,
    TELEPHONE_EVENT,
    Format,
    connection_of,
    flows_of,
    formats_of,
    milliseconds_of,
    parse_fmtp,
    rtcp_bandwidth_of,
    rtcp_of,
    takes_reduced_rtcp,
    takes_rtcp_mux,
    takes_short_rtp,
    takes_voip_metrics,
    target_of,
)
from softphone.sdp.ice import ice_of, ice_session_lines
from softphone.sdp.media import (
    DIRECTIONS,
    FLOWS,
    Capability,
    Direction,
    Dtls,
    LocalMedia,
    Negotiated,
    NegotiatedCodec,
    Sdes,
)
from softphone.sdp.security import (
    PROTOCOLS,
    answered_lines,
    chosen,
    confirmed,
    keys_of,
    offered_lines,
    offered_protocol,
    reoffered_lines,
)
from softphone.sdp.writing import DTMF_EVENTS, our_media, our_origin

__all__ = [
    "Capability",
    "LocalMedia",
    "Negotiated",
    "NegotiatedCodec",
    "make_answer",
    "make_offer",
    "read_answer",
    "redirected",
    "revised",
]

_DYNAMIC = range(96, 128)  # RFC 3551 section 3
_STATIC_NOISE = 13
"""Payload type of comfort noise at 8 kHz (RFC 3389 section 4); at other rates it is dynamic."""
_OWN_SILENCE = ("opus",)
"""Codecs at whose side no comfort noise is offered: they have a form for pauses of their own."""


def make_offer(local: LocalMedia) -> SessionDescription:
    """Describe everything we can do.

    Raises:
        LocalSdpError: if there is no codec to offer, or more than there are payload types.
    """
    taken = {each.payload_type for each in local.capabilities}
    dynamic = iter([number for number in _DYNAMIC if number not in taken])
    formats: list[tuple[Format, str]] = []
    try:
        for each in local.capabilities:
            number = next(dynamic) if each.payload_type is None else each.payload_type
            codec = Format(number, each.name, each.clock_rate_hz, each.channels, {})
            formats.append((codec, each.fmtp))
        # RFC 4733 section 2.1: one telephone-event format for each clock rate of the codecs beside it.
        rates = dict.fromkeys(each.clock_rate_hz for each in local.capabilities) if local.dtmf else {}
        formats += [(Format(next(dynamic), TELEPHONE_EVENT, rate, 1, {}), DTMF_EVENTS) for rate in rates]
        for rate in _noise_rates(local):
            number = _STATIC_NOISE if rate == 8_000 else next(dynamic)
            formats.append((Format(number, COMFORT_NOISE, rate, 1, {}), ""))
    except StopIteration:
        raise LocalSdpError(f"at most {len(_DYNAMIC)} dynamic payload types, got more codecs") from None
    if not local.capabilities:
        raise LocalSdpError("an offer holds at least one codec, got none")
    audio = our_media(
        local,
        offered_protocol(local),
        formats,
        direction=local.direction,
        ptime_ms=local.ptime_ms,
        keys=offered_lines(local),
    )
    return SessionDescription(
        our_origin(local),
        connection=Connection.to_host(local.host),
        attributes=tuple(ice_session_lines(local.ice)),
        media=(audio,),
    )


def make_answer(
    offer: SessionDescription, local: LocalMedia, *, current: Negotiated | None = None
) -> tuple[SessionDescription, Negotiated]:
    """Answer *offer* with every codec in common, in the offer's order and under its payload types.

    The first audio stream that suits is taken; each other one is refused with port 0 in its place.

    Args:
        offer: the peer's.
        local: what we bring.
        current: what was agreed on before, where the call stands already.

    Raises:
        Incompatible: if the offer holds no audio stream for us.
    """
    index, common, security = _choose(offer, local, None if current is None else current.security)
    theirs = offer.media[index]
    sends, receives = flows_of(offer, theirs)
    may_send, may_receive = FLOWS[local.direction]
    direction = DIRECTIONS[receives and may_send, sends and may_receive]  # RFC 3264 section 6.1
    agreed = _secured(_negotiated(offer, theirs, local, common), security)
    ptime_ms = milliseconds_of(offer, theirs, "ptime")
    if ptime_ms is None or local.ptime_fixed:
        ptime_ms = local.ptime_ms
    ours = replace(
        local,
        short_rtp=agreed.short_rtp,
        reduced_rtcp=agreed.reduced_rtcp,
        rtcp_mux=agreed.rtcp_mux,
        rtcp_xr=agreed.rtcp_xr,
        ice=None if agreed.ice is None else local.ice,
    )
    fmtps = {each.key: each.fmtp for each in local.capabilities}
    audio = our_media(
        ours,
        theirs.protocol,
        [(each, DTMF_EVENTS if each.is_dtmf else fmtps.get(each.key, "")) for each in common],
        direction=direction,
        ptime_ms=min(ptime_ms, local.max_ptime_ms),
        keys=answered_lines(local, security),
        shares_port=agreed.rtcp_mux,
    )
    answer = SessionDescription(
        our_origin(local),
        connection=Connection.to_host(local.host),
        timing=offer.timing,  # RFC 3264 section 6: the answer's t= equals the offer's
        attributes=tuple(ice_session_lines(ours.ice)),
        media=tuple(
            audio
            if number == index
            else MediaDescription(each.kind, 0, each.protocol, each.formats[:1] or ("0",))
            for number, each in enumerate(offer.media)
        ),
    )
    return answer, replace(agreed, receive=agreed.send, direction=direction, peer_receives=receives)


def read_answer(
    offer: SessionDescription,
    answer: SessionDescription,
    local: LocalMedia,
    *,
    current: Negotiated | None = None,
) -> Negotiated:
    """Read the peer's *answer* to the *offer* that `make_offer` or `redirected` made of *local*.

    Args:
        offer: ours.
        answer: the peer's.
        local: what we bring.
        current: what was agreed on before, where the call stands already.

    Raises:
        Incompatible: if it refuses the stream or names no codec that was offered.
    """
    index = next((number for number, each in enumerate(offer.media) if each.port != 0), 0)
    ours = offer.media[index]
    theirs = answer.media[index] if len(answer.media) > index else None
    if theirs is None or theirs.kind != ours.kind or theirs.port == 0:
        got = _streams(answer)
        raise Incompatible("stream in the answer", wanted=f"m={ours.kind} with a port", got=got)
    if theirs.protocol.upper() not in PROTOCOLS:
        raise Incompatible("transport in the answer", wanted=ours.protocol, got=_streams(answer))
    offered = list(formats_of(ours))
    # An answer need not explain again the dynamic types it took from the offer: then ours stand.
    answered = list(formats_of(theirs, {each.payload_type: each for each in offered}))
    keys = {each.key for each in offered}
    common = [each for each in answered if each.key in keys and (not each.is_codec or _is_ours(each, local))]
    if not any(each.is_codec for each in common):
        raise Incompatible("codec", wanted=_names(offered), got=_names(answered))
    sends, receives = flows_of(answer, theirs)
    may_send, may_receive = FLOWS[local.direction]
    security = confirmed(
        (ours.protocol, theirs.protocol),
        keys_of(offer, ours),
        keys_of(answer, theirs),
        local,
        current=None if current is None else current.security,
    )
    agreed = _secured(_negotiated(answer, theirs, local, common), security)
    fmtps = {each.key: each.fmtp for each in common}
    incoming = [each for each in offered if each.key in fmtps]
    # RFC 3264 section 6.1: the answerer SHOULD keep our numbers; one that sends its own is understood, too.
    numbers = {each.payload_type for each in offered}
    incoming += [each for each in common if each.payload_type not in numbers]
    return replace(
        agreed,
        receive=tuple(_codec(each, local, fmtps[each.key]) for each in incoming if each.is_codec),
        receive_dtmf={each.payload_type: each.clock_rate_hz for each in incoming if each.is_dtmf},
        receive_comfort_noise={each.payload_type: each.clock_rate_hz for each in incoming if each.is_noise},
        direction=DIRECTIONS[receives and may_send, sends and may_receive],
        peer_receives=receives,
    )


def redirected(
    description: SessionDescription, direction: Direction, *, compact: bool = False
) -> SessionDescription:
    """Return our own *description* with nothing changed but the direction of its stream: hold and resume (RFC 3264 section 8.4).

    Codecs, their order and their payload types stay, and so do keys and the place of streams that were refused.

    Args:
        description: what we said last.
        direction: what it is to be.
        compact: leave out what has the same meaning when absent.
    """

    def turned(media: MediaDescription) -> MediaDescription:
        kept = tuple(each for each in media.attributes if each.name not in FLOWS)
        said = () if compact and direction == "sendrecv" else (Attribute(direction),)
        return replace(media, attributes=(*reoffered_lines(kept), *said))

    return replace(
        description,
        attributes=tuple(each for each in description.attributes if each.name not in FLOWS),
        media=tuple(each if each.port == 0 else turned(each) for each in description.media),
    )


def revised(description: SessionDescription, previous: SessionDescription | None) -> SessionDescription:
    """Return *description* with the version that follows *previous* of the same session.

    The version goes up by one when anything else changed, and stays when nothing did (RFC 3264 section 8).
    """
    if previous is None:
        return description
    version = previous.origin.version
    same = replace(description, origin=replace(description.origin, version=version))
    return same if same == previous else replace(same, origin=replace(same.origin, version=version + 1))


def _choose(
    offer: SessionDescription, local: LocalMedia, current: Sdes | Dtls | None
) -> tuple[int, list[Format], Sdes | Dtls | None]:
    """Find the first stream of *offer* that has a codec of ours; what we have in common with it, and how it is encrypted."""
    wanted = ", ".join(f"{each.name}/{each.clock_rate_hz}" for each in local.capabilities)
    failure = Incompatible(
        "stream in the offer", wanted="m=audio with a port over RTP/AVP", got=_streams(offer)
    )
    for index, media in enumerate(offer.media):
        if media.kind != "audio" or media.port == 0 or media.protocol.upper() not in PROTOCOLS:
            continue
        offered = list(formats_of(media))
        codecs = [each for each in offered if each.is_codec and _is_ours(each, local)]
        if not codecs:
            failure = Incompatible("codec", wanted=wanted, got=_names(offered))
            continue
        try:
            security = chosen(media.protocol, keys_of(offer, media), local, current=current)
        except Incompatible as error:
            failure = error
            continue
        events = [each for each in offered if each.is_dtmf] if local.dtmf else []
        rates = {each.clock_rate_hz for each in codecs}
        # A peer with telephone-event/8000 beside Opus only (RFC 4733 section 2.1) gets its digits, too.
        matching = [each for each in events if each.clock_rate_hz in rates] or events
        noises = [each for each in offered if local.comfort_noise and each.is_noise]
        also = [*matching, *(each for each in noises if each.clock_rate_hz in rates)]
        return index, [each for each in offered if each in codecs or each in also], security
    raise failure


def _noise_rates(local: LocalMedia) -> list[int]:
    """Clock rates at which comfort noise is offered."""
    if not local.comfort_noise:
        return []
    codecs = (each for each in local.capabilities if each.name.lower() not in _OWN_SILENCE)
    return list(dict.fromkeys(each.clock_rate_hz for each in codecs))


def _is_ours(found: Format, local: LocalMedia) -> bool:
    """Whether we have this codec in this version: where our fmtp has a ``v``, another one means another codec."""
    ours = next((each for each in local.capabilities if each.key == found.key), None)
    version = None if ours is None else parse_fmtp(ours.fmtp).get("v")
    return ours is not None and (version is None or found.fmtp.get("v", version) == version)


def _negotiated(
    description: SessionDescription,
    media: MediaDescription,
    local: LocalMedia,
    common: list[Format],
) -> Negotiated:
    """Read what the peer's *media* says to a sender; direction, keys and `receive` are the caller's to set."""
    codecs = [each for each in common if each.is_codec]
    events = [each for each in common if each.is_dtmf]
    noises = [each for each in common if each.is_noise]
    connection = connection_of(description, media)
    host = target_of(connection, like=local.host)
    rtcp_mux = local.rtcp_mux and takes_rtcp_mux(media)
    # RFC 5761 section 5.1.1: then a=rtcp counts no more.
    rtcp_host, rtcp_port = (host, media.port) if rtcp_mux else rtcp_of(media, connection, like=local.host)
    send = tuple(_codec(each, local, each.fmtp) for each in codecs)
    event = next((each for each in events if each.clock_rate_hz == send[0].clock_rate_hz), None)
    event = event or (events[0] if events else None)
    asked_ms = milliseconds_of(description, media, "ptime")
    max_ptime_ms = milliseconds_of(description, media, "maxptime")
    ptime_ms = local.ptime_ms if asked_ms is None or local.ptime_fixed else asked_ms
    longest = {each.key: each.max_ptime_ms for each in local.capabilities}[codecs[0].key]
    limits = (ptime_ms, longest) if max_ptime_ms is None else (ptime_ms, longest, max_ptime_ms)
    limits_kbps = (each for each in (*media.bandwidths, *description.bandwidths) if each.kind == "AS")
    noise = next((each for each in noises if each.clock_rate_hz == send[0].clock_rate_hz), None)
    return Negotiated(
        remote_host=host,
        remote_port=media.port,
        remote_rtcp_host=rtcp_host,
        remote_rtcp_port=rtcp_port,
        send=send,
        receive=(),
        receive_dtmf={each.payload_type: each.clock_rate_hz for each in events},
        send_dtmf_payload_type=event.payload_type if event else None,
        send_dtmf_clock_rate_hz=event.clock_rate_hz if event else None,
        ptime_ms=min(limits),
        max_ptime_ms=max_ptime_ms,
        direction="inactive",
        bandwidth_as_kbps=next((each.value for each in limits_kbps if each.value > 0), None),
        short_rtp=local.short_rtp and takes_short_rtp(media),
        reduced_rtcp=local.reduced_rtcp and takes_reduced_rtcp(media),
        rtcp_bandwidth_bps=rtcp_bandwidth_of(description, media),
        rtcp_mux=rtcp_mux,
        ice=None if local.ice is None else ice_of(description, media),
        receive_comfort_noise={each.payload_type: each.clock_rate_hz for each in noises},
        send_comfort_noise_payload_type=noise.payload_type if noise else None,
        rtcp_xr=local.rtcp_xr and takes_voip_metrics(description, media),
    )


def _secured(agreed: Negotiated, security: Sdes | Dtls | None) -> Negotiated:
    """*agreed* with *security*, which authenticates whole RTP headers: short ones do not go with it."""
    return replace(agreed, security=security, short_rtp=agreed.short_rtp and security is None)


def _codec(found: Format, local: LocalMedia, fmtp: Mapping[str, str]) -> NegotiatedCodec:
    ours = next(each for each in local.capabilities if each.key == found.key)
    return NegotiatedCodec(ours.name, ours.clock_rate_hz, ours.channels, found.payload_type, fmtp)


def _names(formats: list[Format]) -> str:
    return _printable(str(each) for each in formats if each.is_codec)


def _streams(offer: SessionDescription) -> str:
    return _printable(f"m={each.kind} {each.port} {each.protocol}" for each in offer.media)


def _printable(items: Iterable[str]) -> str:
    """Join the first few of a peer's words so that any terminal and log can show them."""
    return ascii(", ".join(item[:40] for item in islice(items, 8)) or "none")[1:-1]
