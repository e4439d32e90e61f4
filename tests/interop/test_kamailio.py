"""Calls through kamailio: registered there, by its Record-Route, with its challenges."""

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from support.command import COMMAND, softphone
from support.pbx import REALM, Kamailio

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("kamailio") is None, reason="kamailio is not installed"),
]


@pytest.fixture(scope="module")
def proxy() -> Iterator[Kamailio]:
    """One for all tests of this file."""
    with Kamailio() as kamailio:
        yield kamailio


@pytest.mark.feature("kamailio 5.6", "registration, proxy with Record-Route, 407: a whole call")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_of_ours_call_each_other_through_a_proxy(
    proxy: Kamailio, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", proxy.password)
    there = ("--proxy", f"sip:{proxy.host}:{proxy.port};transport={transport};lr", "--transport", transport)
    command = [
        *COMMAND, "register", f"sip:bob-{transport}@{REALM}", "--password-env", "PASSWORD", "--calls", "1",
        "--json", *there,
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as bob:
        assert bob.stdout is not None
        events = []
        while "registered" not in events:
            line = bob.stdout.readline()
            assert line, bob.communicate()
            events.append(json.loads(line).get("event"))
        status, result, err = softphone(
            "call", f"sip:bob-{transport}@{REALM}", "--user", "alice", "--password-env", "PASSWORD",
            "--seconds", "1", *there,
        )  # fmt: skip
        out, bob_err = bob.communicate(timeout=20)
    assert (status, result["outcome"], result["verdict"]) == (0, "completed", ["ok"]), err + bob_err
    if transport == "tcp":  # over UDP a BYE through a proxy has no room for it
        assert result["peer_result"]["outcome"] == "completed", "our RESULT goes through a proxy"
    results = [json.loads(line) for line in out.splitlines()]
    assert [one["outcome"] for one in results if "outcome" in one] == ["completed"], bob_err
