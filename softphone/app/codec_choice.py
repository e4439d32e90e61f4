"""From the codecs a user named to what SDP offers and what encoders are built with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dsp.codecs import CodecSettings, CodecSpec
from dsp.errors import LibraryMissing, ParameterError, UnknownName
from softphone.app.wire_limit import HEADER_BYTES, cheapest, fitted, score
from softphone.config import DEFAULT_CODECS, DEFAULT_PTIME_MS, MODES, CodecChoice, MediaOptions
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.libraries import codecs_with
from softphone.sdp.negotiate import Capability, NegotiatedCodec

VERY_LOW_RATE_BPS = 8000
"""A codec that knows no higher rate is one for the modes vlc and vlr: VLC, and Codec2 where somebody named it."""
MODE_CODEC = CodecChoice("vlc")
"""Added to the codecs of a call that has none for these modes, where it is in one or nobody chose codecs."""
WIDE_CODEC = CodecChoice("vlc-wb")
"""Beside it where nobody chose codecs, to answer with or to keep a limit by; offered always it would only lengthen the offer."""
PACKET, CREDIT, WISH = "packet", "credit", "wish"
"""In the fmtp of such a codec: the longest packet that is taken (ms), repeats in a row, the mode that is wished for."""
CREDIT_MS = 400
"""Longest time that a sender may leave to the receiver's concealment while somebody speaks."""


@dataclass(frozen=True, slots=True)
class CodecInUse:
    """A codec a call may use, and how."""

    spec: CodecSpec
    settings: CodecSettings
    packet_ms: int | None = None
    """Longest packet that its mode may use; None: that of the settings is all there is to say."""
    private_fmtp: tuple[str, ...] = ()
    """What our SDP adds to the codec's own parameters, as ``name=value``."""
    asked_bps: int | None = None
    """The bit rate that was asked for, which a limit on the wire may have lowered in the settings."""
    is_limited: bool = False
    """Whether the bit rate of the settings is the most that our limit on the wire lets in."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples it takes and gives."""
        return self.spec.sample_rate_hz(self.settings)

    @property
    def capability(self) -> Capability:
        """As SDP offers it."""
        settings = self.settings
        if self.packet_ms is not None:
            # What is said is the most that is taken; where nobody asked for a rate here the peer may choose it.
            free = self.asked_bps is None and not self.is_limited and not self.spec.symmetric
            rate = self.spec.bit_rates_bps[2] if free else settings.bit_rate_bps
            settings = replace(settings, ptime_ms=self.packet_ms, bit_rate_bps=rate)
        own = self.spec.fmtp(settings)
        known = _names(own)
        added = [each for each in self.private_fmtp if each.partition("=")[0] not in known]
        return Capability(
            name=self.spec.sdp_name,
            clock_rate_hz=self.spec.clock_rate_hz,
            channels=self.spec.channels,
            payload_type=self.spec.payload_type,
            fmtp=";".join([own, *added] if own else added),
            max_ptime_ms=max(self.spec.ptimes_ms),
        )


def wished_ptime_ms(media: MediaOptions) -> int:
    """The packet interval that SDP states (ms)."""
    return DEFAULT_PTIME_MS if media.ptime_ms is None else media.ptime_ms


def is_low_mode(media: MediaOptions) -> bool:
    """Whether vlc or vlr was asked for."""
    return media.mode in MODES[1:]


def fixed_ptime_ms(media: MediaOptions, spec: CodecSpec | None = None) -> int | None:
    """The packet interval that was asked for *spec*; None: none was. In the modes vlc and vlr it is for their codecs only.

    Args:
        spec: None: any codec that a stranger may know.
    """
    is_low = spec is not None and is_very_low_rate(spec)
    return None if is_low_mode(media) and not is_low else media.ptime_ms


def header_bytes_of(host: str) -> int:
    """IP, UDP and RTP of a packet between addresses of the family of *host* (RFC 8200: IPv6 takes 20 bytes more)."""
    return HEADER_BYTES + (20 if ":" in host else 0)


def is_very_low_rate(spec: CodecSpec) -> bool:
    """Whether the modes vlc and vlr can use it."""
    return spec.bit_rates_bps[2] <= VERY_LOW_RATE_BPS


