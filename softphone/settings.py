"""From a command line and a configuration file (TOML) to the dataclasses of `softphone.config`.

One table, `OPTIONS`, names each option once: the command line, the file and the help are made from it.
In the file an option stands without its dashes, in the table of its group or, for one command only, in
the table of that command:

    [media]
    codec = "opus:16000,pcmu"
    ptime = 60

    [answer]
    listen = "127.0.0.1:5070"

Command line goes before `[command]`, that before `[group]`, that before the default.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from softphone.config import (
    Address,
    AnswerOptions,
    CallOptions,
    CodecChoice,
    DemoOptions,
    FilterOptions,
    RadioOptions,
)
from softphone.errors import EnvironmentProblem, UsageError
from softphone.measure_config import CompareOptions, DecodeOptions, EncodeOptions, SweepOptions
from softphone.score_config import ScoreOptions

COMMANDS = ("demo", "answer", "call")
TABLES = (*COMMANDS, "filter", "encode", "decode", "compare", "sweep", "radio", "score")
"""Commands that have a table of their own in the file."""
GROUPS = ("audio", "media", "line", "account")
APART = ("score",)
"""Commands that take nothing from the tables of the groups: what `[media]` calls codec is another thing there."""
LISTED = ("opus-library",)
"""Of the media options, what `codec list` takes, too."""
SOURCES = ("play", "echo", "tone", "device")
"""Of these the last word counts: `--play` sets aside a `device` of the file."""

_T = TypeVar(
    "_T",
    CallOptions, AnswerOptions, DemoOptions, FilterOptions, EncodeOptions, DecodeOptions, CompareOptions, SweepOptions,
    RadioOptions, ScoreOptions,
)  # fmt: skip


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"wanted text, got {value!r}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"wanted true or false, got {value!r}")
    return value


def _whole(value: object) -> int:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    raise UsageError(f"wanted a whole number, got {value!r}")


def _number(value: object) -> float:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise UsageError(f"wanted a number, got {value!r}")


def _codecs(value: object) -> tuple[CodecChoice, ...]:
    parts = value if isinstance(value, list) else _text(value).split(",")
    return tuple(CodecChoice.parse(_text(part)) for part in parts)


def _names(value: object) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _text(value).split(",")
    return tuple(_text(part).strip() for part in parts)


def _files(value: object) -> tuple[str, ...]:
    return tuple(_text(part) for part in (value if isinstance(value, list) else [value]))


def _wholes(value: object) -> tuple[int, ...]:
    parts = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else [value]
    return tuple(_whole(part) for part in parts)


def _numbers(value: object) -> tuple[float, ...]:
    parts = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else [value]
    return tuple(_number(part) for part in parts)


def _gains(value: object) -> tuple[tuple[float, float], ...]:
    parts = value if isinstance(value, list) else _text(value).split(",")
    pairs = [_text(part).partition(":") for part in parts]
    if not all(colon for _, colon, _ in pairs):
        raise UsageError(f"wanted HZ:DB pairs, as 250:-3,2000:6, got {value!r}")
    return tuple((_number(frequency.strip()), _number(gain.strip())) for frequency, _, gain in pairs)


def _words(value: object) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _text(value).split(",")
    return tuple(_text(part).strip().upper() for part in parts)


def _word(value: object) -> str:
    return _text(value).strip().lower()


def _ports(value: object) -> tuple[int, int]:
    low, dash, high = _text(value).partition("-")
    if not dash:
        raise UsageError(f"wanted two ports as LOW-HIGH, got {value!r}")
    return _whole(low), _whole(high)


def _address(value: object) -> Address:
    """Read `HOST:PORT`, `HOST`, `:PORT` or `[IPv6]:PORT`."""
    text = _text(value)
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):
        host, port = text, "5060"  # RFC 3261 section 19.1.2, default port
    if not (port.isascii() and port.isdigit()) or host.startswith("[") != host.endswith("]"):
        raise UsageError(f"wanted HOST:PORT, got {text!r}")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    lines = value if isinstance(value, list) else [value]
    pairs = []
    for line in lines:
        name, colon, text = _text(line).partition(":")
        if not colon:
            raise UsageError(f"wanted 'Name: value', got {line!r}")
        pairs.append((name.strip(), text.strip()))
    return tuple(pairs)


def _changes(value: object) -> tuple[tuple[str, str], ...]:
    pairs = []
    for each in value if isinstance(value, list) else [value]:
        path, sign, text = _text(each).partition("=")
        if not sign or not path.strip():
            raise UsageError(f"wanted PATH=VALUE, as low-cut.freq_hz=200, got {each!r}")
        pairs.append((path.strip(), text.strip()))
    return tuple(pairs)


def _digits(value: object) -> str:
    return (str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)).upper()


def _password_of(value: object) -> str:
    name = _text(value)
    password = os.environ.get(name)
    if not password:
        raise UsageError(f"environment variable {name} holds no password: set it")
    return password


@dataclass(frozen=True, slots=True)
class Option:
    """One option, wherever it is given."""

    name: str
    """As on the command line, without dashes."""
    group: str
    """One of `GROUPS`, or the commands it is for, joined by blanks."""
    field: str
    """Of the dataclass."""
    read: Callable[[object], Any]
    """From a string of the command line or a value of TOML; raises UsageError saying what was wanted."""
    metavar: str
    """Empty for a switch."""
    help: str
    repeats: bool = False

    @property
    def commands(self) -> tuple[str, ...]:
        """Which commands take it."""
        if self.group in ("media", "line"):
            return (*COMMANDS, "codec") if self.name in LISTED else COMMANDS
        return ("answer", "call") if self.group in GROUPS else tuple(self.group.split())


OPTIONS = (
    Option("listen", "answer", "listen", _address, "HOST:PORT", "SIP address to answer at (127.0.0.1:5060)"),
    Option("calls", "answer", "calls", _whole, "N", "leave after N calls (on Ctrl-C)"),
    Option("seconds", "answer", "seconds", _number, "S", "hang up so long after the answer (never)"),
    Option("reject", "answer", "reject", _whole, "STATUS", "refuse all with this SIP status, 400 to 699"),
    Option("ring", "answer", "ring_s", _number, "S", "ring so long before the answer (0)"),
    Option("seconds", "call", "seconds", _number, "S", "length of the call (until what is played ends)"),
    Option("ring-timeout", "call", "ring_timeout_s", _number, "S", "give up when nobody answers (60)"),
    Option("dtmf", "call", "dtmf", _digits, "DIGITS", "digits to send, of 0-9 * # A-D"),
    Option("min-mos", "call", "min_mos", _number, "MOS", "exit status 6 when the audio is worse, 1 to 5"),
    Option("repeat", "call", "repeat", _whole, "N", "call N times (1)"),
    Option("every", "call", "every_s", _number, "S", "from the start of a call to the next (at once)"),
    Option("listen", "call", "listen", _address, "HOST:PORT", "local SIP address (any)"),
    Option("seconds", "demo", "seconds", _number, "S", "length of the call (8)"),
    Option("out", "demo", "out", _text, "DIR", "folder for the recordings (a temporary one)"),
    Option("set", "filter", "changes", _changes, "PATH=VALUE", "another value, as eq.bands.0.gain_db=-3; repeatable", True),
    Option("far", "filter", "far", _text, "FAR.wav", "what the loudspeaker played, for an echo canceller"),
    Option("plot", "filter", "plot", _text, "PNG", "picture of the response and of the sound before and after"),
    Option("force", "filter encode decode compare sweep", "force", _flag, "", "replace files that exist"),
    Option("bitrate", "encode", "bit_rate_bps", _whole, "BPS", "bit rate, where NAME says none (the codec's default)"),
    Option("ptime", "encode", "ptime_ms", _whole, "MS", "audio in one packet, 10 to 160 ms (one near 60)"),
    Option("shift", "decode", "shift_hz", _number, "HZ", "move all frequencies, -1000 to 1000 Hz (0; VLC only)"),
    Option("pitch", "decode", "pitch_ratio", _number, "RATIO", "another pitch, 0.5 to 2, formants stay (1; VLC only)"),
    Option("equalise", "decode", "equaliser_db", _gains, "HZ:DB[,..]", "gains, -40 to 40 dB, between them a line (VLC only)"),
    Option("denoise", "decode", "denoise_db", _number, "DB", "less of what lies under the noise, 0 to 40 dB (0; VLC only)"),
    Option("codecs", "compare sweep", "codecs", _names, "A[:BPS][@MS],..", "codecs, bit rates, packet intervals (a usual choice)"),
    Option("ptime", "compare sweep", "ptimes_ms", _wholes, "MS[,..]", "packet intervals, or the nearest a codec has (near 60)"),
    Option("loss", "compare sweep", "losses_pct", _numbers, "PCT[,..]", "lose packets, 0 to 100 percent (0)"),
    Option("burst", "compare sweep", "bursts", _numbers, "N[,..]", "mean numbers of packets lost in a row (1)"),
    Option("speech", "sweep", "speech", _files, "FILE", "what is said (builtin:man and builtin:woman)", True),
    Option("delay", "sweep", "delays_ms", _numbers, "MS[,..]", "delay of the line (0)"),
    Option("jitter", "sweep", "jitters_ms", _numbers, "MS[,..]", "standard deviation of that delay (0)"),
    Option("seed", "compare sweep", "seed", _whole, "N", "the same losses again for the same seed (1)"),
    Option("complexity", "encode compare sweep", "complexity", _whole, "0..10", "effort of the encoder (5)"),
    Option("opus-library", "encode decode compare sweep", "opus_library", _text, "PATH", "the libopus to use"),
    Option("radio", "compare sweep", "radio", _word, "NAME[:MBPS]", "what airtime is reckoned for (wifi-n:6.5)"),
    Option("out", "compare sweep", "out", _text, "DIR", "keep rows there; the same command goes on where it ended"),
    Option("measures", "compare", "measures", _names, "A,..", "of pesq_nb, pesq_wb, stoi, dnsmos, plcmos, words (all)"),
    Option("report", "compare", "report", _text, "HTML", "a page with the picture and all figures"),
    Option("plot", "compare sweep", "plot", _text, "PNG", "picture of quality over rate (sweep: over loss)"),
    Option("workers", "compare sweep", "workers", _whole, "N", "processes that share the work (1)"),
    Option("dask", "compare sweep", "dask", _text, "ADDRESS", "a Dask scheduler instead, or local for one of our own"),
    Option("reference", "score", "reference", _text, "FILE|DIR", "what was sent: a file, builtin:NAME, or a folder to find it in"),
    Option("far", "score", "far", _text, "FILE", "what the listener's side sent meanwhile, where echo would come from"),
    Option("codec", "score", "codec", _word, "NAME", "what made the recording: can the score be trusted? Captures: PT=NAME[,..]"),
    Option("metrics", "score", "metrics", _names, "A,..|all", "measures beside the score (those that need nothing installed)"),
    Option("min-mos", "score", "min_mos", _number, "MOS", "exit status 6 when the score is lower, 1 to 5"),
    Option("report", "score", "report", _text, "HTML", "a page with pictures, and what each number means"),
    Option("pairs", "score", "pairs", _text, "CSV", "score a list of files: columns degraded,reference"),
    Option("out", "score", "out", _text, "CSV", "scores, row by row; rows done stay. Captures: a folder for the sound"),
    Option("workers", "score", "workers", _whole, "N", "processes that share a list (1)"),
    Option("dask", "score", "dask", _text, "ADDRESS", "a Dask scheduler instead, or local for one of our own"),
    Option("force", "score", "force", _flag, "", "replace a report that exists; begin a list anew"),
    Option("packets", "radio", "packets_per_s", _number, "N", "datagrams a second, each way"),
    Option("bytes", "radio", "wire_bytes", _number, "B", "mean length of one, IP header included"),
    Option("radio", "radio", "radio", _word, "NAME[:MBPS]", "technology, see --list (wifi-n:6.5)"),
    Option("bitrate", "radio", "bit_rate_bps", _whole, "BPS", "turns: of the codec (2400)"),
    Option("ptime", "radio", "ptime_ms", _whole, "MS", "turns: audio in one packet (144)"),
    Option("expires", "radio", "expires_s", _number, "S", "idle: lifetime of the registration (3600)"),
    Option("play", "audio", "play", _text, "FILE", "sound file to send, or builtin:man, builtin:woman"),
    Option("echo", "audio", "echo", _flag, "", "send back what is heard"),
    Option("tone", "audio", "tone_hz", _number, "HZ", "send a tone of 20 to 20000 Hz"),
    Option("device", "audio", "device", _text, "NAME", "microphone and speaker; null: neither"),
    Option("record", "audio", "record", _text, "FILE", "WAV file for what is heard"),
    Option("record-sent", "audio", "record_sent", _text, "FILE", "WAV file for what is sent"),
    Option("expect", "audio", "expect", _text, "FILE", "what the peer sends, to score against"),
    Option("codec", "media", "codecs", _codecs, "NAME[:BPS][,..]", "codecs, the best first"),
    Option("bitrate", "media", "bit_rate_bps", _whole, "BPS", "bit rate of codecs without one of their own"),
    Option("ptime", "media", "ptime_ms", _whole, "MS", "audio in one packet, 10 to 160 ms (20; demo: 60)"),
    Option("mode", "media", "mode", _word, "MODE", "normal, vlc (least CPU) or vlr (least airtime); as the peer wishes"),
    Option("max-wire-bps", "media", "max_wire_bps", _whole, "BPS", "limit each way, IP, UDP, RTP and RTCP included"),
    Option("complexity", "media", "complexity", _whole, "0..10", "effort of the encoder (5)"),
    Option("rtp-ports", "media", "rtp_ports", _ports, "LOW-HIGH", "ports for RTP and RTCP (16384-32767)"),
    Option("rtp-timeout", "media", "rtp_timeout_s", _number, "S", "drop a call that hears none (10, 0: no)"),
    Option("radio", "media", "radio", _word, "NAME[:MBPS]", "what airtime is reckoned for (wifi-n:6.5); see `radio --list`"),
    Option("opus-library", "media", "opus_library", _text, "PATH", "the libopus to use"),
    Option("loss", "line", "loss_pct", _number, "PCT", "lose packets both ways, 0 to 100 percent"),
    Option("burst", "line", "burst", _number, "N", "mean number of packets lost in a row (1)"),
    Option("delay", "line", "delay_ms", _number, "MS", "delay packets both ways"),
    Option("jitter", "line", "jitter_ms", _number, "MS", "vary the delay"),
    Option("seed", "line", "seed", _whole, "N", "the same line again for the same seed (1)"),
    Option("user", "account", "user", _text, "U", "our user name"),
    Option("auth-user", "account", "auth_user", _text, "A", "user name of the password, where another"),
    Option("password-env", "account", "password", _password_of, "VAR", "environment variable that holds it"),
    Option("password", "account", "password", _text, "P", "for tests: others can see it"),
    Option("auth-algorithms", "account", "auth_algorithms", _words, "A[,..]", "to challenge callers with (MD5)"),
    Option("header", "account", "headers", _headers, "'N: V'", "a SIP header field more; repeatable", True),
    Option("sip-t1-ms", "account", "sip_t1_ms", _whole, "MS", "SIP round trip estimate (500)"),
    Option("sip-dictionary", "account", "sip_dictionary", _flag, "", "pack SIP, for peers that read it so"),
)  # fmt: skip


@dataclass(slots=True)
class Settings:
    """Values given for one command: option name to (value, where it stood)."""

    command: str
    values: dict[str, tuple[object, str]] = field(default_factory=dict)

    def add(self, values: Mapping[str, object], where: str) -> None:
        """Let *values* go before what was added earlier.

        Args:
            values: option name to a string or a value of TOML.
            where: prefix of the option's name in an error, like ``--``.
        """
        if any(name in values for name in SOURCES):
            for name in SOURCES:
                self.values.pop(name, None)
        if "password" in values or "password-env" in values:
            self.values.pop("password", None)
            self.values.pop("password-env", None)
        self.values.update({name: (value, where + name) for name, value in values.items()})

    @property
    def password_is_open(self) -> bool:
        """Whether a password was given where others can read it."""
        return "password" in self.values

    def apply(self, base: _T) -> _T:
        """Return *base* with what was given.

        Raises:
            UsageError: naming the option, where it stood, what was wanted and what was got.
        """
        given: dict[str, dict[str, Any]] = {}
        for option in OPTIONS:
            if option.name in self.values and self.command in option.commands:
                value, where = self.values[option.name]
                try:
                    read = option.read(value)
                except UsageError as error:
                    raise UsageError(f"{where}: {error}") from None
                group = option.group if option.group in GROUPS else ""
                given.setdefault(group, {})[option.field] = read
        own = given.pop("", {})
        groups = {f.name: getattr(base, f.name) for f in fields(base) if f.name in GROUPS}
        return replace(base, **own, **{name: replace(groups[name], **given[name]) for name in given})


def user_config_path() -> Path:
    """Where the user's own configuration file lies on this platform."""
    home = Path.home()
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")  # XDG base directory, 0.8
    return folder / "softphone" / "config.toml"


