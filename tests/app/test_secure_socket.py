"""What passes a media socket with keys, without, and while a handshake makes them; two of them joined in memory."""

import asyncio
import struct
from dataclasses import replace

import pytest

from softphone.app import secure_socket
from softphone.app.secure_socket import Protection, SecureSocket, secured
from softphone.config import SRTP_SUITES, MediaOptions
from softphone.io.dtls import DtlsError, is_dtls, own_certificate
from softphone.sdp.media import Crypto, Dtls, Fingerprint, Negotiated, NegotiatedCodec, Sdes

ALICE, BOB, MALLORY = ("192.0.2.1", 4000), ("192.0.2.2", 4000), ("192.0.2.66", 4000)
REPORT = bytes.fromhex("80c9000101020304")
CM_80, GCM = "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"


def rtp(number, payload=b"\x55" * 160):
    return struct.pack("!BBHII", 0x80, 0, number, 160 * number, 7) + payload


class Wire:
    """One end of a line in memory; `lose` drops what it says yes to."""

    ports = (4000, 4001)

    def __init__(self, address):
        self.address, self.other = address, None
        self.arrivals, self.sent = [], []
        self.lose = lambda data: False

    def drain(self, now, *, spacing_s=0.0):
        arrivals, self.arrivals = self.arrivals, []
        return arrivals

    def send(self, data, addr):
        self.sent.append(data)
        if not self.lose(data):
            self.other.arrivals.append((data, self.address, 0.0))


def joined(suites=(SRTP_SUITES, SRTP_SUITES)):
    alice, bob = Wire(ALICE), Wire(BOB)
    alice.other, bob.other = bob, alice
    return SecureSocket(alice, suites=suites[0]), SecureSocket(bob, suites=suites[1])


def agreed(remote, security, **changes):
    return replace(
        Negotiated(
            remote_host=remote[0], remote_port=remote[1], remote_rtcp_host=remote[0], remote_rtcp_port=remote[1] + 1,
            send=(NegotiatedCodec("PCMU", 8000, 1, 0),), receive=(), receive_dtmf={}, send_dtmf_payload_type=None,
            send_dtmf_clock_rate_hz=None, ptime_ms=20, max_ptime_ms=None, direction="sendrecv",
            bandwidth_as_kbps=None, security=security, rtcp_mux=True,
        ),
        **changes,
    )  # fmt: skip


def never(error):
    raise AssertionError(error)


def key(seed, suite=CM_80):
    return Crypto(1, suite, bytes([seed]) * (30 if suite == CM_80 else 28))


def keyed(one, two, seeds=(1, 2), suite=CM_80):
    ours, theirs = (key(seed, suite) for seed in seeds)
    told = []
    one.follow(agreed(BOB, Sdes(ours, theirs)), then=lambda: told.append(1), failed=never)
    two.follow(agreed(ALICE, Sdes(theirs, ours)), then=lambda: told.append(2), failed=never)
    assert told == [1, 2], "keys of SDP are there at once"


def passed(source, sink, packet, to=BOB):
    source.send(packet, to)
    return [data for data, _, _ in sink.drain(0.0)]


def test_a_call_in_the_clear_has_no_such_socket():
    assert secured(Wire(ALICE), MediaOptions(), answers=False) is None
    assert secured(Wire(ALICE), MediaOptions(srtp="prefer"), answers=False) is not None


def test_with_a_peer_that_has_no_keys_packets_pass_as_they_are():
    one, two = joined()
    for each, remote in ((one, BOB), (two, ALICE)):
        each.follow(agreed(remote, None), then=lambda: None, failed=never)
    assert passed(one, two, rtp(1)) == [rtp(1)] == one.inner.sent
    assert one.protection == Protection()
    assert (one.ports, one.tag_bytes) == ((4000, 4001), 0)


@pytest.mark.parametrize("packet", [rtp(1), REPORT])
def test_with_keys_of_sdp_what_goes_over_the_wire_is_not_what_was_sent(packet):
    one, two = joined()
    keyed(one, two)
    assert passed(one, two, packet) == [packet]
    assert one.inner.sent != [packet]
    assert (one.protection.encryption, one.protection.suite, one.tag_bytes) == ("sdes", CM_80, 10)


