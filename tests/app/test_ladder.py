"""Ladders: from a trace of ours and from captures of others, what is drawn is what went by."""

import random
import re
from xml.etree import ElementTree

import pytest
from support.ladders import (
    ALICE,
    BOB,
    PROXY,
    Sent,
    message,
    sdp,
    simple_call,
    spoken,
    write_capture,
    write_trace,
)

from softphone.app.ladder_file import read_ladders
from softphone.app.ladder_svg import ladders_svg
from softphone.app.ladder_text import ladder_text
from softphone.errors import UsageError

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=[write_capture, write_trace], ids=["capture", "trace"])
def file_of(request, tmp_path):
    return lambda *sent: str(request.param(tmp_path / "call", *sent))


def only(path):
    found = read_ladders(path)
    assert found.warnings == []
    (ladder,) = found.ladders
    return ladder


def test_a_call_is_drawn_from_its_first_message_to_its_last(file_of):
    ladder = only(file_of(*simple_call()))
    assert ladder.columns == ("192.0.2.1:5060", "192.0.2.2:5060")
    assert [(round(each.at_s, 3), each.source, each.destination, each.label) for each in ladder.steps] == [
        (0.0, 0, 1, "INVITE"),
        (0.5, 0, 1, "INVITE"),
        (0.6, 1, 0, "180 Ringing"),
        (1.0, 1, 0, "200 OK"),
        (1.1, 0, 1, "ACK"),
        (1.2, 0, 1, "RTP PCMU/8000"),
        (1.3, 1, 0, "RTP PCMU/8000"),
        (3.1, 1, 0, "BYE"),
        (3.2, 0, 1, "200 OK (BYE)"),
    ]
    assert ladder.ending == "answered, 2.1 s, ended by the callee"
    assert ladder.title == "INVITE  sip:alice@192.0.2.1 → sip:bob@192.0.2.2"


def test_the_codecs_of_sdp_stand_under_the_arrow(file_of):
    ladder = only(file_of(*simple_call()))
    assert ladder.steps[0].details == ("SDP PCMU, telephone-event · 192.0.2.1:4000",)
    assert ladder.steps[3].details == ("SDP PCMU, telephone-event · 192.0.2.2:4002",)


def test_a_retransmission_is_marked(file_of):
    ladder = only(file_of(*simple_call()))
    assert [each.repeated for each in ladder.steps] == [False, True] + [False] * 7
    assert "↻ INVITE" in ladder_text(ladder, width=100)


def test_a_stream_is_one_line_with_its_packets_and_losses(file_of):
    lossy, whole = (each for each in only(file_of(*simple_call())).steps if each.kind == "rtp")
    assert lossy.details == ("49 packets, 2.0 % lost, 1.0 s",)
    assert (lossy.media["packets"], lossy.media["lost"], lossy.media["from"]) == (49, 1, "192.0.2.1:4000")
    assert whole.details == ("50 packets, 0.0 % lost, 1.0 s",)


KEY, PRINT = "a=crypto:1 X inline:****", "a=fingerprint:sha-256 AA:BB"


@pytest.mark.parametrize(
    ("offered", "answered", "label", "encryption"),
    [
        ((KEY,), (), "RTP PCMU/8000", None),
        ((KEY,), (KEY,), "SRTP PCMU/8000", "sdes"),
        ((KEY, PRINT), (PRINT,), "SRTP PCMU/8000", "dtls"),
        ((KEY, PRINT), (KEY,), "SRTP PCMU/8000", "sdes"),
    ],
)
def test_media_is_encrypted_as_both_sides_wanted_it(tmp_path, offered, answered, label, encryption):
    invite = message("INVITE sip:bob@192.0.2.2", body=sdp("192.0.2.1", 4000, *offered))
    answer = message("SIP/2.0 200 OK", to_tag="2", body=sdp("192.0.2.2", 4002, *answered))
    stream = spoken(("192.0.2.1", 4000), ("192.0.2.2", 4002), at=0.2, packets=20)
    sent = (Sent(0, ALICE, BOB, invite), Sent(0.1, BOB, ALICE, answer), *stream)
    step = only(str(write_capture(tmp_path / "call", *sent))).steps[-1]
    assert (step.label, step.media["encryption"]) == (label, encryption)


