"""docs/security.md: every promise names a test that exists, and its figures are those of the program."""

import re
from pathlib import Path

from softphone.io.control import connection, door, limits, server, tickets, tokens, websocket
from softphone.io.control.http import MAX_HEAD, MAX_HEADERS
from softphone.io.control.session import MAX_SLOW
from softphone.serve_config import MIN_TOKEN, ServeOptions

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_promise_names_a_test_and_every_test_named_exists() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert len(named) > 40
    assert {name for name in named if f"def {name}(" not in tests} == set()
    promised = TEXT.split("## What is promised")[1].split("## A certificate made here")[0]
    rows = [
        line for line in promised.splitlines() if line.startswith("| ") and not line.startswith("| promise")
    ]
    assert len(rows) > 25
    assert [row for row in rows if "`test_" not in row] == []


def test_its_figures_are_those_of_the_program() -> None:
    for words in (
        f"{limits.MESSAGES_PER_S:g} messages a second of one client, {limits.MESSAGE_BURST:g} at once",
        f"{limits.EXCESS} beyond, it is closed",
        f"{limits.BYTES_PER_MESSAGE >> 10} KiB of a message count as one",
        f"{websocket.MAX_MESSAGE >> 10} KiB at most",
        f"{MAX_HEAD >> 10} KiB and {MAX_HEADERS} headers",
        f"has {connection.OPEN_S:g} s, a hello {connection.OPEN_S:g} s more",
        f"there are {door.MAX_PENDING} at most, {door.MAX_PENDING_PER_ADDRESS} of one address",
        f"`--max-clients` after hello ({ServeOptions().max_clients})",
        f"when {connection.DROP_ABOVE >> 10} KiB wait for it",
        f"dropped after {2 * server.PING_S:g} s",
        f"{server.MAX_ANSWERS} answers, or {server.MAX_ANSWERS // 2} to one address",
        f"After {limits.FREE_FAILURES} wrong tokens",
        f"waits {limits.FIRST_WAIT_S:g} s, doubled up to {limits.LONGEST_WAIT_S:g} s",
        f"{3600 / limits.LONGEST_WAIT_S:g} guesses an hour",
        f"live {tickets.LIFE_S / 60:g} minutes",
        f"{8 * tokens.TOKEN_BYTES} random bits, or is the one you gave ({MIN_TOKEN} characters at least)",
    ):
        assert words in TEXT, words
    assert MAX_SLOW == 4