def test_what_somebody_puts_in_is_dropped_and_counted():
    one, two = joined()
    keyed(one, two)
    one.send(rtp(1), BOB)
    one.inner.send(one.inner.sent[0], BOB)
    one.inner.send(rtp(2), BOB)
    assert [data for data, _, _ in two.drain(0.0)] == [rtp(1)]
    assert (two.protection.stats.replayed, two.protection.stats.unauthenticated) == (1, 1)


def test_the_same_keys_again_go_on_where_they_were():
    one, two = joined()
    keyed(one, two)
    assert passed(one, two, rtp(1)) == [rtp(1)]
    keyed(one, two)  # hold, and resume
    one.inner.send(one.inner.sent[0], BOB)
    assert two.drain(0.0) == [], "what came before is a replay still"
    assert passed(one, two, rtp(2)) == [rtp(2)]


def test_what_is_on_its_way_when_a_key_changes_is_not_lost():
    one, two = joined()
    keyed(one, two)
    one.send(rtp(1), BOB)
    keyed(one, two, seeds=(3, 2))
    late = two.drain(0.0)
    assert [data for data, _, _ in late] == [rtp(1)]
    assert passed(one, two, rtp(2)) == [rtp(2)]
    keyed(one, two, seeds=(4, 5), suite=GCM)
    assert passed(one, two, rtp(3)) == [rtp(3)]
    assert two.protection.suite == GCM
    assert two.protection.stats.unauthenticated == 0


def shaken(body):
    pytest.importorskip("OpenSSL", reason="DTLS-SRTP needs pyOpenSSL")
    asyncio.run(asyncio.wait_for(body(), 20))


async def handshake(one, two, *, changes=({}, {}), fingerprints=None):
    """Follow a handshake on both; return what came of it on each side: None, or an error."""
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(2)]
    prints = fingerprints or (own_certificate().fingerprint,)
    for each, remote, end, client, change in zip(
        (one, two), (BOB, ALICE), ends, (True, False), changes, strict=True
    ):
        each.follow(
            agreed(remote, Dtls(prints, is_client=client), **change),
            then=lambda end=end: end.set_result(None),
            failed=lambda error, end=end: end.done() or end.set_result(error),
        )
    return await asyncio.gather(*ends)


def test_a_handshake_makes_keys_for_both_sides():
    async def body():
        one, two = joined()
        assert await handshake(one, two) == [None, None]
        for number, packet in enumerate((rtp(1), REPORT, rtp(2))):
            assert passed(one, two, packet) == [packet], number
            assert passed(two, one, packet, ALICE) == [packet]
        assert (one.protection.encryption, one.protection.suite) == ("dtls", CM_80)

    shaken(body)


def test_a_handshake_agrees_on_what_the_user_named():
    async def body():
        one, two = joined(((GCM,), SRTP_SUITES))
        await handshake(one, two)
        assert one.protection.suite == two.protection.suite == GCM
        assert passed(one, two, rtp(1)) == [rtp(1)]

    shaken(body)


def test_before_there_are_keys_nothing_goes_out_and_what_comes_in_waits_for_them():
    async def body():
        one, two = joined()
        done = asyncio.create_task(handshake(one, two))
        await asyncio.sleep(0)
        one.send(rtp(1), BOB)
        assert one.inner.sent == []
        two.inner.arrivals.append((rtp(9), ALICE, 0.0))
        assert two.drain(0.0) == []
        await done
        assert two.drain(0.0) == [], "it was in the clear"
        assert two.protection.stats.unauthenticated == 1

    shaken(body)


def test_packets_that_overtake_the_end_of_the_handshake_are_heard():
    async def body():
        one, two = joined()
        early = []

        def hold_back(data):  # the server's last words come late, behind the first packets
            if is_dtls(data) and len(two.inner.sent) == 2:
                early.append(data)
                return True
            return False

        two.inner.lose = hold_back
        done = asyncio.create_task(handshake(one, two))
        async with asyncio.timeout(5):
            while not early:  # noqa: ASYNC110 (it is the socket's poll that is waited for)
                await asyncio.sleep(0.005)
        two.send(rtp(1), ALICE)
        await asyncio.sleep(0.03)
        one.inner.arrivals.append((early[0], BOB, 0.0))
        assert await done == [None, None]
        assert [data for data, _, _ in one.drain(0.0)] == [rtp(1)]

    shaken(body)


