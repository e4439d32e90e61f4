"""Make softphone/sip/dictionary_table.py, the dictionary that SIP is packed with, from our own messages.

    PYTHONPATH=. .venv/bin/python tools/make_sip_dictionary.py

Two endpoints call each other and write short. What they write is cut where identifiers and numbers stand, and the
pieces are put in a row, without those that stand there already: what is rare first, the INVITE last, because
DEFLATE names what is near with fewer bits. What is not written yet comes from a list. The fingerprint in
docs/sip-dictionary.md is brought up to date.

A table that has left the house never changes: a new one is a new version.
"""

import hashlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from dsp.codecs import CodecSettings, CodecSpec
from softphone.call.manager import RESULT_TYPE
from softphone.io.libraries import codecs_with
from softphone.sdp import Capability, LocalMedia
from softphone.sdp.description import SessionDescription
from softphone.sdp.negotiate import make_answer, make_offer
from softphone.sip.auth import Challenger, Credentials
from softphone.sip.endpoint import SipEndpoint, SipStyle
from softphone.sip.events import Answered, ByeReceived, InviteReceived, Provisional
from softphone.sip.uri import NameAddr, SipUri

VERSION = 1
ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "softphone" / "sip" / "dictionary_table.py"
DOCUMENT = ROOT / "docs" / "sip-dictionary.md"

