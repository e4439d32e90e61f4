"""DTLS over datagrams that somebody else carries, and the SRTP keys that it makes (RFC 5764).

OpenSSL does the handshake, through pyOpenSSL; both are loaded when the first certificate is made.
"""

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from softphone.errors import EnvironmentProblem, SoftphoneError
from softphone.sdp.media import Fingerprint

EXTRA = "pip install 'softphone[dtls]'"
LABEL = b"EXTRACTOR-dtls_srtp"
MTU_BYTES = 1200
"""Of a datagram of the handshake, without IP and UDP."""
RECORD_HEADER_BYTES = 13
MAX_DATAGRAM_BYTES = 65_536
_DTLS_1_2 = 0xFEFD
"""RFC 6347; later ones write records otherwise."""
VALID = datetime.timedelta(days=30)
HASHES = ("sha-512", "sha-384", "sha-256", "sha-224", "sha-1")
"""Of fingerprints, the strongest first (RFC 8122 section 5)."""

PROFILES: dict[str, tuple[str, int, int]] = {
    "AES_CM_128_HMAC_SHA1_80": ("SRTP_AES128_CM_SHA1_80", 16, 14),
    "AEAD_AES_128_GCM": ("SRTP_AEAD_AES_128_GCM", 16, 12),
    "AEAD_AES_256_GCM": ("SRTP_AEAD_AES_256_GCM", 32, 12),
    "AES_CM_128_HMAC_SHA1_32": ("SRTP_AES128_CM_SHA1_32", 16, 14),
}
"""Suite of SDP -> OpenSSL's name, bytes of key and of salt (RFC 5764 section 4.1.2, RFC 7714 section 14.2)."""


class DtlsError(SoftphoneError):
    """A handshake that came to nothing."""


@dataclass(frozen=True, slots=True)
class DtlsCertificate:
    """Ours: signed by itself, for what counts is its fingerprint in SDP (RFC 5763 section 5)."""

    certificate: Any
    key: Any = field(repr=False)
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class DtlsKeys:
    """What a handshake made; keys are master key and master salt."""

    suite: str
    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)


def is_dtls(data: bytes) -> bool:
    """Whether a datagram on a shared port is DTLS (RFC 7983 section 7)."""
    return bool(data) and 20 <= data[0] <= 63


def has_dtls() -> bool:
    """Whether a handshake can be made here."""
    from importlib.util import find_spec

    return find_spec("OpenSSL") is not None and find_spec("cryptography") is not None


