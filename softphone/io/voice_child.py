"""The process that measures voices, one after the other: one of the workers of a batch.

It reads jobs from standard input, each a line of JSON with the fields of `VoiceJob`, and answers each with one line: a
`softphone.scorer.voice.VoiceResult`, or ``{"error": why, "exit_status": n}``.
"""

from typing import Any

from softphone.errors import SoftphoneError, UsageError
from softphone.io.child_server import serve
from softphone.io.voice_job import measure_voice

REFUSED_STATUS = UsageError.exit_status


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What one request comes to."""
    try:
        return measure_voice(request)
    except SoftphoneError as error:
        return {"error": " ".join(str(error).split()), "exit_status": error.exit_status}
    except MemoryError:
        return {"error": "there is not enough memory for it", "exit_status": REFUSED_STATUS}


if __name__ == "__main__":
    serve(answer)
