"""Whatever body a peer sends, a call ends in order: no exception, one Ended, no timer left."""

from hypothesis import given, settings
from hypothesis import strategies as st
from support.phones import ACCEPT, Phone, Stranger, media
from support.sip_peers import ALICE, BOB
from support.virtual_link import VirtualNetwork

from softphone.call.events import TransferAsked
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


@settings(max_examples=60, deadline=None)
@given(bodies, st.binary(max_size=60), st.sampled_from(["application/dtmf-relay", "application/dtmf", "a/b"]))
def test_any_update_and_any_info(body, digits, kind):
    net = VirtualNetwork()
    ours = Phone(net, "bob", BOB)
    stranger = Stranger(net, "alice", ALICE)
    stranger.call(ours, GOOD)
    net.run_for(1.0)
    stranger.within_dialog(ours, "UPDATE", 2, body, Content_Type="application/sdp")
    stranger.within_dialog(ours, "INFO", 3, digits, Content_Type=kind)
    stranger.within_dialog(ours, "UPDATE", 4, GOOD, Content_Type="application/sdp")
    net.run_for(1.0)
    assert ours.info.phase.value == "established"
    ours.hang_up()
    net.run_for(60.0)
    assert ours.names().count("Ended") == 1
    assert ours.manager.next_timeout() is None


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.binary(max_size=60))
def test_any_refer_and_any_notify(target, fragment):
    net = VirtualNetwork()
    ours = Phone(net, "bob", BOB)
    stranger = Stranger(net, "alice", ALICE)
    stranger.call(ours, GOOD)
    net.run_for(1.0)
    shown = "".join(char for char in target if char.isprintable())
    stranger.within_dialog(ours, "REFER", 2, Refer_To=shown)
    for event in list(ours.events):
        if isinstance(event, TransferAsked):
            ours.manager.reject_transfer(event.call, 603, now=net.now)
    stranger.within_dialog(ours, "NOTIFY", 3, fragment, Event="refer", Content_Type="message/sipfrag")
    net.run_for(1.0)
    assert ours.info.phase.value == "established"
    ours.hang_up()
    net.run_for(60.0)
    assert ours.names().count("Ended") == 1
    assert ours.manager.next_timeout() is None
