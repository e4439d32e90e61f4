"""The commands `voice`, `voice avqi` and `voice dsi`."""

import argparse
import sys
from dataclasses import asdict, replace

from softphone.cli.parser import given_options
from softphone.cli.progress import Bar, stopping
from softphone.cli.terminal import Terminal
from softphone.errors import SoftphoneError, UsageError
from softphone.options import OPTIONS
from softphone.settings import Settings, load_settings
from softphone.voice_config import AvqiOptions, DsiOptions, VoiceOptions

BAR_FROM_BYTES = 2_000_000
"""A bar is shown for files of this size or more: smaller ones are done before it is drawn."""
INDICES = ("avqi", "dsi")


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone voice`."""
    words: list[str] = given.words
    command = words[0] if words and words[0] in INDICES else "voice"
    settings = load_settings(command, given.config)
    options = given_options(given)
    _check_strays(command, options)
    settings.add(options, "--")
    if command == "voice":
        return _voice(words, settings, terminal)
    if len(words) > 1:
        raise UsageError(
            f"voice {command} takes its recordings by options, got {words[1]!r}; a file called {command} is ./{command}"
        )
    return (_avqi if command == "avqi" else _dsi)(settings, terminal)


def _voice(words: list[str], settings: Settings, terminal: Terminal) -> int:
    options = replace(settings.apply(VoiceOptions()), files=tuple(words))
    if not words:
        raise UsageError("voice wants a recording, as `softphone voice vowel.wav`; got none")
    if options.out is not None:
        return _many(options, terminal)
    if len(words) > 1:
        raise UsageError(
            f"voice prints the table of one recording, got {len(words)}: give --out VOICES.csv for rows"
        )
    for name in ("workers", "dask"):
        if f"--{name}" == settings.values.get(name, (None, ""))[1]:
            raise UsageError(f"--{name} shares a list among processes: it goes with --out VOICES.csv")
    from softphone.app.voice import measure

    watched = sys.stderr.isatty() and _size(words[0]) >= BAR_FROM_BYTES
    with stopping(), Bar("measuring") as bar:
        result = measure(options, bar.show if watched else None)
    if terminal.as_json:
        terminal.print_json(result)
    elif result["error"] is None:
        from softphone.cli.voice_table import one_voice

        terminal.print(one_voice(result, sex=options.sex, age=options.age))
        if options.report is not None:
            terminal.print(f"report: {options.report}")
    if result["error"] is not None:
        terminal.note(result["error"])
    return int(result.get("exit_status", 0))


def _many(options: VoiceOptions, terminal: Terminal) -> int:
    from softphone.app.voice_batch import measure_many

    try:
        with stopping(), Bar("measuring") as bar:
            done = measure_many(options, bar.show if sys.stderr.isatty() else None)
    except KeyboardInterrupt:
        raise SoftphoneError(
            f"interrupted: the rows done are in {options.out}, the same command goes on from there"
        ) from None
    if terminal.as_json:
        terminal.print_json({"schema": 1, **asdict(done), "error": None})
    else:
        from softphone.cli.voice_table import batch

        terminal.print(batch(done))
    return 0


def _avqi(settings: Settings, terminal: Terminal) -> int:
    options = settings.apply(AvqiOptions())
    from softphone.app.voice_indices import measure_avqi

    with stopping(), Bar("measuring") as bar:
        result = measure_avqi(options, bar.show if sys.stderr.isatty() else None)
    return _index(result, terminal)


def _dsi(settings: Settings, terminal: Terminal) -> int:
    options = settings.apply(DsiOptions())
    from softphone.app.voice_indices import measure_dsi

    with stopping(), Bar("measuring") as bar:
        result = measure_dsi(options, bar.show if sys.stderr.isatty() else None)
    return _index(result, terminal)


def _index(result: dict[str, object], terminal: Terminal) -> int:
    if terminal.as_json:
        terminal.print_json(result)
    else:
        from softphone.cli.voice_table import index

        terminal.print(index(result))
    return 0


def _check_strays(command: str, options: dict[str, object]) -> None:
    """Refuse an option that is another's: nobody would ever read it."""
    for option in OPTIONS:
        mine = any(each.name == option.name and command in each.commands for each in OPTIONS)
        if option.name not in options or mine:
            continue
        of = [each for each in option.commands if each in (*INDICES, "voice")]
        if of:
            theirs = " and ".join(
                "`softphone voice`" if each == "voice" else f"`voice {each}`" for each in of
            )
            raise UsageError(f"--{option.name} is for {theirs}")


def _size(path: str) -> int:
    from softphone.io.speech import speech_path

    try:
        return speech_path(path).stat().st_size
    except (OSError, UsageError):
        return 0
