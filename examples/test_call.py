"""A whole test call in one process: answer on a free port, call it, print what was heard.

python examples/test_call.py
"""

import asyncio

from softphone import (
    AnswerOptions,
    AudioOptions,
    CallOptions,
    CodecChoice,
    MediaOptions,
    answer_calls_async,
    place_call_async,
)


async def main() -> None:
    events = asyncio.Queue()
    media = MediaOptions(codecs=(CodecChoice("opus", 16_000),), ptime_ms=60)
    listen = AnswerOptions(
        listen=("127.0.0.1", 0), calls=1, media=media, audio=AudioOptions(play="builtin:woman")
    )
    callee = asyncio.create_task(answer_calls_async(listen, events.put_nowait))
    uri = (await events.get())["uri"]
    audio = AudioOptions(play="builtin:man", record="heard.wav", expect="builtin:woman")
    [result] = await place_call_async(CallOptions(uri, seconds=5, media=media, audio=audio))
    await callee
    print(result["outcome"], result["verdict"], result["codec"], result["score"], sep="\n")


asyncio.run(main())
