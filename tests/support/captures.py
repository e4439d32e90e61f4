"""Captures made in memory: frames of any link type, pcap and pcapng files, and streams of real coded speech with known faults."""

import functools
import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import soundfile
import soxr

from dsp.codecs import CodecSettings, CodecSpec
from softphone.io.libraries import codecs
from softphone.io.speech import speech_path
from softphone.rtp.packet import RtpPacket

ALICE, BOB = ("192.0.2.1", 4000), ("192.0.2.2", 5000)
BEGAN = 1_700_000_000.0
ETHERNET, NULL, LOOP, RAW, SLL, SLL2 = 1, 0, 108, 101, 113, 276


def udp(
    payload: bytes,
    source: tuple[str, int] = ALICE,
    destination: tuple[str, int] = BOB,
    *,
    length: int | None = None,
) -> bytes:
    """UDP (RFC 768) in IPv4 or IPv6, by the addresses."""
    head = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload) if length is None else length, 0)
    return ip(17, head + payload, source[0], destination[0])


def tcp(
    payload: bytes, source: tuple[str, int], destination: tuple[str, int], *, sequence: int, flags: int = 0x18
) -> bytes:
    head = struct.pack(
        "!HHIIBBHHH", source[1], destination[1], sequence & 0xFFFFFFFF, 0, 0x50, flags, 65535, 0, 0
    )
    return ip(6, head + payload, source[0], destination[0])


def ip(
    protocol: int, payload: bytes, source: str, destination: str, *, extensions: bytes = b"", first: int = 0
) -> bytes:
    a, b = ip_address(source), ip_address(destination)
    if a.version == 4:
        return (
            struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
            + a.packed
            + b.packed
            + payload
        )
    head = struct.pack(
        "!IHBB", 6 << 28, len(extensions) + len(payload), first if extensions else protocol, 64
    )
    return head + a.packed + b.packed + extensions + payload


