"""Speech codecs, one file each; see `base` for what a file must provide."""

from dsp.codecs.base import (
    MAX_PACKET_MS,
    CodecSettings,
    CodecSpec,
    Decoder,
    Encoder,
    LibraryFinder,
    codecs,
    timestamp_ticks,
)
from dsp.registry import Registry

codecs.scan(__name__, __path__)


def bind_codecs(finders: dict[str, LibraryFinder]) -> Registry[CodecSpec]:
    """Return a registry with the same codecs, each one named in *finders* bound to that finder.

    Raises:
        UnknownName: if there is no codec of a name in *finders*.
    """
    for name in finders:
        codecs.get(name)
    bound: Registry[CodecSpec] = Registry("codec")
    for name in codecs.names():
        spec = codecs.get(name)
        find = finders.get(name)
        bound.add(spec.bind(find) if find is not None and spec.bind is not None else spec)
    return bound


__all__ = [
    "MAX_PACKET_MS",
    "CodecSettings",
    "CodecSpec",
    "Decoder",
    "Encoder",
    "LibraryFinder",
    "bind_codecs",
    "codecs",
    "timestamp_ticks",
]
