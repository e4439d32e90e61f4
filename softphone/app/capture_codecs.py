"""Which codec the packets of a captured stream hold: by SDP, static payload type, what was asked for, or a look at them."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dsp.codecs import CodecSettings, CodecSpec
from dsp.errors import BitstreamError, DspError
from dsp.opus_packet import packet_samples
from softphone.app.capture_calls import MediaEnd, described, encryption_of
from softphone.app.capture_packets import Packets
from softphone.app.codec_choice import CREDIT, PACKET, number_in
from softphone.app.codec_named import named_codec
from softphone.capture import RtpStream
from softphone.capture.figures import clock_rate_of
from softphone.io.dsp_faults import words
from softphone.io.libraries import codecs
from softphone.sdp.formats import STATIC, Format, parse_fmtp

LOOKED_AT = 200
"""Packets of a stream that are looked at to tell what it is."""
OPUS_CLOCK_HZ = 48_000
OPUS_SHARE = 0.95
"""So many of the packets must have the duration that their timestamps say before something is taken for Opus."""
EVENT_TYPES = range(96, 128)
COMFORT_NOISE = "cn"
_WIDE_CONFIGS = frozenset((12, 13, 14, 15, *range(24, 32)))
"""Opus configurations above 8 kHz of audio (RFC 6716 table 2)."""
_WIDE_OPUS_BPS, _NARROW_OPUS_BPS = 48_000, 16_000
_TAG_BYTES = frozenset((4, 10, 14, 16))
"""What SRTP appends: HMAC-SHA1-32 or -80 (RFC 3711 section 5.2), with a key identifier of four bytes, AEAD (RFC 7714)."""
_BYTE_PER_TICK = frozenset((0, 8, 9))


@dataclass(frozen=True, slots=True)
class PayloadFormat:
    """What one payload type stands for."""

    name: str
    """As a person knows it: that of our codec, else of the SDP, in lower case."""
    clock_rate_hz: int
    by: str
    """``sdp``, ``static`` (RFC 3551), ``option`` or ``guess``."""
    spec: CodecSpec | None = None
    """None: nothing here decodes it."""
    settings: CodecSettings = CodecSettings()
    repeat_ms: int | None = None
    """Its sender leaves packets out and relies on concealment for so long."""

    @property
    def sample_rate_hz(self) -> int | None:
        """Of the decoded sound."""
        return None if self.spec is None else self.spec.sample_rate_hz(self.settings)


@dataclass(slots=True)
class Plan:
    """How to read one stream."""

    formats: dict[int, PayloadFormat] = field(default_factory=dict)
    """Sound, by payload type."""
    events: dict[int, int] = field(default_factory=dict)
    """Payload types of telephone events -> clock rate."""
    comfort_noise: frozenset[int] = frozenset()
    main: int = 0
    """Payload type of the most packets that are sound."""
    kind: str = "audio"
    """As SDP says; ``unknown`` where nothing tells."""
    encryption: str = "none"
    """``none``, ``sdes``, ``dtls``, ``srtp`` or ``likely``."""
    clock_rate_hz: int | None = None
    undecoded: str | None = None
    """Why there is no sound."""
    notes: list[str] = field(default_factory=list)

    @property
    def format(self) -> PayloadFormat | None:
        """Of most of the packets."""
        return self.formats.get(self.main)

    @property
    def untimed(self) -> tuple[int, ...]:
        """Payload types whose timestamps say nothing of the line."""
        return (*self.events, *self.comfort_noise)


def plan_of(
    stream: RtpStream,
    packets: Packets,
    *,
    receiver: list[MediaEnd],
    sender: list[MediaEnd],
    asked: Mapping[int, str],
) -> Plan:
    """Find out what *stream* holds.

    Args:
        receiver: what its destination said in SDP; the numbers are those of the receiver (RFC 3264 section 5.1).
        sender: what its source said.
        asked: payload type -> codec, which a person knows better.
    """
    plan = Plan()
    counts = Counter(each & 0x7F for each in stream.payload_type)
    ends = [*receiver, *sender]
    if ends:
        plan.kind = (receiver or sender)[-1].kind
        plan.encryption = encryption_of(receiver, sender) or "none"
    said = described(receiver, sender)
    cn = set()
    for number in counts:
        found = said.get(number)
        by = "sdp"
        if found is None and number in STATIC:
            found, by = Format(number, *STATIC[number], {}), "static"
        if number in asked:
            plan.formats[number] = _asked(asked[number])
        elif found is None:
            continue
        elif found.is_dtmf:
            plan.events[number] = found.clock_rate_hz
        elif found.name.lower() == COMFORT_NOISE:
            cn.add(number)
        else:
            plan.formats[number] = _known(found, by, _repeat_ms(number, receiver, sender))
    plan.comfort_noise = frozenset(cn)
    others = [number for number in counts if number not in plan.formats and number not in plan.untimed]
    if plan.encryption == "none" and plan.kind == "audio":
        _look(stream, packets, plan, others)
    sound = {n: c for n, c in counts.items() if n not in plan.untimed} or dict(counts)
    plan.main = max(sound, key=lambda number: (number in plan.formats, sound[number]))
    _judge(stream, plan)
    return plan


def _judge(stream: RtpStream, plan: Plan) -> None:
    """Set clock rate and reason why there is no sound."""
    chosen = plan.format
    if chosen is not None:
        plan.clock_rate_hz = chosen.clock_rate_hz
    else:
        plan.clock_rate_hz = clock_rate_of(stream)
        if not plan.formats and plan.kind == "audio" and not plan.events:
            plan.kind = "unknown"
    if plan.encryption == "none" and chosen is not None and _looks_encrypted(stream, plan):
        plan.encryption = "likely"
    cut = sum(held < length for held, length in zip(stream.held, stream.length, strict=True))
    if plan.kind not in ("audio", "unknown"):
        plan.undecoded = f"it is {plan.kind}"
    elif plan.encryption != "none":
        how = {"likely": "its packets look like SRTP", "srtp": "SRTP"}.get(
            plan.encryption, f"SRTP ({plan.encryption})"
        )
        plan.undecoded = f"it is encrypted: {how}"
    elif chosen is None:
        plan.undecoded = (
            f"payload type {plan.main} is dynamic, no SDP in the capture explains it and it does not parse as Opus: "
            f"say which codec it is with --codec {plan.main}=NAME"
        )
    elif chosen.spec is None:
        plan.undecoded = f"there is no decoder for {chosen.name} here"
    elif 2 * cut > len(stream):
        plan.undecoded = f"the capture holds only the beginnings of its packets ({cut} of {len(stream)} are cut): capture with -s 0"
    else:
        try:
            chosen.spec.library()
        except DspError as error:
            plan.undecoded = words(error)


def _asked(text: str) -> PayloadFormat:
    named = named_codec(text)
    settings = named.settings
    if named.spec.name == "opus" and ":" not in text:
        settings = CodecSettings(bit_rate_bps=_WIDE_OPUS_BPS)
    return PayloadFormat(named.spec.name, named.spec.clock_rate_hz, "option", named.spec, settings)


def _known(found: Format, by: str, repeat_ms: int | None) -> PayloadFormat:
    registry = codecs()
    for name in registry.names():
        spec = registry.get(name)
        if (spec.sdp_name.lower(), spec.clock_rate_hz) != found.key[:2]:
            continue
        if (
            spec.channels != found.channels and spec.name != "opus"
        ):  # RFC 7587 section 7 wants 2, some write none
            continue
        settings = CodecSettings(bit_rate_bps=spec.bit_rates_bps[1])
        version = parse_fmtp(spec.fmtp(settings)).get("v")
        if version is not None and found.fmtp.get("v", version) != version:
            continue
        try:
            if spec.symmetric:
                settings = spec.apply_fmtp(settings, found.fmtp)
            spec = spec if spec.at is None else spec.at(settings)
        except DspError:
            continue
        return PayloadFormat(spec.name, found.clock_rate_hz, by, spec, settings, repeat_ms)
    return PayloadFormat(found.name.lower(), found.clock_rate_hz, by)


def _repeat_ms(number: int, receiver: list[MediaEnd], sender: list[MediaEnd]) -> int | None:
    """How long both agree to leave to concealment; see docs/repeat-credit.md."""
    sides = [[end.formats[number] for end in ends if number in end.formats] for ends in (receiver, sender)]
    credits = [number_in(formats[-1].fmtp, CREDIT) for formats in sides if formats]
    if len(credits) < 2 or None in credits:
        return None
    longest = number_in(sides[0][-1].fmtp, PACKET)
    return None if longest is None else min(each for each in credits if each is not None) * longest


def _look(stream: RtpStream, packets: Packets, plan: Plan, others: list[int]) -> None:
    """Take a look at payload types that nothing explains, and at the bandwidth of Opus."""
    for number in others:
        if number not in EVENT_TYPES:
            continue
        rows = [row for row, kind in enumerate(stream.payload_type) if kind & 0x7F == number][:LOOKED_AT]
        if _are_events(stream, packets, rows):
            plan.events[number] = next((each.clock_rate_hz for each in plan.formats.values()), 8000)
            plan.notes.append(
                f"payload type {number} was taken for telephone events: its packets look like it"
            )
        elif _parse_as_opus(stream, packets, rows):
            spec = codecs().get("opus")
            plan.formats[number] = PayloadFormat("opus", OPUS_CLOCK_HZ, "guess", spec)
            plan.notes.append(
                f"payload type {number} was taken for Opus: its packets parse as that and last as long as they say"
            )
    for number, found in list(plan.formats.items()):
        if found.name == "opus" and found.spec is not None and found.by != "option":
            rows = [row for row, kind in enumerate(stream.payload_type) if kind & 0x7F == number]
            step = max(1, len(rows) // LOOKED_AT)
            first_bytes = [packets.payload(row)[:1] for row in rows[::step]]
            wide = any(each[0] >> 3 in _WIDE_CONFIGS for each in first_bytes if each)
            rate = CodecSettings(bit_rate_bps=_WIDE_OPUS_BPS if wide else _NARROW_OPUS_BPS)
            plan.formats[number] = PayloadFormat("opus", OPUS_CLOCK_HZ, found.by, found.spec, rate)


def _are_events(stream: RtpStream, packets: Packets, rows: list[int]) -> bool:
    """Four bytes each, an event code of a key, durations that grow while the timestamp stands (RFC 4733 section 2.3)."""
    if len(rows) < 3 or any(stream.payload_bytes[row] != 4 for row in rows):
        return False
    found = [(stream.timestamp[row], packets.payload(row)) for row in rows]
    if any(len(payload) != 4 or payload[0] > 15 or payload[1] & 0x40 for _, payload in found):
        return False
    stands = sum(a[0] == b[0] and a[1][2:] <= b[1][2:] for a, b in itertools.pairwise(found))
    return stands >= len(found) // 2


def _parse_as_opus(stream: RtpStream, packets: Packets, rows: list[int]) -> bool:
    """Whether each packet parses, and lasts as long as the timestamps say until the next one by number."""
    fits = pairs = 0
    for row, following in itertools.pairwise(rows):
        try:
            samples = packet_samples(packets.payload(row), OPUS_CLOCK_HZ)
        except BitstreamError:
            return False
        if (stream.sequence_number[following] - stream.sequence_number[row]) & 0xFFFF == 1:
            step = (stream.timestamp[following] - stream.timestamp[row]) & 0xFFFFFFFF
            pairs += 1
            # A marker begins a talkspurt: the time before it was silence.
            fits += step == samples or (stream.payload_type[following] & 0x80 != 0 and step % samples == 0)
    return pairs >= 5 and fits >= OPUS_SHARE * pairs


def _looks_encrypted(stream: RtpStream, plan: Plan) -> bool:
    """Whether payloads of one byte per tick are longer than their timestamps say by what SRTP appends."""
    if plan.main not in _BYTE_PER_TICK:
        return False
    more: Counter[int] = Counter()
    for row in range(1, min(len(stream), LOOKED_AT)):
        if (stream.sequence_number[row] - stream.sequence_number[row - 1]) & 0xFFFF == 1:
            step = (stream.timestamp[row] - stream.timestamp[row - 1]) & 0xFFFFFFFF
            more[stream.payload_bytes[row - 1] - step] += 1
    if not more:
        return False
    usual, count = more.most_common(1)[0]
    return usual in _TAG_BYTES and 2 * count > sum(more.values())
