"""The command `console`: calls, filters and scores in one process, steered from a page."""

import argparse

from softphone.cli.calls import event_printer, serving_printer, settings_of
from softphone.cli.terminal import Terminal
from softphone.control_config import ConsoleOptions


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone console` until Ctrl-C."""
    options = settings_of(given, terminal).apply(ConsoleOptions())
    from softphone.app.console import run_console

    run_console(options, event_printer(terminal), on_serving=serving_printer(terminal))
    return 0
