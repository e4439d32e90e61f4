"""A dispatcher with desks, presets in memory, and chains that run when they are told to: to test remote control."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsp.chain import FilterChain
from dsp.filters import Resources, Setting
from dsp.live_meter import LiveMeter
from dsp.preset import Preset
from dsp.spectrum import SpectrumTap
from dsp.types import Block
from softphone.control import Client, ControlError, Desk, Dispatcher, Domain, Reply, Request
from softphone.control.op import request_id
from softphone.control.protocols.json_messages import read_message, refusal_text, reply_text

RATE_HZ = 16_000
SETTING = Setting(RATE_HZ)

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "telephone": {
        "about": "Like a telephone",
        "filter": [
            {"type": "butterworth", "slot": "low-cut", "kind": "highpass", "order": 4, "freq_hz": 300},
            {"type": "gain", "gain_db": 0},
        ],
    },
    "louder": {"about": "Twice as loud", "filter": [{"type": "gain", "gain_db": 6}]},
    "bands": {
        "filter": [
            {
                "type": "parametric-eq",
                "slot": "eq",
                "bands": [
                    {"freq_hz": 200, "gain_db": -3},
                    {"freq_hz": 3000, "gain_db": 2},
                ],
            },
            {"type": "graphic-eq"},
            {"type": "compressor"},
        ]
    },
}


def preset(name: str) -> Preset:
    return Preset.parse(PRESETS[name], name)


def _preset(name: str | Preset) -> Preset:
    return preset(name) if isinstance(name, str) else name


class Shelf:
    """Presets in memory."""

    def __init__(self) -> None:
        self.kept = {name: preset(name) for name in PRESETS}
        self.asked: list[str] = []

    def names(self) -> Sequence[Mapping[str, Any]]:
        return [{"name": name, "about": each.about, "origin": "user"} for name, each in self.kept.items()]

    def load(self, name: str) -> Preset:
        self.asked.append(name)
        return self.kept[name]

    def save(self, preset: Preset, name: str, *, force: bool) -> None:
        if name in self.kept and not force:
            raise ControlError("exists", f"there is a preset {name}: send force")
        self.kept[name] = preset


class Running:
    """A chain with meters that processes what it is given."""

    def __init__(self, name: str | Preset = "telephone", setting: Setting = SETTING) -> None:
        self.chain = FilterChain(_preset(name), setting)
        self._in = LiveMeter(setting.sample_rate_hz)
        self._out = LiveMeter(setting.sample_rate_hz, self.chain.channels_out)
        self._tap_in, self._tap_out = SpectrumTap(setting.sample_rate_hz), SpectrumTap(setting.sample_rate_hz)
        self._at = 0
        self.rate_hz = setting.sample_rate_hz

    def play(self, seconds: float, *, hz: float = 1000.0, level: float = 0.25) -> Block:
        """What comes out while a tone goes in."""
        pieces = []
        block = self.rate_hz // 100
        for _ in range(round(seconds * 100)):
            at = np.arange(self._at, self._at + block)
            self._at += block
            tone = (level * np.sin(2 * np.pi * hz * at / self.rate_hz)).astype(np.float32)[None, :]
            self._in.process(tone)
            self._tap_in.process(tone)
            out = self.chain.process(tone)
            self._out.process(out)
            self._tap_out.process(out)
            pieces.append(out.copy())
        return np.concatenate(pieces, axis=1)

    def levels(self) -> Mapping[str, Any] | None:
        return {
            "at_s": self._at / self.rate_hz,
            "in": self._in.read(),
            "out": self._out.read(),
            "load_pct": 1.5,
            "latency_ms": 20.0,
            "block_ms": 10.0,
            "xruns": 0,
            "running": True,
            "device": "null",
        }

    def spectrum(self) -> tuple[Any, Any, Any] | None:
        hz, before = self._tap_in.levels_db()
        return hz, before, self._tap_out.levels_db()[1]

    def reset_meters(self) -> None:
        self._in.reset()
        self._out.reset()


class Bench:
    """A dispatcher, somebody who may control and somebody who may look."""

    def __init__(
        self,
        name: str | Preset = "telephone",
        *,
        domains: Sequence[Domain] = (),
        runners: int = 1,
        resources: Resources | None = None,
    ) -> None:
        setting = SETTING if resources is None else Setting(RATE_HZ, 1, resources)
        self.shelf = Shelf()
        self.desk = Desk("main", "Filter", _preset(name), setting)
        self.other = Desk("heard", "Heard", preset("louder"), SETTING)
        self.dispatcher = Dispatcher([self.desk, self.other], self.shelf, domains, title="bench", version="1")
        self.runners = [Running(name, setting) for _ in range(runners)]
        for each in self.runners:
            self.desk.attach(each)
        self.anna = self.dispatcher.join("Anna", "control")
        self.ben = self.dispatcher.join("Ben", "control")
        self.vera = self.dispatcher.join("Vera", "view")
        self.dispatcher.take_events()
        self.now = 0.0

    def reply(self, client: Client, op: str, **arguments: Any) -> Reply:
        """What *client* gets back; a second goes by before."""
        self.now += 1.0
        try:
            request = self.dispatcher.parse({"id": 1, "op": op, **arguments})
        except ControlError as error:
            return Reply(1, error=error)
        return self.dispatcher.handle(client, request, now=self.now)

    def ask(self, op: str, **arguments: Any) -> Mapping[str, Any]:
        """What Anna gets back where it is done."""
        reply = self.reply(self.anna, op, **arguments)
        assert reply.error is None, reply.error
        assert reply.result is not None
        return reply.result

    def refused(self, op: str, **arguments: Any) -> ControlError:
        """What Anna gets back where it is refused."""
        reply = self.reply(self.anna, op, **arguments)
        assert reply.error is not None, reply.result
        return reply.error

    def answer(self, client: Client, text: str) -> str:
        """The text that goes back for the text of a message."""
        self.now += 0.01
        message: Mapping[str, Any] = {}
        try:
            message = read_message(text)
            request: Request = self.dispatcher.parse(message)
        except ControlError as error:
            return refusal_text(request_id(message), error)
        return reply_text(self.dispatcher.handle(client, request, now=self.now))
