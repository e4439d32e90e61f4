"""The command `remote`: one operation on a filter or a call that somebody serves, or a look at it as it runs."""

import argparse
import asyncio
import os
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from softphone.cli import remote_text
from softphone.cli.parser import given_options
from softphone.cli.terminal import Terminal, harmless
from softphone.control_config import VERBS, RemoteOptions
from softphone.errors import UsageError
from softphone.serve_config import is_loopback
from softphone.settings import load_settings

if TYPE_CHECKING:
    from softphone.control.client import AsyncClient

TOKEN_VARIABLE = "SOFTPHONE_TOKEN"
_WATCHED = ("changes", "levels", "clients", "calls", "recordings")
_ADDRESS = re.compile(r"\w+://.*|localhost|\S+:\d+|\S+\.\S+|\[.+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
"""What is no name that somebody announces."""
_NO_TOKEN = f"remote wants a token: set {TOKEN_VARIABLE}, or give --token-env VAR, or --at and the URL that the server printed"


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone remote`.

    Raises:
        UsageError: it is not clear what is wanted, or there is no token.
        UnreachableError: nobody answers there.
    """
    settings = load_settings("remote", given.config)
    settings.add(given_options(given), "--")
    if not given.words:
        raise UsageError(
            f"remote wants one of {', '.join(VERBS)}, got nothing; see `softphone remote --help`"
        )
    verb, *words = given.words
    options = settings.apply(RemoteOptions(verb, tuple(words)))
    if settings.token_is_open:
        terminal.note(
            f"warning: others can read a token given openly; --token-env or {TOKEN_VARIABLE} is safe"
        )
    if verb == "find":
        return _find(terminal)
    at = _place(options, terminal)
    token = options.token or (None if "#token=" in at else os.environ.get(TOKEN_VARIABLE))
    if token is None and "#token=" not in at:
        raise UsageError(_NO_TOKEN)
    from softphone.control.client import RemoteError

    try:
        asyncio.run(_act(options, at, token, terminal))
    except RemoteError as error:
        terminal.note(error.message)
        if terminal.as_json:
            terminal.print_json({"error": error.message, "code": error.code, **error.details})
        return error.exit_status
    except KeyboardInterrupt:
        terminal.clear()
        if verb != "watch":
            raise
    return 0


def _find(terminal: Terminal) -> int:
    from softphone.io.control.announce import find

    found = asyncio.run(find())
    if terminal.as_json:
        terminal.print_json({"servers": [asdict(each) for each in found]})
    elif not found:
        terminal.print("nobody on the local network announces a server")
    else:
        from softphone.cli.table import listing

        rows = [
            [harmless(each.name), f"{each.host}:{each.port}", "yes" if each.secure else "no"]
            for each in found
        ]
        terminal.print(listing("servers on the local network", ("name", "address", "TLS"), rows))
    return 0


def _place(options: RemoteOptions, terminal: Terminal) -> str:
    """The address that `--at` means: itself, or that of whoever announces this name."""
    if _ADDRESS.fullmatch(options.at):
        return options.at
    from softphone.io.control.announce import look_up

    found = look_up(options.at)
    host = f"[{found.host}]" if ":" in found.host else found.host
    terminal.note(f"{options.at} is at {host}:{found.port}")
    if not found.secure and not is_loopback(found.host):
        terminal.note(
            "warning: anybody on this network can announce that name, and without TLS gets the token"
        )
    return f"{'https' if found.secure else 'http'}://{host}:{found.port}"


async def _act(options: RemoteOptions, at: str, token: str | None, terminal: Terminal) -> None:
    from softphone.control.client import connect_async

    client = await connect_async(
        at,
        token=token,
        tls=_context(options),
        fingerprint=options.tls_fingerprint,
        name=options.name or f"remote on {socket.gethostname()}",
    )
    async with client:
        if options.verb == "watch":
            await _watch(client, options, terminal)
            return
        action = _ACTIONS[options.verb]
        result = await action.ask(client, options)
        if terminal.as_json:
            terminal.print_json(result)
        else:
            terminal.print(action.shown(remote_text.received(result), options))


def _context(options: RemoteOptions) -> bool | ssl.SSLContext:
    if options.tls_ca is None:
        return options.tls
    from softphone.io.control.tls import client_context

    context = client_context(pinned=False)
    try:
        context.load_verify_locations(options.tls_ca)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--tls-ca {options.tls_ca} is no PEM file with a certificate ({reason})") from None
    return context


async def _watch(client: "AsyncClient", options: RemoteOptions, terminal: Terminal) -> None:
    said: dict[str, str] = {}
    topics = [topic for topic in _WATCHED if topic in client.welcome["topics"]]
    async for event in client.watch(*topics, rate_hz=1 / options.every_s, chain=options.chain):
        if terminal.as_json:
            terminal.print_json(event)
        elif event["event"] == "levels":
            line = remote_text.level_line(remote_text.received(event))
            if terminal.is_watched:
                terminal.show(line)
            else:
                terminal.print(line)
        else:
            line = remote_text.event_line(remote_text.received(event))
            if event["event"] == "changes" or said.get(event["event"]) != line:  # figures alone are no news
                terminal.print(line)
            said[event["event"]] = line
        terminal.stop_if_unread()


Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Action:
    ask: Callable[["AsyncClient", RemoteOptions], Awaitable[Result]]
    shown: Callable[[Result, RemoteOptions], str]
    """For people."""


async def _get(client: "AsyncClient", options: RemoteOptions) -> Result:
    if options.words:
        path = options.words[0]
        return {"path": path, "value": await client.get(path, chain=options.chain)}
    return dict(await client.get(chain=options.chain))


async def _presets(client: "AsyncClient", options: RemoteOptions) -> Result:
    return {"presets": list(await client.presets())}


async def _clients(client: "AsyncClient", options: RemoteOptions) -> Result:
    return {"clients": list(await client.clients())}


async def _schema(client: "AsyncClient", options: RemoteOptions) -> Result:
    """All there is; with a slot, what can be set in it."""
    schema = await client.schema()
    if not options.words:
        return schema
    chains = schema["chains"]
    known: list[str] = []
    for chain in chains:
        if options.chain in (None, chain["name"]):
            for each in chain["slots"]:
                known.append(each["slot"])
                if each["slot"] == options.words[0]:
                    return {"chain": chain["name"], **each}
    raise UsageError(f"no filter {options.words[0]!r} in this preset; there are {', '.join(known) or 'none'}")


_ACTIONS: Mapping[str, _Action] = {
    "get": _Action(_get, remote_text.values),
    "set": _Action(
        lambda client, it: client.set(it.words[0], it.words[1], chain=it.chain), remote_text.changed
    ),
    "preset": _Action(lambda client, it: client.preset(it.words[0], chain=it.chain), remote_text.preset),
    "bypass": _Action(
        lambda client, it: client.bypass(it.words[0] == "on", chain=it.chain), remote_text.bypass
    ),
    "undo": _Action(lambda client, it: client.undo(chain=it.chain), remote_text.changed),
    "redo": _Action(lambda client, it: client.redo(chain=it.chain), remote_text.changed),
    "save": _Action(
        lambda client, it: client.save(it.words[0], force=it.force, chain=it.chain), remote_text.saved
    ),
    "presets": _Action(_presets, remote_text.presets),
    "clients": _Action(_clients, remote_text.clients),
    "schema": _Action(_schema, remote_text.schema),
}
