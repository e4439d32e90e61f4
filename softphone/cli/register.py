"""The command `softphone register`."""

import argparse
from dataclasses import replace

from softphone.cli.calls import event_printer, serving_printer, settings_of
from softphone.cli.terminal import Terminal
from softphone.config import AccountOptions, RegisterOptions


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone register`."""
    base = RegisterOptions(uri=given.uri)
    user = base.uri.partition(":")[2].partition("@")[0]
    options = settings_of(given, terminal).apply(replace(base, account=AccountOptions(user=user)))
    from softphone import app

    results = app.register_and_answer(options, event_printer(terminal), on_serving=serving_printer(terminal))
    return app.exit_status(results)
