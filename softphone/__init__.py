"""Test calls, audio filters and voice quality over SIP and RTP, for very low bit rate, CPU and airtime.

The names below are the public ones; they are imported when first used, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from softphone.app import (
        FilteredFile,
        RunningCall,
        answer_calls,
        answer_calls_async,
        exit_status,
        filter_file,
        measure_voice,
        place_call,
        place_call_async,
        run_demo,
        score_file,
    )
    from softphone.config import (
        AccountOptions,
        AnswerOptions,
        AudioOptions,
        CallOptions,
        CodecChoice,
        DemoOptions,
        LineOptions,
        MediaOptions,
    )
    from softphone.errors import SoftphoneError

__version__ = "0.1.0"

__all__ = [
    "AccountOptions",
    "AnswerOptions",
    "AudioOptions",
    "CallOptions",
    "CodecChoice",
    "DemoOptions",
    "FilteredFile",
    "LineOptions",
    "MediaOptions",
    "RunningCall",
    "SoftphoneError",
    "answer_calls",
    "answer_calls_async",
    "exit_status",
    "filter_file",
    "measure_voice",
    "place_call",
    "place_call_async",
    "run_demo",
    "score_file",
]

_HOMES = {
    "answer_calls": "softphone.app",
    "answer_calls_async": "softphone.app",
    "exit_status": "softphone.app",
    "filter_file": "softphone.app",
    "FilteredFile": "softphone.app",
    "RunningCall": "softphone.app",
    "measure_voice": "softphone.app",
    "place_call": "softphone.app",
    "place_call_async": "softphone.app",
    "run_demo": "softphone.app",
    "score_file": "softphone.app",
    "SoftphoneError": "softphone.errors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "softphone.config")), name)
