"""Configurations of Equalizer APO, as AutoEq, Squiglink and Room EQ Wizard export them, read as presets.

Read: ``Preamp``, ``Filter`` (PK, PEQ, Modal, LP, LPQ, HP, HPQ, BP, LS, LSC, HS, HSC, NO, AP), ``GraphicEQ``, ``Delay``,
``Copy`` between left and right, and ``Channel`` where it means all. Lines without a command (titles, comments, notes)
are passed over, as Equalizer APO does; a command that would be heard and is not known here is refused, with its line.

Source: J. Thedering, Equalizer APO, "Configuration reference" (project wiki); what is not written there as the program
does it: decimal commas, thousands separators of Room EQ Wizard, Q where none is given, and the corner frequency of LS
and HS with a slope, which becomes the middle of the shelf. Q of a bandwidth: Audio EQ Cookbook.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from dsp.biquads import q_of_slope
from dsp.errors import ParameterError
from dsp.filters.base import filters
from dsp.params import fields_of, from_mapping
from dsp.preset import Preset
from dsp.wording import shown

_KINDS = {
    "PK": "peaking", "PEQ": "peaking", "MODAL": "peaking", "LP": "lowpass", "LPQ": "lowpass", "HP": "highpass",
    "HPQ": "highpass", "BP": "bandpass", "LS": "low-shelf", "LSC": "low-shelf", "HS": "high-shelf",
    "HSC": "high-shelf", "NO": "notch", "AP": "allpass",
}  # fmt: skip
_PASSED_OVER = ("Device", "Stage", "Notes", "Dated", "Equaliser", "Equalizer", "Average", "Target", "Title")
"""Where it applies, and the head of Room EQ Wizard's files: nothing that is heard in a file."""
_REFUSED = {
    "Include": "put the lines of that file in its place",
    "Convolution": "use the filter convolve",
    "VSTPlugin": "plug-ins cannot be run here",
    "LoudnessCorrection": "use the filter loudness",
    "If": "take out what does not apply",
    "ElseIf": "take out what does not apply",
    "Else": "take out what does not apply",
    "EndIf": "take out what does not apply",
    "Eval": "write the numbers themselves",
}
_SLOPE_OF_SHELF = 0.9
_Q_OF_NOTCH = 30.0
_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_SIDES = {"L": 0, "1": 0, "R": 1, "2": 1}


def parse(text: str, name: str) -> Preset:
    """Read the configuration *text* as the preset *name*.

    Raises:
        ParameterError: one line that names the line of *text* and what is known or in range there; also where
            nothing is found that Equalizer APO would do.
    """
    entries: list[dict[str, Any]] = []
    found = False
    devices: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        command, colon, rest = line.partition("#")[0].partition(":")
        words = command.split()
        if not colon or not words:
            continue
        try:
            if words[0].lower() == "device" and rest.strip().lower() != "all":
                devices.add(rest.strip().lower())
            if len(devices) > 1:
                raise ParameterError("another Device begins here: import the lines of one device")
            found |= _read(words, rest.strip(), entries)
        except ParameterError as error:
            raise ParameterError(f"line {number}: {error}") from None
    if not found:
        raise ParameterError(
            "nothing of Equalizer APO found, wanted lines such as Filter: ON PK Fc 100 Hz Gain -3 dB Q 1"
        )
    return Preset.parse({"about": "Imported from Equalizer APO", "filter": entries}, name)


def _read(words: Sequence[str], rest: str, entries: list[dict[str, Any]]) -> bool:
    """Add what a line means to *entries*; whether it means anything."""
    known = {each.lower(): each for each in (*_READERS, *_REFUSED, *_PASSED_OVER)}
    command = known.get(words[0].lower())
    if command is None or len(words) > (2 if command == "Filter" else 1):
        # Titles may hold a colon too; what looks like one word and a colon is taken for a command.
        if len(words) > 1 and command is None:
            return False
        raise ParameterError(f"{shown(' '.join(words))} is unknown; known: {', '.join(_READERS)}")
    if command in _PASSED_OVER:
        return False
    if command in _REFUSED:
        raise ParameterError(f"{command} cannot be imported: {_REFUSED[command]}")
    if "`" in rest:
        raise ParameterError(f"{command} holds an expression: write the numbers themselves")
    for entry in _READERS[command](rest):
        _add(entry, entries)
    return True


