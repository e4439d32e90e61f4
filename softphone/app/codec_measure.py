"""One sound file through one codec at one loss: real encoded bytes, what they cost, and how the speech came out.

Conventions: the file is mixed down to mono and brought to the codec's rate by soxr; the decoded sound has the codec's delay
taken off and the length of the original. PESQ narrowband is taken at 8 kHz, PESQ wideband, DNSMOS, PLCMOS and the recogniser at
16 kHz, STOI at the codec's rate up to 16 kHz, each against the original at that rate.
"""

import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsp.codecs import MAX_PACKET_MS
from dsp.errors import BitstreamError
from dsp.level import measure_level
from dsp.metrics import metrics
from dsp.metrics.pesq import raw_of
from dsp.metrics.words import word_errors, words_of
from dsp.packet_line import GilbertLoss
from dsp.plc.waveform import Concealer
from dsp.types import Samples
from dsp.vad import VoiceActivity
from softphone.app.codec_named import NamedCodec, named_codec
from softphone.app.wire_limit import HEADER_BYTES
from softphone.errors import UsageError
from softphone.io.audio.wavfile import FileSource
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.measuring import Measuring, shared_measuring
from softphone.io.sound_file import SoundReader
from softphone.io.speech import speech_path
from softphone.measure_config import MEASURES

ORIGINAL = "original"
"""Called a codec where the sound is measured as it is."""
MAX_S = 600.0
"""Of a file; what comes after is not looked at."""
MIN_SPEECH_S = 1.0
SILENT_DBOV = -75.0
NARROW_HZ, WIDE_HZ = 8000, 16_000
PATTERNS = 64
SETTLING = 50


@dataclass(frozen=True, slots=True)
class MeasureJob:
    """What is to be measured."""

    file: str
    """A sound file, or ``builtin:NAME``."""
    codec: str
    """As `softphone.app.codec_named.named_codec` reads it, with its packet interval; or `ORIGINAL`."""
    loss_pct: float = 0.0
    burst: float = 1.0
    seed: int = 1
    complexity: int = 5
    repeats: int = 3
    """How often the processor time is taken; the least counts."""
    measures: tuple[str, ...] = MEASURES
    transcript: str | None = None
    """What is said in the file; None: what the recogniser hears in the original."""
    opus: str | None = None


def measure_file(job: MeasureJob) -> dict[str, Any]:
    """Measure; see the columns in docs/codec-comparison.md.

    Raises:
        UsageError: the file is unreadable, silent or holds no speech; or no such codec.
    """
    original = read_speech(job.file)
    row: dict[str, Any] = {
        "codec": job.codec,
        "file": job.file,
        "loss_pct": job.loss_pct,
        "burst": job.burst,
        "seconds": round(original.size / WIDE_HZ, 3),
    }
    if job.codec == ORIGINAL:
        row |= dict.fromkeys(
            ("bit_rate_bps", "ptime_ms", "packets", "lost_pct", "payload_bps", "wire_bps", "packets_per_s",
             "encode_ms_per_s", "decode_ms_per_s", "algorithmic_delay_ms", "carried_s", "datagrams")
        )  # fmt: skip
        row |= {"sample_rate_hz": WIDE_HZ}
        return row | judged(job, original, WIDE_HZ)
    codec = named_codec(job.codec, complexity=job.complexity, opus=job.opus, measuring=True)
    rate = codec.sample_rate_hz
    sound = original if rate == WIDE_HZ else _fitted(read_sound(job.file, rate), original.size, WIDE_HZ, rate)
    with told_to_the_user(codec.name):
        payloads, encode_s = _least(lambda: _encoded(codec, sound), job.repeats)
        losses = losses_of(len(payloads), job.loss_pct, job.burst, job.seed, job.file)
        decoded, decode_s = _least(lambda: decoded_sound(codec, payloads, losses), job.repeats)
    late = codec.spec.delay_samples(codec.settings)
    heard = np.ascontiguousarray(decoded[late : late + sound.size])
    carried_s = len(payloads) * codec.settings.ptime_ms / 1000
    sent = [payload for payload in payloads if payload]
    size = sum(map(len, sent))
    row |= {
        "bit_rate_bps": codec.settings.bit_rate_bps,
        "ptime_ms": codec.settings.ptime_ms,
        "sample_rate_hz": rate,
        "packets": len(sent),
        "carried_s": round(carried_s, 3),
        "datagrams": dict(sorted(Counter(str(len(payload) + HEADER_BYTES) for payload in sent).items())),
        "lost_pct": round(100 * sum(losses) / max(1, len(losses)), 2),
        "payload_bps": round(8 * size / carried_s, 1),
        "wire_bps": round(8 * (size + HEADER_BYTES * len(sent)) / carried_s, 1),
        "packets_per_s": round(len(sent) / carried_s, 2),
        "encode_ms_per_s": round(1000 * encode_s / carried_s, 3),
        "decode_ms_per_s": round(1000 * decode_s / carried_s, 3),
        "algorithmic_delay_ms": round(codec.delay_ms, 2),
    }
    return row | judged(job, heard, rate)


