"""Packed calls in virtual time: what is packed for whom, over lines that lose, double and reorder."""

import pytest
from support.short_sip import PACKED, SHORT, SeededShortIds
from support.sip_calls import Call, Server, kinds, request
from support.sip_peers import ALICE, ANSWER, BOB, BOB_URI
from support.virtual_link import Line

from softphone.sip.dictionary import is_packed, pack
from softphone.sip.endpoint import SipEndpoint
from softphone.sip.errors import LocalSipError
from softphone.sip.events import Answered, ByeAnswered, ByeReceived, InviteReceived, MessageDropped, Refused
from softphone.sip.message import parse_message
from softphone.sip.packing import MAX_CONTEXTS, Packer

OTHER = ("192.0.2.3", 5060)


def call_of(alice=PACKED, bob=PACKED, **options) -> Call:
    return Call(
        alice={"style": alice, "ids": SeededShortIds("alice")},
        bob={"style": bob, "ids": SeededShortIds("bob")},
        **options,
    )


class TestLossyLine:
    @pytest.mark.parametrize("seed", range(12))
    def test_packed_calls_over_a_bad_line_end_in_the_same_state_on_both_sides(self, seed):
        line = Line(delay_s=0.02, jitter_s=0.4, loss=0.25, duplicate=0.2)
        call = call_of(seed=seed, line=line, talk_s=4.0, ring_s=1.0)
        legs = [call.invite() for _ in range(3)]
        call.net.run_until()
        for leg in legs:
            ends = [
                e
                for e in call.heard_by_alice
                if isinstance(e, Refused | ByeAnswered | ByeReceived) and e.leg == leg
            ]
            assert len(ends) == 1
        assert len(call.bobs(InviteReceived)) <= len(legs)
        assert call.net.lost > 0
        call.assert_all_over()
        # Whatever was lost, what a packed datagram refers to was there.
        assert call.alice.stats.unpackable == call.bob.stats.unpackable == 0

    @pytest.mark.parametrize("seed", range(8))
    def test_a_packed_call_survives_loss_of_one_in_seven(self, seed):
        line = Line(delay_s=0.02, jitter_s=0.05, loss=1 / 7, duplicate=0.1)
        call = call_of(seed=seed, line=line, talk_s=4.0)
        call.invite()
        call.net.run_until()
        told = [kind for kind in kinds(call.heard_by_alice) if kind not in ("MessageDropped", "Provisional")]
        assert told == ["Answered", "ByeAnswered"]
        told = [kind for kind in kinds(call.heard_by_bob) if kind != "MessageDropped"]
        assert told == ["InviteReceived", "Acked", "ByeReceived"]

    @pytest.mark.parametrize("seed", range(8))
    def test_packed_calls_that_are_cancelled_leave_nothing_behind(self, seed):
        line = Line(delay_s=0.02, jitter_s=0.4, loss=0.2, duplicate=0.2)
        call = call_of(seed=seed, line=line, ring_s=1.0)
        leg = call.invite()
        call.at(0.8, call.alice.cancel, leg)
        call.net.run_until()
        assert len([e for e in call.heard_by_alice if isinstance(e, Refused | ByeAnswered)]) == 1
        call.assert_all_over()

    def test_a_cancel_crossed_by_the_200_is_acked_and_ended_packed(self):
        call = call_of(bob_does="ring", line=Line(delay_s=0.1))
        leg = call.invite()
        call.net.run_for(0.5)
        call.alice.cancel(leg, now=call.net.now)
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        call.net.run_until()
        assert [event.status for event in call.alices(Refused)] == [487]
        assert all(is_packed(item.data) for item in call.net.log)
        call.assert_all_over()

    def test_copies_are_the_same_bytes_and_the_third_is_not_packed(self):
        call = call_of(line=Line(drop=lambda item: item.source == BOB))
        call.invite()
        call.net.run_for(10.0)
        copies = [item for item in call.net.log if item.source == ALICE]
        assert [item.at for item in copies] == [0.0, 0.5, 1.5, 3.5, 7.5]
        assert [is_packed(item.data) for item in copies] == [True, True, False, False, False]
        assert len({item.data for item in copies}) == 2
        assert parse_message(copies[2].data).method == "INVITE"

    def test_an_answer_is_packed_as_long_as_its_request_is(self):
        call = call_of(bob_does="reject", line=Line(drop=lambda item: item.source == BOB))
        call.invite()
        call.net.run_for(1.2)
        assert [is_packed(item.data) for item in call.net.log if item.source == BOB][-1]
        call.net.run_for(2.0)
        answers = [item.data for item in call.net.log if item.source == BOB]
        assert parse_message(answers[-1]).status == 486

    def test_a_request_that_the_peer_cannot_read_any_more_gets_through(self):
        call = call_of()
        leg = call.invite()
        call.net.run_for(1.0)
        for number in range(MAX_CONTEXTS):  # Bob forgets what he said
            call.bob._layer._packer.outgoing(b"ACK %d" % number, OTHER)
        call.alice.bye(leg, now=call.net.now)
        call.net.run_for(3.0)
        assert call.bob.stats.unpackable == 2
        assert [event.response.status for event in call.alices(ByeAnswered)] == [200]


