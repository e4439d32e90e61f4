"""Writes docs/remote-control.md and docs/asyncapi.json from the operations; every reply shown is one that was given.

Made by: `PYTHONPATH=. .venv/bin/python tools/make_protocol_docs.py`
"""

import asyncio
import json
import tempfile
import textwrap
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsp.chain import FilterChain
from dsp.filters import Setting
from dsp.live_meter import LiveMeter
from dsp.live_voice import LiveVoiceReading, LiveVowel
from dsp.spectrum import SpectrumTap
from softphone.app.call_desk import CallDesk
from softphone.app.live_take import reading_told, vowel_told
from softphone.app.memo_shelf import MemoShelf
from softphone.app.preset_store import FolderPresets
from softphone.app.recording_folder import RecordingFolder
from softphone.app.recordings import Recordings
from softphone.app.voice_desk import VoiceDesk
from softphone.control import CODES, Client, ControlError, Desk, Dispatcher, Event, Op
from softphone.control.asyncapi import document as asyncapi_document
from softphone.control.op import MAX_ID_CHARACTERS, Argument
from softphone.control.protocols import json_messages, osc
from softphone.io.control.limits import MESSAGE_BURST, MESSAGES_PER_S
from softphone.io.memos.keeping import write_flac
from softphone.io.memos.memo import Memo, NewMemo
from softphone.io.memos.store import MemoStore
from softphone.io.resources import resources
from softphone.memo_config import MeasureSettings
from softphone.serve_config import ServeOptions

DOCS = Path(__file__).parent.parent / "docs"
GUIDE, SCHEMA = DOCS / "remote-control.md", DOCS / "asyncapi.json"
VERSION = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
RATE_HZ = 48_000
FIRST_FEW = 2
RINGING = 2
"""Number of the example call that rings."""
OF_CALL = ("state", "on_hold", "muted", "mode", "sent_wire_bps", "call", "direction", "peer")
"""What is shown of a call."""
WIDTH = 116

HEAD = """# Remote control

Made by `tools/make_protocol_docs.py`; every reply below is one that was given by the program, cut where `"…"` stands. What the
connection promises and what it refuses is told in [security.md](security.md). The same as data, with a JSON Schema of every
message: [asyncapi.json](asyncapi.json) (AsyncAPI 3.0).

Whatever runs with `--serve` can be steered: `softphone filter PRESET --live --serve`, a file that is filtered in its own time
(`--realtime --serve`), a call (`softphone call URI --serve`, `softphone answer --serve`), a voice that is recorded
(`softphone memo record --live --serve`), and `softphone console`, which is all of it. Each prints an address with a token; a
browser that opens it shows the page, and everything the page does goes through the messages below.

## From a terminal

```
$ softphone filter voice-clear --live --serve
$ export SOFTPHONE_TOKEN=...                the token that was printed
$ softphone remote get low-cut.freq_hz
$ softphone remote set low-cut.freq_hz 200
$ softphone remote preset telephone
$ softphone remote bypass on
$ softphone remote undo
$ softphone remote watch
```

## From Python

```python
from softphone.control.client import connect

with connect("127.0.0.1:8765", token="...") as desk:
    desk.set("low-cut.freq_hz", 200)
    print(desk.levels())
```

Every operation below is `desk.ask("name", argument=value)`; the usual ones have methods (`set`, `get`, `patch`, `preset`,
`bypass`, `undo` ...), `watch` yields events, and what is refused raises `RemoteError` with `code`, `message` and `details`.
`connect_async` is the same for asyncio.

## From anything else

Open a WebSocket, say hello, send an object, read an object. With [websocat](https://github.com/vi/websocat):

```
$ websocat --protocol softphone.control.v1 ws://127.0.0.1:8765/control
{"id": 1, "op": "hello", "token": "..."}
{"id": 2, "op": "set", "path": "low-cut.freq_hz", "value": 200}
```

## The connection

- `ws://HOST:PORT/control`, subprotocol `SUBPROTOCOL`; `wss` where a certificate was given. Text frames, one JSON object in
  each, of KIB KiB at most and nesting DEPTH deep; no NaN, no Infinity, no name twice.
- The first message is `hello` with a token, within 5 s. One token lets its bearer **control**, the other one lets its bearer
  **view**.
- A request has an `id` (a whole number, or a text of up to LONGEST_ID characters), an `op`, and its arguments beside them. Its
  reply has the same `id`, and `"ok": true` with a `result`, or `"ok": false` with an `error`. Replies to quick operations may
  overtake others.
- `chain` names one of several chains (in calls `sent` and `heard`); without it the first is meant.
- A *path* is `slot.parameter`, `slot.bypass`, `slot.bands.0.gain_db` or `slot.gains_db.3`. Values are what JSON has, or the
  text that a person would type (`"1k"`, `"auto"`, `"on"`); `null` is `auto`.
- `revision` counts the changes of a chain. A client that sends `if_revision` is refused (`conflict`) where somebody *else*
  changed the same value since, and is told what it is now.
- Everything that is set can be undone, across presets, 200 steps back, by whoever controls. Changes of one client to the same
  values that follow each other within half a second are one step: a slider that is dragged.
- A change that is refused changes nothing, and of a `patch` all is done or nothing. No file comes from outside: presets go by
  their names, and a parameter that names a file stays what it is.
"""

