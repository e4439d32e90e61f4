"""What `score` says of the streams of a capture: which codec, decoded to the speech that was sent, with exact network figures."""

import random
from dataclasses import replace

import numpy as np
import pytest
from support.capture_scores import streams_of, unjudged
from support.captures import (
    ALICE,
    BEGAN,
    BOB,
    RAW,
    Seen,
    Sent,
    call,
    delayed,
    file_of,
    framed,
    pcap,
    pcapng,
    sdp,
    sip,
    stream,
    talk,
    tcp,
    udp,
    without,
)
from support.peers import read_wav

from dsp.codecs import CodecSettings
from softphone.app.capture_score import CaptureOptions, score_capture
from softphone.rtp.dtmf import DtmfSender
from softphone.rtp.packet import RtpPacket
from softphone.rtp.rtcp import ReceiverReport, ReportBlock, SenderReport, write_compound
from softphone.rtp.short import ShortSender
from softphone.sip.packing import Packer

PCMU = talk("pcmu", 3.0)
OPUS = talk("opus", 3.0)
CASES = {
    "pcmu": ("RTP/AVP 0", 0, CodecSettings()),
    "pcma": ("RTP/AVP 8", 8, CodecSettings()),
    "g722": ("RTP/AVP 9", 9, CodecSettings()),
    "opus": ("RTP/AVP 111\r\na=rtpmap:111 opus/48000/2", 111, CodecSettings(ptime_ms=60)),
    "vlc": ("RTP/AVP 97\r\na=rtpmap:97 VLC/8000\r\na=fmtp:97 {fmtp}", 97, CodecSettings(ptime_ms=64)),
    "codec2": (
        "RTP/AVP 98\r\na=rtpmap:98 CODEC2/8000\r\na=fmtp:98 {fmtp}",
        98,
        CodecSettings(bit_rate_bps=1300, ptime_ms=40),
    ),
}


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Of the envelopes of two signals (32 ms), at the best offset."""
    a, b = (np.sqrt((x[: x.size // 256 * 256].reshape(-1, 256) ** 2).mean(axis=1)) for x in (one, other))
    a, b = a - a.mean(), b - b.mean()
    return float(np.correlate(a, b, "full").max() / np.sqrt((a @ a) * (b @ b)))


@pytest.mark.parametrize("codec", CASES)
def test_a_stream_that_sdp_explains_is_decoded_to_what_was_said(codec, tmp_path):
    media, number, settings = CASES[codec]
    said = talk(codec, 3.0, settings=settings)
    offer = media.format(fmtp=said.spec.fmtp(said.settings))
    (found,) = streams_of(
        file_of(stream(said, payload_type=number), extra=call(offer)), tmp_path, out=str(tmp_path)
    )
    assert (found["codec"]["name"], found["codec"]["by"], found["undecoded"]) == (codec, "sdp", None)
    assert found["codec"]["ptime_ms"] == said.settings.ptime_ms
    assert found["call_id"] == "call-1"
    assert (found["lost"], found["discarded"], found["undecodable"]) == (0, 0, 0)
    heard, rate = read_wav(found["recording"])
    at = np.arange(0, heard.size, rate / said.spec.sample_rate_hz(said.settings))
    # Measured: 0.89 for Codec2 at 1300 b/s, 0.96 for VLC and Opus, 0.995 and more for the others.
    assert similarity(said.speech, np.interp(at, np.arange(heard.size), heard)) > 0.85


def test_losses_are_concealed_and_counted_and_the_rating_takes_them(tmp_path):
    sent = stream(PCMU)
    lost = [20, 21, 22, 60, 90]
    (found,) = streams_of(file_of(without(sent, lost)), tmp_path)
    assert (found["packets"], found["expected"], found["lost"]) == (len(sent) - 5, len(sent), 5)
    assert found["loss_runs"] == {"1": 2, "3": 1}
    # Each lost packet is 20 ms; the buffer may conceal one more where the margin of its start was small.
    assert 100 <= found["concealed_ms"] <= 140
    (clean,) = streams_of(file_of(sent), tmp_path)
    assert found["emodel"]["r"] < clean["emodel"]["r"] - 5
    assert clean["emodel"]["model"] == "G.107"


def test_late_packets_are_discards_not_losses(tmp_path):
    sent = stream(PCMU)
    late = [replace(each, at=each.at + 0.4 * (i in (50, 100))) for i, each in enumerate(sent)]
    (found,) = streams_of(file_of(sorted(late, key=lambda each: each.at)), tmp_path)
    assert (found["lost"], found["discarded"], found["reordered"]) == (0, 2, 2)
    assert found["discard_pct"] == pytest.approx(200 / len(sent), abs=1e-3)


def test_static_payload_types_need_no_sdp_and_mirrored_sockets_are_one_call(tmp_path):
    one = stream(PCMU)
    other = stream(talk("pcma", 3.0, name="woman"), ssrc=7, source=BOB, destination=ALICE)
    path = tmp_path / "two.pcap"
    path.write_bytes(file_of(one, other))
    result = score_capture(CaptureOptions(str(path)), scorer=unjudged)
    assert [(each["codec"]["name"], each["codec"]["by"], each["call_id"]) for each in result["streams"]] == [
        ("pcmu", "static", None),
        ("pcma", "static", None),
    ]
    (pair,) = result["calls"]
    assert pair["streams"] == [0, 1]
    assert pair["directions"] == [
        {"from": "192.0.2.1:4000", "to": "192.0.2.2:5000", "streams": [0]},
        {"from": "192.0.2.2:5000", "to": "192.0.2.1:4000", "streams": [1]},
    ]


def test_a_dynamic_type_without_sdp_is_opus_if_it_parses_and_says_that_it_is_a_guess(tmp_path):
    (found,) = streams_of(file_of(stream(OPUS, payload_type=107)), tmp_path)
    assert (found["codec"]["name"], found["codec"]["by"]) == ("opus", "guess")
    assert "payload type 107 was taken for Opus" in found["notes"][0]


def test_a_dynamic_type_that_is_no_opus_is_measured_and_not_decoded_until_its_codec_is_named(tmp_path):
    said = talk("codec2", 3.0, settings=CodecSettings(bit_rate_bps=2400, ptime_ms=40))
    data = file_of(stream(said, payload_type=107))
    (found,) = streams_of(data, tmp_path)
    assert found["codec"] is None
    assert "say which codec it is with --codec 107=NAME" in found["undecoded"]
    assert (found["lost"], found["ptime_ms"], found["discarded"]) == (0, 40, 0)
    (named,) = streams_of(data, tmp_path, codecs={107: "codec2:2400"})
    assert (named["codec"]["name"], named["codec"]["by"], named["undecoded"]) == ("codec2", "option", None)


def test_a_codec_without_a_decoder_here_has_network_figures_and_a_rating(tmp_path):
    packets = [Sent(BEGAN + i / 50, RtpPacket(18, i, 160 * i, 9, bytes(20)), ALICE, BOB) for i in range(100)]
    (found,) = streams_of(file_of(without(packets, [40])), tmp_path)
    assert (found["codec"]["name"], found["undecoded"]) == ("g729", "there is no decoder for g729 here")
    assert (found["lost"], found["codec"]["bit_rate_bps"]) == (1, 8000)
    # G.113 table I.1: Ie of G.729 is 10.
    assert found["emodel"]["ie"] == 10
    assert found["verdict"] == []


def test_srtp_is_measured_and_said_to_be_encrypted(tmp_path):
    rng = random.Random(1)
    sent = [replace(each, packet=replace(each.packet, payload=rng.randbytes(170))) for each in stream(PCMU)]
    said = "RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
    (found,) = streams_of(file_of(without(sent, [7]), extra=call(said)), tmp_path)
    assert (found["encryption"], found["undecoded"]) == ("sdes", "it is encrypted: SRTP (sdes)")
    assert (found["lost"], found["recording"], found["discarded"]) == (1, None, 0)
    (alone,) = streams_of(file_of(sent), tmp_path)
    assert alone["encryption"] == "likely"


def test_digits_are_heard_each_once_and_cost_no_loss(tmp_path):
    sent = stream(PCMU, first_number=1, first_timestamp=0)
    keys = DtmfSender(8000)
    keys.queue("15#", tone_ms=100, gap_ms=80)
    mixed = []
    for each in sent:
        report = keys.report(each.packet.timestamp, 160) if each.packet.timestamp >= 8000 else None
        if report is not None:
            payload, timestamp, marker = report
            each = replace(
                each,
                packet=replace(
                    each.packet, payload_type=101, payload=payload, timestamp=timestamp, marker=marker
                ),
            )
        mixed.append(each)
    offer = "RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000"
    for extra in (call(offer), []):
        (found,) = streams_of(file_of(mixed, extra=extra), tmp_path)
        assert (found["dtmf"], found["lost"], found["undecodable"]) == ("15#", 0, 0)
        assert found["jitter_ms"] == pytest.approx(0, abs=1e-3)
        assert found["payload_types"]["101"] > 15


def test_comfort_noise_is_counted_and_is_neither_loss_nor_undecodable(tmp_path):
    sent = stream(PCMU, first_number=1, first_timestamp=0)
    quiet = [each for i, each in enumerate(sent) if not 60 <= i < 90]
    quiet = [
        replace(each, packet=replace(each.packet, sequence_number=1 + i)) for i, each in enumerate(quiet)
    ]
    cn = [
        replace(
            quiet[60],
            at=BEGAN + 1.2,
            packet=replace(quiet[60].packet, payload_type=13, payload=b"\x40", timestamp=160 * 60),
        )
    ]
    later = [
        replace(each, packet=replace(each.packet, sequence_number=each.packet.sequence_number + 1))
        for each in quiet[60:]
    ]
    (found,) = streams_of(file_of(quiet[:60], cn, later), tmp_path)
    assert (found["comfort_noise"], found["lost"], found["undecodable"]) == (1, 0, 0)
    assert found["seconds"] == pytest.approx(len(sent) * 0.02, abs=0.01)


def test_what_the_receiver_reports_and_the_round_trip_of_both_halves_are_told(tmp_path):
    one = stream(PCMU, ssrc=11)
    other = stream(PCMU, ssrc=22, source=BOB, destination=ALICE)
    rtcp_a, rtcp_b = ("192.0.2.1", 4001), ("192.0.2.2", 5001)

    def report(ssrc: int, about: int, ntp: int, block: ReportBlock | None) -> bytes:
        blocks = () if block is None else (block,)
        return write_compound([SenderReport(ssrc, ntp << 16, 0, 1, 160, blocks)])

    # The capture is 10 ms from Bob and 30 ms from Alice, there and back; each held the other's report for 0.5 s.
    half = round(0.5 * 65536)
    high = one[99].packet.sequence_number + 65536
    seen = [
        Seen(BEGAN + 1.0, framed(udp(report(11, 22, 1000, None), rtcp_a, rtcp_b))),
        Seen(
            BEGAN + 1.51,
            framed(udp(report(22, 11, 2000, ReportBlock(11, 26, 10, high, 80, 1000, half)), rtcp_b, rtcp_a)),
        ),
        Seen(
            BEGAN + 2.04,
            framed(
                udp(
                    write_compound([ReceiverReport(11, (ReportBlock(22, 0, 0, 5, 8, 2000, half),))]),
                    rtcp_a,
                    rtcp_b,
                )
            ),
        ),
    ]
    found, back = streams_of(file_of(one, other, extra=seen), tmp_path)
    assert found["remote"]["lost"] == 10
    assert found["remote"]["loss_pct"] == pytest.approx(10.0, abs=0.01)
    assert found["remote"]["worst_loss_pct"] == pytest.approx(100 * 26 / 256, abs=0.01)
    assert (found["remote"]["jitter_ms"], found["remote"]["reports"]) == (10, 1)
    assert "its receiver reports 10.0 % lost, 0.0 % are missing here" in found["notes"][0]
    assert back["notes"] == []
    assert found["rtt_ms"] == back["rtt_ms"] == pytest.approx(40, abs=0.1)
    # Half of it is delay of the E-model.
    assert found["emodel"]["one_way_delay_ms"] == pytest.approx(20 + 20 + found["playout_delay_ms"], abs=0.2)


def test_short_headers_that_sdp_agreed_on_are_expanded(tmp_path):
    said = talk("vlc", 3.0, settings=CodecSettings(ptime_ms=64))
    media = (
        f"RTP/AVP 97\r\na=rtpmap:97 VLC/8000\r\na=fmtp:97 {said.spec.fmtp(said.settings)}\r\na=x-rtp-short:1"
    )
    headers, seen = ShortSender(), []
    sent = stream(said, payload_type=97, first_number=3)
    for each in sent:
        p = each.packet
        head = headers.header(
            p.marker << 7, 97, p.sequence_number, p.timestamp, p.ssrc, said.ticks, 8000, each.at
        )
        seen.append(Seen(each.at, framed(udp(head + p.payload, ALICE, BOB))))
    data = pcap(sorted([*without_places(seen, [30]), *call(media)], key=lambda each: each.at))
    (found,) = streams_of(data, tmp_path)
    assert (found["packets"], found["lost"], found["undecodable"]) == (len(sent) - 1, 1, 0)
    assert found["payload_bytes"] == sum(len(p) for p in said.payloads) - len(said.payloads[30])
    assert found["wire_bps"] < 8 * (found["payload_bytes"] + 33 * found["packets"]) / found["seconds"]


def without_places(seen: list[Seen], places: list[int]) -> list[Seen]:
    return [each for i, each in enumerate(seen) if i not in places]


def test_sip_that_is_packed_with_our_dictionary_is_read(tmp_path):
    alice, bob = Packer(), Packer()
    offer = "RTP/AVP 111\r\na=rtpmap:111 opus/48000/2"
    invite = sip("INVITE sip:bob@192.0.2.2 SIP/2.0", sdp(ALICE, offer))
    packed = alice.outgoing(invite, ("192.0.2.2", 5060))
    assert packed != invite
    message, context = bob.incoming(packed, ("192.0.2.1", 5060))
    bob.heard(message, context, ("192.0.2.1", 5060), packed=True)
    answer = bob.outgoing(sip("SIP/2.0 200 OK", sdp(BOB, offer), tags=("a", "b")), ("192.0.2.1", 5060))
    assert answer[0] & 0xF0 == 0xD0, "packed with a context"
    seen = [
        Seen(BEGAN - 1, framed(udp(packed, ("192.0.2.1", 5060), ("192.0.2.2", 5060)))),
        Seen(BEGAN - 0.5, framed(udp(answer, ("192.0.2.2", 5060), ("192.0.2.1", 5060)))),
    ]
    (found,) = streams_of(file_of(stream(OPUS, payload_type=111), extra=seen), tmp_path)
    assert (found["codec"]["by"], found["call_id"]) == ("sdp", "call-1")


def test_sip_over_tcp_is_put_in_order_and_framed(tmp_path):
    offer = sdp(ALICE, "RTP/AVP 111\r\na=rtpmap:111 opus/48000/2")
    text = sip("INVITE sip:bob@192.0.2.2 SIP/2.0", offer) + sip(
        "OPTIONS sip:bob@192.0.2.2 SIP/2.0", method="OPTIONS"
    )
    a, b = ("192.0.2.1", 40_000), ("192.0.2.2", 5060)
    cuts = [(0, 100), (200, 300), (100, 200), (100, 200), (300, len(text))]
    seen = [
        Seen(BEGAN - 1 + i / 100, framed(tcp(text[x:y], a, b, sequence=0xFFFFFFF0 + x)))
        for i, (x, y) in enumerate(cuts)
    ]
    (found,) = streams_of(file_of(stream(OPUS, payload_type=111), extra=seen), tmp_path)
    assert found["codec"]["by"] == "sdp"


def test_an_address_behind_a_nat_is_found_by_its_ports(tmp_path):
    sent = stream(PCMU, source=("198.51.100.7", 4000), destination=("198.51.100.8", 5000))
    (found,) = streams_of(file_of(sent, extra=call("RTP/AVP 0")), tmp_path)
    assert found["call_id"] == "call-1"


def test_two_calls_on_the_same_ports_are_told_apart(tmp_path):
    first, second = stream(PCMU, ssrc=1), stream(PCMU, ssrc=2, began=BEGAN + 60)
    extra = [*call("RTP/AVP 0", ends=BEGAN + 4), *call("RTP/AVP 0", began=BEGAN + 59, call_id="call-2")]
    found = streams_of(file_of(first, second, extra=extra), tmp_path)
    assert [each["call_id"] for each in found] == ["call-1", "call-2"]


def test_headers_alone_give_network_figures_and_the_reason_for_no_sound(tmp_path):
    cut = [Seen(each.at, each.seen().data[:54], len(each.seen().data)) for each in without(stream(PCMU), [5])]
    (found,) = streams_of(pcap(cut), tmp_path)
    assert "the capture holds only the beginnings of its packets" in found["undecoded"]
    assert (found["lost"], found["payload_bytes"]) == (1, 160 * (len(PCMU.payloads) - 1))


def test_a_pcapng_of_raw_ip_and_jitter_is_heard_whole(tmp_path):
    sent = delayed(stream(OPUS, payload_type=111), jitter_ms=6)
    (found,) = streams_of(pcapng((each.seen(RAW) for each in sent), link_type=RAW), tmp_path)
    assert found["discarded"] == 0
    assert found["pdv_p95_ms"] == pytest.approx(
        18, abs=6
    )  # 3 times the mean of an exponential law, 5 % lie above


def test_video_is_measured_and_not_played(tmp_path):
    body = (
        sdp(ALICE, "RTP/AVP 0")
        .replace(b"m=audio", b"m=video")
        .replace(b"RTP/AVP 0", b"RTP/AVP 99\r\na=rtpmap:99 VP8/90000")
    )
    invite = sip("INVITE sip:bob@192.0.2.2 SIP/2.0", body)
    seen = [Seen(BEGAN - 1, framed(udp(invite, ("192.0.2.1", 5060), ("192.0.2.2", 5060))))]
    sent = [Sent(BEGAN + i / 30, RtpPacket(99, i, 3000 * i, 4, bytes(900)), BOB, ALICE) for i in range(60)]
    (found,) = streams_of(file_of(sent, extra=seen), tmp_path)
    assert (found["kind"], found["undecoded"], found["emodel"], found["discarded"]) == (
        "video",
        "it is video",
        None,
        None,
    )


def test_a_sender_that_changes_its_ssrc_has_two_streams_in_one_direction_of_the_call(tmp_path):
    first, second = stream(PCMU, ssrc=1), stream(PCMU, ssrc=2, began=BEGAN + 3.0)
    back = stream(PCMU, ssrc=3, source=BOB, destination=ALICE)
    path = tmp_path / "changed.pcap"
    path.write_bytes(file_of(first, second, back, extra=call("RTP/AVP 0")))
    result = score_capture(CaptureOptions(str(path)), scorer=unjudged)
    (found,) = result["calls"]
    assert [each["streams"] for each in found["directions"]] == [[0, 2], [1]]
    assert [each["ssrc"] for each in result["streams"]] == ["0x00000001", "0x00000003", "0x00000002"]
    assert found["verdict"] == []


def test_a_call_over_ipv6_is_read_like_any_other(tmp_path):
    alice, bob = ("2001:db8::1", 4000), ("2001:db8::2", 5000)
    extra = call("RTP/AVP 111\r\na=rtpmap:111 opus/48000/2", alice=alice, bob=bob)
    sent = stream(OPUS, payload_type=111, source=alice, destination=bob)
    (found,) = streams_of(file_of(sent, extra=extra), tmp_path)
    assert (found["from"], found["to"], found["codec"]["by"]) == (
        "[2001:db8::1]:4000",
        "[2001:db8::2]:5000",
        "sdp",
    )
    assert found["wire_bps"] - found["payload_bps"] == pytest.approx(50 * 8 * (40 + 8 + 12), rel=0.01)


def test_a_long_hold_is_cut_to_a_second(tmp_path):
    sent = stream(PCMU)
    held = [
        replace(
            each,
            at=each.at + 900,
            packet=replace(each.packet, timestamp=(each.packet.timestamp + 900 * 8000) & 0xFFFFFFFF),
        )
        if i >= 75
        else each
        for i, each in enumerate(sent)
    ]
    (found,) = streams_of(file_of(held), tmp_path, out=str(tmp_path))
    heard, rate = read_wav(found["recording"])
    assert heard.size / rate == pytest.approx(3.0 + 1.0, abs=0.2)
    assert found["seconds"] == pytest.approx(903, abs=0.1)
    assert (found["lost"], found["discarded"]) == (0, 0)
    assert found["notes"] == ["899 s of long pauses between packets were left out of the sound"]
