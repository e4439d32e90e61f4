import random
import struct

import pytest

from softphone.rtp.dtmf import DIGITS, DtmfReceiver, DtmfSender
from softphone.rtp.errors import LocalRtpError


def reports(sender, *, ticks, start=1000, intervals=200):
    """(interval number, event, end bit, duration, timestamp, marker) of each packet."""
    seen = []
    for n in range(intervals):
        report = sender.report((start + n * ticks) & 0xFFFFFFFF, ticks)
        if report is not None:
            payload, timestamp, marker = report
            code, flags, duration = struct.unpack("!BBH", payload)
            seen.append((n, code, flags >> 7, duration, timestamp, marker))
    return seen


def test_an_event_grows_each_packet_interval_and_ends_three_times():
    sender = DtmfSender(8000)
    sender.queue("5", tone_ms=100, gap_ms=50)
    assert reports(sender, ticks=160) == [
        (0, 5, 0, 160, 1000, True),
        (1, 5, 0, 320, 1000, False),
        (2, 5, 0, 480, 1000, False),
        (3, 5, 0, 640, 1000, False),
        (4, 5, 1, 800, 1000, False),
        (5, 5, 1, 800, 1000, False),
        (6, 5, 1, 800, 1000, False),
    ]
    assert not sender.pending


def test_the_tone_has_its_length_even_when_the_packet_interval_does_not_divide_it():
    sender = DtmfSender(48000)
    sender.queue("#", tone_ms=100, gap_ms=50)
    assert reports(sender, ticks=2880) == [
        (0, 11, 0, 2880, 1000, True),
        (1, 11, 1, 4800, 1000, False),
        (2, 11, 1, 4800, 1000, False),
        (3, 11, 1, 4800, 1000, False),
    ]


def test_a_tone_shorter_than_a_packet_begins_and_ends_in_one():
    sender = DtmfSender(48000)
    sender.queue("0", tone_ms=80, gap_ms=50)
    assert reports(sender, ticks=5760)[0] == (0, 0, 1, 3840, 1000, True)


def test_digits_are_apart_by_the_gap_and_audio_has_the_intervals_between():
    sender = DtmfSender(8000)
    sender.queue("12", tone_ms=40, gap_ms=200)
    seen = reports(sender, ticks=160)
    assert [s[0] for s in seen if s[1] == 1] == [0, 1, 2, 3]
    # The event ends 40 ms after interval 0 began; 200 ms later is interval 12.
    assert [s[0] for s in seen if s[1] == 2] == [12, 13, 14, 15]


def test_a_long_event_goes_on_in_segments_with_one_end():
    sender = DtmfSender(48000)
    sender.queue("A", tone_ms=3000, gap_ms=50)
    seen = reports(sender, ticks=960, start=2**32 - 70000)
    assert sum(s[5] for s in seen) == 1
    segments = sorted({s[4] for s in seen}, key=[s[4] for s in seen].index)
    start = 2**32 - 70000
    assert segments == [start, start + 0xFFFF, (start + 2 * 0xFFFF) & 0xFFFFFFFF]
    for segment in segments[:2]:
        assert [s for s in seen if s[4] == segment][-1][2:4] == (0, 0xFFFF)
    assert [s[2:4] for s in seen if s[2]] == [(1, 3 * 48000 - 2 * 0xFFFF)] * 3


def test_every_key_has_its_code_and_small_letters_do():
    sender = DtmfSender(8000)
    sender.queue("0123456789*#abcd", tone_ms=20, gap_ms=0)
    codes = [s[1] for s in reports(sender, ticks=160) if s[5]]
    assert codes == list(range(16))


@pytest.mark.parametrize(
    ("digits", "tone", "gap"), [("12x", 100, 50), ("1", 0, 50), ("1", 100, -1), ("1" * 1001, 1, 1)]
)
def test_what_is_no_key_is_refused_whole(digits, tone, gap):
    sender = DtmfSender(8000)
    with pytest.raises(LocalRtpError):
        sender.queue(digits, tone_ms=tone, gap_ms=gap)
    assert not sender.pending


def send_through(keep, digits="159#D", tone_ms=100, ticks=960):
    sender, receiver = DtmfSender(48000), DtmfReceiver()
    sender.queue(digits, tone_ms=tone_ms, gap_ms=60)
    heard, n = [], 0
    while sender.pending or n < 200:
        now = n * ticks / 48000
        report = sender.report((2**32 - 20000 + n * ticks) & 0xFFFFFFFF, ticks)
        if report is not None and keep(n, report[0]):
            heard += receiver.receive(report[0], report[1], 48000, now)
        heard += receiver.expire(now)
        n += 1
    heard += receiver.expire(1e9)
    return heard


