"""STUN: messages as RFC 5769 prints them, any bytes refused in one way, and a client over loopback."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.errors import UnreachableError
from softphone.io.stun_client import mapped_address
from softphone.io.udp import bind_udp
from softphone.stun import (
    BINDING,
    StunClass,
    StunError,
    StunMessage,
    binding_request,
    binding_success,
    is_stun,
)

# RFC 5769 section 2.2: a response with SOFTWARE, XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY and FINGERPRINT.
SAMPLE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
# RFC 5769 section 2.3: the same over IPv6.
SAMPLE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
ID = bytes(range(12))


@pytest.mark.parametrize(
    ("sample", "address"),
    [(SAMPLE_IPV4, ("192.0.2.1", 32853)), (SAMPLE_IPV6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))],
    ids=["IPv4", "IPv6"],
)
def test_the_printed_responses_are_read(sample: bytes, address: tuple[str, int]) -> None:
    message = StunMessage.parse(sample)
    assert (message.method, message.message_class) == (BINDING, StunClass.SUCCESS)
    assert message.mapped_address == address


def test_a_changed_bit_of_a_message_with_a_fingerprint_is_noticed() -> None:
    broken = bytearray(SAMPLE_IPV4)
    broken[40] ^= 1
    with pytest.raises(StunError, match="fingerprint"):
        StunMessage.parse(bytes(broken))


@pytest.mark.parametrize("fingerprint", [False, True])
def test_a_request_is_read_as_it_was_written(fingerprint: bool) -> None:
    data = binding_request(ID, fingerprint=fingerprint)
    message = StunMessage.parse(data)
    assert (message.method, message.message_class, message.transaction_id) == (BINDING, StunClass.REQUEST, ID)
    assert bytes(message) == data


@pytest.mark.parametrize("source", [("192.0.2.9", 1), ("2001:db8::9", 65535)])
def test_an_answer_tells_the_address_that_was_asked_from(source: tuple[str, int]) -> None:
    assert StunMessage.parse(binding_success(ID, source)).mapped_address == source


def test_the_old_attribute_serves_where_there_is_no_other() -> None:
    value = bytes((0, 1)) + (4321).to_bytes(2, "big") + bytes((192, 0, 2, 7))
    assert StunMessage(BINDING, StunClass.SUCCESS, ID, ((1, value),)).mapped_address == ("192.0.2.7", 4321)
    with pytest.raises(StunError, match="without a mapped address"):
        _ = StunMessage(BINDING, StunClass.SUCCESS, ID).mapped_address


def test_media_is_told_from_stun() -> None:
    assert is_stun(binding_request(ID))
    assert not is_stun(b"\x80" + binding_request(ID)[1:])
    assert not is_stun(binding_request(ID)[:19])


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=80)
    | st.binary(max_size=60).map(lambda b: b"\1\1\0" + bytes((len(b),)) + SAMPLE_IPV4[4:20] + b)
)
def test_any_bytes_are_a_message_or_the_one_error(data: bytes) -> None:
    try:
        message = StunMessage.parse(data)
        _ = message.mapped_address
    except StunError:
        return
    assert StunMessage.parse(bytes(message)) == message


class Server(asyncio.DatagramProtocol):
    """Answers, after so many requests that it lets pass."""

    def __init__(self, deaf_to: int = 0, forged: bool = False) -> None:
        self.deaf_to, self.forged, self.asked = deaf_to, forged, 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if self.forged:
            self.transport.sendto(binding_success(bytes(12), ("203.0.113.1", 1)), addr)
            self.transport.sendto(b"no stun at all", addr)
        if self.asked > self.deaf_to:
            seen = ("198.51.100.4", 1234)
            self.transport.sendto(binding_success(StunMessage.parse(data).transaction_id, seen), addr)


def ask(server: Server, patience_s: float = 3.0) -> tuple[str, int]:
    async def main() -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
        address = transport.get_extra_info("sockname")[:2]
        try:
            with bind_udp("127.0.0.1", 0) as sock:
                return await mapped_address(sock, address, patience_s=patience_s)
        finally:
            transport.close()

    return asyncio.run(main())


def test_a_client_is_told_its_address_and_believes_no_answer_to_another_request() -> None:
    assert ask(Server(forged=True)) == ("198.51.100.4", 1234)


def test_a_lost_request_is_sent_again() -> None:
    server = Server(deaf_to=1)
    assert ask(server) == ("198.51.100.4", 1234)
    assert server.asked == 2


def test_a_server_that_does_not_answer_is_given_up_in_one_line() -> None:
    with pytest.raises(UnreachableError, match=r"STUN server 127.0.0.1:\d+ did not tell our address"):
        ask(Server(deaf_to=99), patience_s=0.1)


def test_a_socket_can_be_used_afterwards() -> None:
    async def main() -> None:
        with bind_udp("127.0.0.1", 0) as sock, bind_udp("127.0.0.1", 0) as deaf:
            with pytest.raises(UnreachableError):
                await mapped_address(sock, deaf.getsockname()[:2], patience_s=0.05)
            deaf.sendto(b"later", sock.getsockname())
            assert await asyncio.get_running_loop().sock_recv(sock, 99) == b"later"

    asyncio.run(main())
