import pytest
from support.sip_peers import answer_to

from softphone.sip.client_transaction import INVITE_CLIENT, NON_INVITE_CLIENT, ClientTransaction
from softphone.sip.message import parse_message
from softphone.sip.server_transaction import INVITE_SERVER, NON_INVITE_SERVER, ServerTransaction
from softphone.sip.timers import Timer, Timers
from softphone.sip.transaction import TIMER_INPUT, Action, Input, State

MACHINES = [INVITE_CLIENT, NON_INVITE_CLIENT, INVITE_SERVER, NON_INVITE_SERVER]
PEER = ("192.0.2.9", 5060)


def make_request(method):
    return parse_message(
        f"{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        f"From: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: x\r\n"
        f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode()
    )


class Run:
    """A transaction in virtual time, and when it sent what."""

    def __init__(self, kind, method, *, reliable=False):
        self.now = 0.0
        self.sent = []
        self.request = make_request(method)
        timers = Timers(reliable=reliable)
        if kind == "client":
            self.tx = ClientTransaction(
                self.request,
                method.encode(),
                timers=timers,
                peer=PEER,
                make_ack=lambda request, response: b"ACK " + (response.to.tag or "").encode(),
            )
        else:
            self.tx = ServerTransaction(
                self.request, timers=timers, peer=PEER, make_trying=lambda request: b"100"
            )
        self.tx.start(now=0.0)
        self.drain()

    def drain(self):
        self.sent += [(self.now, data) for data, _ in self.tx.outbox]
        self.tx.outbox.clear()

    def until(self, end):
        while (at := self.tx.next_timeout()) is not None and at <= end:
            self.now = at
            self.tx.handle_timeout(now=at)
            self.drain()
        self.now = end

    def receive(self, status, tag="peer"):
        self.tx.receive_response(answer_to(self.request, status, tag=tag), now=self.now)
        self.drain()

    def again(self, method=None):
        self.tx.receive_request(make_request(method or self.request.method), now=self.now)
        self.drain()

    def respond(self, status):
        used = self.tx.respond(status, str(status).encode(), now=self.now)
        self.drain()
        return used

    def statuses(self):
        return [response.status for response in self.tx.responses]

    def times(self, data):
        return [at for at, sent in self.sent if sent == data]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_leads_to_the_end(machine):
    reached, frontier = set(), {machine.initial}
    while frontier:
        reached |= frontier
        frontier = {to for (state, _), (to, _) in machine.transitions.items() if state in frontier} - reached
    assert State.TERMINATED in reached
    for state in reached - {State.TERMINATED}:
        assert any(s is state and to is not state for (s, _), (to, _) in machine.transitions.items()), state
    assert reached == {state for state, _ in machine.transitions} | {State.TERMINATED}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_timer_that_runs_means_something_and_only_those(machine):
    run = {
        (state, TIMER_INPUT[timer])
        for started in (machine.timers, machine.limits)
        for state, timers in started.items()
        for timer in timers
    }
    named = {pair for pair in machine.transitions if pair[1] in TIMER_INPUT.values()}
    assert run == named


def test_all_timers_but_c_are_used():
    used = {timer for machine in MACHINES for timers in machine.timers.values() for timer in timers}
    assert used == set(Timer)


def test_an_absent_pair_changes_nothing():
    run = Run("client", "INVITE")
    run.receive(486)
    assert (State.COMPLETED, Input.RECEIVE_1XX) not in INVITE_CLIENT.transitions
    before = list(run.sent)
    run.receive(180)
    assert run.tx.state is State.COMPLETED
    assert run.statuses() == [486]
    assert run.sent == before


