"""Traces as Wireshark's own dissectors see them."""

import os
import shutil
import subprocess

import pytest
from support.ladders import message, sdp

from softphone.io.trace import Trace, header_of
from softphone.rtp.packet import RtpPacket

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        shutil.which("tshark") is None and not os.environ.get("SOFTPHONE_PEERS_REQUIRED"),
        reason="tshark is not installed: apt install tshark",
    ),
]
CHECKS = tuple(word for name in ("ip", "udp", "tcp") for word in ("-o", f"{name}.check_checksum:TRUE"))


def dissected(path, *fields):
    """For each packet the values of *fields*."""
    done = subprocess.run(
        ["tshark", "-r", str(path), *CHECKS, "-T", "fields", *(word for each in fields for word in ("-e", each))],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.feature("tshark", "dissects a trace: SIP, SDP, RTP, RTCP, checksums")
@pytest.mark.parametrize(
    ("name", "here", "there", "transport"),
    [
        ("call.pcap", "192.0.2.1", "192.0.2.2", "UDP"),
        ("call.pcapng", "2001:db8::1", "2001:db8::2", "UDP"),
        ("call.pcapng", "192.0.2.1", "192.0.2.2", "TCP"),
        ("call.pcap", "2001:db8::1", "2001:db8::2", "TLS"),
    ],
)
def test_sip_sdp_and_rtp_are_dissected_whatever_they_went_over(tmp_path, name, here, there, transport):
    kind = "IP6" if ":" in here else "IP4"
    body = sdp(here, 4000, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "q" * 40).replace(
        b"IP4", kind.encode()
    )
    answer = sdp(there, 4002).replace(b"IP4", kind.encode())
    local, remote = (here, 40_000), (there, 5061 if transport == "TLS" else 5060)
    if transport != "UDP":
        remote = (*remote, transport)
    rtp = bytes(RtpPacket(0, 7, 160, 9, bytes(160)))
    with Trace(str(tmp_path / name)) as trace:
        trace.sip(">", message("INVITE sip:bob@192.0.2.2", body=body), local, remote)
        trace.sip("<", message("SIP/2.0 200 OK", body=answer, to_tag="2"), local, remote)
        trace.rtp(">", header_of(rtp), len(rtp), (here, 4000), (there, 4002))
        trace.rtp("<", bytes.fromhex("80c90001 00000009"), 8, (here, 4001), (there, 4003))
        trace.sip(">", message("BYE sip:bob@192.0.2.2", cseq="2 BYE", to_tag="2"), local, remote)
    rows = dissected(
        trace.capture_path, "frame.protocols", "sip.Method", "sip.Status-Code", "sdp.media", "rtp.seq",
        "_ws.malformed", "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status",
    )  # fmt: skip
    assert [row[1:5] for row in rows] == [
        ["INVITE", "", "audio 4000 RTP/AVP 0 101", ""],
        ["", "200", "audio 4002 RTP/AVP 0 101", ""],
        ["", "", "", "7"],
        ["", "", "", ""],
        ["BYE", "", "", ""],
    ]
    assert "rtcp" in rows[3][0]
    assert [row[5] for row in rows] == [""] * 5
    bad = "0"
    assert not any(bad in row[6:] for row in rows)


def test_a_long_message_over_tcp_is_put_together(tmp_path):
    with Trace(str(tmp_path / "call")) as trace:
        data = message("MESSAGE sip:bob@192.0.2.2", cseq="1 MESSAGE", body=b"x" * 50_000, kind="text/plain")
        trace.sip(">", data, ("192.0.2.1", 40_000), ("192.0.2.2", 5060, "TCP"))
    rows = dissected(trace.capture_path, "sip.Method", "_ws.malformed")
    assert rows[-1][0] == "MESSAGE"
    assert not any(row[1] for row in rows)
