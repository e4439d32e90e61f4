"""Fingerprints of certificates."""

import hashlib
import ssl


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate as DER: "3A:F0:..."."""
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(der).digest())


def fingerprint_of(pem: str) -> str:
    """Of the first certificate in the text *pem*; raises ValueError where there is none."""
    start = pem.index("-----BEGIN CERTIFICATE-----")
    end = pem.index("-----END CERTIFICATE-----", start) + len("-----END CERTIFICATE-----")
    return fingerprint(ssl.PEM_cert_to_DER_cert(pem[start:end]))