def test_each_digit_is_heard_once_with_its_length():
    assert send_through(lambda n, p: True) == [(d, 100.0) for d in "159#D"]


def test_a_lost_start_does_not_lose_the_digit():
    assert send_through(lambda n, p: p[2:] > struct.pack("!H", 2000)) == [(d, 100.0) for d in "159#D"]


def test_a_lost_end_does_not_lose_the_digit():
    assert send_through(lambda n, p: not p[1] & 0x80) == [(d, 80.0) for d in "159#D"]


def test_one_packet_of_an_event_is_enough():
    assert [d for d, _ in send_through(lambda n, p: p[1] & 0x80 and n % 3 == 0)] == list("159#D")


@pytest.mark.parametrize("seed", range(20))
def test_a_quarter_of_the_packets_lost_still_gives_each_digit_once(seed):
    rng = random.Random(seed)
    heard = send_through(lambda n, p: rng.random() > 0.25, digits=DIGITS)
    assert "".join(d for d, _ in heard) == DIGITS


def test_a_long_event_is_one_digit_of_its_whole_length():
    assert send_through(lambda n, p: True, digits="7", tone_ms=4000) == [("7", 4000.0)]


def test_reordered_and_repeated_packets_give_the_digit_once():
    receiver = DtmfReceiver()
    end, update = struct.pack("!BBH", 3, 0x8A, 800), struct.pack("!BBH", 3, 0x0A, 640)
    assert receiver.receive(end, 5000, 8000, 1.0) == [("3", 100.0)]
    assert receiver.receive(update, 5000, 8000, 1.01) == []
    assert receiver.receive(end, 5000, 8000, 1.02) == []
    assert receiver.receive(end, 4000, 8000, 1.03) == []
    assert receiver.receive(end, 6000, 8000, 1.04) == [("3", 100.0)]
    # After a minute nothing is a straggler: the peer may have begun its timestamps anew.
    assert receiver.receive(end, 3000, 8000, 62.0) == [("3", 100.0)]
    assert receiver.due is None


def test_the_same_key_twice_is_two_digits():
    assert [d for d, _ in send_through(lambda n, p: True, digits="11")] == ["1", "1"]


def test_silence_ends_an_event():
    receiver = DtmfReceiver()
    receiver.receive(struct.pack("!BBH", 3, 0x0A, 640), 5000, 8000, 1.0)
    assert receiver.due == 1.5
    assert receiver.expire(1.49) == []
    assert receiver.expire(1.5) == [("3", 80.0)]
    assert receiver.expire(9.0) == []


def test_an_event_that_is_no_key_is_left_out():
    receiver = DtmfReceiver()
    assert receiver.receive(struct.pack("!BBH", 16, 0x8A, 800), 5000, 8000, 1.0) == []
    assert receiver.receive(b"\1\2\3", 5000, 8000, 1.0) == []


def test_two_events_in_one_payload_follow_each_other():
    receiver = DtmfReceiver()
    payload = struct.pack("!BBHBBH", 1, 0x8A, 800, 2, 0x8A, 400)
    assert receiver.receive(payload, 5000, 8000, 1.0) == [("1", 100.0), ("2", 50.0)]


def test_a_new_source_begins_anew():
    receiver = DtmfReceiver()
    end = struct.pack("!BBH", 3, 0x8A, 800)
    receiver.receive(end, 5000, 8000, 1.0)
    receiver.receive(struct.pack("!BBH", 4, 0x0A, 800), 9000, 8000, 1.1)
    assert receiver.restart() == [("4", 100.0)]
    assert receiver.receive(end, 4000, 8000, 1.2) == [("3", 100.0)]


def test_durations_are_in_the_clock_of_the_event_format_where_the_peer_has_only_another():
    sender = DtmfSender(48000, 8000)
    sender.queue("5", tone_ms=100, gap_ms=60)
    durations, ends = [], 0
    for step in range(10):
        if (report := sender.report(step * 960, 960)) is not None:
            durations.append(int.from_bytes(report[0][2:4]))
            ends += report[0][1] >> 7
    assert durations[:4] == [160, 320, 480, 640]  # 20 ms each, at 8 kHz
    assert durations[-1] == 800
    assert ends == 3
