"""One pass through a capture: its RTP streams, its calls, its RTCP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from softphone.app.capture_calls import CallBook, MediaEnd
from softphone.app.capture_packets import with_short_headers
from softphone.app.capture_rtcp import RtcpBook
from softphone.app.capture_sip import SipReader
from softphone.capture import (
    CaptureStats,
    FlowKey,
    RtpStream,
    StreamCollector,
    datagrams,
    frames,
    without_copies,
)
from softphone.capture.flows import Address
from softphone.io.capture_file import CaptureFile
from softphone.rtp.packet import is_rtcp

_PROGRESS_EVERY = 4096

Progress = Callable[[float], None]


@dataclass(slots=True)
class CaptureContent:
    """What a capture holds."""

    stats: CaptureStats
    streams: list[RtpStream]
    """Those that SDP speaks of, or that look like RTP."""
    book: CallBook
    rtcp: RtcpBook
    sip: SipReader
    unlikely: int = 0
    """Streams left out: no SDP speaks of them, and they do not look like RTP."""
    unresolved: int = 0
    """Packets with short headers that cannot be resolved."""
    lost_payloads: int = 0
    copies: int = 0
    """Packets left out as the second of their kind, in streams that stand in the capture twice."""


def read_capture(capture: CaptureFile, progress: Progress | None = None) -> CaptureContent:
    """Read all of *capture*.

    Args:
        progress: told the share that is read.
    """
    stats, collector = CaptureStats(), StreamCollector()
    sip, book, rtcp = SipReader(), CallBook(), RtcpBook()
    for number, datagram in enumerate(datagrams(frames(capture.file, stats), stats)):
        if progress is not None and number % _PROGRESS_EVERY == 0:
            progress(min(1.0, stats.bytes_read / max(1, capture.size)))
        if datagram.sequence >= 0:
            messages = sip.segment(datagram)
        elif collector.add(datagram):
            continue
        elif is_rtcp(datagram.payload):
            rtcp.add(datagram)
            continue
        else:
            message = sip.datagram(datagram)
            messages = [] if message is None else [message]
        for message in messages:
            for end in book.add(datagram.at, message):
                expect_short(end, book, collector)
    content = CaptureContent(stats, [], book, rtcp, sip, lost_payloads=collector.lost_payloads)
    found, rates = [], {}
    for stream in collector.streams():
        receiver, sender = ends_of(stream, book)
        ends = (*receiver, *sender)
        if (ends and len(stream) > 1) or stream.looks_real:
            found.append(stream)
            rates[stream.key] = {n: f.clock_rate_hz for end in ends for n, f in end.formats.items()}
        else:
            content.unlikely += len(stream) >= 3
    found, content.unresolved = with_short_headers(capture, collector, found, rates)
    for stream in found:
        single, copies = without_copies(stream)
        content.streams.append(single)
        content.copies += copies
    content.streams.sort(key=lambda stream: stream.at[0])
    return content


def ends_of(stream: RtpStream, book: CallBook) -> tuple[list[MediaEnd], list[MediaEnd]]:
    """What the receiver and what the sender of *stream* said of it in SDP; empty lists where nothing is known."""
    at = stream.at[0]
    source, destination = stream.flow.source, stream.flow.destination
    receiver, sender = book.ends_at(destination, at), book.ends_at(source, at)
    if not receiver and not sender:  # behind a NAT addresses differ, ports often do not
        receiver, sender = book.ends_at_port(destination[1], at), book.ends_at_port(source[1], at)
        if not receiver or not sender:
            return [], []
    if receiver and sender and receiver[-1].call_id != sender[-1].call_id:
        sender = [end for end in sender if end.call_id == receiver[-1].call_id]
    return receiver, sender


def expect_short(end: MediaEnd, book: CallBook, collector: StreamCollector) -> None:
    """Where both sides of a call take short headers, keep what looks like them."""
    if not end.short:
        return
    for other in book.calls[end.call_id].ends:
        if other.short and other.address != end.address:
            collector.short_flows.update(_keys(end.address, other.address))


def _keys(one: Address, other: Address) -> Iterator[FlowKey]:
    try:
        a, b = ip_address(one[0]).packed, ip_address(other[0]).packed
    except ValueError:
        return
    for (host, port), (to, to_port) in (((a, one[1]), (b, other[1])), ((b, other[1]), (a, one[1]))):
        yield host + to + port.to_bytes(2, "big") + to_port.to_bytes(2, "big")
