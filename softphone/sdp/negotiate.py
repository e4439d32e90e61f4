"""Offer and answer for one audio stream (RFC 3264), over RTP/AVP with telephone events (RFC 4733).

A codec is named by its encoding name, clock rate and channels; payload types are only numbers of one side:
what we receive carries the numbers of our description, what we send the numbers of the peer's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from softphone.sdp.description import (
    Attribute,
    Bandwidth,
    Connection,
    MediaDescription,
    Origin,
    SessionDescription,
)
from softphone.sdp.errors import Incompatible, LocalSdpError
from softphone.sdp.formats import (
    SHORT_RTP_VERSION,
    STATIC,
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
    takes_short_rtp,
    target_of,
)
from softphone.sdp.media import (
    DIRECTIONS,
    FLOWS,
    Capability,
    Direction,
    LocalMedia,
    Negotiated,
    NegotiatedCodec,
)

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

PROTOCOLS = ("RTP/AVP", "RTP/AVPF")
DTMF_EVENTS = "0-15"
_HINTS = ("sprop-maxcapturerate", "sprop-stereo")
_DYNAMIC = range(96, 128)  # RFC 3551 section 3


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
    except StopIteration:
        raise LocalSdpError(f"at most {len(_DYNAMIC)} dynamic payload types, got more codecs") from None
    if not local.capabilities:
        raise LocalSdpError("an offer holds at least one codec, got none")
    audio = _our_media(local, "RTP/AVP", formats, local.direction, local.ptime_ms)
    return SessionDescription(_our_origin(local), connection=Connection.to_host(local.host), media=(audio,))


def make_answer(offer: SessionDescription, local: LocalMedia) -> tuple[SessionDescription, Negotiated]:
    """Answer *offer* with every codec in common, in the offer's order and under its payload types.

    The first audio stream that suits is taken; each other one is refused with port 0 in its place.

    Raises:
        Incompatible: if the offer holds no audio stream for us.
    """
    chosen, common = _choose(offer, local)
    theirs = offer.media[chosen]
    codecs = [each for each in common if not each.is_dtmf]
    sends, receives = flows_of(offer, theirs)
    may_send, may_receive = FLOWS[local.direction]
    direction = DIRECTIONS[receives and may_send, sends and may_receive]  # RFC 3264 section 6.1
    capabilities = {each.key: each for each in local.capabilities}
    agreed = _negotiated(offer, theirs, local, codecs, [each for each in common if each.is_dtmf])
    ptime_ms = milliseconds_of(offer, theirs, "ptime")
    if ptime_ms is None or local.ptime_fixed:
        ptime_ms = local.ptime_ms
    audio = _our_media(
        replace(local, short_rtp=agreed.short_rtp, reduced_rtcp=agreed.reduced_rtcp),
        theirs.protocol,
        [(each, DTMF_EVENTS if each.is_dtmf else capabilities[each.key].fmtp) for each in common],
        direction,
        min(ptime_ms, local.max_ptime_ms),
    )
    answer = SessionDescription(
        _our_origin(local),
        connection=Connection.to_host(local.host),
        timing=offer.timing,  # RFC 3264 section 6: the answer's t= equals the offer's
        media=tuple(
            audio
            if index == chosen
            else MediaDescription(each.kind, 0, each.protocol, each.formats[:1] or ("0",))
            for index, each in enumerate(offer.media)
        ),
    )
    return answer, replace(agreed, receive=agreed.send, direction=direction, peer_receives=receives)


def read_answer(offer: SessionDescription, answer: SessionDescription, local: LocalMedia) -> Negotiated:
    """Read the peer's *answer* to the *offer* that `make_offer` or `redirected` made of *local*.

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
    common = [each for each in answered if each.key in keys and (each.is_dtmf or _is_ours(each, local))]
    codecs = [each for each in common if not each.is_dtmf]
    if not codecs:
        raise Incompatible("codec", wanted=_names(offered), got=_names(answered))
    sends, receives = flows_of(answer, theirs)
    may_send, may_receive = FLOWS[local.direction]
    agreed = _negotiated(answer, theirs, local, codecs, [each for each in common if each.is_dtmf])
    fmtps = {each.key: each.fmtp for each in common}
    incoming = [each for each in offered if each.key in fmtps]
    # RFC 3264 section 6.1: the answerer SHOULD keep our numbers; one that sends its own is understood, too.
    numbers = {each.payload_type for each in offered}
    incoming += [each for each in common if each.payload_type not in numbers]
    return replace(
        agreed,
        receive=tuple(_codec(each, local, fmtps[each.key]) for each in incoming if not each.is_dtmf),
        receive_dtmf={each.payload_type: each.clock_rate_hz for each in incoming if each.is_dtmf},
        direction=DIRECTIONS[receives and may_send, sends and may_receive],
        peer_receives=receives,
    )


def redirected(
    description: SessionDescription, direction: Direction, *, compact: bool = False
) -> SessionDescription:
    """Return our own *description* with nothing changed but the direction of its stream: hold and resume (RFC 3264 section 8.4).

    Codecs, their order and their payload types stay, and so does the place of streams that were refused.

    Args:
        description: what we said last.
        direction: what it is to be.
        compact: leave out what has the same meaning when absent.
    """

    def turned(media: MediaDescription) -> MediaDescription:
        kept = tuple(each for each in media.attributes if each.name not in FLOWS)
        said = () if compact and direction == "sendrecv" else (Attribute(direction),)
        return replace(media, attributes=(*kept, *said))

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


