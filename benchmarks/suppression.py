"""Noise suppression: every engine on real speech in made noise, by SI-SDR, STOI, DNSMOS where it is there, and cost.

python -m benchmarks.suppression [--json FILE] [--smoke]

A figure is a cost: microseconds of one core for 10 ms of sound, in blocks of 10 ms at 16 kHz. The table of quality goes
to stderr. DNSMOS needs the packages onnxruntime and speechmos; of the latter only the models are used, so
``pip install --no-deps speechmos`` does.
"""

import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from support.suppression import (
    NOISES,
    RATE_HZ,
    SNRS_DB,
    SPEAKERS,
    Noisy,
    dnsmos,
    dnsmos_missing,
    noisy,
    si_sdr_db,
)

from benchmarks.figures import Figure, deliver, options, progress
from dsp.errors import LibraryMissing
from dsp.filters import Filter, Resources, Setting, filters
from dsp.metrics.stoi import measure as stoi
from dsp.params import from_mapping
from dsp.types import Samples
from softphone.io.engines import find_engine

BLOCK = RATE_HZ // 100
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to suppress noise."""

    name: str
    values: dict[str, Any]
    at_most_us: float | None = None
    """500 us are 5 % of a core."""

    def build(self) -> Filter:
        """Raises LibraryMissing for an engine that is not installed."""
        spec = filters.get("denoise")
        setting = Setting(RATE_HZ, 1, Resources(find_library=find_engine))
        return spec.build(from_mapping(spec.params, self.values), setting)


CONTENDERS = (
    Contender("spectral, gentle, 12 dB", {"amount_db": 12}, 500.0),
    Contender("spectral, log-mmse, 20 dB", {"amount_db": 20, "rule": "log-mmse"}, 500.0),
    Contender("spectral, wiener, 20 dB", {"amount_db": 20, "rule": "wiener"}, 500.0),
    Contender("webrtc, 12 dB", {"engine": "webrtc", "amount_db": 12}),
    Contender("webrtc, 21 dB", {"engine": "webrtc", "amount_db": 21}),
    Contender("rnnoise", {"engine": "rnnoise", "amount_db": 40}),
    Contender("deepfilter", {"engine": "deepfilter", "amount_db": 40}),
)


def filtered(contender: Contender, sound: Samples) -> Samples:
    """The sound through a fresh filter, its delay taken away."""
    running = contender.build()
    late = np.concatenate((sound, np.zeros(running.delay_samples, dtype=np.float32)))
    return running.process(late[np.newaxis])[0, running.delay_samples :]


def scores(mixture: Noisy, heard: Samples, *, with_dnsmos: bool) -> list[float]:
    """SI-SDR, STOI and, if wanted, DNSMOS of speech, background and all."""
    found = [si_sdr_db(mixture.clean, heard), stoi(mixture.clean, heard, RATE_HZ)]
    if with_dnsmos:
        opinion = dnsmos(heard, RATE_HZ, step_s=4.0)
        found += [opinion.speech, opinion.background, opinion.overall]
    return found


def cost_us(contender: Contender, sound: Samples) -> float:
    """Processor time for 10 ms, the mean over *sound*."""
    running = contender.build()
    blocks = [sound[np.newaxis, at : at + BLOCK].copy() for at in range(0, sound.size - BLOCK, BLOCK)]
    for block in blocks[:20]:
        running.process(block)
    start = time.process_time()
    for block in blocks:
        running.process(block)
    return (time.process_time() - start) / len(blocks) * 1e6


def row(name: str, kind: str, snr_db: float, values: np.ndarray) -> str:
    """One line of the table of quality."""
    cells = [f"{values[0]:7.2f}", f"{values[1]:6.3f}", *(f"{each:5.2f}" for each in values[2:])]
    return f"{name:28}{kind:8}{snr_db:4.0f}  " + " ".join(cells)


def main() -> int:
    given = options(__doc__).parse_args()
    why = dnsmos_missing()
    speakers = SPEAKERS[:1] if given.smoke else SPEAKERS
    noises = NOISES[:1] if given.smoke else NOISES
    snrs_db = SNRS_DB[1:2] if given.smoke else SNRS_DB
    with_dnsmos = why is None and not given.smoke
    if why is not None:
        progress(f"no DNSMOS: {why}")
    columns = "SI-SDR   STOI" + ("   SIG   BAK  OVRL" if with_dnsmos else "")
    progress(f"{'':28}{'noise':8}{'dB':>4}  {columns}")
    figures = []
    for contender in (None, *CONTENDERS):
        name = "noisy" if contender is None else contender.name
        if contender is not None:
            figure = Figure(f"denoise, {name}, 10 ms", "us", at_most=contender.at_most_us)
            try:
                contender.build()
            except LibraryMissing as error:
                figures.append(figure.skip(str(error)))
                continue
            sound = noisy("man", "fan", 5.0).mixed
            rounds = 1 if given.smoke else ROUNDS
            length = RATE_HZ // 2 if given.smoke else sound.size
            figures.append(figure.measured([cost_us(contender, sound[:length]) for _ in range(rounds)]))
        every = []
        for kind in noises:
            for snr_db in snrs_db:
                found = []
                for speaker in speakers:
                    mixture = noisy(speaker, kind, snr_db)
                    heard = mixture.mixed if contender is None else filtered(contender, mixture.mixed)
                    found.append(scores(mixture, heard, with_dnsmos=with_dnsmos))
                every.append(np.mean(found, axis=0))
                progress(row(name, kind, snr_db, every[-1]))
        progress(row(name, "mean", float(np.mean(snrs_db)), np.mean(every, axis=0)))
    return deliver(figures, given.json)


if __name__ == "__main__":
    sys.exit(main())
