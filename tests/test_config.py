"""Options hold what can be, and refuse in one line what cannot."""

import math
from collections.abc import Callable

import pytest

from softphone.config import (
    AccountOptions,
    AnswerOptions,
    AudioOptions,
    CallOptions,
    CodecChoice,
    DemoOptions,
    LineOptions,
    MediaOptions,
)
from softphone.errors import UsageError

URI = "sip:bob@127.0.0.1"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LineOptions(loss_pct=101), "--loss must be 0 to 100 percent, got 101"),
        (lambda: LineOptions(loss_pct=math.nan), "--loss must be 0 to 100 percent, got nan"),
        (lambda: LineOptions(burst=0.5), "--burst must be 1 to 1000 packets, got 0.5"),
        (lambda: LineOptions(delay_ms=-1), "--delay must be 0 to 10000 ms, got -1"),
        (lambda: LineOptions(jitter_ms=math.inf), "--jitter must be 0 to 10000 ms, got inf"),
        (lambda: LineOptions(seed=-1), "--seed"),
        (lambda: MediaOptions(ptime_ms=5), "--ptime must be 10 to 160 ms, got 5"),
        (lambda: MediaOptions(complexity=11), "--complexity must be 0 to 10, got 11"),
        (lambda: MediaOptions(bit_rate_bps=5_000_000), "--bitrate must be 450 to 1000000 b/s, got 5000000"),
        (lambda: MediaOptions(codecs=()), "at least one codec"),
        (
            lambda: MediaOptions(codecs=(CodecChoice("opus"), CodecChoice("opus", 6000))),
            "twice: opus,opus:6000",
        ),
        (lambda: MediaOptions(rtp_ports=(80, 90)), "--rtp-ports must be 1024 to 65534, got 80"),
        (lambda: MediaOptions(rtp_ports=(5001, 5002)), "an even port and the next one, got 5001-5002"),
        (lambda: MediaOptions(rtp_timeout_s=-1), "--rtp-timeout must be 0 to 3600 s"),
        (lambda: AudioOptions(play="a.wav", device="default"), "--play and --device exclude each other"),
        (lambda: AudioOptions(echo=True, tone_hz=440), "--echo and --tone exclude each other"),
        (lambda: AudioOptions(tone_hz=1), "--tone must be 20 to 20000 Hz, got 1"),
        (lambda: AudioOptions(record="a.wav", record_sent="a.wav"), "got a.wav twice"),
        (lambda: AccountOptions(user="b b"), "--user"),
        (lambda: AccountOptions(user="b@c"), "before '@'"),
        (lambda: AccountOptions(password="p"), "--user"),
        (lambda: AccountOptions(headers=(("X", "a\r\nVia: b"),)), "on one line"),
        (lambda: AccountOptions(headers=(("X Y", "a"),)), "'Name: value'"),
        (lambda: AccountOptions(headers=(("call-ID", "a"),)), "sets this one itself"),
        (lambda: AccountOptions(session_expires_s=10), "--session-expires must be 90 to 86400 s, got 10"),
        (lambda: AccountOptions(sip_t1_ms=0), "--sip-t1-ms must be 10 to 10000 ms, got 0"),
        (lambda: CallOptions("bob"), "must be a SIP URI like"),
        (lambda: CallOptions("tel:123"), "must be a SIP URI like"),
        (lambda: CallOptions("sip:"), "must be a SIP URI like"),
        (lambda: CallOptions("sip:a b"), "must be a SIP URI like"),
        (lambda: CallOptions(URI, seconds=0), "--seconds must be 0.1 to 86400 s, got 0"),
        (lambda: CallOptions(URI, dtmf="12x"), "got 'x' in '12x'"),
        (lambda: CallOptions(URI, min_mos=5.1), "--min-mos must be 1 to 5 MOS, got 5.1"),
        (lambda: CallOptions(URI, repeat=-1), "--repeat"),
        (lambda: CallOptions(URI, every_s=-1), "--every"),
        (lambda: CallOptions(URI, ring_timeout_s=0), "--ring-timeout"),
        (
            lambda: CallOptions(URI, listen=("127.0.0.1", 70_000)),
            "--listen port must be 0 to 65535, got 70000",
        ),
        (lambda: AnswerOptions(reject=200), "--reject must be 400 to 699, got 200"),
        (lambda: AnswerOptions(calls=0), "--calls must be 1 to 1000000 calls, got 0"),
        (lambda: AnswerOptions(ring_s=-1), "--ring must be 0 to 3600 s"),
        (lambda: DemoOptions(seconds=0), "--seconds must be 0.5 to 3600 s, got 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(make: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2


def test_edges_of_the_ranges_are_within() -> None:
    LineOptions(loss_pct=100, burst=1, delay_ms=0, jitter_ms=10_000)
    MediaOptions(ptime_ms=120, complexity=0, rtp_ports=(1024, 1025), rtp_timeout_s=0)
    CallOptions(URI, min_mos=1, dtmf="0123456789*#ABCD", listen=("::1", 0))
    AnswerOptions(reject=699, calls=1)


@pytest.mark.parametrize(
    ("text", "name", "rate"), [("opus", "opus", None), ("OPUS:6000", "opus", 6000), (" pcmu ", "pcmu", None)]
)
def test_a_codec_is_read_with_and_without_bit_rate(text: str, name: str, rate: int | None) -> None:
    assert CodecChoice.parse(text) == CodecChoice(name, rate)


@pytest.mark.parametrize("text", ["", ":6000", "opus:", "opus:6k", "opus:-1", "opus:100"])
def test_a_codec_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        CodecChoice.parse(text)


def test_a_rate_beside_a_codec_goes_before_the_common_one() -> None:
    media = MediaOptions(codecs=(CodecChoice("opus", 6000), CodecChoice("l16")), bit_rate_bps=16_000)
    assert [media.bit_rate_of(choice) for choice in media.codecs] == [6000, 16_000]


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(CallOptions(URI, account=AccountOptions(user="a", password="hunter2")))


def test_the_demo_is_what_the_contract_says() -> None:
    demo = DemoOptions()
    assert (str(demo.media.codecs[0]), demo.media.ptime_ms, demo.media.complexity) == ("opus:16000", 60, 5)
    assert demo.seconds == 8
    assert demo.line.is_perfect
