"""Where the shared libraries of codecs lie on this machine.

libopus, in this order: the path in the environment variable ``SOFTPHONE_OPUS``, and then no other; the
system's, if it is 1.5 or newer (only such may have the neural parts); the one inside PyAV; the one inside
opuslib-next-bundled; the system's, whatever it is. Files are looked for by path: asking the linker for
"libopus.so.0" would give whichever copy the process has loaded already. No package is imported and no
program started for it, and nothing is looked for before a codec is used.

libcodec2: the path in ``SOFTPHONE_CODEC2``, and then no other; the one inside pycodec2; the system's.
"""

import functools
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dsp.codecs import CodecSpec, bind_codecs
from dsp.errors import LibraryMissing
from dsp.libopus import load_opus
from dsp.registry import Registry

OPUS_VARIABLE = "SOFTPHONE_OPUS"
CODEC2_VARIABLE = "SOFTPHONE_CODEC2"

_SYSTEM_FILE = {"darwin": "libopus.0.dylib", "win32": "opus.dll"}.get(sys.platform, "libopus.so.0")
_SYSTEM_CODEC2 = {
    "darwin": ("libcodec2.dylib",),
    "win32": ("libcodec2.dll",),
}.get(sys.platform, ("libcodec2.so.1.2", "libcodec2.so.1.1", "libcodec2.so.1.0"))


def find_opus(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Candidates for libopus, the best first; the last is a name for the system's linker."""
    named = environ.get(OPUS_VARIABLE)
    if named:
        return (named,)
    system = tuple(_system_libraries())
    modern = tuple(path for path in system if _is_modern(path))
    others = tuple(path for path in system if path not in modern)
    return (*modern, *_inside_pyav(), *_inside_opuslib(), *others, _SYSTEM_FILE)


def find_codec2(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Candidates for libcodec2, the best first; the last are names for the system's linker."""
    named = environ.get(CODEC2_VARIABLE)
    if named:
        return (named,)
    return (*_inside_pycodec2(), *_system_libraries(_SYSTEM_CODEC2), *_SYSTEM_CODEC2)


@functools.cache
def codecs() -> Registry[CodecSpec]:
    """Every codec, each bound to the libraries of this machine."""
    return bind_codecs({"opus": find_opus, "codec2": find_codec2})


def codecs_with(*, opus: str | None) -> Registry[CodecSpec]:
    """Every codec, with the libopus at path *opus* and no other; None: as `codecs`."""
    if opus is None:
        return codecs()
    return bind_codecs({"opus": lambda: (opus,), "codec2": find_codec2})


def _is_modern(path: str) -> bool:
    try:
        return load_opus((path,)).steers_decoder()
    except LibraryMissing:
        return False


def _system_libraries(names: Sequence[str] = (_SYSTEM_FILE,)) -> Iterator[str]:
    multiarch = getattr(sys.implementation, "_multiarch", "")
    folders = {
        "darwin": ("/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"),
        "win32": (),
    }.get(sys.platform, ("/usr/local/lib", f"/usr/lib/{multiarch}", "/usr/lib64", "/usr/lib"))
    for folder in folders:
        paths = (os.path.join(folder, name) for name in names)
        yield from (path for path in paths if os.path.exists(path))


def _package_folder(name: str) -> Path | None:
    """Folder of an installed package, which is not imported."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _inside_pyav() -> Iterator[str]:
    folder = _package_folder("av")
    if folder is not None:
        for libraries in (folder.parent / "av.libs", folder / ".dylibs"):
            yield from sorted(str(path) for path in libraries.glob("*opus*") if "opusfile" not in path.name)


def _inside_opuslib() -> Iterator[str]:
    folder = _package_folder("opuslib_next")
    if folder is not None:
        for pattern in ("libopus*.so*", "libopus*.dylib", "*opus*.dll"):
            yield from sorted(str(path) for path in (folder / "_native").glob(pattern))


def _inside_pycodec2() -> Iterator[str]:
    folder = _package_folder("pycodec2")
    if folder is not None:
        for libraries in (folder.parent / "pycodec2.libs", folder / ".dylibs", folder):
            for pattern in ("libcodec2*.so*", "libcodec2*.dylib", "*codec2*.dll"):
                yield from sorted(str(path) for path in libraries.glob(pattern))
