"""Whatever body a peer sends, a call ends in order: no exception, one Ended, no timer left."""

from hypothesis import given, settings
from hypothesis import strategies as st
from support.phones import ACCEPT, Phone, Stranger, media
from support.sip_peers import ALICE, BOB
from support.virtual_link import VirtualNetwork

from softphone.sdp import make_offer
from softphone.sip.events import ByeReceived, InviteReceived, ReinviteReceived

GOOD = bytes(make_offer(media(ALICE)))
bodies = st.one_of(
    st.binary(max_size=60),
    st.integers(0, len(GOOD)).map(lambda end: GOOD[:end]),
    st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3)).map(
        lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] + len(cut[1]) :]
    ),
)


@settings(max_examples=60, deadline=None)
@given(bodies, st.binary(max_size=60))
def test_any_answer_and_any_result(answer, result):
    net = VirtualNetwork()
    ours = Phone(net, "alice", ALICE)

    def on_event(endpoint, event, now):
        if isinstance(event, InviteReceived):
            endpoint.progress(event.leg, 183, body=answer, now=now)
            endpoint.answer(event.leg, body=answer, headers=(), now=now)
        elif isinstance(event, ByeReceived):
            endpoint.answer_bye(
                event.leg,
                body=result,
                content_type=ACCEPT[1],
                headers=(("Content-Encoding", "deflate"),),
                now=now,
            )

    Stranger(net, "bob", BOB, on_event=on_event, accept=ACCEPT)
    target = Phone.__new__(Phone)
    target.address = BOB
    ours.call(target)
    net.run_for(1.0)
    ours.hang_up(b"{}")
    net.run_for(60.0)
    assert ours.names().count("Ended") == 1
    assert ours.manager.next_timeout() is None


@settings(max_examples=60, deadline=None)
@given(bodies, bodies)
def test_any_offer_and_any_second_offer(offer, second):
    net = VirtualNetwork()
    ours = Phone(net, "bob", BOB)
    stranger = Stranger(net, "alice", ALICE)
    stranger.call(ours, offer)
    net.run_for(1.0)
    if "Established" in ours.names():
        stranger.within_dialog(ours, "INVITE", 2, second, Content_Type="application/sdp")
        stranger.within_dialog(ours, "ACK", 2, second)
    ours.hang_up()
    net.run_for(60.0)
    assert ours.names().count("Ended") == 1
    assert ours.manager.next_timeout() is None


@settings(max_examples=60, deadline=None)
@given(bodies, st.integers(200, 699), st.booleans())
def test_any_answer_to_a_hold(answer, status, hangs_up):
    net = VirtualNetwork()
    ours = Phone(net, "alice", ALICE)

    def on_event(endpoint, event, now):
        if isinstance(event, InviteReceived):
            endpoint.answer(event.leg, body=GOOD, now=now)
        elif isinstance(event, ReinviteReceived) and status < 300:
            endpoint.answer_reinvite(event.leg, body=answer, now=now)
        elif isinstance(event, ReinviteReceived):
            endpoint.reject_reinvite(event.leg, status, now=now)

    stranger = Stranger(net, "bob", BOB, on_event=on_event)
    ours.call(stranger)
    net.run_for(1.0)
    ours.manager.hold(1, True, now=net.now)
    net.run_for(0.0 if hangs_up else 60.0)
    ours.hang_up()
    net.run_for(60.0)
    assert ours.names().count("Ended") == 1
    assert ours.manager.next_timeout() is None
    assert ours.names().count("HoldChanged") + ours.names().count("HoldRefused") <= 1