def test_a_lost_datagram_of_the_handshake_is_said_again():
    async def body():
        one, two = joined()
        lost = []

        def lose(data):
            if len(lost) < 1:
                lost.append(data)
                return True
            return False

        one.inner.lose = lose
        assert await handshake(one, two) == [
            None,
            None,
        ]  # OpenSSL repeats after a second (RFC 6347 section 4.2.4.1)
        assert len(lost) == 1

    shaken(body)


def test_last_words_that_were_lost_are_said_again_when_the_peer_asks():
    async def body():
        one, two = joined()
        lost = []

        def lose(data):
            if len(two.inner.sent) == 2:
                lost.append(data)
                return True
            return False

        two.inner.lose = lose
        pending = asyncio.create_task(handshake(one, two))
        while not pending.done():
            await asyncio.sleep(0.02)
            two.drain(0.0)  # its handshake is over: the call's own tick reads what comes
        assert pending.result() == [None, None]
        assert len(lost) == 1

    shaken(body)


def test_a_certificate_that_sdp_does_not_name_ends_the_call():
    async def body():
        one, two = joined()
        errors = await handshake(one, two, fingerprints=(Fingerprint("sha-256", bytes(32)),))
        assert isinstance(errors[0], DtlsError)
        assert "somebody is in between" in str(errors[0])
        one.send(rtp(1), BOB)
        assert all(is_dtls(data) for data in one.inner.sent)

    shaken(body)


def test_of_several_fingerprints_the_strongest_hash_counts():
    async def body():
        one, two = joined()
        forged = (own_certificate().fingerprint, Fingerprint("sha-512", bytes(64)))
        errors = await handshake(one, two, fingerprints=forged)
        assert isinstance(errors[0], DtlsError)

    shaken(body)


def test_a_peer_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(secure_socket, "HANDSHAKE_S", 0.1)

    async def body():
        one, two = joined()
        one.inner.lose = two.inner.lose = lambda data: True
        errors = await handshake(one, two)
        assert [str(error) for error in errors] == [
            "DTLS: no handshake with 192.0.2.2 in 0.1 s", "DTLS: no handshake with 192.0.2.1 in 0.1 s",
        ]  # fmt: skip

    shaken(body)


def test_a_strangers_handshake_is_not_answered():
    async def body():
        one, two = joined()
        done = asyncio.create_task(handshake(one, two))
        two.inner.arrivals.append((b"\x16\xfe\xfd" + bytes(40), MALLORY, 0.0))
        assert await done == [None, None]
        two.inner.arrivals.append((b"\x15\xfe\xfd" + bytes(20), MALLORY, 0.0))
        assert two.drain(0.0) == []
        assert two.protection.stats.unauthenticated == 2
        assert passed(one, two, rtp(1)) == [rtp(1)]

    shaken(body)


def test_rtcp_on_a_port_of_its_own_is_neither_sent_nor_taken_after_a_handshake():
    async def body():
        one, two = joined()
        await handshake(one, two, changes=({"rtcp_mux": False}, {}))
        sent = len(one.inner.sent)
        one.send(REPORT, BOB)
        assert len(one.inner.sent) == sent
        assert passed(two, one, REPORT, ALICE) == []
        assert passed(one, two, rtp(1)) == [rtp(1)]

    shaken(body)


def test_a_handshake_that_stands_is_not_made_again_by_a_change_of_the_call():
    async def body():
        one, two = joined()
        await handshake(one, two)
        said = len(one.inner.sent)
        assert await handshake(one, two) == [None, None]
        assert len(one.inner.sent) == said
        assert passed(one, two, rtp(1)) == [rtp(1)]

    shaken(body)


def test_a_change_in_the_middle_of_a_handshake_leaves_waiting_what_waits_for_it():
    async def body():
        one, two = joined()
        done = asyncio.create_task(handshake(one, two))
        await asyncio.sleep(0)
        prints = (own_certificate().fingerprint,)
        one.follow(agreed(BOB, Dtls(prints, is_client=True), direction="sendonly"), then=None, failed=never)
        assert await done == [None, None]

    shaken(body)


def test_a_call_that_ends_in_the_middle_of_a_handshake_leaves_nothing_behind():
    async def body():
        one, _ = joined()
        prints = (own_certificate().fingerprint,)
        one.follow(agreed(BOB, Dtls(prints, is_client=True)), then=lambda: never("ready"), failed=never)
        await asyncio.sleep(0.03)
        one.stop()
        sent = len(one.inner.sent)
        await asyncio.sleep(0.03)
        assert len(one.inner.sent) == sent

    shaken(body)
