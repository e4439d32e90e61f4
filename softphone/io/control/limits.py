"""How much of the server one client, one address and all together may have; sans-I/O, `now` in monotonic seconds."""

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

MESSAGES_PER_S = 100.0
"""What one client may send without end."""
MESSAGE_BURST = 200.0
"""What it may send at once."""
BYTES_PER_MESSAGE = 4096
"""A longer message counts as several."""
EXCESS = 200
"""Messages beyond, each answered ``rate-limited``, after which it is closed (4429)."""

FREE_FAILURES = 5
"""Wrong tokens that an address may send before it has to wait."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
"""The wait doubles with each wrong token, up to this: at most 450 guesses an hour from one address."""
FORGET_S = 600.0
"""After so long without a wrong token an address has its free ones again."""

_MAX_ADDRESSES = 1024


def address_key(host: str) -> str:
    """Return whom *host* counts as: an IPv4 address, or the /64 that one IPv6 host can have all to itself."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)


@dataclass(slots=True)
class Bucket:
    """A token bucket: *burst* at once, *rate* a second after that."""

    rate: float
    burst: float
    now: float
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.burst

    def take(self, now: float, cost: float = 1.0) -> bool:
        """Take *cost*; whether there was as much."""
        self.level = min(self.burst, self.level + (now - self.now) * self.rate)
        self.now = now
        if self.level < cost:
            return False
        self.level -= cost
        return True


@dataclass(slots=True)
class _Guesser:
    failures: int
    failed_at: float
    wait_until: float


class Guesses:
    """Wrong tokens by address, and how long each has to wait before another token of it is looked at."""

    def __init__(self) -> None:
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until a token from *key* is looked at; 0: now."""
        guesser = self._guessers.get(key)
        return 0.0 if guesser is None else max(0.0, guesser.wait_until - now)

    def failed(self, key: str, now: float) -> None:
        """Count a wrong token from *key*."""
        guesser = self._guessers.pop(key, None)
        if guesser is None or now - guesser.failed_at > FORGET_S:
            guesser = _Guesser(0, now, now)
        guesser.failures += 1
        guesser.failed_at = now
        beyond = guesser.failures - FREE_FAILURES
        if beyond > 0:
            guesser.wait_until = now + min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(beyond - 1, 16))
        self._guessers[key] = guesser
        if len(self._guessers) > _MAX_ADDRESSES:
            self._guessers.popitem(last=False)


class Seats(Generic[T]):
    """Places for connections of one kind: so many in all, so many of one address."""

    def __init__(self, total: int, per_address: int) -> None:
        self.total = total
        self.per_address = per_address
        self._taken: dict[T, str] = {}
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._taken)

    def __iter__(self) -> Iterator[T]:
        """Who has a place, those who have waited longest first."""
        return iter(tuple(self._taken))

    def is_full(self, key: str) -> bool:
        """Whether nobody of *key* gets a place."""
        return len(self._taken) >= self.total or self._by_address[key] >= self.per_address

    def take(self, member: T, key: str) -> None:
        """Give *member* of *key* a place, whether or not there is one."""
        self._taken[member] = key
        self._by_address[key] += 1

    def leave(self, member: T) -> None:
        """Take the place of *member* back; nothing where it has none."""
        key = self._taken.pop(member, None)
        if key is not None:
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]

    def oldest(self, key: str) -> T | None:
        """Whose turn it is to go, so that somebody of *key* has a place: of *key* where it has all it may have, else of anybody."""
        crowded = self._by_address[key] >= self.per_address
        return next((each for each, of in self._taken.items() if of == key or not crowded), None)
