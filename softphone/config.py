"""What can be asked of a call, as frozen data: checked when made, read from no one else's globals.

A value out of range raises `UsageError` in one line that names the range and its unit. Reading a
command line or a file into these is `softphone.settings`'s.
"""

import re
from dataclasses import dataclass, field

from softphone.errors import UsageError
from softphone.serve_config import ServeOptions

Address = tuple[str, int]
"""Host and port."""

DEFAULT_SPEECH = "builtin:man"
"""What is sent when no source is named."""

DEFAULT_PTIME_MS = 20
"""RFC 3551 section 4.2, and what most peers use."""

MODES = ("normal", "vlc", "vlr")
"""How a direction is sent: as any phone does; with the least CPU; with the least airtime (`docs/modes.md`)."""

DEFAULT_RADIO = "wifi-n:6.5"
"""What airtime is reckoned for where nothing is named."""

DIGEST_ALGORITHMS = ("SHA-256", "MD5")
"""RFC 7616 section 3.2, as far as it is known here."""

_DTMF_DIGITS = frozenset("0123456789*#ABCD")  # RFC 4733 section 3.2, events 0 to 15
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")  # RFC 3261 section 25.1
_OWN_HEADERS = frozenset(
    (
        "accept",
        "allow",
        "authorization",
        "call-id",
        "contact",
        "content-encoding",
        "content-length",
        "content-type",
        "cseq",
        "from",
        "max-forwards",
        "proxy-authorization",
        "record-route",
        "require",
        "route",
        "supported",
        "to",
        "user-agent",
        "via",
    )
)


def check_range(what: str, value: float | None, low: float, high: float, unit: str = "") -> None:
    """Refuse a *value* that is not None and not in the range; *what* is the option's name.

    Raises:
        UsageError: naming the range and what was got.
    """
    if value is not None and not low <= value <= high:  # a NaN is in no range
        span = f"{low:g} to {high:.10g} {unit}".rstrip()
        raise UsageError(f"{what} must be {span}, got {value:.10g}")


def _check_radio(text: str) -> None:
    if text == DEFAULT_RADIO:
        return
    from dsp.errors import DspError
    from softphone.radio import RadioInUse  # help must be there at once, and names none

    try:
        RadioInUse.parse(text)
    except DspError as error:
        raise UsageError(f"--radio: {error.args[0]}") from None


def _check_one_of(options: tuple[tuple[str, bool], ...]) -> None:
    named = [name for name, given in options if given]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} exclude each other: give one of them")


@dataclass(frozen=True, slots=True)
class CodecChoice:
    """A codec by name, at its own bit rate or at `MediaOptions.bit_rate_bps`."""

    name: str
    bit_rate_bps: int | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise UsageError("a codec needs a name, got an empty one: see `softphone codec list`")
        check_range(f"bit rate of codec {self.name}", self.bit_rate_bps, 450, 1_000_000, "b/s")

    @classmethod
    def parse(cls, text: str) -> "CodecChoice":
        """Read `name` or `name:bit rate`."""
        name, colon, rate = text.strip().partition(":")
        if colon and not (rate.isascii() and rate.isdigit()):
            raise UsageError(f"codec {text.strip()!r}: the bit rate after ':' must be a whole number of b/s")
        return cls(name.lower(), int(rate) if colon else None)

    def __str__(self) -> str:
        return self.name if self.bit_rate_bps is None else f"{self.name}:{self.bit_rate_bps}"


DEFAULT_CODECS = (CodecChoice("opus"), CodecChoice("pcmu"), CodecChoice("pcma"))


