"""Whether the scores of what a codec made can be trusted."""

from softphone.errors import UsageError

PARAMETRIC = frozenset({"codec2", "vlc", "vlc-wb"})
"""Codecs that send parameters of a voice instead of its waveform: metrics that compare spectra flatter them."""


def is_trusted(codec: str | None) -> bool | None:
    """Whether the headline metric holds for *codec*, ``name[:bit rate]``; None where nobody says which it was.

    Raises:
        UsageError: no codec of that name.
    """
    if codec is None:
        return None
    from dsp.codecs import codecs
    from softphone.io.measured_codecs import measured_codecs

    name = codec.partition("@")[0].partition(":")[0].strip().lower()
    known = {*codecs.names(), *(spec.name for spec in measured_codecs())}
    if name not in known:
        raise UsageError(
            f"--codec wants the codec that made the recording, of {', '.join(sorted(known))}; got {codec!r}"
        )
    return name not in PARAMETRIC
