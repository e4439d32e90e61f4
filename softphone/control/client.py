"""Remote control from Python; what is behind it is `softphone.io.control`'s.

from softphone.control.client import connect

with connect("127.0.0.1:8765", token="...") as desk:
    desk.set("low-cut.freq_hz", 200)
    print(desk.levels())
"""

from softphone.io.control.blocking_client import Client, connect
from softphone.io.control.client import AsyncClient, connect_async
from softphone.io.control.dialling import RemoteError

__all__ = ["AsyncClient", "Client", "RemoteError", "connect", "connect_async"]
