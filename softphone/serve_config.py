"""What can be asked of the server that lets others steer: frozen data, checked when made."""

import re
from dataclasses import dataclass, field

from softphone.errors import UsageError

SERVE_ADDRESS = ("127.0.0.1", 8765)
"""Where the page and the protocol are served, unless told otherwise."""

OSC_ADDRESS = ("127.0.0.1", 8766)
"""Where OSC is listened for, where it is asked for without an address."""

MIN_TOKEN = 8
MAX_TOKEN = 128
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")  # RFC 3986 section 2.3: stands in a URL as it is
_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches *host*: ``localhost``, or an address of 127.0.0.0/8 or ::1.

    Any other name is not taken for loopback: what it stands for may change.
    """
    if host in ("127.0.0.1", "::1", "localhost"):
        return True
    import ipaddress  # help must be there at once

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_token(what: str, token: str | None) -> None:
    """Refuse a *token* that could be guessed or could not stand in a URL; it is never quoted.

    Raises:
        UsageError: its length or its characters.
    """
    if token is None:
        return
    if not MIN_TOKEN <= len(token) <= MAX_TOKEN:
        raise UsageError(f"{what} must have {MIN_TOKEN} to {MAX_TOKEN} characters, got {len(token)}")
    if not _TOKEN.fullmatch(token):
        raise UsageError(f"{what} must be of A-Z a-z 0-9 - . _ ~, got others, too")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """A server for the page and the protocol, over HTTP and WebSocket on one port."""

    address: tuple[str, int] = SERVE_ADDRESS
    """Host and port; port 0: any that is free."""
    allow_lan: bool = False
    """Listen beyond loopback, where others on the network reach it."""
    token: str | None = field(default=None, repr=False)
    """Of the role control; None: one is made at start."""
    tls_cert: str | None = None
    """PEM file with the certificate and those between it and its root."""
    tls_key: str | None = None
    """PEM file with its key; None: it stands in `tls_cert`."""
    tls_self_signed: bool = False
    """Make a certificate, which whoever connects has to accept."""
    names: tuple[str, ...] = ()
    """Host names besides addresses and localhost by which browsers may ask for it."""
    announce: str | None = None
    """Tell the local network under this name (DNS-SD over multicast DNS)."""
    osc: tuple[str, int] | None = None
    """Where Open Sound Control is listened for, too; None: nowhere."""
    max_clients: int = 32

    def __post_init__(self) -> None:
        for option, address in (("--serve", self.address), ("--osc", self.osc)):
            if address is None:
                continue
            host, port = address
            if not 0 <= port <= 65_535:
                raise UsageError(f"{option} port must be 0 to 65535, got {port}")
            if not self.allow_lan and not is_loopback(host):
                raise UsageError(
                    f"{option} {host} would let others on the network in: add --allow-lan, or use 127.0.0.1"
                )
        check_token("the token of --token-env", self.token)
        if self.tls_key is not None and self.tls_cert is None:
            raise UsageError("--tls-key is for a certificate: give --tls-cert, too")
        if self.tls_cert is not None and self.tls_self_signed:
            raise UsageError("--tls-cert and --tls-self-signed exclude each other: give one of them")
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise UsageError(f"--serve-name must be a host name, like studio.local, got {name!r}")
        if self.announce is not None and not (
            self.announce.isprintable() and 1 <= len(self.announce.encode()) <= 63  # RFC 6763 section 4.1.1
        ):
            raise UsageError(f"--announce must be a name of 1 to 63 bytes, got {self.announce!r}")
        if not 1 <= self.max_clients <= 1000:
            raise UsageError(f"--max-clients must be 1 to 1000, got {self.max_clients}")

    @property
    def announced_host(self) -> str | None:
        """The host name that goes with the name announced, for multicast DNS (RFC 6762 section 3)."""
        if self.announce is None:
            return None
        label = re.sub(r"[^a-z0-9]+", "-", self.announce.lower()).strip("-")
        return f"{label or 'softphone'}.local"

    @property
    def host_names(self) -> tuple[str, ...]:
        """By which names browsers may ask for it, besides localhost and addresses; in small letters."""
        announced = () if self.announced_host is None else (self.announced_host,)
        return (*(name.lower() for name in self.names), *announced)

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.tls_self_signed or self.tls_cert is not None


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that has begun: what others need to reach it, and to be let in."""

    urls: tuple[str, ...]
    """Of the page, without a token, like ``http://127.0.0.1:8765/``; the first is the usual one."""
    control_url: str = field(repr=False)
    """With the token of the role control behind ``#``, where it is not sent and not logged."""
    view_url: str = field(repr=False)
    """The same for the role view."""
    token_was_given: bool = False
    """Whether whoever started it gave the token, and so knows it: it is not to be printed."""
    fingerprint: str | None = None
    """SHA-256 of the certificate, as hexadecimal digits; None without TLS."""
    notices: tuple[str, ...] = ()
    """What whoever starts it should know besides, a line each: how to accept the certificate, that others can read along."""
    osc: tuple[str, int] | None = None
    announced: str | None = None
