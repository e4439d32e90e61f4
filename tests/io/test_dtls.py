"""Two sides of a DTLS handshake that hand each other datagrams; no network and no clock."""

import random

import pytest

pytest.importorskip("OpenSSL", reason="DTLS-SRTP needs pyOpenSSL")

from softphone.io import dtls
from softphone.io.dtls import (
    MTU_BYTES,
    PROFILES,
    DtlsEndpoint,
    DtlsError,
    fingerprint_of,
    has_dtls,
    is_dtls,
    own_certificate,
)
from softphone.rtp.srtp import key_bytes
from softphone.sdp.media import Fingerprint

OWN = own_certificate()


def pair(prints=(OWN.fingerprint,), suites=(tuple(PROFILES), tuple(PROFILES))):
    return (
        DtlsEndpoint(OWN, prints, is_client=True, suites=suites[0]),
        DtlsEndpoint(OWN, prints, is_client=False, suites=suites[1]),
    )


def shake(one, two, change=lambda data: data):
    for side in (one, two):
        side.start()
    said = []
    for _ in range(6):
        for source, sink in ((one, two), (two, one)):
            for data in source.datagrams_to_send():
                said.append(data)
                sink.receive(change(data))
    return said


@pytest.mark.parametrize("suite", PROFILES)
def test_each_side_sends_with_what_the_other_receives_with(suite):
    client, server = pair(suites=((suite,), tuple(PROFILES)))
    shake(client, server)
    assert client.keys.suite == server.keys.suite == suite
    assert (client.keys.send, client.keys.receive) == (server.keys.receive, server.keys.send)
    assert len(client.keys.send) == key_bytes(suite)
    assert client.keys.send != client.keys.receive
    assert client.keys.send.hex() not in repr(client.keys)


def test_every_datagram_holds_whole_records_and_fits_into_a_packet():
    for data in shake(*pair()):
        assert is_dtls(data)
        assert len(data) <= MTU_BYTES
        at = 0
        while at < len(data):
            at += 13 + int.from_bytes(data[at + 11 : at + 13], "big")
        assert at == len(data)


def test_what_is_too_long_for_one_datagram_is_cut_between_records():
    records = b"".join(
        b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2, "big") + bytes(size) for size in (700, 600, 500)
    )
    assert [len(each) for each in dtls._datagrams(records)] == [713, 613 + 513]
    assert list(dtls._datagrams(records[:700])) == [records[:700]]


def test_sides_without_a_suite_in_common_do_not_talk():
    client, server = pair(suites=(("AEAD_AES_128_GCM",), ("AES_CM_128_HMAC_SHA1_32",)))
    with pytest.raises(DtlsError, match="RFC 5764"):
        shake(client, server)
    assert client.keys is None


@pytest.mark.parametrize("algorithm", ["sha-1", "sha-224", "sha-256", "sha-384", "sha-512"])
def test_the_fingerprint_may_be_of_any_hash_that_is_trusted(algorithm):
    from cryptography.hazmat.primitives.serialization import Encoding

    der = OWN.certificate.public_bytes(Encoding.DER)
    client, server = pair((fingerprint_of(der, algorithm),))
    shake(client, server)
    assert client.keys is not None
    client, server = pair((Fingerprint(algorithm, bytes(len(fingerprint_of(der, algorithm).digest))),))
    with pytest.raises(DtlsError, match="somebody is in between"):
        shake(client, server)


def test_garbage_and_damage_raise_nothing_but_the_documented_error():
    rng = random.Random(1)
    done, complaints = 0, []

    def damaged(data):
        changed = bytearray(data)
        if rng.random() < 0.3:
            for _ in range(rng.randrange(1, 4)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed)

    for _ in range(100):
        client, server = pair()
        try:
            for side in (client, server):
                side.receive(rng.randbytes(rng.randrange(60)))
            shake(client, server, damaged)
        except DtlsError as error:
            complaints.append(str(error))
        done += client.keys is not None and server.keys is not None
    assert 0 < done < 100
    assert complaints
    assert not [each for each in complaints if "\n" in each or len(each) > 200]


def test_what_comes_after_the_handshake_does_no_harm():
    client, server = pair()
    shake(client, server)
    keys = client.keys
    for data in (b"", b"\x15\xfe\xfd" + bytes(20), b"\x16" * 2000):
        client.receive(data)
    assert client.keys == keys
    assert client.timeout_s() is None


@pytest.mark.parametrize(
    ("first", "expected"),
    [(0, False), (19, False), (20, True), (22, True), (63, True), (64, False), (128, False)],
)
def test_dtls_is_told_from_stun_and_rtp_by_its_first_byte(first, expected):
    assert is_dtls(bytes([first, 0, 0])) is expected
    assert not is_dtls(b"")


def test_the_certificate_of_a_process_is_one_and_names_nobody():
    assert own_certificate() is OWN
    assert "softphone" in OWN.certificate.subject.rfc4514_string()
    assert has_dtls()


def test_a_missing_library_names_the_extra(monkeypatch):
    import sys

    from softphone.errors import EnvironmentProblem

    monkeypatch.setitem(sys.modules, "OpenSSL", None)
    own_certificate.cache_clear()
    try:
        with pytest.raises(EnvironmentProblem, match=r"pip install 'softphone\[dtls\]'"):
            own_certificate()
    finally:
        own_certificate.cache_clear()
