"""Ladders of calls: who sent what to whom, in the order of time, from a trace of ours or a capture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from softphone.app.capture_calls import CallBook, MediaEnd, SipCall, encryption_of
from softphone.app.capture_read import ends_of, expect_short
from softphone.app.ladder_words import Message, described, ending_of, label_of, text_of
from softphone.capture import RtpStream, network_figures, without_copies
from softphone.capture.flows import Address, shown
from softphone.capture.streams import StreamCollector
from softphone.sip.message import Request

MAX_MESSAGES = 200_000
"""Of one file; what comes behind them is not drawn."""
COPY_WITHIN_S = 0.001
"""The same message so soon after itself is another sight of it, at the mirror port of both sides; nobody repeats so fast."""


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow."""

    at_s: float
    """From the first message of the ladder."""
    kind: str
    """``request``, ``response`` or ``rtp``."""
    source: int
    destination: int
    """Columns."""
    label: str
    details: tuple[str, ...] = ()
    """What stands under it: SDP, a target, credentials."""
    method: str | None = None
    status: int | None = None
    cseq: int | None = None
    transport: str | None = None
    repeated: bool = False
    """A retransmission."""
    media: dict[str, Any] | None = None
    """Of a stream: codec, packets, losses, until when."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """All that belongs to one Call-ID."""

    number: int
    call_id: str
    method: str
    """Of its first message."""
    from_uri: str
    to_uri: str
    ending: str
    """What became of it, in some words."""
    began_at: float
    """Seconds since 1970."""
    columns: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """What it is, and between whom."""
        return f"{self.method}  {self.from_uri} → {self.to_uri}"

    def as_json(self) -> dict[str, Any]:
        """This ladder as an object (docs/trace.md)."""
        return {
            "number": self.number,
            "call_id": self.call_id,
            "method": self.method,
            "from": self.from_uri,
            "to": self.to_uri,
            "ending": self.ending,
            "began_at": round(self.began_at, 6),
            "hosts": list(self.columns),
            "steps": [
                {
                    "at_s": round(step.at_s, 6),
                    "kind": step.kind,
                    "from": self.columns[step.source],
                    "to": self.columns[step.destination],
                    "label": step.label,
                    "details": list(step.details),
                    "method": step.method,
                    "status": step.status,
                    "cseq": step.cseq,
                    "transport": step.transport,
                    "retransmission": step.repeated,
                    "rtp": step.media,
                }
                for step in self.steps
            ],
        }


@dataclass(slots=True)
class _Seen:
    """A message, and where it went."""

    at: float
    source: Address
    destination: Address
    transport: str
    message: Message
    ends: list[MediaEnd]


@dataclass(slots=True)
class LadderBook:
    """Messages and streams of one file -> ladders."""

    book: CallBook = field(default_factory=CallBook)
    collector: StreamCollector = field(default_factory=StreamCollector)
    left_out: int = 0
    """Messages behind `MAX_MESSAGES`."""
    stray_streams: int = 0
    """Streams that belong to no call here."""
    _calls: dict[str, list[_Seen]] = field(default_factory=dict)
    _count: int = 0

    def add(
        self, at: float, source: Address, destination: Address, message: Message, *, transport: str
    ) -> None:
        """Take a message."""
        if self._count >= MAX_MESSAGES:
            self.left_out += 1
            return
        self._count += 1
        ends = self.book.add(at, message)
        for end in ends:
            expect_short(end, self.book, self.collector)
        self._calls.setdefault(message.call_id, []).append(
            _Seen(at, source, destination, transport, message, ends)
        )

    def ladders(self) -> list[Ladder]:
        """One for each Call-ID, in the order in which they began."""
        streams: dict[str, list[tuple[RtpStream, list[MediaEnd], list[MediaEnd]]]] = {}
        for stream in self.collector.streams():
            receiver, sender = ends_of(stream, self.book)
            if len(stream) > 1 and (receiver or sender):
                call_id = (receiver or sender)[-1].call_id
                streams.setdefault(call_id, []).append((stream, receiver, sender))
            else:
                self.stray_streams += stream.looks_real
        for seen in self._calls.values():
            seen.sort(key=lambda each: each.at)
        order = sorted(self._calls.items(), key=lambda item: item[1][0].at)
        return [
            self._ladder(number, call_id, seen, streams.get(call_id, ()))
            for number, (call_id, seen) in enumerate(order, 1)
        ]

    def _ladder(
        self,
        number: int,
        call_id: str,
        seen: list[_Seen],
        streams: Sequence[tuple[RtpStream, list[MediaEnd], list[MediaEnd]]],
    ) -> Ladder:
        columns = _Columns(seen)
        began_at = seen[0].at
        steps = list(_signalling(seen, columns, began_at))
        for stream, receiver, sender in streams:
            steps.append(self._media(stream, receiver, sender, columns, began_at))
        steps.sort(key=lambda step: step.at_s)
        first = seen[0].message
        call = self.book.calls.get(call_id)
        ending = _of_call(call) if call is not None else ending_of([each.message for each in seen])
        return Ladder(
            number=number,
            call_id=text_of(call_id),
            method=text_of(first.cseq.method, 20),
            from_uri=text_of(str(first.from_.uri)),
            to_uri=text_of(str(first.to.uri)),
            ending=ending,
            began_at=began_at,
            columns=tuple(columns.labels()),
            steps=tuple(steps),
        )

    def _media(
        self,
        stream: RtpStream,
        receiver: list[MediaEnd],
        sender: list[MediaEnd],
        columns: "_Columns",
        began_at: float,
    ) -> Step:
        single, _ = without_copies(stream)
        formats = {number: each for end in (*sender, *receiver) for number, each in end.formats.items()}
        usual = max(set(single.payload_type), key=single.payload_type.count) & 0x7F
        format_ = formats.get(usual)
        figures = network_figures(single, None if format_ is None else format_.clock_rate_hz)
        shorts = len(self.collector.shorts.get(stream.key, ()))
        packets = figures.packets + shorts
        seconds = max(single.at) - single.at[0]
        codec = f"payload type {usual}" if format_ is None else str(format_)
        encrypted = encryption_of(receiver, sender)
        lost = None if shorts else figures.lost
        words = [
            f"{packets} packets",
            "" if lost is None else f"{figures.loss_pct:.1f} % lost",
            f"{seconds:.1f} s",
        ]
        return Step(
            single.at[0] - began_at,
            "rtp",
            columns.of_media(stream.flow.source, sender),
            columns.of_media(stream.flow.destination, receiver),
            f"{'RTP' if encrypted is None else 'SRTP'} {text_of(codec)}",
            (", ".join(filter(None, words)),),
            media={
                "ssrc": f"0x{stream.ssrc:08x}",
                "from": shown(stream.flow.source),
                "to": shown(stream.flow.destination),
                "payload_type": usual,
                "codec": None if format_ is None else text_of(str(format_)),
                "encryption": encrypted,
                "packets": packets,
                "lost": lost,
                "loss_pct": None if lost is None else round(figures.loss_pct, 3),
                "seconds": round(seconds, 3),
            },
        )


class _Columns:
    """Which column an address belongs to.

    A host is one column where all goes between different hosts; on one machine each socket is. A connection may come from
    any port: what its Via names (RFC 3261 section 18.1.1) is where it is at home.
    """

    def __init__(self, seen: Sequence[_Seen]) -> None:
        self._home: dict[Address, Address] = {}
        for each in seen:
            via = each.message.via
            if each.transport != "udp" and isinstance(each.message, Request) and via.host == each.source[0]:
                self._home.setdefault(each.source, (via.host, via.port or 5060))
        self._by_host = all(each.source[0] != each.destination[0] for each in seen)
        self._numbers: dict[Address | str, int] = {}
        self._ports: dict[int, list[Address]] = {}
        self._owners: dict[Address, int] = {}
        for each in seen:
            source = self.of(each.source)
            self.of(each.destination)
            for end in each.ends:
                self._owners.setdefault(end.address, source)

    def of(self, address: Address) -> int:
        """The column of a SIP address, which may be a new one."""
        home = self._home.get(address, address)
        number = self._numbers.setdefault(home[0] if self._by_host else home, len(self._numbers))
        known = self._ports.setdefault(number, [])
        if home not in known:
            known.append(home)
        return number

    def of_media(self, address: Address, ends: Sequence[MediaEnd]) -> int:
        """The column of a media address: whose SDP named it, else that of its host."""
        for end in reversed(ends):
            if end.address in self._owners:
                return self._owners[end.address]
        found = [number for number, known in self._ports.items() if known[0][0] == address[0]]
        return found[0] if len(found) == 1 else self.of(address)

    def labels(self) -> Iterator[str]:
        """What stands above each column."""
        for number in sorted(self._ports):
            known = self._ports[number]
            yield text_of(shown(known[0]) if len(known) == 1 else known[0][0])


def _signalling(seen: Sequence[_Seen], columns: _Columns, began_at: float) -> Iterator[Step]:
    earlier: dict[tuple[Any, ...], float] = {}
    for each in seen:
        message = each.message
        is_request = isinstance(message, Request)
        label = label_of(message)
        name = (
            each.source,
            each.destination,
            label,
            message.via.branch,
            str(message.cseq),
            message.to.tag,
            message.body,
        )
        before = earlier.get(name)
        earlier[name] = each.at
        if before is not None and each.at - before < COPY_WITHIN_S:
            continue
        yield Step(
            each.at - began_at,
            "request" if is_request else "response",
            columns.of(each.source),
            columns.of(each.destination),
            label,
            () if before is not None else described(message, each.ends),
            method=message.cseq.method,
            status=None if isinstance(message, Request) else message.status,
            cseq=message.cseq.number,
            transport=each.transport,
            repeated=before is not None,
        )


def _of_call(call: SipCall) -> str:
    if call.answered_at is not None:
        if call.ended_at is None or call.ended_by is None:
            return "answered, no end seen"
        return f"answered, {call.ended_at - call.answered_at:.1f} s, ended by the {call.ended_by}"
    if call.ended_by == "cancel":
        return "cancelled"
    return "no final answer seen" if call.status is None else f"{call.status} {text_of(call.reason)}"