def test_a_proxy_is_a_column_and_keeps_the_call_together(file_of):
    invite = message("INVITE sip:bob@192.0.2.2", body=sdp("192.0.2.1", 4000))
    ladder = only(
        file_of(
            Sent(0, ALICE, PROXY, invite),
            Sent(0.1, PROXY, ALICE, message("SIP/2.0 407 Proxy Authentication Required", to_tag="9")),
            Sent(
                0.2,
                ALICE,
                PROXY,
                message(
                    "INVITE sip:bob@192.0.2.2",
                    'Proxy-Authorization: Digest username="alice"',
                    cseq="2 INVITE",
                ),
            ),
            Sent(
                0.3,
                PROXY,
                BOB,
                message("INVITE sip:bob@192.0.2.2", cseq="2 INVITE", branch="p", body=sdp("192.0.2.1", 4000)),
            ),
            Sent(0.4, BOB, PROXY, message("SIP/2.0 486 Busy Here", cseq="2 INVITE", branch="p", to_tag="2")),
            Sent(0.5, PROXY, ALICE, message("SIP/2.0 486 Busy Here", cseq="2 INVITE", to_tag="2")),
        )
    )
    assert ladder.columns == ("192.0.2.1:5060", "192.0.2.9:5060", "192.0.2.2:5060")
    assert [(each.source, each.destination) for each in ladder.steps] == [
        (0, 1),
        (1, 0),
        (0, 1),
        (1, 2),
        (2, 1),
        (1, 0),
    ]
    assert ladder.steps[1].details == ("asks for credentials",)
    assert ladder.steps[2].details[0] == "with credentials"
    assert ladder.ending == "486 Busy Here"


def test_media_stands_with_whoever_named_it_in_sdp(tmp_path):
    here, there = ("127.0.0.1", 5070), ("127.0.0.1", 5060)
    invite = message("INVITE sip:bob@127.0.0.1", via="127.0.0.1:5070", body=sdp("127.0.0.1", 4000))
    ladder = only(
        str(
            write_capture(
                tmp_path / "call",
                Sent(0, here, there, invite),
                Sent(0.1, there, here, message("SIP/2.0 200 OK", to_tag="2", body=sdp("127.0.0.1", 4002))),
                *spoken(("127.0.0.1", 4002), ("127.0.0.1", 4000), at=0.2, packets=20),
            )
        )
    )
    assert ladder.columns == ("127.0.0.1:5070", "127.0.0.1:5060")
    assert [(each.source, each.destination) for each in ladder.steps if each.kind == "rtp"] == [(1, 0)]


def test_a_connection_is_at_home_where_its_via_says(file_of):
    port = ("192.0.2.1", 40_123)
    local = ("192.0.2.2", 5070)
    ladder = only(
        file_of(
            Sent(0, port, BOB, message("OPTIONS sip:bob@192.0.2.2", cseq="1 OPTIONS"), "tcp"),
            Sent(0.1, BOB, port, message("SIP/2.0 200 OK", cseq="1 OPTIONS", to_tag="2"), "tcp"),
            Sent(
                0.2,
                local,
                BOB,
                message("OPTIONS sip:bob@192.0.2.2", cseq="2 OPTIONS", branch="3", via="192.0.2.2:5070"),
                "tcp",
            ),
        )
    )
    assert ladder.columns == ("192.0.2.1:5060", "192.0.2.2:5060", "192.0.2.2:5070")
    assert {each.transport for each in ladder.steps} == {"tcp"}
    assert ladder.title.startswith("OPTIONS  ")
    assert ladder.ending == "200 OK"


@pytest.mark.parametrize(
    ("data", "label", "details"),
    [
        (message("INVITE sip:b@192.0.2.2", to_tag="2", cseq="2 INVITE", body=sdp("192.0.2.1", 4000, "a=sendonly")),
         "re-INVITE", ("SDP PCMU, telephone-event · 192.0.2.1:4000 · sendonly",)),
        (message("INVITE sip:b@192.0.2.2", body=sdp("192.0.2.1", 4000, "a=crypto:1 X inline:****", protocol="RTP/SAVP")),
         "INVITE", ("SDP PCMU, telephone-event · 192.0.2.1:4000 · sdes",)),
        (message("SIP/2.0 302 Moved Temporarily"), "302 Moved Temporarily", ("Contact: sip:me@192.0.2.1",)),
        (message("SIP/2.0 183 Session Progress", "RSeq: 7", "Require: 100rel"), "183 Session Progress", ("reliable, RSeq 7",)),
        (message("REFER sip:b@192.0.2.2", "Refer-To: <sip:carol@192.0.2.3>", cseq="3 REFER"),
         "REFER", ("Refer-To: <sip:carol@192.0.2.3>",)),
        (message("NOTIFY sip:b@192.0.2.2", cseq="4 NOTIFY", body=b"SIP/2.0 180 Ringing\r\n", kind="message/sipfrag;version=2.0"),
         "NOTIFY", ("SIP/2.0 180 Ringing",)),
        (message("SIP/2.0 422 Session Interval Too Small", "Min-SE: 90"), "422 Session Interval Too Small", ("Min-SE: 90",)),
        (message("REGISTER sip:192.0.2.2", "Expires: 300", cseq="1 REGISTER"), "REGISTER", ("Expires: 300",)),
    ],
)  # fmt: skip
def test_what_a_message_is_about_stands_under_it(tmp_path, data, label, details):
    first = message("INVITE sip:bob@192.0.2.2", branch="0")
    ladder = only(
        str(write_capture(tmp_path / "call", Sent(0, ALICE, BOB, first), Sent(1, ALICE, BOB, data)))
    )
    assert (ladder.steps[1].label, ladder.steps[1].details) == (label, details)