@dataclass(frozen=True, slots=True)
class AudioOptions:
    """Where sent audio comes from and where heard audio goes. No source named: bundled speech."""

    play: str | None = None
    """A sound file, or `builtin:NAME`."""
    echo: bool = False
    """Send back what is heard."""
    tone_hz: float | None = None
    device: str | None = None
    """A sound device by name, number or `default`: microphone and speaker."""
    record: str | None = None
    """WAV file for what is heard."""
    record_sent: str | None = None
    """WAV file for what is sent."""
    expect: str | None = None
    """What the peer is known to send, a file or `builtin:NAME`: the reference of the score."""
    filter_sent: str | None = None
    """A preset's name or file, for what is sent."""
    filter_heard: str | None = None
    """The same for what is heard."""
    changes_sent: tuple[tuple[str, str], ...] = ()
    """(path of a value of `filter_sent`, the value as typed), in this order."""
    changes_heard: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if (self.changes_sent and not self.filter_sent) or (self.changes_heard and not self.filter_heard):
            raise UsageError(
                "--set is for --filter PRESET, and --set-in for --filter-in PRESET: give it, too"
            )
        _check_one_of(
            (
                ("--play", self.play is not None),
                ("--echo", self.echo),
                ("--tone", self.tone_hz is not None),
                ("--device", self.device is not None),
            )
        )
        check_range("--tone", self.tone_hz, 20, 20_000, "Hz")
        if self.record is not None and self.record == self.record_sent:
            raise UsageError(f"--record and --record-sent need two files, got {self.record} twice")


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """Codecs in order of preference, and how they are packed and carried."""

    codecs: tuple[CodecChoice, ...] = DEFAULT_CODECS
    """Without a choice, and in the modes vlc and vlr, VLC is offered behind them."""
    bit_rate_bps: int | None = None
    """For every codec chosen without a rate of its own; None: the codec's default."""
    ptime_ms: int | None = None
    """Packet interval to send; None: what the peer wishes, else `DEFAULT_PTIME_MS`."""
    complexity: int = 5
    mode: str | None = None
    """One of `MODES` to begin with; None: what the peer wishes, else normal."""
    max_wire_bps: int | None = None
    """Limit of each direction, IP, UDP, RTP and RTCP included (b/s)."""
    rtp_ports: tuple[int, int] = (16384, 32767)
    """Lowest and highest port, both included."""
    rtp_timeout_s: float = 10.0
    """A call that hears nothing for so long is dropped; 0: never."""
    radio: str = DEFAULT_RADIO
    """Technology, or technology:rate in Mb/s, that `airtime` is reckoned for."""
    opus_library: str | None = None
    """Path of the libopus to use, before any other that is found."""

    def __post_init__(self) -> None:
        if not all(isinstance(choice, CodecChoice) for choice in self.codecs):
            raise UsageError(
                f"codecs must be CodecChoice objects, got {self.codecs!r}: see CodecChoice.parse"
            )
        if not self.codecs:
            raise UsageError("a call needs at least one codec, got none: see `softphone codec list`")
        names = [choice.name for choice in self.codecs]
        if len(set(names)) < len(names):
            raise UsageError(f"--codec names a codec twice: {','.join(map(str, self.codecs))}")
        check_range("--bitrate", self.bit_rate_bps, 450, 1_000_000, "b/s")
        check_range("--ptime", self.ptime_ms, 10, 160, "ms")
        check_range("--complexity", self.complexity, 0, 10)
        if self.mode is not None and self.mode not in MODES:
            raise UsageError(f"--mode must be one of {', '.join(MODES)}, got {self.mode!r}")
        check_range("--max-wire-bps", self.max_wire_bps, 1000, 10_000_000, "b/s")
        low, high = self.rtp_ports
        check_range("--rtp-ports", low, 1024, 65534)
        check_range("--rtp-ports", high, 1025, 65535)
        if high < low + low % 2 + 1:  # RFC 3550 section 11: RTP on an even port, RTCP on the next
            raise UsageError(f"--rtp-ports must hold an even port and the next one, got {low}-{high}")
        check_range("--rtp-timeout", self.rtp_timeout_s, 0, 3600, "s")
        _check_radio(self.radio)

    def bit_rate_of(self, choice: CodecChoice) -> int | None:
        """Return the bit rate asked for `choice` (b/s), or None for the codec's default."""
        return self.bit_rate_bps if choice.bit_rate_bps is None else choice.bit_rate_bps


