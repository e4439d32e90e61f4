"""Who calls, by whose help, and over what: the options of an account, as frozen data."""

import re
from dataclasses import dataclass, field

from softphone.config_checks import check_range, check_sip_uri, is_host
from softphone.errors import UsageError
from softphone.nat_config import STUN_PORT, TurnServer, host_and_port

TRANSPORTS = ("udp", "tcp", "tls")
"""What SIP goes over."""

DIGEST_ALGORITHMS = ("SHA-256", "MD5")
"""RFC 7616 section 3.2, as far as it is known here."""

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
    session_expires_s: float | None = None
    """RFC 4028: within how long each call is refreshed, so that it ends where the other end has vanished; None: not, unless the
    peer asks for it."""
    sip_t1_ms: int = 500
    """RFC 3261 section 17.1.1.1: estimate of the round trip, the unit of all SIP timers."""
    sip_dictionary: bool = False
    """Pack SIP with the dictionary, for peers that are known to read it (`docs/sip-dictionary.md`)."""
    any_user: bool = False
    """Serve requests for other users than `user`, too; without it they are answered 404."""
    name: str | None = None
    """Of the table `[accounts.NAME]` that this is from."""
    registrar: str | None = None
    """Host, host:port or SIP URI of who is told where `user` is reached, and of the domain of `user`; None: nobody is told."""
    domain: str | None = None
    """Host, or host:port, of our own address; None: the registrar's."""
    contact: str | None = None
    """SIP URI that the registrar is told; None: where it reaches us."""
    expires_s: float = 300.0
    """For how long a registration is asked for; it is refreshed before."""
    transport: str | None = None
    """One of `TRANSPORTS`; None: what the URI and the name server say, else UDP."""
    proxy: str | None = None
    """URI of the proxy that every request outside of dialogs is sent through."""
    public_address: str | None = None
    """Host that stands in Contact and SDP in place of our own."""
    stun: str | None = None
    """Host, or host:port, of a STUN server that tells under which address our media is seen."""
    ice: bool = False
    """Look for a way for media by ICE (RFC 8445)."""
    turn: str | None = None
    """URI of a TURN server that relays media, as ``turn:user@turn.example.com``; it means `ice`, too."""
    turn_password: str | None = field(default=None, repr=False)
    quality_report: str | None = None
    """SIP URI that the quality of each call is published to (RFC 6035)."""
    tls_ca: str | None = None
    """PEM file of the authorities that certificates of TLS are checked against; None: the system's."""
    tls_insecure: bool = False
    """Take any certificate."""
    sip_cert: str | None = None
    """PEM file of the certificate that we show; None: one is made, where we are to be called by TLS."""
    sip_key: str | None = None
    """PEM file of its key, where that is another one."""
    trace: str | None = None
    """File that each SIP message and each RTP header is written to, with a capture beside it (`docs/trace.md`)."""
    trace_keys: bool = False
    """Write SRTP keys into the trace, too."""

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
        if self.session_expires_s is not None:
            check_range(
                "--session-expires", self.session_expires_s, 90, 86_400, "s"
            )  # RFC 4028 section 4: no less
        if self.stun is not None:
            host_and_port(self.stun, "--stun", default=STUN_PORT)
        if self.turn is not None:
            TurnServer.parse(self.turn)
        if self.turn_password is not None and self.turn is None:
            raise UsageError("--turn-password-env is for a relay: give --turn turn:USER@HOST, too")
        if self.quality_report is not None:
            check_sip_uri("--quality-report", self.quality_report, "sip:collector@example.com")
        self._check_transport()
        check_range("--expires", self.expires_s, 10, 4_294_967_295, "s")
        if self.registrar is not None:
            if self.user is None and self.auth_user is None:
                raise UsageError("--registrar is told where a user is reached: give --user, too")
            check_sip_uri("--registrar", self.registrar_uri, "pbx.example.com")
        if self.domain is not None:
            check_sip_uri("--domain", f"sip:{self.domain}", "example.com")
        if self.contact is not None:
            check_sip_uri("--contact", self.contact, "sip:alice@192.0.2.1:5060")
        if self.trace_keys and self.trace is None:
            raise UsageError("--trace-keys is for a trace: give --trace FILE, too")

    @property
    def registrar_uri(self) -> str:
        """The registrar's domain as a URI; empty where there is none."""
        text = self.registrar or ""
        return text if not text or text.lower().startswith(("sip:", "sips:")) else f"sip:{text}"

    def _check_transport(self) -> None:
        if self.transport is not None and self.transport not in TRANSPORTS:
            raise UsageError(f"--transport must be one of {', '.join(TRANSPORTS)}, got {self.transport!r}")
        if self.sip_dictionary and self.transport not in (None, "udp"):
            raise UsageError(
                f"--sip-dictionary packs datagrams: it does not go with --transport {self.transport}"
            )
        if self.proxy is not None:
            check_sip_uri("--proxy", self.proxy_uri, "sip:proxy.example.com")
        if self.public_address is not None and not is_host(self.public_address):
            raise UsageError(f"--public-address must be a host, without a port, got {self.public_address!r}")
        if self.tls_ca is not None and self.tls_insecure:
            raise UsageError("--tls-ca and --tls-insecure exclude each other: give one of them")
        if self.sip_key is not None and self.sip_cert is None:
            raise UsageError("--sip-key is the key of a certificate: give --sip-cert, too")

    @property
    def proxy_uri(self) -> str:
        """The proxy as a URI; empty where there is none."""
        text = self.proxy or ""
        return text if not text or text.lower().startswith(("sip:", "sips:")) else f"sip:{text}"

    @property
    def uses_ice(self) -> bool:
        """Whether media goes where ICE leads."""
        return self.ice or self.turn is not None

    @property
    def digest_user(self) -> str | None:
        """The name digest authentication goes by."""
        return self.user if self.auth_user is None else self.auth_user
