"""Being found on the local network by a name, and finding others: DNS-SD over multicast DNS (RFC 6763, RFC 6762).

A name that somebody else could announce, too, says nothing of who is there: the token goes to whoever is, unless TLS
with a known certificate says otherwise (`docs/security.md`).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softphone.errors import EnvironmentProblem, UnreachableError
from softphone.serve_config import ServeOptions, is_loopback

if TYPE_CHECKING:
    from zeroconf import InterfaceChoice, Zeroconf
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

SERVICE = "_softphone._tcp.local."
FIND_S = 2.5
"""How long others are given to answer: who has just told others waits a second (RFC 6762 section 6), and packets get lost."""

_MISSING = 'needs zeroconf: pip install "softphone[discovery]"'


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody who announces a server."""

    name: str
    host: str
    """An address."""
    port: int
    secure: bool
    """Whether it speaks TLS."""


class Announcer:
    """A server's name on the local network, as long as this is open."""

    def __init__(self, zeroconf: "AsyncZeroconf", info: "AsyncServiceInfo") -> None:
        self._zeroconf = zeroconf
        self._info = info

    @classmethod
    async def open(cls, options: ServeOptions, bound: tuple[str, int]) -> "Announcer":
        """Announce the server of *options* by `options.announce`; one on loopback on loopback alone.

        Args:
            bound: address and port of its socket.

        Raises:
            EnvironmentProblem: zeroconf is not installed, the name is taken, or there is no network to tell.
        """
        try:
            import zeroconf
            from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
        except ImportError:
            raise EnvironmentProblem(f"--announce {_MISSING}") from None

        assert options.announce is not None
        assert options.announced_host is not None
        host, port = bound
        info = AsyncServiceInfo(
            SERVICE,
            f"{options.announce}.{SERVICE}",
            port=port,
            parsed_addresses=_addresses(host),
            server=f"{options.announced_host}.",
            properties={"txtvers": "1", "path": "/control", "tls": "1" if options.is_secure else "0"},
        )
        try:
            net = AsyncZeroconf(interfaces=_interfaces(host))
        except OSError as error:
            raise EnvironmentProblem(f"--announce: no network takes multicast ({error.strerror})") from None
        try:
            await (await net.async_register_service(info))
        except zeroconf.NonUniqueNameException:
            await net.async_close()
            raise EnvironmentProblem(
                f"--announce {options.announce!r} is taken on this network: choose another name"
            ) from None
        except (OSError, zeroconf.Error) as error:
            await net.async_close()
            raise EnvironmentProblem(f"--announce: the network cannot be told ({error})") from None
        return cls(net, info)

    async def close(self) -> None:
        """Tell the network that it is gone."""
        try:
            await (await self._zeroconf.async_unregister_service(self._info))
        finally:
            await self._zeroconf.async_close()


async def find(
    name: str | None = None, *, seconds: float = FIND_S, interfaces: Sequence[str] | None = None
) -> list[Found]:
    """Return who announces a server.

    Args:
        name: return as soon as it is there; None: all that answer in time.
        interfaces: addresses of the network interfaces to ask on; None: all.

    Raises:
        EnvironmentProblem: zeroconf is not installed, or there is no network to ask.
    """
    try:
        from zeroconf import InterfaceChoice, ServiceStateChange
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf
    except ImportError:
        raise EnvironmentProblem(f"finding servers by name {_MISSING}") from None

    try:
        net = AsyncZeroconf(interfaces=InterfaceChoice.All if interfaces is None else list(interfaces))
    except OSError as error:
        raise EnvironmentProblem(f"no network takes multicast ({error.strerror})") from None
    found: dict[str, Found] = {}
    enough = asyncio.Event()
    asked: set[asyncio.Task[None]] = set()

    def on_change(
        zeroconf: "Zeroconf", service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is ServiceStateChange.Removed:
            found.pop(name, None)
        else:
            task = asyncio.ensure_future(_resolve(zeroconf, name))
            asked.add(task)
            task.add_done_callback(asked.discard)

    async def _resolve(zeroconf: Any, full_name: str) -> None:
        each = await _about(zeroconf, full_name, seconds)
        if each is not None:
            found[full_name] = each
            if each.name == name:
                enough.set()

    browser = AsyncServiceBrowser(net.zeroconf, SERVICE, handlers=[on_change])
    try:
        await asyncio.wait_for(enough.wait(), seconds)
    except TimeoutError:
        pass
    finally:
        for task in asked:
            task.cancel()
        await browser.async_cancel()
        await net.async_close()
    return sorted(found.values(), key=lambda each: each.name)


def look_up(name: str, *, seconds: float = FIND_S) -> Found:
    """Return who announces *name*.

    Raises:
        UnreachableError: nobody does.
        EnvironmentProblem: as for `find`.
    """
    found = asyncio.run(find(name, seconds=seconds))
    for each in found:
        if each.name == name:
            return each
    others = f"; there are {', '.join(repr(each.name) for each in found)}" if found else ""
    raise UnreachableError(f"nobody on the local network announces {name!r}{others}")


async def _about(zeroconf: Any, full_name: str, seconds: float) -> Found | None:
    from zeroconf.asyncio import AsyncServiceInfo

    info = AsyncServiceInfo(SERVICE, full_name)
    if not await info.async_request(zeroconf, int(seconds * 1000)):
        return None
    addresses = info.parsed_scoped_addresses()
    if not addresses or info.port is None:
        return None
    secure = (info.properties or {}).get(b"tls") == b"1"
    return Found(full_name.removesuffix(f".{SERVICE}"), addresses[0], info.port, secure)


def _addresses(host: str) -> list[str]:
    """The addresses that a server listening at *host* is reached at."""
    if host not in ("0.0.0.0", "::"):
        return ["127.0.0.1" if host == "localhost" else host]
    import ifaddr  # zeroconf needs it, too

    ips = [ip for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    found = [ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip for ip in ips if ip.is_IPv4 or host == "::"]
    reached = [each for each in found if not is_loopback(each) and not each.startswith("fe80")]
    if not reached:
        raise EnvironmentProblem("--announce: this machine has no address on any network")
    return reached


def _interfaces(host: str) -> "list[str] | InterfaceChoice":
    """Where to announce a server that listens at *host*: what is for this machine alone leaves it not."""
    from zeroconf import InterfaceChoice

    if is_loopback(host):
        return ["127.0.0.1"]
    return InterfaceChoice.All if ":" in host or host == "0.0.0.0" else [host]
