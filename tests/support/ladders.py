"""SIP calls as files: messages at given times, written as a capture or as the text of a trace."""

from dataclasses import dataclass
from pathlib import Path

from softphone.capture.pcap_writer import TcpFlows, pcap_header, pcap_record, udp_packet
from softphone.io.trace_text import MAGIC, RTP, SIP, TraceEntry, written
from softphone.rtp.packet import RtpPacket

BEGAN = 1_700_000_000.0
ALICE, PROXY, BOB = ("192.0.2.1", 5060), ("192.0.2.9", 5060), ("192.0.2.2", 5060)
Address = tuple[str, int]


def sdp(host: str, port: int, *more: str, protocol: str = "RTP/AVP", formats: str = "0 101") -> bytes:
    lines = (
        "v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0",
        f"m=audio {port} {protocol} {formats}", "a=rtpmap:101 telephone-event/8000", *more,
    )  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines).encode()


def message(
    start: str,
    *headers: str,
    cseq: str = "1 INVITE",
    branch: str = "1",
    call_id: str = "a@192.0.2.1",
    to_tag: str = "",
    via: str = "192.0.2.1",
    body: bytes = b"",
    kind: str = "application/sdp",
) -> bytes:
    lines = (
        start if start.startswith("SIP/") else f"{start} SIP/2.0",
        f"Via: SIP/2.0/UDP {via};branch=z9hG4bK{branch}",
        "From: <sip:alice@192.0.2.1>;tag=1",
        f"To: <sip:bob@192.0.2.2>{f';tag={to_tag}' if to_tag else ''}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq}",
        "Contact: <sip:me@192.0.2.1>",
        *headers,
        *((f"Content-Type: {kind}",) if body else ()),
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Sent:
    at: float
    source: Address
    destination: Address
    data: bytes
    transport: str = "udp"
    length: int | None = None


def spoken(
    source: Address,
    destination: Address,
    *,
    at: float,
    packets: int,
    ssrc: int = 7,
    without: tuple[int, ...] = (),
) -> list[Sent]:
    """RTP of PCMU, 20 ms; *without* these numbers."""
    found = []
    for number in range(packets):
        if number not in without:
            data = bytes(RtpPacket(0, 1000 + number, 160 * number, ssrc, bytes(160)))
            found.append(Sent(at + 0.02 * number, source, destination, data))
    return found


def write_capture(path: Path, *sent: Sent) -> Path:
    flows, data = TcpFlows(), pcap_header()
    for each in sorted(sent, key=lambda one: one.at):
        if each.transport == "udp":
            packets = [udp_packet(each.source, each.destination, each.data)]
        else:
            packets = flows.packets(each.source, each.destination, each.data)
        data += b"".join(pcap_record(BEGAN + each.at, *packet) for packet in packets)
    path.write_bytes(data)
    return path


def write_trace(path: Path, *sent: Sent, here: Address = ALICE) -> Path:
    """As the one at *here* would have traced it."""
    text = f"{MAGIC}\n"
    for each in sorted(sent, key=lambda one: one.at):
        is_rtp = each.data[:1] == b"\x80"
        ours = each.source[0] == here[0]
        local, remote = (each.source, each.destination) if ours else (each.destination, each.source)
        data = each.data[:12] if is_rtp else each.data
        text += written(
            TraceEntry(
                BEGAN + each.at,
                RTP if is_rtp else SIP,
                ours,
                local,
                remote,
                data,
                len(each.data),
                each.transport,
            )
        )
    path.write_text(text, encoding="utf-8")
    return path


def simple_call(*, call_id: str = "a@192.0.2.1", at: float = 0.0) -> list[Sent]:
    """Invited, repeated once, ringing, answered, two streams with one packet lost, ended by Bob."""

    def said(start: str, **more: object) -> bytes:
        return message(start, call_id=call_id, **more)

    invite = said("INVITE sip:bob@192.0.2.2", body=sdp("192.0.2.1", 4000))
    bye = said("BYE sip:alice@192.0.2.1", cseq="7 BYE", branch="9", via="192.0.2.2")
    return [
        Sent(at, ALICE, BOB, invite),
        Sent(at + 0.5, ALICE, BOB, invite),
        Sent(at + 0.6, BOB, ALICE, said("SIP/2.0 180 Ringing", to_tag="2")),
        Sent(at + 1.0, BOB, ALICE, said("SIP/2.0 200 OK", to_tag="2", body=sdp("192.0.2.2", 4002))),
        Sent(at + 1.1, ALICE, BOB, said("ACK sip:bob@192.0.2.2", cseq="1 ACK", branch="2", to_tag="2")),
        *spoken(("192.0.2.1", 4000), ("192.0.2.2", 4002), at=at + 1.2, packets=50, without=(7,)),
        *spoken(("192.0.2.2", 4002), ("192.0.2.1", 4000), at=at + 1.3, packets=50, ssrc=8),
        Sent(at + 3.1, BOB, ALICE, bye.replace(b";tag=1", b";tag=2")),
        Sent(at + 3.2, ALICE, BOB, said("SIP/2.0 200 OK", cseq="7 BYE", branch="9", via="192.0.2.2")),
    ]
