"""What can be refused over remote control: one exception, and the codes it may carry."""

from typing import Any

CODES = {
    "bad-message": "not a message of this protocol: no JSON object, an argument missing or unknown, nested too deep",
    "unknown-op": "no such operation; `nearest` names the closest",
    "unauthorized": "wrong token, or nothing was said before `hello`",
    "forbidden": "the role of this token (`view`) may not do that",
    "unknown-path": "no such parameter in the running preset; `nearest` names the closest",
    "out-of-range": "a number beyond its range; `min`, `max` and `unit` say which",
    "bad-value": "a value of the wrong kind, or one that this filter cannot have here; `options` where there is a choice",
    "unknown-preset": "no preset of that name; `nearest` names the closest",
    "invalid-preset": "the preset cannot be read or built; what runs goes on unchanged",
    "exists": "there is a preset of that name already: send `force`",
    "conflict": "somebody else changed it after `if_revision`; `value` is what it is now",
    "nothing-to-undo": "no step is left to undo or redo",
    "not-possible": "it cannot be done here, or not from outside (files)",
    "unknown-call": "no such call",
    "unknown-recording": "no such recording",
    "unknown-chain": "no such chain; `nearest` names the closest",
    "rate-limited": "more messages than are taken; wait and send again",
    "too-many": "too many clients, calls or subscriptions",
    "internal": "a fault of ours; it is in the log of the program",
}
"""Each code with its meaning."""


class ControlError(Exception):
    """A request that is refused; nothing was changed.

    Args:
        code: one of `CODES`.
        message: one line: what was wanted, what was got, what to do.
        details: what a program can use: ``path``, ``nearest``, ``min``, ``max``, ``unit``, ``options``, ``value``.
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
