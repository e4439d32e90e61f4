"""`filter --live` and `filter --realtime`: a live line while it runs, and what was done at the end."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from softphone.cli.terminal import Terminal, level_text, rounded
from softphone.control_config import LiveOptions
from softphone.errors import UsageError
from softphone.settings import Settings

if TYPE_CHECKING:
    from softphone.app.live_filter import LiveResult
    from softphone.io.live.engine import LiveEngine
    from softphone.io.presets import PresetFile
    from softphone.serve_config import ServeOptions, Serving

_LIVE_WORDS = "wanted PRESET, as `softphone filter voice-clear --live`"
_FILE_WORDS = "wanted PRESET IN OUT, as `softphone filter voice-clear in.wav out.wav --realtime`"


def is_wanted(settings: Settings) -> bool:
    """Whether what was typed, or the configuration, asks for sound that is heard as it is filtered."""
    return settings.wants("live") or settings.wants("realtime")


def note_origin(file: "PresetFile", verbose: int, terminal: Terminal) -> None:
    """Say where a preset stands, where that may not be what one thinks, or *verbose* asks."""
    if file.replaces is not None:
        terminal.note(f"preset {file.name} is your own {file.path}, which goes before the packaged one")
    elif verbose:
        terminal.note(f"preset {file.name} is {file.path}")


def run(settings: Settings, words: list[str], verbose: int, terminal: Terminal) -> int:
    """Run `softphone filter --live` or `--realtime` over *words*.

    Raises:
        UsageError: other words than wanted.
    """
    realtime = settings.wants("realtime")
    if realtime and settings.wants("live"):
        raise UsageError("--live and --realtime exclude each other: devices or files")
    if len(words) != (3 if realtime else 1):
        wanted = _FILE_WORDS if realtime else _LIVE_WORDS
        raise UsageError(f"filter: {wanted}; got {' '.join(words) or 'nothing'}")
    base = LiveOptions(words[0], words[1], words[2], realtime=True) if realtime else LiveOptions(words[0])
    return _run(settings.apply(base), settings.serve(), verbose, terminal)


def _run(options: LiveOptions, serve: "ServeOptions | None", verbose: int, terminal: Terminal) -> int:
    from softphone.app.filtering import preset_file
    from softphone.app.live_filter import run_live

    file = preset_file(options.preset)
    note_origin(file, verbose, terminal)

    def serving(where: "Serving") -> None:
        from softphone.cli import pairing

        pairing.show(where, terminal)

    done = run_live(
        options,
        serve=serve,
        on_status=lambda engine: terminal.show(live_line(engine)),
        on_serving=serving,
    )
    for warning in _warnings(done):
        terminal.note(f"warning: {warning}")
    if terminal.as_json:
        terminal.print_json(rounded(asdict(done)))
    else:
        terminal.print("\n".join(_summary(done)))
    return 0


def live_line(engine: "LiveEngine") -> str:
    """The line that stands on a terminal while a filter runs: time, levels before and after, latency, load, xruns."""
    status = engine.status()
    if not status.connected:
        return f"{status.device} is gone: it goes on when it is back"
    before, after = engine.meter_in.read(), engine.meter_out.read()
    total = "" if status.total_s is None else f" of {status.total_s:.0f}"
    latency = "" if status.latency_ms is None else f"   latency {status.latency_ms:.1f} ms"
    clipped = f"   clipped {after.clipped}" if after.clipped else ""
    return (
        f"{status.position_s:.0f}{total} s   level {level_text(before.rms_dbfs)} -> {level_text(after.rms_dbfs)} dBFS{latency}"
        f"   load {status.load_pct:.0f} %   xruns {status.xruns}{clipped}"
    )


def _warnings(done: "LiveResult") -> Iterator[str]:
    if done.xruns_ours:
        yield (
            f"{done.xruns_ours} blocks were not ready in time: take a longer --block, fewer filters, or a machine "
            "that has less to do"
        )
    if done.runaways:
        yield f"the filters ran away {done.runaways} times, gave no numbers any more, and were begun anew"


def _summary(done: "LiveResult") -> Iterator[str]:
    yield f"{done.preset}: {done.device}"
    channels = "1 channel" if done.channels == 1 else f"{done.channels} channels"
    ended = {"end": "to its end", "stopped": "until it was stopped", "seconds": "as long as was asked for"}
    rows = [
        ("length", f"{done.seconds:.2f} s, {channels}, {done.sample_rate_hz} Hz, {ended[done.ended_by]}"),
        ("latency", "unknown" if done.latency_ms is None else f"{done.latency_ms:.1f} ms, measured"),
        ("load", f"{done.load_pct:.1f} % of the time, {done.load_peak_pct:.0f} % at most"),
        ("xruns", f"{done.xruns}, {done.xruns_ours} of our making"),
        ("peak", f"{level_text(done.peak_before_dbfs)} -> {level_text(done.peak_after_dbfs)} dBFS"),
        (
            "loudness",
            f"{level_text(done.loudness_before_lufs)} -> {level_text(done.loudness_after_lufs)} LUFS",
        ),
        ("clipped", f"{done.clipped_samples} samples"),
    ]
    if done.reconnects:
        rows.append(("device", f"was gone and came back {done.reconnects} times"))
    if done.mended:
        rows.append(("mended", f"{done.mended} samples that were no numbers, or far beyond full scale"))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield f"  {name:<{width}}  {value}"
