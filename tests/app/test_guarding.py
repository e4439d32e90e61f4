"""What is told of messages that were dropped, and how it stands in a log."""

import argparse
import io
import logging
import sys

import pytest

from softphone.app.guarding import DroppedLog, guard_of
from softphone.cli.calls import settings_of
from softphone.cli.terminal import Terminal
from softphone.config import AccountOptions
from softphone.sip.events import MessageDropped
from softphone.sip.guard import Concern
from softphone.sip.message import Request, parse_message

SOURCE = ("198.51.100.7", 5060)


def options(user: str) -> Request:
    message = parse_message(
        f"OPTIONS sip:{user}@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def test_whoever_is_named_by_user_is_here_and_nobody_else():
    guard = guard_of(AccountOptions(user="bob"))
    assert [guard.is_here(options(user)) for user in ("bob", "100")] == [True, False]


def test_the_user_of_a_contact_that_was_registered_is_here_as_well():
    guard = guard_of(AccountOptions(user="bob", contact="sip:b77@192.0.2.1"))
    assert [guard.is_here(options(user)) for user in ("bob", "b77", "100")] == [True, True, False]


@pytest.mark.parametrize("account", [AccountOptions(), AccountOptions(user="bob", any_user=True)])
def test_without_a_user_or_with_any_user_everybody_is_here(account):
    assert guard_of(account).is_here(options("100"))


def test_an_attack_is_warned_of_and_other_messages_are_told_once_a_source_and_minute(caplog):
    caplog.set_level(logging.INFO)
    times = iter(range(0, 90, 10))
    told = DroppedLog(lambda: next(times))
    for _ in range(9):
        told.note(MessageDropped("CSeq must be a number", SOURCE))
    told.note(MessageDropped(Concern.SCANNER.value, SOURCE))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "SIP from 198.51.100.7:5060 dropped: CSeq must be a number"),
        ("INFO", "SIP from 198.51.100.7:5060 dropped: CSeq must be a number"),
        ("WARNING", "SIP from 198.51.100.7:5060 dropped: calls itself a scanner"),
    ]


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_a_peer_writes_no_line_of_its_own_into_the_log_and_steers_no_terminal(verbose, monkeypatch):
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    try:
        settings_of(
            argparse.Namespace(verbose=verbose, command="answer", config=None), Terminal(as_json=True)
        )
        evil = "a\r\nsoftphone: call ended: all is well\x1b[2J\x9b31m\u2028b"
        logging.getLogger("softphone.test").warning("SIP from %s dropped: %s", "x", evil)
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
    lines = err.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].isprintable()
    assert "\\x1b" in lines[0]
