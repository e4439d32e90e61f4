"""One call, both ends in this process: normal -> vlc -> vlr -> normal while it stands, and what each takes on the wire.

python examples/switch_mode.py [CODEC for vlc and vlr] [SECONDS in each mode]
"""

import asyncio
import sys

from softphone import (
    AnswerOptions,
    AudioOptions,
    CallOptions,
    CodecChoice,
    MediaOptions,
    RunningCall,
    answer_calls_async,
    place_call_async,
)

CODEC = sys.argv[1] if len(sys.argv) > 1 else "vlc:2400"
SECONDS_EACH = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
SETTLE_S = 0.5


async def measure(call: RunningCall, mode: str) -> None:
    """Let the call stand for a while and print what went over the wire meanwhile."""
    await asyncio.sleep(SETTLE_S)
    before = call.progress() or {}
    await asyncio.sleep(SECONDS_EACH)
    after = call.progress() or {}
    rates = [
        8 * (after[key] - before[key]) / SECONDS_EACH for key in ("sent_wire_bytes", "received_wire_bytes")
    ]
    print(f"{mode:8}{rates[0]:8.0f} b/s sent{rates[1]:8.0f} b/s received")


async def tour(call: RunningCall) -> None:
    """Go through the modes; both directions follow: this end at once, the other when it has read the wish (RTCP APP)."""
    await measure(call, "normal")
    for mode in ("vlc", "vlr", "normal"):
        call.set_mode(mode)
        await measure(call, mode)
    call.hang_up()


async def main() -> None:
    media = MediaOptions(codecs=(CodecChoice("opus", 16_000), CodecChoice("pcmu"), CodecChoice.parse(CODEC)))
    events: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    audio = AudioOptions(play="builtin:woman")
    listen = AnswerOptions(listen=("127.0.0.1", 0), calls=1, media=media, audio=audio)
    callee = asyncio.create_task(answer_calls_async(listen, events.put_nowait))
    uri = (await events.get())["uri"]
    tours = []
    [result] = await place_call_async(
        CallOptions(uri, seconds=60, media=media),
        on_running=lambda call: tours.append(asyncio.create_task(tour(call))),
    )
    await asyncio.gather(callee, *tours)
    print(result["outcome"], result["verdict"], f"{result['received']['concealed_ms']} ms concealed")
    for change in result["mode_changes"]:
        print("{at_s:6.2f} s  {direction:9}{mode:8}{codec}".format(**change))


asyncio.run(main())
