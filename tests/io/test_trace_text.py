"""The text of a trace is read back to the byte, and nothing that a peer sends can pass for an entry or steer a terminal."""

import random

import pytest

from softphone.io.trace_text import RTP, SIP, TraceEntry, entries, media_kind, written

HERE, THERE = ("192.0.2.1", 5070), ("192.0.2.2", 5060)
OPTIONS = b"OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\nCall-ID: a\r\nContent-Length: 0\r\n\r\n"
RTP_HEADER = bytes.fromhex("80 80 ffff 000000a0 89abcdef")


def sip(data: bytes, **more: object) -> TraceEntry:
    return TraceEntry(1_700_000_000.25, SIP, True, HERE, THERE, data, len(data), **more)


def back(*given: TraceEntry) -> list[TraceEntry]:
    return list(entries("".join(written(each) for each in given).splitlines(keepends=True)))


def test_a_message_is_written_whole_under_its_time_and_addresses():
    assert written(sip(OPTIONS)) == (
        "2023-11-14T22:13:20.250000Z sip udp 192.0.2.1:5070 > 192.0.2.2:5060 68 bytes\n"
        "    OPTIONS sip:bob@192.0.2.2 SIP/2.0\n"
        "    Call-ID: a\n"
        "    Content-Length: 0\n"
        "    \n"
        "    \n"
        "\n"
    )


def test_rtp_is_one_line_with_what_its_header_says():
    entry = TraceEntry(0.5, RTP, False, ("::1", 4000), ("::1", 5000), RTP_HEADER, 172)
    assert written(entry) == (
        "1970-01-01T00:00:00.500000Z rtp [::1]:4000 < [::1]:5000 172 bytes, PT 0, seq 65535, ts 160, SSRC 0x89abcdef, marker\n"
    )
    assert back(entry) == [entry]


@pytest.mark.parametrize(
    "data",
    [
        OPTIONS,
        OPTIONS.rstrip(b"\r\n"),
        OPTIONS + b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
        b"A sip:x SIP/2.0\r\nSubject: back\\slash \\x41 \x1b[31mred\x07\r\n\r\n\x00\xff\xfe",
        "INFO sip:ü@x SIP/2.0\r\nSubject: grün \u202e nurg\u2028\r\n\r\n".encode(),
        b"A sip:x SIP/2.0\nbare: line feeds\rand returns\n\n",
        b"A sip:x SIP/2.0\r\n\r\n\r\n\r\n",
    ],
)
def test_any_message_comes_back_to_the_byte(data):
    assert back(sip(data), sip(OPTIONS, transport="tls")) == [sip(data), sip(OPTIONS, transport="tls")]


def test_any_bytes_come_back_to_the_byte():
    rng = random.Random(1)
    for _ in range(300):
        data = b"x" + bytes(rng.choice(b"\r\n\\x0a1 \xc3\xa4\x1b\x85") for _ in range(rng.randrange(60)))
        assert back(sip(data)) == [sip(data)]


def test_a_peer_cannot_write_an_entry_of_its_own_nor_steer_a_terminal():
    forged = written(sip(OPTIONS)).encode()
    text = written(sip(b"OPTIONS sip:x SIP/2.0\r\n\r\n" + forged.replace(b"\n", b"\r\n") + b"\x1b]0;x\x07\n"))
    assert [line for line in text.splitlines() if line and not line.startswith("    ")] == [
        text.splitlines()[0]
    ]
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(list(entries(text.splitlines(keepends=True)))) == 1


def test_a_packed_message_says_what_it_took_on_the_wire():
    entry = TraceEntry(0, SIP, True, HERE, THERE, OPTIONS, 40)
    assert ", packed into 40\n" in written(entry)
    assert back(entry) == [entry]


def test_a_keep_alive_is_one_line():
    assert written(sip(b"\r\n\r\n", transport="tcp")).endswith(" 4 bytes, keep-alive\n")


def test_broken_lines_are_passed_over():
    rng, text = (
        random.Random(2),
        written(sip(OPTIONS)) + written(TraceEntry(0.5, RTP, False, HERE, THERE, RTP_HEADER, 172)),
    )
    for _ in range(500):
        broken = list(text)
        for _ in range(rng.randrange(1, 6)):
            broken[rng.randrange(len(broken))] = rng.choice("\x00é \n:<>0123456789[]")
        for entry in entries("".join(broken).splitlines(keepends=True)):
            assert entry.kind
    wrong = "2023-13-41T25:61:61.250000Z sip udp a:1 > b:99999 5 bytes\n"
    assert list(entries([wrong, wrong.replace("13-41T25:61:61", "11-14T22:13:20")])) == []


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("80 00", "rtp"), ("80 c8", "rtcp"), ("81 cf", "rtcp"), ("c1 23", "short-rtp"), ("16 fe", "dtls"),
        ("00 01" + "00" * 18, "stun"), ("00 01", "other"), ("", "other"),
    ],
)  # fmt: skip
def test_a_datagram_is_told_by_its_first_bytes(start, kind):
    assert media_kind(bytes.fromhex(start)) == kind


def test_of_encrypted_rtcp_only_what_is_in_the_clear_is_named():
    clear = bytes.fromhex("80c80006 00000001" + "00" * 20 + "81ca0001 00000001")
    srtcp = clear[:28] + bytes.fromhex("1234567890")
    named = [written(TraceEntry(0, "rtcp", True, HERE, THERE, each, 40)) for each in (clear, srtcp)]
    assert ", SR SDES, SSRC 0x00000001" in named[0]
    assert ", SR, SSRC 0x00000001" in named[1]
