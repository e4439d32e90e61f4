"""Sound devices by name, one direction each, and PortAudio told to look for new ones."""

import re
from contextlib import suppress
from itertools import product
from typing import Any

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.audio.portaudio import (
    FALLBACK_RATES_HZ,
    first_that_works,
    list_devices,
    load_sounddevice,
    opening,
    streams_open,
)

_ALSA_NUMBER = re.compile(r"\s*\(hw:\d+,\d+\)$")
"""What ALSA puts behind a name: another number each time that the card is plugged in."""


def choose_device(name: str | None, direction: str) -> tuple[int, str]:
    """The number and the whole name of the device that *name* means.

    Args:
        name: a number, or part of a name (capitals do not matter; a whole name wins); None, empty or ``default``:
            the system's default.
        direction: ``input`` or ``output``.

    Raises:
        UsageError: no device is meant by it, or one that has not this direction.
        EnvironmentProblem: there is no device at all for this direction; or no PortAudio.
    """
    devices = [each for each in list_devices() if each[f"{direction}s"] > 0]
    if not devices:
        raise EnvironmentProblem(
            f"no sound {direction} device found: connect one (`softphone devices` lists them), "
            "or give `null` as the device, which runs on a clock alone"
        )
    wanted = "" if name is None else name.strip().lower()
    if wanted in ("", "default"):
        found = [each for each in devices if each[f"default_{direction}"]] or devices
    elif wanted.isdecimal():
        found = [each for each in devices if each["index"] == int(wanted)]
    else:
        found = [each for each in devices if wanted in each["name"].lower()]
        found.sort(key=lambda each: each["name"].lower() != wanted)
    if not found:
        known = ", ".join(f"{each['index']} {each['name']}" for each in devices)
        raise UsageError(f"no sound {direction} device matches {name!r}: there are {known}; or null")
    return found[0]["index"], found[0]["name"]


def find_again(name: str, direction: str) -> int | None:
    """The number of the device of that whole name; None: it is not there."""
    plain = _plain(name)
    for each in list_devices():
        if each[f"{direction}s"] > 0 and _plain(each["name"]) == plain:
            return int(each["index"])
    return None


def _plain(name: str) -> str:
    return _ALSA_NUMBER.sub("", name)


def look_again() -> None:
    """Have PortAudio look for devices anew, which it does only when it begins; not while a stream of ours is open."""
    sounddevice = load_sounddevice()
    with opening:
        if streams_open():
            return
        with suppress(sounddevice.PortAudioError):  # it had not begun, where the last time failed half-way
            sounddevice._terminate()
        sounddevice._initialize()


def working_format(
    sounddevice: Any, device: tuple[int | None, int | None], sample_rate_hz: int, channels_out: int
) -> tuple[int, tuple[int, int]]:
    """A rate, *sample_rate_hz* if it can be, and channel counts, that both devices take.

    Args:
        sounddevice: the module.
        device: input and output; None: there is no such direction.
        sample_rate_hz: what is wanted.
        channels_out: what is to be played.

    Raises:
        EnvironmentProblem: there is none.
    """
    about = [None if index is None else sounddevice.query_devices(index) for index in device]
    most_in = 0 if about[0] is None else about[0]["max_input_channels"]
    most_out = 0 if about[1] is None else about[1]["max_output_channels"]
    there = [each for each in about if each is not None]
    rates = dict.fromkeys(
        (sample_rate_hz, *(round(each["default_samplerate"]) for each in there), *FALLBACK_RATES_HZ)
    )
    ins = dict.fromkeys((min(1, most_in), min(2, most_in)))
    outs = dict.fromkeys((min(channels_out, most_out), min(2, most_out)))
    names = [each["name"] for each in there]
    return first_that_works(sounddevice, device, rates, tuple(product(ins, outs)), names=names)
