"""Invariant: whatever a file holds, reading it ends, raises nothing but `CaptureError`, and counts what it could not read."""

import io
import random

import pytest
from support.captures import call, delayed, file_of, pcapng, stream, talk

from softphone.capture import CaptureError, CaptureStats, StreamCollector, datagrams, frames, network_figures

ROUNDS = 150
TALK = talk("pcmu", 1.0)
SENT = delayed(stream(TALK), jitter_ms=5)
FILES = {
    "pcap": file_of(SENT, extra=call("RTP/AVP 0")),
    "pcapng": pcapng(each.seen() for each in SENT),
}


def read(data: bytes) -> CaptureStats:
    stats, collector = CaptureStats(), StreamCollector()
    try:
        for datagram in datagrams(frames(io.BytesIO(data), stats), stats):
            if datagram.sequence < 0:
                collector.add(datagram)
    except CaptureError:
        return stats
    for found in collector.streams():
        figures = network_figures(found, 8000)
        assert 0 <= figures.lost <= figures.expected
        assert figures.packets == len(found)
        _ = found.looks_real
    return stats


@pytest.mark.parametrize("kind", FILES)
def test_flipped_bytes_are_survived(kind):
    rng, data = random.Random(kind), FILES[kind]
    for _ in range(ROUNDS):
        broken = bytearray(data)
        for _ in range(rng.choice((1, 3, 30, 300))):
            broken[rng.randrange(4, len(broken))] = rng.randrange(256)
        read(bytes(broken))


@pytest.mark.parametrize("kind", FILES)
def test_cut_repeated_and_joined_pieces_are_survived(kind):
    rng, data = random.Random(kind), FILES[kind]
    for _ in range(ROUNDS):
        a, b, c = sorted(rng.randrange(len(data)) for _ in range(3))
        read(
            rng.choice(
                (data[:b], data[:a] + data[b:], data[:b] + data[a:c], data[:a] + rng.randbytes(40) + data[a:])
            )
        )


@pytest.mark.parametrize("kind", FILES)
def test_noise_behind_a_good_start_is_survived(kind):
    rng, start = random.Random(kind), FILES[kind][:48]
    for _ in range(40):
        read(start + rng.randbytes(rng.randrange(5000)))
