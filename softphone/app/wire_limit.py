"""Which bit rate and packet interval of a codec keep within a limit on the wire, and which of them is the best."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from dsp.codecs import CodecSettings, CodecSpec
from dsp.errors import ParameterError
from softphone.app.codec_quality import mos_lqo

HEADER_BYTES = 40
"""IPv4, UDP and RTP (RFC 791, RFC 768, RFC 3550)."""
MEDIA_SHARE = 0.92
"""Of a limit, for RTP and what lies below it: reports (RFC 3550 section 6.2 gives both sides together 5 %), and what encoders of
variable rate are above their mean for a while, have the rest."""
MOS_PER_MS = 0.002
"""What a packet that is longer by a millisecond is counted as: from 20 to 144 ms a quarter of a point. Our own choice."""
_STEPS_BPS = (
    450, 700, 1200, 1300, 1400, 1600, 1800, 2000, 2200, 2400, 2800, 3200, 3800, 4400, 5000, 6000, 7000, 8000, 10_000, 12_000,
    14_000, 16_000, 18_000, 20_000, 24_000, 28_000, 32_000, 40_000, 48_000, 64_000, 96_000, 128_000,
)  # fmt: skip


def wire_bps(bit_rate_bps: int, ptime_ms: int, header_bytes: int) -> float:
    """IP, UDP, RTP and payload of packets of *ptime_ms*, each filled up to whole bytes (b/s)."""
    return (ceil(bit_rate_bps * ptime_ms / 8000) + header_bytes) * 8000 / ptime_ms


def score(name: str, settings: CodecSettings) -> float:
    """What the best is chosen by: MOS-LQO, less what a long packet costs in delay."""
    return mos_lqo(name, settings.bit_rate_bps or 0) - MOS_PER_MS * settings.ptime_ms


def fitted(
    spec: CodecSpec,
    settings: CodecSettings,
    limit_bps: int,
    header_bytes: int,
    *,
    ptime_ms: int | None = None,
    longest_ms: int | None = None,
    fixed_rate: bool = False,
) -> CodecSettings | None:
    """The best of what *spec* has within *limit_bps*, RTCP included; None: nothing.

    Args:
        settings: their bit rate is the highest to look at; None: the codec's highest.
        header_bytes: IP, UDP and RTP of a packet.
        ptime_ms: the only interval allowed; None: any.
        longest_ms: no longer ones; None: any.
        fixed_rate: at no other rate.
    """
    within = [
        each
        for each in _candidates(spec, settings, ptime_ms, longest_ms)
        if wire_bps(each.bit_rate_bps or 0, each.ptime_ms, header_bytes) <= MEDIA_SHARE * limit_bps
        and (not fixed_rate or each.bit_rate_bps == settings.bit_rate_bps)
    ]
    return max(within, key=lambda each: score(spec.name, each), default=None)


def cheapest(
    spec: CodecSpec,
    settings: CodecSettings,
    header_bytes: int,
    ptime_ms: int | None,
    longest_ms: int | None = None,
) -> int:
    """The lowest limit (b/s, whole hundreds) that `fitted` finds something for."""
    lowest = min(
        wire_bps(each.bit_rate_bps or 0, each.ptime_ms, header_bytes)
        for each in _candidates(spec, replace(settings, bit_rate_bps=None), ptime_ms, longest_ms)
    )
    return ceil(lowest / MEDIA_SHARE / 100) * 100


def _candidates(
    spec: CodecSpec, settings: CodecSettings, ptime_ms: int | None, longest_ms: int | None
) -> Iterator[CodecSettings]:
    low, _, high = spec.bit_rates_bps
    top = high if settings.bit_rate_bps is None else settings.bit_rate_bps
    for rate in sorted({low, top, *(step for step in _STEPS_BPS if low < step < top)}):
        try:
            at = spec if spec.at is None else spec.at(replace(settings, bit_rate_bps=rate))
        except ParameterError:  # a mode that the library does not have
            continue
        intervals = [ms for ms in at.ptimes_ms if longest_ms is None or ms <= longest_ms]
        for ms in intervals if ptime_ms is None else [ms for ms in intervals if ms == ptime_ms]:
            yield replace(settings, bit_rate_bps=rate, ptime_ms=ms)
