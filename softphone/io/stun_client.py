"""Asks a STUN server which address the world sees a socket of ours under (RFC 8489)."""

import asyncio
import contextlib
import secrets
import socket

from softphone.errors import UnreachableError
from softphone.io.udp import Address, resolve
from softphone.stun import RETRANSMIT_S, TRANSACTION_BYTES, StunClass, StunError, StunMessage, binding_request

PATIENCE_S = 3.0
"""An offer does not wait longer; the server is near, or there is none."""
DATAGRAMS = 100
"""That are looked at: others may send to the port, too."""


async def mapped_address(sock: socket.socket, server: Address, *, patience_s: float = PATIENCE_S) -> Address:
    """The address of *sock*, which is bound and does not block, as *server* sees it.

    What else arrives meanwhile is dropped: nobody knows of the socket yet.

    Raises:
        UnreachableError: the server's name does not resolve, or it gives no answer that can be read.
    """
    address = await resolve(*server, family=sock.family)
    transaction_id = secrets.token_bytes(TRANSACTION_BYTES)
    request = binding_request(transaction_id)
    loop = asyncio.get_running_loop()
    asking = loop.create_task(_ask(sock, request, address))
    try:
        async with asyncio.timeout(patience_s):
            for _ in range(DATAGRAMS):
                data, _ = await loop.sock_recvfrom(sock, 2048)
                with contextlib.suppress(StunError):
                    answer = StunMessage.parse(data)
                    # Section 6.3: any answer to another request is somebody's guess.
                    if answer.transaction_id != transaction_id:
                        continue
                    if answer.message_class is StunClass.SUCCESS:
                        return answer.mapped_address
                    break
    except TimeoutError:
        pass
    except OSError as error:
        raise UnreachableError(f"STUN server {_shown(server)}: {error.strerror or error}") from error
    finally:
        asking.cancel()
    raise UnreachableError(
        f"STUN server {_shown(server)} did not tell our address within {patience_s:g} s: check its name and port"
    )


async def _ask(sock: socket.socket, request: bytes, address: Address) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for at_s in RETRANSMIT_S:
        await asyncio.sleep(begun + at_s - loop.time())
        with contextlib.suppress(OSError):
            await loop.sock_sendto(sock, request, address)


def _shown(server: Address) -> str:
    return f"{server[0]}:{server[1]}"