class TestInviteClient:
    def test_retransmits_by_timer_a_then_times_out_by_timer_b(self):
        run = Run("client", "INVITE")
        run.until(100.0)
        assert [at for at, _ in run.sent] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert run.tx.state is State.TERMINATED
        assert run.tx.failure is Action.REPORT_TIMEOUT

    def test_stops_retransmitting_at_the_first_provisional_and_waits_for_ever(self):
        run = Run("client", "INVITE")
        run.until(1.0)
        run.receive(100)
        assert run.tx.next_timeout() is None
        run.until(1000.0)
        assert run.times(b"INVITE") == [0, 0.5]
        assert run.tx.state is State.PROCEEDING

    def test_486_is_acked_each_time(self):
        run = Run("client", "INVITE")
        run.receive(486)
        run.until(0.5)
        run.receive(486)
        assert run.times(b"ACK peer") == [0, 0.5]
        assert run.statuses() == [486]
        run.until(31.9)
        assert run.tx.state is State.COMPLETED
        run.until(32.0)
        assert run.tx.state is State.TERMINATED

    def test_each_2xx_is_passed_up_until_timer_m(self):
        run = Run("client", "INVITE")
        run.receive(200)
        run.until(31.0)
        run.receive(200, tag="fork")
        assert run.statuses() == [200, 200]
        assert run.times(b"ACK peer") == []
        run.until(32.0)
        assert run.tx.state is State.TERMINATED
        assert run.tx.failure is None

    def test_a_transport_error_ends_it(self):
        run = Run("client", "INVITE")
        run.tx.transport_error(now=0.1)
        assert run.tx.failure is Action.REPORT_TRANSPORT_ERROR
        assert run.tx.next_timeout() is None

    def test_an_ack_that_cannot_be_delivered_ends_it_in_silence(self):
        run = Run("client", "INVITE")
        run.receive(486)
        run.tx.transport_error(now=0.1)
        assert (run.tx.state, run.tx.failure) == (State.TERMINATED, None)

    def test_over_a_reliable_transport_nothing_is_repeated_and_timer_d_is_zero(self):
        run = Run("client", "INVITE", reliable=True)
        run.until(31.0)
        assert run.times(b"INVITE") == [0]
        run.receive(486)
        run.until(31.0)
        assert run.tx.state is State.TERMINATED

    def test_over_a_reliable_transport_timer_b_remains(self):
        run = Run("client", "INVITE", reliable=True)
        run.until(32.0)
        assert run.tx.failure is Action.REPORT_TIMEOUT


