"""Any bytes give a SessionDescription or an SdpError; what parsed writes bytes that parse to the same."""

import contextlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.sdp import (
    Capability,
    LocalMedia,
    SdpError,
    SessionDescription,
    make_answer,
    make_offer,
    read_answer,
)
from softphone.sdp.media import Crypto, Fingerprint, Ice

BODY = (
    b"v=0\r\no=- 1 2 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nb=AS:64\r\nt=0 0\r\na=sendrecv\r\n"
    b"m=audio 4000/1 RTP/AVP 96 0 101 13\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;stereo=0\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:60\r\n"
    b"a=rtcp:4001 IN IP4 10.0.0.9\r\nm=video 0 RTP/AVP 31\r\n"
)
LOCAL = LocalMedia(
    host="10.0.0.1",
    port=7000,
    rtcp_port=7001,
    session_id=7,
    ptime_ms=20,
    capabilities=(Capability("opus", 48_000, 2, fmtp="useinbandfec=1"), Capability("PCMU", 8_000, 1, 0)),
)
OFFER = make_offer(LOCAL)
# Everything that can be agreed on is on: keys, a handshake, ICE, one port for both, metrics, comfort noise.
WHOLE = replace(
    LOCAL,
    srtp="prefer",
    sdes=(Crypto(1, "AES_CM_128_HMAC_SHA1_80", bytes(30)),),
    fingerprint=Fingerprint("sha-256", bytes(32)),
    ice=Ice("abcd", "p" * 22, ("1 1 UDP 1 10.0.0.1 7000 typ host",)),
    rtcp_mux=True,
    rtcp_xr=True,
    comfort_noise=True,
)
WHOLE_OFFER = make_offer(WHOLE)
WHOLE_BODY = bytes(WHOLE_OFFER)
PIECES = [line + b"\r\n" for line in BODY.split(b"\r\n") if line] + [
    b"a=rtpmap:200 x/0\n",
    b"a=rtpmap:\xc2\xb2 a/1\n",
    b"a=fmtp:96\n",
    b"a=ptime:0\n",
    b"a=maxptime:1.5\n",
    b"a=rtcp:99999\n",
    b"a=inactive\n",
    b"c=IN IP6 ::\n",
    b"m=audio 1 RTP/AVP 999 x 0 0\n",
    b"b=AS:0\n",
    b"\xff=\xff\n",
    *(line + b"\r\n" for line in WHOLE_BODY.split(b"\r\n") if line.startswith((b"a=", b"m="))),
    b"m=audio 4 UDP/TLS/RTP/SAVPF 0\n",
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|2^20|1:4\n",
    b"a=crypto:\xc2\xb2 X inline:\n",
    b"a=setup:holdconn\n",
    b"a=fingerprint:sha-1 00\n",
    b"a=candidate:\xc2\xb2\n",
    b"a=rtcp-xr\n",
]


def holds(data: bytes) -> None:
    try:
        description = SessionDescription.parse(data)
    except SdpError:
        return
    assert SessionDescription.parse(bytes(description)) == description
    for local, offer in ((LOCAL, OFFER), (WHOLE, WHOLE_OFFER)):
        with contextlib.suppress(SdpError):
            answer, agreed = make_answer(description, local)
            assert len(answer.media) == len(description.media)
            assert 0 < agreed.ptime_ms <= 120
            assert SessionDescription.parse(bytes(answer)) == answer
        with contextlib.suppress(SdpError):
            assert read_answer(offer, description, local).send


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data):
    holds(data)
    holds(b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n" + data)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_lines_in_any_order(pieces):
    holds(BODY[:32] + b"".join(pieces))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(BODY) - 1), st.binary(min_size=1, max_size=4))
def test_any_few_bytes_changed(at, data):
    for body in (BODY, WHOLE_BODY):
        holds(body[:at] + data + body[at + len(data) :])


def test_a_body_cut_at_each_byte():
    for body in (BODY, WHOLE_BODY):
        for end in range(len(body) + 1):
            holds(body[:end])
            holds(body[end:])
