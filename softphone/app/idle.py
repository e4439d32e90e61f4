"""What an idle registration costs: the bytes are those of the messages that our own SIP stack writes."""

from collections.abc import Mapping, Sequence
from typing import Any

from softphone.app.station import USER_AGENT
from softphone.io.ids import ShortIds, SystemIds
from softphone.radio import RadioInUse, Recurring, idle_cost
from softphone.sip.auth import AuthAttempts, Challenger, Credentials, DigestClient
from softphone.sip.auth_server import DigestServer
from softphone.sip.dialog import path_to
from softphone.sip.local import LocalAgent
from softphone.sip.message import Request
from softphone.sip.style import SipStyle
from softphone.sip.timers import Timers
from softphone.sip.uri import NameAddr, SipUri

DOMAIN = "example.com"
USER = "alice"
HOST = "192.0.2.10"
"""RFC 5737: an address for documents, of usual length."""
STUN_S = 26.5
"""Mean of the 24 to 29 s between STUN keep-alives over UDP (RFC 5626 section 4.4.2)."""
STUN_BYTES = (20, 32)
"""Binding request, and its answer with XOR-MAPPED-ADDRESS (RFC 8489 sections 5 and 14.2)."""
CRLF_S = 107.5
"""Mean of 95 to 120 s (RFC 5626 section 4.4.1; there for streams). A NAT that heeds RFC 4787 section 4.3 keeps a UDP binding
for 120 s."""
CRLF_BYTES = 4
OPTIONS_S = 60.0
"""What registrars ask their phones at, as Asterisk does by default."""
REFRESH = 0.9
"""Of its lifetime a registration is left to stand."""


def register_messages(*, compact: bool) -> Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Bytes of what goes (sent, received) for a registration: `challenged` each time, and with the nonce `reused`."""
    phone, registrar = _agent(USER, HOST, compact=compact), _agent(None, DOMAIN, compact=compact)
    uri = SipUri.parse(f"sip:{DOMAIN}")
    address = NameAddr(SipUri.parse(f"sip:{USER}@{DOMAIN}"))
    identity, call_id = address.with_tag(phone.ids.tag()), phone.ids.call_id()
    contact = f"{NameAddr(phone.contact)}"

    def register(cseq: int) -> Request:
        headers = (("Contact", contact), ("Expires", "3600"))
        return phone.request(
            "REGISTER",
            path_to(uri, ()),
            from_=identity,
            to=address,
            call_id=call_id,
            cseq=cseq,
            headers=headers,
        )

    server = DigestServer(
        Challenger(realm=DOMAIN, users={USER: "secret"}, algorithms=("MD5",)),
        make_nonce=registrar.ids.nonce,
    )
    client = DigestClient(Credentials(USER, "secret"), make_cnonce=phone.ids.nonce)
    first, second = register(1), register(2)
    challenge = registrar.response(
        first, 401, to_tag=registrar.ids.tag(), headers=server.challenges(stale=False, now=0.0)
    )
    client.learn(challenge, AuthAttempts())
    client.authorize(second)
    granted = registrar.response(
        second, 200, to_tag=registrar.ids.tag(), headers=(("Contact", f"{contact};expires=3600"),)
    )
    asked, refused = len(phone.render(first)), len(registrar.render(challenge))
    proven, taken = len(phone.render(second)), len(registrar.render(granted))
    return {"challenged": ((asked, proven), (refused, taken)), "reused": ((proven,), (taken,))}


def options_messages(*, compact: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Bytes of an OPTIONS of the registrar (received) and of our answer (sent)."""
    phone, registrar = _agent(USER, HOST, compact=compact), _agent(None, DOMAIN, compact=compact)
    us = NameAddr(phone.contact)
    asking = registrar.request(
        "OPTIONS",
        path_to(phone.contact, ()),
        from_=NameAddr(registrar.contact).with_tag(registrar.ids.tag()),
        to=us,
        call_id=registrar.ids.call_id(),
        cseq=1,
    )
    answer = phone.response(asking, 200, to_tag=phone.ids.tag())
    return (len(phone.render(answer)),), (len(registrar.render(asking)),)


def idle_rows(radio: RadioInUse, *, expires_s: float) -> Sequence[dict[str, Any]]:
    """What each way to stay reachable costs in an hour; see `softphone.radio.idle_cost` for the keys beside `name`."""
    every_s = REFRESH * expires_s
    rows: list[list[Recurring]] = []
    for style, compact in (("", False), (", compact", True)):
        messages = register_messages(compact=compact)
        options = options_messages(compact=compact)
        rows += [
            [Recurring(f"REGISTER, challenged{style}", *messages["challenged"], every_s)],
            [Recurring(f"REGISTER, nonce kept{style}", *messages["reused"], every_s)],
            [Recurring(f"REGISTER, {CRLF_S:g} s{style}", *messages["reused"], CRLF_S)],
            [Recurring(f"OPTIONS, {OPTIONS_S:g} s{style}", *options, OPTIONS_S)],
        ]
    least = Recurring("REGISTER, nonce kept, compact", *register_messages(compact=True)["reused"], every_s)
    stun = Recurring(f"STUN, {STUN_S:g} s", STUN_BYTES[:1], STUN_BYTES[1:], STUN_S)
    crlf = Recurring(f"CRLF, {CRLF_S:g} s", (CRLF_BYTES,), (), CRLF_S)
    rows += [[stun], [crlf], [least, stun], [least, crlf]]
    return [{"name": " + ".join(part.name for part in parts), **idle_cost(parts, radio)} for parts in rows]


def _agent(user: str | None, host: str, *, compact: bool) -> LocalAgent:
    return LocalAgent(
        contact=SipUri.parse(f"sip:{host}:5060" if user is None else f"sip:{user}@{host}:5060"),
        via_address=(host, 5060),
        ids=ShortIds() if compact else SystemIds(),
        timers=Timers(),
        user_agent=USER_AGENT,
        accept=("application/sdp",),
        style=SipStyle(compact=compact),
    )
