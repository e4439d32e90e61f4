"""Our own stream as lines of a description (RFC 8866 section 5.14 and on)."""

from collections.abc import Iterable, Iterator

from softphone.sdp.description import Attribute, Bandwidth, Connection, MediaDescription, Origin
from softphone.sdp.formats import SHORT_RTP_VERSION, STATIC, VOIP_METRICS, Format
from softphone.sdp.ice import ice_lines
from softphone.sdp.media import Direction, LocalMedia

DTMF_EVENTS = "0-15"
_HINTS = ("sprop-maxcapturerate", "sprop-stereo")


def our_origin(local: LocalMedia) -> Origin:
    """The o= line of the first description of a session."""
    connection = Connection.to_host(local.host)
    return Origin("-", local.session_id, 1, connection.address_type, connection.host)


def our_media(
    local: LocalMedia,
    protocol: str,
    formats: list[tuple[Format, str]],
    *,
    direction: Direction,
    ptime_ms: int,
    keys: Iterable[Attribute] = (),
    shares_port: bool = False,
) -> MediaDescription:
    """Describe our stream.

    Args:
        local: what is said of it.
        protocol: its profile.
        formats: each with its fmtp.
        direction: of the stream.
        ptime_ms: packet interval to say.
        keys: lines of `softphone.sdp.security`.
        shares_port: RTCP has no port of its own any more: both sides have said so.
    """
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
    if local.rtcp_port != local.port + 1 and not shares_port:
        attributes.append(Attribute("rtcp", str(local.rtcp_port)))  # RFC 3605
    if local.rtcp_mux:
        attributes.append(Attribute("rtcp-mux"))
    if local.short_rtp:
        attributes.append(Attribute("x-rtp-short", SHORT_RTP_VERSION))
    if local.reduced_rtcp:
        attributes.append(Attribute("rtcp-rsize"))
    if local.rtcp_xr:
        attributes.append(Attribute("rtcp-xr", f"rcvr-rtt=all {VOIP_METRICS}"))  # RFC 3611 section 5.1
    attributes += keys
    attributes += ice_lines(local.ice)
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
