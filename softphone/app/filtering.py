"""A sound file through the filters of a preset: one block after the other, in bounded memory."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

import numpy as np

from dsp.chain import FilterChain
from dsp.errors import ParameterError
from dsp.filters import Setting
from dsp.filters.loudness import LoudnessParams, needs_measuring
from dsp.mending import mend
from dsp.preset import Preset
from dsp.types import Block
from softphone.errors import UsageError
from softphone.io.audio.base import AudioSource, next_of
from softphone.io.dsp_faults import told_to_the_user
from softphone.io.presets import PresetFile, find_preset, preset_files
from softphone.io.resources import resources
from softphone.io.sound_file import SoundReader, SoundWriter
from softphone.io.sound_format import SoundFormat
from softphone.io.target import check_apart, check_target
from softphone.settings import user_config_path

BLOCK_SAMPLES = 16_384
"""Of each channel: long enough that calls cost nothing, short enough to stay in the cache."""
PROGRESS_S = 0.25
LOUDNESS_TOLERANCE_LU = 0.5
"""EBU R 128 (2020) allows so much."""
MOST_FLUSHED_S = 30.0
"""A filter that gives nothing for so long has nothing left to give."""

_SQUARES_FIT = 1e15
"""Samples up to this can be squared and summed in single precision."""

FilterProgress = Callable[[float], None]
"""Told which share is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class FilteredFile:
    """What became of a file. Levels are of all channels together: a full-scale sine is at -3.01 dBFS and peaks at 0."""

    preset: str
    input: str
    output: str
    seconds: float
    """Length of the output."""
    sample_rate_hz: int
    channels: int
    """Of the output."""
    delay_ms: float
    """Of the filters; it was taken off."""
    took_s: float
    times_real_time: float
    """Seconds of input filtered in one second."""
    level_before_dbfs: float | None
    """Mean level; None for digital silence."""
    level_after_dbfs: float | None
    peak_before_dbfs: float | None
    """Greatest sample; None for digital silence."""
    peak_after_dbfs: float | None
    """As it came from the filters, before clipping."""
    clipped_samples: int
    """Samples that were louder than full scale, where the output cannot hold such."""
    readings: dict[str, float | str]
    """What the filters' meters showed at the end, by ``slot.name``."""
    measured: dict[str, float]
    """What a first pass found and the filters were told, by ``slot.parameter``."""
    warnings: tuple[str, ...]
    """What is not as one might expect, a line each."""


def user_preset_folder() -> Path:
    """Where the user's own presets lie."""
    return user_config_path().parent / "presets"


def list_presets() -> list[PresetFile]:
    """All presets that have a name, sorted by it.

    Raises:
        EnvironmentProblem: the user's folder cannot be read.
    """
    return preset_files(user_preset_folder())


def preset_file(what: str) -> PresetFile:
    """The preset that *what* means, a name or a path.

    Raises:
        UsageError: there is none; names the nearest.
    """
    return find_preset(what, user_preset_folder())


def changed(preset: Preset, changes: Mapping[str, object]) -> Preset:
    """*preset* with other values.

    Args:
        changes: plain values, or text as a person types it, by their path.

    Raises:
        UsageError: naming what is unknown or out of range.
    """
    with told_to_the_user():
        for path, value in changes.items():
            preset = preset.with_value(path, value)
    return preset