@lru_cache(maxsize=1)
def own_certificate() -> DtlsCertificate:
    """The certificate of this process: ECDSA with P-256 (RFC 8827 section 6.5), made when it is first asked for.

    Raises:
        EnvironmentProblem: the libraries are missing.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from OpenSSL import crypto  # noqa: F401 - said now, not in the middle of a call
    except ImportError as error:
        raise EnvironmentProblem(f"DTLS-SRTP needs pyOpenSSL ({error}): {EXTRA}") from None
    key = ec.generate_private_key(ec.SECP256R1())
    # A name that tells nobody who we are.
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "softphone")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks of phones differ
        .not_valid_after(now + VALID)
        .sign(key, hashes.SHA256())
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    return DtlsCertificate(certificate, key, fingerprint_of(der))


def fingerprint_of(der: bytes, algorithm: str = "sha-256") -> Fingerprint:
    """Hash a certificate (RFC 8122 section 5)."""
    return Fingerprint(algorithm, hashlib.new(algorithm.replace("-", ""), der).digest())


class DtlsEndpoint:
    """One side of one handshake, and its answer to what the other repeats afterwards.

    Args:
        own: our certificate.
        peer: the other side's certificate has one of these; of several hashes only the strongest counts.
        is_client: whether we begin.
        suites: what may protect the media, the best first; those that DTLS cannot agree on do not count.
    """

    def __init__(
        self,
        own: DtlsCertificate,
        peer: tuple[Fingerprint, ...],
        *,
        is_client: bool,
        suites: tuple[str, ...] = tuple(PROFILES),
    ) -> None:
        from OpenSSL import SSL

        self.keys: DtlsKeys | None = None
        self._peer, self._is_client = peer, is_client
        self._ssl = SSL
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_max_proto_version(_DTLS_1_2)
        # Any certificate is taken here, for what is checked is its fingerprint (RFC 5763 section 5).
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(own.certificate)
        context.use_privatekey(own.key)
        profiles = [PROFILES[each][0] for each in suites if each in PROFILES]
        context.set_tlsext_use_srtp(":".join(profiles).encode())
        context.set_options(SSL.OP_NO_QUERY_MTU)
        self._connection = SSL.Connection(context, None)
        self._connection.set_ciphertext_mtu(MTU_BYTES)
        if is_client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def start(self) -> None:
        """Begin; a side that is not the client waits.

        Raises:
            DtlsError: OpenSSL refuses.
        """
        self._shake()

    def receive(self, data: bytes) -> None:
        """Take a datagram.

        Raises:
            DtlsError: the other side is not who it must be, or breaks off.
        """
        try:
            self._connection.bio_write(data)
        except self._ssl.Error:
            return
        if self.keys is None:
            self._shake()
            return
        try:  # the other side did not hear our last words: OpenSSL says them again
            self._connection.recv(MAX_DATAGRAM_BYTES)
        except self._ssl.Error:
            return

    def datagrams_to_send(self) -> list[bytes]:
        """What is to go out now."""
        said = bytearray()
        while True:
            try:
                said += self._connection.bio_read(MAX_DATAGRAM_BYTES)
            except self._ssl.Error:
                return list(_datagrams(bytes(said)))

    def timeout_s(self) -> float | None:
        """How long until `handle_timeout` is due; None: nothing waits for an answer."""
        return self._connection.DTLSv1_get_timeout()

    def handle_timeout(self) -> None:
        """Say again what was not answered in time (RFC 6347 section 4.2.4).

        Raises:
            DtlsError: it was said too often.
        """
        try:
            self._connection.DTLSv1_handle_timeout()
        except self._ssl.Error as error:
            raise DtlsError(f"DTLS: nobody answered ({_words(error)})") from None

    def _shake(self) -> None:
        try:
            self._connection.do_handshake()
        except self._ssl.WantReadError:
            return
        except self._ssl.Error as error:
            raise DtlsError(f"DTLS: the handshake failed ({_words(error)})") from None
        self._check_peer()
        self.keys = self._keys()

    def _check_peer(self) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            raise DtlsError("DTLS: the peer showed no certificate")
        der = certificate.public_bytes(Encoding.DER)
        said = {each.algorithm for each in self._peer}
        strongest = next((each for each in HASHES if each in said), None)
        if strongest is None or fingerprint_of(der, strongest) not in self._peer:
            raise DtlsError(
                "DTLS: the peer's certificate is not the one of its SDP: somebody is in between, or the signalling was changed"
            )

    def _keys(self) -> DtlsKeys:
        profile = self._connection.get_selected_srtp_profile().decode("ascii", "replace")
        suite = next((each for each, (name, _, _) in PROFILES.items() if name == profile), None)
        if suite is None:
            raise DtlsError("DTLS: the peer agreed to no protection profile of SRTP (RFC 5764 section 4.1.1)")
        _, key, salt = PROFILES[suite]
        material = self._connection.export_keying_material(LABEL, 2 * (key + salt))
        # RFC 5764 section 4.2: the keys of client and server, then their salts.
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        return DtlsKeys(suite, client, server) if self._is_client else DtlsKeys(suite, server, client)


def _datagrams(said: bytes) -> Iterator[bytes]:
    """Cut what OpenSSL wrote in one piece into datagrams of whole records."""
    ready, at = b"", 0
    while at + RECORD_HEADER_BYTES <= len(said):
        size = RECORD_HEADER_BYTES + int.from_bytes(said[at + 11 : at + 13], "big")
        record, at = said[at : at + size], at + size
        if ready and len(ready) + len(record) > MTU_BYTES:
            yield ready
            ready = b""
        ready += record
    if ready:
        yield ready


def _words(error: Exception) -> str:
    """OpenSSL's reason in one line."""
    reasons = error.args[0] if error.args else None
    if isinstance(reasons, list) and reasons:
        return str(reasons[0][-1])[:80]
    return str(error)[:80] or type(error).__name__
