"""Mutated inputs for every parser of what a peer or a file says: none may raise anything but its documented error.

    PYTHONPATH=. .venv/bin/python tools/fuzz.py [--inputs 10000000 | --seconds 60] [--workers 2] [--seed 1] [PARSER ...]

Inputs are made from valid ones: bytes changed, pieces cut out, doubled and moved, two inputs joined, words of the grammar put in.
Prints a row for each parser; what raised is printed with its input, and the exit status is 1.
"""

import argparse
import io
import pathlib
import random
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

ROOT = pathlib.Path(__file__).resolve().parents[1]
SIP_TESTS = ROOT / "tests" / "sip"
BATCH = 500
"""Inputs between two looks at the clock."""
LONGEST = 4000
TEXT_MARKS = (
    b"\r\n", b"\n", b"\t", b" ", b'"', b"\\", b"<", b">", b",", b";", b":", b"=", b"@", b"?", b"%", b"%00", b"%zz",
    b"[", b"]", b"::", b"(", b")", b"\x00", b"\x7f", b"\x80", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b"\xc2\xb2",
    b"0", b"-1", b"65536", b"4294967296", b"1e9", b"9" * 30,
)  # fmt: skip
SDP_BODY = (
    b"v=0\r\no=- 1 2 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nb=AS:64\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-lite\r\n"
    b"m=audio 4000/1 RTP/SAVPF 96 0 101 13\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;stereo=0\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4\r\n"
    b"a=fingerprint:sha-256 "
    + b":".join(b"%02X" % n for n in range(32))
    + b"\r\na=setup:actpass\r\na=rtcp-mux\r\n"
    b"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=candidate:1 1 UDP 2130706431 10.0.0.9 4000 typ host\r\n"
    b"a=rtcp:4001 IN IP4 10.0.0.9\r\na=rtcp-xr:voip-metrics rcvr-rtt=all\r\nm=video 0 RTP/AVP 31\r\n"
)

