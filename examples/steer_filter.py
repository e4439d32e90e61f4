"""Steers a filter that somebody serves: lifts its low cut step by step, prints what that does to the level, puts it back.

softphone filter voice-clear --live --in-device null:tone=1000 --serve
python examples/steer_filter.py 'http://127.0.0.1:8765/#token=...'
"""

import sys
import time

from softphone.control.client import connect

if len(sys.argv) != 2:
    sys.exit("usage: python examples/steer_filter.py URL, as `softphone filter ... --serve` prints it")
with connect(sys.argv[1], name="example") as desk:
    before = desk.get("low-cut.freq_hz")
    for freq_hz in (500, 1000, 2000):
        desk.set("low-cut.freq_hz", freq_hz)
        time.sleep(0.5)
        if levels := desk.levels():
            print(f"{freq_hz} Hz: {levels['in']['rms_dbfs']} dBFS in, {levels['out']['rms_dbfs']} dBFS out")
    desk.set("low-cut.freq_hz", before)
