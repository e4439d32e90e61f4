"""A recording of a voice, read twice: first for what is known of it as a whole, then in sections through every contour."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dsp.errors import DspError, ParameterError
from dsp.phonation.cepstrum import RATE_HZ, CepstrumContour
from dsp.phonation.complexity import ComplexityContour
from dsp.phonation.formants import FormantContour
from dsp.phonation.harmonicity import HarmonicityContour
from dsp.phonation.intensity import IntensityContour
from dsp.phonation.likeness import LikenessContour
from dsp.phonation.phonation import Phonation, VoiceSettings
from dsp.phonation.pitch import PitchContour, PitchSettings
from dsp.phonation.pulses import PulseContour
from dsp.phonation.section import SECTION_S, WHOLE_S, Contour, Recording, Section, Transforms, Whole
from dsp.phonation.spectra import SpectrumContour
from dsp.phonation.suitability import LEAST_S, suitability
from dsp.phonation.survey import ChannelSurvey, finite, loudest, surveyed
from dsp.phonation.task import find_task
from dsp.phonation.texture import TextureContour
from dsp.types import Block

Progress = Callable[[float], None]
RATES_HZ = (8000, 96000)
"""Sample rates that are measured."""
SURVEY_SHARE = 0.05
"""Of the time that all of it takes."""


class NothingToMeasure(DspError, ValueError):
    """There is no sound in the recording, or next to none; the message says which."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word
        """``silent``, ``too-short`` or ``wrong-rate``."""


def phonation(
    recording: Recording,
    *,
    channel: int | None = None,
    settings: VoiceSettings | None = None,
    progress: Progress | None = None,
) -> Phonation:
    """See all that is in one channel of *recording*.

    Args:
        recording: up to `WHOLE_S` long it is worked through as one section, else in sections; memory grows with the
            contours alone.
        channel: from 0; None: the only one alive, else the loudest.
        settings: None: those of the defaults.
        progress: told the share that is done, 0 to 1.

    Raises:
        NothingToMeasure: silence, less than `LEAST_S`, or a rate outside `RATES_HZ`.
        ParameterError: no such channel.
    """
    settings = VoiceSettings() if settings is None else settings
    tell = progress if progress is not None else _nobody
    _check(recording, channel)
    channels = surveyed(recording, lambda share: tell(SURVEY_SHARE * share))
    chosen = loudest(channels) if channel is None else channel
    survey = channels[chosen]
    if survey.is_dead:
        raise NothingToMeasure("silent", _silence(channels, chosen, channel is not None))
    offset = survey.offset
    whole = Whole(recording.sample_rate_hz, recording.size, survey.mean - offset, survey.peak)

    floor_hz = settings.pitch_floor_hz
    pitches = PitchContour(PitchSettings(floor_hz=floor_hz, ceiling_hz=settings.pitch_ceiling_hz))
    contours: dict[str, Contour[Any]] = {
        "pulses": PulseContour(),
        "hnr_cc": HarmonicityContour("cc", floor_hz=floor_hz),
        "hnr_ac": HarmonicityContour("ac", floor_hz=floor_hz, periods_per_window=4.5),
        "cepstra": CepstrumContour(means_only=True),
        "spectra": SpectrumContour(),
        "formants": FormantContour(ceiling_hz=settings.formant_ceiling_hz),
        "intensity": IntensityContour(floor_hz=floor_hz),
        "complexity": ComplexityContour(),
        "texture": TextureContour(),
    }
    likeness = LikenessContour() if recording.channels > 1 else None
    margin_s = pitches.margin_s + max(
        *(each.margin_s for each in contours.values()), 0.0 if likeness is None else likeness.margin_s
    )
    parts = len(contours) + 2
    sections = list(_cores(whole))
    for index, (start, stop) in enumerate(sections):
        transforms = Transforms(max(0.5 * RATE_HZ, settings.formant_ceiling_hz))
        block, section = _section(recording, whole, chosen, (start, stop), margin_s, offset, transforms)

        def step(part: int, index: int = index) -> None:
            done = (index + part / parts) / len(sections)
            tell(SURVEY_SHARE + (1.0 - SURVEY_SHARE) * done)

        section = replace(section, pitch=pitches.push(section))
        step(1)
        for number, name in enumerate(contours, start=2):
            contours[name].push(section)
            step(number)
        if likeness is not None:
            likeness.push(finite(block[0]), finite(block[1]), section)
        step(parts)
        # Before the next one is read.
        del block, section, transforms

    pitch = pitches.finish()
    # One after the other, so that the pieces of none are there longer than its whole.
    found = {name: contours.pop(name).finish() for name in tuple(contours)}
    look = found.pop("texture")
    task = find_task(pitch, look, whole)
    return Phonation(
        whole=whole,
        settings=settings,
        task=task,
        pitch=pitch,
        **found,
        likeness=None if likeness is None else likeness.finish(),
        channel=chosen,
        suitability=suitability(channels, chosen, whole, task, pitch, found["intensity"], look),
    )


def _nobody(share: float) -> None:
    """Progress that nobody asked for."""


def _check(recording: Recording, channel: int | None) -> None:
    rate, low, high = recording.sample_rate_hz, *RATES_HZ
    if not low <= rate <= high:
        raise NothingToMeasure(
            "wrong-rate", f"a voice is measured at {low} to {high} Hz, this recording has {rate}: convert it"
        )
    if recording.channels < 1 or recording.size == 0:
        raise NothingToMeasure("too-short", "the recording is empty")
    if channel is not None and not 0 <= channel < recording.channels:
        raise ParameterError(
            f"the recording has {recording.channels} channels, channel {channel + 1} was asked for"
        )
    seconds = recording.size / rate
    if seconds < LEAST_S:
        raise NothingToMeasure(
            "too-short",
            f"the recording lasts {seconds:.3g} s; at least {LEAST_S:g} s are needed for any measure",
        )


def _silence(channels: tuple[ChannelSurvey, ...], chosen: int, asked_for: bool) -> str:
    """What to say where there is no sound."""
    broken = channels[chosen].not_finite
    if broken:
        return f"there is no sound in the recording: {broken} samples are no numbers (NaN or infinite), the others silent"
    if asked_for and len(channels) > 1:
        return (
            f"channel {chosen + 1} is silent; leave the choice of the channel to the program, or name another"
        )
    return "the recording is silent: there is no sound in it; check the microphone"


def _cores(whole: Whole) -> Iterator[tuple[int, int]]:
    """First sample and the one behind the last of each section."""
    if whole.seconds <= WHOLE_S:
        yield 0, whole.size
        return
    length = round(SECTION_S * whole.sample_rate_hz)
    start = 0
    while start < whole.size:
        # What would be left as a stub goes with the last one.
        stop = whole.size if whole.size - start < round(WHOLE_S * whole.sample_rate_hz) else start + length
        yield start, stop
        start = stop


def _section(
    recording: Recording,
    whole: Whole,
    channel: int,
    core: tuple[int, int],
    margin_s: float,
    offset: float,
    transforms: Transforms,
) -> tuple[Block, Section]:
    """All channels, and what is measured."""
    start, stop = core
    margin = int(np.ceil(margin_s * whole.sample_rate_hz))
    first, last = max(0, start - margin), min(whole.size, stop + margin)
    block = recording.read(first, last)
    samples = finite(block[channel])
    if offset:
        samples = samples - np.float32(offset)
    return block, Section(
        whole=whole, samples=samples, first=first, start=start, stop=stop, transforms=transforms
    )