def _choose(offer: SessionDescription, local: LocalMedia) -> tuple[int, list[Format]]:
    """Find the first stream of *offer* that has a codec of ours, and what we have in common with it."""
    wanted = ", ".join(f"{each.name}/{each.clock_rate_hz}" for each in local.capabilities)
    failure = Incompatible(
        "stream in the offer", wanted="m=audio with a port over RTP/AVP", got=_streams(offer)
    )
    for index, media in enumerate(offer.media):
        if media.kind != "audio" or media.port == 0 or media.protocol.upper() not in PROTOCOLS:
            continue
        offered = list(formats_of(media))
        codecs = [each for each in offered if not each.is_dtmf and _is_ours(each, local)]
        if not codecs:
            failure = Incompatible("codec", wanted=wanted, got=_names(offered))
            continue
        events = [each for each in offered if each.is_dtmf] if local.dtmf else []
        rates = {each.clock_rate_hz for each in codecs}
        # A peer with telephone-event/8000 beside Opus only (RFC 4733 section 2.1) gets its digits, too.
        matching = [each for each in events if each.clock_rate_hz in rates] or events
        return index, [each for each in offered if each in codecs or each in matching]
    raise failure


def _is_ours(found: Format, local: LocalMedia) -> bool:
    """Whether we have this codec in this version: where our fmtp has a ``v``, another one means another codec."""
    ours = next((each for each in local.capabilities if each.key == found.key), None)
    version = None if ours is None else parse_fmtp(ours.fmtp).get("v")
    return ours is not None and (version is None or found.fmtp.get("v", version) == version)


def _negotiated(
    description: SessionDescription,
    media: MediaDescription,
    local: LocalMedia,
    codecs: list[Format],
    events: list[Format],
) -> Negotiated:
    """Read what the peer's *media* says to a sender; direction and `receive` are the caller's to set."""
    connection = connection_of(description, media)
    rtcp_host, rtcp_port = rtcp_of(media, connection, like=local.host)
    send = tuple(_codec(each, local, each.fmtp) for each in codecs)
    event = next((each for each in events if each.clock_rate_hz == send[0].clock_rate_hz), None)
    event = event or (events[0] if events else None)
    asked_ms = milliseconds_of(description, media, "ptime")
    max_ptime_ms = milliseconds_of(description, media, "maxptime")
    ptime_ms = local.ptime_ms if asked_ms is None or local.ptime_fixed else asked_ms
    longest = {each.key: each.max_ptime_ms for each in local.capabilities}[codecs[0].key]
    limits = (ptime_ms, longest) if max_ptime_ms is None else (ptime_ms, longest, max_ptime_ms)
    limits_kbps = (each for each in (*media.bandwidths, *description.bandwidths) if each.kind == "AS")
    return Negotiated(
        remote_host=target_of(connection, like=local.host),
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
    )


def _codec(found: Format, local: LocalMedia, fmtp: Mapping[str, str]) -> NegotiatedCodec:
    ours = next(each for each in local.capabilities if each.key == found.key)
    return NegotiatedCodec(ours.name, ours.clock_rate_hz, ours.channels, found.payload_type, fmtp)


def _our_origin(local: LocalMedia) -> Origin:
    connection = Connection.to_host(local.host)
    return Origin("-", local.session_id, 1, connection.address_type, connection.host)


def _our_media(
    local: LocalMedia, protocol: str, formats: list[tuple[Format, str]], direction: Direction, ptime_ms: int
) -> MediaDescription:
    attributes: list[Attribute] = []
    for each, fmtp in formats:
        number = each.payload_type
        # RFC 3264 section 5.1 recommends an rtpmap for static types as well.
        if not (local.compact and STATIC.get(number, ("", 0, 0)) == (each.name.upper(), *each.key[1:])):
            attributes.append(Attribute("rtpmap", f"{number} {each}"))
        # RFC 4733 section 2.4.1: events without an fmtp are 0-15.
        if local.compact:
            fmtp = "" if each.is_dtmf else _without_hints(fmtp)
        if fmtp:
            attributes.append(Attribute("fmtp", f"{number} {fmtp}"))
    attributes.append(Attribute("ptime", str(ptime_ms)))
    if not local.compact:
        attributes.append(Attribute("maxptime", str(local.max_ptime_ms)))
    if local.rtcp_port != local.port + 1:
        attributes.append(Attribute("rtcp", str(local.rtcp_port)))  # RFC 3605
    if local.short_rtp:
        attributes.append(Attribute("x-rtp-short", SHORT_RTP_VERSION))
    if local.reduced_rtcp:
        attributes.append(Attribute("rtcp-rsize"))
    if direction != "sendrecv" or not local.compact:
        attributes.append(Attribute(direction))
    return MediaDescription(
        "audio",
        local.port,
        protocol,
        tuple(str(each.payload_type) for each, _ in formats),
        bandwidths=tuple(_our_bandwidths(local)),
        attributes=tuple(attributes),
    )


def _our_bandwidths(local: LocalMedia) -> Iterator[Bandwidth]:
    if local.bandwidth_as_kbps is not None:
        yield Bandwidth("AS", local.bandwidth_as_kbps)
    if local.rtcp_bandwidth_bps is not None:
        yield from map(Bandwidth, ("RS", "RR"), local.rtcp_bandwidth_bps)


def _without_hints(fmtp: str) -> str:
    """Leave out what tells a receiver of Opus only what it will hear (RFC 7587 section 6.1)."""
    return ";".join(part for part in fmtp.split(";") if part.partition("=")[0].strip() not in _HINTS)


def _names(formats: list[Format]) -> str:
    return _printable(str(each) for each in formats if not each.is_dtmf)


def _streams(offer: SessionDescription) -> str:
    return _printable(f"m={each.kind} {each.port} {each.protocol}" for each in offer.media)


def _printable(items: Iterable[str]) -> str:
    """Join the first few of a peer's words so that any terminal and log can show them."""
    return ascii(", ".join(item[:40] for item in islice(items, 8)) or "none")[1:-1]
