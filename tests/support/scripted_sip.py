"""SIP and SDP as the scripted peer reads them, without `softphone`; digest challenges as it makes them."""

import hashlib
import re
from dataclasses import dataclass

Address = tuple[str, int]
LIST_HEADERS = ("via", "route", "record-route", "accept", "allow", "supported")
COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
}


@dataclass(frozen=True)
class Message:
    """A SIP message as it was heard."""

    data: bytes
    source: Address
    port: int
    """The port of ours it came to."""
    at: float
    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def parse(cls, data: bytes, source: Address, port: int, at: float) -> "Message":
        """Read what a softphone of this project sends: it never folds lines."""
        head, blank, body = data.partition(b"\r\n\r\n")
        assert blank, data
        start, *lines = head.decode().split("\r\n")
        headers = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon, line
            name = name.strip().lower()
            name = COMPACT.get(name, name)
            values = re.split(r",(?![^<]*>)", value) if name in LIST_HEADERS else [value]
            headers += [(name, each.strip()) for each in values]
        message = cls(data, source, port, at, start, tuple(headers), body)
        assert int(message["content-length"]) == len(body), data
        return message

    def __getitem__(self, name: str) -> str:
        return self.all(name)[0]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for each, value in self.headers if each == name]

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of the request, or of the one that is answered."""
        return self["cseq"].split()[1]

    @property
    def uri(self) -> str:
        """Request-URI."""
        return self.start.split()[1]

    @property
    def branch(self) -> str:
        """Of the top Via."""
        return parameter(self["via"], "branch")

    @property
    def contact_uri(self) -> str:
        """Where the sender wants further requests."""
        return self["contact"].partition("<")[2].partition(">")[0]


def parameter(value: str, name: str) -> str:
    """A parameter of a header, or "" where it has none."""
    found = re.search(rf";\s*{name}=([^;,\s>]+)", value)
    return found[1] if found else ""


def media_of(body: bytes) -> Address:
    """Where a session description wants RTP."""
    text = body.decode()
    host, port = re.search(r"^c=IN IP4 (\S+)", text, re.M), re.search(r"^m=audio (\d+) ", text, re.M)
    assert host is not None
    assert port is not None
    return host[1], int(port[1])


def direction_of(body: bytes) -> str:
    """The direction that a session description states, or means by silence (RFC 3264 section 6.1)."""
    found = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", body.decode(), re.M)
    return found[1] if found else "sendrecv"


@dataclass
class Realm:
    """Who asks for a password, and checks it (RFC 7616)."""

    algorithm: str = "MD5"
    realm: str = "house"
    user: str = "alice"
    password: str = "swordfish"
    proxy: bool = False

    @property
    def status(self) -> int:
        """Of a challenge."""
        return 407 if self.proxy else 401

    def challenge(self, nonce: str, *, stale: bool = False) -> str:
        """The header that asks."""
        name = "Proxy-Authenticate" if self.proxy else "WWW-Authenticate"
        end = ", stale=true" if stale else ""
        asked = f'realm="{self.realm}", nonce="{nonce}", algorithm={self.algorithm}'
        return f'{name}: Digest {asked}, qop="auth", opaque="it"{end}'

    def credentials(self, request: Message) -> dict[str, str]:
        """What *request* answers, by parameter; empty if nothing."""
        values = request.all("proxy-authorization" if self.proxy else "authorization")
        assert len(values) <= 1
        pairs = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', values[0]) if values else []
        return {name: quoted or plain for name, quoted, plain in pairs}

    def check(self, request: Message, nonce: str, count: int) -> None:
        """Assert that *request* proves the password for this use of *nonce*."""
        given = self.credentials(request)
        assert given["uri"] == request.uri
        assert (given["nonce"], given["nc"], given["qop"], given["opaque"]) == (
            nonce,
            f"{count:08x}",
            "auth",
            "it",
        )
        middle = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}"
        assert given["response"] == self._response(request.start.split()[0], request.uri, middle)

    def answer(self, challenge: str, method: str, uri: str) -> str:
        """The credentials that *challenge* asks for."""
        nonce = re.search(r'nonce="([^"]*)"', challenge)
        assert nonce is not None
        response = self._response(method, uri, f"{nonce[1]}:00000001:c:auth")
        known = f'username="{self.user}", realm="{self.realm}", nonce="{nonce[1]}", uri="{uri}"'
        rest = f'algorithm={self.algorithm}, cnonce="c", qop=auth, nc=00000001'
        opaque = re.search(r'opaque="[^"]*"', challenge)
        return f'Digest {known}, response="{response}", {rest}' + (f", {opaque[0]}" if opaque else "")

    def _response(self, method: str, uri: str, middle: str) -> str:
        secret = self._hash(f"{self.user}:{self.realm}:{self.password}")
        action = self._hash(f"{method}:{uri}")
        return self._hash(f"{secret}:{middle}:{action}")

    def _hash(self, text: str) -> str:
        return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[self.algorithm], text.encode()).hexdigest()
