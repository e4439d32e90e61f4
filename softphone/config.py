"""What can be asked of a call, as frozen data: checked when made, read from no one else's globals.

A value out of range raises `UsageError` in one line that names the range and its unit. Reading a
command line or a file into these is `softphone.settings`'s.
"""

from dataclasses import dataclass

from softphone.account_config import DIGEST_ALGORITHMS, TRANSPORTS, AccountOptions
from softphone.config_checks import check_range, check_sip_uri
from softphone.errors import UsageError
from softphone.serve_config import ServeOptions

__all__ = [
    "DEFAULT_CODECS",
    "DEFAULT_PTIME_MS",
    "DEFAULT_RADIO",
    "DEFAULT_SPEECH",
    "DIGEST_ALGORITHMS",
    "DTMF_WAYS",
    "MODES",
    "SRTP",
    "SRTP_KEYS",
    "SRTP_SUITES",
    "TRANSFERS",
    "TRANSPORTS",
    "AccountOptions",
    "Address",
    "AnswerOptions",
    "AudioOptions",
    "CallOptions",
    "CodecChoice",
    "DemoOptions",
    "FilterOptions",
    "LineOptions",
    "MediaOptions",
    "RadioOptions",
    "RegisterOptions",
    "check_range",
]

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

DTMF_WAYS = ("auto", "rtp", "info")
"""How digits are sent: RFC 4733, or SIP INFO."""

TRANSFERS = ("refuse", "follow")
"""What is done when a peer asks us to call somebody else."""

SRTP = ("off", "prefer", "require")
"""Whether media is encrypted: never; where the peer can (RFC 8643); always, or there is no call (`docs/srtp.md`)."""

SRTP_KEYS = ("any", "sdes", "dtls")
"""Where keys come from: whatever both can; SDP (RFC 4568); a handshake on the media path (RFC 5763)."""

SRTP_SUITES = (
    "AES_CM_128_HMAC_SHA1_80",
    "AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
    "AES_256_CM_HMAC_SHA1_32",
)
"""What can protect media, in the order in which it is preferred (RFC 4568, RFC 6188, RFC 7714)."""

_DTMF_DIGITS = frozenset("0123456789*#ABCD")  # RFC 4733 section 3.2, events 0 to 15


def _check_radio(text: str) -> None:
    if text == DEFAULT_RADIO:
        return
    from dsp.errors import DspError
    from softphone.radio import RadioInUse  # help must be there at once, and names none

    try:
        RadioInUse.parse(text)
    except DspError as error:
        raise UsageError(f"--radio: {error.args[0]}") from None


def _check_transfers(text: str) -> None:
    if text not in TRANSFERS:
        raise UsageError(f"--transfers must be one of {', '.join(TRANSFERS)}, got {text!r}")


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
    dtmf_by: str = "auto"
    """One of `DTMF_WAYS`: how digits are sent; auto: in RTP where the peer takes them there, else by INFO."""
    radio: str = DEFAULT_RADIO
    """Technology, or technology:rate in Mb/s, that `airtime` is reckoned for."""
    opus_library: str | None = None
    """Path of the libopus to use, before any other that is found."""
    rtcp_mux: bool = False
    """Offer RTCP on the port of RTP (RFC 5761); who calls us and offers it gets it in any case."""
    comfort_noise: bool = False
    """Leave pauses out, and tell what they sound like, with codecs that have no way of their own (RFC 3389)."""
    srtp: str = "off"
    """One of `SRTP`."""
    srtp_keys: str = "any"
    """One of `SRTP_KEYS`."""
    srtp_suites: tuple[str, ...] = ()
    """Of `SRTP_SUITES`, the best first; empty: the first is offered, and any is taken."""

    def __post_init__(self) -> None:
        self._check_srtp()
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
        if self.dtmf_by not in DTMF_WAYS:
            raise UsageError(f"--dtmf-by must be one of {', '.join(DTMF_WAYS)}, got {self.dtmf_by!r}")
        _check_radio(self.radio)

    def _check_srtp(self) -> None:
        if self.srtp not in SRTP:
            raise UsageError(f"--srtp must be one of {', '.join(SRTP)}, got {self.srtp!r}")
        if self.srtp_keys not in SRTP_KEYS:
            raise UsageError(f"--srtp-keys must be one of {', '.join(SRTP_KEYS)}, got {self.srtp_keys!r}")
        strangers = [each for each in self.srtp_suites if each not in SRTP_SUITES]
        if strangers:
            raise UsageError(f"--srtp-suites must be of {', '.join(SRTP_SUITES)}, got {strangers[0]!r}")
        if self.srtp == "off" and (self.srtp_keys != "any" or self.srtp_suites):
            raise UsageError(
                "--srtp-keys and --srtp-suites say how to encrypt: give --srtp prefer or require, too"
            )

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
class CallOptions:
    """What `softphone call` does."""

    uri: str
    seconds: float | None = None
    """Length of the call from its answer; None: until what is played ends."""
    ring_timeout_s: float = 60.0
    dtmf: str = ""
    script: str | None = None
    """File of what is done in the call, and what is expected of it (`docs/scripts.md`)."""
    transfers: str = "refuse"
    """One of `TRANSFERS`."""
    min_mos: float | None = None
    repeat: int = 1
    """0: until Ctrl-C."""
    out: str | None = None
    """File that each RESULT is appended to, a line each, as soon as its call has ended."""
    prometheus: str | None = None
    """Text file for Prometheus, written anew after each call."""
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
        if scheme.lower() not in ("sip", "sips") or not rest or not self.uri.isprintable() or " " in self.uri:
            raise UsageError(f"whom to call must be a SIP URI like sip:bob@127.0.0.1:5060, got {self.uri!r}")
        check_range("--seconds", self.seconds, 0.1, 86_400, "s")
        check_range("--ring-timeout", self.ring_timeout_s, 0.1, 3600, "s")
        _check_dtmf(self.dtmf)
        _check_transfers(self.transfers)
        check_range("--min-mos", self.min_mos, 1, 5, "MOS")
        check_range("--repeat", self.repeat, 0, 1_000_000, "calls")
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
    early_media: str | None = None
    """What is sent meanwhile, a file or `builtin:NAME`; None: nothing."""
    max_calls: int | None = None
    """Further ones are told that we are busy while so many run; None: there is no limit."""
    script: str | None = None
    """File of what is done in each call, and what is expected of it (`docs/scripts.md`)."""
    transfers: str = "refuse"
    """One of `TRANSFERS`."""
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
        check_range("--max-calls", self.max_calls, 1, 100_000, "calls")
        _check_transfers(self.transfers)
        if self.script is not None and (self.reject is not None or self.ring_s > 0 or self.early_media):
            raise UsageError(
                "--script says itself how a call is taken: leave --reject, --ring and --early-media out"
            )
        if self.early_media is not None and self.ring_s == 0:
            raise UsageError("--early-media is heard while it rings: give --ring S, too")


@dataclass(frozen=True, slots=True)
class RegisterOptions(AnswerOptions):
    """What `softphone register` does: it answers what the registrar sends here."""

    uri: str = ""
    """Whose calls; its host is the registrar where the account names no other."""
    listen: Address = ("", 0)
    """Local SIP address; without a host the one that faces the registrar."""

    def __post_init__(self) -> None:
        AnswerOptions.__post_init__(self)
        check_sip_uri("whom to register", self.uri, "sip:alice@pbx.example.com")
        if "@" not in self.uri:
            raise UsageError(f"whom to register must be like sip:alice@pbx.example.com, got {self.uri!r}")


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
