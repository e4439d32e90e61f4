import pytest
from support.sip_peers import BOB, make_endpoint

from softphone.sip.leg import LEG, ON_THE_WAY_OUT, LegAction, LegInput, LegState


def test_every_state_leads_to_the_end():
    ends = {LegState.ENDED}
    while True:
        more = {state for (state, _), (to, _) in LEG.items() if to in ends} | ends
        if more == ends:
            break
        ends = more
    assert ends == set(LegState)


def test_every_state_is_reached():
    reached = {LegState.CALLING, LegState.INCOMING}
    reached |= {to for to, _ in LEG.values()}
    assert reached == set(LegState)


def test_nothing_leaves_the_end():
    assert not [pair for pair in LEG if pair[0] is LegState.ENDED]


def test_every_input_and_every_action_is_used():
    assert {signal for _, signal in LEG} == set(LegInput)
    assert {action for _, actions in LEG.values() for action in actions} == set(LegAction)


def test_the_endpoint_carries_out_every_action():
    endpoint = make_endpoint("bob", BOB)
    assert set(endpoint._book._handlers) == set(LegAction)


ENDINGS = {
    LegAction.TELL_REFUSED,
    LegAction.TELL_CANCEL_PREVAILED,
    LegAction.TELL_CANCELLED,
    LegAction.TELL_BYE_ANSWERED,
    LegAction.SEND_REFUSAL,  # the owner's own doing
    LegAction.ANSWER_BYE,  # the owner was told by ByeReceived
}


@pytest.mark.parametrize("pair", LEG, ids=lambda pair: f"{pair[0].value}, {pair[1].value}")
def test_the_owner_learns_of_every_end(pair):
    to, actions = LEG[pair]
    if to is LegState.ENDED:
        assert ENDINGS & set(actions)


@pytest.mark.parametrize("state", sorted(set(LegState) - ON_THE_WAY_OUT, key=lambda state: state.value))
def test_a_leg_that_is_not_on_its_way_out_can_be_put_there_by_the_owner(state):
    ways = {LegInput.CANCEL, LegInput.HANG_UP, LegInput.REJECT}
    assert any(LEG[state, way][0] in ON_THE_WAY_OUT for way in ways if (state, way) in LEG)
