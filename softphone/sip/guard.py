"""Who is heard: rates by source, and scanners, judged before a message is parsed and costs anything.

Buckets of tokens: each source has one, and all sources together share one, so that neither one sender nor many forged
ones can take the whole of a processor. Who has a call with us, and what names the Call-ID of one, has a bucket of its own beside
these: a flood does not drown the BYE of a call that stands. What is refused is dropped without an answer: an answer could hit
somebody whose address was forged (RFC 4732 section 3.1); over UDP whoever means it sends again.
"""

import enum
import re
from collections import OrderedDict
from dataclasses import dataclass

from softphone.sip.errors import SipParseError
from softphone.sip.events import Address
from softphone.sip.message import Request
from softphone.sip.uri import SipUri

MAX_SOURCES = 4096
"""Sources whose buckets are kept; the one that was silent longest is forgotten first."""
MAX_NOTICES = 256
"""Sources that were told of lately."""
NOTICE_INTERVAL_S = 60.0
"""A source is told of once in so long, with what it did."""
STANDING_KEPT_S = 1.0
"""How old the list of standing calls may be when a message is to be refused."""
HEAD_BYTES = 2048
"""Where User-Agent, From and Call-ID are looked for."""

SCANNERS = (
    b"friendly-scanner", b"friendly-request", b"sipvicious", b"svwar", b"svcrack", b"svmap", b"sundayddr", b"sipcli", b"sip-scan",
    b"sipscan", b"siparmyknife", b"pplsip", b"vaxsipuseragent", b"vaxasip", b"cainsaldo", b"voipscan", b"sipptk",
)  # fmt: skip
"""Names that scanners give themselves in User-Agent or From; lists of Kamailio's and of fail2ban's rule sets hold most of them."""

_SCANNER = re.compile(
    rb"^(?:user-agent|from|f)[ \t]*:[^\r\n]*?(" + b"|".join(map(re.escape, SCANNERS)) + rb")",
    re.IGNORECASE | re.MULTILINE,
)
_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*([^\s]+)", re.IGNORECASE | re.MULTILINE)
_RESPONSE = b"SIP/2.0 "


class Concern(enum.Enum):
    """Why a message was not heard."""

    LIMITED = "sends more than is listened to"
    FLOODED = "came in a flood from many sources"
    SCANNER = "calls itself a scanner"
    STRANGER = "asks for a user who is not here"


@dataclass(frozen=True, slots=True)
class Rate:
    """How much is heard."""

    per_s: float
    at_once: float
    """After a silence."""


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """Rates, in messages. A test caller of 150 calls a second sends 450."""

    source: Rate = Rate(1000, 2000)
    """Of one address; of IPv6, one network /64."""
    all_sources: Rate = Rate(1500, 3000)
    peer: Rate = Rate(200, 400)
    """Of a host that has a call with us, once the others are spent."""
    call: Rate = Rate(20, 100)
    """That name the Call-ID of a call that stands."""
    strangers: Rate = Rate(0.2, 20)
    """Answers to one source about users that are not here."""


NOTICES = Rate(0.5, 20)
"""Lines of a log."""


class _Bucket:
    """Tokens that come back with time."""

    __slots__ = ("_at", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._tokens, self._at = rate.at_once, now

    def take(self, rate: Rate, now: float) -> bool:
        """Take one; False if there is none."""
        tokens = min(rate.at_once, self._tokens + (now - self._at) * rate.per_s)
        self._at = now
        if tokens < 1.0:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1.0
        return True


class _Buckets:
    """One bucket for each of a bounded number of keys."""

    def __init__(self, rate: Rate, most: int) -> None:
        self._rate, self._most = rate, most
        self._all: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._all)

    def take(self, key: str, now: float) -> bool:
        """Take a token of *key*."""
        bucket = self._all.get(key)
        if bucket is None:
            bucket = self._all[key] = _Bucket(self._rate, now)
            if len(self._all) > self._most:
                self._all.popitem(last=False)
        else:
            self._all.move_to_end(key)
        return bucket.take(self._rate, now)


