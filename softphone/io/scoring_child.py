"""The process that scores files, one after the other: beside a call, or as one of the workers of a batch.

It reads jobs from standard input, each a line of JSON with the fields of `ScoreJob`, and answers each with one line: what
`score_file` returns, or ``{"error": why, "exit_status": n}``. With ``"for_call": true`` the answer is
``{"score": CallScore | null, "verdict": [...], "refused": {...}}``; ``"report": {"path": .., "names": [..]}`` asks for a page
beside it (`softphone.scorer.report`). When standard input ends, so does this process, whatever
it is doing: nobody waits for its answer any more.
"""

import argparse
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from dsp.errors import DspError
from softphone.errors import SoftphoneError, UsageError
from softphone.io.child_server import serve
from softphone.io.dsp_faults import words
from softphone.io.part_file import write_whole
from softphone.io.score_file import FilePair, ScoreJob, score_file
from softphone.scorer.score import call_score

REFUSED_STATUS = UsageError.exit_status


def job_of(request: dict[str, Any]) -> ScoreJob:
    """The job that *request* describes."""
    names = request.get("metrics")
    return ScoreJob(**{**request, "metrics": None if names is None else tuple(names)})


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What one request comes to."""
    for_call, page = request.pop("for_call", False), request.pop("report", None)
    try:
        found = score_file(job_of(request)) if page is None else with_report(job_of(request), **page)
    except SoftphoneError as error:
        return {"error": " ".join(str(error).split()), "exit_status": error.exit_status}
    except DspError as error:
        return {"error": words(error), "exit_status": REFUSED_STATUS}
    except MemoryError:
        return {"error": "there is not enough memory for it", "exit_status": REFUSED_STATUS}
    if not for_call:
        return found
    return {"score": call_score(found), "verdict": found["verdict"], "refused": found["refused"]}


def with_report(job: ScoreJob, path: str, names: Sequence[str | None]) -> dict[str, Any]:
    """Score *job* and write the page about it to *path*; *names* of recording and reference stand in the page."""
    from softphone.scorer.report import report

    with FilePair(job) as pair:
        found = pair.score()
        heard, said = names
        write_whole(path, report(found, *pair.tracks_of(found), (heard or "", said)), force=True)
    return found


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serve standard input."""
    parser = argparse.ArgumentParser(prog="scoring_child", description=__doc__)
    parser.add_argument("--nice", type=int, default=0, help="give way to others by so much")
    options = parser.parse_args(arguments)
    if hasattr(os, "nice"):
        os.nice(options.nice)
    serve(answer)


if __name__ == "__main__":
    main()
