"""The command `sweep`: test calls over bad lines, in virtual time."""

import argparse
import sys

from softphone.cli.codecs import interrupted
from softphone.cli.parser import given_options
from softphone.cli.progress import Bar, stopping
from softphone.cli.terminal import Terminal
from softphone.errors import SoftphoneError
from softphone.measure_config import SweepOptions
from softphone.settings import load_settings


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone sweep`."""
    settings = load_settings("sweep", given.config)
    settings.add(given_options(given), "--")
    options = settings.apply(SweepOptions())
    from importlib.util import find_spec

    from softphone.app import sweep as app
    from softphone.app.outputs import check_outputs
    from softphone.io.part_file import write_whole

    check_outputs(options)
    try:
        with stopping(), Bar("sweeping") as bar:
            done = app.sweep(options, bar.show if sys.stderr.isatty() else None)
    except KeyboardInterrupt:
        raise SoftphoneError(interrupted(options.out)) from None
    for line in (*done.missing, *done.refused):
        terminal.note(line)
    picture = None
    if (options.plot is not None or options.out is not None) and find_spec("matplotlib") is not None:
        from softphone.app.codec_plot import loss_plot

        picture = loss_plot(done.rows)
    if options.plot is not None and picture is not None:
        write_whole(options.plot, picture, force=options.force)
    app.write_results(options, done, picture)
    if terminal.as_json:
        terminal.print_json(app.as_json(options, done))
        return 0
    from softphone.cli.codec_table import comparison

    terminal.print(comparison(f"{len(done.rows)} lines, means over {len(done.speech)} speakers", done.rows))
    for what, path in (("results", options.out), ("picture", options.plot)):
        if path is not None:
            terminal.print(f"{what}: {path}")
    return 0
