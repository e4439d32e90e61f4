"""TLS of SIP: what we show, and how the certificate of a far end is checked (RFC 3261 section 26.3, RFC 5922)."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softphone.errors import EnvironmentProblem, UsageError

CERT_NAME, KEY_NAME = "sip-cert.pem", "sip-key.pem"


@dataclass(slots=True)
class TlsTerms:
    """How a station speaks TLS; the context of a client is made when it is needed first."""

    ca: str | None = None
    """PEM file of authorities to trust; None: those that the system trusts."""
    insecure: bool = False
    """Take any certificate."""
    server: ssl.SSLContext | None = None
    """What is shown to those who connect to us; shown to those we connect to, too, if they ask."""
    shown: tuple[str, str | None] | None = None
    """Files of certificate and key."""
    _client: ssl.SSLContext | None = None

    def client(self) -> ssl.SSLContext:
        """What far ends are checked with.

        Raises:
            UsageError: the file of authorities, or that of our certificate, cannot be used.
        """
        if self._client is None:
            self._client = client_context(self.ca, insecure=self.insecure)
            if self.shown is not None:
                _show(self._client, *self.shown)
        return self._client


def client_context(ca: str | None, *, insecure: bool = False) -> ssl.SSLContext:
    """A context that checks the chain of a certificate; its names are for `wrong_name`.

    Raises:
        UsageError: *ca* cannot be read or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or error
        raise UsageError(f"--tls-ca {ca} cannot be used ({why}): give a PEM file with certificates") from None
    context.check_hostname = (
        False  # Python knows DNS names and addresses, and takes wildcards; RFC 5922 has SIP URIs and none
    )
    if insecure:
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_context(cert: str, key: str | None) -> ssl.SSLContext:
    """What is shown to those who connect.

    Raises:
        UsageError: a file is missing, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    _show(context, cert, key)
    return context


def _show(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    """Have *context* show a certificate.

    Raises:
        UsageError: a file is missing, or the two do not belong together.
    """
    try:
        context.load_cert_chain(cert, cert if key is None else key, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        why = (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or error
        raise UsageError(
            f"--sip-cert {cert} cannot be used ({why}): give a certificate and with --sip-key its key, as PEM"
        ) from None


def made_certificate(folder: Path, hosts: tuple[str, ...]) -> tuple[str, str]:
    """Files of a certificate for *hosts* signed by itself, made anew.

    Raises:
        EnvironmentProblem: the package cryptography is missing, or *folder* cannot be written.
    """
    import datetime

    from softphone.io.control.certificate import make_aside  # few make one

    cert, key = folder / CERT_NAME, folder / KEY_NAME
    try:
        make_aside(cert, key, hosts, datetime.datetime.now(datetime.UTC))
    except EnvironmentProblem as error:
        said = str(error).replace("--tls-self-signed", "--transport tls without --sip-cert")
        raise EnvironmentProblem(said) from None
    return str(cert), str(key)


def wrong_name(certificate: dict[str, Any], wanted: str) -> str | None:
    """Why *certificate* is not that of *wanted*; None if it is (RFC 5922 section 7.2).

    Args:
        certificate: as `ssl.SSLSocket.getpeercert` gives it.
        wanted: a domain or an address.
    """
    names = identities(certificate)
    if wanted.lower() in names:
        return None
    got = f"is for {', '.join(names[:3])}" if names else "names nobody"
    return f"TLS certificate {got}, not for {wanted}"


def identities(certificate: dict[str, Any]) -> list[str]:
    """The domains and addresses that *certificate* is for (RFC 5922 section 7.1); a wildcard is none."""
    found = certificate.get("subjectAltName", ())
    uris = [value[4:].lower() for kind, value in found if kind == "URI" and value.lower().startswith("sip:")]
    hosts = [uri for uri in uris if "@" not in uri]
    if hosts:
        return hosts  # those of the kind DNS count only where there is no SIP URI
    names = [value.lower() for kind, value in found if kind in ("DNS", "IP Address") and "*" not in value]
    if names or found:
        return [_address(name) for name in names]
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    return [value.lower() for kind, value in subject if kind == "commonName" and "*" not in value]


def why_not_tls(error: ssl.SSLError, where: str) -> str:
    """What to tell whose TLS with *where* failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS certificate of {where} not trusted: {error.verify_message}"
    reason = (error.reason or str(error)).replace("_", " ").lower()
    return f"no TLS with {where}: {reason}"


def _address(name: str) -> str:
    """An IPv6 address in its short form: OpenSSL writes it long."""
    import ipaddress

    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _no_password() -> str:
    raise UsageError("--sip-key has a password, which nobody is here to type: give a key without one")
