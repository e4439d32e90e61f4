"""Which keys a call brings, and what is refused before it."""

import subprocess
import sys

import pytest

from softphone.app import call_keys
from softphone.app.call_keys import check_srtp, is_private, local_keys, suites_of
from softphone.config import SRTP_SUITES, MediaOptions
from softphone.errors import UsageError
from softphone.io import dtls
from softphone.rtp.srtp import SUITES
from softphone.sdp.security import SUITES as IN_SDP


def media(srtp, keys="any", suites=()):
    return MediaOptions(srtp=srtp, srtp_keys=keys, srtp_suites=suites)


@pytest.fixture(params=[True, False], ids=["with pyOpenSSL", "without"])
def has_dtls(request, monkeypatch):
    print_ = dtls.Fingerprint("sha-256", bytes(32))
    monkeypatch.setattr(call_keys, "has_dtls", lambda: request.param)
    monkeypatch.setattr(call_keys, "own_certificate", lambda: dtls.DtlsCertificate(None, None, print_))
    return request.param


def test_every_part_knows_the_same_suites():
    assert set(SRTP_SUITES) == set(SUITES) == set(IN_SDP)
    assert {name: each.key_bytes + each.salt_bytes for name, each in SUITES.items()} == IN_SDP


def test_a_call_in_the_clear_brings_no_keys(has_dtls):
    assert local_keys(media("off"), private=False, answers=True) == call_keys.LocalKeys()


@pytest.mark.parametrize(
    ("srtp", "keys", "private", "in_sdp", "by_handshake"),
    [
        ("prefer", "any", False, True, True),
        ("prefer", "sdes", False, True, False),
        ("prefer", "dtls", False, False, True),
        ("require", "any", False, False, True),
        ("require", "any", True, True, True),
        ("require", "sdes", True, True, False),
        ("require", "dtls", True, False, True),
    ],
)
def test_keys_in_sdp_are_demanded_only_where_nobody_reads_along(
    srtp, keys, private, in_sdp, by_handshake, has_dtls
):
    if not has_dtls and by_handshake and not in_sdp:
        with pytest.raises(UsageError, match=r"softphone\[dtls\]"):
            local_keys(media(srtp, keys), private=private, answers=False)
        return
    found = local_keys(media(srtp, keys), private=private, answers=False)
    assert (bool(found.sdes), found.fingerprint is not None) == (in_sdp, by_handshake and has_dtls)


def test_keys_in_sdp_over_clear_signalling_are_refused_before_the_call_where_they_are_demanded():
    with pytest.raises(UsageError, match="use --transport tls, or DTLS-SRTP: --srtp-keys dtls"):
        check_srtp(media("require", "sdes"), private=False)
    check_srtp(media("require", "sdes"), private=True)
    check_srtp(media("prefer", "sdes"), private=False)


def test_each_call_has_keys_of_its_own_and_tells_nobody():
    one, two = (local_keys(media("prefer", "sdes"), private=False, answers=True) for _ in range(2))
    assert not {each.key for each in one.sdes} & {each.key for each in two.sdes}
    assert len({each.key for each in one.sdes}) == len(one.sdes) == len(SRTP_SUITES)
    assert "key=" not in repr(one)


def test_a_caller_offers_one_suite_and_a_callee_takes_any_unless_the_user_names_some():
    assert suites_of(media("prefer"), answers=False) == SRTP_SUITES[:1]
    assert suites_of(media("prefer"), answers=True) == SRTP_SUITES
    named = ("AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_32")
    for answers in (True, False):
        assert suites_of(media("prefer", suites=named), answers=answers) == named


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"srtp": "maybe"}, "off, prefer, require, got 'maybe'"),
        ({"srtp": "prefer", "srtp_keys": "zrtp"}, "any, sdes, dtls, got 'zrtp'"),
        ({"srtp": "prefer", "srtp_suites": ("F8",)}, "AEAD_AES_256_GCM, .*got 'F8'"),
        ({"srtp_keys": "dtls"}, "give --srtp prefer or require"),
    ],
)
def test_what_is_no_way_to_encrypt_is_refused(changes, complaint):
    with pytest.raises(UsageError, match=complaint):
        MediaOptions(**changes)


def test_a_handshake_that_can_agree_on_nothing_is_refused_or_left_out(has_dtls):
    suites = ("AES_256_CM_HMAC_SHA1_80",)
    for srtp, keys in (("prefer", "dtls"), ("require", "any")):
        with pytest.raises(UsageError, match="DTLS-SRTP"):
            check_srtp(media(srtp, keys, suites), private=False)
    found = local_keys(media("prefer", "any", suites), private=False, answers=False)
    assert ([each.suite for each in found.sdes], found.fingerprint) == ([*suites], None)


@pytest.mark.parametrize(
    ("addresses", "private"),
    [
        ([("192.0.2.1", 5061, "TLS")], True),
        ([("192.0.2.1", 5060)], False),
        ([("192.0.2.1", 5060, "TCP")], False),
        ([("192.0.2.1", 5061, "TLS"), ("192.0.2.1", 5060)], False),
    ],
)
def test_signalling_is_private_where_each_way_there_is_encrypted(addresses, private):
    assert is_private(addresses) is private


def test_a_call_in_the_clear_loads_none_of_the_libraries():
    code = (
        "import sys, softphone.app.caller, softphone.app.callee\n"
        "from softphone.config import MediaOptions\n"
        "from softphone.app.call_keys import local_keys\n"
        "local_keys(MediaOptions(), private=False, answers=True)\n"
        "print([each for each in ('pylibsrtp', 'OpenSSL', 'cryptography') if each in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
