"""Exception tree of the package.

* DspError
    * UnknownName      (asked a registry for a name it does not have)
    * DuplicateName    (two plugin files claim one name)
    * ParameterError   (a caller passed a value out of its documented range)
    * BitstreamError   (bytes from the far end do not parse)
    * LibraryMissing   (a shared library that a codec needs is not there)
    * MetricRefused    (audio that cannot be judged: no number would mean anything)
"""


class DspError(Exception):
    """Base class of everything this package raises."""


class UnknownName(DspError, KeyError):
    """A registry has no item of that name."""


class DuplicateName(DspError):
    """Two plugin files claim one name."""


class ParameterError(DspError, ValueError):
    """A parameter is outside its documented range."""


class BitstreamError(DspError, ValueError):
    """Bytes from the far end do not parse."""


class LibraryMissing(DspError, OSError):
    """A shared library that a codec needs is not on this system."""


class MetricRefused(DspError, ValueError):
    """The audio is not what is wanted for judging it; no number would mean anything."""
