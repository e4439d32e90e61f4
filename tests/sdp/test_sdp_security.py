"""Keys of SRTP in offer and answer: SDES (RFC 4568), DTLS-SRTP (RFC 5763), and clear media where that is allowed (RFC 8643)."""

import base64
from dataclasses import replace

import pytest

from softphone.sdp import (
    Capability,
    Incompatible,
    LocalMedia,
    SessionDescription,
    make_answer,
    make_offer,
    read_answer,
)
from softphone.sdp.media import Crypto, Dtls, Fingerprint, Sdes
from softphone.sdp.negotiate import redirected
from softphone.sdp.security import SUITES, crypto_line, fingerprint_line, parse_crypto, parse_fingerprint

CM_80, CM_32, GCM = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM"
KEY = base64.b64encode(bytes(range(30))).decode()
PRINTS = {
    "192.0.2.1": Fingerprint("sha-256", b"\x01" * 32),
    "192.0.2.2": Fingerprint("sha-256", b"\x02" * 32),
}


def keys(seed, *suites):
    return tuple(Crypto(tag, each, bytes([seed]) * SUITES[each]) for tag, each in enumerate(suites, 1))


def local(host, srtp="prefer", *, suites=(CM_80,), dtls=False, **changes):
    base = LocalMedia(
        host=host,
        port=4000,
        rtcp_port=4001,
        session_id=1,
        ptime_ms=20,
        capabilities=(Capability("PCMU", 8000, payload_type=0),),
        srtp=srtp,
        sdes=keys(int(host[-1]), *suites),
        fingerprint=PRINTS[host] if dtls else None,
    )
    return replace(base, **changes)


ALICE, BOB = "192.0.2.1", "192.0.2.2"


def negotiate(ours, theirs, said=lambda text: text, told=lambda text: text):
    """Return what both sides understood, and the two descriptions as text."""
    offer = make_offer(ours)
    answer, answered = make_answer(SessionDescription.parse(said(bytes(offer).decode()).encode()), theirs)
    text = told(bytes(answer).decode())
    return (
        read_answer(offer, SessionDescription.parse(text.encode()), ours),
        answered,
        bytes(offer).decode(),
        text,
    )


def media_line(text):
    return next(line for line in text.split("\r\n") if line.startswith("m="))


# -- the lines themselves --


@pytest.mark.parametrize("suite", SUITES)
def test_a_key_line_is_read_as_it_was_written(suite):
    crypto = Crypto(3, suite, bytes(range(SUITES[suite])))
    assert parse_crypto(crypto_line(crypto).value) == crypto


@pytest.mark.parametrize(
    "value",
    [
        f"1 {CM_80} inline:{KEY}|2^20",
        f"1 {CM_80} inline:{KEY}|1048576",
        f"1 {CM_80} inline:{KEY}|2^48 WSH=128",
        f" 1  {CM_80.lower()}  INLINE:{KEY}  -SOMETHING ",
    ],
)
def test_a_lifetime_and_a_window_are_understood(value):
    assert parse_crypto(value) == Crypto(1, CM_80, bytes(range(30)))


@pytest.mark.parametrize(
    "value",
    [
        f"1 {CM_80} inline:{KEY}|2^20|1:4",
        f"1 {CM_80} inline:{KEY}|1:4",
        f"1 {CM_80} inline:{KEY}|2^20|1:4;inline:{KEY}|2^20|2:4",
        f"1 {CM_80} inline:{KEY} KDR=1",
        f"1 {CM_80} inline:{KEY} UNENCRYPTED_SRTP",
        f"1 {CM_80} inline:{KEY} UNAUTHENTICATED_SRTP",
        f"1 {CM_80} inline:{KEY} WSH=64 NEW_THING",
        f"1 {CM_80} inline:{KEY[:20]}",
        f"1 {CM_80} inline:{KEY[:-2]}!!",
        f"1 {CM_80} {KEY}",
        f"1 F8_128_HMAC_SHA1_80 inline:{KEY}",
        f"x {CM_80} inline:{KEY}",
        f"1 {CM_80}",
        "",
        "1 " * 2000,
    ],
)
def test_a_key_with_an_identifier_or_a_wish_we_cannot_keep_is_as_if_it_were_not_there(value):
    assert parse_crypto(value) is None


