"""A sound file through a preset with one value changed: prints what that did to its level.

python examples/filter_file.py
"""

from softphone import filter_file
from softphone.io.speech import speech_path

done = filter_file(
    "voice-clear", speech_path("builtin:man"), "clear.wav", changes={"low-cut.freq_hz": 120}, force=True
)
print(f"{done.output}: {done.seconds:.1f} s in {1000 * done.took_s:.0f} ms")
print(f"{done.level_before_dbfs:.1f} dBFS before, {done.level_after_dbfs:.1f} dBFS after")
