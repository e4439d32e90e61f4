"""All that was seen in one recording of a voice, for the measures to be made from."""

from dataclasses import dataclass

from dsp.errors import ParameterError
from dsp.phonation.cepstrum import Cepstra
from dsp.phonation.complexity import Complexity
from dsp.phonation.formants import FormantTracks
from dsp.phonation.harmonicity import Harmonicity
from dsp.phonation.intensity import Intensity
from dsp.phonation.likeness import Likeness
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.pulses import Pulses
from dsp.phonation.section import Whole
from dsp.phonation.spectra import Spectra
from dsp.phonation.suitability import Suitability
from dsp.phonation.task import TaskFound

__all__ = ["Phonation", "VoiceSettings"]

FLOOR_HZ = (30.0, 300.0)
CEILING_HZ = 2000.0
FORMANT_CEILING_HZ = (3000.0, 9000.0)


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """What the person who measures chooses; everything else is fixed by the definition of a measure.

    Raises:
        ParameterError: a floor outside 30 to 300 Hz, a ceiling below twice the floor or above 2000 Hz, or a formant ceiling
            outside 3000 to 9000 Hz.
    """

    pitch_floor_hz: float = 60.0
    pitch_ceiling_hz: float = 600.0
    formant_ceiling_hz: float = 5500.0
    """For five formants: 5500 for a woman, 5000 for a man, up to 8000 for a child."""

    def __post_init__(self) -> None:
        for name, value, (low, high) in (
            ("pitch floor", self.pitch_floor_hz, FLOOR_HZ),
            ("pitch ceiling", self.pitch_ceiling_hz, (2.0 * self.pitch_floor_hz, CEILING_HZ)),
            ("formant ceiling", self.formant_ceiling_hz, FORMANT_CEILING_HZ),
        ):
            if not low <= value <= high:  # a NaN is in no range
                raise ParameterError(f"the {name} must be {low:g} to {high:g} Hz, got {value:.10g}")


@dataclass(frozen=True, slots=True, eq=False)
class Phonation:
    """One channel of one recording."""

    whole: Whole
    settings: VoiceSettings
    task: TaskFound
    """Vowel, speech, or neither; and where the voice is."""
    pitch: PitchTrack
    pulses: Pulses
    hnr_cc: Harmonicity
    hnr_ac: Harmonicity
    cepstra: Cepstra
    spectra: Spectra
    formants: FormantTracks
    intensity: Intensity
    complexity: Complexity
    likeness: Likeness | None
    """Of the first two channels; None where there is one."""
    channel: int = 0
    """Which one of the recording's, from 0."""
    suitability: Suitability = Suitability()
    """What is to be said of the recording before any number."""