@dataclass(frozen=True, slots=True)
class LineOptions:
    """A simulated bad line, the same in both directions, between RTP and the socket."""

    loss_pct: float = 0.0
    burst: float = 1.0
    """Mean number of packets lost in a row."""
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        check_range("--loss", self.loss_pct, 0, 100, "percent")
        check_range("--burst", self.burst, 1, 1000, "packets")
        check_range("--delay", self.delay_ms, 0, 10_000, "ms")
        check_range("--jitter", self.jitter_ms, 0, 10_000, "ms")
        check_range("--seed", self.seed, 0, 2**63 - 1)

    @property
    def is_perfect(self) -> bool:
        """Whether nothing is to be simulated."""
        return self.loss_pct == 0 and self.delay_ms == 0 and self.jitter_ms == 0


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """Who calls. When answering, a password makes callers prove that they are `user`."""

    user: str | None = None
    auth_user: str | None = None
    """Name for digest authentication where it is not `user`."""
    password: str | None = field(default=None, repr=False)
    auth_algorithms: tuple[str, ...] = ("MD5",)
    """Digest algorithms that callers are challenged with, the best first. SHA-256 (RFC 8760) is stronger; but baresip 1.0 gives up
    on a challenge that offers it at all, and sipp 3.6 on one that offers it first."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further header fields of the INVITE or its 200."""
    sip_t1_ms: int = 500
    """RFC 3261 section 17.1.1.1: estimate of the round trip, the unit of all SIP timers."""
    sip_dictionary: bool = False
    """Pack SIP with the dictionary, for peers that are known to read it (`docs/sip-dictionary.md`)."""

    def __post_init__(self) -> None:
        if self.user is not None and not re.fullmatch(r"[A-Za-z0-9_.!~*'()&=+$,;?/%-]+", self.user):
            raise UsageError(f"--user must be the part of a SIP URI before '@', got {self.user!r}")
        if self.password is not None and self.user is None and self.auth_user is None:
            raise UsageError("a password is for a user: give --user or --auth-user, too")
        if not self.auth_algorithms or set(self.auth_algorithms) - set(DIGEST_ALGORITHMS):
            got = ",".join(self.auth_algorithms)
            raise UsageError(f"--auth-algorithms must be of {', '.join(DIGEST_ALGORITHMS)}, got {got!r}")
        for name, value in self.headers:
            if not _TOKEN.fullmatch(name) or not value.isprintable():
                raise UsageError(f"--header must be 'Name: value' on one line, got {f'{name}: {value}'!r}")
            if name.lower() in _OWN_HEADERS:
                raise UsageError(f"--header {name}: the call sets this one itself, choose another")
        check_range("--sip-t1-ms", self.sip_t1_ms, 10, 10_000, "ms")

    @property
    def digest_user(self) -> str | None:
        """The name digest authentication goes by."""
        return self.user if self.auth_user is None else self.auth_user


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What `softphone call` does."""

    uri: str
    seconds: float | None = None
    """Length of the call from its answer; None: until what is played ends."""
    ring_timeout_s: float = 60.0
    dtmf: str = ""
    min_mos: float | None = None
    repeat: int = 1
    every_s: float = 0.0
    """From the start of one call to the start of the next; a longer call delays the next."""
    listen: Address | None = None
    """Local SIP address; None: the address that faces the peer, any port."""
    audio: AudioOptions = AudioOptions()
    media: MediaOptions = MediaOptions()
    line: LineOptions = LineOptions()
    account: AccountOptions = AccountOptions()
    serve: ServeOptions | None = None
    """A server that lets it be steered from a page or by `softphone remote`; None: there is none."""

    def __post_init__(self) -> None:
        scheme, _, rest = self.uri.partition(":")
        if scheme.lower() != "sip" or not rest or not self.uri.isprintable() or " " in self.uri:
            raise UsageError(f"whom to call must be a SIP URI like sip:bob@127.0.0.1:5060, got {self.uri!r}")
        check_range("--seconds", self.seconds, 0.1, 86_400, "s")
        check_range("--ring-timeout", self.ring_timeout_s, 0.1, 3600, "s")
        _check_dtmf(self.dtmf)
        check_range("--min-mos", self.min_mos, 1, 5, "MOS")
        check_range("--repeat", self.repeat, 1, 1_000_000, "calls")
        check_range("--every", self.every_s, 0, 86_400, "s")
        _check_address(self.listen)


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What `softphone answer` does."""

    listen: Address = ("127.0.0.1", 5060)
    calls: int | None = None
    """Leave after so many calls; None: on Ctrl-C."""
    seconds: float | None = None
    """Hang up so long after the answer; None: leave it to the caller."""
    reject: int | None = None
    """SIP status to refuse every call with."""
    ring_s: float = 0.0
    """Ring so long before the answer."""
    audio: AudioOptions = AudioOptions()
    media: MediaOptions = MediaOptions()
    line: LineOptions = LineOptions()
    account: AccountOptions = AccountOptions()
    serve: ServeOptions | None = None
    """A server that lets it be steered from a page or by `softphone remote`; None: there is none."""

    def __post_init__(self) -> None:
        _check_address(self.listen)
        check_range("--calls", self.calls, 1, 1_000_000, "calls")
        check_range("--seconds", self.seconds, 0.1, 86_400, "s")
        check_range("--reject", self.reject, 400, 699)
        check_range("--ring", self.ring_s, 0, 3600, "s")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `softphone demo` does: two processes on this machine call each other."""

    seconds: float = 8.0
    out: str | None = None
    """Folder for the recordings; None: a temporary one."""
    filter_sent: str | None = None
    """A preset's name or file, for what each side sends."""
    filter_heard: str | None = None
    """The same for what each side hears."""
    media: MediaOptions = MediaOptions(codecs=(CodecChoice("opus", 16_000),), ptime_ms=60)
    line: LineOptions = LineOptions()

    def __post_init__(self) -> None:
        check_range("--seconds", self.seconds, 0.5, 3600, "s")


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """A sound file that goes through filters."""

    preset: str
    """Its name, or the path of its file."""
    source: str
    target: str
    changes: tuple[tuple[str, str], ...] = ()
    """(path of a value, the value as typed), in this order."""
    far: str | None = None
    """What the loudspeaker played, for an echo canceller."""
    plot: str | None = None
    """Where a picture of what was done goes."""
    force: bool = False
    """Replace files that exist."""


