"""The commands that list: `devices`, `codec list`."""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from softphone.cli.terminal import Terminal
from softphone.errors import UsageError
from softphone.settings import load_settings


def devices(terminal: Terminal) -> int:
    """Run `softphone devices`."""
    from softphone.io.audio.portaudio import list_devices

    found = list_devices()
    if terminal.as_json:
        terminal.print_json({"devices": found})
    elif not found:
        terminal.print("no sound devices")
    else:
        from softphone.cli.table import listing

        columns = ("number", "name", "inputs", "outputs", "sample rate", "driver", "default for")
        terminal.print(listing("sound devices", columns, [_device_row(one) for one in found]))
    return 0


def codecs(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone codec list`.

    Raises:
        UsageError: the library named is none.
    """
    from dsp.codecs import CodecSettings, CodecSpec
    from dsp.errors import LibraryMissing
    from softphone.io.libraries import codecs_with

    def describe(spec: CodecSpec) -> dict[str, Any]:
        rates = {spec.sample_rate_hz(CodecSettings(bit_rate_bps=rate)) for rate in spec.bit_rates_bps}
        library: str | None = None
        error: str | None = None
        try:
            library = spec.library()
        except LibraryMissing as missing:
            error = str(missing)
        if error is not None and named is not None and spec.name == "opus":
            raise UsageError(f"{named[1]}: {error}")
        return {
            "name": spec.name,
            "sdp_name": spec.sdp_name,
            "payload_type": spec.payload_type,
            "clock_rate_hz": spec.clock_rate_hz,
            "channels": spec.channels,
            "sample_rates_hz": sorted(rates),
            "bit_rates_bps": dict(zip(("min", "default", "max"), spec.bit_rates_bps, strict=True)),
            "ptimes_ms": list(spec.ptimes_ms),
            "bandwidth": spec.bandwidth,
            "conceals": spec.conceals,
            "library": library,
            "error": error,
        }

    settings = load_settings("codec", given.config)
    if given.opus_library is not None:
        settings.add({"opus-library": given.opus_library}, "--")
    named = settings.values.get("opus-library")
    registry = codecs_with(opus=None if named is None else str(named[0]))
    found = [describe(registry.get(name)) for name in registry.names()]
    if terminal.as_json:
        terminal.print_json({"codecs": found})
    else:
        from softphone.cli.table import listing

        columns = ("name", "SDP", "sample rate", "bit rate", "packet interval", "library")
        terminal.print(listing("codecs", columns, [_codec_row(one) for one in found]))
    return 0


def _device_row(device: Mapping[str, Any]) -> list[str]:
    default_for = [way for way in ("input", "output") if device[f"default_{way}"]]
    return [
        str(device["index"]),
        device["name"],
        str(device["inputs"]),
        str(device["outputs"]),
        f"{device['sample_rate_hz'] / 1000:g} kHz",
        device["host_api"],
        " and ".join(default_for),
    ]


def _codec_row(codec: Mapping[str, Any]) -> list[str]:
    rates = codec["bit_rates_bps"]
    fixed = rates["min"] == rates["max"]
    return [
        codec["name"],
        f"{codec['sdp_name']}/{codec['clock_rate_hz']}",
        ", ".join(f"{rate / 1000:g}" for rate in codec["sample_rates_hz"]) + " kHz",
        f"{rates['min']} b/s" if fixed else f"{rates['min']} to {rates['max']} b/s",
        _intervals(codec["ptimes_ms"]) + " ms",
        codec["library"] or codec["error"],
    ]


def _intervals(ptimes_ms: Sequence[int]) -> str:
    """Return all intervals, in short where they are a row of even steps."""
    steps = {after - before for before, after in itertools.pairwise(ptimes_ms)}
    if len(ptimes_ms) > 5 and len(steps) == 1:
        return f"{ptimes_ms[0]}, {ptimes_ms[1]} .. {ptimes_ms[-1]}"
    return ", ".join(map(str, ptimes_ms))
