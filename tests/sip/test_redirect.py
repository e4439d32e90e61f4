"""Calls that go elsewhere: redirects, and further addresses of one target (RFC 3261 section 8.1.3.4, RFC 3263 section 4.3)."""

import pytest
from support.sip_peers import ALICE, ALICE_NAME, BOB, BOB_URI, OFFER, ScriptedPeer, answer_to, make_endpoint
from support.virtual_link import VirtualNetwork

from softphone.sip.auth import Credentials
from softphone.sip.events import Answered, Redirected, Refused
from softphone.sip.message import Request, Response, parse_message
from softphone.sip.redirect import MAX_TARGETS, contacts_of, destination_of
from softphone.sip.uri import SipUri

CAROL, DAVE = ("192.0.2.3", 5060), ("192.0.2.4", 5080)


class Net:
    """Alice calls Bob; each peer answers INVITE with one status and headers after another."""

    def __init__(self, **scripts):
        self.net = VirtualNetwork()
        self.alice = make_endpoint("alice", ALICE)
        self.events = self.net.attach(ALICE, self.alice)
        self.peers = {}
        for name, address in (("bob", BOB), ("carol", CAROL), ("dave", DAVE)):
            self.peers[name] = ScriptedPeer(self.script(list(scripts.get(name, ()))))
            self.net.attach(address, self.peers[name])

    @staticmethod
    def script(answers):
        def says(message, now):
            if not isinstance(message, Request) or message.method != "INVITE" or not answers:
                return None
            status, headers = answers.pop(0)
            return [answer_to(message, status, **headers)]

        return says

    def call(self, seconds=2.0, **options):
        options.setdefault("destination", BOB)
        self.alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, now=self.net.now, **options)
        self.net.run_for(seconds)
        return self

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def invites(self, name):
        return self.peers[name].requests("INVITE")


OK = (200, {"Contact": "<sip:carol@192.0.2.3>"})


def to(*contacts, status=302):
    return status, {"Contact": ", ".join(contacts)}


@pytest.mark.parametrize("status", [300, 301, 302])
def test_a_redirect_is_followed_with_the_same_call_id_and_the_next_cseq(status):
    net = Net(bob=[to("<sip:carol@192.0.2.3>", status=status)], carol=[OK]).call()
    assert [event.target.user for event in net.told(Redirected)] == ["carol"]
    assert len(net.told(Answered)) == 1
    (first,), (second,) = net.invites("bob"), net.invites("carol")
    assert second.uri == "sip:carol@192.0.2.3"
    assert (second.call_id, str(second.from_), str(second.to)) == (
        first.call_id,
        str(first.from_),
        str(first.to),
    )
    assert (first.cseq.number, second.cseq.number) == (1, 2)
    assert len(net.peers["bob"].requests("ACK")) == 1


def test_the_most_wanted_contact_comes_first_and_the_next_after_a_refusal():
    contacts = to("<sip:carol@192.0.2.3>;q=0.2", "<sip:dave@192.0.2.4:5080>;q=0.9", "<tel:1>;q=1.0")
    net = Net(bob=[contacts], dave=[(486, {})], carol=[OK]).call()
    assert [event.target.user for event in net.told(Redirected)] == ["dave", "carol"]
    assert len(net.told(Answered)) == 1


def test_a_refusal_by_all_of_them_is_the_last_one_and_6xx_ends_it():
    contacts = to("<sip:carol@192.0.2.3>", "<sip:dave@192.0.2.4:5080>")
    net = Net(bob=[contacts], carol=[(486, {})], dave=[(480, {})]).call()
    assert [event.status for event in net.told(Refused)] == [480]
    net = Net(bob=[contacts], carol=[(603, {})], dave=[OK]).call()
    assert [event.status for event in net.told(Refused)] == [603]
    assert net.invites("dave") == []


@pytest.mark.parametrize("status", [305, 380])
def test_what_would_choose_our_proxy_for_us_is_not_followed(status):
    net = Net(bob=[to("<sip:carol@192.0.2.3>", status=status)], carol=[OK]).call()
    assert [event.status for event in net.told(Refused)] == [status]
    assert net.invites("carol") == []


def test_a_loop_ends():
    back, forth = to("<sip:bob@192.0.2.2:5060>"), to("<sip:carol@192.0.2.3>")
    net = Net(bob=[forth, forth], carol=[back, back]).call()
    assert [event.status for event in net.told(Refused)] == [302]
    assert (len(net.invites("bob")), len(net.invites("carol"))) == (1, 1)