def test_calls_are_numbered_in_the_order_they_began(file_of):
    found = read_ladders(file_of(*simple_call(call_id="b", at=5), *simple_call(call_id="a", at=1))).ladders
    assert [(each.number, each.call_id) for each in found] == [(1, "a"), (2, "b")]
    assert found[0].steps[0].at_s == 0


def test_a_message_seen_twice_at_a_mirror_port_is_drawn_once(tmp_path):
    sent = simple_call()
    copies = [
        Sent(each.at + 2e-4, each.source, each.destination, each.data)
        for each in sent
        if each.data[0] != 0x80
    ]
    ladder = only(str(write_capture(tmp_path / "call", *sent, *copies)))
    assert len(ladder.steps) == 9


def test_streams_of_no_call_are_told_of(tmp_path):
    stray = spoken(("192.0.2.77", 9000), ("192.0.2.78", 9000), at=0, packets=30)
    found = read_ladders(str(write_capture(tmp_path / "call", *simple_call(), *stray)))
    assert found.warnings == ["1 RTP streams belong to no call here and are not drawn"]


def test_a_file_without_sip_is_refused_in_one_line(tmp_path):
    with pytest.raises(UsageError, match="holds no SIP message"):
        read_ladders(str(write_capture(tmp_path / "a", *spoken(ALICE, BOB, at=0, packets=30))))
    (tmp_path / "b").write_text("hello")
    with pytest.raises(UsageError, match="is no trace"):
        read_ladders(str(tmp_path / "b"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_ladders(str(tmp_path / "missing"))


def test_text_keeps_to_the_width_and_lines_up(file_of):
    ladder = only(file_of(*simple_call()))
    for width in (60, 80, 100, 200):
        lines = ladder_text(ladder, width=width).splitlines()[5:]
        assert max(map(len, lines)) <= width
        places = {match.start() for match in re.finditer("│", lines[0])}
        assert len(places) == 2
        assert all({match.start() for match in re.finditer("│", line)} == places for line in lines)


def test_a_terminal_without_boxes_gets_letters(file_of):
    text = ladder_text(only(file_of(*simple_call())), width=80, ascii_only=True)
    assert text.isascii()
    assert "again: INVITE" in text


def test_the_drawing_is_whole_and_has_an_arrow_for_each_step(file_of):
    ladder = only(file_of(*simple_call()))
    root = ElementTree.fromstring(ladders_svg([ladder, ladder]))
    assert root.tag == f"{SVG}svg"
    arrows = [line for line in root.iter(f"{SVG}line") if "arrow" in line.get("class")]
    assert len(arrows) == 2 * len(ladder.steps)
    assert sum("again" in line.get("class") for line in arrows) == 2
    height = float(root.get("height"))
    assert all(0 < float(line.get("y1")) < height for line in arrows)


def test_nothing_a_peer_writes_breaks_out_of_text_or_drawing(tmp_path):
    evil = "<script>alert(1)</script>&\"'"
    invite = message("INVITE sip:bob@192.0.2.2", call_id="x<y>z")
    answer = message(f"SIP/2.0 486 {evil}\u202e", f'Warning: 399 x "{evil}"', call_id="x<y>z")
    ladder = only(
        str(write_capture(tmp_path / "call", Sent(0, ALICE, BOB, invite), Sent(1, BOB, ALICE, answer)))
    )
    drawn = ladders_svg([ladder])
    assert "<script>" not in drawn
    assert evil in "".join(ElementTree.fromstring(drawn).itertext())
    assert "\u202e" not in ladder_text(ladder, width=100) + drawn


def test_broken_files_are_read_as_far_as_they_go(tmp_path):
    rng = random.Random(1)
    for write in (write_capture, write_trace):
        data = write(tmp_path / "call", *simple_call()).read_bytes()
        for _ in range(60):
            broken = bytearray(data)
            for _ in range(rng.randrange(1, 30)):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            (tmp_path / "broken").write_bytes(broken[: rng.randrange(len(broken))])
            try:
                found = read_ladders(str(tmp_path / "broken"))
            except UsageError:
                continue
            for ladder in found.ladders:
                ladder_text(ladder, width=80)
                ElementTree.fromstring(ladders_svg([ladder]))
                ladder.as_json()