def judged(
    job: MeasureJob, heard: Samples, sample_rate_hz: int, measuring: Measuring | None = None
) -> dict[str, Any]:
    """What metrics say of *heard*, which is aligned with the file of *job*; null where one refuses, and why."""
    child = shared_measuring() if measuring is None else measuring
    refused: dict[str, str] = {}

    def value(what: str, rate: int, *signals: Samples) -> Any:
        if what not in job.measures:
            return None
        answer = child.measure(what, rate, *signals)
        if "refused" in answer:
            refused[what] = answer["refused"]
        return answer.get("value")

    narrow, wide = (resampled(heard, sample_rate_hz, rate) for rate in (NARROW_HZ, WIDE_HZ))
    found: dict[str, Any] = {"pesq_nb": None, "pesq_wb": None, "stoi": None}
    if job.codec != ORIGINAL:
        said = read_speech(job.file)
        shared = min(sample_rate_hz, WIDE_HZ)
        found["pesq_nb"] = value("pesq_nb", NARROW_HZ, *_even(_original(job.file, said, NARROW_HZ), narrow))
        if recorded_hz(job.file) >= WIDE_HZ:  # else there is no band to judge
            found["pesq_wb"] = value("pesq_wb", WIDE_HZ, *_even(said, wide))
        found["stoi"] = value(
            "stoi", shared, *_even(_original(job.file, said, shared), wide if shared == WIDE_HZ else narrow)
        )
    found["pesq_nb_raw"] = None if found["pesq_nb"] is None else raw_of(found["pesq_nb"])
    found["score"] = own_score(job, heard, sample_rate_hz, child)
    opinions = value("dnsmos", WIDE_HZ, wide)
    for number, name in enumerate(("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl")):
        found[name] = None if opinions is None else opinions[number]
    found["plcmos"] = value("plcmos", WIDE_HZ, wide)
    found |= _understood(job, value("words", WIDE_HZ, wide), child)
    found["level_dbov"] = measure_level(heard, sample_rate_hz).level_dbov
    rounded = {name: round(each, 4) if isinstance(each, float) else each for name, each in found.items()}
    return rounded | {"refused": refused}


def own_metric() -> str | None:
    """The registered metric of ours that gives a MOS against a reference, if there is one."""
    for name in metrics.names():
        spec = metrics.get(name)
        if name not in MEASURES and spec.needs_reference and spec.unit.startswith("MOS"):
            return name
    return None


def own_score(job: MeasureJob, heard: Samples, sample_rate_hz: int, child: Measuring) -> float | None:
    """What our own MOS metric says, where there is one."""
    name = own_metric()
    if name is None or job.codec == ORIGINAL:
        return None
    rate = NARROW_HZ if sample_rate_hz == NARROW_HZ else WIDE_HZ
    rates = metrics.get(name).sample_rates_hz
    if rates and rate not in rates:
        rate = rates[-1]
    said = _original(job.file, read_speech(job.file), rate)
    found = child.measure(name, rate, *_even(said, resampled(heard, sample_rate_hz, rate))).get("value")
    return None if found is None else float(found)


def _understood(job: MeasureJob, words: str | None, child: Measuring) -> dict[str, Any]:
    found: dict[str, Any] = {"wer_pct": None, "words": None, "word_errors": None, "heard": words}
    if words is None:
        return found
    said = job.transcript
    if said is None:
        said = (
            words
            if job.codec == ORIGINAL
            else child.measure("words", WIDE_HZ, read_speech(job.file)).get("value")
        )
    count = len(words_of(said or ""))
    if count == 0:
        return found
    errors = word_errors(words_of(said or ""), words_of(words))
    return found | {"wer_pct": 100 * errors / count, "words": count, "word_errors": errors}


# -- sound


def read_sound(what: str, sample_rate_hz: int) -> Samples:
    """The first `MAX_S` of the file *what*, or of ``builtin:NAME``, mono at *sample_rate_hz*; raises UsageError."""
    source = FileSource(speech_path(what), sample_rate_hz)
    try:
        seconds = min(source.duration_s or 0.0, MAX_S)
        samples: Samples = np.zeros(max(1, round(seconds * sample_rate_hz)), dtype=np.float32)
        return samples[: source.read(samples)]
    finally:
        source.close()


def recorded_hz(what: str) -> int:
    """The sample rate of the file *what*, or of ``builtin:NAME``."""
    with SoundReader(speech_path(what)) as reader:
        return reader.sample_rate_hz


