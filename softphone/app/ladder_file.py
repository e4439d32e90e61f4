"""Ladders of a file: a trace of ours, as text, or any capture."""

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from softphone.app.capture_sip import SipReader
from softphone.app.ladder import Ladder, LadderBook
from softphone.capture import CaptureStats, Datagram, Flow, datagrams, frames
from softphone.errors import UsageError
from softphone.io.capture_file import CaptureFile, is_capture_file
from softphone.io.trace_text import MAGIC, RTP, SHORT, SIP, TraceEntry, entries
from softphone.sip.errors import SipError
from softphone.sip.message import parse_message

_WANTED = "a trace that --trace wrote, or a pcap or pcapng file"
_PROGRESS_EVERY = 4096
_HEADERS = {4: 28, 6: 48}
"""Bytes of IP and UDP."""


@dataclass(frozen=True, slots=True)
class Ladders:
    """What a file holds."""

    ladders: list[Ladder]
    warnings: list[str]


def read_ladders(path: str, progress: Callable[[float], None] | None = None) -> Ladders:
    """The ladders of the file at *path*.

    Args:
        path: of a trace's text or of a capture.
        progress: told the share that is read.

    Raises:
        UsageError: it cannot be read, is neither, or holds no SIP message.
    """
    book, warnings = LadderBook(), list[str]()
    if is_capture_file(path):
        _read_capture(path, book, warnings, progress)
    else:
        _read_text(path, book, warnings, progress)
    found = book.ladders()
    if not found:
        raise UsageError(f"{path} holds no SIP message that can be read: a ladder is drawn of SIP")
    if book.left_out:
        warnings.append(f"{book.left_out} messages at the end are not drawn: the file holds too many")
    if book.stray_streams:
        warnings.append(f"{book.stray_streams} RTP streams belong to no call here and are not drawn")
    return Ladders(found, warnings)


def _read_capture(
    path: str, book: LadderBook, warnings: list[str], progress: Callable[[float], None] | None
) -> None:
    sip, stats = SipReader(), CaptureStats()
    with CaptureFile(path) as capture:
        for number, each in enumerate(datagrams(frames(capture.file, stats), stats)):
            if progress is not None and number % _PROGRESS_EVERY == 0:
                progress(min(1.0, stats.bytes_read / max(1, capture.size)))
            if each.sequence >= 0:
                found, transport = sip.segment(each), "tcp"
            elif book.collector.add(each):
                continue
            else:
                message = sip.datagram(each)
                found, transport = [] if message is None else [message], "udp"
            for message in found:
                flow = Flow(each.key)
                book.add(each.at, flow.source, flow.destination, message, transport=transport)
        warnings += capture.warnings
    if sip.unreadable:
        warnings.append(f"{sip.unreadable} messages that begin like SIP cannot be read and are not drawn")
    if stats.truncated:
        warnings.append(f"{path} ends in the middle of a packet; what comes before was read")


def _read_text(
    path: str, book: LadderBook, warnings: list[str], progress: Callable[[float], None] | None
) -> None:
    unreadable = 0
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            lines = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="\n")
            if not lines.readline(200).startswith(MAGIC):
                raise UsageError(f"{path} is no trace: wanted {_WANTED}")
            for number, entry in enumerate(entries(lines)):
                if progress is not None and number % _PROGRESS_EVERY == 0:
                    progress(min(1.0, file.tell() / max(1, size)))
                unreadable += not _take(entry, book)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): wanted {_WANTED}") from None
    if unreadable:
        warnings.append(f"{unreadable} messages cannot be read and are not drawn")


def _take(entry: TraceEntry, book: LadderBook) -> bool:
    """Take *entry*; whether it could be read, or is of no matter here."""
    if entry.kind == SIP:
        if not entry.data.strip(b"\r\n"):
            return True
        try:
            message = parse_message(entry.data)
        except SipError:
            return False
        book.add(entry.at, entry.source, entry.destination, message, transport=entry.transport)
    elif entry.kind in (RTP, SHORT):
        with suppress(ValueError):  # a name in place of an address
            book.collector.add(_datagram(entry))
    return True


def _datagram(entry: TraceEntry) -> Datagram:
    """*entry* as a capture would hold it.

    Raises:
        ValueError: an address that is none.
    """
    (host, port), (to, to_port) = entry.source, entry.destination
    a, b = ip_address(host), ip_address(to)
    key = a.packed + b.packed + port.to_bytes(2, "big") + to_port.to_bytes(2, "big")
    # A short header's bytes are not in the text; that it is one is.
    data = entry.data if entry.kind == RTP else b"\xc0\x00"
    return Datagram(entry.at, key, data, entry.length, entry.length + _HEADERS[a.version], 0)
