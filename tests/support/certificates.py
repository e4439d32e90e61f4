"""An authority and certificates that it signs, made for a test."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import pytest

NOT_BEFORE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
NOT_AFTER = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)


class Authority:
    """Signs what it is asked to; `ca` is the file that those who trust it name."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("cryptography", reason="certificates are made with cryptography")
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._numbers = iter(range(1, 1000))
        self.ca = self._write("ca", self._made("authority", self._key, (), is_authority=True), self._key)[0]

    def issue(self, *names: str, uri: str | None = None) -> tuple[str, str]:
        """Files of a certificate for *names* (hosts, addresses), and for a SIP URI, and of its key."""
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(f"leaf{next(self._numbers)}", self._made("leaf", key, names, uri=uri), key)

    def _made(self, name, key, names, *, uri=None, is_authority=False):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        def subject(text):
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        alternatives = [_general(each) for each in names]
        if uri is not None:
            alternatives.append(x509.UniformResourceIdentifier(uri))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject(name))
            .issuer_name(subject("authority"))
            .public_key(key.public_key())
            .serial_number(next(self._numbers) + 1000)
            .not_valid_before(NOT_BEFORE)
            .not_valid_after(NOT_AFTER)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if is_authority:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name, certificate, key):
        from cryptography.hazmat.primitives import serialization

        cert_path, key_path = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(cert_path), str(key_path)


def _general(name):
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
