"""The command `radio`: airtime and energy, without a call."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from softphone.cli.gauge import gauge
from softphone.cli.parser import given_options
from softphone.cli.terminal import Terminal
from softphone.config import RadioOptions
from softphone.errors import UsageError
from softphone.radio import RadioInUse, RadioSpec, airtime, ladder, radios
from softphone.settings import load_settings

FLOWS: tuple[tuple[str, int, int], ...] = (
    ("G.711, 20 ms", 64_000, 20),
    ("Opus 16 kb/s, 20 ms", 16_000, 20),
    ("Opus 16 kb/s, 60 ms", 16_000, 60),
    ("Opus 6 kb/s, 60 ms", 6_000, 60),
    ("Codec2 3.2 kb/s, 60 ms", 3_200, 60),
    ("VLC 2.4 kb/s, 144 ms", 2_400, 144),
    ("VLC 1.6 kb/s, 144 ms", 1_600, 144),
)
"""(name, nominal b/s, packet in ms): as the codec's rate says, not as it codes."""
HEADER_BYTES = 40
"""IPv4, UDP and RTP."""
TURNS_RADIOS = ("wifi-n:6.5", "wifi-n:65")


FIGURES = (
    ("ms_per_s", "our transmitter", "ms/s"),
    ("occupancy_ms_per_s", "channel taken", "ms/s"),
    ("mean_radiated_mw", "radiated", "mW"),
    ("radio_mw", "radio, above sleep", "mW"),
    ("vs_g711_20ms", "against G.711, 20 ms", ""),
)
"""(key of `airtime`, what it is called here, unit)."""


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Run `softphone radio`.

    Raises:
        UsageError: it is not clear what is wanted, or there is no such technology.
    """
    if given.list or given.show is not None:
        if given.verb is not None:
            raise UsageError(f"wanted {given.verb} or a listing, got both: leave one out")
        return _list(terminal) if given.list else _show(given.show, terminal)
    settings = load_settings("radio", given.config)
    settings.add(given_options(given), "--")
    options = settings.apply(RadioOptions())
    match given.verb:
        case "compare":
            return _compare(options, terminal)
        case "turns":
            return _turns(options, terminal)
        case "idle":
            return _idle(options, terminal)
    return _flow(options, terminal)


def _list(terminal: Terminal) -> int:
    specs = [radios.get(name) for name in radios.names()]
    if terminal.as_json:
        terminal.print_json({"technologies": [_described(spec) for spec in specs]})
        return 0
    columns = ("name", "technology", "Mb/s", "energy")
    rows = [
        [spec.name, spec.title, ", ".join(f"{rate:g}" for rate in spec.rates_mbps), _energy(spec)]
        for spec in specs
    ]
    _print(terminal, "radio technologies", columns, rows)
    return 0


def _energy(spec: RadioSpec) -> str:
    return "airtime only" if spec.power is None else "airtime, energy"


def _show(name: str, terminal: Terminal) -> int:
    from dsp.errors import UnknownName

    try:
        spec = radios.get(name.lower())
    except UnknownName as error:
        raise UsageError(f"--show: {error.args[0]}") from None
    if terminal.as_json:
        terminal.print_json(_described(spec))
        return 0
    lines = [f"{spec.name}: {spec.title}"]
    for one in spec.constants:
        lines += [f"  {one.name}: {one.value}", f"      {'assumed: ' if one.assumed else ''}{one.source}"]
    terminal.print("\n".join(lines))
    return 0


def _described(spec: RadioSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "title": spec.title,
        "rates_mbps": list(spec.rates_mbps),
        "default_mbps": spec.default_mbps,
        "has_energy": spec.power is not None,
        "constants": [
            {"name": one.name, "value": one.value, "source": one.source, "assumed": one.assumed}
            for one in spec.constants
        ],
    }


def _flow(options: RadioOptions, terminal: Terminal) -> int:
    packets, size = options.packets_per_s, options.wire_bytes
    if packets is None or size is None:
        raise UsageError(
            "radio wants --packets and --bytes, or compare, turns, idle, --list, --show: see `softphone radio --help`"
        )
    result = airtime(packets, size, options.radio)
    if terminal.as_json:
        terminal.print_json({"packets_per_s": packets, "wire_bytes": size, "airtime": result})
        return 0
    rows = (
        []
        if result is None
        else [[name, f"{result[key]:g} {unit}"] for key, name, unit in FIGURES if result[key] is not None]
    )
    bar = gauge(result)
    title = (
        f"{packets:g} datagrams of {size:g} bytes a second, each way, on {RadioInUse.parse(options.radio)}"
    )
    _print(terminal, title, ("", ""), [["airtime", bar], *rows])
    return 0


def _compare(options: RadioOptions, terminal: Terminal) -> int:
    columns = [*TURNS_RADIOS, *(name for name in radios.names() if name != "wifi-n")]
    flows = [(name, 1000 / ms, HEADER_BYTES + bps * ms / 8000) for name, bps, ms in FLOWS]
    if options.packets_per_s is not None and options.wire_bytes is not None:
        flows.append(("as given", options.packets_per_s, options.wire_bytes))
    results = {name: [airtime(rate, size, one) for one in columns] for name, rate, size in flows}
    if terminal.as_json:
        found = [
            {"name": name, "packets_per_s": round(rate, 2), "wire_bytes": size, "airtime": results[name]}
            for name, rate, size in flows
        ]
        terminal.print_json({"flows": found})
        return 0
    rows = [[name, *(_figure(one, "ms_per_s") for one in results[name])] for name, _, _ in flows]
    _print(
        terminal,
        "ms of our transmitter a second: a call both ways without pauses, at nominal bit rates",
        ["", *columns],
        rows,
    )
    return 0


def _turns(options: RadioOptions, terminal: Terminal) -> int:
    bit_rate_bps, packet_ms = options.bit_rate_bps, options.ptime_ms
    in_use = tuple(RadioInUse.parse(name) for name in TURNS_RADIOS)
    steps = list(ladder(bit_rate_bps, packet_ms, in_use))
    if terminal.as_json:
        found = [
            {
                "name": step.name,
                "packets_per_s": round(step.packets_per_s, 2),
                "ms_per_s": dict(zip(TURNS_RADIOS, step.ms_per_s, strict=True)),
                "vs_g711_20ms": dict(zip(TURNS_RADIOS, step.ratio, strict=True)),
                "without_it": None
                if step.without is None
                else dict(zip(TURNS_RADIOS, step.without, strict=True)),
            }
            for step in steps
        ]
        terminal.print_json({"bit_rate_bps": bit_rate_bps, "ptime_ms": packet_ms, "steps": found})
        return 0
    rows = []
    for step in steps:
        without = "" if step.without is None else _parts(step.without)
        ms = ", ".join(f"{one:.2f}" for one in step.ms_per_s)
        rows.append([step.name, f"{step.packets_per_s:.1f}", ms, _parts(step.ratio), without])
    rates = ", ".join(f"{radio.mbps:g}" for radio in in_use)
    columns = ("each with all above it", "packets/s", "ms/s", "against G.711", "all others without it")
    title = f"two people taking turns for a minute, Wi-Fi n at {rates} Mb/s"
    _print(terminal, title, columns, rows)
    return 0


def _idle(options: RadioOptions, terminal: Terminal) -> int:
    from softphone.app.idle import idle_rows

    radio = RadioInUse.parse(options.radio)
    found = idle_rows(radio, expires_s=options.expires_s)
    if terminal.as_json:
        terminal.print_json({"technology": str(radio), "expires_s": options.expires_s, "rows": found})
        return 0
    keys = ("wakeups_per_h", "bytes_sent_per_h", "bytes_received_per_h", "airtime_ms_per_h", "radio_mj_per_h")
    columns = ("an hour of being reachable", "wake-ups", "B sent", "B received", "ms", "mJ")
    rows = [[one["name"], *("" if one[key] is None else f"{one[key]:g}" for key in keys)] for one in found]
    _print(
        terminal,
        f"a registration of {options.expires_s:g} s on {radio}: ms of our transmitter, mJ of the radio above sleep",
        columns,
        rows,
    )
    return 0


def _figure(result: Mapping[str, Any] | None, key: str) -> str:
    value = None if result is None else result[key]
    return "" if value is None else f"{value:.3g}"


def _parts(ratios: Sequence[float]) -> str:
    return ", ".join(f"1/{1 / ratio:.1f}" for ratio in ratios)


def _print(terminal: Terminal, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from softphone.cli.table import listing

    terminal.print(listing(title, columns, rows))
