"""The way from arguments to an exit status; no traceback leaves here unless `-vv` asks for it."""

import os
import sys
from collections.abc import Sequence

from softphone.cli.parser import parse
from softphone.cli.terminal import Terminal
from softphone.errors import RefusedError, SoftphoneError, UnreachableError

INTERRUPTED = "interrupted before there was a result"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line *argv* and return its exit status.

    Args:
        argv: without the program's name; None for this process's own.
    """
    _open_closed_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    terminal = Terminal(as_json="--json" in arguments)
    try:
        return _run(arguments, terminal)
    except SoftphoneError as error:
        terminal.error(str(error), **_diagnosed(error))
        return error.exit_status
    except KeyboardInterrupt:
        terminal.error(INTERRUPTED)
        return SoftphoneError.exit_status
    except BrokenPipeError:
        return 0
    except Exception as error:  # the shell's top: a fault of ours is one line and status 1
        if _wants_traceback(arguments):
            raise
        terminal.error(f"internal error: {type(error).__name__}: {error}; -vv shows where")
        return SoftphoneError.exit_status


def _diagnosed(error: SoftphoneError) -> dict[str, object]:
    """What an error of the network says of its cause, for the error object."""
    if not isinstance(error, UnreachableError | RefusedError):
        return {}
    from softphone.app.diagnosis import diagnosis_of_error

    found = diagnosis_of_error(str(error))
    return {} if found is None else {"diagnosis": found.as_json()}


def _open_closed_streams() -> None:
    """Let nothing but output have the numbers of standard output and error where the caller closed them (`>&-`)."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _run(arguments: list[str], terminal: Terminal) -> int:
    given = parse(arguments)
    if given.version:
        from importlib.metadata import PackageNotFoundError, version

        try:
            terminal.print(f"softphone {version('softphone')}")
        except PackageNotFoundError:
            terminal.print("softphone, not installed: run from its source")
        return 0
    if given.command == "codec" and given.verb != "list":
        from softphone.cli import codecs

        return codecs.COMMANDS[given.verb](given, terminal)
    if given.command == "sweep":
        from softphone.cli import sweep

        return sweep.run(given, terminal)
    if given.command in ("devices", "codec"):
        from softphone.cli import listing

        return listing.devices(terminal) if given.command == "devices" else listing.codecs(given, terminal)
    if given.command == "score":
        from softphone.cli import scoring

        return scoring.run(given, terminal)
    if given.command == "voice":
        from softphone.cli import voice

        return voice.run(given, terminal)
    if given.command == "memo":
        from softphone.cli import memo

        return memo.run(given, terminal)
    if given.command == "radio":
        from softphone.cli import radio

        return radio.run(given, terminal)
    if given.command == "filter":
        from softphone.cli import filtering

        return filtering.run(given, terminal)
    if given.command == "remote":
        from softphone.cli import remote

        return remote.run(given, terminal)
    if given.command == "register":
        from softphone.cli import register

        return register.run(given, terminal)
    if given.command == "ladder":
        from softphone.cli import ladder

        return ladder.run(given, terminal)
    if given.command == "console":
        from softphone.cli import console

        return console.run(given, terminal)
    from softphone.cli import calls

    return calls.COMMANDS[given.command](given, terminal)


def _wants_traceback(arguments: list[str]) -> bool:
    return sum(a.count("v") for a in arguments if a.startswith("-v") and set(a[1:]) == {"v"}) >= 2