def read_speech(what: str) -> Samples:
    """`read_sound` at `WIDE_HZ`, refused where there is nothing to judge.

    Raises:
        UsageError: unreadable, silent, or hardly any speech.
    """
    sound = read_sound(what, WIDE_HZ)
    if sound.size and not np.isfinite(sound).all():
        raise UsageError(f"{what} holds samples that are no numbers: wanted a recording of speech")
    level = measure_level(sound, WIDE_HZ).level_dbov if sound.size else None
    if level is None or level < SILENT_DBOV:
        raise UsageError(f"{what} is silent: wanted a recording of speech")
    active = VoiceActivity(WIDE_HZ).process(sound)
    spoken_s = float(active.sum()) * 0.01
    if spoken_s < MIN_SPEECH_S:
        raise UsageError(
            f"{what} holds {spoken_s:.1f} s of speech: wanted a recording with {MIN_SPEECH_S:g} s of it or more"
        )
    return sound


def resampled(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """*samples* at another rate."""
    if from_hz == to_hz:
        return samples
    import soxr

    return np.ascontiguousarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), dtype=np.float32)


def _original(file: str, wide: Samples, rate: int) -> Samples:
    return wide if rate == WIDE_HZ else resampled(wide, WIDE_HZ, rate)


def _even(said: Samples, heard: Samples) -> tuple[Samples, Samples]:
    """Both as long as the shorter."""
    count = min(said.size, heard.size)
    return said[:count], heard[:count]


def _fitted(sound: Samples, count: int, count_hz: int, rate_hz: int) -> Samples:
    wanted = count * rate_hz // count_hz
    return np.concatenate((sound, np.zeros(max(0, wanted - sound.size), dtype=np.float32)))[:wanted]


# -- coding


def _least(run: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """What *run* gives, and the least processor time of this process that it took (s)."""
    least, result = float("inf"), None
    for _ in range(max(1, repeats)):
        began = time.process_time()
        result = run()
        least = min(least, time.process_time() - began)
    return result, least


def _encoded(codec: NamedCodec, sound: Samples) -> list[bytes]:
    """All of *sound*, and silence behind it for the codec's delay, as packets."""
    size = codec.packet_samples
    wanted = sound.size + codec.spec.delay_samples(codec.settings)
    count = -(-wanted // size)
    padded: Samples = np.zeros(count * size, dtype=np.float32)
    padded[: sound.size] = sound
    encode = codec.spec.make_encoder(codec.settings).encode
    return [encode(padded[at * size : (at + 1) * size]) for at in range(count)]


def losses_of(packets: int, loss_pct: float, burst: float, seed: int, file: str = "") -> list[bool]:
    """Which of *packets* are lost (Gilbert's model): other ones for each name of a file, the same for the same seed.

    A short recording of few packets can lose half as many as asked for, or twice: of `PATTERNS` that the model
    gives, the one whose share comes nearest is taken.
    """
    if loss_pct <= 0:
        return [False] * packets
    begin = zlib.crc32(f"{seed} {Path(file).name}".encode())
    wanted = packets * loss_pct / 100
    best: list[bool] = []
    for number in range(PATTERNS):
        loss = GilbertLoss(loss_pct, burst, begin + number)
        for _ in range(SETTLING):  # it begins without loss
            loss.next()
        found = [loss.next() for _ in range(packets)]
        if not best or abs(sum(found) - wanted) < abs(sum(best) - wanted):
            best = found
        if abs(sum(best) - wanted) <= 0.5:
            break
    return best


def decoded_sound(codec: NamedCodec, payloads: list[bytes], losses: list[bool]) -> Samples:
    """The packets that arrive, decoded; what is lost is recovered from the next packet, else concealed as in a call."""
    decoder = codec.spec.make_decoder(codec.settings)
    concealer = None if codec.spec.conceals else Concealer(codec.sample_rate_hz)
    size = codec.packet_samples
    scratch: Samples = np.zeros(codec.sample_rate_hz * MAX_PACKET_MS // 1000, dtype=np.float32)
    out: Samples = np.zeros(len(payloads) * size, dtype=np.float32)

    def fill(block: Samples) -> None:
        if concealer is None:
            decoder.conceal(block)
        else:
            concealer.conceal(block)

    for number, payload in enumerate(payloads):
        block = out[number * size : (number + 1) * size]
        behind = number + 1
        if losses[number]:
            follows = behind < len(payloads) and not losses[behind] and payloads[behind]
            if not follows or not decoder.recover(payloads[behind], block):
                fill(block)
            continue
        if not payload:
            fill(block)
            continue
        try:
            count = min(decoder.decode(payload, scratch), size)
        except BitstreamError:
            fill(block)
            continue
        block[:count] = scratch[:count]
        if concealer is not None:
            concealer.accept(block)
    return out
