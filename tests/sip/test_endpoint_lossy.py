"""Calls over a line that loses, doubles and reorders, in virtual time."""

import pytest
from support.sip_calls import Call, kinds
from support.virtual_link import Line

from softphone.sip.events import (
    Acked,
    Answered,
    ByeAnswered,
    ByeReceived,
    Cancelled,
    InviteReceived,
    Refused,
)


class TestLossyLine:
    @pytest.mark.parametrize("seed", range(25))
    def test_calls_over_a_bad_line_end_in_the_same_state_on_both_sides(self, seed):
        line = Line(delay_s=0.02, jitter_s=0.4, loss=0.25, duplicate=0.2)
        call = Call(seed=seed, line=line, talk_s=4.0, ring_s=1.0)
        legs = [call.invite() for _ in range(3)]
        call.net.run_until()
        for leg in legs:
            ends = [
                e
                for e in call.heard_by_alice
                if isinstance(e, Refused | ByeAnswered | ByeReceived) and e.leg == leg
            ]
            assert len(ends) == 1
            assert len([e for e in call.alices(Answered) if e.leg == leg]) <= 1
        for event in call.bobs(InviteReceived):
            ends = [
                type(e)
                for e in call.heard_by_bob
                if isinstance(e, ByeReceived | ByeAnswered | Cancelled) and e.leg == event.leg
            ]
            assert len(ends) == 1
            assert len([e for e in call.bobs(Acked) if e.leg == event.leg]) <= 1
        for event in call.alices(ByeAnswered):
            # Who was told that the BYE was taken talks of a dialog that the other side was told has ended.
            if event.response is not None and event.response.status == 200:
                call_id = call.alice.call_id(event.leg)
                ended = [call.bob.call_id(e.leg) for e in call.bobs(ByeReceived)]
                assert ended.count(call_id) == 1
        assert len(call.bobs(InviteReceived)) <= len(legs)
        assert call.net.lost > 0
        call.assert_all_over()

    @pytest.mark.parametrize("seed", range(10))
    def test_a_call_survives_loss_of_one_in_seven_with_exactly_one_of_each_event(self, seed):
        call = Call(seed=seed, line=Line(delay_s=0.02, jitter_s=0.05, loss=1 / 7, duplicate=0.1), talk_s=4.0)
        call.invite()
        call.net.run_until()
        told = [kind for kind in kinds(call.heard_by_alice) if kind not in ("MessageDropped", "Provisional")]
        assert told == ["Answered", "ByeAnswered"]
        told = [kind for kind in kinds(call.heard_by_bob) if kind != "MessageDropped"]
        assert told == ["InviteReceived", "Acked", "ByeReceived"]
        call.assert_all_over()

    @pytest.mark.parametrize("seed", range(10))
    def test_cancelled_calls_over_a_bad_line_leave_nothing_behind(self, seed):
        line = Line(delay_s=0.02, jitter_s=0.4, loss=0.2, duplicate=0.2)
        call = Call(seed=seed, line=line, ring_s=1.0)
        leg = call.invite()
        call.at(0.8, call.alice.cancel, leg)
        call.net.run_until()
        ends = [e for e in call.heard_by_alice if isinstance(e, Refused | ByeAnswered)]
        assert len(ends) == 1
        call.assert_all_over()

    def test_the_same_seed_gives_the_same_run(self):
        logs = []
        for _ in range(2):
            call = Call(seed=7, line=Line(jitter_s=0.4, loss=0.3, duplicate=0.2), talk_s=2.0)
            call.invite()
            call.net.run_until()
            logs.append(call.net.log)
        assert logs[0] == logs[1]
