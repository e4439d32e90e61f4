"""Repeat credit and DTX: packets saved, what they cost in PESQ, and CPU, for each codec and level.

python -m benchmarks.repeat_credit [--speech FILE ...] [--codecs opus:6000:60,codec2:3200:60] [--json FILE] [--smoke]

*Active* is the speech as it is, with repeat credit alone. *Half pauses* is each file followed by as long a pause, in pink
noise at -60 dBov or ``--noise-dbov``, with DTX and repeat credit. Quality is P.862.1 against the sound that was sent, the
mean over the files; it needs the package pesq. The receiver is ours: the codec's concealment within the credit, comfort
noise beyond. CPU is that of the sender: encoder, mirror and pause detector.
"""

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from support.suppression import noise

from benchmarks.figures import options, progress
from dsp.codecs import MAX_PACKET_MS, CodecSettings, CodecSpec, Encoder
from dsp.plc.waveform import Concealer
from dsp.types import Samples
from dsp.units import samples_of_ms
from softphone.io.libraries import codecs
from softphone.io.measuring import Measuring
from softphone.io.speech import builtin_names, speech_path
from softphone.media.dtx import GapFiller
from softphone.media.suppress import LEVELS, Suppression, Suppressor, make_suppressed, suggested_credit

CODECS = "opus:6000:60,opus:9600:60,codec2:3200:60"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, the mean over the files."""

    codec: str
    speech: str
    level: str
    credit: int
    packets_per_s: float
    saved_pct: float
    by_dtx_pct: float
    pesq_nb: float | None
    lost_pesq: float | None
    """Against the same codec with everything sent."""
    cpu_ms_per_s: float


@dataclass(slots=True)
class Sent:
    """What became of one file."""

    heard: Samples
    offered: int = 0
    sent: int = 0
    by_dtx: int = 0
    cpu_s: float = 0.0


def send(spec: CodecSpec, settings: CodecSettings, sound: Samples, suppression: Suppression) -> Sent:
    """Send *sound* to a receiver of ours, over a line that loses nothing."""
    rate = spec.sample_rate_hz(settings)
    count = samples_of_ms(settings.ptime_ms, rate)
    encoder: Encoder = make_suppressed(spec, settings, suppression)
    decoder = spec.make_decoder(settings)
    concealer = None if spec.conceals else Concealer(rate)
    filler = GapFiller(rate, suppression.credit * count)
    conceal = decoder.conceal if concealer is None else concealer.conceal
    scratch: Samples = np.zeros(samples_of_ms(MAX_PACKET_MS, rate), dtype=np.float32)
    packets = sound[: sound.size // count * count].reshape(-1, count)
    result = Sent(np.zeros(packets.size, dtype=np.float32), offered=len(packets))
    for number, packet in enumerate(packets):
        start = time.process_time()
        payload = encoder.encode(packet)
        result.cpu_s += time.process_time() - start
        block = result.heard[number * count : (number + 1) * count]
        if payload:
            result.sent += 1
            decoder.decode(payload, scratch)
            block[:] = scratch[:count]
            if concealer is not None:
                concealer.accept(block)
            filler.heard(block)
        else:
            filler.fill(block, conceal, lost=False)
    if isinstance(encoder, Suppressor):
        result.by_dtx = encoder.cost.withheld_by_dtx
    return result


def with_pauses(sound: Samples, rate_hz: int, noise_dbov: float) -> Samples:
    """*sound* and as long a pause, in noise."""
    talk = np.concatenate((sound, np.zeros_like(sound)))
    return talk + np.float32(10 ** (noise_dbov / 20)) * noise("pink", talk.size, rate_hz)


def rows(text: str, files: list[Path], noise_dbov: float, measuring: Measuring) -> Iterable[Row]:
    """All lines of one codec, ``name:bit rate:packet interval``."""
    name, bit_rate, ptime = text.split(":")
    settings = CodecSettings(bit_rate_bps=int(bit_rate), ptime_ms=int(ptime), complexity=10)
    spec = codecs().get(name)
    spec = spec if spec.at is None else spec.at(settings)
    rate = spec.sample_rate_hz(settings)
    credit = suggested_credit(settings.ptime_ms)
    spoken = []
    for path in files:
        sound, file_rate = soundfile.read(path, dtype="float32", always_2d=True)
        spoken.append(
            np.ascontiguousarray(soxr.resample(sound.mean(axis=1), file_rate, rate), dtype=np.float32)
        )
    for kind in ("active", "half pauses"):
        sounds = spoken if kind == "active" else [with_pauses(each, rate, noise_dbov) for each in spoken]
        whole: float | None = None
        for level in LEVELS:
            dtx = kind != "active" and level != "off"
            suppression = Suppression(level=level, credit=0 if level == "off" else credit, dtx=dtx)
            runs = [send(spec, settings, sound, suppression) for sound in sounds]
            delay = spec.delay_samples(settings)
            scores = []
            for sound, run in zip(sounds, runs, strict=True):
                heard = run.heard[delay:]
                answer = measuring.measure("pesq_nb", rate, sound[: heard.size], heard)
                if "value" in answer:
                    scores.append(float(answer["value"]))
                else:
                    progress(f"no PESQ: {answer}")
            score = float(np.mean(scores)) if len(scores) == len(runs) else None
            whole = score if level == "off" else whole
            seconds = sum(run.heard.size for run in runs) / rate
            offered, sent = sum(run.offered for run in runs), sum(run.sent for run in runs)
            yield Row(
                codec=text,
                speech=kind,
                level=level,
                credit=suppression.credit,
                packets_per_s=sent / seconds,
                saved_pct=100 * (offered - sent) / offered,
                by_dtx_pct=100 * sum(run.by_dtx for run in runs) / offered,
                pesq_nb=score,
                lost_pesq=None if score is None or whole is None else whole - score,
                cpu_ms_per_s=1000 * sum(run.cpu_s for run in runs) / seconds,
            )


def line(row: Row) -> str:
    """One line of a Markdown table."""
    score = "" if row.pesq_nb is None else f"{row.pesq_nb:.2f}"
    lost = "" if row.lost_pesq is None else f"{row.lost_pesq:.2f}"
    return (
        f"| {row.codec} | {row.speech} | {row.level} | {row.credit} | {row.packets_per_s:.1f} | {row.saved_pct:.1f} % | "
        f"{row.by_dtx_pct:.1f} % | {score} | {lost} | {row.cpu_ms_per_s:.1f} |"
    )


def main() -> int:
    parser = options(__doc__)
    parser.add_argument(
        "--speech", nargs="+", metavar="FILE", help="sound files; default: the bundled speech"
    )
    parser.add_argument("--codecs", default=CODECS, help="name:bit rate:packet interval in ms, by commas")
    parser.add_argument("--noise-dbov", type=float, default=-60.0, help="level of the noise in half pauses")
    given = parser.parse_args()
    files = [speech_path(each) for each in given.speech or [f"builtin:{name}" for name in builtin_names()]]
    wanted = given.codecs.split(",")
    if given.smoke:
        files, wanted = files[:1], wanted[:1]
    found = []
    print(
        "| codec | speech | level | credit | packets/s | saved | by DTX | PESQ-nb | lost | CPU ms/s |\n"
        + "|---" * 10
        + "|"
    )
    with Measuring() as measuring:
        for text in wanted:
            for row in rows(text, files, given.noise_dbov, measuring):
                found.append(row)
                print(line(row), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
