"""From speech to the parameters of a packet.

Levels: the energies of the model's bands in overlapping frames, plus a floor that hangs `FLOOR_DB` below the loudest
band of late, so that nothing depends on how loud the call is. Voicing: how alike a frame is, band by band, to the same
frame one pitch period sooner or later, whichever is more alike. f0: by normalised cross-correlation at 4 kHz and the
best path through its peaks, decided packet by packet (D. Talkin, "A robust algorithm for pitch tracking (RAPT)", in
Speech Coding and Synthesis, 1995), then moved by up to 3 % to where a comb finds the greatest amplitudes.
"""

import numpy as np

from dsp._native import VlcAnalysis
from dsp.codecs.vlc.model import FRAME_MS, PACKETS_MS, PITCH_FRAME_MS, Model, PacketParameters
from dsp.errors import ParameterError
from dsp.types import Samples

AHEAD_MS = 20
"""How far beyond the end of a packet its analysis looks: 18.3 ms for f0, and what the voicing of its last frames can use."""
FLOOR_DB = 64.0
"""Below the loudest band of late, which falls by 1.5 dB a second."""


class Analysis:
    """Packets of speech -> their parameters, `delay_samples` late.

    Args:
        model: what is looked for.
        packet_ms: of `PACKETS_MS`.
        hop_ms: 8, or 16 for half of the effort: what is between two frames.

    Raises:
        ParameterError: for another packet or hop.
    """

    def __init__(self, model: Model, *, packet_ms: int, hop_ms: int = FRAME_MS) -> None:
        if packet_ms not in PACKETS_MS or hop_ms not in (FRAME_MS, PITCH_FRAME_MS):
            raise ParameterError(
                f"a VLC packet must be {', '.join(map(str, PACKETS_MS))} ms in frames of {FRAME_MS} or {PITCH_FRAME_MS}, "
                f"got {packet_ms} and {hop_ms}"
            )
        rate = model.sample_rate_hz
        self.packet_samples = rate * packet_ms // 1000
        self.delay_samples = rate * AHEAD_MS // 1000
        self._model = model
        self._frames = packet_ms // hop_ms
        self._native = VlcAnalysis(
            rate,
            model.window,
            model.filter_bank,
            model.voicing_filter_bank,
            self.packet_samples,
            model.frame_samples(hop_ms),
            self.delay_samples,
            model.f0_min_hz,
            model.f0_max_hz,
            FLOOR_DB,
        )

    def push(self, samples: Samples) -> PacketParameters:
        """Take the next packet; return the parameters of that which began `delay_samples` before it.

        Args:
            samples: ``(packet_samples,)``; what lies outside full scale is clipped, NaN is 0.

        Raises:
            ParameterError: for another number of samples.
        """
        if samples.shape != (self.packet_samples,):
            raise ParameterError(f"VLC packet must be {self.packet_samples} samples, got {samples.shape}")
        frames = self._frames
        levels = np.empty((frames, self._model.bands), dtype=np.float32)
        voicing = np.empty((frames, self._model.voicing_bands), dtype=np.float32)
        f0 = np.empty(frames, dtype=np.float32)
        voiced = np.empty(frames, dtype=np.float32)
        self._native.push(np.ascontiguousarray(samples), levels, voicing, f0, voiced)
        return PacketParameters(levels, voicing, f0, voiced > 0.0)

    def reset(self) -> None:
        """Forget the past."""
        self._native.reset()
