"""A real call of ours, sniffed from the loopback interface, scored by the command: the figures agree with what both sides say."""

import json
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from support.captures import Seen, pcap
from support.command import softphone

pytestmark = pytest.mark.e2e
ALL_PROTOCOLS = 3
OUTGOING = 4
SO_TIMESTAMPNS = 35


class Sniffer:
    """Takes what goes over the loopback interface, with the kernel's times (packet(7))."""

    def __enter__(self) -> "Sniffer":
        if not hasattr(socket, "AF_PACKET"):
            pytest.skip("this system has no packet sockets")
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
        except PermissionError:
            pytest.skip("packet sockets are for root")
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.settimeout(0.2)
        self.seen: list[Seen] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                data, ancillary, _, address = self._socket.recvmsg(65_600, 256)
            except TimeoutError:
                continue
            if address[2] == OUTGOING:  # loopback shows each frame on its way out and on its way in
                continue
            at = time.time()
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(value) >= 16:
                    seconds, nanoseconds = struct.unpack("qq", value[:16])
                    at = seconds + nanoseconds / 1e9
            self.seen.append(Seen(at, data))

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()


def test_a_demo_call_that_was_sniffed_is_scored_and_agrees_with_its_result(tmp_path: Path) -> None:
    with Sniffer() as sniffer:
        arguments = ("--seconds", "5", "--codec", "pcmu", "--ptime", "20", "--out", str(tmp_path / "demo"))
        status, demo, _ = softphone("demo", *arguments)
    assert status == 0
    file = tmp_path / "call.pcap"
    file.write_bytes(pcap(sniffer.seen, nanoseconds=True))
    status, result, _ = softphone(
        "score", str(file), "--reference", "builtin:man", "--out", str(tmp_path / "out")
    )
    assert status == 0, result
    call_id = demo["caller"]["call_id"]
    streams = [each for each in result["streams"] if each["call_id"] == call_id]
    assert len(streams) == 2, json.dumps(result)[:2000]
    (call,) = (each for each in result["calls"] if each["call_id"] == call_id)
    assert (call["sip_status"], call["verdict"]) == (200, [])
    sides = sorted((side["sent"]["packets"] for side in demo.values()), reverse=True)
    assert sorted((each["packets"] for each in streams), reverse=True) == sides
    for each in streams:
        assert (each["codec"]["name"], each["codec"]["by"]) == ("pcmu", "sdp")
        assert (each["lost"], each["duplicates"], each["encryption"]) == (0, 0, "none")
        assert each["emodel"]["grounded"]
        assert Path(each["recording"]).stat().st_size > 5 * 16_000
        assert each["rtt_ms"] is not None
    scored = [each["mos_lqo"] for each in streams if each["mos_lqo"] is not None]
    assert len(scored) == 1, "one side says what the reference holds"
    assert scored[0] > 3.5
