"""Encrypted calls between two processes of ours or in one, and what is refused."""

import asyncio
import json
from dataclasses import replace

import pytest
from support.command import Answering, softphone

from softphone.app.caller import placed, target_of
from softphone.app.codec_choice import chosen_codecs
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.station import Station
from softphone.call.events import IncomingCall
from softphone.config import AccountOptions, AudioOptions, CodecChoice, LineOptions, MediaOptions
from softphone.io.media_clock import new_media_loop

pytestmark = pytest.mark.e2e


def check(result, encryption, suite):
    assert result["outcome"] == "completed", result
    assert result["encryption"] == encryption
    assert result["srtp"] == {"suite": suite, "unauthenticated": 0, "replayed": 0, "unsent": 0}
    assert set(result["verdict"]) <= {"ok", "dropouts"}, (
        "a busy machine may be late; noise and silence are told otherwise"
    )
    assert result["received"]["lost"] == 0
    assert result["received"]["strangers"] == 0


def test_keys_in_sdp_encrypt_where_both_can_and_a_peer_without_them_is_talked_to_in_the_clear():
    with Answering("--srtp", "prefer", "--calls", "2") as callee:
        options = ("--srtp", "prefer", "--srtp-keys", "sdes", "--srtp-suites", "aead_aes_256_gcm")
        status, result, err = softphone("call", callee.uri, "--seconds", "1", *options)
        clear, plain, _ = softphone("call", callee.uri, "--seconds", "0.5")
        _, results, _ = callee.finish()
    assert (status, clear) == (0, 0), err
    check(result, "sdes", "AEAD_AES_256_GCM")
    check(results[0], "sdes", "AEAD_AES_256_GCM")
    assert (
        (plain["encryption"], plain["srtp"])
        == (results[1]["encryption"], results[1]["srtp"])
        == ("none", None)
    )


def test_a_handshake_makes_the_keys_that_are_demanded_over_clear_signalling():
    pytest.importorskip("OpenSSL", reason="DTLS-SRTP needs pyOpenSSL")
    with Answering("--srtp", "require", "--calls", "1") as callee:
        status, result, err = softphone("call", callee.uri, "--seconds", "1", "--srtp", "require")
        _, results, _ = callee.finish()
    assert status == 0, err
    check(result, "dtls", "AES_CM_128_HMAC_SHA1_80")
    check(results[0], "dtls", "AES_CM_128_HMAC_SHA1_80")


def test_keys_do_not_go_in_the_clear_where_encryption_is_demanded():
    status, result, err = softphone("call", "sip:bob@127.0.0.1:9", "--srtp", "require", "--srtp-keys", "sdes")
    assert status == 2
    assert "use --transport tls, or DTLS-SRTP: --srtp-keys dtls" in json.dumps(result)
    assert err.count("\n") == 1


MEDIA = MediaOptions(codecs=(CodecChoice("pcmu"),), srtp="require", srtp_keys="dtls")
PLAN = CallPlan(
    audio=AudioOptions(tone_hz=440.0), media=MEDIA, line=LineOptions(), chosen=chosen_codecs(MEDIA), seconds=None,
    until_played=False,
)  # fmt: skip


def in_one_process(body, *, forge=False):
    """Call from one station to another and run *body* with both ends of the call; return the RESULTs of both."""

    async def main():
        stop, came = asyncio.Event(), asyncio.Queue()
        ours = await Station.open(("127.0.0.1", 0), AccountOptions(), default_user="caller")
        theirs = await Station.open(("127.0.0.1", 0), AccountOptions(), default_user="callee")

        def on_incoming(event):
            if isinstance(event, IncomingCall):
                other = OneCall(theirs, replace(PLAN, answers=True))
                other.attach(event.call)
                if forge:
                    local = other.local_media
                    forged = replace(local.fingerprint, digest=bytes(32))
                    other._local_media = replace(local, fingerprint=forged)
                came.put_nowait(other)
                other.accept()

        theirs.on_stranger = on_incoming
        try:
            target = target_of(theirs.uri)
            destinations = await ours.destinations(target)
            one = placed(ours, PLAN, target, destinations[0], account=AccountOptions(), ring_timeout_s=None)
            other = await asyncio.wait_for(came.get(), 5)
            results = asyncio.gather(one.finish(stop), other.finish(stop))
            await body(one, other)
            return await asyncio.wait_for(results, 10)
        finally:
            ours.close()
            theirs.close()

    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        return runner.run(main())


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (what is waited for is not the loop's to tell)
            await asyncio.sleep(0.01)


def test_hold_and_resume_go_on_with_the_keys_of_the_handshake():
    pytest.importorskip("OpenSSL", reason="DTLS-SRTP needs pyOpenSSL")

    async def body(one, other):
        await until(lambda: one.leg is not None and other.leg is not None)
        await asyncio.sleep(0.1)
        for on in (True, False):
            one.hold(on)
            await until(
                lambda on=on: other.leg.transmit.enabled is not on and one.leg.transmit.enabled is not on
            )
        heard = one.leg.reading().rtp.received.packets
        await until(lambda: one.leg.reading().rtp.received.packets > heard + 5)
        one.hang_up()

    for result in in_one_process(body):
        assert (result["outcome"], result["encryption"]) == ("completed", "dtls"), result
        assert result["srtp"] == {
            "suite": "AES_CM_128_HMAC_SHA1_80",
            "unauthenticated": 0,
            "replayed": 0,
            "unsent": 0,
        }


def test_a_call_whose_peer_shows_another_certificate_than_its_sdp_ends_before_a_word_is_heard():
    pytest.importorskip("OpenSSL", reason="DTLS-SRTP needs pyOpenSSL")

    async def body(one, other):
        await until(one.ended.done)

    ours, _ = in_one_process(body, forge=True)
    assert (ours["outcome"], ours["encryption"]) == ("failed", "none")
    assert "not the one of its SDP" in ours["reason"]
    assert ours["received"] is None
    assert ours["diagnosis"]["cause"] == "encryption"
