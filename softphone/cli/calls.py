"""The commands that call: `demo`, `answer`, `call`."""

import argparse
import logging
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from softphone.cli.parser import given_options
from softphone.cli.terminal import Terminal, visible
from softphone.config import AnswerOptions, CallOptions, DemoOptions
from softphone.settings import Settings, load_settings

if TYPE_CHECKING:
    from softphone.serve_config import Serving

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_NO_AUDIO = (
    ("one-way", "no packets came through in one direction or both: look for a firewall or NAT"),
    ("silent", "packets came with next to no sound in them: look at what the other side plays"),
)


def demo(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone demo`."""
    options = settings_of(given, terminal).apply(DemoOptions())
    from softphone import app

    both = app.run_demo(options, lambda line: _note_progress(line, given.verbose, terminal))
    with _undisturbed():
        _print_demo(both, terminal)
    return app.exit_status(list(both.values()))


def _print_demo(both: Mapping[str, Mapping[str, Any]], terminal: Terminal) -> None:
    if terminal.as_json:
        terminal.print_json(both)
    else:
        from softphone.cli.table import calls_side_by_side

        terminal.print(calls_side_by_side("demo", both))
    for side, result in both.items():
        _explain({**result, "peer_result": None}, terminal, f"{side}: ")  # the peer speaks for itself


def answer(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone answer`."""
    options = settings_of(given, terminal).apply(AnswerOptions())
    from softphone import app

    results = app.answer_calls(options, event_printer(terminal), on_serving=serving_printer(terminal))
    return app.exit_status(results)


def event_printer(terminal: Terminal) -> Callable[[Mapping[str, Any]], None]:
    """What prints each event, and each RESULT of a call that has ended, as they come."""

    def on_event(event: Mapping[str, Any]) -> None:
        if "event" in event:
            if terminal.as_json:
                terminal.print_json(event)
            elif (line := _line_of(event)) is not None:
                terminal.print(line)
            if event.get("error"):
                terminal.note(str(event["error"]))
        else:
            _print_result(event, terminal)
        terminal.stop_if_unread()

    return on_event


def _line_of(event: Mapping[str, Any]) -> str | None:
    """What a person is told of an event; None: nothing."""
    match event["event"]:
        case "listening":
            return f"listening at {event['uri']}"
        case "registered":
            others = len(event["contacts"]) - 1
            more = f", beside {others} other{'s' if others > 1 else ''}" if others > 0 else ""
            return f"registered {event['aor']} as {event['contact']} for {event['expires_s']} s{more}"
        case "unregistered":
            return f"{'no longer' if event['told'] else 'perhaps still'} registered as {event['aor']}"
    return None


def serving_printer(terminal: Terminal, *, event: bool = True) -> "Callable[[Serving], None]":
    """What says where others steer, once they can.

    Args:
        event: with `--json`, as a line of its own on standard output, too.
    """

    def on_serving(serving: "Serving") -> None:
        from softphone.cli import pairing

        pairing.show(serving, terminal, event=event)

    return on_serving


def call(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone call`."""
    options = settings_of(given, terminal).apply(CallOptions(given.uri))
    from softphone import app

    terminal.show(f"calling {options.uri} ...")
    tally = _Tally(terminal, tells=options.repeat == 0)
    results = app.place_call(
        options,
        terminal.on_progress,
        on_serving=serving_printer(terminal, event=False),
        on_result=tally.add,
    )
    with _undisturbed():
        _print_calls(options, results, terminal, tally.outcomes)
    return app.exit_status(results)


class _Tally:
    """Counts what becomes of calls; where nobody knows how many there will be, says so of each."""

    def __init__(self, terminal: Terminal, *, tells: bool) -> None:
        self.outcomes: Counter[str] = Counter()
        self._terminal = terminal
        self._tells = tells

    def add(self, result: Mapping[str, Any]) -> None:
        """Count a RESULT."""
        self.outcomes[result["outcome"]] += 1
        if self._tells and not self._terminal.as_json:
            from softphone.cli.table import call_on_a_line

            self._terminal.print(call_on_a_line(self.outcomes.total(), result))
            self._terminal.stop_if_unread()


def _print_calls(
    options: CallOptions,
    results: Sequence[Mapping[str, Any]],
    terminal: Terminal,
    outcomes: "Counter[str]",
) -> None:
    if options.repeat == 1 and results:
        _print_result(results[0], terminal)
    elif terminal.as_json:
        summary = {"completed": outcomes["completed"], "placed": outcomes.total(), "outcomes": dict(outcomes)}
        terminal.print_json({"schema": 1, **summary, "calls": results})
    elif options.repeat == 0:
        found = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
        terminal.print(f"{outcomes.total()} calls to {options.uri}: {found}")
    else:
        from softphone.cli.table import calls_one_a_line

        terminal.print(calls_one_a_line(options.uri, results))
        for number, result in enumerate(results, 1):
            _explain(result, terminal, f"call {number}: ")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C: there is a result, and it is to be printed whole."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread, which alone is told of signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


COMMANDS: dict[str, Callable[[argparse.Namespace, Terminal], int]] = {
    "demo": demo,
    "answer": answer,
    "call": call,
}


def settings_of(given: argparse.Namespace, terminal: Terminal) -> Settings:
    """Read the file and the command line, and set up what is told on standard error."""
    handler = _TerminalHandler(terminal, in_full=given.verbose >= 2)
    logging.basicConfig(
        level=_LEVELS[min(given.verbose, 2)], format="%(message)s", handlers=[handler], force=True
    )
    settings = load_settings(given.command, given.config, account=getattr(given, "account", None))
    settings.add(given_options(given), "--")
    if settings.password_is_open:
        terminal.note("warning: others can read a password given openly; --password-env is safe")
    return settings


class _TerminalHandler(logging.Handler):
    """Log records on standard error, around the live line; each in one line unless *in_full*."""

    def __init__(self, terminal: Terminal, *, in_full: bool) -> None:
        super().__init__()
        self._terminal = terminal
        self._in_full = in_full

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        if self._in_full:
            record.msg, record.args = visible(record.getMessage()), None
            self._terminal.note(self.format(record))
            return
        line = visible(" ".join(record.getMessage().split()))
        error = record.exc_info[1] if record.exc_info else None
        self._terminal.note(line if error is None else f"{line}: {type(error).__name__}: {error}")


def _note_progress(line: str, verbose: int, terminal: Terminal) -> None:
    if sys.stderr.isatty():
        terminal.show(line)
    elif verbose:
        terminal.note(line)


def _print_result(result: Mapping[str, Any], terminal: Terminal) -> None:
    if terminal.as_json:
        terminal.print_json(result)
    else:
        from softphone.cli.table import calls_side_by_side

        sides = {"here": result}
        if result.get("peer_result"):
            sides["peer"] = result["peer_result"]
        terminal.print(calls_side_by_side(str(result["peer"]), sides))
    _explain(result, terminal)


def _explain(result: Mapping[str, Any], terminal: Terminal, prefix: str = "") -> None:
    """Say in one line why a call was not what was asked for."""
    peer = result.get("peer_result")
    if result.get("error"):
        terminal.note(f"{prefix}{result['error']}")
    elif result["outcome"] != "completed" and result.get("exit_status") != 0:  # 0: a script wanted it so
        terminal.note(f"{prefix}{result['outcome']}: {_diagnosed(result)}")
    elif peer and peer["outcome"] in ("no-audio", "dropped"):
        terminal.note(f"{prefix}at the peer: {peer['outcome']}: {_why(peer)}")


def _diagnosed(result: Mapping[str, Any]) -> str:
    """Why a call failed, and what to try."""
    found = result.get("diagnosis")
    if found is None:
        return _why(result)
    return "; ".join(filter(None, (found["why"], found["try"])))


def _why(result: Mapping[str, Any]) -> str:
    """The same of a RESULT that a peer made."""
    verdict = result.get("verdict")
    if result["outcome"] == "no-audio" and isinstance(verdict, list):
        for word, meaning in _NO_AUDIO:
            if word in verdict:
                return f"{word}, {meaning}"
    status = "" if result.get("sip_status") is None else f"{result['sip_status']} "
    return f"{status}{result.get('reason')}"