class Notices:
    """What is told in a log: each thing once a minute, and all together no more than somebody can read."""

    def __init__(self, rate: Rate = NOTICES) -> None:
        self._rate = rate
        self._bucket = _Bucket(rate, 0.0)
        self._told: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._told)

    def due(self, key: str, *, now: float) -> bool:
        """Whether *key* is to be told now."""
        told = self._told.get(key)
        if (told is not None and now - told < NOTICE_INTERVAL_S) or not self._bucket.take(self._rate, now):
            return False
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > MAX_NOTICES:
            self._told.popitem(last=False)
        return True


class Guard:
    """Judges each message that comes; holds no more than `MAX_SOURCES` of anything.

    Args:
        limits: How much is heard.
        users: Who is here; None: whoever is asked for.
    """

    def __init__(self, limits: GuardLimits | None = None, *, users: frozenset[str] | None = None) -> None:
        self.limits = GuardLimits() if limits is None else limits
        self._users = users
        self.standing_since = float("-inf")
        """When it was last told who has a call with us."""
        self._sources = _Buckets(self.limits.source, MAX_SOURCES)
        self._peers = _Buckets(self.limits.peer, MAX_SOURCES)
        self._calls = _Buckets(self.limits.call, MAX_SOURCES)
        self._strangers = _Buckets(self.limits.strangers, MAX_SOURCES)
        self._all = _Bucket(self.limits.all_sources, 0.0)
        self._hosts: frozenset[str] = frozenset()
        self._call_ids: frozenset[str] = frozenset()
        self._notices = Notices()

    @property
    def kept(self) -> int:
        """Entries of all tables."""
        buckets = (self._sources, self._peers, self._calls, self._strangers)
        return sum(map(len, buckets)) + len(self._notices)

    def concern(self, data: bytes, source: Address, *, now: float) -> Concern | None:
        """Return why *data* is not to be heard as things are; None: it is."""
        key = network_of(source[0])
        if not self._sources.take(key, now):
            return Concern.LIMITED
        if not self._all.take(self.limits.all_sources, now):
            return Concern.FLOODED
        if not data.startswith(_RESPONSE) and _SCANNER.search(data, 0, _head_end(data)):
            return Concern.SCANNER
        return None

    def know(self, hosts: frozenset[str], call_ids: frozenset[str], *, now: float) -> None:
        """Take the hosts and the Call-IDs of the calls that stand."""
        self._hosts, self._call_ids, self.standing_since = hosts, call_ids, now

    def reserves(self, data: bytes, source: Address, *, now: float) -> bool:
        """Whether a message that is over its limit is heard all the same, for a call that stands."""
        if source[0] in self._hosts and self._peers.take(network_of(source[0]), now):
            return True
        found = _CALL_ID.search(data, 0, _head_end(data))
        if found is None:
            return False
        call_id = found[1].decode("utf-8", "surrogateescape")
        return call_id in self._call_ids and self._calls.take(call_id, now)

    def is_here(self, request: Request) -> bool:
        """Whether *request*, of no dialog, is for us: it names a user of ours, or none, or is no SIP URI at all."""
        if self._users is None or request.method in ("ACK", "CANCEL") or request.to.tag is not None:
            return True
        try:
            user = SipUri.parse(request.uri).user
        except SipParseError:
            return True
        return not user or user in self._users

    def answers_stranger(self, source: Address, *, now: float) -> bool:
        """Whether *source*, that asks for somebody who is not here, is told so: who tries many names soon is not."""
        return self._strangers.take(network_of(source[0]), now)

    def tells(self, concern: Concern, source: Address, *, now: float) -> bool:
        """Whether this is to be told: once a source, concern and minute."""
        # Of a flood the sources are many, and mostly forged: it is told of as one.
        host = "" if concern is Concern.FLOODED else network_of(source[0])
        return self._notices.due(f"{host} {concern.name}", now=now)


def _head_end(data: bytes) -> int:
    end = data.find(b"\r\n\r\n", 0, HEAD_BYTES)
    return HEAD_BYTES if end < 0 else end


def network_of(host: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 of an IPv6 one, whose owner has all of it."""
    if ":" not in host:
        return host
    head, _, tail = host.partition("%")[0].lower().partition("::")
    groups = [group for group in head.split(":") if group]
    if "::" in host:
        rest = [group for group in tail.split(":") if group]
        groups += ["0"] * (8 - len(groups) - len(rest)) + rest
    return ":".join(group.lstrip("0") or "0" for group in groups[:4])
