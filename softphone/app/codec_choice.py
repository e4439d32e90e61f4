"""From the codecs a user named to what SDP offers and what encoders are built with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dsp.codecs import CodecSettings, CodecSpec
from dsp.errors import LibraryMissing, ParameterError, UnknownName
from softphone.config import DEFAULT_PTIME_MS, MediaOptions
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.libraries import codecs_with
from softphone.sdp.negotiate import Capability, NegotiatedCodec


@dataclass(frozen=True, slots=True)
class CodecInUse:
    """A codec a call may use, and how."""

    spec: CodecSpec
    settings: CodecSettings

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples it takes and gives."""
        return self.spec.sample_rate_hz(self.settings)

    @property
    def capability(self) -> Capability:
        """As SDP offers it."""
        return Capability(
            name=self.spec.sdp_name,
            clock_rate_hz=self.spec.clock_rate_hz,
            channels=self.spec.channels,
            payload_type=self.spec.payload_type,
            fmtp=self.spec.fmtp(self.settings),
            max_ptime_ms=max(self.spec.ptimes_ms),
        )


def wished_ptime_ms(media: MediaOptions) -> int:
    """The packet interval that SDP states (ms)."""
    return DEFAULT_PTIME_MS if media.ptime_ms is None else media.ptime_ms


def chosen_codecs(media: MediaOptions) -> tuple[CodecInUse, ...]:
    """The codecs of *media*, in its order.

    Raises:
        UsageError: a codec nobody has, a bit rate or packet interval it does not do.
        EnvironmentProblem: a codec's library is not on this system.
    """
    codecs = codecs_with(opus=media.opus_library)
    chosen = []
    for choice in media.codecs:
        try:
            spec = codecs.get(choice.name)
        except UnknownName as error:
            raise UsageError(f"{error.args[0]}; see `softphone codec list`") from None
        bit_rate = media.bit_rate_of(choice)
        low, default, high = spec.bit_rates_bps
        if bit_rate is not None and not low <= bit_rate <= high:
            if choice.bit_rate_bps is not None or low != high:
                raise UsageError(f"bit rate of {spec.name} must be {low} to {high} b/s, got {bit_rate}")
            bit_rate = None  # --bitrate is for the codecs that have a choice
        bit_rate = default if bit_rate is None else bit_rate
        try:
            spec.library()  # loaded now, not while the first packets wait
            spec = _at(spec, CodecSettings(bit_rate_bps=bit_rate))
        except LibraryMissing as error:
            raise EnvironmentProblem(str(error)) from None
        except ParameterError as error:
            raise UsageError(str(error)) from None
        ptime_ms = wished_ptime_ms(media)
        if media.ptime_ms is None:
            ptime_ms = min((ms for ms in spec.ptimes_ms if ms >= ptime_ms), default=max(spec.ptimes_ms))
        if ptime_ms not in spec.ptimes_ms:
            known = ", ".join(map(str, spec.ptimes_ms))
            at_rate = "" if spec.at is None else f" at {bit_rate} b/s"
            raise UsageError(
                f"packet interval of {spec.name} must be one of {known} ms{at_rate}, got {ptime_ms}"
            )
        settings = CodecSettings(
            bit_rate_bps=bit_rate,
            ptime_ms=ptime_ms,
            complexity=media.complexity,
        )
        chosen.append(CodecInUse(spec, settings))
    return tuple(chosen)


def carrying(chosen: tuple[CodecInUse, ...], tone_hz: float | None) -> tuple[CodecInUse, ...]:
    """Those of *chosen* whose samples can hold a tone of *tone_hz*; all where no tone is to be sent.

    Raises:
        UsageError: none can.
    """
    if tone_hz is None:
        return chosen
    able = tuple(one for one in chosen if tone_hz < one.sample_rate_hz / 2)
    if not able:
        limits = ", ".join(f"{one.spec.name} below {one.sample_rate_hz // 2} Hz" for one in chosen)
        raise UsageError(
            f"--tone {tone_hz:g} is more than the codecs carry ({limits}): lower it, or choose another codec"
        )
    return able


def matching(chosen: tuple[CodecInUse, ...], codec: NegotiatedCodec) -> CodecInUse:
    """The one of *chosen* that SDP agreed on as *codec*."""
    key = (codec.name.lower(), codec.clock_rate_hz, codec.channels)
    return next(
        one for one in chosen if (one.spec.sdp_name.lower(), one.spec.clock_rate_hz, one.spec.channels) == key
    )


def agreed(codec: CodecInUse, *, ptime_ms: int, fmtp: Mapping[str, str]) -> CodecInUse:
    """*codec* as the peer wants to receive it: its packet interval and the limits of its fmtp.

    A packet interval the codec does not have becomes the next shorter one it has.
    """
    settings = codec.spec.apply_fmtp(codec.settings, fmtp)
    spec = _at(codec.spec, settings)
    shorter = [ms for ms in spec.ptimes_ms if ms <= ptime_ms]
    return CodecInUse(spec, replace(settings, ptime_ms=max(shorter, default=min(spec.ptimes_ms))))


def expected(codec: CodecInUse, fmtp: Mapping[str, str]) -> CodecInUse:
    """*codec* as the peer of that fmtp sends it: as we offered it, or as both agreed where that holds for both directions."""
    return agreed(codec, ptime_ms=codec.settings.ptime_ms, fmtp=fmtp) if codec.spec.symmetric else codec


def _at(spec: CodecSpec, settings: CodecSettings) -> CodecSpec:
    return spec if spec.at is None else spec.at(settings)