CLOSED = (
    (1001, "the program ends; a `closing` event goes before"),
    (1003, "a frame that is not text"),
    (1007, "text that is not UTF-8"),
    (1009, "a message that is too long"),
    (4400, "not this protocol: the first message is no `hello`, or no JSON again and again"),
    (4401, "wrong token; the reply says `unauthorized` before"),
    (4408, "no `hello` in time"),
    (4429, "a flood of messages, on and on after `rate-limited`"),
    (4503, "too many clients"),
)

REFUSED: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("control", {"op": "set", "path": "lowcut.freq", "value": 200}),
    ("control", {"op": "set", "path": "low-cut.freq_hz", "value": 200_000}),
    ("control", {"op": "set", "path": "low-cut.kind", "value": "treble"}),
    ("control", {"op": "set", "path": "low-cut.freq_hz", "value": 100, "if_revision": 0}),
    ("control", {"op": "preset", "name": "telefone"}),
    ("control", {"op": "load", "preset": {"filter": [{"type": "convolve", "file": "/etc/passwd"}]}}),
    ("view", {"op": "undo"}),
)

OSC_SHOWN: Sequence[tuple[str, tuple[Any, ...]]] = (
    ("/softphone/main/low-cut/freq_hz", (200.0,)),
    ("/softphone/main/low-cut/freq_hz", ()),
    ("/softphone/main/low-cut/bypass", (1,)),
    ("/softphone/main/bypass", (1,)),
    ("/softphone/main/preset", ("voice-clear",)),
    ("/softphone/main/tone/bands/1/gain_db", (-3.0,)),
    ("/softphone/main/low-cut/freq_hz", (-1.0,)),
)


VOICE_NOTE = (
    "Of the voice, `f0` has the newest pitches, one each 10 ms, of which the last is number `frame` - 1; there are more of them "
    "than are new where what was told before is corrected. 0 is no voice, null: nobody listened. `ltas_db` are bands of 100 Hz "
    "from 0 on, in dB of full scale by hertz. While a vowel `lasts` its figures come anew once a second; else `why` says what "
    "to do, and the figures are those of the vowel before."
)


