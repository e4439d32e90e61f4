"""What can be asked of the live filter, the remote control and the console, as frozen data checked when made."""

import re
from dataclasses import dataclass, field

from softphone.config import AccountOptions, Address, AudioOptions, LineOptions, MediaOptions, check_range
from softphone.errors import UsageError
from softphone.serve_config import ServeOptions, check_token

__all__ = ["VERBS", "ConsoleOptions", "LiveOptions", "RemoteOptions", "ServeOptions"]

VERBS = {
    "get": (0, 1),
    "set": (2, 2),
    "preset": (1, 1),
    "bypass": (1, 1),
    "undo": (0, 0),
    "redo": (0, 0),
    "watch": (0, 0),
    "save": (1, 1),
    "presets": (0, 0),
    "schema": (0, 1),
    "clients": (0, 0),
    "find": (0, 0),
}
"""What `remote` does, and the fewest and the most words it takes behind the verb."""

_WANTED = {
    "get": "get [PATH]",
    "set": "set PATH VALUE, as `softphone remote set low-cut.freq_hz 200`",
    "preset": "preset NAME",
    "bypass": "bypass on|off",
    "save": "save NAME",
    "schema": "schema [SLOT]",
}


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """A filter that is heard as it runs: device to device, or a file paced into another."""

    preset: str
    """Its name, or the path of its file."""
    source: str | None = None
    target: str | None = None
    in_device: str | None = None
    """By name or number; `null`: silence at a paced clock, `null:tone=1000` a tone; None: the system's default."""
    out_device: str | None = None
    sample_rate_hz: int = 48_000
    """Of devices; a file has its own."""
    block_ms: float = 10.0
    realtime: bool = False
    """`source` to `target`, as fast as it is heard."""
    changes: tuple[tuple[str, str], ...] = ()
    """(path of a value, the value as typed), in this order."""
    seconds: float | None = None
    """End after so long; None: on Ctrl-C or with the file."""
    force: bool = False
    """Replace files that exist."""
    far: str | None = None
    """What the loudspeaker played, for an echo canceller; of files only."""

    def __post_init__(self) -> None:
        files = self.source is not None and self.target is not None
        if self.realtime and not files:
            raise UsageError(
                "--realtime wants PRESET IN OUT, as `softphone filter telephone in.wav out.wav --realtime`"
            )
        if not self.realtime and (self.source is not None or self.target is not None):
            raise UsageError(
                "--live runs from device to device and takes no files: for files it is --realtime"
            )
        if self.realtime and (self.in_device is not None or self.out_device is not None):
            raise UsageError("--in-device and --out-device are for --live: --realtime runs from file to file")
        if self.far is not None and not self.realtime:
            raise UsageError(
                "--far is for files: what is played live at the far end is not known before it is played"
            )
        check_range("--rate", self.sample_rate_hz, 8000, 192_000, "Hz")
        check_range("--block", self.block_ms, 1, 100, "ms")
        check_range("--seconds", self.seconds, 0.1, 86_400, "s")


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """What `softphone remote` does to a filter or a call that somebody serves."""

    verb: str
    """One of `VERBS`."""
    words: tuple[str, ...] = ()
    """What stands behind the verb."""
    at: str = "127.0.0.1:8765"
    """`HOST:PORT`, the URL that the server printed, or the name it is announced by."""
    token: str | None = field(default=None, repr=False)
    """None: that of the URL, else of the environment variable SOFTPHONE_TOKEN."""
    chain: str | None = None
    """Which filter, where there are several; None: the first."""
    tls: bool = False
    tls_ca: str | None = None
    """PEM file with the certificate to trust, besides those of the system."""
    tls_fingerprint: str | None = None
    """SHA-256 of the one certificate to trust, in hexadecimal digits."""
    name: str | None = None
    """What the others are told who this is."""
    every_s: float = 0.2
    """From one line of levels to the next."""
    force: bool = False
    """Replace a preset of that name."""

    def __post_init__(self) -> None:
        if self.verb not in VERBS:
            raise UsageError(f"remote wants one of {', '.join(VERBS)}, got {self.verb!r}")
        low, high = VERBS[self.verb]
        if not low <= len(self.words) <= high:
            wanted = _WANTED.get(self.verb, self.verb)
            raise UsageError(f"remote: wanted {wanted}; got {' '.join((self.verb, *self.words))}")
        if self.verb == "bypass" and self.words[0] not in ("on", "off"):
            raise UsageError(f"remote: wanted bypass on or bypass off, got {self.words[0]!r}")
        check_token("the token", self.token)
        if self.tls_fingerprint is not None and not re.fullmatch(
            r"[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}", self.tls_fingerprint
        ):
            raise UsageError(
                f"--tls-fingerprint must be SHA-256 in 64 hexadecimal digits, got {self.tls_fingerprint!r}"
            )
        check_range("--every", self.every_s, 0.02, 5, "s")

    @property
    def is_secure(self) -> bool:
        """Whether TLS was asked for, by name or by what it would be checked with."""
        return self.tls or self.tls_ca is not None or self.tls_fingerprint is not None


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """What `softphone console` does: calls, filters and scores, steered from the page."""

    listen: Address = ("127.0.0.1", 5060)
    """SIP address to be called at; port 0: any that is free."""
    serve: ServeOptions = ServeOptions()
    out: str | None = None
    """Folder for the recordings of calls, their results and reports; None: `softphone/recordings` in the platform's folder for
    a user's data."""
    no_record: bool = False
    """Keep nothing of the calls."""
    memos: str | None = None
    """Folder of voice memos; None: `softphone/memos` there."""
    auto_answer: bool = False
    """Answer at once what comes in, instead of ringing until somebody does."""
    live: str | None = None
    """A preset that runs from a sound device to another beside the calls; None: none does."""
    live_changes: tuple[tuple[str, str], ...] = ()
    """(path of a value of `live`, the value as typed), in this order."""
    in_device: str | None = None
    out_device: str | None = None
    sample_rate_hz: int = 48_000
    block_ms: float = 10.0
    audio: AudioOptions = AudioOptions()
    media: MediaOptions = MediaOptions()
    line: LineOptions = LineOptions()
    account: AccountOptions = AccountOptions()

    def __post_init__(self) -> None:
        check_range("--listen port", self.listen[1], 0, 65_535)
        if self.audio.record is not None or self.audio.record_sent is not None:
            raise UsageError(
                "console records every call by itself: name the folder with --out, or switch it off with --no-record"
            )
        if self.no_record and self.out is not None:
            raise UsageError("--no-record and --out exclude each other: give one of them")
        if self.live is None:
            if self.out_device is not None or self.live_changes:
                raise UsageError("--out-device and --set-live are for --live PRESET: give it, too")
            return
        _ = self.live_options

    @property
    def memo_device(self) -> str | None:
        """What voice memos are recorded from: the device that is heard, else that of the calls; None: the system's default."""
        return self.audio.device if self.in_device is None else self.in_device

    @property
    def live_options(self) -> LiveOptions | None:
        """The filter from device to device, where one is wanted."""
        if self.live is None:
            return None
        return LiveOptions(
            self.live,
            changes=self.live_changes,
            in_device=self.in_device,
            out_device=self.out_device,
            sample_rate_hz=self.sample_rate_hz,
            block_ms=self.block_ms,
        )
