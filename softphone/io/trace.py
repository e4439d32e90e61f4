"""Traces of calls: each SIP message and each RTP header, as text and as a capture, written by a thread of their own."""

import logging
import os
import re
import threading
import time
from collections import OrderedDict, deque
from dataclasses import replace
from pathlib import Path
from typing import IO

from softphone.capture.pcap_writer import (
    Endpoint,
    TcpFlows,
    pcap_header,
    pcap_record,
    pcapng_header,
    pcapng_record,
    udp_packet,
)
from softphone.errors import EnvironmentProblem
from softphone.io.trace_text import MAGIC, RTP, RTP_HEADER_BYTES, SIP, TraceEntry, media_kind, written
from softphone.sip.dictionary import extended, is_packed, number_of, unpack
from softphone.sip.errors import DictionaryError

_log = logging.getLogger(__name__)

MAX_QUEUED = 20_000
"""Entries that wait for the disk; more are dropped and counted. 100 calls of 50 packets a second fill it in two seconds."""
MAX_QUEUED_BYTES = 16 << 20
WRITE_EVERY_S = 0.25
SETTLE_S = 0.75
"""Packets are told when they are read, RTCP up to half a second after it came: so long an entry waits for earlier ones."""
CAPTURE_SUFFIXES = (".pcap", ".pcapng")
_TEXT_SUFFIXES = (".txt", ".log", ".trace")
_SIPS_PORT, _SIP_PORT = 5061, 5060
_MAX_CONTEXTS = 256
_KEY_LINE = re.compile(rb"^(?:a=crypto:|a=key-mgmt:|k=)[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_KEY = re.compile(rb"((?:inline:|clear:|base64:|mikey ))([^|;\s]+)", re.IGNORECASE)
_PACKED_HEAD_BYTES = 4

Address = tuple[str, int] | tuple[str, int, str]


def trace_files(name: str) -> tuple[Path, Path]:
    """The text and the capture that ``--trace NAME`` writes."""
    path = Path(name)
    if path.suffix.lower() in CAPTURE_SUFFIXES:
        return path.with_suffix(".txt"), path
    if path.suffix.lower() in _TEXT_SUFFIXES:
        return path, path.with_suffix(".pcap")
    return path, path.with_name(f"{path.name}.pcap")


def masked(message: bytes, mask: bytes = b"*") -> bytes:
    """*message*, as long as it was, with *mask* in place of the keys in its SDP (RFC 4568, RFC 4567, RFC 4566 section 5.12)."""
    return _KEY_LINE.sub(lambda line: _KEY.sub(lambda key: key[1] + mask * len(key[2]), line[0]), message)


class Trace:
    """Open files of a trace. `sip` and `rtp` copy and return; a thread writes.

    Args:
        name: of the text, or of the capture where it ends in .pcap or .pcapng; see `trace_files`.
        keys: write SRTP keys as they are.

    Raises:
        EnvironmentProblem: a file cannot be written.
    """

    def __init__(self, name: str, *, keys: bool = False) -> None:
        self.text_path, self.capture_path = trace_files(name)
        self.dropped = 0
        """Entries that found the queue full."""
        self.problem: str | None = None
        """Why writing stopped, None while all is well."""
        self._keys = keys
        self._queue: deque[TraceEntry] = deque()
        self._queued_bytes = 0
        self._taken_bytes = 0
        self._wall = time.time() - time.monotonic()
        self._closing = threading.Event()
        self._waiting: list[TraceEntry] = []
        self._told_dropped = 0
        self._flows = TcpFlows()
        self._contexts: OrderedDict[bytes, bytes] = OrderedDict()
        ng = self.capture_path.suffix.lower() == ".pcapng"
        self._record = pcapng_record if ng else pcap_record
        self._text = _created(self.text_path)
        try:
            self._capture = _created(self.capture_path)
        except EnvironmentProblem:
            self._text.close()
            raise
        note = "" if keys else "; SRTP keys are masked"
        self._write(
            f"{MAGIC}: SIP whole, media by headers, times in UTC{note}\n",
            pcapng_header() if ng else pcap_header(),
        )
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def sip(self, direction: str, data: bytes, local: Address, remote: Address) -> None:
        """Note a SIP message that was taken (``<``) or sent (``>``), or a keep-alive.

        Args:
            local: where we sent it from or took it at.
            remote: the other end; with a third part the transport, "TCP" or "TLS", whose plain text *data* is.
        """
        transport = "udp"
        for address in (remote, local):
            if len(address) == 3:
                transport = address[2].lower()
        self._put(
            TraceEntry(self._now(), SIP, direction == ">", local[:2], remote[:2], data, len(data), transport)
        )

    def rtp(
        self,
        direction: str,
        header: bytes,
        length: int,
        local: Address,
        remote: Address,
        *,
        at: float | None = None,
    ) -> None:
        """Note a datagram of a media socket.

        Args:
            header: its beginning; of RTP at least 12 bytes.
            length: of the datagram.
            at: when it came, in seconds of `time.monotonic`; None: now.
        """
        wall = self._now() if at is None else at + self._wall
        self._put(
            TraceEntry(wall, media_kind(header), direction == ">", local[:2], remote[:2], header, length)
        )

    def close(self) -> None:
        """Write what waits, and close the files."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._thread.join()
        for file in (self._text, self._capture):
            try:
                file.close()
            except OSError as error:  # what a full disk did not take is tried once more
                self._stopped(error)
        if self.problem is not None:
            _log.warning("%s", self.problem)
        elif self.dropped:
            _log.warning("the trace lacks %d entries: the disk was too slow", self.dropped)

    def __enter__(self) -> "Trace":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _now(self) -> float:
        """Of the clock that was right when the trace began: one that is set meanwhile must hold no entry back."""
        return time.monotonic() + self._wall

    def _put(self, entry: TraceEntry) -> None:
        size = len(entry.data)
        if len(self._queue) >= MAX_QUEUED or self._queued_bytes - self._taken_bytes + size > MAX_QUEUED_BYTES:
            self.dropped += 1
            return
        self._queued_bytes += size
        self._queue.append(entry)

    def _run(self) -> None:
        """The writer's thread."""
        while not self._closing.wait(WRITE_EVERY_S):
            self._take(until=self._now() - SETTLE_S)
        self._take(until=None)

    def _take(self, *, until: float | None) -> None:
        for _ in range(len(self._queue)):
            entry = self._queue.popleft()
            self._taken_bytes += len(entry.data)
            self._waiting.append(entry)
        self._waiting.sort(key=lambda each: each.at)
        ready = [each for each in self._waiting if until is None or each.at <= until]
        del self._waiting[: len(ready)]
        text, capture = [], []
        for entry in ready:
            known = self._readable(entry) if entry.kind == SIP else entry
            shown, kept = known, known
            if known.kind == SIP and not self._keys:
                shown = replace(known, data=masked(known.data))
                # Who reads captures takes what is no base64 for a damaged message.
                kept = replace(known, data=masked(known.data, b"A"))
            text.append(written(shown))
            capture += [self._record(kept.at, *packet) for packet in self._packets(kept)]
        if (missing := self.dropped - self._told_dropped) > 0:
            self._told_dropped += missing
            text.append(f"# {missing} entries are missing here: the disk was too slow\n")
        if text:
            self._write("".join(text), b"".join(capture))

    def _readable(self, entry: TraceEntry) -> TraceEntry:
        """A message as it was before it was packed."""
        data, context = entry.data, b""
        if is_packed(data):
            try:
                data, context = unpack(data, self._contexts.get)
            except DictionaryError:  # who cannot read it cannot tell whether keys are in it
                return replace(entry, data=data[:_PACKED_HEAD_BYTES])
        for known in (extended(context, data), extended(b"", data)):
            self._contexts[number_of(known)] = known
        while len(self._contexts) > _MAX_CONTEXTS:
            self._contexts.popitem(last=False)
        return replace(entry, data=data)

    def _packets(self, entry: TraceEntry) -> list[tuple[bytes, int]]:
        source, destination = entry.source, entry.destination
        if entry.transport == "udp":
            length = None if entry.kind == SIP else entry.length
            return [udp_packet(source, destination, entry.data, length=length)]
        if entry.transport == "tls":  # plain text at the port of TLS would be taken for broken TLS
            source, destination = _plain(source), _plain(destination)
        return self._flows.packets(source, destination, entry.data)

    def _write(self, text: str, capture: bytes) -> None:
        if self.problem is not None:
            return
        try:
            self._text.write(text.encode("utf-8", "backslashreplace"))
            self._text.flush()
            self._capture.write(capture)
            self._capture.flush()
        except OSError as error:
            self._stopped(error)

    def _stopped(self, error: OSError) -> None:
        if self.problem is None:
            self.problem = f"the trace {self.text_path} stopped: {error.strerror}"


def header_of(data: bytes) -> bytes:
    """What of a datagram at a media socket is traced: of RTP the fixed header, of all else everything."""
    return data[:RTP_HEADER_BYTES] if media_kind(data) == RTP else data


def _plain(endpoint: Endpoint) -> Endpoint:
    return (endpoint[0], _SIP_PORT) if endpoint[1] == _SIPS_PORT else endpoint


def _created(path: Path) -> IO[bytes]:
    """*path*, empty, for its owner alone: who called whom is nobody else's business."""
    try:
        return os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600), "wb"
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise EnvironmentProblem(
            f"--trace cannot write {path} ({reason}): choose a folder that exists and is writable"
        ) from None
