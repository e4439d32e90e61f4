"""The commands `codec encode`, `codec decode` and `codec compare`."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from softphone.cli.parser import given_options
from softphone.cli.progress import Bar, stopping
from softphone.cli.terminal import Terminal, rounded
from softphone.errors import SoftphoneError, UsageError
from softphone.measure_config import CompareOptions, DecodeOptions, EncodeOptions
from softphone.settings import Settings, load_settings

if TYPE_CHECKING:
    from softphone.app.codec_compare import Comparison
    from softphone.app.codec_files import DecodedFile, EncodedFile


def encode(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone codec encode`."""
    settings = _settings("encode", given)
    name, source, target = _words(
        given, 3, "NAME IN.wav OUT.bin, as `softphone codec encode opus:6000 in.wav out.bin`"
    )
    options = settings.apply(EncodeOptions(name, source, target))
    from softphone.app.codec_files import encode_file
    from softphone.app.codec_named import named_codec

    if options.bit_rate_bps is not None:
        words, at, interval = name.partition("@")
        if ":" not in words:
            name = f"{words}:{options.bit_rate_bps}{at}{interval}"
    codec = named_codec(
        name,
        ptime_ms=options.ptime_ms,
        exact=True,
        complexity=options.complexity,
        opus=options.opus_library,
    )
    with stopping(), Bar("encoding") as bar:
        done = encode_file(codec, source, target, force=options.force, progress=_watched(bar))
    if terminal.as_json:
        terminal.print_json(rounded(asdict(done)))
    else:
        terminal.print("\n".join(_encoded(done)))
    return 0


def decode(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone codec decode`."""
    settings = _settings("decode", given)
    source, target = _words(given, 2, "IN.bin OUT.wav, as `softphone codec decode out.bin back.wav`")
    options = settings.apply(DecodeOptions(source, target))
    from softphone.app.codec_files import decode_file

    with stopping(), Bar("decoding") as bar:
        done = decode_file(
            source,
            target,
            opus=options.opus_library,
            change=options.change,
            force=options.force,
            progress=_watched(bar),
        )
    if terminal.as_json:
        terminal.print_json(rounded(asdict(done)))
    else:
        terminal.print("\n".join(_decoded(done)))
    return 0


def compare(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone codec compare`."""
    settings = _settings("compare", given)
    options = settings.apply(CompareOptions())
    options = replace(options, files=tuple(given.words))
    from softphone.app.codec_compare import compare as run
    from softphone.app.outputs import check_outputs

    check_outputs(options, report=options.report)
    try:
        with stopping(), Bar("comparing") as bar:
            done = run(options, _watched(bar))
    except KeyboardInterrupt:
        raise SoftphoneError(interrupted(options.out)) from None
    for line in (*done.missing, *done.refused):
        terminal.note(line)
    _pictures(options, done)
    if terminal.as_json:
        terminal.print_json(_as_json(options, done))
    else:
        from softphone.cli.codec_table import comparison

        title = f"{len(done.files)} {'file' if len(done.files) == 1 else 'files'}, means with 95 % intervals"
        terminal.print(comparison(title, done.rows))
        for what, path in (("report", options.report), ("picture", options.plot), ("rows", options.out)):
            if path is not None:
                terminal.print(f"{what}: {path}")
    return 0


def interrupted(out: str | None) -> str:
    """What to say where somebody stopped a comparison or a sweep."""
    if out is None:
        return (
            "interrupted, nothing was kept: with --out DIR rows are, and the same command goes on from there"
        )
    return f"interrupted: the rows done are in {out}, the same command goes on from there"


def _pictures(options: CompareOptions, done: "Comparison") -> None:
    if options.plot is None and options.report is None:
        return
    from importlib.util import find_spec

    from softphone.io.part_file import write_whole

    picture = None
    if find_spec("matplotlib") is not None:
        from softphone.app.codec_plot import rate_plot

        picture = rate_plot(done.rows)
    if options.plot is not None and picture is not None:
        write_whole(options.plot, picture, force=options.force)
    if options.report is not None:
        from softphone.app.codec_html import report

        notes = [*done.missing, *done.refused]
        if picture is None:
            notes.append('the picture needs matplotlib: pip install "softphone[plots]"')
        page = report("Codecs compared", done.rows, done.files, notes, picture)
        write_whole(options.report, page, force=options.force)


def _as_json(options: CompareOptions, done: "Comparison") -> dict[str, Any]:
    from softphone.app.codec_compare import SCALES

    return {
        "schema": 1,
        "files": list(done.files),
        "conditions": {"complexity": options.complexity, "seed": options.seed, "radio": options.radio},
        "rows": done.rows,
        "scales": SCALES,
        "missing": list(done.missing),
        "refused": list(done.refused),
        "report": options.report,
        "plot": options.plot,
        "out": options.out,
        "reused": done.reused,
        "took_s": done.took_s,
    }


def _settings(command: str, given: argparse.Namespace) -> Settings:
    settings = load_settings(command, given.config)
    settings.add(given_options(given), "--")
    return settings


def _words(given: argparse.Namespace, count: int, wanted: str) -> list[str]:
    words: list[str] = given.words
    if len(words) != count:
        raise UsageError(f"codec {given.verb}: wanted {wanted}; got {' '.join(words) or 'nothing'}")
    return words


def _watched(bar: Bar) -> Callable[[float], None] | None:
    return bar.show if sys.stderr.isatty() else None


def _encoded(done: "EncodedFile") -> list[str]:
    return [
        f"{done.codec}: {done.input} -> {done.output}",
        f"  length   {done.seconds:.2f} s in {done.packets} packets of {done.ptime_ms} ms, {done.sample_rate_hz} Hz",
        f"  payload  {done.payload_bytes} bytes, {done.payload_bps / 1000:.2f} kb/s; the file has {done.file_bytes}",
        f"  wire     {done.wire_bps / 1000:.2f} kb/s with IPv4, UDP and RTP headers",
        f"  took     {done.took_s:.2f} s, {done.times_real_time:.0f} times real time",
    ]


def _decoded(done: "DecodedFile") -> list[str]:
    return [
        f"{done.codec}: {done.input} -> {done.output}",
        f"  length   {done.seconds:.2f} s from {done.packets} packets of {done.ptime_ms} ms, {done.sample_rate_hz} Hz",
        f"  took     {done.took_s:.2f} s, {done.times_real_time:.0f} times real time",
    ]


COMMANDS: dict[str, Callable[[argparse.Namespace, Terminal], int]] = {
    "encode": encode,
    "decode": decode,
    "compare": compare,
}