def load_settings(command: str, path: str | None) -> Settings:
    """Read what the file at *path*, else the user's own file if there is one, says about *command*.

    Raises:
        UsageError: no TOML, or a table or option nobody knows.
        EnvironmentProblem: the file cannot be read.
    """
    file = user_config_path() if path is None else Path(path)
    settings = Settings(command)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path is None:
            return settings
        raise UsageError(f"--config: no file {path}") from None
    except OSError as error:
        raise EnvironmentProblem(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text") from None
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not TOML: {error}") from None
    _check_tables(tables, file)
    for group in (command,) if command in APART else (*GROUPS, command):
        values = tables.get(group, {})
        settings.add(
            {name: v for name, v in values.items() if _is_for(name, command)},
            f"{file} [{group}] ",
        )
    return settings


def _is_for(name: str, command: str) -> bool:
    return any(option.name == name and command in option.commands for option in OPTIONS)


def _check_tables(tables: Mapping[str, Any], file: Path) -> None:
    """Refuse what nobody would ever read: most likely a slip of the pen."""
    for table, values in tables.items():
        if table not in GROUPS + TABLES:
            raise UsageError(f"{file}: no table [{table}]{_nearest(table, GROUPS + TABLES, '[{}]')}")
        if not isinstance(values, dict):
            raise UsageError(f"{file}: {table} must be a table [{table}], got {values!r}")
        known = [o.name for o in OPTIONS if table == o.group or table in o.commands]
        for name in values:
            if name not in known:
                raise UsageError(f"{file} [{table}]: no option {name!r}{_nearest(name, known, '{!r}')}")


def _nearest(name: str, known: "list[str] | tuple[str, ...]", form: str) -> str:
    import difflib

    best = difflib.get_close_matches(name.replace("_", "-").lower(), known, n=1, cutoff=0.5)
    return f", the nearest is {form.format(best[0])}" if best else f"; known are {', '.join(known)}"