def fragments(packet: bytes, size: int, number: int = 7) -> list[bytes]:
    """An IPv4 packet without options, cut into pieces of *size* (a multiple of 8) bytes."""
    payload = packet[20:]
    pieces = []
    for at in range(0, len(payload), size):
        piece = payload[at : at + size]
        more = 0x2000 if at + size < len(payload) else 0
        pieces.append(
            packet[:2] + struct.pack("!HHH", 20 + len(piece), number, more | at // 8) + packet[8:20] + piece
        )
    return pieces


def fragments_6(packet: bytes, size: int, number: int = 7) -> list[bytes]:
    """The same of IPv6 (RFC 8200 section 4.5)."""
    payload, pieces = packet[40:], []
    for at in range(0, len(payload), size):
        piece = payload[at : at + size]
        head = struct.pack("!BBHI", packet[6], 0, at | (at + size < len(payload)), number)
        pieces.append(packet[:4] + struct.pack("!HB", len(piece) + 8, 44) + packet[7:40] + head + piece)
    return pieces


def framed(packet: bytes, link_type: int = ETHERNET, *, tags: Sequence[tuple[int, int]] = ()) -> bytes:
    """*packet* as a frame of *link_type*; *tags* are (EtherType, VLAN), Ethernet only."""
    kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    if link_type == ETHERNET:
        vlan = b"".join(struct.pack("!HH", each, number) for each, number in tags)
        return bytes(12) + vlan + struct.pack("!H", kind) + packet
    if link_type == NULL:
        return struct.pack("<I", 2 if kind == 0x0800 else 30) + packet
    if link_type == LOOP:
        return struct.pack("!I", 2 if kind == 0x0800 else 24) + packet
    if link_type == SLL:
        return struct.pack("!HHH8sH", 0, 1, 6, bytes(8), kind) + packet
    if link_type == SLL2:
        return struct.pack("!HHIHBB8s", kind, 0, 1, 1, 0, 6, bytes(8)) + packet
    return packet


@dataclass(frozen=True)
class Seen:
    """A frame and when it was captured."""

    at: float
    data: bytes
    length: int | None = None
    """On the wire; None: all of it was captured."""

    @property
    def wire(self) -> int:
        return len(self.data) if self.length is None else self.length


def pcap(
    seen: Iterable[Seen], *, link_type: int = ETHERNET, order: str = "<", nanoseconds: bool = False
) -> bytes:
    """A classic capture file."""
    unit = 1_000_000_000 if nanoseconds else 1_000_000
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262_144, link_type)]
    for each in seen:
        total = round(each.at * unit)
        parts += [
            struct.pack(f"{order}IIII", total // unit, total % unit, len(each.data), each.wire),
            each.data,
        ]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A block of pcapng."""
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + size + body + size


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    link_type: int = ETHERNET,
    *,
    tsresol: int | None = None,
    offset_s: int | None = None,
    snap: int = 0,
    order: str = "<",
) -> bytes:
    options = b"" if tsresol is None else option(9, bytes((tsresol,)), order)
    options += b"" if offset_s is None else option(14, struct.pack(f"{order}q", offset_s), order)
    options += option(0, b"", order) if options else b""
    return block(1, struct.pack(f"{order}HHI", link_type, 0, snap) + options, order)


def enhanced(
    seen: Seen, *, number: int = 0, unit: float = 1e-6, offset_s: int = 0, order: str = "<"
) -> bytes:
    ticks = round((seen.at - offset_s) / unit)
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(seen.data), seen.wire)
    return block(6, head + seen.data + bytes(-len(seen.data) % 4), order)


def pcapng(seen: Iterable[Seen], *, link_type: int = ETHERNET, order: str = "<") -> bytes:
    """A capture of one section and one interface."""
    return b"".join(
        [section(order), interface(link_type, order=order), *(enhanced(each, order=order) for each in seen)]
    )


@dataclass(frozen=True)
class Sent:
    """An RTP packet on its way."""

    at: float
    packet: RtpPacket
    source: tuple[str, int] = ALICE
    destination: tuple[str, int] = BOB

    def seen(self, link_type: int = ETHERNET) -> Seen:
        return Seen(self.at, framed(udp(bytes(self.packet), self.source, self.destination), link_type))


@dataclass(frozen=True)
class Talk:
    """What one side says, coded."""

    spec: CodecSpec
    settings: CodecSettings
    payloads: list[bytes]
    speech: np.ndarray = field(repr=False)

    @property
    def ticks(self) -> int:
        return self.spec.clock_rate_hz * self.settings.ptime_ms // 1000


def speech(name: str, seconds: float, rate_hz: int) -> np.ndarray:
    """The first *seconds* of a bundled speaker."""
    samples, rate = soundfile.read(Path(speech_path(f"builtin:{name}")), dtype="float32")
    samples = samples[: round(seconds * rate)]
    return np.ascontiguousarray(soxr.resample(samples, rate, rate_hz), dtype=np.float32)


@functools.lru_cache(maxsize=32)
def talk(
    codec: str = "pcmu", seconds: float = 3.0, *, name: str = "man", settings: CodecSettings | None = None
) -> Talk:
    """Real speech, coded."""
    settings = CodecSettings() if settings is None else settings
    spec = codecs().get(codec)
    if settings.bit_rate_bps is None:
        settings = replace(settings, bit_rate_bps=spec.bit_rates_bps[1])
    spec = spec if spec.at is None else spec.at(settings)
    rate = spec.sample_rate_hz(settings)
    sound = speech(name, seconds, rate)
    size = rate * settings.ptime_ms // 1000
    encoder = spec.make_encoder(settings)
    count = sound.size // size
    return Talk(
        spec, settings, [encoder.encode(sound[i * size : (i + 1) * size]) for i in range(count)], sound
    )


def stream(
    said: Talk,
    *,
    payload_type: int | None = None,
    ssrc: int = 0x1234,
    began: float = BEGAN,
    first_number: int = 65_500,
    first_timestamp: int = 0xFFFFFF00,
    source: tuple[str, int] = ALICE,
    destination: tuple[str, int] = BOB,
    skew_ppm: float = 0.0,
) -> list[Sent]:
    """*said* in packets on the beat, sequence numbers and timestamps that wrap."""
    number = said.spec.payload_type if payload_type is None else payload_type
    assert number is not None
    interval = said.settings.ptime_ms / 1000 * (1 + skew_ppm * 1e-6)
    return [
        Sent(
            began + i * interval,
            RtpPacket(
                number,
                (first_number + i) & 0xFFFF,
                (first_timestamp + i * said.ticks) & 0xFFFFFFFF,
                ssrc,
                payload,
                i == 0,
            ),
            source,
            destination,
        )
        for i, payload in enumerate(said.payloads)
        if payload
    ]


def delayed(sent: list[Sent], *, jitter_ms: float, seed: int = 1) -> list[Sent]:
    """Each packet later by an exponential time of that mean, in the order in which they then come."""
    rng = random.Random(seed)
    return sorted(
        (replace(each, at=each.at + rng.expovariate(1000 / jitter_ms)) for each in sent),
        key=lambda each: each.at,
    )


def without(sent: list[Sent], lost: Iterable[int]) -> list[Sent]:
    """*sent* less the packets at these places."""
    gone = set(lost)
    return [each for place, each in enumerate(sent) if place not in gone]


def file_of(*streams: list[Sent], extra: Iterable[Seen] = (), link_type: int = ETHERNET) -> bytes:
    """A pcap of all of *streams*, by time."""
    seen = [each.seen(link_type) for one in streams for each in one]
    return pcap(sorted((*seen, *extra), key=lambda each: each.at), link_type=link_type)


def sdp(address: tuple[str, int], media: str, *, origin: int = 1) -> bytes:
    """A description with one m= line: *media* is what stands behind ``m=audio PORT``, further lines included."""
    host, port = address
    family = "IP6" if ":" in host else "IP4"
    text = f"v=0\r\no=- {origin} 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\nm=audio {port} {media}\r\n"
    return text.encode()


def sip(
    start: str,
    body: bytes = b"",
    *,
    call_id: str = "call-1",
    method: str = "INVITE",
    tags: tuple[str, str] = ("a", ""),
) -> bytes:
    """A SIP message from Alice's call to Bob."""
    to_tag = f";tag={tags[1]}" if tags[1] else ""
    lines = [
        start,
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
        f"From: <sip:alice@192.0.2.1>;tag={tags[0]}",
        f"To: <sip:bob@192.0.2.2>{to_tag}",
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
        "Max-Forwards: 70",
        "Contact: <sip:alice@192.0.2.1>",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


SIP_ALICE, SIP_BOB = ("192.0.2.1", 5060), ("192.0.2.2", 5060)


def call(
    offer: str,
    answer: str | None = None,
    *,
    alice: tuple[str, int] = ALICE,
    bob: tuple[str, int] = BOB,
    began: float = BEGAN - 0.5,
    ends: float | None = None,
    call_id: str = "call-1",
) -> list[Seen]:
    """INVITE, 180, 200, ACK and BYE; *offer* and *answer* are media as `sdp` takes them."""
    invite = sip("INVITE sip:bob@192.0.2.2 SIP/2.0", sdp(alice, offer), call_id=call_id)
    ringing = sip("SIP/2.0 180 Ringing", call_id=call_id, tags=("a", "b"))
    ok = sip(
        "SIP/2.0 200 OK", sdp(bob, offer if answer is None else answer), call_id=call_id, tags=("a", "b")
    )
    ack = sip("ACK sip:bob@192.0.2.2 SIP/2.0", call_id=call_id, method="ACK", tags=("a", "b"))
    found = [
        Seen(began, framed(udp(invite, SIP_ALICE, SIP_BOB))),
        Seen(began + 0.1, framed(udp(ringing, SIP_BOB, SIP_ALICE))),
        Seen(began + 0.4, framed(udp(ok, SIP_BOB, SIP_ALICE))),
        Seen(began + 0.41, framed(udp(ack, SIP_ALICE, SIP_BOB))),
    ]
    if ends is not None:
        bye = sip("BYE sip:bob@192.0.2.2 SIP/2.0", call_id=call_id, method="BYE", tags=("a", "b"))
        found.append(Seen(ends, framed(udp(bye, SIP_ALICE, SIP_BOB))))
    return found
