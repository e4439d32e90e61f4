"""What a peer may do with its RTP during a call, and with the session by re-INVITE (RFC 3264, RFC 3550)."""

import itertools
import struct

import pytest
from support.command import Calling
from support.scripted_peer import ScriptedPeer
from support.scripted_rtp import TONE
from support.scripted_sip import direction_of

pytestmark = pytest.mark.e2e

PCMU = ("--codec", "pcmu", "--tone", "440", "--sip-t1-ms", "200")


@pytest.fixture
def peer():
    with ScriptedPeer() as peer:
        yield peer


def established(peer):
    """The call stands and audio goes both ways."""
    dialog = peer.accept(peer.expect("INVITE"))
    peer.expect("ACK")
    peer.run_until(lambda: len(peer.rtp) > 3)
    return dialog


def ended(caller, status, outcome):
    """The command has ended as it should; its RESULT."""
    got, result, err = caller.finish(timeout_s=10)
    assert (got, result["outcome"]) == (status, outcome), (result, err)
    assert "Traceback" not in err
    return result


def completed(caller):
    """The call was a good one, and sound was heard; its RESULT."""
    result = ended(caller, 0, "completed")
    assert set(result["verdict"]) <= {"ok", "dropouts"}  # the second where the machine is too busy
    return result


@pytest.mark.parametrize(("hold", "held"), [("sendonly", "recvonly"), ("inactive", "inactive")])
def test_the_peer_holds_and_resumes(peer, hold, held):
    with Calling(peer.uri, *PCMU, "--rtp-timeout", "0.5") as caller:
        dialog = established(peer)
        assert peer.reinvite(dialog, hold) == held
        peer.stream = None
        peer.run_for(0.1)  # what was on its way
        heard = len(peer.rtp)
        peer.run_for(0.7)  # longer than the patience with a silent peer
        assert len(peer.rtp) == heard
        assert peer.reinvite(dialog) == "sendrecv"
        peer.talk(dialog)
        peer.run_until(lambda: len(peer.rtp) > heard + 3)
        # The timestamp counts the pause, the sequence number does not (RFC 3550 section 5.1).
        before, after = peer.rtp[heard - 1], peer.rtp[heard]
        assert (after.sequence_number - before.sequence_number) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFF_FFFF > 5000
        assert after.ssrc == before.ssrc
        peer.hang_up(dialog)
        result = ended(caller, 0, "completed")
    assert result["ended_by"] == "peer"


