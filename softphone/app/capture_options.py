"""What `score` is told, as it is meant for a capture; and whether a capture keeps the quality that was asked for."""

from typing import Any

from softphone.app.capture_score import CaptureOptions
from softphone.app.codec_named import named_codec
from softphone.errors import SoftphoneError, UsageError
from softphone.score_config import ScoreOptions


class CaptureMissed(SoftphoneError):
    """A stream is below `--min-mos`."""

    exit_status = 6


def capture_options(options: ScoreOptions) -> CaptureOptions:
    """*options* for a capture.

    Raises:
        UsageError: one that is for recordings only, or a ``--codec`` that is no ``PT=NAME``.
    """
    assert options.degraded is not None
    if options.far is not None:
        raise UsageError("--far is for one recording: a capture holds both directions itself, leave it out")
    if options.report is not None:
        raise UsageError(
            "--report is for one recording: write those of the capture with --out DIR, then score the one you want with --report"
        )
    return CaptureOptions(
        options.degraded,
        reference=options.reference,
        out=options.out,
        codecs=codec_choices(options.codec),
        metrics=options.metrics,
        force=options.force,
    )


def codec_choices(text: str | None) -> dict[int, str]:
    """What ``--codec PT=NAME[,PT=NAME]`` says.

    Raises:
        UsageError: it is written otherwise, the number is none of a payload type, or nobody has that codec.
    """
    found = {}
    for part in [] if text is None else text.split(","):
        number, equals, name = (each.strip() for each in part.partition("="))
        if not equals or not name or not (number.isascii() and number.isdigit()) or int(number) > 127:
            raise UsageError(
                f"--codec of a capture wants a payload type from 0 to 127 and its codec, as in 97=opus, got {part!r}"
            )
        named_codec(name)
        found[int(number)] = name
    return found


def missed(result: dict[str, Any], least: float) -> SoftphoneError | None:
    """Why the streams of *result* do not all show a quality of *least*; None where they do.

    A trusted score counts, else the E-model's where ITU tables hold the codec; the worst stream decides.
    """
    opinions: list[tuple[float, int]] = []
    for number, stream in enumerate(result["streams"]):
        if stream["emodel"] is None:
            continue
        score, emodel = stream["score"], stream["emodel"]
        if score is not None and score["trusted"]:
            mos = score["value"]
        elif emodel["grounded"]:
            mos = emodel["mos_cq"]
        else:
            return UsageError(
                f"--min-mos {least:g} needs a trusted score or a codec with an E-model value of the ITU, stream {number} of "
                f"{result['file']} has neither: give --reference"
            )
        opinions.append((mos, number))
    if not opinions:
        return UsageError(f"--min-mos {least:g} needs a stream of speech, {result['file']} has none")
    lowest, number = min(opinions)
    if lowest >= least:
        return None
    return CaptureMissed(
        f"MOS of stream {number} of {result['file']} is {lowest:.2f}, wanted at least {least:g}"
    )
