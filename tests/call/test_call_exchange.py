"""The RESULT in the BYE exchange."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.phones import ACCEPT, Pair, Phone, Stranger
from support.sip_peers import ALICE, BOB
from support.virtual_link import VirtualNetwork

from softphone.call.exchange import MAX_MESSAGE_BYTES, MAX_RESULT_BYTES, accepts, pack, unpack
from softphone.call.manager import RESULT_TYPE
from softphone.sip.auth import Challenger, Credentials
from softphone.sip.events import ByeAnswered, ByeReceived, InviteReceived

OURS = b'{"outcome":"completed","side":"caller"}'
THEIRS = b'{"outcome":"completed","side":"callee"}'
# As long as a real RESULT, and as compressible.
LONG = (
    b'{"keys":[' + b",".join(b'{"packets_per_s":%d,"wire_bps":%d}' % (i, i * 37) for i in range(40)) + b"]}"
)
NOISE = random.Random(1).randbytes(2_000)


def unpacked(body, *, kind=RESULT_TYPE, coding=None):
    return unpack(body, content_type=kind, content_encoding=coding, media_type=RESULT_TYPE)


def test_the_result_of_each_side_reaches_the_other():
    pair = Pair(bob={"result": THEIRS})
    pair.talk()
    pair.alice.hang_up(OURS)
    pair.net.run_for(1.0)
    assert pair.alice.ended.peer_result == THEIRS
    assert pair.bob.ended.peer_result == OURS
    assert pair.bob.events[2].peer_result == OURS


def test_the_callee_may_be_the_one_who_hangs_up():
    pair = Pair(alice={"result": OURS})
    pair.talk()
    pair.bob.hang_up(THEIRS)
    pair.net.run_for(1.0)
    assert pair.alice.ended.peer_result == THEIRS
    assert pair.bob.ended.peer_result == OURS


def test_a_result_that_is_too_long_as_it_is_travels_deflated():
    pair = Pair(bob={"result": LONG})
    pair.talk()
    assert len(LONG) > MAX_MESSAGE_BYTES
    pair.alice.hang_up(LONG)
    pair.net.run_for(1.0)
    assert pair.alice.ended.peer_result == LONG
    assert pair.bob.ended.peer_result == LONG
    bye = pair.net.sent(ALICE, "BYE")[0].data
    assert b"Content-Encoding: deflate\r\n" in bye
    assert max(len(sent.data) for sent in pair.net.log) <= MAX_MESSAGE_BYTES


@pytest.mark.parametrize("result", [NOISE, b" " * (MAX_RESULT_BYTES + 1)])
def test_a_result_that_does_not_fit_at_all_stays_here(result):
    pair = Pair(bob={"result": result})
    pair.talk()
    pair.alice.hang_up(result)
    pair.net.run_for(1.0)
    assert (pair.alice.ended.peer_result, pair.bob.ended.peer_result) == (None, None)
    assert pair.alice.ending() == ("completed", "local", 200)
    assert max(len(sent.data) for sent in pair.net.log) <= MAX_MESSAGE_BYTES


def test_the_estimate_of_the_room_is_near_the_truth():
    pair = Pair()
    pair.talk()
    limit = next(
        size for size in range(MAX_MESSAGE_BYTES, 0, -1) if pack(NOISE[:size], room=room_of(pair.alice)).body
    )
    pair.alice.hang_up(NOISE[:limit])
    pair.net.run_for(1.0)
    assert 1_150 < len(pair.net.sent(ALICE, "BYE")[0].data) <= MAX_MESSAGE_BYTES


def test_the_room_left_by_credentials_is_counted():
    challenger = Challenger(realm="a realm of some length", users={"alice": "secret"})
    pair = Pair(bob={"challenger": challenger})
    pair.talk(credentials=Credentials("alice", "secret"))
    pair.alice.hang_up(NOISE[: room_of(pair.alice)])
    pair.net.run_for(1.0)
    assert pair.bob.ended.peer_result is not None
    assert max(len(sent.data) for sent in pair.net.sent(ALICE, "BYE")) <= MAX_MESSAGE_BYTES


def room_of(phone):
    return MAX_MESSAGE_BYTES - phone.manager._active[1].header_bytes


def test_a_result_with_the_bye_that_had_to_wait_for_the_ack_arrives():
    pair = Pair(bob={"answers": False}, alice={"result": OURS})
    first = []

    def drop(sent):
        if sent.start_line.startswith("ACK") and not first:
            first.append(sent)
            return True
        return False

    pair.net.line.drop = drop
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.net.run_for(0.1)
    pair.bob.hang_up(THEIRS)
    pair.net.run_for(2.0)
    assert pair.alice.ended.peer_result == THEIRS
    assert pair.bob.ended.peer_result == OURS


def test_a_result_in_a_bye_that_crosses_ours_is_kept():
    pair = Pair()
    pair.talk()
    pair.alice.hang_up(OURS)
    bye = pair.alice.requests("BYE")[0]
    bye.body = THEIRS
    pair.alice.manager._take(1, ByeReceived(1, bye), pair.net.now)
    pair.net.run_for(1.0)
    assert pair.alice.ended.peer_result == THEIRS
    assert pair.alice.ending() == ("completed", "local", 200)


def strange_pair(**phone):
    net = VirtualNetwork()
    ours = Phone(net, "alice", ALICE, **phone)

    def on_event(endpoint, event, now):
        if isinstance(event, InviteReceived):
            endpoint.answer(event.leg, body=ours.manager._active[1].body, now=now)
        elif isinstance(event, ByeReceived):
            endpoint.answer_bye(event.leg, body=THEIRS, content_type=RESULT_TYPE, now=now)

    stranger = Stranger(net, "bob", BOB, on_event=on_event)
    target = Phone.__new__(Phone)
    target.address = BOB
    ours.call(target)
    net.run_for(1.0)
    return net, ours, stranger


def test_a_stranger_never_sees_a_result_nor_is_one_of_its_own_believed():
    net, ours, stranger = strange_pair()
    ours.hang_up(OURS)
    net.run_for(1.0)
    (bye,) = [event.request for event in stranger.events if isinstance(event, ByeReceived)]
    assert bye.body == b""
    assert "Content-Type" not in bye.headers
    assert "Content-Encoding" not in bye.headers
    assert ours.ended.peer_result is None


def test_a_stranger_that_hangs_up_gets_a_plain_200():
    net, ours, stranger = strange_pair(result=OURS)
    stranger.endpoint.bye(1, body=THEIRS, content_type=RESULT_TYPE, now=net.now)
    net.run_for(1.0)
    (answer,) = [event.response for event in stranger.events if isinstance(event, ByeAnswered)]
    assert answer.body == b""
    assert "Content-Type" not in answer.headers
    assert ours.ended.peer_result is None


def test_an_answer_to_a_stranger_differs_by_nothing_but_accept():
    net, _, _ = strange_pair()
    plain = VirtualNetwork()
    phone = Phone(plain, "alice", ALICE, accept=("application/sdp",))
    target = Phone.__new__(Phone)
    target.address = BOB
    phone.call(target)

    def invite(network):
        return network.sent(ALICE, "INVITE")[0].data.split(b"\r\n")

    different = [line for line in invite(net) if line not in invite(plain)]
    assert different == [b"Accept: " + ", ".join(ACCEPT).encode()]


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"not deflated", "deflate"),
        (zlib.compress(OURS)[:-3], "deflate"),
        (zlib.compress(bytes(50_000_000)), "deflate"),
        (zlib.compress(bytes(MAX_RESULT_BYTES + 1)), "deflate"),
        (bytes(MAX_RESULT_BYTES + 1), None),
        (OURS, "gzip"),
        (zlib.compress(OURS), "deflate, deflate"),
        (b"", None),
    ],
)
def test_a_body_that_is_corrupt_too_large_or_a_bomb_is_no_result(body, coding):
    assert unpacked(body, coding=coding) is None


def test_a_bomb_in_a_bye_of_one_of_ours_ends_the_call_without_a_result():
    pair = Pair()
    pair.talk()
    pair.bob.manager.endpoint.bye(
        1,
        body=zlib.compress(bytes(20_000_000)),
        content_type=RESULT_TYPE,
        headers=(("Content-Encoding", "deflate"),),
        now=pair.net.now,
    )
    pair.net.run_for(1.0)
    assert pair.alice.ended.peer_result is None
    assert pair.alice.ending() == ("completed", "peer", 200)


@pytest.mark.parametrize("size", [1, 100, MAX_RESULT_BYTES])
def test_a_result_at_the_bound_is_read_whole(size):
    assert unpacked(zlib.compress(bytes(size)), coding="Deflate") == bytes(size)
    assert unpacked(bytes(size), coding="identity") == bytes(size)


@pytest.mark.parametrize("kind", [None, "", "application/json", "application/sdp", "text/plain"])
def test_a_body_of_another_type_is_no_result(kind):
    assert unpacked(OURS, kind=kind) is None


def test_the_type_is_compared_without_case_and_parameters():
    assert unpacked(OURS, kind=RESULT_TYPE.upper() + " ; charset=utf-8") == OURS


def test_only_the_type_itself_says_that_a_peer_takes_it():
    assert accepts(["application/sdp", RESULT_TYPE + ";q=0.5"], RESULT_TYPE)
    for values in ([], ["*/*"], ["application/*"], ["application/sdp"]):
        assert not accepts(values, RESULT_TYPE)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([None, "", "deflate", "identity", "x"]))
def test_any_body_gives_bytes_or_nothing(body, coding):
    result = unpacked(body, coding=coding)
    assert result is None or len(result) <= MAX_RESULT_BYTES


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=3_000), st.integers(0, 1_300))
def test_what_was_packed_is_unpacked(result, room):
    packed = pack(result, room=room)
    assert len(packed.body) <= room
    if packed.body:
        assert unpacked(packed.body, coding=dict(packed.headers).get("Content-Encoding")) == result
