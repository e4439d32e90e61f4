import pytest
from support.phones import Pair

from softphone.call.outcome import Outcome, outcome_of_status, refused
from softphone.call.state import TRANSITIONS, Action, Input, State
from softphone.sip.errors import LocalSipError


@pytest.mark.parametrize("state", [state for state in State if state is not State.ENDED])
def test_every_state_leads_to_the_end(state):
    reached, frontier = {state}, [state]
    while frontier:
        here = frontier.pop()
        for (source, _), (target, _) in TRANSITIONS.items():
            if source is here and target not in reached:
                reached.add(target)
                frontier.append(target)
    assert State.ENDED in reached


def test_nothing_leads_out_of_the_end():
    assert not [pair for pair in TRANSITIONS if pair[0] is State.ENDED]


def test_the_end_is_told_exactly_when_it_is_reached():
    for target, actions in TRANSITIONS.values():
        assert (Action.TELL_ENDED in actions) is (target is State.ENDED)
        assert Action.TELL_ENDED not in actions[:-1]


def test_a_call_of_ours_and_of_the_peer_can_be_hung_up_in_every_state_but_on_the_way_out():
    on_the_way_out = {State.CANCELLING, State.ANSWERED_LEAVING, State.LEAVING, State.ENDED}
    assert {state for state in State if (state, Input.HANG_UP) not in TRANSITIONS} == on_the_way_out


def test_every_state_input_and_action_is_used():
    assert {state for state, _ in TRANSITIONS} | {State.ENDED} == set(State)
    assert {signal for _, signal in TRANSITIONS} == set(Input)
    assert {action for _, actions in TRANSITIONS.values() for action in actions} == set(Action)


def test_outcomes_have_the_words_of_the_contract():
    assert [outcome.value for outcome in Outcome] == [
        "completed",
        "busy",
        "declined",
        "no-answer",
        "unreachable",
        "unauthorized",
        "incompatible",
        "no-audio",
        "dropped",
        "failed",
    ]


def test_every_final_status_has_an_outcome():
    for status in range(300, 700):
        assert outcome_of_status(status) in Outcome


@pytest.mark.parametrize(
    ("status", "heard", "outcome"),
    [
        (408, False, Outcome.UNREACHABLE),
        (408, True, Outcome.NO_ANSWER),
        (503, False, Outcome.UNREACHABLE),
        (503, True, Outcome.UNREACHABLE),
    ],
)
def test_a_status_of_our_own_stands_for_the_network(status, heard, outcome):
    ending = refused(status, "x", made_here=True, heard=heard)
    assert (ending.outcome, ending.ended_by) == (outcome, "network")


def test_old_calls_are_forgotten(monkeypatch):
    monkeypatch.setattr("softphone.call.manager.MAX_ENDED", 2)
    pair = Pair(bob={"answers": False})
    for number in (1, 2, 3):
        pair.alice.call(pair.bob)
        pair.net.run_for(0.1)
        pair.bob.manager.reject(number, 486, now=pair.net.now)
        pair.net.run_for(1.0)
    assert list(pair.alice.manager._ended) == [2, 3]


def test_an_ended_call_keeps_no_descriptions_and_no_results():
    pair = Pair(alice={"result": b"{}"}, bob={"result": b"{}"})
    pair.talk()
    pair.alice.hang_up(b"{}")
    pair.net.run_for(1.0)
    for phone in (pair.alice, pair.bob):
        (record,) = phone.manager._ended.values()
        assert (record.ours, record.theirs, record.negotiated, record.peer_result) == (None, None, None, None)
        assert (record.result, record.body) == (b"", b"")
        assert phone.info.answered_at is not None
    assert pair.alice.ended.peer_result == b"{}"


def test_a_call_that_the_endpoint_no_longer_accounts_for_goes_on():
    pair = Pair()
    pair.talk()
    counted = pair.alice.info.sip_bytes_sent

    def forgotten(leg):
        raise LocalSipError(f"no leg has the number {leg}")

    pair.alice.manager.endpoint.leg_bytes = forgotten
    assert pair.alice.info.sip_bytes_sent == counted > 0
    pair.alice.hang_up()
    pair.net.run_for(1.0)
    assert pair.alice.ending() == ("completed", "local", 200)
