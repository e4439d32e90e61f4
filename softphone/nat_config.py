"""Servers that help across NATs, as a person names them: frozen data, checked when made."""

from dataclasses import dataclass, field

from softphone.errors import UsageError

STUN_PORT = 3478
TURN_TLS_PORT = 5349
"""RFC 7065 section 3."""
_TRANSPORTS = ("udp", "tcp")


def host_and_port(text: str, option: str, *, default: int) -> tuple[str, int]:
    """Read ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``.

    Raises:
        UsageError: it is none of them; *option* is named.
    """
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if (
        not host
        or not text.isprintable()
        or " " in text
        or (port and not (port.isascii() and port.isdigit()))
    ):
        raise UsageError(f"{option} must be a host, or host:port, got {text!r}")
    number = int(port) if port else default
    if not 0 < number < 65536:
        raise UsageError(f"{option} port must be 1 to 65535, got {number}")
    return host, number


@dataclass(frozen=True, slots=True)
class TurnServer:
    """Who relays media for us."""

    host: str
    port: int = STUN_PORT
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    transport: str = "udp"
    """How we reach it: ``udp`` or ``tcp``."""
    tls: bool = False

    @classmethod
    def parse(cls, text: str, *, password: str | None = None) -> "TurnServer":
        """Read a TURN URI (RFC 7065) that may name a user: ``turn:user@host:port?transport=tcp``, ``turns:host``.

        Raises:
            UsageError: it is none.
        """
        scheme, colon, rest = text.partition(":")
        if not colon or scheme.lower() not in ("turn", "turns"):
            raise UsageError(f"--turn must be like turn:user@turn.example.com:3478, got {text!r}")
        rest, _, query = rest.partition("?")
        user, at, place = rest.rpartition("@")
        tls = scheme.lower() == "turns"
        if ":" in user:
            raise UsageError(
                "--turn must hold no password, for everybody would see it: give --turn-password-env"
            )
        host, port = host_and_port(place, "--turn", default=TURN_TLS_PORT if tls else STUN_PORT)
        transport = query.removeprefix("transport=") if query else ("tcp" if tls else "udp")
        if transport not in _TRANSPORTS or (tls and transport == "udp"):
            raise UsageError(
                f"--turn transport must be {' or '.join(_TRANSPORTS)} (turns: tcp), got {transport!r}"
            )
        return cls(host, port, user if at else None, password, transport, tls)
