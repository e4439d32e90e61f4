"""Airtime and energy of what was sent, one file for each radio technology; see `base` for what a file must provide.

Pure: datagram sizes and counts in, an `airtime` object out.
"""

from softphone.radio._idle import Recurring, idle_cost
from softphone.radio._meter import (
    DEFAULT_RADIO,
    CallTrace,
    RadioInUse,
    airtime,
    call_airtime,
    g711_20ms,
    measure,
)
from softphone.radio._turns import Side, Step, ladder
from softphone.radio.base import AirTimes, Constant, Power, RadioSpec, Traffic, radios

radios.scan_lazily(__name__, __path__)

__all__ = [
    "DEFAULT_RADIO",
    "AirTimes",
    "CallTrace",
    "Constant",
    "Power",
    "RadioInUse",
    "RadioSpec",
    "Recurring",
    "Side",
    "Step",
    "Traffic",
    "airtime",
    "call_airtime",
    "g711_20ms",
    "idle_cost",
    "ladder",
    "measure",
    "radios",
]