def _add(entry: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    """Append *entry*, or join it to the last one where that does the same: bands to bands, gain to gain."""
    last = entries[-1] if entries and entries[-1]["type"] == entry["type"] else None
    if last is not None and "bands" in entry and len(last["bands"]) < _most_bands():
        last["bands"] += entry["bands"]
        return
    if last is not None and entry["type"] == "gain":
        entry = {"type": "gain", "gain_db": last["gain_db"] + entry["gain_db"]}
        entries.pop()
    from_mapping(filters.get(entry["type"]).params, {key: entry[key] for key in entry if key != "type"})
    entries.append(entry)


def _most_bands() -> int:
    return fields_of(filters.get("parametric-eq").params)["bands"].counts[1]


def _preamp(rest: str) -> list[dict[str, Any]]:
    match = re.match(rf"{_NUMBER}\s*dB\b", rest.replace(",", "."), re.IGNORECASE)
    if match is None:
        raise ParameterError(f"Preamp must be a gain such as -6.5 dB, got {shown(rest)}")
    return [{"type": "gain", "gain_db": float(match[1])}]


def _filter(rest: str) -> list[dict[str, Any]]:
    line = rest.replace("\u00a0", "").replace(",", ".")
    match = re.match(r"(ON|OFF)\s+([A-Za-z]+)(?![A-Za-z])(.*)", line, re.IGNORECASE)
    if match is None:
        raise ParameterError(f"Filter must be such as ON PK Fc 100 Hz Gain -3 dB Q 1, got {shown(rest)}")
    word, more = match[2].upper(), match[3]
    if word == "NONE":
        return []
    if word not in _KINDS:
        raise ParameterError(f"filter type {shown(match[2])} is unknown; known: {', '.join(_KINDS)}")
    kind = _KINDS[word]
    shelf = kind.endswith("shelf")
    freq_hz = _value(rf"\bFc\s*{_NUMBER}\s*(k?)Hz", more)
    gain_db = _value(rf"\bGain\s*{_NUMBER}\s*dB", more) if shelf or kind == "peaking" else 0.0
    q = _value(rf"\bQ\s*{_NUMBER}", more)
    octaves = _value(rf"\bBW\s+Oct\s*{_NUMBER}", more)
    slope_db = _value(rf"^\s*{_NUMBER}\s*dB", more) if shelf else None
    if freq_hz is None or not freq_hz > 0.0:
        raise ParameterError(f"{word} needs a frequency such as Fc 100 Hz")
    if gain_db is None:
        raise ParameterError(f"{word} needs a gain such as Gain -3 dB")
    if octaves is not None:
        if not 0.001 <= octaves <= 20.0:
            raise ParameterError(f"BW Oct must be 0.001 to 20 octaves, got {octaves:.10g}")
        q = 0.5 / math.sinh(0.5 * math.log(2.0) * octaves)
    if slope_db is not None:
        if not 0.1 <= slope_db <= 12.0:
            raise ParameterError(f"the slope of {word} must be 0.1 to 12 dB, got {slope_db:.10g}")
        q = q_of_slope(slope_db / 12.0, _bounded(gain_db))
        if not word.endswith("C"):
            octave = 10.0 ** (abs(_bounded(gain_db)) / 80.0 / (slope_db / 12.0))
            freq_hz = freq_hz * octave if kind == "low-shelf" else freq_hz / octave
    if q is None:
        if kind in ("peaking", "allpass"):
            raise ParameterError(f"{word} needs a Q or a bandwidth such as Q 1 or BW Oct 0.5")
        q = _default_q(kind, gain_db)
    band = {"kind": kind, "freq_hz": freq_hz, "gain_db": gain_db, "q": q, "on": match[1].upper() == "ON"}
    item = fields_of(filters.get("parametric-eq").params)["bands"].item
    assert item is not None
    from_mapping(item, band, word)
    return [{"type": "parametric-eq", "bands": [band]}]


def _default_q(kind: str, gain_db: float) -> float:
    if kind == "notch":
        return _Q_OF_NOTCH
    if kind.endswith("shelf"):
        return q_of_slope(_SLOPE_OF_SHELF, _bounded(gain_db))
    return math.sqrt(0.5)


def _bounded(gain_db: float) -> float:
    """*gain_db*, for what is worked out before its range is checked."""
    return min(max(gain_db, -120.0), 120.0)


def _value(pattern: str, line: str) -> float | None:
    match = re.search(pattern, line, re.IGNORECASE)
    if match is None:
        return None
    value = float(match[1])
    if len(match.groups()) > 1:  # a frequency
        if re.fullmatch(r"\d+\.\d{3}", match[1]):
            value *= 1000.0  # the point separates thousands: so writes Room EQ Wizard
        if match[2]:
            value *= 1000.0
    return value


def _graphic(rest: str) -> list[dict[str, Any]]:
    line = rest if "." in rest else rest.replace(",", ".")
    values = [pair.split() for pair in line.split(";") if pair.strip()]
    points: dict[float, float] = {}
    for pair in values:
        if len(pair) != 2 or not all(re.fullmatch(_NUMBER, each) for each in pair):
            raise ParameterError(
                f"GraphicEQ must be pairs such as 20 -1.5; 100 0; got {shown(' '.join(pair))}"
            )
        points[float(pair[0])] = float(pair[1])
    if not points:
        raise ParameterError("GraphicEQ must be pairs such as 20 -1.5; 100 0; got none")
    drawn = [[freq_hz, points[freq_hz]] for freq_hz in sorted(points)]
    most = fields_of(filters.get("fir").params)["points"].counts[1]
    if len(drawn) > most:
        step = (len(drawn) - 1) / (most - 1)
        drawn = [drawn[round(index * step)] for index in range(most)]
    return [{"type": "fir", "points": drawn, "phase": "minimum", "resolution_hz": 10.0}]


def _delay(rest: str) -> list[dict[str, Any]]:
    match = re.fullmatch(rf"{_NUMBER}\s*(ms|samples)", rest.replace(",", "."), re.IGNORECASE)
    if match is None:
        raise ParameterError(f"Delay must be a time such as 12.5 ms, got {shown(rest)}")
    if match[2].lower() == "samples":
        raise ParameterError(
            f"Delay in samples means another time at each sample rate: write ms, got {shown(rest)}"
        )
    return [{"type": "delay", "delay_ms": float(match[1])}]


def _channel(rest: str) -> list[dict[str, Any]]:
    named = rest.upper().split()
    if "ALL" in named or {_SIDES.get(each) for each in named} == {0, 1}:
        return []
    raise ParameterError(
        f"Channel must be all or L R: filters for some channels only are not known, got {shown(rest)}"
    )


def _copy(rest: str) -> list[dict[str, Any]]:
    rows = [[1.0, 0.0], [0.0, 1.0]]
    assigned = re.sub(r"\s*([=+*])\s*", r"\1", rest.replace(",", ".")).split()
    for each in assigned:
        target, equals, source = each.partition("=")
        if not equals or target.upper() not in _SIDES:
            raise ParameterError(f"Copy must be such as L=0.5*L+0.5*R, with L and R only, got {shown(each)}")
        row = [0.0, 0.0]
        for summand in source.split("+"):
            factor, star, channel = summand.rpartition("*")
            match = re.fullmatch(rf"{_NUMBER}(dB)?", factor, re.IGNORECASE) if star else None
            if summand == "0" and not star:
                continue
            if channel.upper() not in _SIDES or (star and match is None):
                raise ParameterError(
                    f"Copy must be such as L=0.5*L+0.5*R, with L and R only, got {shown(each)}"
                )
            value = 1.0 if match is None else float(match[1])
            if match is not None and match[2]:
                value = 10.0 ** (min(max(value, -1000.0), 1000.0) / 20.0)
            row[_SIDES[channel.upper()]] += value
        rows[_SIDES[target.upper()]] = row
    if not assigned:
        raise ParameterError("Copy must be such as L=0.5*L+0.5*R, got nothing")
    return [{"type": "channel-matrix", "rows": [{"gains": row} for row in rows]}]


_READERS: dict[str, Callable[[str], list[dict[str, Any]]]] = {
    "Preamp": _preamp,
    "Filter": _filter,
    "GraphicEQ": _graphic,
    "Delay": _delay,
    "Copy": _copy,
    "Channel": _channel,
}
