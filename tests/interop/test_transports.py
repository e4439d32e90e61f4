"""Calls with sipp and baresip over TCP and TLS."""

from pathlib import Path

import pytest
from support.certificates import Authority
from support.command import Answering, softphone
from support.peers import HOST, Baresip, SippCaller, missing

pytestmark = pytest.mark.interop
needs_sipp = pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp")))
needs_baresip = pytest.mark.skipif(missing("baresip") is not None, reason=str(missing("baresip")))


class TcpCaller(SippCaller):
    """sipp over one TCP connection."""

    def command(self) -> list[str]:
        """Return the command line."""
        return [*super().command(), "-t", "t1"]


class OverTls(Baresip):
    """baresip that speaks TLS alone, and TCP where it is told to.

    Args:
        certificate: PEM with the key.
    """

    def __init__(self, certificate: Path, *, transport: str, dial: str | None = None) -> None:
        super().__init__(dial=dial, codecs=("pcmu",), record=False, seconds=20)
        self._transport = transport
        config = self.folder / "config"
        config.write_text(config.read_text() + f"sip_certificate {certificate}\nsip_verify_server no\n")
        accounts = self.folder / "accounts"
        accounts.write_text(accounts.read_text().replace(">", f";transport={transport}>", 1))

    @property
    def uri(self) -> str:
        """Where it can be called; it takes TLS one port above."""
        port = self.port + (self._transport == "tls") if hasattr(self, "_transport") else self.port
        return f"sip:{self.name}@{HOST}:{port}"


@needs_sipp
@pytest.mark.feature("sipp 3.6", "a call over TCP to a phone that was told nothing of it")
@pytest.mark.parametrize("calls", [3])
def test_sipp_calls_us_over_tcp_at_the_port_of_udp(calls: int) -> None:
    with (
        Answering("--calls", str(calls), "--codec", "pcmu") as ours,
        TcpCaller(ours.address, talk_ms=300, calls=calls) as caller,
    ):
        _, results, err = ours.finish()
        assert caller.wait(10) == 0, caller.messages + err
    assert [result["signalling"]["transport"] for result in results] == calls * ["tcp"]
    assert "Retrans" not in caller.messages


@needs_baresip
@pytest.mark.feature("baresip 1.0", "calls over TCP and TLS, ended by either side")
def test_we_call_baresip_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with OverTls(pem_of(authority), transport="tls") as bob:
        uri = f"{bob.uri};transport=tls"
        options = ("--codec", "pcmu", "--seconds", "1", "--tls-ca", authority.ca)
        status, result, err = softphone("call", uri, *options)
        assert status == 0, (err, bob.log)
    assert (result["signalling"]["transport"], result["signalling"]["verified"]) == ("tls", True)


@needs_baresip
@pytest.mark.feature("baresip 1.0", "calls over TCP and TLS, ended by either side")
@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_baresip_calls_us_and_we_hang_up_by_its_connection(transport: str, tmp_path: Path) -> None:
    options = ("--transport", transport, "--calls", "1", "--codec", "pcmu", "--seconds", "1")
    with (
        Answering(*options) as ours,
        OverTls(
            pem_of(Authority(tmp_path)), transport=transport, dial=f"sip:answer@{ours.address}"
        ) as caller,
    ):
        status, results, err = ours.finish()
        assert status == 0, (err, caller.log)
        caller.wait_for("terminated", 5)
    assert (results[0]["signalling"]["transport"], results[0]["ended_by"]) == (transport, "local")


def pem_of(authority: Authority) -> Path:
    """A certificate for this machine with its key in one file, as baresip wants them."""
    cert, key = authority.issue(HOST)
    whole = authority.folder / "whole.pem"
    whole.write_text(Path(cert).read_text() + Path(key).read_text())
    return whole