def test_no_key_is_shown_where_a_description_is_logged():
    assert "inline" not in repr(keys(1, CM_80))
    assert "key" not in repr(Sdes(*keys(1, CM_80, CM_32)))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("sha-256 " + ":".join(["AB"] * 32), Fingerprint("sha-256", b"\xab" * 32)),
        ("SHA-512  " + ":".join(["ab"] * 64), Fingerprint("sha-512", b"\xab" * 64)),
        ("sha-256 " + ":".join(["AB"] * 31), None),
        ("md5 " + ":".join(["AB"] * 16), None),
        ("sha-256 ABAB", None),
        ("sha-256", None),
    ],
)
def test_a_fingerprint_is_of_a_hash_that_is_trusted_and_of_its_length(value, found):
    assert parse_fingerprint(value) == found
    if found is not None:
        assert parse_fingerprint(fingerprint_line(found).value) == found


# -- SDES --


def test_preferred_keys_are_offered_over_the_clear_profile_and_each_side_learns_those_of_the_other():
    one, two, offer, answer = negotiate(local(ALICE), local(BOB))
    assert media_line(offer) == media_line(answer) == "m=audio 4000 RTP/AVP 0 96"
    ours, theirs = keys(1, CM_80)[0], keys(2, CM_80)[0]
    assert one.security == Sdes(send=ours, receive=theirs)
    assert two.security == Sdes(send=theirs, receive=ours)


def test_demanded_keys_are_offered_over_a_profile_that_has_no_clear_form():
    one, two, offer, answer = negotiate(local(ALICE, "require"), local(BOB))
    assert media_line(offer) == media_line(answer) == "m=audio 4000 RTP/SAVP 0 96"
    assert isinstance(one.security, Sdes)
    assert isinstance(two.security, Sdes)


@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/SAVPF"])
def test_an_answer_keeps_the_profile_of_the_offer(protocol):
    _, _, _, answer = negotiate(
        local(ALICE, "require"), local(BOB), lambda text: text.replace("RTP/SAVP", protocol)
    )
    assert media_line(answer) == f"m=audio 4000 {protocol} 0 96"


def test_the_answer_takes_the_first_suite_of_the_offer_that_both_have_under_the_offers_tag():
    one, two, offer, answer = negotiate(
        local(ALICE, suites=(GCM, CM_32, CM_80)), local(BOB, suites=(CM_80, CM_32))
    )
    assert offer.count("a=crypto:") == 3
    assert answer.count("a=crypto:") == 1
    assert f"a=crypto:2 {CM_32} inline:" in answer
    assert one.security.send == two.security.receive == keys(1, GCM, CM_32)[1]
    assert one.security.receive == two.security.send == replace(keys(2, CM_80, CM_32)[1], tag=2)


@pytest.mark.parametrize("srtp", ["off", "prefer"])
def test_a_peer_without_keys_is_talked_to_in_the_clear_where_that_is_allowed(srtp):
    one, two, _, answer = negotiate(
        local(ALICE, "prefer"), local(BOB, srtp, suites=() if srtp == "prefer" else (CM_80,))
    )
    assert (one.security, two.security) == (None, None)
    assert "a=crypto" not in answer


def test_nothing_is_said_of_keys_where_encryption_is_off():
    offer = bytes(make_offer(local(ALICE, "off", dtls=True))).decode()
    assert "a=crypto" not in offer
    assert "a=fingerprint" not in offer
    assert media_line(offer) == "m=audio 4000 RTP/AVP 0 96"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (local(ALICE, "off"), local(BOB, "require")),
        (local(ALICE, "require"), local(BOB, "off")),
        (local(ALICE, "prefer", suites=(CM_32,)), local(BOB, "require")),
        (local(ALICE, "require", suites=(GCM,)), local(BOB, "prefer")),
    ],
)
def test_a_call_that_must_be_encrypted_and_cannot_be_is_refused(ours, theirs):
    with pytest.raises(Incompatible, match=r"^encryption: ") as caught:
        negotiate(ours, theirs)
    assert caught.value.what == "encryption"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "".join(line for line in text.splitlines(True) if "crypto" not in line),
        lambda text: text.replace("a=crypto:1 ", "a=crypto:2 "),
        lambda text: text.replace(CM_80, CM_32),
    ],
    ids=["no line", "a tag that was not offered", "another suite than was offered"],
)
def test_an_answer_without_a_key_that_was_offered_is_no_answer_to_a_demand_and_a_clear_one_to_a_preference(
    change,
):
    with pytest.raises(Incompatible, match="encryption"):
        negotiate(local(ALICE, "require"), local(BOB), told=change)
    one, _, _, _ = negotiate(local(ALICE, "prefer"), local(BOB), told=change)
    assert one.security is None