class Tone:
    """A chain that a tone goes through, with meters: a `softphone.control.Runner` in its own time."""

    def __init__(self, chain: FilterChain) -> None:
        self.chain = chain
        self._meters = LiveMeter(RATE_HZ), LiveMeter(RATE_HZ)
        self._taps = SpectrumTap(RATE_HZ), SpectrumTap(RATE_HZ)
        self._at = 0

    def play(self, seconds: float) -> None:
        """Let a tone of 1 kHz at -12 dBFS through."""
        for _ in range(round(100 * seconds)):
            at = np.arange(self._at, self._at + RATE_HZ // 100)
            self._at += RATE_HZ // 100
            block = (0.25 * np.sin(2 * np.pi * 1000 * at / RATE_HZ)).astype(np.float32)[None, :]
            for place in (0, 1):
                self._meters[place].process(block)
                self._taps[place].process(block)
                block = self.chain.process(block) if place == 0 else block

    def levels(self) -> Mapping[str, Any]:
        """See `softphone.control.Runner`."""
        return {
            "at_s": self._at / RATE_HZ,
            "in": self._meters[0].read(),
            "out": self._meters[1].read(),
            "load_pct": 1.2,
            "latency_ms": 21.3,
            "block_ms": 10.0,
            "xruns": 0,
            "running": True,
            "device": "null",
        }

    def spectrum(self) -> tuple[Sequence[float], Sequence[float], Sequence[float]]:
        """See `softphone.control.Runner`."""
        hz, before = self._taps[0].levels_db()
        return hz.tolist(), before.tolist(), self._taps[1].levels_db()[1].tolist()

    def reset_meters(self) -> None:
        """See `softphone.control.Runner`."""


class ExampleCall:
    """A call with the figures of an example."""

    def __init__(self, state: str) -> None:
        self._state = state
        self.facts: dict[str, Any] = {}
        self.begin()

    def begin(self) -> None:
        """Be as at first."""
        self.facts = {
            "state": self._state,
            "since_s": 12.0,
            "duration_s": 12.0 if self._state == "established" else None,
            "on_hold": False,
            "peer_holds": False,
            "hold_refused": None,
            "muted": False,
            "codec": {"name": "opus", "sample_rate_hz": 16000, "bit_rate_bps": 16000, "ptime_ms": 60},
            "mode": "normal",
            "received_mode": "normal",
            "modes": ["normal", "vlc", "vlr"],
            "sent_wire_bps": 21100,
            "received_wire_bps": 21050,
            "loss_pct": 0.0,
            "jitter_ms": 0.4,
            "playout_delay_ms": 80.0,
            "level_dbov": -26.1,
        }

    def status(self) -> dict[str, Any]:
        """See `softphone.app.call_desk.DeskCall`."""
        return dict(self.facts)

    def hang_up(self) -> None:
        """See `softphone.app.call_desk.DeskCall`."""
        self.facts["state"] = "ending"

    def mute(self, on: bool) -> None:
        """See `softphone.app.call_desk.DeskCall`."""
        self.facts["muted"] = on

    def hold(self, on: bool) -> None:
        """See `softphone.app.call_desk.DeskCall`."""
        self.facts["on_hold"] = on

    def send_dtmf(self, digits: str) -> None:
        """See `softphone.app.call_desk.DeskCall`."""

    def set_mode(self, mode: str, *, direction: str = "both") -> None:
        """See `softphone.app.call_desk.DeskCall`."""
        self.facts["mode"] = mode


class Exchange:
    """A switchboard whose peers are examples."""

    def __init__(self, desk: CallDesk) -> None:
        self._desk = desk

    def dial(self, uri: str) -> int:
        """See `softphone.app.call_desk.Switchboard`."""
        return self._desk.add(ExampleCall("calling"), direction="outgoing", peer=uri).number

    def answer(self, number: int) -> None:
        """See `softphone.app.call_desk.Switchboard`."""

    def reject(self, number: int, status: int) -> None:
        """See `softphone.app.call_desk.Switchboard`."""


class Office:
    """Gives recordings an address."""

    def issue(self, source: Any, content_type: str, *, name: str) -> str:
        """See `softphone.app.recordings.TicketOffice`."""
        return "/files/" + "R4nd0m" * 3


class ExampleTake:
    """A memo whose recording is an example; `take` is itself."""

    fault = None

    def __init__(self, store: MemoStore, name: str | None) -> None:
        self.name = name or "2026-01-01-120000"
        self.take = self
        self._store = store
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._memo: Memo | None = None

    def start(self) -> None:
        """See `softphone.io.memos.take.MemoTake`."""

    def wait(self, seconds: float) -> bool:
        """See `softphone.io.memos.take.MemoTake`."""
        return self._over.wait(seconds)

    def stop(self) -> Memo:
        """See `softphone.io.memos.take.MemoTake`."""
        self._over.set()
        with self._lock:
            self._memo = self._memo or _memo(self._store, self.name, 2)
        return self._memo

    def told(self) -> dict[str, Any]:
        """See `softphone.app.live_take.LiveTake`: a vowel of 220 Hz."""
        hz = np.arange(50.0, 10_000.0, 100.0)
        reading = LiveVoiceReading(
            seconds=12.34,
            level_dbfs=-21.3,
            peak_dbfs=-9.8,
            clipped=0,
            f0_hz=220.4,
            trace_hz=np.array([219.8, 220.1, 220.6, 220.2, 220.4]),
            frames=1230,
            ltas_hz=hz,
            ltas_db=np.floor(-45.0 - hz / 200.0),
            hpr_db=-27.4,
        )
        vowel = LiveVowel("vowel", "", True, 3.0, 220.3, 0.41, 2.31, 21.4, 15.2)
        return {"recording": self.name, **reading_told(reading, 5), "vowel": vowel_told(vowel)}


class ExampleMeasuring:
    """Finds in each memo what an example has."""

    RESULT: Mapping[str, Any] = {
        "schema": 1,
        "f0_mean_hz": 221.3,
        "jitter_local_pct": 0.41,
        "shimmer_local_pct": 2.3,
        "hnr_db": 21.4,
        "cpps_db": 15.2,
        "task": {"kind": "vowel"},
        "verdict": ["ok"],
        "warnings": [],
        "settings": {},
        "error": None,
    }

    def measure(self, job: Any, name: str, *, report: Path | None = None) -> dict[str, Any]:
        """See `softphone.io.memo_measuring.MemoMeasuring`."""
        if report is not None:
            report.write_text(name, encoding="utf-8")
        return dict(self.RESULT)

    def close(self) -> None:
        """See `softphone.io.memo_measuring.MemoMeasuring`."""


def _memo(store: MemoStore, name: str, day: int) -> Memo:
    new = NewMemo(
        f"2026010{day}-120000-0000000{day}", name, f"2026-01-0{day}T12:00:00+00:00", 8000, 1, "default"
    )
    return store.add(
        new,
        write_flac(store.path_of(new.id), new, [np.zeros((1, 8000), dtype=np.float32)]),
        origin="recorded",
    )


class Show:
    """A dispatcher with examples of everything behind it."""

    def __init__(self, presets: Path, recordings: Path, memos: Path) -> None:
        known = FolderPresets(presets)
        preset, setting = known.load("voice-clear"), Setting(RATE_HZ, 1, resources())
        self.tone = Tone(FilterChain(preset, setting))
        self.desk = Desk("main", "Filter", preset, setting)
        self.desk.attach(self.tone)
        self.calls = CallDesk()
        self.calls.switchboard = Exchange(self.calls)
        self.examples = [ExampleCall("established"), ExampleCall("incoming")]
        self.calls.add(self.examples[0], direction="outgoing", peer="sip:carol@192.0.2.8")
        self.calls.add(self.examples[1], direction="incoming", peer="sip:bob@192.0.2.7")
        _recording(recordings)
        store = MemoStore(memos)
        shelf = MemoShelf(store, MeasureSettings(), ExampleMeasuring())
        shelf.measure(_memo(store, "morning", 1))
        self.voice = VoiceDesk(shelf, Office(), lambda name: ExampleTake(store, name))
        self.voice.is_wanted = lambda topic: False
        domains = (self.calls, Recordings(RecordingFolder(recordings), Office()), self.voice)
        self.dispatcher = Dispatcher([self.desk], known, domains, title="softphone", version=VERSION)
        self.dispatcher.limits = {
            "messages_per_s": MESSAGES_PER_S,
            "burst": MESSAGE_BURST,
            "message_bytes": json_messages.MAX_CHARACTERS,
            "clients": ServeOptions().max_clients,
        }
        self.anna = self.dispatcher.join("Anna's phone", "control")
        self.ben = self.dispatcher.join("Ben", "control")
        self.vera = self.dispatcher.join("Vera", "view")
        self.dispatcher.take_events()
        self.tone.play(4.0)
        self.memos = memos
        self.now = 0.0
        self.number = 0

    def answer(self, client: Client, message: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is sent, and what comes back."""
        self.now += 1.0
        self.number += 1
        sent = {"id": self.number, **message}
        try:
            request = self.dispatcher.parse(json_messages.read_message(json.dumps(sent)))
        except ControlError as error:
            return sent, json.loads(json_messages.refusal_text(sent["id"], error))
        if request.op == "hello":
            result = self.dispatcher.welcome(self.anna)
            return sent, {"id": sent["id"], "ok": True, "result": result}
        reply = self.dispatcher.handle(client, request, now=self.now)
        if request.op == "voice.stop":
            self.voice.finish()  # by then it is measured
        return sent, json.loads(json_messages.reply_text(reply))


def _recording(folder: Path) -> None:
    import soundfile

    name = "20260101-120000"
    for side in ("heard", "sent"):
        soundfile.write(folder / f"{name}-{side}.wav", np.zeros(8000, dtype=np.float32), 8000)
    result = {
        "schema": 1,
        "started_at": "2026-01-01T12:00:00Z",
        "peer": "sip:carol@192.0.2.8",
        "outcome": "completed",
        "duration_s": 1.0,
        "mode": "normal",
        "codec": {"name": "opus", "sample_rate_hz": 16000, "bit_rate_bps": 16000, "ptime_ms": 60},
        "verdict": ["ok"],
        "score": None,
        "direction": "outgoing",
        "reference": "none",
        "heard_codecs": ["opus"],
    }
    (folder / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")


def cut(value: Any, few: int = FIRST_FEW) -> Any:
    """*value* with the first *few* of what there are many of."""
    match value:
        case {"state": _, "peer": _, **more} if "sent_wire_bps" in more:
            return {key: each for key, each in value.items() if key in OF_CALL} | {"…": "…"}
        case dict() if len(value) > 30:
            first = dict(list(value.items())[:few])
            return {key: cut(each, few) for key, each in first.items()} | {"…": "…"}
        case dict():
            return {key: cut(each, few) for key, each in value.items()}
        case list() if len(value) > few + 1:
            return [*(cut(each, few) for each in value[:few]), "…"]
        case list():
            return [cut(each, few) for each in value]
    return value


def shown(arrow: str, body: Mapping[str, Any], *, few: int = FIRST_FEW) -> Iterator[str]:
    """A message on lines of bearable length."""
    text = f"{arrow} {json.dumps(cut(dict(body), few), ensure_ascii=False)}"
    yield from textwrap.wrap(
        text, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def exchange(sent: Mapping[str, Any], reply: Mapping[str, Any], *, few: int = FIRST_FEW) -> Iterator[str]:
    """A request and its reply."""
    yield "```"
    yield from shown("→", sent, few=few)
    yield from shown("←", reply, few=few)
    yield "```"
    yield ""


def span(argument: Argument) -> str:
    """What an argument may be."""
    if argument.options:
        return ", ".join(f"`{option}`" for option in argument.options)
    word = {"any": "anything", "flag": "`true`, `false`"}.get(argument.kind, argument.kind)
    low, high = argument.low, argument.high
    if argument.kind in ("number", "integer") and high is not None:
        return f"{word}, {low:g} to {high:g}"
    if argument.kind in ("number", "integer") and low is not None:
        return f"{word}, {low:g} or more"
    if high is not None:
        return f"{word}, {high:g} {'characters' if argument.kind == 'text' else 'entries'} at most"
    return word


def of_op(op: Op, show: Show | None, skip: frozenset[str]) -> Iterator[str]:
    """The section about one operation."""
    yield f"### {op.name}"
    yield ""
    yield f"{op.help[0].upper()}{op.help[1:]}. Role: {op.role}."
    yield ""
    if op.arguments:
        yield "| argument | may be | left out | meaning |"
        yield "|---|---|---|---|"
        for each in op.arguments:
            default = (
                "must be there"
                if each.required
                else "none"
                if each.default is None
                else f"`{json.dumps(each.default)}`"
            )
            yield f"| `{each.name}` | {span(each)} | {default} | {each.help} |"
        yield ""
    yield f"Result: {op.result}."
    yield ""
    if show is not None and op.name not in skip:
        example = {**op.example, **({"call": RINGING} if op.name in ("answer", "reject") else {})}
        for call in show.examples:
            call.begin()
        yield from exchange(
            *show.answer(show.anna, {"op": op.name, **example}), few=1 if op.name == "schema" else FIRST_FEW
        )
    elif op.example:
        yield "```"
        yield from shown("→", {"id": 1, "op": op.name, **op.example})
        yield "```"
        yield ""


SLOW = frozenset({"report", "score"})
"""What scores a recording: seconds of work, and figures of another machine."""


def of_groups(show: Show) -> Iterator[str]:
    """The sections about all operations."""
    groups: dict[str, list[Op]] = {
        "Connection": [],
        "Filters": [],
        "Calls": [],
        "Recordings": [],
        "Voice": [],
    }
    calls, recordings, voice = ({op.name for op in domain.ops()} for domain in show.dispatcher.domains)
    sessions = {op.name for op in show.dispatcher.sessions.ops()}
    for op in show.dispatcher.ops.values():
        of = (
            "Connection" if op.name in sessions
            else "Calls" if op.name in calls
            else "Recordings" if op.name in recordings
            else "Voice" if op.name in voice
            else "Filters"
        )  # fmt: skip
        groups[of].append(op)
    yield "## Operations"
    yield ""
    for title, ops in groups.items():
        yield f"- **{title}**: " + ", ".join(f"[{op.name}](#{op.name.replace('.', '')})" for op in ops)
    yield ""
    notes = {
        "Calls": "Where calls run. `dial`, `answer` and `reject` are `softphone console`'s alone. The calls below are examples; "
        "the figures of a call are those of its RESULT ([calls.md](calls.md)), as they are now.",
        "Recordings": "With `softphone console`.",
        "Voice": "With `softphone console` and `softphone memo record --live --serve`. The memos are those of "
        "[memos.md](memos.md), and go by their names.",
    }
    for title, ops in groups.items():
        yield f"## {title}"
        yield ""
        if title in notes:
            yield from textwrap.wrap(notes[title], 128)
            yield ""
        for op in ops:
            yield from of_op(op, show, SLOW)


def of_events(show: Show, events: Sequence[Event]) -> Iterator[str]:
    """What subscribers are told."""
    yield "## Events"
    yield ""
    yield "Sent to those who subscribed; who caused a `changes` event is not told of it, the reply has said it already."
    yield ""
    yield "| topic | tells |"
    yield "|---|---|"
    for topic, help in show.dispatcher.topics().items():
        yield f"| `{topic}` | {help} |"
    yield "| `closing` | the program ends; everybody is told |"
    yield ""
    levels, spectrum = show.dispatcher.levels(), show.dispatcher.spectrum(axis=True)
    assert levels is not None
    assert spectrum is not None
    for each in show.examples:
        each.begin()
    calls = {"calls": show.calls.snapshot("calls")}
    yield "```"
    for event in (
        *events,
        Event("levels", levels),
        Event("spectrum", spectrum),
        Event("calls", calls["calls"] or {}),
        Event("voice", ExampleTake(MemoStore(show.memos), "evening").told()),
    ):
        yield from shown("←", json.loads(json_messages.event_text(event)))
    yield "```"
    yield ""
    yield "`hz` comes once, in the reply to `subscribe`; where nothing was measured yet, with the first event, and again when it"
    yield "changes (a call at another rate). Levels are in dBFS, LUFS (ITU-R BS.1770) and dBTP; `null` is silence, or what is not"
    yield "measured."
    yield ""
    yield from textwrap.wrap(VOICE_NOTE, 128)
    yield ""


def of_errors(show: Show) -> Iterator[str]:
    """Codes, and what is refused."""
    yield "## Errors"
    yield ""
    yield "| code | means |"
    yield "|---|---|"
    for code, meaning in CODES.items():
        yield f"| `{code}` | {meaning} |"
    yield ""
    yield "```"
    for role, message in REFUSED:
        client = show.anna if role == "control" else show.vera
        sent, reply = show.answer(client, message)
        assert not reply["ok"], message
        yield from shown("→", sent)
        yield from shown("←", reply)
    yield "```"
    yield ""
    yield "The connection is closed with one of these codes:"
    yield ""
    yield "| code | means |"
    yield "|---|---|"
    for number, meaning in CLOSED:
        yield f"| {number} | {meaning} |"
    yield ""


def of_osc(show: Show) -> Iterator[str]:
    """The mirror for faders."""
    yield "## OSC"
    yield ""
    yield "With `--osc HOST:PORT` the same can be done by OSC 1.0 over UDP (TouchOSC, Open Stage Control, Pure Data). A sender says"
    yield "hello first, and is told from then on what others change. Characters that an OSC address cannot hold are written as in a"
    yield "URL (`%20`)."
    yield ""
    assert osc.__doc__ is not None
    yield "```"
    yield from textwrap.dedent(osc.__doc__.split("\n\n")[2]).splitlines()
    yield "```"
    yield ""
    yield "Back come the same addresses, `/softphone/levels/main/in/peak_dbfs ,f -12` and so on, and `/softphone/error` with code,"
    yield "message and address:"
    yield ""
    yield "```"
    for address, arguments in OSC_SHOWN:
        yield f"→ {packet(address, arguments)}"
        try:
            message = osc.read_message(address, arguments)
            show.now += 1
            reply = show.dispatcher.handle(
                show.anna, show.dispatcher.parse({"id": 1, **message}), now=show.now
            )
            told = osc.of_reply(address, message, reply, {show.desk.name: show.desk.preset})
        except ControlError as error:
            told = [osc.refusal(address, error)]
        for each in told[:3]:
            yield f"← {packet(*each)}"
        if len(told) > 3:
            yield f"← … and {len(told) - 3} more: every value of the preset"
    yield "```"


def packet(address: str, arguments: Sequence[Any]) -> str:
    """An OSC packet as people write it."""
    tags = "".join({float: "f", int: "i", str: "s"}[type(each)] for each in arguments)
    return f"{address} ,{tags} {' '.join(json.dumps(each) for each in arguments)}".rstrip(" ,")


def _head() -> str:
    text = HEAD.replace("SUBPROTOCOL", json_messages.SUBPROTOCOL)
    text = text.replace("KIB", str(json_messages.MAX_CHARACTERS >> 10))
    return text.replace("DEPTH", str(json_messages.MAX_DEPTH)).replace("LONGEST_ID", str(MAX_ID_CHARACTERS))


async def _made(presets: Path, recordings: Path, memos: Path) -> tuple[str, str]:
    show = Show(presets, recordings, memos)
    lines = [_head()]
    lines += of_groups(show)
    show.dispatcher.take_events()
    show.answer(show.ben, {"op": "preset", "name": "voice-clear"})
    show.answer(show.ben, {"op": "set", "path": "low-cut.freq_hz", "value": 120})
    show.answer(show.ben, {"op": "bypass", "on": False})
    show.dispatcher.leave(show.vera)
    events = show.dispatcher.take_events()
    show.dispatcher.sessions.join("Vera", "view")
    show.tone.play(0.5)
    lines += of_events(show, events)
    lines += of_errors(show)
    lines += of_osc(show)
    schema = asyncapi_document(
        list(show.dispatcher.ops.values()),
        show.dispatcher.topics(),
        title="softphone remote control",
        version=VERSION,
    )
    show.calls.close()
    show.voice.close()
    return "\n".join(lines).rstrip() + "\n", json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def documents() -> tuple[str, str]:
    """The whole of docs/remote-control.md and of docs/asyncapi.json."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [Path(folder) / name for name in ("presets", "recordings", "memos")]
        for part in parts:
            part.mkdir()
        return asyncio.run(_made(*parts))


if __name__ == "__main__":
    guide, schema = documents()
    GUIDE.write_text(guide, encoding="utf-8")
    SCHEMA.write_text(schema, encoding="utf-8")