Feed = Callable[[bytes], bool]
"""Take one input; whether it was read as valid. Raises only what is a fault."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser."""

    seeds: tuple[bytes, ...]
    feed: Feed
    marks: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What one worker found."""

    inputs: int
    valid: int
    seconds: float
    fault: str = ""


def refused_by(read: Callable[[bytes], object], *errors: type[Exception]) -> Feed:
    """A feed that takes *errors* for a refusal."""

    def feed(data: bytes) -> bool:
        try:
            read(data)
        except errors:
            return False
        return True

    return feed


def as_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """The parser of a text, given bytes as they are decoded from the wire."""
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


def sip_messages() -> tuple[bytes, ...]:
    """The torture tests of both RFCs."""
    files = sorted(SIP_TESTS.glob("rfc*/*.dat"))
    if len(files) < 49 + 12:
        raise SystemExit(f"want the messages of RFC 4475 and RFC 5118 in {SIP_TESTS}, found {len(files)}")
    return tuple(file.read_bytes() for file in files)


def message_target() -> Target:
    """SIP messages, read whole."""
    from softphone.sip.errors import SipParseError
    from softphone.sip.message import parse_message

    def read(data: bytes) -> None:
        message = parse_message(data)
        _ = (
            message.via,
            message.cseq,
            message.from_,
            message.to,
            message.call_id,
            message.contacts,
            message.routes,
        )
        parse_message(bytes(message))

    return Target(sip_messages(), refused_by(read, SipParseError), TEXT_MARKS)


def uri_target() -> Target:
    """SIP URIs and name-addr."""
    from softphone.sip.errors import SipParseError
    from softphone.sip.uri import NameAddr, SipUri

    def read(text: str) -> None:
        address = NameAddr.parse(text)
        again = NameAddr.parse(str(address))
        assert again == address, (address, again)
        SipUri.parse(text)

    seeds = (
        b"sip:alice@atlanta.com", b"sips:bob;x=y@[2001:db8::1]:5061;transport=tls;lr?Subject=a&b=c", b"tel:+1-201-555-0123",
        b'"A. G. \\"Bell\\"" <sip:a%20b:pw@host.example:5060;maddr=10.0.0.1>;tag=1;q=0.5', b"Bob <sip:[2001:db8:::192.0.2.1]>",
    )  # fmt: skip
    return Target(seeds, refused_by(as_text(read), SipParseError), TEXT_MARKS)


def header_target() -> Target:
    """Via, CSeq, digest parameters."""
    from softphone.sip.errors import SipParseError
    from softphone.sip.headers import CSeq, Via, parse_auth_params

    def read(text: str) -> None:
        valid = 0
        for parse in (Via.parse, CSeq.parse, parse_auth_params):
            try:
                parse(text)
            except SipParseError:
                continue
            valid += 1
        if not valid:
            raise SipParseError("none of them")

    seeds = (
        b"SIP/2.0/UDP [2001:db8::9:1]:5060;branch=z9hG4bK1;received=10.0.0.1;rport=77;ttl=1", b"4711 INVITE",
        b'Digest realm="a\\"b", nonce="84a4", algorithm=SHA-256, qop="auth,auth-int", stale=FALSE, opaque=""',
    )  # fmt: skip
    return Target(seeds, refused_by(as_text(read), SipParseError), TEXT_MARKS)


def endpoint_target() -> Target:
    """A whole endpoint, a new one for each batch: nothing may raise."""
    from softphone.sip.endpoint import SipEndpoint
    from softphone.sip.guard import Guard
    from softphone.sip.uri import SipUri

    class Ids:
        def __init__(self) -> None:
            self._number = 0

        def branch(self) -> str:
            self._number += 1
            return f"z9hG4bK{self._number}"

        tag = call_id = nonce = branch

    contact = SipUri("sip", "bob", host="192.0.2.2", port=5060)

    def made() -> SipEndpoint:
        return SipEndpoint(
            contact=contact, via_address=("192.0.2.2", 5060), ids=Ids(), user_agent="fuzz",
            accept=("application/sdp",), guard=Guard(),
        )  # fmt: skip

    state = [made(), 0]

    def feed(data: bytes) -> bool:
        endpoint, number = state
        if (
            number % BATCH == 0
        ):  # what an input starts is over then, and a fault can be had again from one batch
            endpoint = state[0] = made()
        state[1] = number + 1
        now = number / 100
        endpoint.receive_datagram(data, ("192.0.2.1", 5060), now=now)
        while endpoint.next_event() is not None:
            pass
        endpoint.handle_timeout(now=now)
        return bool(endpoint.datagrams_to_send(now=now))

    return Target(sip_messages(), feed, TEXT_MARKS)


def framing_target() -> Target:
    """Messages in a stream, in pieces of any length."""
    from softphone.sip.framing import FramingError, StreamFramer

    def read(data: bytes) -> None:
        framer = StreamFramer()
        step = 1 + len(data) % 97
        for at in range(0, len(data), step):
            framer.feed(data[at : at + step])

    messages = sip_messages()
    return Target((*messages, b"\r\n\r\n".join(messages[:4])), refused_by(read, FramingError), TEXT_MARKS)


def dictionary_target() -> Target:
    """Packed SIP."""
    from softphone.sip.dictionary import pack, unpack
    from softphone.sip.errors import DictionaryError

    context = sip_messages()[0]
    seeds = tuple(pack(message, given) for message in sip_messages()[:12] for given in (b"", context))
    return Target(seeds, refused_by(lambda data: unpack(data, lambda _: context), DictionaryError))


def fragment_target() -> Target:
    """The bodies of NOTIFY."""
    from softphone.sip.sipfrag import read_status

    seeds = (b"SIP/2.0 100 Trying\r\n", b"SIP/2.0 200 OK\r\nTo: <sip:a@b>\r\n\r\n")
    return Target(seeds, lambda data: read_status(data) is not None, TEXT_MARKS)


def sdp_target() -> Target:
    """SDP, and an answer to it."""
    from softphone.sdp import Capability, LocalMedia, SdpError, SessionDescription, make_answer
    from softphone.sdp.media import Crypto, Fingerprint, Ice

    plain = LocalMedia(
        host="10.0.0.1", port=7000, rtcp_port=7001, session_id=7, ptime_ms=20,
        capabilities=(Capability("opus", 48_000, 2, fmtp="useinbandfec=1"), Capability("PCMU", 8_000, 1, 0)),
    )  # fmt: skip
    whole = replace(
        plain, srtp="prefer", sdes=(Crypto(1, "AES_CM_128_HMAC_SHA1_80", bytes(30)),),
        fingerprint=Fingerprint("sha-256", bytes(32)),
        ice=Ice("abcd", "p" * 22, ("1 1 UDP 1 10.0.0.1 7000 typ host",)), rtcp_mux=True, rtcp_xr=True, comfort_noise=True,
    )  # fmt: skip

    def read(data: bytes) -> None:
        offer = SessionDescription.parse(data)
        SessionDescription.parse(bytes(offer))
        make_answer(offer, whole)
        make_answer(offer, plain)

    plainly = b"".join(
        line + b"\r\n"
        for line in SDP_BODY.split(b"\r\n")[:-1]
        if not line.startswith((b"a=crypto", b"a=finger"))
    )
    return Target(
        (SDP_BODY, plainly.replace(b"RTP/SAVPF", b"RTP/AVP")), refused_by(read, SdpError), TEXT_MARKS
    )


def rtp_target() -> Target:
    """RTP packets."""
    from softphone.rtp.errors import PacketError
    from softphone.rtp.packet import RtpPacket

    seeds = tuple(
        bytes(RtpPacket(payload_type=0, sequence_number=1, timestamp=2, ssrc=3, payload=b"x" * 40, **more))
        for more in ({}, {"csrcs": (1, 2, 3)}, {"extension": (0xBEDE, b"abcd")}, {"padding_bytes": 4})
    )
    return Target(seeds, refused_by(RtpPacket.parse, PacketError))


def short_rtp_target() -> Target:
    """Headers of two bytes, with a context learnt from such inputs, too."""
    from softphone.rtp.errors import PacketError
    from softphone.rtp.packet import RtpPacket
    from softphone.rtp.short import ShortReceiver

    def read(data: bytes) -> None:
        receiver = ShortReceiver()
        receiver.learn(RtpPacket.parse(data), 8000, 0.0)
        if receiver.expand(b"\xc0" + data, 0.1) is None:
            raise PacketError("no context")

    seed = RtpPacket(
        payload_type=96, sequence_number=70, timestamp=2, ssrc=3, payload=b"x" * 20, extension=(40, b"")
    )
    return Target((bytes(seed),), refused_by(read, PacketError))


def rtcp_target() -> Target:
    """RTCP, extended reports among it."""
    from softphone.rtp.errors import RtcpError
    from softphone.rtp.rtcp import (
        App,
        Bye,
        ReceiverReport,
        ReportBlock,
        SdesChunk,
        SourceDescription,
        parse_compound,
        write_compound,
    )
    from softphone.rtp.xr import DelaySince, ExtendedReport, ReferenceTime, UnknownBlock

    block = ReportBlock(1, 2, 3, 4, 5, 6, 7)
    seeds = tuple(
        write_compound((ReceiverReport(1, (block,), b""), other))
        for other in (
            SourceDescription((SdesChunk(1, ((1, b"cname"), (2, b"name"))),)),
            Bye((1,), b"gone"),
            App(1, 2, b"name", b"data"),
            ExtendedReport(1, (ReferenceTime(99), DelaySince(((1, 2, 3),)), UnknownBlock(9, 1, b"abcd"))),
            ExtendedReport(1, (UnknownBlock(7, 0, bytes(range(32))),)),
        )
    )
    return Target(seeds, refused_by(parse_compound, RtcpError))


def stun_target() -> Target:
    """STUN messages."""
    from softphone.stun import StunError, StunMessage, binding_request, binding_success

    def read(data: bytes) -> None:
        _ = StunMessage.parse(data).mapped_address

    seeds = (
        binding_request(bytes(12), fingerprint=True),
        binding_success(bytes(12), ("192.0.2.1", 5060)),
        binding_success(bytes(12), ("2001:db8::1", 5060)),
    )
    return Target(seeds, refused_by(read, StunError))


def capture_target() -> Target:
    """Captures, pcap and pcapng."""
    from softphone.capture import CaptureError, CaptureStats, datagrams, frames

    sys.path.insert(0, str(ROOT / "tests"))
    from support.captures import call, delayed, file_of, pcapng, stream, talk

    sent = delayed(stream(talk("pcmu", 0.2)), jitter_ms=5)
    seeds = (file_of(sent, extra=call("RTP/AVP 0")), pcapng(each.seen() for each in sent))

    def read(data: bytes) -> None:
        stats = CaptureStats()
        for _ in datagrams(frames(io.BytesIO(data), stats), stats):
            pass

    return Target(seeds, refused_by(read, CaptureError))


TARGETS: dict[str, Callable[[], Target]] = {
    "sip-message": message_target,
    "sip-uri": uri_target,
    "sip-headers": header_target,
    "sip-endpoint": endpoint_target,
    "sip-framing": framing_target,
    "sip-dictionary": dictionary_target,
    "sipfrag": fragment_target,
    "sdp": sdp_target,
    "rtp": rtp_target,
    "rtp-short": short_rtp_target,
    "rtcp": rtcp_target,
    "stun": stun_target,
    "capture": capture_target,
}


def mutated(rng: random.Random, target: Target) -> bytes:
    """One input."""
    data = bytearray(rng.choice(target.seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(8):
            case 0 | 1 if data:
                data[at % len(data)] = rng.randrange(256)
            case 2 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 3:
                del data[at : at + rng.choice((1, 2, 8, 64))]
            case 4:
                piece = data[at : at + rng.choice((1, 4, 16, 200))]
                other = rng.randrange(len(data) + 1)
                data[other:other] = piece * rng.choice((1, 1, 2, 9))
            case 5 if target.marks:
                data[at:at] = rng.choice(target.marks)
            case 6:
                data[at:] = rng.choice(target.seeds)[at:]
            case _:
                data[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(5))
    return bytes(data[:LONGEST])


def work(name: str, seed: str, inputs: int | None, seconds: float | None) -> Told:
    """Feed one parser until there were *inputs* of them, or *seconds* are over."""
    target, rng = TARGETS[name](), random.Random(seed)
    start, done, valid = time.monotonic(), 0, 0
    while inputs is None or done < inputs:
        for _ in range(BATCH if inputs is None else min(BATCH, inputs - done)):
            data = mutated(rng, target)
            try:
                valid += target.feed(data)
            except Exception:  # noqa: BLE001 (whatever it is, it is what is looked for)
                return Told(done, valid, time.monotonic() - start, f"{data!r}\n{traceback.format_exc()}")
            done += 1
        if seconds is not None and time.monotonic() - start >= seconds:
            break
    return Told(done, valid, time.monotonic() - start)


def main(arguments: list[str] | None = None) -> int:
    """Fuzz, print the table; 1 if anything raised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parsers", nargs="*", choices=(*TARGETS, []), metavar="PARSER", help=", ".join(TARGETS)
    )
    parser.add_argument("--inputs", type=int, help="of each parser")
    parser.add_argument("--seconds", type=float, help="for each parser (10)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    seconds = 10.0 if given.inputs is None and given.seconds is None else given.seconds
    share = None if given.inputs is None else -(-given.inputs // given.workers)
    print(
        f"{'parser':16s} {'inputs':>12s} {'valid':>7s} {'seconds':>8s} {'inputs/s':>9s}   faults", flush=True
    )
    failed = False
    with ProcessPoolExecutor(given.workers) as pool:
        for name in given.parsers or TARGETS:
            started = time.monotonic()
            jobs = [
                pool.submit(work, name, f"{given.seed} {number} {name}", share, seconds)
                for number in range(given.workers)
            ]
            told = [job.result() for job in jobs]
            took_s = time.monotonic() - started
            inputs, faults = sum(one.inputs for one in told), [one.fault for one in told if one.fault]
            valid_pct = 100 * sum(one.valid for one in told) / max(inputs, 1)
            print(
                f"{name:16s} {inputs:12,d} {valid_pct:6.1f}% {took_s:8.1f} {inputs / took_s:9,.0f}   {len(faults)}",
                flush=True,
            )
            for fault in faults:
                print(fault)
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