def chosen_codecs(
    media: MediaOptions, *, header_bytes: int = HEADER_BYTES, answers: bool = False
) -> tuple[CodecInUse, ...]:
    """The codecs of *media*, in its order; under a limit on the wire the best that fit it, the best first.

    Args:
        media: what was asked for.
        header_bytes: IP, UDP and RTP, of a packet.
        answers: whether it is for calls that come in, where one codec more costs nothing.

    Raises:
        UsageError: a codec nobody has, a bit rate or packet interval it does not do, a limit that none can keep.
        EnvironmentProblem: a codec's library is not on this system.
    """
    specs = _specs_of(media, answers=answers)
    chosen = [_chosen(choice, spec, media, bound=bound) for choice, spec, bound in specs]
    if media.max_wire_bps is None:
        return tuple(chosen)
    fitting = [
        one
        for each in chosen
        if (
            one := under(
                each,
                media.max_wire_bps,
                header_bytes=header_bytes,
                ptime_ms=fixed_ptime_ms(media, each.spec),
            )
        )
        is not None
    ]
    if not fitting:
        least = min(
            cheapest(each.spec, each.settings, header_bytes, fixed_ptime_ms(media, each.spec))
            for each in chosen
        )
        names = ", ".join(each.spec.name for each in chosen)
        raise UsageError(
            f"--max-wire-bps {media.max_wire_bps}: no packets of {names} fit; the lowest limit that would work is {least} b/s"
        )
    limited = (replace(each, is_limited=True) for each in fitting)
    return tuple(sorted(limited, key=lambda each: -score(each.spec.name, each.settings)))


def under(
    codec: CodecInUse,
    limit_bps: int,
    *,
    header_bytes: int,
    ptime_ms: int | None = None,
    longest_ms: int | None = None,
    fixed_rate: bool = False,
) -> CodecInUse | None:
    """*codec* at the best bit rate and packet interval that keep within *limit_bps* on the wire; None: it has none.

    Args:
        ptime_ms: the only interval allowed; None: any.
        longest_ms: no longer ones; None: any.
        fixed_rate: only at the rate that its settings name.
    """
    asked = codec.settings.bit_rate_bps if fixed_rate else codec.asked_bps
    found = fitted(
        codec.spec, replace(codec.settings, bit_rate_bps=asked), limit_bps, header_bytes,
        ptime_ms=ptime_ms, longest_ms=longest_ms, fixed_rate=fixed_rate,
    )  # fmt: skip
    if found is None:
        return None
    return replace(codec, spec=_at(codec.spec, found), settings=found)


def narrowed(codec: CodecInUse, *, bit_rate_bps: int | None, ptime_ms: int | None) -> CodecInUse:
    """*codec* at no higher bit rate and in no longer packets than these, as far as it has them.

    A codec whose two directions must agree keeps its rate.
    """
    spec, settings = codec.spec, codec.settings
    if bit_rate_bps is not None and not spec.symmetric:
        low, default, _ = spec.bit_rates_bps
        now = default if settings.bit_rate_bps is None else settings.bit_rate_bps
        settings = replace(settings, bit_rate_bps=max(low, min(now, bit_rate_bps)))
        spec = _at(spec, settings)
    if ptime_ms is not None:
        shorter = [ms for ms in spec.ptimes_ms if ms <= min(ptime_ms, settings.ptime_ms)]
        settings = replace(settings, ptime_ms=max(shorter, default=min(spec.ptimes_ms)))
    return replace(codec, spec=spec, settings=settings)


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
    settings = replace(settings, ptime_ms=max(shorter, default=min(spec.ptimes_ms)))
    return replace(codec, spec=spec, settings=settings)


def expected(codec: CodecInUse, fmtp: Mapping[str, str]) -> CodecInUse:
    """*codec* as the peer of that fmtp sends it: as we offered it, or as both agreed where that holds for both directions."""
    return agreed(codec, ptime_ms=codec.settings.ptime_ms, fmtp=fmtp) if codec.spec.symmetric else codec


def number_in(fmtp: Mapping[str, str], name: str) -> int | None:
    """A whole number of up to four digits in a peer's fmtp, else None."""
    text = fmtp.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else None


