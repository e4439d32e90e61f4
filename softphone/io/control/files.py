"""A ticket's file on its way to a browser, in pieces: it may be longer than memory should be, and is read beside the loop."""

import os
import stat
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from softphone.io.control.connection import Connection
from softphone.io.control.http import FILE_POLICY, Refusal, Request, head_of, span_of
from softphone.io.control.tickets import Ticket
from softphone.io.control.workers import Workers

_PIECE = 128 << 10
_STALLED_S = 15.0
"""After so long without a byte taken the browser is given up."""


async def send_ticket(connection: Connection, request: Request, ticket: Ticket, workers: Workers) -> None:
    """Answer *request* with all of *ticket*'s file or the range it asks for (RFC 9110 section 14), and close.

    `Connection.begin_answer` has been called.
    """
    try:
        file, size = await workers.aside(lambda: _opened(ticket.source))
    except OSError:
        connection.write(bytes(Refusal(404, "the file is no longer there")))
        connection.end_answer()
        return
    with file:
        try:
            head, span = _head(request, ticket, size)
        except Refusal as refusal:
            connection.write(bytes(refusal))
        else:
            connection.write(head)
            await _send_span(connection, file, span, workers)
    connection.end_answer()


async def _send_span(connection: Connection, file: BinaryIO, span: range, workers: Workers) -> None:
    await workers.aside(lambda: file.seek(span.start))
    left = len(span)
    while left:
        wanted = min(_PIECE, left)
        piece = await workers.aside(lambda wanted=wanted: file.read(wanted))  # type: ignore[misc]
        if not piece or not await connection.has_room(_STALLED_S) or not connection.write(piece):
            connection.abort()  # cut short, which the length that was said tells
            return
        left -= len(piece)


def _opened(source: Path | bytes) -> tuple[BinaryIO, int]:
    if isinstance(source, bytes):
        return BytesIO(source), len(source)
    file = source.open("rb")
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        file.close()
        raise FileNotFoundError(source)
    return file, found.st_size


def _head(request: Request, ticket: Ticket, size: int) -> tuple[bytes, range]:
    span = span_of(request.headers.get("range"), size)
    headers = [
        ("Accept-Ranges", "bytes"),
        ("Content-Disposition", f"inline; filename*=UTF-8''{quote(ticket.name, safe='')}"),  # RFC 8187
    ]
    if span is None:
        return head_of(200, size, ticket.content_type, headers, policy=FILE_POLICY), range(size)
    headers.append(("Content-Range", f"bytes {span.start}-{span.stop - 1}/{size}"))
    return head_of(206, len(span), ticket.content_type, headers, policy=FILE_POLICY), span