HOST = "127.0.0.1"
CALLER, CALLEE = (HOST, 5062), (HOST, 5060)
HOSTS = b"10.0.0.172.16.192.168.0.192.168.1."
"""Beginnings of addresses; the loopback one is in the messages."""
WORDS = (
    *("REGISTER sip:", "OPTIONS sip:", "REFER sip:", "NOTIFY sip:", "SUBSCRIBE sip:", "INFO sip:"),
    *("Expires:3600\r\n", "Route:<sip:", ";lr>\r\n", "Record-Route:<sip:", "r:<sip:", "Replaces:", "sips:"),
    *(
        "Proxy-Authorization:Digest username=",
        "SHA-256",
        "Reason:SIP;cause=488\r\n",
        "transport=tcp",
        "/TCP ",
        "/TLS ",
    ),
    *("SIP/2.0 183 Session Progress\r\n", "SIP/2.0 202 Accepted\r\n", "SIP/2.0 302 Moved Temporarily\r\n"),
    *(
        "SIP/2.0 404 Not Found\r\n",
        "SIP/2.0 407 Proxy Authentication Required\r\n",
        "SIP/2.0 481 Call/Transaction",
    ),
    *(
        "SIP/2.0 500 Server Internal Error\r\n",
        "SIP/2.0 503 Service Unavailable\r\n",
        "SIP/2.0 603 Decline\r\n",
    ),
    *("IP6 ", "m=audio 0 ", "RTP/SAVP ", "RTP/AVPF ", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", "b=AS:"),
    *("a=fingerprint:sha-256 ", "a=setup:actpass\r\n", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:1 1 UDP "),
    *(";packet=144;credit=2;wish=vlr\r\n", "b=RS:0\r\nb=RR:"),
    *("a=sendonly\r\n", "a=recvonly\r\n", "a=inactive\r\n", "a=rtcp:", " typ host\r\n"),
)
"""What our endpoints do not write yet, or not in the calls made here."""
RESULT = (
    b'{"schema":1,"outcome":"no-audio","sip_status":200,"reason":"OK",'
    b'"verdict":["silent","one-way","clipped","too-quiet","too-loud","dropouts"],"score":null,"emodel":null}',
    b'{"schema":1,"outcome":"completed","sip_status":200,"reason":"OK","verdict":["ok"],"score":null,'
    b'"dtmf_received":"","emodel":{"model":"G.107","mos_cq":4.,"grounded":false}}',
)
"""The brief RESULT that travels with BYE."""
ACCEPT = (("Accept", f"application/sdp, {RESULT_TYPE}"),)
"""Said only where messages are packed: what writes them here does not pack, so that they can be seen."""
REFUSALS = (480, 486, 488, 603)
COMMON = ("opus", "pcmu", "pcma")
"""Offered unless told otherwise."""

VARIABLE = re.compile(rb"idid[a-z0-9]*|[0-9a-f]{32}")
"""Identifiers, as `Ids` makes them, and digests."""
NUMBER = re.compile(rb"(?<=o=- )[0-9]+|(?<=m=audio )[0-9]+|(?<=\nl:)[0-9]+|(?<=;rport=)[0-9]+")


class Ids:
    """Identifiers that can be found and cut out."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def branch(self) -> str:
        """Of Via."""
        return f"z9hG4bKidid{next(self._numbers)}"

    def tag(self) -> str:
        """Of From and To."""
        return f"idid{next(self._numbers)}"

    call_id = nonce = tag


def endpoint(user: str, address: tuple[str, int], challenger: Challenger | None = None) -> SipEndpoint:
    """An endpoint as `softphone` makes it."""
    return SipEndpoint(
        contact=SipUri("sip", user, host=address[0], port=address[1]),
        via_address=address,
        ids=Ids(),
        user_agent="",
        accept=("application/sdp",),
        challenger=challenger,
        style=SipStyle(compact=True),
    )


def media(specs: list[CodecSpec], port: int) -> LocalMedia:
    """What SDP is made of."""
    return LocalMedia(
        host=HOST,
        port=port,
        rtcp_port=port + 1,
        session_id=port,
        ptime_ms=20,
        short_rtp=True,
        reduced_rtcp=True,
        compact=True,
        capabilities=tuple(
            Capability(
                spec.sdp_name,
                spec.clock_rate_hz,
                spec.channels,
                spec.payload_type,
                spec.fmtp(CodecSettings(bit_rate_bps=spec.bit_rates_bps[1])),
            )
            for spec in specs
        ),
    )


def call(
    specs: list[CodecSpec],
    *,
    status: int = 200,
    cancel: bool = False,
    callee_ends: bool = False,
    secret: str = "",
) -> Iterator[bytes]:
    """The messages of one call, in order."""
    challenger = Challenger("softphone", {"caller": secret}, algorithms=("MD5",)) if secret else None
    caller, callee = endpoint("caller", CALLER), endpoint("answer", CALLEE, challenger)
    target = SipUri("sip", "answer", host=HOST, port=CALLEE[1])
    leg = caller.invite(
        target,
        from_=NameAddr(SipUri("sip", "caller", host=HOST, port=CALLER[1])),
        body=bytes(make_offer(media(specs, 16384))),
        headers=ACCEPT,
        credentials=Credentials("caller", secret) if secret else None,
        destination=CALLEE,
        now=0.0,
    )
    now = 0.0
    for _ in range(12):
        now += 0.01
        for source, target_core, address in ((caller, callee, CALLER), (callee, caller, CALLEE)):
            for data, _to in source.datagrams_to_send(now=now):
                yield data
                target_core.receive_datagram(data, address, now=now)
        while (event := callee.next_event()) is not None:
            match event:
                case InviteReceived(number, request):
                    callee.ring(number, now=now)
                    if status != 200:
                        callee.reject(number, status, now=now)
                    elif not cancel:
                        offer = SessionDescription.parse(request.body)
                        answer, _ = make_answer(offer, media(specs, 16384))
                        callee.answer(number, body=bytes(answer), headers=ACCEPT, now=now)
                        if callee_ends:
                            callee.bye(number, now=now)
                case ByeReceived(number):
                    callee.answer_bye(number, body=RESULT[1], content_type=RESULT_TYPE, now=now)
        while (heard := caller.next_event()) is not None:
            match heard:
                case Provisional() if cancel:
                    caller.cancel(leg, now=now)
                case Answered() if not callee_ends:
                    caller.bye(leg, body=RESULT[1], content_type=RESULT_TYPE, now=now)
                case ByeReceived(number):
                    caller.answer_bye(number, now=now)


def pieces(messages: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of *messages* without what differs from call to call."""
    for message in messages:
        yield from NUMBER.sub(b"", VARIABLE.sub(b"", message)).splitlines(keepends=True)


def table() -> bytes:
    """The dictionary."""
    registry = codecs_with(opus=None)
    every = [registry.get(name) for name in sorted(registry.names()) if name not in COMMON]
    common = [registry.get(name) for name in COMMON]
    rows: list[bytes] = [word.encode() for word in WORDS] + [HOSTS, RESULT[0]]
    for spec in every:
        rows += pieces(iter([bytes(make_offer(media([spec], 16384)))]))
    for refusal in REFUSALS:
        rows += pieces(call(common, status=refusal))
    rows += pieces(call(common, secret="secret"))
    rows += pieces(call(common, cancel=True))
    rows += pieces(call(common, callee_ends=True))
    invite, *others = call(common)
    rows += [*pieces(iter(others)), b"l:0\r\n\r\n"]
    # The INVITE is the one message without a context: it stands nearest, and whole.
    rows.append(b"".join(pieces(iter([invite]))))
    kept: list[bytes] = []
    for row in reversed(rows):
        if len(row) > 3 and row not in kept:
            kept.append(row)
    return b"".join(reversed(kept))


def source_of(data: bytes) -> str:
    """The module that holds *data*."""
    chunks = (line[at : at + 96] for line in data.splitlines(keepends=True) for at in range(0, len(line), 96))
    lines = [repr(chunk) if b'"' in chunk else f'b"{repr(chunk)[2:-1]}"' for chunk in chunks]
    return "\n".join(
        (
            '"""The dictionary that SIP is packed with; made by tools/make_sip_dictionary.py, never edited."""',
            "",
            f"VERSION = {VERSION}",
            '"""Names the table on the wire, 1 to 15."""',
            "TABLE = (",
            *(f"    {line}" for line in lines),
            ")",
            "",
        )
    )


def main() -> None:
    """Write the table and its fingerprint."""
    data = table()
    TABLE.write_text(source_of(data), encoding="utf-8")
    fingerprint = f"version {VERSION}: {len(data)} bytes, SHA-256 `{hashlib.sha256(data).hexdigest()}`"
    if DOCUMENT.exists():
        text = DOCUMENT.read_text(encoding="utf-8")
        text = re.sub(rf"version {VERSION}: [0-9]+ bytes, SHA-256 `[0-9a-f]*`", fingerprint, text)
        DOCUMENT.write_text(text, encoding="utf-8")
    print(fingerprint)


if __name__ == "__main__":
    main()