def test_of_an_answers_several_keys_only_the_first_can_be_the_chosen_one():
    other = crypto_line(replace(keys(3, CM_32)[0], tag=9))
    one, _, _, _ = negotiate(
        local(ALICE), local(BOB), told=lambda text: text.replace("a=crypto:1", f"a={other}\r\na=crypto:1")
    )
    assert one.security is None


def test_an_answer_over_a_profile_without_a_clear_form_that_names_no_key_is_refused():
    with pytest.raises(Incompatible, match="encryption"):
        negotiate(
            local(ALICE, "prefer", suites=()),
            local(BOB),
            told=lambda text: text.replace("RTP/AVP", "RTP/SAVP"),
        )


def test_the_encrypted_one_of_two_streams_is_taken_where_encryption_is_demanded():
    clear = "m=audio 4444 RTP/AVP 0\r\n"
    _, two, _, _ = negotiate(
        local(ALICE, "require"), local(BOB, "require"), lambda text: text.replace("m=audio", f"{clear}m=audio"),
        told=lambda text: text.replace("m=audio 0 RTP/AVP 0\r\n", ""),
    )  # fmt: skip
    assert two.remote_port == 4000
    assert isinstance(two.security, Sdes)


def test_hold_keeps_the_keys():
    ours, theirs = local(ALICE), local(BOB)
    before, held, _, _ = (*negotiate(ours, theirs)[:2], None, None)
    offer = redirected(make_offer(ours), "sendonly")
    answer, agreed = make_answer(SessionDescription.parse(bytes(offer)), theirs, current=held)
    assert agreed.security == held.security
    found = read_answer(offer, answer, replace(ours, direction="sendonly"), current=before)
    assert found.security == before.security


def test_the_callee_can_hold_with_what_it_answered():
    ours, theirs = local(ALICE, suites=(GCM, CM_80)), local(BOB, suites=(CM_80,))
    first = make_offer(ours)
    answer, at_bob = make_answer(first, theirs)
    at_alice = read_answer(first, answer, ours)
    offer = redirected(answer, "sendonly")
    back, again = make_answer(offer, ours, current=at_alice)
    assert again.security == at_alice.security
    assert read_answer(offer, back, theirs, current=at_bob).security == at_bob.security


def test_a_re_invite_can_bring_another_key():
    ours, theirs = local(ALICE), local(BOB)
    _, before, _, _ = negotiate(ours, theirs)
    fresh = replace(ours, sdes=(Crypto(1, CM_80, b"\x77" * 30),))
    _, after = make_answer(make_offer(fresh), theirs, current=before)
    assert after.security.receive.key == b"\x77" * 30
    assert after.security.send == before.security.send


# -- DTLS-SRTP --


def dtls(host, srtp="prefer", **changes):
    return local(host, srtp, suites=(), dtls=True, **changes)


def test_a_handshake_is_begun_by_the_answerer_and_each_side_knows_the_certificate_of_the_other():
    one, two, offer, answer = negotiate(dtls(ALICE), dtls(BOB))
    assert "a=setup:actpass\r\n" in offer
    assert "a=setup:active\r\n" in answer
    assert one.security == Dtls((PRINTS[BOB],), is_client=False)
    assert two.security == Dtls((PRINTS[ALICE],), is_client=True)


def test_a_demanded_handshake_has_a_profile_of_its_own():
    _, _, offer, answer = negotiate(dtls(ALICE, "require"), dtls(BOB))
    assert media_line(offer) == media_line(answer) == "m=audio 4000 UDP/TLS/RTP/SAVP 0 96"


@pytest.mark.parametrize(
    ("said", "told", "is_client"),
    [("actpass", "active", True), ("passive", "active", True), ("active", "passive", False)],
)
def test_the_answer_takes_the_role_that_the_offer_leaves(said, told, is_client):
    offer = bytes(make_offer(dtls(ALICE))).replace(b"setup:actpass", f"setup:{said}".encode())
    answer, agreed = make_answer(SessionDescription.parse(offer), dtls(BOB))
    assert agreed.security.is_client is is_client
    assert f"a=setup:{told}\r\n" in bytes(answer).decode()


