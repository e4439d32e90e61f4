"""The process that measures memos and makes pages about them, so that whoever records or calls meanwhile is not held up.

It reads requests from standard input, each a line of JSON: ``job`` (the fields of `VoiceJob`), ``name`` (of the memo), and
``report`` (a file for the page, or null). It answers each with one line: a `softphone.scorer.voice.VoiceResult`, or
``{"error": why, "exit_status": n}``.
"""

from pathlib import Path
from typing import Any

from softphone.errors import SoftphoneError, UsageError
from softphone.io.child_server import serve
from softphone.io.part_file import write_whole
from softphone.io.voice_job import VoiceJob, VoiceJobFile


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What one request comes to."""
    name, report = str(request["name"]), request["report"]
    try:
        with VoiceJobFile(VoiceJob(**request["job"])) as file:
            result, phonation = file.measure()
            result["file"] = name
            if report is not None:
                if phonation is None:
                    raise UsageError(f"nothing can be told of memo {name}: {result['error']}")
                from softphone.scorer.voice_report import voice_report

                page = voice_report(result, phonation, file.recording, name=name)
                write_whole(Path(report), page, force=True)
    except SoftphoneError as error:
        return {"error": " ".join(str(error).split()), "exit_status": error.exit_status}
    except MemoryError:
        return {"error": "there is not enough memory for it", "exit_status": UsageError.exit_status}
    return result


if __name__ == "__main__":
    serve(answer)
