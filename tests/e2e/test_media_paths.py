"""Calls of ours over loopback whose media takes a way of its own: ICE, one port; and what is told of them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from support.media_calls import LOOPBACK, MEDIA, call, is_heard, one_call

from softphone.app.result import Result
from softphone.config import AccountOptions
from softphone.io.media_clock import new_media_loop

pytestmark = pytest.mark.e2e


def test_two_who_do_ice_talk_the_way_that_it_finds() -> None:
    pytest.importorskip("aioice", reason="ICE needs softphone[ice]")
    account = AccountOptions(ice=True)
    for result in call(account, account):
        assert result["ice"] == {"state": "connected", "local": "host", "remote": "host"}
        assert is_heard(result)
        assert result["received"]["strangers"] == 0


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_who_does_ice_talks_to_who_does_none(who: str) -> None:
    pytest.importorskip("aioice", reason="ICE needs softphone[ice]")
    accounts = [AccountOptions(ice=who == side) for side in ("caller", "callee")]
    results = call(*accounts)
    assert all(map(is_heard, results))
    assert [result["ice"] and result["ice"]["state"] for result in results] == [
        "unused" if account.ice else None for account in accounts
    ]


def test_on_one_port_each_side_hears_what_the_other_measured() -> None:
    results = call(media=replace(MEDIA, rtcp_mux=True), seconds=4.0)
    for result in results:
        assert result["rtt_ms"] is not None
        told = result["remote"]["voip_metrics"]
        assert told["loss_pct"] == 0
        assert 50 < told["r"] <= 94  # below 92 where the machine is busy and packets come late
        assert 2 < told["mos_cq"] <= told["mos_lq"]
        assert told["noise_level_dbm"] is None
        assert -25 < told["signal_level_dbm"] < 0


def test_nothing_goes_on_to_an_address_that_a_caller_points_at_and_that_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("softphone.app.media_ends.UNANSWERED_S", 0.2)
    monkeypatch.setattr("softphone.rtp.gate.PeerGate.admits", lambda *_, **__: False)
    monkeypatch.setattr("softphone.rtp.gate.PeerGate.admits_rtcp", lambda *_: False)
    ours, theirs = call(caller="198.51.100.7")
    assert (ours["sent"]["unanswered"], theirs["sent"]["packets"]) == (0, 10)
    assert theirs["sent"]["unanswered"] >= 30


def test_an_answer_from_there_lifts_the_bound() -> None:
    _, theirs = call(caller="198.51.100.7")
    assert theirs["sent"]["unanswered"] == 0
    assert theirs["sent"]["packets"] >= 40


class Collector(asyncio.DatagramProtocol):
    """Takes quality reports."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode()
        self.requests.append(text)
        head = text.split("\r\n\r\n")[0].split("\r\n")
        kept = [line for line in head if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.transport.sendto(
            "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode(), addr
        )


def test_a_collector_is_told_how_the_call_sounded() -> None:
    collector = Collector()

    async def main() -> list[Result]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: collector, local_addr=LOOPBACK)
        uri = "sip:collector@127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
        try:
            return await one_call(AccountOptions(quality_report=uri), AccountOptions(), MEDIA, 1.0, None)
        finally:
            transport.close()

    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        ours, _ = runner.run(main())
    (request,) = collector.requests
    head, _, body = request.partition("\r\n\r\n")
    assert head.startswith("PUBLISH sip:collector@127.0.0.1")
    assert "Event: vq-rtcpxr" in head
    assert "Content-Type: application/vq-rtcpxr" in head
    lines = dict(line.split(":", 1) for line in body.splitlines())
    assert lines["VQSessionReport"] == " CallTerm"
    assert lines["CallID"].strip() == ours["call_id"]
    assert "NLR=0.0" in lines["PacketLoss"]
    assert "PD=PCMU" in lines["SessionDesc"]