@pytest.mark.parametrize(
    ("told", "is_client"), [("active", False), ("passive", True), ("actpass", False), ("nonsense", False)]
)
def test_the_role_that_an_answer_leaves_is_taken(told, is_client):
    one, _, _, _ = negotiate(
        dtls(ALICE), dtls(BOB), told=lambda text: text.replace("setup:active", f"setup:{told}")
    )
    assert one.security.is_client is is_client


def test_a_peer_that_wants_no_connection_gets_none():
    ours = dtls(ALICE)
    offer = SessionDescription.parse(bytes(make_offer(ours)).replace(b"setup:actpass", b"setup:holdconn"))
    assert make_answer(offer, dtls(BOB))[1].security is None
    with pytest.raises(Incompatible, match="encryption"):
        make_answer(offer, dtls(BOB, "require"))


def test_keys_that_no_proxy_has_seen_come_before_keys_in_the_description():
    one, two, offer, answer = negotiate(local(ALICE, dtls=True), local(BOB, dtls=True))
    assert "a=crypto" in offer
    assert "a=fingerprint" in offer
    assert "a=crypto" not in answer
    assert isinstance(one.security, Dtls)
    assert isinstance(two.security, Dtls)


@pytest.mark.parametrize("srtp", ["prefer", "require"])
def test_a_peer_without_dtls_uses_the_key_in_the_description(srtp):
    one, two, _, _ = negotiate(local(ALICE, srtp, dtls=True), local(BOB))
    assert isinstance(one.security, Sdes)
    assert isinstance(two.security, Sdes)


def test_keys_in_a_description_do_not_serve_the_profile_of_dtls():
    def said(text):
        return text.replace("RTP/SAVP", "UDP/TLS/RTP/SAVP")

    with pytest.raises(Incompatible, match="encryption"):
        negotiate(local(ALICE, "require"), local(BOB), said)


def test_what_is_said_of_the_certificate_for_the_whole_session_counts_for_the_stream():
    text = bytes(make_offer(dtls(ALICE))).decode()
    lines = [line for line in text.splitlines(True) if line.startswith(("a=fingerprint", "a=setup"))]
    for line in lines:
        text = text.replace(line, "")
    text = text.replace("m=audio", "".join(lines) + "m=audio")
    _, agreed = make_answer(SessionDescription.parse(text.encode()), dtls(BOB))
    assert agreed.security == Dtls((PRINTS[ALICE],), is_client=True)


def test_a_change_of_the_call_leaves_the_roles_of_the_handshake_as_they_are():
    alice, bob = dtls(ALICE), dtls(BOB)
    first = make_offer(alice)
    answer, at_bob = make_answer(first, bob)
    at_alice = read_answer(first, answer, alice)
    held = redirected(answer, "sendonly")  # the callee, which was active, holds
    assert "a=setup:actpass\r\n" in bytes(held).decode(), (
        "an offer leaves the role open (RFC 8842 section 5.2)"
    )
    back, again = make_answer(held, alice, current=at_alice)
    assert "a=setup:passive\r\n" in bytes(back).decode()
    assert again.security == at_alice.security
    assert read_answer(held, back, bob, current=at_bob).security == at_bob.security


def test_another_certificate_makes_another_handshake_with_roles_of_its_own():
    alice, bob = dtls(ALICE), dtls(BOB)
    first = make_offer(alice)
    answer, _ = make_answer(first, bob)
    at_alice = read_answer(first, answer, alice)
    other = replace(bob, fingerprint=Fingerprint("sha-256", b"\x09" * 32))
    _, again = make_answer(make_offer(other), alice, current=at_alice)
    assert again.security == Dtls((Fingerprint("sha-256", b"\x09" * 32),), is_client=True)


@pytest.mark.parametrize("srtp", ["off", "prefer"])
def test_headers_that_are_authenticated_are_whole_ones(srtp):
    one, two, _, answer = negotiate(local(ALICE, srtp, short_rtp=True), local(BOB, short_rtp=True))
    clear = srtp == "off"
    assert (one.short_rtp, two.short_rtp, "a=x-rtp-short" in answer) == (clear, clear, clear)


def test_a_compact_offer_in_the_clear_is_as_short_as_it_was():
    plain = bytes(make_offer(local(ALICE, "off", dtls=True, compact=True)))
    assert plain == bytes(make_offer(local(ALICE, "off", suites=(), compact=True)))
    assert b"a=" + plain.split(b"a=", 1)[1] == b"a=rtpmap:96 telephone-event/8000\r\na=ptime:20\r\n"