def _specs_of(media: MediaOptions, *, answers: bool) -> list[tuple[CodecChoice, CodecSpec, bool]]:
    """The codecs asked for and those that the modes need; for each whether --bitrate and --ptime were meant for it."""
    codecs = codecs_with(opus=media.opus_library)
    found: list[tuple[CodecChoice, CodecSpec]] = []
    low_mode = is_low_mode(media)
    is_default = media.codecs == DEFAULT_CODECS
    try:
        found += [(choice, codecs.get(choice.name)) for choice in media.codecs]
        if (low_mode or is_default) and not any(is_very_low_rate(spec) for _, spec in found):
            found.append((MODE_CODEC, codecs.get(MODE_CODEC.name)))
            if is_default and (answers or media.max_wire_bps is not None):
                found.append((WIDE_CODEC, codecs.get(WIDE_CODEC.name)))
    except UnknownName as error:
        raise UsageError(f"{error.args[0]}; see `softphone codec list`") from None
    low = [is_very_low_rate(spec) for _, spec in found]
    if low_mode:
        bound = low
    else:
        # What stands behind another codec for the sake of the modes takes part in them only.
        bound = [not is_low or all(low[: index + 1]) for index, is_low in enumerate(low)]
    return [(choice, spec, own) for (choice, spec), own in zip(found, bound, strict=True)]


def _chosen(choice: CodecChoice, spec: CodecSpec, media: MediaOptions, *, bound: bool) -> CodecInUse:
    bit_rate = media.bit_rate_of(choice)
    low, default, high = spec.bit_rates_bps
    if bit_rate is not None and not low <= bit_rate <= high:
        if choice.bit_rate_bps is not None or (low != high and bound):
            raise UsageError(f"bit rate of {spec.name} must be {low} to {high} b/s, got {bit_rate}")
        bit_rate = None  # --bitrate is for the codecs that have a choice
    asked = bit_rate
    bit_rate = default if bit_rate is None else bit_rate
    try:
        spec.library()  # loaded now, not while the first packets wait
        spec = _at(spec, CodecSettings(bit_rate_bps=bit_rate))
    except LibraryMissing as error:
        raise EnvironmentProblem(str(error)) from None
    except ParameterError as error:
        raise UsageError(str(error)) from None
    ptime_ms = wished_ptime_ms(media) if bound else DEFAULT_PTIME_MS
    if media.ptime_ms is None or not bound:
        ptime_ms = min((ms for ms in spec.ptimes_ms if ms >= ptime_ms), default=max(spec.ptimes_ms))
    if ptime_ms not in spec.ptimes_ms:
        known = ", ".join(map(str, spec.ptimes_ms))
        at_rate = "" if spec.at is None else f" at {bit_rate} b/s"
        raise UsageError(f"packet interval of {spec.name} must be one of {known} ms{at_rate}, got {ptime_ms}")
    settings = CodecSettings(bit_rate_bps=bit_rate, ptime_ms=ptime_ms, complexity=media.complexity)
    packet_ms = None
    private: tuple[str, ...] = ()
    if is_very_low_rate(spec):
        packet_ms = ptime_ms if media.ptime_ms is not None and bound else max(spec.ptimes_ms)
        if is_low_mode(media) or PACKET in _names(spec.fmtp(settings)):
            private = (f"{PACKET}={packet_ms}", f"{CREDIT}={CREDIT_MS // packet_ms}")
        if is_low_mode(media):
            private += (f"{WISH}={media.mode}",)
    return CodecInUse(spec, settings, packet_ms, private, asked)


def _at(spec: CodecSpec, settings: CodecSettings) -> CodecSpec:
    return spec if spec.at is None else spec.at(settings)


def _names(fmtp: str) -> set[str]:
    return {part.partition("=")[0].strip().lower() for part in fmtp.split(";")}


def longest_of(codecs: Iterable[CodecInUse]) -> int:
    """Longest packet of any of *codecs* (ms): what our SDP states as maxptime."""
    return max(max(one.spec.ptimes_ms) for one in codecs)


def stated_ptime_ms(media: MediaOptions, chosen: tuple[CodecInUse, ...]) -> int:
    """The packet interval of our SDP (ms): under a limit on the wire that of the codecs that any phone may have.

    What is made for the modes says itself, in its fmtp, how long its packets may be: a stranger must not take that for Opus.
    """
    if media.max_wire_bps is None:
        return DEFAULT_PTIME_MS if is_low_mode(media) else wished_ptime_ms(media)
    common = [one for one in chosen if not is_very_low_rate(one.spec)] or list(chosen)
    return max(one.settings.ptime_ms for one in common)