def test_a_chain_without_end_ends():
    answers = [to(f"<sip:u{number}@192.0.2.3>") for number in range(20)]
    net = Net(bob=[to("<sip:carol@192.0.2.3>")], carol=answers).call()
    assert len(net.invites("carol")) == MAX_TARGETS
    assert [event.status for event in net.told(Refused)] == [302]
    assert net.alice.legs == ()


def test_a_redirect_that_names_nobody_is_a_refusal():
    assert [event.status for event in Net(bob=[(302, {})]).call().told(Refused)] == [302]


def test_an_outbound_proxy_takes_the_redirected_call_too():
    net = Net(bob=[to("<sip:carol@192.0.2.3>"), OK]).call(route=("<sip:192.0.2.2;lr>",))
    first, second = net.invites("bob")
    assert second.uri == "sip:carol@192.0.2.3"
    assert first.headers.get_all("Route") == second.headers.get_all("Route") == ["<sip:192.0.2.2;lr>"]


@pytest.mark.parametrize(
    "contact",
    ["<sips:carol@192.0.2.3>", "<sip:carol@192.0.2.3;transport=sctp>", "<sip:carol@nowhere.invalid>"],
)
def test_a_redirect_to_what_we_cannot_reach_ends_the_call(contact):
    net = Net(bob=[to(contact)])
    for address in (("192.0.2.3", 5061, "TLS"), ("192.0.2.3", 5060, "SCTP"), ("nowhere.invalid", 5060)):
        net.net.attach(address, ScriptedPeer(lambda message, now: None))
    net.call(60.0)
    (refused,) = net.told(Refused)
    assert refused.local
    assert net.alice.legs == ()


def test_credentials_for_one_server_are_not_sent_to_another():
    challenge = 'Digest realm="bob", nonce="n", algorithm=MD5, qop="auth"'
    net = Net(bob=[(401, {"WWW_Authenticate": challenge}), to("<sip:carol@192.0.2.3>")], carol=[OK])
    net.call(credentials=Credentials("alice", "secret"))
    assert "Authorization" in net.invites("bob")[1].headers
    assert "Authorization" not in net.invites("carol")[0].headers


def test_whom_a_redirect_names_may_not_ask_for_credentials_in_a_name_of_its_own():
    ask = {"WWW_Authenticate": 'Digest realm="mallory", nonce="n", algorithm=MD5, qop="auth"'}
    net = Net(bob=[to("<sip:carol@192.0.2.3>")], carol=[(401, ask), OK])
    net.call(credentials=Credentials("alice", "secret"))
    assert ["Authorization" in each.headers for each in net.invites("carol")] == [False]
    assert [event.status for event in net.told(Refused)] == [401]


@pytest.mark.parametrize(
    ("bob", "target", "host"),
    [
        ('Digest realm="home", nonce="n", algorithm=MD5', "192.0.2.3", "carol"),
        (None, "192.0.2.2:5060", "bob"),
    ],
)
def test_a_realm_that_asked_before_and_the_host_that_was_called_are_answered_after_a_redirect(
    bob, target, host
):
    ask = {"WWW_Authenticate": 'Digest realm="home", nonce="n2", algorithm=MD5'}
    last = [(401, ask), OK]
    scripts = {"bob": [*([(401, {"WWW_Authenticate": bob})] if bob else []), to(f"<sip:carol@{target}>")]}
    scripts.setdefault(host, []).extend(last)
    net = Net(**scripts).call(credentials=Credentials("alice", "secret"))
    assert "Authorization" in net.invites(host)[-1].headers
    assert len(net.told(Answered)) == 1


