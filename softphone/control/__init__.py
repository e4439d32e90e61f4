"""Remote control without I/O: operations, the desks they turn, and the protocols they travel in.

A `Dispatcher` answers requests. It knows *desks* (`Desk`: one chain of filters each, with undo, revision and bypass), a
store of presets, and *domains* (`Domain`: more operations, such as those of calls). Sockets, tokens and threads are
`softphone.io.control`'s.
"""

from softphone.control.desk import Desk
from softphone.control.dispatcher import Dispatcher, PresetStore
from softphone.control.errors import CODES, ControlError
from softphone.control.op import CONTROL, VIEW, Argument, Client, Domain, Event, Op, Reply, Request
from softphone.control.runner import Runner

__all__ = [
    "CODES",
    "CONTROL",
    "VIEW",
    "Argument",
    "Client",
    "ControlError",
    "Desk",
    "Dispatcher",
    "Domain",
    "Event",
    "Op",
    "PresetStore",
    "Reply",
    "Request",
    "Runner",
]