def test_a_hold_by_an_address_of_zeros_is_obeyed(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        # RFC 3264 section 8.4: what phones of RFC 2543 do.
        peer.request(dialog, "INVITE", body=peer.sdp().replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 0.0.0.0"))
        peer.acknowledge(peer.expect(200, "INVITE"))
        peer.run_for(0.1)
        heard = len(peer.rtp)
        peer.run_for(0.3)
        assert len(peer.rtp) == heard
        assert peer.reinvite(dialog) == "sendrecv"
        peer.run_until(lambda: len(peer.rtp) > heard + 3)
        peer.hang_up(dialog)
        completed(caller)


def test_the_peer_hangs_up_while_it_holds(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        peer.run_for(0.3)
        peer.reinvite(dialog, "inactive")
        peer.hang_up(dialog)
        completed(caller)


def test_the_peer_moves_to_other_ports(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        old = peer.media.getsockname()[1]
        peer.move_media()
        assert peer.reinvite(dialog) == "sendrecv"
        peer.run_until(lambda: peer.rtp[-1].port != old)
        moved = len(peer.rtp)
        peer.run_for(0.4)
        assert {packet.port for packet in peer.rtp[moved:]} == {peer.media.getsockname()[1]}
        peer.hang_up(dialog)
        result = completed(caller)
    assert result["received"]["strangers"] <= 2  # sent from the new port before the re-INVITE was read
    assert result["received"]["lost"] <= 2


def test_a_reinvite_with_no_codec_of_ours_is_refused_and_the_call_goes_on(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        data = peer.request(
            dialog, "INVITE", body=peer.sdp(formats="18").replace(b"a=rtpmap:0 PCMU/8000\r\n", b"")
        )
        refusal = peer.expect(488, "INVITE")
        assert refusal.body == b""
        peer.acknowledge_refusal(refusal, data)
        heard = len(peer.rtp)
        peer.run_until(lambda: len(peer.rtp) > heard + 10)
        peer.hang_up(dialog)
        completed(caller)


def test_a_reinvite_without_a_description_gets_our_offer(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        peer.request(dialog, "INVITE")
        ok = peer.expect(200, "INVITE")
        assert direction_of(ok.body) == "sendrecv"
        peer.acknowledge(ok, body=peer.sdp())
        peer.run_for(0.3)
        peer.hang_up(dialog)
        completed(caller)


@pytest.mark.parametrize("codecs", ["pcmu,pcma", "pcmu,opus"])
def test_a_reinvite_to_another_codec_or_clock_is_followed(peer, codecs):
    number, name, step = {"pcmu,pcma": (8, b"PCMA/8000", 160), "pcmu,opus": (109, b"opus/48000/2", 960)}[
        codecs
    ]
    with Calling(peer.uri, "--codec", codecs, "--tone", "440") as caller:
        dialog = established(peer)
        peer.run_for(0.3)
        peer.request(
            dialog,
            "INVITE",
            body=peer.sdp(formats=str(number)).replace(b"0 PCMU/8000", b"%d %s" % (number, name)),
        )
        ok = peer.expect(200, "INVITE")
        peer.acknowledge(ok)
        assert name in ok.body
        peer.stream = None if number == 109 else peer.stream
        if peer.stream is not None:
            peer.stream.payload_type = number
        peer.run_for(0.1)
        moved = len(peer.rtp)
        peer.run_for(0.3)
        peer.hang_up(dialog)
        result = ended(caller, 0, "completed")
    packets = peer.rtp[moved:]
    assert len(packets) > 8
    for earlier, later in itertools.pairwise(packets):
        assert later.sequence_number == (earlier.sequence_number + 1) & 0xFFFF
        assert later.timestamp == (earlier.timestamp + step) & 0xFFFF_FFFF
        assert later.payload_type == number
    if number == 8:
        assert {len(packet.payload) for packet in packets} == {160}
    assert result["codec"]["name"] == codecs.partition(",")[2]
    assert result["received"]["undecodable"] == 0


def test_the_peer_may_change_between_the_codecs_agreed_on_without_a_word(peer):
    with Calling(peer.uri, "--codec", "pcmu,l16", "--tone", "440", "--sip-t1-ms", "200") as caller:
        invite = peer.expect("INVITE")
        number = next(n for n in range(96, 128) if b"a=rtpmap:%d L16/8000\r\n" % n in invite.body)
        lines = (f"a=rtpmap:{number} L16/8000",)
        peer.reply(invite, 200, body=peer.sdp(formats=f"0 {number}", lines=lines))
        stream = peer.talk(peer.dialog_of(invite))
        peer.run_for(0.4)
        stream.payload_type = number
        stream.payload = (struct.pack("!10h", *[3276] * 10) + struct.pack("!10h", *[-3276] * 10)) * 8
        peer.run_for(0.4)
        peer.hang_up(peer.dialog_of(invite))
        result = completed(caller)
    assert result["received"]["undecodable"] == result["received"]["lost"] == 0
    assert {packet.payload_type for packet in peer.rtp} == {0}


def test_payload_types_that_were_never_offered_are_counted_and_not_played(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        peer.run_for(0.2)
        for payload_type in (3, 18, 77, 127):
            peer.stream.packet(payload_type, bytes(33))
            peer.stream.sequence_number = (peer.stream.sequence_number + 1) & 0xFFFF
            peer.run_for(0.1)
        peer.hang_up(dialog)
        result = completed(caller)
    assert result["received"]["undecodable"] == 4
    assert result["received"]["lost"] == 0


def test_datagrams_that_are_no_rtp_are_counted_and_not_played(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        for data in (
            b"",
            b"\x80",
            bytes(11),
            b"\x00" * 200,
            b"\xff" * 200,
            b"\x80\xc8\x00\x01",
            b"\xbf\x00" + bytes(10),
        ):
            peer.media.sendto(data, dialog.media)
            peer.control.sendto(data, (dialog.media[0], dialog.media[1] + 1))
            peer.run_for(0.05)
        peer.hang_up(dialog)
        result = completed(caller)
    assert result["received"]["undecodable"] > 4


def test_early_media_is_played_and_none_of_it_is_counted_as_late(peer):
    with Calling(peer.uri, *PCMU, "--seconds", "0.8") as caller:
        invite = peer.expect("INVITE")
        peer.reply(invite, 183, body=peer.sdp())
        peer.talk(peer.dialog_of(invite))
        peer.run_for(1.5)
        peer.reply(invite, 200, body=peer.sdp())
        peer.answer_bye()
        result = completed(caller)
    assert result["early_media_s"] == pytest.approx(1.5, abs=0.2)
    assert result["received"]["packets"] == pytest.approx(115, abs=8)
    assert result["received"]["discard_pct"] < 10
    assert result["received"]["playout_delay_ms"] < 300  # it would be 1500


def test_a_peer_behind_a_nat_is_answered_where_its_audio_comes_from(peer):
    hidden = peer.sdp().replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 10.255.255.1")
    with Calling(peer.uri, *PCMU, "--seconds", "1.2") as caller:
        invite = peer.expect("INVITE")
        peer.reply(invite, 200, body=hidden)
        peer.expect("ACK")
        peer.talk(peer.dialog_of(invite))
        peer.run_until(lambda: len(peer.rtp) > 20)
        peer.answer_bye()
        result = completed(caller)
    assert result["received"]["source"] == f"127.0.0.1:{peer.media.getsockname()[1]}"
    assert result["received"]["strangers"] == 2
    assert "one-way" not in result["verdict"]


def test_rtp_that_stops_drops_the_call(peer):
    with Calling(peer.uri, *PCMU, "--rtp-timeout", "0.6") as caller:
        established(peer)
        peer.run_for(0.3)
        peer.stream = None
        peer.answer_bye()
        result = ended(caller, 5, "dropped")
    assert result["ended_by"] == "network"
    assert "0.6 s" in result["reason"]


def test_no_rtp_at_all_is_one_way(peer):
    with Calling(peer.uri, *PCMU, "--seconds", "0.6") as caller:
        peer.accept(peer.expect("INVITE"), talk=False)
        peer.answer_bye()
        result = ended(caller, 5, "no-audio")
    assert result["verdict"] == ["one-way"]


@pytest.mark.parametrize("change", ["source", "clock", "both"])
def test_a_source_that_starts_anew_is_followed(peer, change):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        peer.run_for(0.3)
        stream = peer.stream
        if change != "clock":
            stream.ssrc = 0xABCDEF
            stream.sequence_number = 7
        if change != "source":
            stream.timestamp = 5_000_000
        peer.run_for(0.5)
        peer.hang_up(dialog)
        result = completed(caller)
    assert result["received"]["lost"] <= 1
    assert result["received"]["concealed_ms"] <= 60
    assert result["received"]["discard_pct"] == 0


def test_packets_twice_and_out_of_order_are_heard_once_and_in_order(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        stream, peer.stream = peer.stream, None
        peer.run_for(0.02)
        for _ in range(15):
            first = stream.sequence_number, stream.timestamp
            for offset in (1, 0, 0, 1):
                stream.sequence_number = (first[0] + offset) & 0xFFFF
                stream.timestamp = (first[1] + 160 * offset) & 0xFFFF_FFFF
                stream.packet(0, TONE)
            stream.sequence_number = (first[0] + 2) & 0xFFFF
            stream.timestamp = (first[1] + 320) & 0xFFFF_FFFF
            peer.run_for(0.04)
        peer.hang_up(dialog)
        result = ended(caller, 0, "completed")
    assert result["received"]["lost"] == 0


def test_rtcp_bye_is_no_sip_bye(peer):
    with Calling(peer.uri, *PCMU, "--seconds", "0.8") as caller:
        dialog = established(peer)
        report = struct.pack("!BBHI", 0x80, 201, 1, peer.stream.ssrc)
        name = struct.pack("!BBHIBB", 0x81, 202, 3, peer.stream.ssrc, 1, 4) + b"peer" + bytes(2)
        bye = struct.pack("!BBHI", 0x81, 203, 1, peer.stream.ssrc)
        peer.control.sendto(report + name + bye, (dialog.media[0], dialog.media[1] + 1))
        heard = len(peer.rtp)
        peer.answer_bye()
        completed(caller)
    assert len(peer.rtp) > heard + 20


def test_we_say_goodbye_in_rtcp(peer):
    with Calling(peer.uri, *PCMU) as caller:
        dialog = established(peer)
        peer.run_for(0.3)
        peer.hang_up(dialog)
        peer.run_until(lambda: bool(peer.rtcp) and 203 in packet_types(peer.rtcp[-1]))
        completed(caller)
    for compound in peer.rtcp:
        # RFC 3550 section 6.1: a report first, and a name in each.
        assert packet_types(compound)[0] in (200, 201)
        assert 202 in packet_types(compound)
    ssrc = struct.unpack_from("!I", peer.rtcp[-1], 4)[0]
    assert ssrc == peer.rtp[0].ssrc


def packet_types(compound):
    """The packet types of an RTCP compound; their lengths must fill it."""
    types, at = [], 0
    while at < len(compound):
        first, packet_type, words = struct.unpack_from("!BBH", compound, at)
        assert first >> 6 == 2
        types.append(packet_type)
        at += 4 * words + 4
    assert at == len(compound)
    return types


def test_digits_are_events_of_growing_duration_with_three_ends(peer):
    with Calling(peer.uri, *PCMU, "--seconds", "1.2", "--dtmf", "5#") as caller:
        invite = peer.expect("INVITE")
        assert b"telephone-event/8000" in invite.body
        peer.reply(invite, 200, body=peer.sdp(formats="0 101", lines=("a=rtpmap:101 telephone-event/8000",)))
        peer.talk(peer.dialog_of(invite))
        peer.answer_bye()
        completed(caller)
    events = [packet for packet in peer.rtp if packet.payload_type == 101]
    assert len(events) > 8
    digits = [list(group) for _, group in itertools.groupby(events, key=lambda packet: packet.timestamp)]
    assert [group[0].payload[0] for group in digits] == [5, 11]  # RFC 4733 section 3.2
    for group in digits:
        durations = [int.from_bytes(packet.payload[2:4]) for packet in group]
        assert durations == sorted(durations)
        ends = [packet.payload[1] >> 7 for packet in group]
        assert ends == [0] * (len(ends) - 3) + [1] * 3  # section 2.5.1.4