def run_file(
    preset: str | Preset,
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    changes: Mapping[str, object] | None = None,
    far: str | PathLike[str] | None = None,
    force: bool = False,
    progress: FilterProgress | None = None,
) -> FilteredFile:
    """See `softphone.app.filter_file`."""
    began = time.perf_counter()
    if isinstance(preset, str):
        preset = preset_file(preset).load()
    preset = changed(preset, changes or {})
    check_far(preset, far)
    with SoundReader(source) as reader:
        for each in (source, *(() if far is None else (far,))):
            check_apart(each, target)
        check_target(target, force=force)
        if far is not None:  # what is wrong with it is to be told before any work
            open_far(far, reader.sample_rate_hz).close()
        # What overflows is told in our own words, by `_Level` and by the count of what was clipped.
        with told_to_the_user(f"preset {preset.name}"), np.errstate(over="ignore", invalid="ignore"):
            run = _Run(preset, reader, far, progress)
            measured = run.measure()
            chain = run.chain(run.preset)
            frames = chain.output_samples(reader.frames)
            channels = chain.channels_out
            format = SoundFormat.of(target, reader, channels=channels, frames=frames)
            before, after = _Level(), _Level()
            with SoundWriter(
                target, format, sample_rate_hz=reader.sample_rate_hz, channels=channels, force=force
            ) as writer:
                writer.tag(reader.tags())
                for block in run.filtered(chain, before):
                    after.add(block)
                    writer.write(block)
                writer.commit()
    took_s = time.perf_counter() - began
    return FilteredFile(
        preset=preset.name,
        input=str(source),
        output=str(target),
        seconds=writer.frames / reader.sample_rate_hz,
        sample_rate_hz=reader.sample_rate_hz,
        channels=channels,
        delay_ms=1000 * chain.delay_samples / reader.sample_rate_hz,
        took_s=took_s,
        times_real_time=run.frames / reader.sample_rate_hz / took_s,
        level_before_dbfs=before.level_dbfs,
        level_after_dbfs=after.level_dbfs,
        peak_before_dbfs=before.peak_dbfs,
        peak_after_dbfs=after.peak_dbfs,
        clipped_samples=writer.clipped,
        readings=chain.readings(),
        measured=measured,
        warnings=tuple(_warnings(run, writer, chain)),
    )


def check_far(preset: Preset, far: str | PathLike[str] | None) -> None:
    """See to it that a far signal is given where, and only where, a filter of *preset* takes one; raises UsageError."""
    heard = [each.slot for each in preset.slots if each.spec.takes_far and not each.bypass]
    if heard and far is None:
        raise UsageError(
            f"{heard[0]} of preset {preset.name} needs what the loudspeaker played: give it as the far signal (--far)"
        )
    if far is not None and not heard:
        raise UsageError(f"a far signal (--far) is for an echo canceller: preset {preset.name} has none")


def _warnings(run: "_Run", writer: SoundWriter, chain: FilterChain) -> Iterator[str]:
    reader = run.reader
    if run.frames != reader.frames:
        has, says = run.frames / reader.sample_rate_hz, reader.seconds
        yield f"{reader.path} ends after {has:.3f} s, its header says {says:.3f} s"
    if run.mended:
        yield f"{run.mended} samples of {reader.path} are no numbers or far beyond full scale: taken as silence, or clipped"
    for path in run.unmeasured:
        yield (
            f"{path}: {reader.path} is silent or shorter than 0.4 s, so its loudness cannot be measured: "
            "its gain is ridden as it is live"
        )
    yield from _missed(run.preset, chain.readings())
    if writer.clipped:
        over = 20 * math.log10(writer.peak)
        yield (
            f"{writer.clipped} samples of {writer.path} were clipped, the loudest at {over:.1f} dB over full scale: "
            "lower the gain, or end the preset with a limiter"
        )


def _missed(preset: Preset, readings: Mapping[str, float | str]) -> Iterator[str]:
    """Where a limiter had to keep a file from the loudness it was to have."""
    for slot in preset.slots:
        if not isinstance(slot.params, LoudnessParams) or slot.params.measured_lufs is None or slot.bypass:
            continue
        got, wanted = readings[f"{slot.slot}.integrated_lufs"], slot.params.target_lufs
        if isinstance(got, float) and wanted - got > LOUDNESS_TOLERANCE_LU:
            yield (
                f"{slot.slot}: {got:.1f} LUFS came out, wanted {wanted:g}: its peaks leave no more room below "
                f"{slot.params.max_true_peak_dbtp:g} dBTP; put a compressor before it, or lower the target"
            )


@dataclass(slots=True)
class _Level:
    """Mean and greatest level of what went by."""

    power: float = 0.0
    peak: float = 0.0
    count: int = 0
    frames: int = 0

    def add(self, block: Block) -> None:
        if not block.size:
            return
        flat = block.reshape(-1)
        peak = max(float(flat.max()), -float(flat.min()))
        if not math.isfinite(peak):
            raise ParameterError(
                f"its filters run away: what they give after {self.frames} samples is no number any more"
            )
        self.peak = max(self.peak, peak)
        if peak > _SQUARES_FIT:
            flat = flat.astype(np.float64)
        self.power += float(np.dot(flat, flat))
        self.count += flat.size
        self.frames += block.shape[1]

    @property
    def level_dbfs(self) -> float | None:
        return 10 * math.log10(self.power / self.count) if self.power > 0 else None

    @property
    def peak_dbfs(self) -> float | None:
        return 20 * math.log10(self.peak) if self.peak > 0 else None


