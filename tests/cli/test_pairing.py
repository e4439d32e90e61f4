"""How others get in: what is printed where, and a QR code that is read back with a reader of its own."""

import dataclasses
import io
import json
import logging
import os
import re
import sys

import pytest

from softphone.cli import pairing
from softphone.cli.terminal import Terminal
from softphone.serve_config import Serving

TOKEN = "Zm9vYmFyYmF6cXV4MTIzNA"
URL = "http://127.0.0.1:8765/"
SERVING = Serving((URL,), f"{URL}#token={TOKEN}", f"{URL}#token=view-only-token")


class Tty(io.StringIO):
    encoding: str = "utf-8"  # type: ignore[misc]

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


def modules_of(code: str) -> list[list[bool]]:
    """The light (False) and dark (True) modules that a terminal shows, without the quiet zone."""
    rows: list[list[bool]] = []
    for line in code.split("\n"):
        match = re.fullmatch(r"\x1b\[38;5;16;48;5;231m([ ▀▄█]*)\x1b\[0m", line)
        assert match is not None
        text = match[1]
        rows.append([char in "▀█" for char in text])
        rows.append([char in "▄█" for char in text])
    width = len(rows[0])
    dark = [index for index, row in enumerate(rows) if any(row)]
    rows = rows[dark[0] : dark[-1] + 1]
    assert dark[0] == 2, "a quiet zone above"
    return [row[2 : width - 2] for row in rows]


def read_qr(rows: list[list[bool]]) -> str:
    """Read a QR code without faults, of versions 1 to 5 and level L, in byte mode (ISO/IEC 18004:2015 sections 6 and 7)."""
    size = len(rows)
    version, rest = divmod(size - 17, 4)
    assert rest == 0
    assert 1 <= version <= 5, "one block of data at level L, one alignment pattern at most"
    assert all(len(row) == size for row in rows)
    information = sum(rows[8][column] << (14 - bit) for bit, column in enumerate((0, 1, 2, 3, 4, 5, 7, 8)))
    information ^= 0b101010000010010 & ~0x7F
    assert information >> 13 == 0b01, "level L"
    mask = information >> 10 & 0b111
    masks = (
        lambda i, j: (i + j) % 2, lambda i, j: i % 2, lambda i, j: j % 3, lambda i, j: (i + j) % 3,
        lambda i, j: (i // 2 + j // 3) % 2, lambda i, j: i * j % 2 + i * j % 3,
        lambda i, j: (i * j % 2 + i * j % 3) % 2, lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
    )  # fmt: skip

    def is_function(i: int, j: int) -> bool:
        corner = (i < 9 and j < 9) or (i < 9 and j >= size - 8) or (i >= size - 8 and j < 9)
        aligned = version > 1 and abs(i - (size - 7)) <= 2 and abs(j - (size - 7)) <= 2
        return corner or aligned or i == 6 or j == 6

    bits: list[int] = []
    upward = True
    right = size - 1
    while right > 0:
        if right == 6:
            right = 5
        for step in range(size):
            i = size - 1 - step if upward else step
            free = [j for j in (right, right - 1) if not is_function(i, j)]
            bits += [rows[i][j] ^ (masks[mask](i, j) == 0) for j in free]
        upward = not upward
        right -= 2

    def number(start: int, count: int) -> int:
        return int("".join(map(str, map(int, bits[start : start + count]))), 2)

    assert number(0, 4) == 0b0100, "byte mode"
    return bytes(number(12 + 8 * at, 8) for at in range(number(4, 8))).decode()


def test_the_qr_code_reads_as_the_address_with_its_token() -> None:
    assert read_qr(modules_of(pairing.qr_code(SERVING.control_url))) == SERVING.control_url


@pytest.mark.parametrize("length", [17, 32, 53, 78, 106])  # the most of versions 1 to 5
def test_codes_of_every_size_read_back(length: int) -> None:
    text = ("http://[fd00::2]:8765/#token=" + "a1-_" * 30)[:length]
    assert read_qr(modules_of(pairing.qr_code(text))) == text


def test_in_a_pipe_the_address_is_told_on_standard_error_and_nothing_on_standard_output(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        pairing.show(SERVING, Terminal(as_json=False))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"softphone: steer at {URL}#token={TOKEN}\nsoftphone: look only: {URL}#token=view-only-token\n"
    )
    assert caplog.records == []
    assert TOKEN not in repr(SERVING)


def test_as_json_the_event_on_standard_output_has_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    pairing.show(SERVING, Terminal(as_json=True), event=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "event": "serving", "url": URL, "urls": [URL], "fingerprint": None, "osc": None, "announced": None,
    }  # fmt: skip
    assert "token" not in out
    assert TOKEN in err
    pairing.show(SERVING, Terminal(as_json=True))
    assert capsys.readouterr().out == ""


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = (80, 40)) -> Tty:
    err = Tty()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size(size))
    return err


def test_on_a_terminal_the_code_stands_below_the_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tty = on_a_terminal(monkeypatch)
    pairing.show(SERVING, Terminal(as_json=False))
    code = tty.getvalue().split("view-only-token\n", 1)[1].rstrip("\n")
    assert read_qr(modules_of(code)) == SERVING.control_url
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("size", [(20, 40), (80, 10)])
def test_on_a_terminal_too_small_for_it_there_is_no_code(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    tty = on_a_terminal(monkeypatch, size)
    pairing.show(SERVING, Terminal(as_json=False))
    assert "▀" not in tty.getvalue()


def test_a_terminal_that_lacks_half_blocks_gets_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    tty = on_a_terminal(monkeypatch)
    tty.encoding = "ascii"
    pairing.show(SERVING, Terminal(as_json=False))
    assert "▀" not in tty.getvalue()


def test_a_token_that_was_given_is_not_printed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    tty = on_a_terminal(monkeypatch)
    pairing.show(dataclasses.replace(SERVING, token_was_given=True), Terminal(as_json=False))
    assert tty.getvalue() == f"softphone: steer at {URL} with the token that was given\n"


def test_what_else_is_there_is_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    whole = dataclasses.replace(
        SERVING,
        urls=("https://192.0.2.2:8765/", "https://127.0.0.1:8765/"),
        fingerprint="AB" * 32,
        notices=("it is so",),
        osc=("::1", 8766),
        announced="Studio 1",
    )
    pairing.show(whole, Terminal(as_json=False))
    lines = [line.removeprefix("softphone: ") for line in capsys.readouterr().err.splitlines()]
    assert lines[2:] == [
        "also at https://127.0.0.1:8765/",
        "it is so",
        f"from a terminal: `softphone remote --at 192.0.2.2:8765 --tls-fingerprint {'AB' * 32}`",
        "Open Sound Control over UDP at [::1]:8766",
        "announced as Studio 1: `softphone remote --at 'Studio 1'`",
    ]
