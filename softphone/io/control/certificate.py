"""Makes the certificate of a control port, in a process of its own: the library takes more memory than the server.

The process reads one line of JSON from standard input, ``cert`` and ``key`` (paths), ``hosts`` and ``now`` (ISO 8601), and answers
with one line: ``{}``, or ``{"error": why}``.
"""

import datetime
import ipaddress
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from softphone.errors import EnvironmentProblem
from softphone.io.child_process import end_child, exchange, start_child
from softphone.io.control.pem import fingerprint_of

VALID = datetime.timedelta(days=365)
TIMEOUT_S = 30.0
"""For a process that takes half a second."""
_CHILD = "softphone.io.control.certificate"


def make_aside(cert: Path, key: Path, hosts: Sequence[str], now: datetime.datetime) -> None:
    """`make_certificate` in another process, which is over when this returns.

    Raises:
        EnvironmentProblem: as `make_certificate`, or the process cannot be started or does not answer.
    """
    request = {"cert": str(cert), "key": str(key), "hosts": list(hosts), "now": now.isoformat()}
    try:
        child = start_child(_CHILD)
    except OSError as error:
        raise EnvironmentProblem(
            f"--tls-self-signed needs another process to make a certificate, which cannot be started ({error.strerror})"
        ) from None
    try:
        answer = exchange(child, [json.dumps(request).encode() + b"\n"], TIMEOUT_S)
    finally:
        end_child(child)
    if answer is None:
        raise EnvironmentProblem(
            "--tls-self-signed: the process that makes the certificate gave no answer; give one with --tls-cert FILE"
        )
    if "error" in answer:
        raise EnvironmentProblem(answer["error"])


def make_certificate(cert: Path, key: Path, hosts: Sequence[str], now: datetime.datetime) -> None:
    """Write a certificate for *hosts*, signed by itself, and its key, which only its owner may read.

    Above the PEM stand lines ``name: value`` with what `softphone.io.control.tls` looks at when it is used again.

    Raises:
        EnvironmentProblem: the package cryptography is missing, or the files cannot be written.
    """
    x509 = _cryptography()
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"softphone on {socket.gethostname()[:40]}")])
    names = [
        x509.DNSName(each) if _address(each) is None else x509.IPAddress(_address(each)) for each in hosts
    ]
    until = (now + VALID).replace(microsecond=0)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks of phones differ
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    key_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    cert_pem = made.public_bytes(serialization.Encoding.PEM)
    said = {
        "valid until": until.isoformat(),
        "hosts": " ".join(hosts),
        "fingerprint": fingerprint_of(cert_pem.decode()),
    }
    lines = [
        "Made by softphone for its control port.",
        *(f"{name}: {value}" for name, value in said.items()),
        "",
    ]
    try:
        cert.parent.mkdir(parents=True, exist_ok=True)
        _write_private(key, key_pem)
        _write_private(cert, "\n".join(lines).encode() + cert_pem)
    except OSError as error:
        raise EnvironmentProblem(
            f"--tls-self-signed keeps its certificate in {cert.parent}, which cannot be written ({error.strerror})"
        ) from None


def _write_private(path: Path, data: bytes) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    part = path.with_name(f".{path.name}-{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    part.replace(path)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _cryptography() -> Any:
    try:
        from cryptography import x509
    except ImportError as error:
        raise EnvironmentProblem(
            f'--tls-self-signed needs cryptography ({error}): pip install "softphone[tls]"'
        ) from None
    return x509


def main() -> None:
    """Serve one request."""
    request = json.loads(sys.stdin.buffer.readline())
    cert, key = Path(request["cert"]), Path(request["key"])
    answer = {}
    try:
        make_certificate(cert, key, request["hosts"], datetime.datetime.fromisoformat(request["now"]))
    except EnvironmentProblem as error:
        answer["error"] = str(error)
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
