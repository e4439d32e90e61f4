"""The command `filter`: a sound file run through the filters of a preset."""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from softphone.cli import live
from softphone.cli.parser import given_options
from softphone.cli.progress import Bar, stopping
from softphone.cli.terminal import Terminal, level_text, rounded
from softphone.config import FilterOptions
from softphone.errors import EnvironmentProblem, UsageError
from softphone.settings import Settings, load_settings

if TYPE_CHECKING:
    from dsp.preset import Preset
    from softphone.app import FilteredFile

_WORDS = "wanted PRESET IN OUT, as `softphone filter telephone in.wav out.wav`"


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone filter`."""
    settings = load_settings("filter", given.config)
    settings.add(given_options(given), "--")
    words: list[str] = given.words
    if given.describe or given.list or given.show is not None:
        return _listed(given, settings, terminal)
    if live.is_wanted(settings):
        return live.run(settings, words, given.verbose, terminal)
    if len(words) != 3:
        raise UsageError(f"filter: {_WORDS}; got {' '.join(words) or 'nothing'}")
    with stopping():
        return _filter(settings.apply(FilterOptions(words[0], words[1], words[2])), given.verbose, terminal)


def _listed(given: argparse.Namespace, settings: Settings, terminal: Terminal) -> int:
    from softphone.cli import filter_listing

    if given.describe:
        return filter_listing.describe_filters(given.words, terminal)
    if given.words:
        raise UsageError(f"filter --list and --show take no files, got {given.words[0]!r}")
    if given.list:
        return filter_listing.list_presets(terminal)
    changes = settings.apply(FilterOptions("", "", "")).changes
    return filter_listing.show_preset(given.show, changes, terminal)


def _filter(options: FilterOptions, verbose: int, terminal: Terminal) -> int:
    from softphone import app
    from softphone.app import filtering

    if options.plot is not None:
        _check_plot(options.plot, options)
    file = filtering.preset_file(options.preset)
    preset = filtering.changed(file.load(), dict(options.changes))
    live.note_origin(file, verbose, terminal)
    with Bar("filtering") as bar:
        done = app.filter_file(
            preset,
            options.source,
            options.target,
            far=options.far,
            force=options.force,
            progress=bar.show if sys.stderr.isatty() else None,
        )
    for warning in done.warnings:
        terminal.note(f"warning: {warning}")
    if options.plot is not None:
        terminal.show(f"drawing {options.plot} ...")
        _plot(filtering.changed(preset, done.measured), done, options.plot)
    if terminal.as_json:
        terminal.print_json(rounded(asdict(done)) | {"plot": options.plot})
    else:
        terminal.print("\n".join(_summary(done, options.plot)))
    return 0


def _check_plot(path: str, options: FilterOptions) -> None:
    """See to it, before any work, that a picture can be drawn to *path*."""
    from importlib.util import find_spec

    from softphone.io.target import check_target

    if find_spec("matplotlib") is None:
        raise EnvironmentProblem('--plot needs matplotlib: pip install "softphone[plots]"')
    if not path.lower().endswith(".png"):
        raise UsageError(f"--plot {path} must end in .png: that is what is drawn")
    if os.path.realpath(path) in (os.path.realpath(options.target), os.path.realpath(options.source)):
        raise UsageError(f"--plot {path} is the sound file: give the picture another name")
    check_target(path, force=options.force)
    folder = os.path.dirname(os.path.realpath(path))
    if not (os.path.isdir(folder) and os.access(folder, os.W_OK)):
        raise EnvironmentProblem(
            f"--plot {path} cannot be written: choose a folder that exists and is writable"
        )


def _plot(preset: "Preset", done: "FilteredFile", path: str) -> None:
    from softphone.app.filter_plot import plot
    from softphone.io.dsp_faults import told_to_the_user
    from softphone.io.resources import resources

    with told_to_the_user("--plot"):
        plot(preset, done.input, done.output, done.sample_rate_hz, path, resources=resources())


def _summary(done: "FilteredFile", plot: str | None) -> Iterator[str]:
    yield f"{done.preset}: {done.input} -> {done.output}"
    channels = "1 channel" if done.channels == 1 else f"{done.channels} channels"
    rows = [
        ("length", f"{done.seconds:.2f} s, {channels}, {done.sample_rate_hz} Hz"),
        ("took", f"{done.took_s:.2f} s, {done.times_real_time:.0f} times real time"),
        ("delay taken off", f"{done.delay_ms:.1f} ms"),
        ("level", f"{level_text(done.level_before_dbfs)} -> {level_text(done.level_after_dbfs)} dBFS"),
        ("peak", f"{level_text(done.peak_before_dbfs)} -> {level_text(done.peak_after_dbfs)} dBFS"),
        ("clipped", f"{done.clipped_samples} samples"),
        *(
            (name, value if isinstance(value, str) else f"{round(value, 3) + 0.0:.6g}")
            for name, value in {**done.measured, **done.readings}.items()
        ),
    ]
    if plot is not None:
        rows.append(("plot", plot))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield f"  {name:<{width}}  {value}"
