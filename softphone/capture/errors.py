"""Exception of this package.

* CaptureError   (remote: the bytes are no capture file at all; whatever is wrong behind its header is counted, not raised)
"""


class CaptureError(ValueError):
    """Not a capture file."""
