"""Traces: text and capture say the same, keys are not in them, and who is traced never waits."""

import base64
import logging
import os
import stat
import threading
import time

import pytest

from softphone.capture import CaptureStats, Flow, StreamCollector, datagrams, frames
from softphone.errors import EnvironmentProblem
from softphone.io import trace as trace_module
from softphone.io.trace import Trace, header_of, masked, trace_files
from softphone.io.trace_text import MAGIC, entries
from softphone.sip.dictionary import extended, pack

HERE, THERE = ("192.0.2.1", 5070), ("192.0.2.2", 5060)
KEY = base64.b64encode(bytes(range(30)))
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000 RTP/SAVP 0\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s|2^20|1:4\r\n"
)
INVITE = (
    b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nCall-ID: a\r\nAuthorization: Digest response=\"0123\"\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(SDP % KEY)
) + SDP % KEY  # fmt: skip
RTP = bytes.fromhex("8000 0001 000000a0 89abcdef") + bytes(160)


def captured(path):
    stats = CaptureStats()
    with path.open("rb") as file:
        found = list(datagrams(frames(file, stats), stats))
    assert (stats.damaged, stats.bad_ip, stats.bad_udp, stats.truncated) == (0, 0, 0, False)
    return found


def read(path):
    with path.open(encoding="utf-8") as file:
        return list(entries(file))


@pytest.mark.parametrize(
    ("name", "text", "capture"),
    [
        ("call", "call", "call.pcap"), ("call.txt", "call.txt", "call.pcap"), ("call.pcap", "call.txt", "call.pcap"),
        ("call.pcapng", "call.txt", "call.pcapng"), ("call.7", "call.7", "call.7.pcap"),
    ],
)  # fmt: skip
def test_both_files_are_named_by_one(name, text, capture):
    assert tuple(map(str, trace_files(name))) == (text, capture)


@pytest.mark.parametrize("name", ["call.txt", "call.pcapng"])
def test_what_is_sent_and_taken_is_in_both_files_in_the_order_of_its_time(tmp_path, name):
    with Trace(str(tmp_path / name)) as trace:
        trace.sip(">", INVITE, HERE, THERE)
        trace.rtp("<", header_of(RTP), len(RTP), ("192.0.2.1", 4000), ("192.0.2.2", 4002))
        trace.sip("<", b"SIP/2.0 200 OK\r\n\r\n", HERE, THERE)
    assert trace.text_path.read_text().startswith(MAGIC)
    told = read(trace.text_path)
    assert [(each.kind, each.sent) for each in told] == [("sip", True), ("rtp", False), ("sip", False)]
    found = captured(trace.capture_path)
    assert [Flow(each.key).source for each in found] == [HERE, ("192.0.2.2", 4002), THERE]
    assert [each.payload for each in found] == [masked(INVITE, b"A"), RTP[:12], b"SIP/2.0 200 OK\r\n\r\n"]
    assert found[1].length == 172
    assert [each.at for each in found] == pytest.approx([each.at for each in told], abs=1e-5)


def test_a_packet_stands_at_the_time_it_came_though_it_is_read_later(tmp_path):
    with Trace(str(tmp_path / "call")) as trace:
        came = time.monotonic() - 0.05
        trace.sip(">", b"SIP/2.0 200 OK\r\n\r\n", HERE, THERE)
        trace.rtp("<", RTP[:12], len(RTP), HERE, THERE, at=came)
    assert [each.kind for each in read(trace.text_path)] == ["rtp", "sip"]


def test_a_clock_that_is_set_back_meanwhile_holds_nothing_back(tmp_path, monkeypatch):
    with Trace(str(tmp_path / "call")) as trace:
        trace.rtp("<", RTP[:12], len(RTP), HERE, THERE, at=time.monotonic())
        set_back = time.time() - 3600
        monkeypatch.setattr(time, "time", lambda: set_back)
        trace.sip(">", b"SIP/2.0 200 OK\r\n\r\n", HERE, THERE)
    assert [each.kind for each in read(trace.text_path)] == ["rtp", "sip"]


def test_srtp_keys_are_masked_in_both_files_and_lengths_stay(tmp_path):
    with Trace(str(tmp_path / "call")) as trace:
        trace.sip(">", INVITE, HERE, THERE)
    for path, mask in ((trace.text_path, b"*"), (trace.capture_path, b"A")):
        assert KEY not in path.read_bytes()
        assert b"inline:" + mask * len(KEY) + b"|2^20|1:4" in path.read_bytes()
        assert b'response="0123"' in path.read_bytes()
    assert captured(trace.capture_path)[0].length == len(INVITE)


def test_srtp_keys_are_there_where_they_are_asked_for(tmp_path):
    with Trace(str(tmp_path / "call"), keys=True) as trace:
        trace.sip(">", INVITE, HERE, THERE)
    assert KEY in trace.text_path.read_bytes()
    assert KEY in trace.capture_path.read_bytes()


@pytest.mark.parametrize(
    "line",
    [b"a=crypto:1 X inline:SECRET", b"a=crypto:1 X inline:SECRET|2^20;inline:SECRET|1:4", b"k=clear:SECRET",
     b"a=key-mgmt:mikey SECRET"],
)  # fmt: skip
def test_whatever_carries_a_key_is_masked(line):
    message = b"v=0\r\n" + line + b"\r\nt=0 0\r\n"
    assert masked(message) == message.replace(b"SECRET", b"******")
    assert masked(b"X-inline:SECRET\r\n") == b"X-inline:SECRET\r\n"


