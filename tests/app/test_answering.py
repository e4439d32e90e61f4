"""What a callee says, read from the wire."""

import asyncio
import contextlib
import socket

import pytest

from softphone.app import answer_calls, answer_calls_async, place_call
from softphone.config import AccountOptions, AnswerOptions, CallOptions
from softphone.errors import UsageError
from softphone.io import ice_socket

OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def invite(port):
    return (
        f"INVITE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKa\r\n"
        f"From: <sip:alice@127.0.0.1>;tag=1\r\nTo: <sip:bob@127.0.0.1>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:alice@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(OFFER)}\r\n\r\n"
    ).encode() + OFFER


def test_a_header_asked_for_stands_in_the_200():
    async def first_answer(options):
        loop = asyncio.get_running_loop()
        listening = loop.create_future()

        def on_event(event):
            if event.get("event") == "listening":
                listening.set_result(event["uri"])

        answering = asyncio.create_task(answer_calls_async(options, on_event))
        port = int((await listening).rpartition(":")[2])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.setblocking(False)
            peer.bind(("127.0.0.1", 0))
            await loop.sock_sendto(peer, invite(peer.getsockname()[1]), ("127.0.0.1", port))
            data = b""
            while not data.startswith(b"SIP/2.0 200 "):
                data = await asyncio.wait_for(loop.sock_recv(peer, 4096), 10)
        answering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answering
        return data

    account = AccountOptions(headers=(("X-Lab", "7"),))
    options = AnswerOptions(listen=("127.0.0.1", 0), account=account)
    assert b"\r\nX-Lab: 7\r\n" in asyncio.run(first_answer(options))


def test_early_media_that_is_not_there_is_told_before_a_call_comes():
    options = AnswerOptions(listen=("127.0.0.1", 0), ring_s=1, early_media="nowhere.wav")
    with pytest.raises(UsageError, match=r"nowhere\.wav does not exist"):
        answer_calls(options, print)


def test_ice_without_its_library_is_told_before_a_call_comes(monkeypatch):
    monkeypatch.setattr(ice_socket, "find_spec", lambda name: None)
    options = AnswerOptions(listen=("127.0.0.1", 0), account=AccountOptions(ice=True))
    with pytest.raises(UsageError, match=r"pip install 'softphone\[ice\]'"):
        answer_calls(options, lambda event: None)


def test_a_password_in_the_uri_of_a_call_is_refused_and_not_repeated():
    with pytest.raises(UsageError, match="must hold no password") as caught:
        place_call(CallOptions("sip:bob:hush@127.0.0.1:5999"))
    assert "hush" not in str(caught.value)
