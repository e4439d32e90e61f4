"""Scripts of calls: what is done in a call, when, and what is expected of it (`docs/scripts.md`).

A script is a TOML file of tables ``[[step]]``. Everything wrong with it is told with file and line, before anything is sent.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softphone.config import MODES
from softphone.errors import EnvironmentProblem, UsageError
from softphone.readers import as_digits, as_number, as_text, as_whole, as_word

MAX_STEPS = 10_000
FIRST = "first"
"""The name of the call that a script belongs to."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_KEY = re.compile(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=")
_AT_LINE = re.compile(r"(.*) \(at line (\d+), column \d+\)|(.*) \(at end of document\)")


def _as_true(value: object) -> bool:
    if value is not True:
        raise UsageError(f"wanted true, got {value!r}")
    return True


def _as_keys(value: object) -> str:
    digits = as_digits(value)
    if set(digits) - set("0123456789*#ABCD"):
        raise UsageError(f"wanted digits of 0-9 * # A-D, got {digits!r}")
    return digits


def _as_mode(value: object) -> str:
    mode = as_word(value)
    if mode not in MODES:
        raise UsageError(f"wanted one of {', '.join(MODES)}, got {value!r}")
    return mode


def _as_status(value: object) -> int:
    status = as_whole(value)
    if not 400 <= status <= 699:
        raise UsageError(f"wanted a SIP status of 400 to 699, got {status}")
    return status


def _as_uri(value: object) -> str:
    uri = as_text(value)
    if not uri.lower().startswith(("sip:", "sips:")) or not uri.isprintable() or " " in uri:
        raise UsageError(f"wanted a SIP URI like sip:bob@192.0.2.7, got {uri!r}")
    return uri


def _as_name(value: object) -> str:
    name = as_text(value)
    if not _NAME.fullmatch(name):
        raise UsageError(f"wanted a name of letters, digits, - and _, got {name!r}")
    return name


def _as_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"wanted true or false, got {value!r}")
    return value