@dataclass(frozen=True, slots=True)
class RadioOptions:
    """What `softphone radio` reckons with."""

    packets_per_s: float | None = None
    """Datagrams that are sent, and as many received."""
    wire_bytes: float | None = None
    """Mean length of one, IP header included."""
    expires_s: float = 3600.0
    """Lifetime of a registration."""
    radio: str = DEFAULT_RADIO
    bit_rate_bps: int = 2400
    """Of the codec that two people take turns with, in packets of `ptime_ms`."""
    ptime_ms: int = 144

    def __post_init__(self) -> None:
        _check_radio(self.radio)
        check_range("--bitrate", self.bit_rate_bps, 450, 1_000_000, "b/s")
        check_range("--ptime", self.ptime_ms, 10, 1000, "ms")
        check_range("--packets", self.packets_per_s, 0.001, 10_000, "per second")
        check_range("--bytes", self.wire_bytes, 20, 65_535, "bytes")
        check_range("--expires", self.expires_s, 60, 1_000_000, "s")


def _check_dtmf(digits: str) -> None:
    strangers = sorted(set(digits) - _DTMF_DIGITS)
    if strangers:
        raise UsageError(f"--dtmf must be of 0-9 * # A-D, got {''.join(strangers)!r} in {digits!r}")


def _check_address(address: Address | None) -> None:
    if address is not None:
        check_range("--listen port", address[1], 0, 65_535)
