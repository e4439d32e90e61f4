"""Many calls at once to one URI, at little cost: speech in Opus packets encoded beforehand, over raw SIP and RTP.

    python -m benchmarks.load sip:bob@127.0.0.1:5060 60

Prints "standing" when all calls stand, sends until its standard input ends, then hangs up. What comes back is
not read: the program that is called is measured, and the load must leave the machine to it.
"""

import contextlib
import itertools
import select
import sys
import time
from pathlib import Path

import numpy as np
from support.peers import read_wav

from benchmarks.probe import Probe
from dsp.codecs import CodecSettings
from softphone.io.libraries import codecs

PTIME_MS = 60
BIT_RATE_BPS = 16_000
SPEECH = Path(__file__).resolve().parents[1] / "softphone" / "data" / "speech" / "man.wav"


def speech_packets() -> list[bytes]:
    """Bundled speech, encoded."""
    samples, rate_hz = read_wav(SPEECH)
    settings = CodecSettings(bit_rate_bps=BIT_RATE_BPS, ptime_ms=PTIME_MS, complexity=5)
    spec = codecs().get("opus")
    assert rate_hz == spec.sample_rate_hz(settings)
    encoder = spec.make_encoder(settings)
    size = rate_hz * PTIME_MS // 1000
    whole = np.asarray(samples[: len(samples) // size * size], dtype=np.float32)
    return [encoder.encode(block) for block in whole.reshape(-1, size)]


def main() -> int:
    uri, count = sys.argv[1], int(sys.argv[2])
    packets = speech_packets()
    probes = []
    for _ in range(count):
        probe = Probe(uri, PTIME_MS, bit_rate_bps=BIT_RATE_BPS)
        probe.call()
        probes.append(probe)
    print("standing", flush=True)
    start = time.monotonic()
    for number in itertools.count():
        left = start + number * PTIME_MS / 1000 - time.monotonic()
        if select.select([sys.stdin], [], [], max(0.0, left))[0]:
            break
        payload = packets[number % len(packets)]
        for probe in probes:
            probe.send_packet(payload, number)
    for probe in probes:
        with contextlib.suppress(TimeoutError):  # one that does not answer BYE has been measured all the same
            probe.hang_up()
    return 0


if __name__ == "__main__":
    sys.exit(main())