def test_packed_messages_are_written_as_they_were_before_and_without_keys(tmp_path):
    answer = INVITE.replace(b"INVITE sip:bob@192.0.2.2 SIP/2.0", b"SIP/2.0 200 OK")
    with Trace(str(tmp_path / "call")) as trace:
        trace.sip(">", pack(INVITE), HERE, THERE)
        trace.sip("<", pack(answer, extended(b"", INVITE)), HERE, THERE)
        trace.sip("<", pack(answer, b"a context that was never said here"), HERE, THERE)
    told = read(trace.text_path)
    assert [each.data for each in told[:2]] == [masked(INVITE), masked(answer)]
    assert told[1].length < 100
    assert [each.payload for each in captured(trace.capture_path)[:2]] == [
        masked(INVITE, b"A"),
        masked(answer, b"A"),
    ]
    assert len(told[2].data) == 4


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_connections_are_written_as_tcp_and_tls_in_the_clear_at_the_port_of_sip(tmp_path, transport):
    port = 5061 if transport == "TLS" else 5060
    with Trace(str(tmp_path / "call")) as trace:
        trace.sip(">", INVITE, ("192.0.2.1", 40_000), ("192.0.2.2", port, transport))
        trace.sip("<", b"\r\n", ("192.0.2.1", 40_000), ("192.0.2.2", port, transport))
    first, second = captured(trace.capture_path)
    assert (first.sequence, first.payload, second.payload) == (1, masked(INVITE, b"A"), b"\r\n")
    assert Flow(first.key).destination == ("192.0.2.2", 5060)
    assert [each.transport for each in read(trace.text_path)] == [transport.lower()] * 2
    assert f" {transport.lower()} 192.0.2.1:40000 > 192.0.2.2:{port} " in trace.text_path.read_text()


def test_rtp_headers_alone_are_traced(tmp_path):
    assert header_of(RTP) == RTP[:12]
    rtcp = bytes.fromhex("80c90001 00000001")
    assert header_of(rtcp) == rtcp
    with Trace(str(tmp_path / "call")) as trace:
        for number in range(20):
            packet = RTP[:2] + number.to_bytes(2, "big") + RTP[4:]
            trace.rtp(">", header_of(packet), len(packet), ("127.0.0.1", 4000), ("127.0.0.1", 4002))
    collector = StreamCollector()
    for each in captured(trace.capture_path):
        assert collector.add(each)
    (stream,) = collector.streams()
    assert set(stream.payload_bytes) == {160}


def test_a_full_queue_drops_counts_and_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(trace_module, "MAX_QUEUED", 3)
    gate = threading.Event()
    real = Trace._take
    monkeypatch.setattr(Trace, "_take", lambda self, **given: (gate.wait(5), real(self, **given)))
    trace = Trace(str(tmp_path / "call"))
    for _ in range(10):
        trace.rtp(">", RTP[:12], len(RTP), HERE, THERE)
    assert trace.dropped == 7
    gate.set()
    with caplog.at_level(logging.WARNING):
        trace.close()
    assert "lacks 7 entries" in caplog.text
    assert "# 7 entries are missing here" in trace.text_path.read_text()
    assert len(read(trace.text_path)) == len(captured(trace.capture_path)) == 3


def test_what_waits_is_bounded_in_bytes_too(tmp_path, monkeypatch):
    monkeypatch.setattr(trace_module, "MAX_QUEUED_BYTES", 2 * len(INVITE))
    gate = threading.Event()
    real = Trace._take
    monkeypatch.setattr(Trace, "_take", lambda self, **given: (gate.wait(5), real(self, **given)))
    with Trace(str(tmp_path / "call")) as trace:
        for _ in range(5):
            trace.sip(">", INVITE, HERE, THERE)
        assert trace.dropped == 3
        gate.set()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_ends_the_trace_and_nothing_else(tmp_path, caplog):
    trace = Trace(str(tmp_path / "call"))
    trace._text.close()
    trace._text = open("/dev/full", "wb")  # noqa: SIM115 - the trace closes it
    trace.sip(">", INVITE, HERE, THERE)
    with caplog.at_level(logging.WARNING):
        trace.close()
    assert "stopped: No space left on device" in caplog.text
    trace.sip(">", INVITE, HERE, THERE)


@pytest.mark.skipif(os.name == "nt", reason="no modes of files there")
def test_others_cannot_read_who_called_whom(tmp_path):
    with Trace(str(tmp_path / "call")) as trace:
        pass
    assert {stat.S_IMODE(path.stat().st_mode) for path in (trace.text_path, trace.capture_path)} == {0o600}


def test_what_cannot_be_written_is_said_in_one_line(tmp_path):
    with pytest.raises(EnvironmentProblem, match=r"--trace cannot write .*call: |choose a folder"):
        Trace(str(tmp_path / "missing" / "call"))
    (tmp_path / "call.pcap").mkdir()
    with pytest.raises(EnvironmentProblem, match=r"call\.pcap"):
        Trace(str(tmp_path / "call"))
