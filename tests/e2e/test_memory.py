"""What a call took is free again when it has ended: one process may place and take thousands."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

PROGRAM = """
import asyncio, gc, json
from softphone import AnswerOptions, CallOptions, answer_calls_async, place_call_async

async def main():
    events, stop = asyncio.Queue(), asyncio.Event()
    callee = asyncio.create_task(answer_calls_async(AnswerOptions(listen=("127.0.0.1", 0)), events.put_nowait, stop=stop))
    uri = (await events.get())["uri"]
    gc.disable()
    outcomes = [(await place_call_async(CallOptions(uri, seconds=0.3)))[0]["outcome"] for _ in range(3)]
    await asyncio.sleep(0.1)
    big = ("MediaLeg", "ReceivePath", "Recorder", "FileSource")
    print(json.dumps([outcomes, [name for one in gc.get_objects() if (name := type(one).__name__) in big]]))
    stop.set()
    await callee

asyncio.run(main())
"""


def test_the_audio_of_a_call_does_not_wait_for_the_garbage_collector():
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    outcomes, left = json.loads(done.stdout)
    assert "completed" in outcomes
    assert left == []
