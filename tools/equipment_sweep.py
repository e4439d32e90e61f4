"""Which codecs `tools.derive_equipment` measures, at which losses, and the measuring: coded speech -> mean MOS-LQO.

Conventions: packets are lost at random, each by itself; MOS-LQO is PESQ's, narrowband at 8 kHz (P.862.1) or wideband at
16 kHz (P.862.2), the mean over recordings and seeds.
"""

import sys
from collections.abc import Sequence

import numpy as np

from dsp.types import Samples
from softphone.app.codec_measure import decoded_sound, losses_of, read_speech, resampled
from softphone.app.codec_named import NamedCodec, named_codec
from softphone.io.measuring import shared_measuring
from tools import equipment_anchors as anchors
from tools.equipment_rows import NARROW, OURS, WIDE, Measured

LOSSES_PCT = (0.0, 1.0, 2.0, 4.0, 7.0, 12.0, 20.0)
SEEDS = (1, 2, 3)
RATES_HZ = {NARROW: 8000, WIDE: 16_000}
PESQ, WITNESS = {NARROW: "pesq_nb", WIDE: "pesq_wb"}, "visqol"
MOST_DELAY_MS = 16

ANCHORS = {
    NARROW: (
        "pcmu@10", "pcmu@20", "pcmu@60", "pcmu-silence@10", "g726:40000", "g726:32000", "g726:24000", "g726:16000",
        "g723.1:6300@30", "amr:12200@20", "amr:7400@20",
    ),
    WIDE: ("direct", "g722:64000", "g722:56000", "g722:48000", "pcmu@20", "g726:32000", "g723.1:6300@30"),
}  # fmt: skip
"""Those that the ITU has figures of; what they are, `tools.equipment_fit.PUBLISHED` says."""
WITH_LOSS = ("pcmu", "pcmu-silence", "g723.1", "amr:12200")


def measure_all(files: Sequence[str]) -> list[Measured]:
    """Measure every condition on *files*."""
    speech = {file: read_speech(file) for file in files}
    rows: list[Measured] = []
    for scale in (NARROW, WIDE):
        for condition in (*ANCHORS[scale], *OURS[scale]):
            lossy = condition in OURS[scale] or (scale == NARROW and condition.startswith(WITH_LOSS))
            rows += _measure(PESQ[scale], scale, condition, speech, LOSSES_PCT if lossy else LOSSES_PCT[:1])
            rows += _measure(WITNESS, scale, condition, speech, LOSSES_PCT[:1])
            print(f"{scale} {condition}: {rows[-1].mos:.2f}", file=sys.stderr)
    return rows


def _measure(
    metric: str, scale: str, condition: str, speech: dict[str, Samples], losses_pct: Sequence[float]
) -> list[Measured]:
    rate = RATES_HZ[scale]
    values: dict[float, list[float]] = {loss: [] for loss in losses_pct}
    lost: dict[float, list[float]] = {loss: [] for loss in losses_pct}
    for file, sound in speech.items():
        said = resampled(sound, 16_000, rate)
        line = _Line(condition, sound)
        for loss_pct in losses_pct:
            for seed in SEEDS if loss_pct else SEEDS[:1]:
                losses = losses_of(line.packets, loss_pct, 1.0, seed, f"{file} {condition}")
                heard = resampled(line.heard(losses), line.rate_hz, rate)
                if metric == WITNESS and condition in ANCHORS[scale]:
                    heard = _undelayed(said, heard, rate)
                size = min(said.size, heard.size)
                answer = shared_measuring().measure(metric, rate, said[:size], heard[:size])
                if "value" not in answer:
                    sys.exit(f"{condition} on {file} at {loss_pct:g} % could not be measured: {answer}")
                values[loss_pct].append(answer["value"])
                lost[loss_pct].append(100 * sum(losses) / max(1, len(losses)))
    return [
        Measured(
            metric, scale, condition, loss, float(np.mean(lost[loss])), float(np.mean(values[loss])),
            float(np.std(values[loss])), len(values[loss]),
        )
        for loss in losses_pct
    ]  # fmt: skip


def _undelayed(said: Samples, heard: Samples, rate_hz: int) -> Samples:
    """*heard* without the delay at which it is most like *said*, up to `MOST_DELAY_MS`; ViSQOL looks for none itself."""
    reach = rate_hz * MOST_DELAY_MS // 1000
    size = min(said.size, heard.size) - 2 * reach
    part = said[reach : reach + size]
    likeness = [
        float(np.dot(part, heard[reach + lag : reach + lag + size])) for lag in range(-reach, reach + 1)
    ]
    lag = int(np.argmax(likeness)) - reach
    return np.ascontiguousarray(
        heard[lag:] if lag >= 0 else np.concatenate((np.zeros(-lag, np.float32), heard))
    )


def _payloads(codec: NamedCodec, sound: Samples) -> list[bytes]:
    """*sound*, and silence behind it for the codec's delay, as packets."""
    size = codec.packet_samples
    count = -(-(sound.size + codec.spec.delay_samples(codec.settings)) // size)
    padded: Samples = np.zeros(count * size, dtype=np.float32)
    padded[: sound.size] = sound
    encode = codec.spec.make_encoder(codec.settings).encode
    return [encode(block) for block in padded.reshape(count, size)]


class _Line:
    """One recording, coded once, to be heard with any losses."""

    def __init__(self, condition: str, sound: Samples) -> None:
        name, _, interval = condition.partition("@")
        self._narrow = resampled(sound, 16_000, 8000)
        self._name, self._wide = name, sound
        self.rate_hz, self.packets = 8000, 0
        if name == "direct":
            self.rate_hz = 16_000
        elif name.startswith("g726"):
            self._coded = anchors.g726(int(name.partition(":")[2]))(self._narrow, [])
        elif name.startswith("g722:"):
            self.rate_hz = 16_000
            self._coded = anchors.g722(int(name.partition(":")[2]))(sound, [])
        elif name.startswith("g723.1"):
            self.packets = self._narrow.size // anchors.G7231_FRAME
        elif name.startswith("amr"):
            self.packets = self._narrow.size // anchors.AMR_FRAME
        else:
            self._codec = named_codec(f"{name.removesuffix('-silence')}@{interval}")
            self.rate_hz = self._codec.sample_rate_hz
            self._payloads = _payloads(self._codec, self._narrow if self.rate_hz == 8000 else sound)
            self.packets = len(self._payloads)

    def heard(self, losses: list[bool]) -> Samples:
        """What arrives, delay taken off where it is known; PESQ finds the rest."""
        if self._name == "direct":
            return self._wide
        if self._name.startswith("g723.1"):
            return anchors.g7231(self._narrow, losses)
        if self._name.startswith("amr"):
            return anchors.amr(int(self._name.partition(":")[2]))(self._narrow, losses)
        if self._name.startswith(("g726", "g722:")):
            return self._coded
        late = self._codec.spec.delay_samples(self._codec.settings)
        decoded = decoded_sound(self._codec, self._payloads, losses)
        if self._name.endswith("-silence"):
            size = self._codec.packet_samples
            decoded = decoded_sound(self._codec, self._payloads, [False] * len(losses))
            for number, is_lost in enumerate(losses):
                if is_lost:
                    decoded[number * size : (number + 1) * size] = 0.0
        return np.ascontiguousarray(decoded[late:])
