"""A codec as filters see it: samples in, samples out, with frames lost on the way."""

import numpy as np

from dsp.codecs import MAX_PACKET_MS, CodecSettings, CodecSpec
from dsp.errors import BitstreamError, ParameterError
from dsp.plc import LossConcealer, concealers
from dsp.types import Samples
from dsp.units import samples_of_ms
from softphone.io.libraries import codecs

_CONCEALER = "waveform"


class CodecPath:
    """One encoder and its decoder, without a network between them; see `dsp.filters.CodecStream`."""

    def __init__(self, spec: CodecSpec, settings: CodecSettings) -> None:
        self.sample_rate_hz = spec.sample_rate_hz(settings)
        self.frame_samples = samples_of_ms(settings.ptime_ms, self.sample_rate_hz)
        self.delay_samples = spec.delay_samples(settings)
        self._encoder = spec.make_encoder(settings)
        self._decoder = spec.make_decoder(settings)
        self._concealer: LossConcealer | None = (
            None if spec.conceals else concealers.get(_CONCEALER).make_concealer(self.sample_rate_hz)
        )
        self._out: Samples = np.zeros(samples_of_ms(MAX_PACKET_MS, self.sample_rate_hz), dtype=np.float32)

    @classmethod
    def open(cls, name: str, bit_rate_bps: int | None, frame_ms: int) -> "CodecPath":
        """By the codec's name, at *bit_rate_bps* or its default, *frame_ms* to a frame.

        Raises:
            UnknownName: no such codec.
            ParameterError: a bit rate or frame length it does not have.
            LibraryMissing: its library is not on this machine.
        """
        spec = codecs().get(name)
        if frame_ms not in spec.ptimes_ms:
            known = ", ".join(map(str, spec.ptimes_ms))
            raise ParameterError(f"a frame of {name} must be {known} ms long, got {frame_ms}")
        low, _, high = spec.bit_rates_bps
        if bit_rate_bps is not None and not low <= bit_rate_bps <= high:
            wanted = f"{low}" if low == high else f"{low} to {high}"
            raise ParameterError(f"the bit rate of {name} must be {wanted} b/s, got {bit_rate_bps}")
        return cls(spec, CodecSettings(bit_rate_bps=bit_rate_bps, ptime_ms=frame_ms))

    def transmit(self, frame: Samples, *, lost: bool) -> Samples:
        """See `dsp.filters.CodecStream.transmit`; the result is valid until the next call.

        Raises:
            ParameterError: *frame* is of another length.
        """
        payload = self._encoder.encode(frame)
        out = self._out[: self.frame_samples]
        if lost or not payload:
            self._conceal(out)
            return out
        try:
            decoded = self._decoder.decode(payload, self._out)
        except BitstreamError:
            self._conceal(out)
            return out
        self._out[decoded : self.frame_samples] = 0.0
        if self._concealer is not None:
            self._concealer.accept(out)
        return out

    def _conceal(self, out: Samples) -> None:
        if self._concealer is None:
            self._decoder.conceal(out)
        else:
            self._concealer.conceal(out)
