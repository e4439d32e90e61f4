"""Exception tree of the calls.

* CallError
    * UnknownCall      (local: there is no call of that number, or it has been forgotten)
    * LocalCallError   (local: the caller asked for something that cannot be done)
"""


class CallError(Exception):
    """Base class of everything this package raises."""


class UnknownCall(CallError, LookupError):
    """The caller named a call that does not exist."""


class LocalCallError(CallError, ValueError):
    """The caller asked for something that cannot be done."""