class TestStrangers:
    def test_one_without_the_dictionary_says_why_it_drops_a_datagram(self):
        call = call_of(bob=SHORT)
        call.invite()
        call.net.run_for(0.1)
        assert [event.reason for event in call.bobs(MessageDropped)] == [
            "packed SIP, and the dictionary is not switched on here"
        ]
        assert call.net.sent(BOB) == []
        call.net.run_for(3.0)
        assert len(call.alices(Answered)) == 1

    def test_a_broken_message_is_answered_unpacked_and_dropped_packed(self):
        server = Server(style=PACKED)
        broken = request("INVITE", headers="Max-Forwards: x\r\n")
        assert [answer.status for answer in server.ask(broken)] == [400]
        server.net.inject(pack(broken), ALICE, BOB)
        assert len(server.net.sent(BOB)) == 1
        assert server.bob.stats.unpackable == 1

    def test_what_one_peer_said_is_no_context_for_another(self):
        packer = Packer()
        invite = request("INVITE", call_id="c9")
        packer.heard(*packer.incoming(pack(invite), ALICE), ALICE, packed=True)
        secret = packer.outgoing(b"SIP/2.0 200 OK\r\ni:c9\r\n\r\n", ALICE)
        assert secret[0] & 0x10
        answer = b"ACK sip:a SIP/2.0\r\nt:<sip:a>;tag=1\r\ni:c9\r\n\r\n"
        packer.heard(*packer.incoming(pack(invite), OTHER), OTHER, packed=True)
        context = packer._ours[next(key for key in packer._ours if key[0] == ALICE)]
        with pytest.raises(ValueError, match="not known here"):
            packer.incoming(pack(answer, context), OTHER)
        assert packer.incoming(pack(answer, context), ALICE) == (answer, context)

    def test_a_request_within_a_dialog_is_never_packed_for_an_unknown_address(self):
        packer = Packer()
        inside = b"BYE sip:a SIP/2.0\r\nt: <sip:a>;tag=1\r\ni:c9\r\n\r\n"
        assert packer.outgoing(inside, OTHER) == inside
        assert is_packed(packer.outgoing(inside.replace(b";tag=1", b""), OTHER))

    def test_a_forged_packed_request_does_not_change_how_a_running_call_is_answered(self):
        server = Server(style=PACKED)
        server.ask(request("INVITE", call_id="real"))
        server.net.detach(ALICE)
        server.net.inject(pack(request("OPTIONS", call_id="forged")), ALICE, BOB)
        server.bob.answer(1, body=ANSWER, now=server.net.now)
        server.net.run_for(0.1)
        *_, forged, answer = [item.data for item in server.net.sent(BOB)]
        assert is_packed(forged)
        assert parse_message(answer).status == 200

    def test_a_message_beyond_the_bound_goes_as_it_is(self):
        packer = Packer()
        long = b"INVITE sip:a SIP/2.0\r\nt:<sip:a>\r\ni:c9\r\n\r\n" + bytes(17_000)
        assert packer.outgoing(long, OTHER) == long

    def test_what_is_remembered_is_bounded(self):
        packer = Packer()
        for number in range(MAX_CONTEXTS + 50):
            invite = request("INVITE", call_id=f"c{number}")
            peer = ("192.0.2.7", 1 + number)
            packer.heard(*packer.incoming(pack(invite), peer), peer, packed=True)
            packer.outgoing(b"SIP/2.0 100 Trying\r\ni:c%d\r\n\r\n" % number, peer)
        assert len(packer._ours) == len(packer._theirs) == len(packer._copies) == MAX_CONTEXTS
        assert len(packer._peers) == 1024


def test_packing_is_for_udp_only():
    with pytest.raises(LocalSipError, match="no dictionary over TCP"):
        SipEndpoint(
            contact=BOB_URI,
            via_address=ALICE,
            ids=SeededShortIds("a"),
            user_agent="",
            accept=(),
            transport="tcp",
            style=PACKED,
        )