@pytest.mark.parametrize(
    ("scheme", "contact", "goes_to"),
    [
        ("sip", "sip:carol@192.0.2.3;transport=udp", None),
        ("sip", "sip:carol@192.0.2.3;transport=tcp", None),
        ("sip", "sip:carol@192.0.2.3", ("192.0.2.3", 5061, "TLS")),
        ("sips", "sip:carol@192.0.2.3;transport=tls", None),
        ("sips", "sips:carol@192.0.2.3", ("192.0.2.3", 5061, "TLS")),
    ],
)
def test_no_redirect_takes_tls_from_a_call(scheme, contact, goes_to):
    # Sections 8.1.3.4 and 26.2.2; the offer may hold keys of SRTP (RFC 4568 section 7).
    alice = make_endpoint("alice", ALICE, others={"TLS": (ALICE[0], 5061)})
    secure = (BOB[0], 5061, "TLS")
    target = SipUri.parse(f"{scheme}:bob@{BOB[0]}")
    alice.invite(target, from_=ALICE_NAME, body=OFFER, destination=secure, now=0.0)
    ((data, _),) = alice.datagrams_to_send(now=0.0)
    alice.receive_datagram(
        bytes(answer_to(parse_message(data), 302, Contact=f"<{contact}>")), secure, now=0.1
    )
    invites = [addr for data, addr in alice.datagrams_to_send(now=0.1) if data.startswith(b"INVITE")]
    assert invites == ([] if goes_to is None else [goes_to])


def test_behind_a_proxy_without_tls_no_redirect_leads_to_a_sips_uri():
    net = Net(bob=[to("<sips:carol@192.0.2.3>")])
    net.call(route=("<sip:192.0.2.2;lr>",))
    assert len(net.invites("bob")) == 1
    assert [event.status for event in net.told(Refused)] == [302]


def test_a_redirect_that_crosses_cancel_is_not_followed():
    net = Net(bob=[(180, {})], carol=[OK]).call()
    net.alice.cancel(1, now=net.net.now)
    net.net.run_for(0.1)
    net.peers["bob"].send(
        answer_to(net.invites("bob")[0], *to("<sip:carol@192.0.2.3>")[:1], Contact="<sip:c@192.0.2.3>"), ALICE
    )
    net.net.run_for(1.0)
    assert net.invites("carol") == []
    assert len(net.told(Refused)) == 1


def test_the_next_address_is_tried_after_503_with_the_same_cseq_and_another_branch():
    net = Net(bob=[(503, {})], carol=[OK]).call(alternatives=(CAROL,))
    (first,), (second,) = net.invites("bob"), net.invites("carol")
    assert (second.uri, second.cseq.number, second.call_id) == (first.uri, 1, first.call_id)
    assert first.via.branch != second.via.branch
    assert len(net.told(Answered)) == 1
    assert net.told(Redirected) == []


def test_the_next_address_is_tried_where_the_network_refuses_and_where_nobody_answers():
    net = Net(dave=[OK]).call(0.1, alternatives=(CAROL, DAVE))
    net.alice.transport_error(BOB, now=net.net.now)
    net.net.run_for(1.0)
    assert len(net.invites("carol")) == 2  # once, and once again after T1
    net.net.run_for(32.0)
    assert len(net.told(Answered)) == 1


def test_where_no_address_answers_the_last_failure_is_told():
    net = Net().call(0.1, alternatives=(CAROL,))
    for address in (BOB, CAROL):
        net.alice.transport_error(address, reason=f"refused by {address[0]}", now=net.net.now)
        net.net.run_for(0.1)
    (refused,) = net.told(Refused)
    assert (refused.status, refused.reason, refused.local) == (503, "refused by 192.0.2.3", True)


def test_a_busy_callee_is_not_looked_for_elsewhere():
    net = Net(bob=[(486, {})], carol=[OK]).call(alternatives=(CAROL,))
    assert [event.status for event in net.told(Refused)] == [486]


@pytest.mark.parametrize(
    ("uri", "destination"),
    [
        ("sip:a@192.0.2.3", ("192.0.2.3", 5060)),
        ("sip:a@[2001:db8::1]:5080", ("2001:db8::1", 5080)),
        ("sip:a@example.com;transport=tcp", ("example.com", 5060, "TCP")),
        ("sips:a@example.com", ("example.com", 5061, "TLS")),
    ],
)
def test_a_redirect_names_an_address_or_a_host_to_look_up(uri, destination):
    assert destination_of(SipUri.parse(uri)) == destination


def test_contacts_are_sorted_and_stripped_of_what_is_no_request_uri():
    response = Response(302, "x")
    response.headers.add(
        "Contact",
        "<sip:a@b?Subject=x>;q=0.1, <sip:c@d;method=BYE>, <sip:e@f>;q=huge, <sip:g@h;method=INVITE>",
    )
    assert [str(uri) for uri in contacts_of(response)] == ["sip:g@h", "sip:a@b", "sip:e@f"]
