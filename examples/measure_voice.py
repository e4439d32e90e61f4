"""The voice in a sound file: what kind of recording it is, and some figures, or why there are none.

python examples/measure_voice.py [VOICE.wav]
"""

import sys

from softphone import measure_voice

voice = measure_voice(sys.argv[1] if len(sys.argv) > 1 else "builtin:woman")
print(voice["task"]["kind"], voice["verdict"])
for key in ("f0_median_hz", "jitter_local_pct", "hnr_db", "cpps_db"):
    print(key, voice[key] if voice[key] is not None else voice["refused"].get(key))