def _one_of(known: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        word = as_word(value)
        if word not in known:
            raise UsageError(f"there is no {word!r}{_nearest(word, known)}")
        return word

    return read


def _some_of(known: tuple[str, ...]) -> Callable[[object], tuple[str, ...]]:
    read = _one_of(known)
    return lambda value: tuple(read(each) for each in (value if isinstance(value, list) else [value]))


OUTCOMES = (
    *("completed", "busy", "declined", "no-answer", "unreachable", "unauthorized"),
    *("incompatible", "no-audio", "dropped", "failed"),
)
"""Of a RESULT, as what follows; what they mean stands in `docs/calls.md`."""
VERDICTS = (
    *(
        "ok",
        "one-way",
        "silent",
        "comfort-noise",
        "too-quiet",
        "too-loud",
        "attenuated",
        "amplified",
        "clipped",
    ),
    *("dc-offset", "hum", "noise", "narrow-band", "delay-jumps", "drift", "dropouts", "echo", "cut-start"),
    *("cut-end", "inverted", "repeated-frames", "tones", "unrelated"),
)
"""Those that `--expect` can add included."""
ENDED_BY = ("local", "peer", "network")
STATES = ("calling", "ringing", "incoming", "established", "ending", "ended")
"""Of a call's status."""

VERBS: Mapping[str, Callable[[object], Any]] = {
    "ring": _as_true,
    "early-media": as_text,
    "answer": _as_true,
    "reject": _as_status,
    "cancel": _as_true,
    "hold": _as_true,
    "resume": _as_true,
    "mute": _as_flag,
    "dtmf": _as_keys,
    "expect-dtmf": _as_keys,
    "mode": _as_mode,
    "codec": as_word,
    "play": as_text,
    "say": as_text,
    "call": _as_uri,
    "transfer": _as_uri,
    "transfer-to": _as_name,
    "hangup": _as_true,
    "wait": as_number,
}
"""What a step can do, and how its value is read; `expect` stands beside these."""
BEFORE_ANSWER = frozenset({"ring", "early-media", "answer", "reject", "cancel"})
EXPECTED: Mapping[str, Callable[[object], Any]] = {
    "codec": as_word,
    "mode": _as_mode,
    "hold": _as_flag,
    "peer-holds": _as_flag,
    "state": _one_of(STATES),
    "dtmf": _as_keys,
    "transfer": as_whole,
    "outcome": _some_of(OUTCOMES),
    "sip-status": as_whole,
    "verdict": _some_of(VERDICTS),
    "ended-by": _one_of(ENDED_BY),
}
"""What can be expected of a call, and how it is read."""
AT_THE_END = frozenset({"outcome", "sip-status", "verdict", "ended-by"})
"""Of these, what is known when the call has ended."""
_ANY_TIME = BEFORE_ANSWER | {"wait", "expect"}
"""What may come before the answer."""
_MORE = ("at", "after", "within", "on", "name")


@dataclass(frozen=True, slots=True)
class Step:
    """One step."""

    verb: str
    """One of `VERBS`, or `expect`."""
    value: Any
    """As read; of `expect` a mapping of `EXPECTED`."""
    line: int
    at_s: float | None = None
    """Since the answer, or since the INVITE for what comes before the answer; None: when the step before is done."""
    after_s: float = 0.0
    """So long after the step before."""
    within_s: float | None = None
    """How long what is expected may take; None: the verb's own time."""
    on: str = FIRST
    """The call it is for."""
    name: str = ""
    """Of the call that `call` places."""
    sound: str = ""
    """File, or `builtin:NAME`, that the step plays; "" before it was looked for."""

    def __str__(self) -> str:
        if self.verb == "expect":
            return "expect " + ", ".join(f"{key} {_shown(value)}" for key, value in self.value.items())
        of = "" if self.on == FIRST else f" on {self.on}"
        return self.verb + ("" if self.value is True else f" {_shown(self.value)}") + of


@dataclass(frozen=True, slots=True)
class Script:
    """A script that can be run."""

    file: str
    steps: tuple[Step, ...]

    def where(self, step: Step) -> str:
        """Where *step* stands."""
        return f"{self.file}:{step.line}"


def load_script(path: str, *, answers: bool) -> Script:
    """Read the script at *path*.

    Args:
        answers: it is for calls that come in.

    Raises:
        UsageError: it is none; with file and line.
        EnvironmentProblem: it cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"--script: no file {path}") from None
    except OSError as error:
        raise EnvironmentProblem(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    return parse_script(text, path, answers=answers)


def parse_script(text: str, file: str, *, answers: bool) -> Script:
    """Read a script from its *text*; *file* is named in what is wrong with it."""
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_place(file, str(error))) from None
    for name in tables:
        if name != "step":
            raise UsageError(f"{file}:{_line_of_key(text, name)}: a script has tables [[step]], got {name!r}")
    steps = tables.get("step", [])
    if not isinstance(steps, list) or not all(isinstance(each, dict) for each in steps):
        raise UsageError(
            f"{file}:{_line_of_key(text, 'step')}: steps are tables [[step]], got something else"
        )
    if not 0 < len(steps) <= MAX_STEPS:
        raise UsageError(f"{file}:1: a script has 1 to {MAX_STEPS} tables [[step]], got {len(steps)}")
    lines = _lines_of(text)
    if len(lines) != len(steps):
        raise UsageError(
            f"{file}:1: each step is a table [[step]] of its own, got {len(steps)} in another form"
        )
    read = tuple(_step(each, of_keys, file) for each, of_keys in zip(steps, lines, strict=True))
    _check_order(read, file, answers=answers)
    return Script(file, read)


def _step(table: Mapping[str, Any], lines: Mapping[str, int], file: str) -> Step:
    def wrong(key: str, why: str) -> UsageError:
        return UsageError(f"{file}:{lines.get(key, lines[''])}: {why}")

    def read(key: str, reader: Callable[[object], Any], value: object) -> Any:
        try:
            return reader(value)
        except UsageError as error:
            raise wrong(key, f"{key}: {error}") from None

    verbs = [key for key in table if key in VERBS or key == "expect"]
    strangers = [key for key in table if key not in verbs and key not in _MORE]
    if strangers:
        raise wrong(
            strangers[0], f"no step {strangers[0]!r}{_nearest(strangers[0], (*VERBS, 'expect', *_MORE))}"
        )
    if len(verbs) != 1:
        got = " and ".join(verbs) or "none"
        raise wrong(verbs[-1] if verbs else "", f"a step does one thing, got {got}")
    verb = verbs[0]
    value: Any
    if verb == "expect":
        value = _expected(table[verb], wrong)
    else:
        value = read(verb, VERBS[verb], table[verb])
    times: dict[str, float] = {}
    for key in ("at", "after", "within"):
        if key in table:
            times[key] = read(key, as_number, table[key])
            if not 0 <= times[key] <= 86_400:
                raise wrong(key, f"{key} must be 0 to 86400 s, got {times[key]:g}")
    if "at" in times and "after" in times:
        raise wrong("after", "a step comes at a time or after the step before: give one of them")
    if verb == "call" and "name" not in table:
        raise wrong("call", 'a second call needs a name: give name = "second"')
    if verb != "call" and "name" in table:
        raise wrong("name", "a name is for call")
    if verb == "wait" and value < 0:
        raise wrong("wait", f"wait must be 0 s or more, got {value:g}")
    return Step(
        verb,
        value,
        lines[verb] if verb in lines else lines[""],
        at_s=times.get("at"),
        after_s=times.get("after", 0.0),
        within_s=times.get("within"),
        on=read("on", _as_name, table["on"]) if "on" in table else FIRST,
        name=read("name", _as_name, table["name"]) if "name" in table else "",
    )


def _expected(table: object, wrong: Callable[[str, str], UsageError]) -> dict[str, Any]:
    if not isinstance(table, dict) or not table:
        raise wrong(
            "expect", f'expect is a table of what is expected, as {{ codec = "opus" }}, got {table!r}'
        )
    found = {}
    for key, value in table.items():
        if key not in EXPECTED:
            raise wrong("expect", f"nothing to expect is called {key!r}{_nearest(key, tuple(EXPECTED))}")
        try:
            found[key] = EXPECTED[key](value)
        except UsageError as error:
            raise wrong("expect", f"expect {key}: {error}") from None
    if 0 < len(AT_THE_END & set(found)) < len(found):
        raise wrong(
            "expect",
            f"{', '.join(sorted(AT_THE_END))} are known at the end: they need an expect of their own",
        )
    return found


def _check_order(steps: tuple[Step, ...], file: str, *, answers: bool) -> None:
    """Refuse what can never be done: a call that is not there, an answer to a call of ours."""
    known, stands = {FIRST}, False
    for step in steps:
        where = f"{file}:{step.line}"
        for name in (step.on, step.value if step.verb == "transfer-to" else FIRST):
            if name not in known:
                raise UsageError(
                    f"{where}: no call {name!r} was placed before; there is {', '.join(sorted(known))}"
                )
        if step.verb == "transfer-to" and step.value == step.on:
            raise UsageError(f"{where}: a call cannot be transferred to itself")
        if step.verb == "call":
            if step.name in known:
                raise UsageError(f"{where}: there is a call {step.name!r} already: choose another name")
            known.add(step.name)
        if step.verb in BEFORE_ANSWER:
            if (step.verb == "cancel") is answers:
                side = "an answer script" if answers else "a script of call"
                raise UsageError(f"{where}: {step.verb} makes no sense in {side}")
            if stands:
                raise UsageError(f"{where}: {step.verb} comes before the steps of a call that stands")
        stands = stands or step.verb == "answer" or step.verb not in _ANY_TIME


def _lines_of(text: str) -> list[dict[str, int]]:
    """Of each table ``[[step]]`` the lines of its keys; under "" that of the table."""
    found: list[dict[str, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[\[\s*[\"']?step[\"']?\s*\]\]", line):
            found.append({"": number})
        elif found and (key := _KEY.match(line)):
            found[-1].setdefault(key[1], number)
    return found


def _line_of_key(text: str, name: str) -> int:
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(name)}\b")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _place(file: str, error: str) -> str:
    """What `tomllib` says, with file and line in front."""
    found = _AT_LINE.fullmatch(error)
    if found is None:
        return f"{file}: {error}"
    return f"{file}:{found[2] or 'end'}: {found[1] or found[3]}"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    import difflib

    best = difflib.get_close_matches(name.replace("_", "-").lower(), known, n=1, cutoff=0.5)
    return f", the nearest is {best[0]!r}" if best else f"; known are {', '.join(known)}"


def _shown(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return " or ".join(map(str, value))
        case _:
            return str(value)
