"""TLS of the control port: a certificate that is given, or one that is made here and kept for a year.

The private key of a made one never leaves its file, which only its owner may read.
"""

import datetime
import os
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.control.certificate import make_aside
from softphone.io.control.pem import fingerprint_of

RENEW_BEFORE = datetime.timedelta(days=30)
"""So long before its end a made certificate is replaced."""
CERT_NAME, KEY_NAME = "control-cert.pem", "control-key.pem"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the port shows of itself."""

    context: ssl.SSLContext
    fingerprint: str
    """SHA-256 of the certificate, as browsers show it: "3A:F0:..."."""
    is_self_signed: bool = False
    """Whether it was made here, so that whoever connects has to accept it."""
    warnings: tuple[str, ...] = ()

    def how_to_accept(self, url: str) -> str:
        """What to tell people who open *url* with a browser for the first time."""
        return (
            f"{url} has a certificate made by this machine: the browser warns once. Choose Advanced, then Proceed "
            f"(Safari: Show Details, then visit this website), after comparing its SHA-256 fingerprint: {self.fingerprint}"
        )


def given_identity(cert: str, key: str | None) -> Identity:
    """The certificate in the PEM file *cert*, with its key in *key*, or in the same file.

    Raises:
        UsageError: a file is missing, is no PEM, or the key is that of another certificate or has a password.
    """
    key_path = cert if key is None else key
    pem = _text(cert, "--tls-cert")
    key_text = _text(key_path, "--tls-key")
    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise UsageError(f"--tls-cert {cert} holds no certificate: wanted PEM, -----BEGIN CERTIFICATE-----")
    if "PRIVATE KEY-----" not in key_text:
        option = "--tls-cert" if key is None else "--tls-key"
        more = (
            ": give its key with --tls-key FILE"
            if key is None
            else ": wanted PEM, -----BEGIN PRIVATE KEY-----"
        )
        raise UsageError(f"{option} {key_path} holds no key{more}")
    context = _context()
    try:
        context.load_cert_chain(cert, key_path, password=_no_password)
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            raise UsageError(
                f"--tls-key {key_path} is not the key of --tls-cert {cert}: give the two that belong together"
            ) from None
        raise UsageError(
            f"--tls-cert {cert} and {key_path} cannot be used ({error.reason or error}): wanted a certificate and its key as PEM"
        ) from None
    return Identity(context, fingerprint_of(pem), warnings=_open_to_others(Path(key_path)))


def self_signed_identity(
    folder: Path, hosts: Sequence[str], *, now: datetime.datetime | None = None
) -> Identity:
    """The certificate kept in *folder*; made anew where there is none, it is about to end, or a host is not in it.

    Args:
        hosts: the addresses and names that browsers will ask for; localhost and the loopback addresses are always in it.
        now: with its time zone; None: the clock's.

    Raises:
        EnvironmentProblem: the package cryptography is missing, or *folder* cannot be written.
    """
    at = datetime.datetime.now(datetime.UTC) if now is None else now
    wanted = tuple(dict.fromkeys(("localhost", "127.0.0.1", "::1", *(each.strip("[]") for each in hosts))))
    cert, key = folder / CERT_NAME, folder / KEY_NAME
    found = _load(cert, key, wanted, at)
    if found is None:
        make_aside(cert, key, wanted, at)
        found = _load(cert, key, wanted, at)
        if found is None:
            raise EnvironmentProblem(
                f"the certificate just made in {folder} cannot be read back: remove it there"
            )
    return found


def client_context(*, pinned: bool) -> ssl.SSLContext:
    """What a client checks a server with: the authorities that the system trusts.

    Args:
        pinned: nothing but what the caller compares afterwards, the certificate's fingerprint.
    """
    context = ssl.create_default_context()
    if pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    raise UsageError("--tls-key has a password, which nobody is here to type: give a key without one")


def _text(path: str, option: str) -> str:
    try:
        return Path(path).read_text("ascii", "replace")
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be read ({error.strerror}): give a PEM file") from None


def _open_to_others(key: Path) -> tuple[str, ...]:
    if os.name != "posix" or not stat.S_IMODE(key.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        return ()
    return (f"others on this machine can read the key {key}: chmod 600 {key}",)


def _load(cert: Path, key: Path, hosts: Sequence[str], now: datetime.datetime) -> Identity | None:
    """What is kept, where it will do. Its lines above the certificate save a library that is larger than the server."""
    try:
        pem = cert.read_text("ascii")
        context = _context()
        context.load_cert_chain(cert, key)
        said = dict(line.split(": ", 1) for line in pem.partition("-----BEGIN")[0].splitlines()[1:])
        until = datetime.datetime.fromisoformat(said["valid until"])
        if said["fingerprint"] != fingerprint_of(pem) or not {*said["hosts"].split()}.issuperset(hosts):
            return None
    except (OSError, ValueError, KeyError):
        return None
    if now >= until - RENEW_BEFORE:
        return None
    return Identity(context, said["fingerprint"], is_self_signed=True, warnings=_open_to_others(key))