class TestNonInviteClient:
    def test_retransmits_by_timer_e_then_times_out_by_timer_f(self):
        run = Run("client", "BYE")
        run.until(100.0)
        assert run.times(b"BYE") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert run.tx.failure is Action.REPORT_TIMEOUT

    def test_a_provisional_slows_it_to_t2_and_timer_f_stays(self):
        run = Run("client", "BYE")
        run.until(0.6)
        run.receive(100)
        run.until(100.0)
        assert run.times(b"BYE") == [0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
        assert run.tx.failure is Action.REPORT_TIMEOUT

    @pytest.mark.parametrize("status", [200, 486])
    def test_a_final_answer_after_provisionals_ends_the_repetitions(self, status):
        run = Run("client", "OPTIONS")
        run.receive(100)
        run.receive(183)
        run.receive(status)
        run.until(3.0)
        assert run.statuses() == [100, 183, status]
        assert run.times(b"OPTIONS") == [0]
        assert run.tx.state is State.COMPLETED

    def test_a_transport_error_ends_it_even_after_a_provisional(self):
        run = Run("client", "BYE")
        run.receive(100)
        run.tx.transport_error(now=0.1)
        assert run.tx.failure is Action.REPORT_TRANSPORT_ERROR

    def test_repeated_answers_are_absorbed_for_timer_k(self):
        run = Run("client", "BYE")
        run.receive(200)
        run.receive(200)
        assert run.statuses() == [200]
        run.until(4.9)
        assert run.tx.state is State.COMPLETED
        run.until(5.0)
        assert run.tx.state is State.TERMINATED


class TestInviteServer:
    def test_100_is_sent_after_200_ms_without_an_answer(self):
        run = Run("server", "INVITE")
        run.until(1.0)
        assert run.sent == [(0.2, b"100")]

    def test_100_is_saved_when_the_user_rings_at_once(self):
        run = Run("server", "INVITE")
        run.respond(180)
        run.until(1.0)
        assert run.sent == [(0, b"180")]

    def test_a_repeated_invite_gets_100_before_and_the_last_provisional_after_the_user_spoke(self):
        run = Run("server", "INVITE")
        run.until(0.1)
        run.again()
        run.respond(180)
        run.respond(183)
        run.again()
        assert [data for _, data in run.sent] == [b"100", b"180", b"183", b"183"]

    def test_a_refusal_is_repeated_by_timer_g_until_timer_h(self):
        run = Run("server", "INVITE")
        run.respond(486)
        run.until(100.0)
        expected = [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert run.times(b"486") == expected
        assert run.tx.failure is Action.REPORT_TIMEOUT

    def test_ack_stops_the_refusal_and_timer_i_absorbs_more_acks(self):
        run = Run("server", "INVITE")
        run.respond(486)
        run.until(1.0)
        run.again("ACK")
        run.again("ACK")
        run.again("INVITE")
        assert run.tx.state is State.CONFIRMED
        run.until(5.9)
        assert run.tx.state is State.CONFIRMED
        run.until(6.0)
        assert run.tx.state is State.TERMINATED
        assert run.times(b"486") == [0, 0.5]
        assert run.tx.acks == []

    def test_a_repeated_invite_gets_the_refusal_again(self):
        run = Run("server", "INVITE")
        run.respond(486)
        run.until(0.3)
        run.again()
        assert run.times(b"486") == [0, 0.3]

    def test_after_2xx_repeated_invites_are_absorbed_and_the_user_repeats_the_2xx(self):
        run = Run("server", "INVITE")
        run.respond(200)
        run.again()
        assert run.times(b"200") == [0]
        assert run.respond(200)
        assert run.times(b"200") == [0, 0]
        run.again("ACK")
        assert [ack.method for ack in run.tx.acks] == ["ACK"]
        run.until(31.9)
        assert run.tx.state is State.ACCEPTED
        run.until(32.0)
        assert run.tx.state is State.TERMINATED

    def test_a_refusal_after_2xx_is_not_sent(self):
        run = Run("server", "INVITE")
        run.respond(200)
        assert not run.respond(486)
        assert run.times(b"486") == []

    def test_over_a_reliable_transport_a_refusal_goes_once(self):
        run = Run("server", "INVITE", reliable=True)
        run.respond(486)
        run.until(31.0)
        assert run.times(b"486") == [0]
        run.again("ACK")
        run.until(31.0)
        assert run.tx.state is State.TERMINATED


class TestNonInviteServer:
    def test_a_repetition_before_the_answer_is_absorbed_and_after_it_answered(self):
        run = Run("server", "BYE")
        run.again()
        assert run.sent == []
        run.respond(200)
        run.again()
        assert run.times(b"200") == [0, 0]

    @pytest.mark.parametrize("status", [200, 486])
    def test_provisionals_come_before_the_answer_and_are_repeated_on_request(self, status):
        run = Run("server", "OPTIONS")
        run.respond(100)
        run.again()
        run.respond(183)
        run.respond(status)
        run.again()
        assert [data for _, data in run.sent] == [b"100", b"100", b"183"] + [str(status).encode()] * 2

    def test_a_transport_error_ends_it(self):
        for statuses in ((100,), (200,)):
            run = Run("server", "OPTIONS")
            for status in statuses:
                run.respond(status)
            run.tx.transport_error(now=0.1)
            assert run.tx.failure is Action.REPORT_TRANSPORT_ERROR

    def test_timer_j_ends_it(self):
        run = Run("server", "BYE")
        run.respond(200)
        run.until(31.9)
        assert run.tx.state is State.COMPLETED
        run.until(32.0)
        assert run.tx.state is State.TERMINATED

    def test_over_a_reliable_transport_it_ends_at_once(self):
        run = Run("server", "BYE", reliable=True)
        run.respond(200)
        run.until(0.0)
        assert run.tx.state is State.TERMINATED