@dataclass(slots=True)
class _Run:
    """One file on its way through filters, once for each loudness that is to be measured and once for good."""

    preset: Preset
    reader: SoundReader
    far: str | PathLike[str] | None
    progress: FilterProgress | None
    frames: int = 0
    """What there was to read."""
    mended: int = 0
    """Samples that were no numbers, or beyond all measure."""
    unmeasured: list[str] = field(default_factory=list)
    """Where a loudness was to be measured and there is none, by ``slot.parameter``."""
    _setting: Setting = field(init=False)
    _passes: int = 1
    _pass: int = 0
    _told_at: float = 0.0

    def __post_init__(self) -> None:
        self._setting = Setting(self.reader.sample_rate_hz, self.reader.channels, resources())

    def chain(self, preset: Preset) -> FilterChain:
        return FilterChain(preset, self._setting)

    def measure(self) -> dict[str, float]:
        """Measure the loudness that filters of the preset are to be told (`dsp.filters.loudness`)."""
        wanting = [
            number
            for number, slot in enumerate(self.preset.slots)
            if not slot.bypass and needs_measuring(slot.params)
        ]
        if not wanting:
            return {}
        from dsp.loudness import LoudnessMeter

        self.chain(self.preset)  # what cannot be built is told before the first pass
        self._passes = len(wanting) + 1
        found: dict[str, float] = {}
        for number in wanting:
            chain = self.chain(replace(self.preset, slots=self.preset.slots[:number]))
            meter = LoudnessMeter(self._setting.sample_rate_hz, chain.channels_out, true_peak=False)
            for block in self.filtered(chain, _Level()):
                meter.process(block)
            self._pass += 1
            path = f"{self.preset.slots[number].slot}.measured_lufs"
            if meter.integrated_lufs is None:
                self.unmeasured.append(path)
            else:
                found[path] = meter.integrated_lufs
                self.preset = self.preset.with_value(path, meter.integrated_lufs)
        return found

    def filtered(self, chain: FilterChain, before: _Level) -> Iterator[Block]:
        """The file after *chain*, without its delay and with its tail; each block is valid until the next."""
        far = None if self.far is None else open_far(self.far, self._setting.sample_rate_hz)
        try:
            late, given, self.frames, self.mended = chain.delay_samples, 0, 0, 0
            for block in self.reader.blocks(BLOCK_SAMPLES):
                count = block.shape[1]
                self.mended += mend(block)
                before.add(block)
                out = chain.process(block, next_of(far, count))
                skipped = min(late, out.shape[1])
                late -= skipped
                given += out.shape[1] - skipped
                yield out[:, skipped:]
                self.frames += count
                self._tell()
            yield from self._rest(chain, far, late, chain.output_samples(self.frames) - given)
        finally:
            if far is not None:
                far.close()

    def _rest(self, chain: FilterChain, far: AudioSource | None, late: int, wanted: int) -> Iterator[Block]:
        """What *chain* still holds: *wanted* samples after *late* ones."""
        patience = round(MOST_FLUSHED_S * self._setting.sample_rate_hz)
        while wanted > 0 and patience > 0:
            count = min(BLOCK_SAMPLES, late + wanted)
            out = chain.process(
                np.zeros((self._setting.channels, count), dtype=np.float32), next_of(far, count)
            )
            patience = patience - count if out.shape[1] == 0 else patience
            skipped = min(late, out.shape[1])
            late -= skipped
            out = out[:, skipped : skipped + wanted]
            wanted -= out.shape[1]
            yield out

    def _tell(self) -> None:
        if self.progress is None:
            return
        now = time.perf_counter()
        if now - self._told_at >= PROGRESS_S:
            self._told_at = now
            share = min(1.0, self.frames / self.reader.frames)
            self.progress((self._pass + share) / self._passes)


def open_far(far: str | PathLike[str], sample_rate_hz: int) -> AudioSource:
    """What the loudspeaker played, mixed down to mono and brought to *sample_rate_hz*; raises UsageError."""
    from softphone.io.audio.wavfile import FileSource

    return FileSource(far, sample_rate_hz)
